from __future__ import annotations

import statistics
from pathlib import Path


def _sizes(folder: Path) -> dict[str, int]:
    """Return the number of lines of each Python file that has any."""
    files = {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.py")}
    return {name: text.count("\n") for name, text in files.items() if text}


def test_no_source_file_is_longer_than_500_lines(package: Path) -> None:
    """A file that outgrows 500 lines is two files."""
    assert {name: size for name, size in _sizes(package).items() if size > 500} == {}


def test_the_median_source_file_is_shorter_than_150_lines(package: Path) -> None:
    """Most files can be read in one sitting."""
    assert 10 < statistics.median(_sizes(package).values()) < 150


def test_the_noxfile_stays_short(repository: Path) -> None:
    """The gate itself can be read at once: 120 lines at most."""
    assert (repository / "noxfile.py").read_text(encoding="utf-8").count("\n") <= 120


def test_the_example_backend_is_shorter_than_500_lines(repository: Path) -> None:
    """A storage backend is an afternoon's work: the one of the tutorial is written in fewer than 500 lines in all."""
    sizes = _sizes(repository / "docs" / "examples").items()
    backend = {name: size for name, size in sizes if name.startswith("redis") and "test" not in name}
    server = backend.pop("redis_server.py")  # which only tests start
    assert server
    assert "redis_storage.py" in backend
    assert sum(backend.values()) < 500
