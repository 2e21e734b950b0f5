"""``smartify logs summary`` and ``smartify logs report``."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli._request_log import NOON, event, requests, three_days, write

Run = Callable[..., Any]


def test_a_summary_tells_what_is_in_the_log(folder: Path, smartify: Run) -> None:
    """Without a configuration the log is in ``logs``; trends, features, errors and what is missing are told."""
    three_days(folder / "logs")
    told = smartify("logs", "summary")
    assert (told.code, told.err) == (0, "")
    for text in (
        "150 requests to 1 feature: 10 % failed",
        "2026-11-03 Tue              50",
        "KeyError before_start 500  last 2026-11-04 12:59",
        "Chrome ",
        "Windows",
        "3 files; 7 dropped",
    ):
        assert text in told.out, text
    assert "█" in told.out


def test_a_terminal_without_blocks_has_bars(folder: Path, smartify: Run) -> None:
    """Where stdout knows ASCII alone, bars are made of that."""
    three_days(folder / "logs")
    told = smartify("logs", "summary", PYTHONIOENCODING="ascii")
    assert told.out.isascii()
    assert "####" in told.out
    assert "\\u" not in told.out


def test_a_summary_is_one_document(folder: Path, smartify: Run) -> None:
    """With --json every answer stands in it whole, with its columns and what the floor did."""
    three_days(folder / "logs")
    document = smartify("logs", "summary", "--json").document
    assert document["directory"] == str(folder / "logs")
    assert (document["coverage"]["events"], document["coverage"]["dropped"]) == (150, 7)
    assert document["answers"]["requests"]["columns"][:2] == ["start", "requests"]
    assert [row[1] for row in document["answers"]["requests"]["rows"]] == [40, 50, 60]
    assert document["answers"]["browsers"]["rows"] == [["Chrome", 150]]
    assert "fewer than 5 networks" in document["answers"]["browsers"]["floor"]


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        (("--since", "2026-11-03"), [50, 60]),
        (("--until", "2026-11-03"), [40]),
        (("--since", "2026-11-03T12:10", "--until", "2026-11-03T12:20"), [10]),
        (("--since", "2026-11-03T13:10", "--until", "2026-11-03T13:20", "--offset", "+01:00"), [10]),
        (("--since", "2026-11-03T12:10+00:00", "--until", "2026-11-03T12:20Z", "--offset", "-03:30"), [10]),
    ],
)
def test_a_time_of_the_log(folder: Path, smartify: Run, options: tuple[str, ...], counts: list[int]) -> None:
    """Days and times without an offset of their own are those of --offset; --until is where it ends."""
    three_days(folder / "logs")
    rows = smartify("logs", "summary", *options, "--json").document["answers"]["requests"]["rows"]
    assert [row[1] for row in rows] == counts


def test_short_times_are_told_by_hours(folder: Path, smartify: Run) -> None:
    """Two days or less have a row for each hour."""
    write(folder / "logs", NOON, requests(NOON, 70))
    assert "2026-11-02 12:00            60" in smartify("logs", "summary").out


def test_an_empty_time_is_told_as_such(folder: Path, smartify: Run) -> None:
    """A log without a request for the time is no failure, and what is missing is told all the same."""
    three_days(folder / "logs")
    told = smartify("logs", "summary", "--since", "2030-01-01")
    assert told.code == 0
    assert "There is no request in" in told.out


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--since", "0d"),
        ("--since", "99999999d"),
        ("--offset", "+25:00"),
        ("--offset", "Berlin"),
        ("--until", "2026-13-01"),
    ],
)
def test_a_wrong_time_is_wrong_usage(folder: Path, smartify: Run, options: tuple[str, ...]) -> None:
    """What is no time or no offset is told at once, with an example of one."""
    told = smartify("logs", "summary", *options, "--json")
    assert (told.code, told.error["code"]) == (2, "SC100")
    assert "such as" in told.error["message"]


def test_times_that_contradict_each_other_are_wrong_usage(folder: Path, smartify: Run) -> None:
    """A time that ends before it begins, or begins before all calendars, is none."""
    three_days(folder / "logs")
    told = smartify("logs", "summary", "--since", "2026-11-03", "--until", "2026-11-02", "--json")
    assert (told.code, told.error["where"]) == (2, "since, until")
    assert smartify("logs", "summary", "--since", "99999w", "--offset", "+01:00").code == 2


def test_where_there_is_no_log(folder: Path, smartify: Run) -> None:
    """A directory that is not there is named, and the exit code says that something must be mended."""
    told = smartify("logs", "summary", "--json")
    assert (told.code, told.error["where"]) == (2, str(folder / "logs"))
    assert smartify("logs", "report", "--output", "r.html").code == 2
    assert not (folder / "r.html").exists()


def test_the_configured_directory(folder: Path, smartify: Run) -> None:
    """The configuration says where the log is, and nothing else of it is needed; --directory goes first."""
    three_days(folder / "elsewhere")
    (folder / "smartify.toml").write_text('[logs]\ndirectory = "elsewhere"\nk = 50\n')
    found = smartify("logs", "summary", "--json").document
    assert found["directory"] == str(folder / "elsewhere")
    assert found["answers"]["browsers"]["rows"] == [["(few)", 150]]
    write(folder / "third", NOON, requests(NOON, 3))
    assert smartify("logs", "summary", "--directory", "third", "--json").document["coverage"]["events"] == 3
    missing = smartify("logs", "summary", "--config", "no.toml", "--json")
    assert (missing.code, missing.error["code"]) == (2, "SC101")


def test_a_report_is_written_whole(folder: Path, smartify: Run) -> None:
    """Its owner and group alone may read the file, it replaces one that is there, and nothing else is left behind."""
    three_days(folder / "logs")
    (folder / "report.html").write_text("old")
    done = smartify("logs", "report", "--output", "report.html", "--title", "Acme & Co", "--json")
    page = folder / "report.html"
    assert (done.code, done.document) == (0, {"report": "report.html", "bytes": page.stat().st_size, "events": 150})
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    assert "<h1>Acme &amp; Co</h1>" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["logs", "report.html"]
    assert "about 150 events" in smartify("logs", "report", "--output", "report.html").out


def test_a_report_since_then_is_held_against_the_time_before(folder: Path, smartify: Run) -> None:
    """With --since the time just before is read, too."""
    for day in range(-14, 0):
        at = NOON + timedelta(days=day)
        write(folder / "logs", at, requests(at, 20 if day < -7 else 30), number=day + 20)
    smartify("logs", "report", "--output", "r.html", "--since", "2026-10-26", "--until", "2026-11-02")
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "50\N{NO-BREAK SPACE}% more than in the week before" in page
    assert "requests in the period before" in page


def test_a_report_that_cannot_be_written(folder: Path, smartify: Run) -> None:
    """A folder that is not there, and a full disk, are told; nothing is left behind."""
    three_days(folder / "logs")
    missing = smartify("logs", "report", "--output", "no/r.html", "--json")
    assert (missing.code, missing.error["where"]) == (2, "no/r.html")
    assert "ENOENT" in missing.error["message"]
    assert smartify("logs", "report", "--output", "logs").code == 2
    assert smartify("logs", "report").code == 2


def test_without_the_extra_the_command_that_installs_it_is_named(folder: Path, smartify: Run) -> None:
    """What needs the embedded engine says so; what does not works without."""
    three_days(folder / "logs")
    blocker = folder / "blocker"
    blocker.mkdir()
    (blocker / "duckdb.py").write_text("raise ImportError\n")
    path = f"{blocker}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    for command in (["summary"], ["report", "--output", "r.html"], ["pack"], ["expire", "--cells"]):
        told = smartify("logs", *command, "--json", PYTHONPATH=path)
        assert (told.code, told.error["code"]) == (2, "SC600"), command
        assert "smartify-core[analysis]" in told.error["cure"]
    for command in (["tail"], ["check"], ["expire", "--plan-only"]):
        assert smartify("logs", *command, PYTHONPATH=path).code == 0, command


def test_names_of_the_log_cannot_steer_a_terminal(folder: Path, smartify: Run) -> None:
    """Whatever got into a file of the log, no command prints it as it is."""
    line = event(NOON).line().replace(b"/projects/{project}", b"/\\u001b[2J\\u202e\\u0007")
    write(folder / "logs", NOON, [line] * 20)
    for command in ("summary", "tail"):
        told = smartify("logs", command)
        assert told.code == 0
        assert not {"\x1b", "\u202e", "\x07"} & set(told.out)


def test_the_group_alone_explains_itself(smartify: Run) -> None:
    """Without a command it shows which there are; with --json that is wrong usage."""
    shown = smartify("logs")
    assert shown.code == 0
    assert all(name in shown.out for name in ("summary", "report", "tail", "check", "expire", "pack"))
    assert smartify("logs", "--json").error["code"] == "SC100"
