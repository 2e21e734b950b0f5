"""``smartify logs check``: whatever is in the files and is no line of the log."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli._request_log import NOON, event, requests, three_days, write

from smartify_core.cli._requestlogs import readable
from smartify_core.errors import UsageError
from smartify_core.requestlog import Note

Run = Callable[..., Any]
SECRET = event(NOON).line().replace(b"}\n", b',"email":"ada@example.org"}\n')


def test_a_sound_log(folder: Path, smartify: Run) -> None:
    """Events and notes are counted, over all files."""
    three_days(folder / "logs")
    told = smartify("logs", "check")
    assert (told.code, told.out) == (0, "3 files, 150 events, 1 note, 0 lines outside of the schema\n")
    document = smartify("logs", "check", "--json").document
    assert document == {
        "directory": str(folder / "logs"),
        "sound": True,
        "files": 3,
        "events": 150,
        "notes": 1,
        "bad": 0,
        "packed": 0,
        "packed_events": 0,
        "packed_broken": [],
        "torn": [],
        "findings": [],
    }


def test_packed_days_are_checked_as_well(folder: Path, smartify: Run) -> None:
    """They are counted and read whole; a broken one is named, and makes the check fail."""
    three_days(folder / "logs")
    assert smartify("logs", "pack").code == 0
    told = smartify("logs", "check")
    assert told.code == 0
    assert "packed files of 150 events, 0 broken" in told.out
    broken = sorted((folder / "logs" / "packed").rglob("*.parquet"))[1]
    broken.write_bytes(broken.read_bytes()[:-40])
    told = smartify("logs", "check")
    assert told.code == 1
    assert f"{broken.relative_to(folder / 'logs')}: the packed file cannot be read whole" in told.out
    assert smartify("logs", "check", "--json").document["packed_broken"] == [
        broken.relative_to(folder / "logs").as_posix()
    ]


def test_files_that_may_not_be_read_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no right to the log hears that, and not that it is empty or broken."""
    three_days(folder / "logs")
    assert len(readable(folder / "logs")) == 3
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(UsageError, match="3 of 3 files of the request log may not be read"):
        readable(folder / "logs")


def test_what_is_outside_of_the_schema_is_named_by_file_and_line(folder: Path, smartify: Run) -> None:
    """Each such line is told with the key that is wrong, and never with what it says."""
    records = [*requests(NOON, 3), SECRET, *requests(NOON, 2), b"not json\n", b'{"v":2,"time":1}\n', b"\xff\n"]
    path = write(folder / "logs", NOON, records, compressed=True)
    told = smartify("logs", "check")
    assert told.code == 1
    lines = told.out.splitlines()
    assert [line.split(":")[1] for line in lines[:4]] == ["4", "7", "8", "9"]
    assert all(line.startswith(path.name) for line in lines[:4])
    assert "a key that the schema does not know" in lines[0]
    assert "key v" in lines[2]
    assert lines[-1] == "1 file, 5 events, 0 notes, 4 lines outside of the schema"
    document = smartify("logs", "check", "--json").document
    assert (document["sound"], document["bad"], document["events"]) == (False, 4, 5)
    assert document["findings"][0] == {"file": path.name, "line": 4, "what": lines[0].split(": ", 1)[1]}
    assert "ada" not in told.out + told.err + str(document)


def test_many_findings_are_counted(folder: Path, smartify: Run) -> None:
    """The first twenty of a file are told one by one."""
    write(folder / "logs", NOON, [b"x\n"] * 50)
    told = smartify("logs", "check")
    assert len(told.out.splitlines()) == 22
    assert "30 more" in told.out
    assert smartify("logs", "check", "--json").document["bad"] == 50


def test_a_torn_last_line_is_no_damage(folder: Path, smartify: Run) -> None:
    """A file that is still written to may end anywhere; a compressed one may not."""
    path = write(folder / "logs", NOON, [event(NOON), event(NOON).line()[:30]])
    told = smartify("logs", "check", "--json")
    assert (told.code, told.document["torn"], told.document["events"]) == (0, [path.name], 1)
    assert "not whole yet" in smartify("logs", "check").out
    write(folder / "logs", NOON + timedelta(hours=1), [event(NOON).line()[:30]], compressed=True)
    assert smartify("logs", "check").code == 1


def test_damaged_files_are_findings(folder: Path, smartify: Run) -> None:
    """A file whose compression is cut short or broken is told, with the line that could not be read."""
    cut = write(folder / "logs", NOON, requests(NOON, 50), compressed=True)
    cut.write_bytes(cut.read_bytes()[:-20])
    broken = write(folder / "logs", NOON, requests(NOON, 50), compressed=True, number=2)
    broken.write_bytes(b"no gzip at all")
    told = smartify("logs", "check")
    assert told.code == 1
    assert f"{cut.name}:" in told.out
    assert "cannot be read on (EOFError)" in told.out
    assert f"{broken.name}:1: the file cannot be read on (BadGzipFile)" in told.out


def test_endless_lines_need_no_memory(folder: Path, smartify: Run) -> None:
    """A line of megabytes is one finding, and the lines after it are read."""
    write(folder / "logs", NOON, [b"x" * 3_000_000 + b"\n", Note(1, "dropped", 1), event(NOON)])
    document = smartify("logs", "check", "--json").document
    assert (document["bad"], document["notes"], document["events"]) == (1, 1, 1)
    assert document["findings"][0]["line"] == 1


def test_other_files_are_left_alone(folder: Path, smartify: Run) -> None:
    """What is no file of the log by its name is not read."""
    (folder / "logs").mkdir()
    (folder / "logs" / "notes.txt").write_text("x")
    assert smartify("logs", "check").out == "0 files, 0 events, 0 notes, 0 lines outside of the schema\n"
    assert smartify("logs", "check", "--directory", "nowhere", "--json").code == 2
