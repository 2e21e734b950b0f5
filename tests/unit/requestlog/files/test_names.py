from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog.files import log_files
from smartify_core.requestlog.files._names import file_name, log_file

STARTED = datetime(2026, 11, 29, 22, 52, 23, tzinfo=UTC)


def test_a_name_is_read_as_it_was_made() -> None:
    """A name tells the start in UTC, the process and the number; the end of it, whether it is compressed."""
    name = file_name(STARTED.astimezone(timezone(timedelta(hours=5))), 4711, 3)
    assert name == "requests-20261129T225223Z-4711-3.jsonl"
    file = log_file(Path("log") / name)
    assert file is not None
    assert (file.started, file.pid, file.number, file.compressed) == (STARTED, 4711, 3, False)
    assert os.fspath(file) == f"log/{name}"
    compressed = log_file(Path(f"{name}.gz"))
    assert compressed is not None
    assert compressed.compressed


@pytest.mark.parametrize(
    "name",
    [
        "expired.jsonl",
        "requests-20261129T225223Z-4711-3.jsonl.gz.part",
        "requests-20261129T225223Z-4711-3.jsonl.1",
        "requests-20261329T225223Z-4711-3.jsonl",
        "requests-20261129T225223-4711-3.jsonl",
        "requests-20261129T225223Z-4711.jsonl",
        "requests-٢0261129T225223Z-4711-3.jsonl",
        "requests-20261129T225223Z-4711-3.jsonl\n",
        "xrequests-20261129T225223Z-4711-3.jsonl",
    ],
)
def test_other_names_are_none(name: str) -> None:
    """What is not exactly a name of ours is none: another tool's, a half compressed file, a date that is none."""
    assert log_file(Path(name)) is None


def test_files_are_listed_in_order(tmp_path: Path) -> None:
    """Files come by start, process and number, each as a number; a compressed one stands in for its original."""
    names = [
        "requests-20261128T000000Z-99-0.jsonl",
        "requests-20261129T000000Z-9-9.jsonl.gz",
        "requests-20261129T000000Z-9-10.jsonl",
        "requests-20261129T000000Z-10-0.jsonl.gz",
    ]
    for name in (*names, "requests-20261129T000000Z-9-9.jsonl", "expired.jsonl", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.path.name for file in log_files(tmp_path)] == names
    assert [file.path.name for file in log_files(str(tmp_path))] == names


def test_links_and_directories_are_no_files(tmp_path: Path) -> None:
    """A link of such a name, wherever it leads, is not listed, nor is a directory or a pipe."""
    (tmp_path / "elsewhere").write_text("secret")
    (tmp_path / "requests-20261129T000000Z-1-0.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "requests-20261129T000000Z-2-0.jsonl").mkdir()
    os.mkfifo(tmp_path / "requests-20261129T000000Z-3-0.jsonl")
    assert log_files(tmp_path) == ()


def test_no_directory_is_told(tmp_path: Path) -> None:
    """A directory that is not there, or is none, is a usage error."""
    (tmp_path / "file").touch()
    for place in (tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(UsageError, match="cannot be listed"):
            log_files(place)
