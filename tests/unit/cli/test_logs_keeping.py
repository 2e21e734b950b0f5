"""``smartify logs expire`` and ``smartify logs pack``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.unit.cli._request_log import requests, write

Run = Callable[..., Any]


def days_ago(days: int) -> datetime:
    """Return noon of a day that is long over, by the clock that the command goes by."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days)


def old_log(folder: Path) -> dict[int, str]:
    """Write a log of forty, ten and two days ago, and return the names of its files by age."""
    return {
        days: write(folder / "logs", days_ago(days), requests(days_ago(days), days), compressed=True).name
        for days in (40, 10, 2)
    }


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "logs").iterdir()}


def test_what_is_too_old_is_named_first(folder: Path, smartify: Run) -> None:
    """With --plan-only the files are told that would go, and all stay."""
    files = old_log(folder)
    before = names(folder)
    told = smartify("logs", "expire", "--plan-only", "--json").document
    assert (told["files"], told["events"], told["plan_only"], told["keep_days"]) == ([files[40]], None, True, 30)
    assert smartify("logs", "expire", "--plan-only", "--keep-days", "5").out.splitlines() == [
        files[40],
        files[10],
        "2 files old enough to be deleted",
    ]
    assert names(folder) == before


def test_what_is_too_old_goes(folder: Path, smartify: Run) -> None:
    """Files go that were kept for as long as the configuration says, and what they held is noted."""
    files = old_log(folder)
    (folder / "smartify.toml").write_text("[logs]\nkeep_days = 5\n")
    told = smartify("logs", "expire", "--json")
    assert (told.code, told.document["files"], told.document["events"]) == (0, [files[40], files[10]], 50)
    assert told.document["days"] == {f"{days_ago(40):%Y-%m-%d}": 40, f"{days_ago(10):%Y-%m-%d}": 10}
    assert files[2] in names(folder)
    assert not {files[40], files[10]} & names(folder)
    assert smartify("logs", "summary", "--json").document["coverage"]["expired"] == 50
    assert "0 files with 0 events deleted" in smartify("logs", "expire").out


def test_trends_stay_where_they_are_wanted(folder: Path, smartify: Run) -> None:
    """With --cells the sums of what goes are kept, without addresses."""
    old_log(folder)
    told = smartify("logs", "expire", "--keep-days", "5", "--cells")
    assert f"{days_ago(40):%Y-%m-%d}  40 events" in told.out
    found = smartify("logs", "summary", "--json").document
    assert (found["coverage"]["events"], found["coverage"]["rolled"]) == (2, 50)
    assert sum(row[1] for row in found["answers"]["requests"]["rows"]) == 52
    assert "told from cells" in smartify("logs", "summary").out


def test_packed_days_are_exact_and_end_with_their_cells(folder: Path, smartify: Run) -> None:
    """Packing changes no answer; packed days are ended by the same command, also without --cells."""
    files = old_log(folder)
    before = smartify("logs", "summary", "--json").document["answers"]
    told = smartify("logs", "pack", "--json").document
    assert sorted(told["removed"]) == sorted(files.values())
    assert told["days"] == {f"{days_ago(days):%Y-%m-%d}": days for days in (40, 10, 2)}
    assert smartify("logs", "summary", "--json").document["answers"] == before
    assert "0 events packed, 0 files of lines removed" in smartify("logs", "pack").out
    plan = smartify("logs", "expire", "--plan-only", "--json").document
    assert [name.rpartition("/")[0] for name in plan["files"]] == [f"packed/day={days_ago(40):%Y-%m-%d}"]
    gone = smartify("logs", "expire", "--json").document
    assert (gone["events"], gone["cells"]) == (40, True)
    assert smartify("logs", "summary", "--json").document["coverage"]["rolled"] == 40


def test_a_directory_that_is_none(folder: Path, smartify: Run) -> None:
    """Nothing is made where there is no log."""
    for command in (["expire"], ["expire", "--plan-only"], ["pack"]):
        assert smartify("logs", *command, "--json").code == 2, command
    assert list(folder.iterdir()) == []
