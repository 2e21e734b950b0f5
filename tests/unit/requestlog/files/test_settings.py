from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog.files import JsonLinesFile

NAIVE = datetime(2030, 1, 1)  # noqa: DTZ001 - what is refused here
WRONG: dict[str, tuple[str, object]] = {
    "bytes that are too few": ("rotate_bytes", 4_095),
    "bytes that are no number": ("rotate_bytes", 1e9),
    "a period of nothing": ("rotate_every", timedelta(0)),
    "a period that is no span": ("rotate_every", 86_400),
    "a negative retention": ("keep", timedelta(days=-1)),
    "a retention that is no span": ("keep", 30),
    "a retention shorter than a file": ("keep", timedelta(hours=23)),
    "a total smaller than a file": ("keep_bytes", 1_000),
    "a total that is no number": ("keep_bytes", "1 GB"),
    "compression by a word": ("compress", "gzip"),
    "a mode for everybody": ("mode", 0o644),
    "a mode that lets a group write": ("mode", 0o660),
    "a mode that shuts the owner out": ("mode", 0o440),
    "a mode that is text": ("mode", "0640"),
    "a mode with a set-user-ID bit": ("mode", 0o4640),
    "no queue": ("queue", 0),
    "a queue without end": ("queue", 10**9),
    "a queue that is true": ("queue", True),
    "no pause": ("flush_every", 0),
    "a pause that is too long": ("flush_every", 61.0),
    "a pause that is no number": ("flush_every", float("nan")),
    "keys of nobody": ("keys", "gelf"),
    "a clock that is none": ("now", datetime),
    "a clock without a zone": ("now", lambda: NAIVE),
    "a clock that tells seconds": ("now", lambda: 1_800_000_000),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_is_told_at_once(tmp_path: Path, what: str) -> None:
    """An argument that makes no sense is a usage error when the sink is made, which names it, and makes nothing."""
    name, value = WRONG[what]
    options: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=name):
        JsonLinesFile(tmp_path / "log", **options)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("directory", ["", None, 7, b"log", "a\0b"])
def test_a_directory_is_a_path(directory: Any) -> None:
    """What cannot be the name of a directory is a usage error."""
    with pytest.raises(UsageError, match="directory"):
        JsonLinesFile(directory)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A path at which there is a file is a usage error, and so is one below a file; the file stays."""
    (tmp_path / "log").write_text("mine")
    for place in (tmp_path / "log", tmp_path / "log" / "below"):
        with pytest.raises(UsageError, match="cannot be used"):
            JsonLinesFile(place)
    assert (tmp_path / "log").read_text() == "mine"


def test_a_directory_that_cannot_be_written_to_is_told(public: Path, as_nobody: Any) -> None:
    """A directory that is somebody else's, or that cannot be made, is a usage error."""
    (public / "log").mkdir(mode=0o755)

    def refused(place: Path) -> str:
        try:
            JsonLinesFile(place)
        except UsageError as error:
            return error.what
        return "nothing was said"

    assert as_nobody(lambda: refused(public / "log")) == "the directory of the request log cannot be written to"
    told = as_nobody(lambda: refused(public / "other"))
    assert told == f"the directory of the request log cannot be used: {os.strerror(13)}"


def test_what_is_wrong_is_told_in_the_house_form(tmp_path: Path) -> None:
    """The error says what, where and what to do."""
    with pytest.raises(UsageError) as raised:
        JsonLinesFile(tmp_path, mode=0o666)
    assert str(raised.value) == (
        "SC100 mode is 0o640 or 0o600: nobody but the owner writes, others never read "
        "(the files of the request log, mode). Correct the call."
    )
