"""What others do to the files while they are written: renaming, deleting, truncating, putting links in the way."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smartify_core.requestlog.files import JsonLinesFile, log_files
from smartify_core.testing import ManualClock

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], Any]
Names = Callable[[], list[str]]
Read = Callable[[], list[dict[str, Any]]]


def name(number: int) -> str:
    return f"requests-20300101T120000Z-{os.getpid()}-{number}.jsonl"


def test_a_renamed_file_is_left_alone(open_sink: Open, event: Event, directory: Path) -> None:
    """After a rename, as another tool rotates, the next line goes to a new file, and nothing more to the old one."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / name(0)).rename(directory / "taken.1")
    sink.put(event(1))
    assert sink.flush()
    assert (directory / "taken.1").read_bytes() == event(0).line()
    assert (directory / name(1)).read_bytes() == event(1).line()


def test_a_deleted_file_is_replaced(open_sink: Open, event: Event, directory: Path, names: Names) -> None:
    """After a deletion the next line goes to a new file, not to one that has no name and fills the disk."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / name(0)).unlink()
    sink.put(event(1))
    assert sink.flush()
    assert names() == [name(1)]


def test_a_deleted_file_is_let_go_of(open_sink: Open, event: Event, directory: Path) -> None:
    """A sink that nobody puts anything into does not keep the room of a file that somebody deleted."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / name(0)).unlink()
    sink.flush()
    assert sink.tidy()
    held = [path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [one for one in held if one.startswith(name(0))]


def test_a_replaced_file_is_not_written_to(open_sink: Open, event: Event, directory: Path) -> None:
    """Whoever puts another file in the place of ours gets nothing written into it."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / name(0)).unlink()
    (directory / name(0)).write_text("mine\n")
    sink.put(event(1))
    assert sink.flush()
    assert (directory / name(0)).read_text() == "mine\n"
    assert (directory / name(1)).read_bytes() == event(1).line()


def test_a_deleted_directory_is_made_again(open_sink: Open, event: Event, directory: Path, read: Read) -> None:
    """When somebody deletes the directory, the next line is in a new one of the same mode."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    shutil.rmtree(directory)
    sink.put(event(1))
    assert sink.flush()
    assert [line["time"] for line in read()] == [event(1).time]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o750


def test_a_truncated_file_goes_on_at_its_end(open_sink: Open, event: Event, directory: Path) -> None:
    """After a copy and a truncation the next line is the first of the file: there is no hole before it."""
    sink = open_sink()
    for number in range(10):
        sink.put(event(number))
    sink.flush()
    os.truncate(directory / name(0), 0)
    sink.put(event(10))
    assert sink.flush()
    assert (directory / name(0)).read_bytes() == event(10).line()


def test_a_link_is_not_followed(open_sink: Open, event: Event, directory: Path, tmp_path: Path) -> None:
    """A link under the name that a file would get is not written through; the file gets the next number."""
    sink = open_sink()
    (tmp_path / "precious").write_text("mine")
    (directory / name(0)).symlink_to(tmp_path / "precious")
    (directory / name(1)).symlink_to(tmp_path / "dangling")
    sink.put(event(0))
    assert sink.tidy()
    assert (directory / name(2)).read_bytes() == event(0).line()
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "dangling").exists()


def test_links_in_the_way_of_compression_are_not_followed(
    open_sink: Open, event: Event, directory: Path, tmp_path: Path, clock: ManualClock, read: Read
) -> None:
    """Neither a link under the name of the half compressed file is written through, nor one of the compressed file."""
    (tmp_path / "precious").write_text("mine")
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    for end in (".gz.part", ".gz"):
        (directory / f"{name(0)}{end}").symlink_to(tmp_path / "precious")
    clock.advance(days=1)
    assert sink.tidy()
    assert (tmp_path / "precious").read_text() == "mine"
    assert [file.compressed for file in log_files(directory)] == [True]
    assert not (directory / f"{name(0)}.gz").is_symlink()
    assert len(read()) == 1


def test_a_link_as_ledger_is_not_followed(
    open_sink: Open, event: Event, directory: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """A link in the place of the notes of deletions is not written through, and nothing is deleted without them."""
    (tmp_path / "precious").write_text("mine")
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / "expired.jsonl").symlink_to(tmp_path / "precious")
    clock.advance(days=40)
    assert sink.tidy()
    assert (tmp_path / "precious").read_text() == "mine"
    assert len(log_files(directory)) == 1


def test_what_was_deleted_is_not_brought_back(
    open_sink: Open, event: Event, directory: Path, clock: ManualClock, names: Names
) -> None:
    """A file that is deleted before it is compressed stays deleted."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    (directory / name(0)).unlink()
    clock.advance(days=1)
    assert sink.tidy()
    assert names() == []


def test_files_of_others_are_left_alone(open_sink: Open, event: Event, directory: Path, clock: ManualClock) -> None:
    """Neither compression nor retention touches a file of another name."""
    sink = open_sink()
    others = ["access.log", "requests.jsonl", "requests-2030.jsonl.gz", ".hidden", "packed.parquet"]
    for other in others:
        (directory / other).write_text("mine")
    sink.put(event(0))
    sink.flush()
    clock.advance(days=400)
    assert sink.tidy()
    assert all((directory / other).read_text() == "mine" for other in others)
