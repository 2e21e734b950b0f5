from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.unit.requestlog.analysis._written import DAY, FILE, HOUR, MONDAY, event, from_networks, note
from tests.unit.requestlog.analysis.conftest import Directory

from smartify_core.errors import UsageError
from smartify_core.requestlog.analysis.cells import expire_with_cells, roll_up
from smartify_core.requestlog.analysis.packing import pack

#: More than 30 days after Monday, less than 30 after Tuesday.
NOW = datetime(2026, 2, 5, 1, tzinfo=UTC)
KEEP = timedelta(days=30)
LATER = "requests-20260106T020000Z-7-2.jsonl"
TRENDS = (
    *("features", "features_by_day", "errors", "errors_by_hour", "statuses", "methods", "browsers", "systems"),
    *("devices", "languages", "referrers", "zones", "browser_versions", "browsers_by_day"),
)


def write(directory: Directory) -> None:
    """Write a log of two days; everything has networks enough."""
    directory.write(
        *from_networks(6, browser="Chrome", referrer="https://a.example", zone="UTC", zone_from="cdn"),
        *from_networks(5, time=MONDAY + HOUR, status=500, error="ValueError", ms=2_500),
        *from_networks(5, time=MONDAY + 2 * HOUR, status=404, language=None),
        note("dropped", 7),
        note("folded", 2),
        b"no\n",
    )
    directory.write(*from_networks(6, time=MONDAY + DAY, browser="Edge"), name=LATER)


def trends(directory: Directory, **settings: Any) -> dict[str, Any]:
    """Return the rows of every trend."""
    log = directory.open(**settings)
    found: dict[str, Any] = {name: log.ask(name).rows for name in TRENDS}
    found["hours"], found["weeks"] = (log.ask("requests", by=by).rows for by in ("hour", "week"))
    found["retiring"] = log.ask("retiring", since=MONDAY + DAY).rows
    for of in ("feature", "os", "status"):
        found[of] = log.ask(
            "compare", of=of, before=(MONDAY, MONDAY + DAY), after=(MONDAY + DAY, MONDAY + 2 * DAY)
        ).rows
    coverage = log.coverage()
    found["told"] = (coverage.dropped, coverage.folded, coverage.unreadable)
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_trends_outlive_events(directory: Directory, packed: bool) -> None:
    """When a day expires its trends stay as they were, but its addresses are gone; answers say so."""
    write(directory)
    before = trends(directory)
    if packed:
        pack(directory.path, now=NOW)
    expired = expire_with_cells(directory.path, keep=KEEP, now=NOW - timedelta(hours=2))
    assert expired.days == {"2026-01-05": 16}
    log = directory.open()
    coverage = log.coverage()
    assert (coverage.events, coverage.rolled, coverage.cell_days, coverage.expired) == (6, 16, 1, 16)
    assert (coverage.first, coverage.last) == (MONDAY, MONDAY + DAY)
    assert trends(directory) == before
    assert log.ask("browsers").notes == ("1 day is told from cells, whose events have expired.",)
    assert log.ask("networks").notes == ()
    assert sum(row[1] for row in log.ask("networks").rows) == 6  # type: ignore[misc] # the last column is a number
    assert b"198.51" not in b"".join(file.read_bytes() for file in (directory.path / "cells").iterdir())


def test_cells_are_below_no_floor(directory: Directory) -> None:
    """A value that too few networks shared on a day is no cell of it, whatever the floor of those who ask later."""
    directory.write(
        *from_networks(5, browser="Chrome"), *from_networks(2, browser="Lynx"), *from_networks(1, browser="Opera")
    )
    expire_with_cells(directory.path, keep=KEEP, now=NOW)
    assert directory.rows("browsers", k=1) == [("Chrome", 5), ("(few)", 3)]
    assert directory.rows("browsers_by_day", k=1) == [(MONDAY, "Chrome", 5), (MONDAY, "(few)", 3)]
    assert directory.open().ask("browsers").folded == 3
    (file,) = (directory.path / "cells").glob("*.parquet")
    assert b"Lynx" not in file.read_bytes()
    rows = duckdb.execute(f"select value, n from read_parquet('{file}') where kind = 'browser' order by n").fetchall()
    assert rows == [("(few)", 3), ("Chrome", 5)]


def test_cells_count_once_their_events_begin_to_go(directory: Directory) -> None:
    """Cells beside all their events count for nothing; when one of the files is gone, they count in its place."""
    directory.write(*from_networks(6))
    second = directory.write(*from_networks(5, time=MONDAY + HOUR), name="requests-20260105T000000Z-7-2.jsonl")
    before = trends(directory)
    rolled = roll_up(directory.path, date(2026, 1, 5))
    assert (rolled.day, rolled.requests) == (date(2026, 1, 5), 11)
    assert (directory.open().coverage().events, directory.open().coverage().rolled) == (11, 0)
    assert trends(directory) == before
    second.unlink()
    assert (directory.open().coverage().events, directory.open().coverage().rolled) == (0, 11)
    assert trends(directory) == before


def test_a_packed_day_is_an_event_s_other_form(directory: Directory) -> None:
    """Cells were made of files that are packed since: nothing is gone, so the events count."""
    write(directory)
    before = trends(directory)
    roll_up(directory.path, date(2026, 1, 5))
    pack(directory.path, now=NOW)
    assert directory.open().coverage().rolled == 0
    assert trends(directory) == before
    (directory.path / "packed" / "day=2026-01-05" / "part.parquet").unlink()
    assert (directory.open().coverage().events, directory.open().coverage().rolled) == (6, 16)
    assert trends(directory) == before


def test_of_a_packed_file_what_cells_tell_does_not_count(directory: Directory) -> None:
    """Where one of a day's files is gone, a packed file counts only with what those cells do not tell."""
    first = directory.write(*from_networks(6))
    gone = directory.write(*from_networks(5), name="requests-20260105T000000Z-7-2.jsonl")
    roll_up(directory.path, date(2026, 1, 5))
    gone.unlink()
    directory.write(*from_networks(7), name="requests-20260105T000000Z-7-3.jsonl")
    pack(directory.path, now=NOW)
    assert not first.exists()
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.rolled) == (7, 11)


def test_what_comes_late_gets_cells_of_its_own(directory: Directory) -> None:
    """A file with events of a day that was rolled up before is rolled up beside it, once."""
    directory.write(*from_networks(6))
    expire_with_cells(directory.path, keep=KEEP, now=NOW)
    directory.write(*from_networks(5), event(time=MONDAY + DAY), name="requests-20260105T000000Z-7-2.jsonl")
    assert directory.open().coverage().events == 6
    expired = expire_with_cells(directory.path, keep=KEEP, now=NOW)
    assert expired.days == {"2026-01-05": 5, "2026-01-06": 1}
    names = {file.name for file in (directory.path / "cells").glob("*.parquet")}
    assert names == {"day=2026-01-05.parquet", "day=2026-01-05-2.parquet", "day=2026-01-06.parquet"}
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.rolled, coverage.cell_days, coverage.expired) == (0, 12, 2, 12)


def test_rolling_up_again_changes_nothing(directory: Directory) -> None:
    """What cells tell is not told again."""
    write(directory)
    roll_up(directory.path, date(2026, 1, 5))
    assert roll_up(directory.path, date(2026, 1, 5)).file is None
    assert roll_up(directory.path, date(2026, 3, 1)).file is None
    expire_with_cells(directory.path, keep=KEEP, now=NOW)
    assert len(list((directory.path / "cells").glob("*.parquet"))) == 1
    assert directory.open().coverage().rolled == 16


def test_days_of_other_clocks_take_the_cells_that_fall_on_them(directory: Directory) -> None:
    """Cells are of UTC days: elsewhere each counts for the day in which its noon lies; hours are exact."""
    directory.write(*from_networks(6, time=MONDAY + 23 * HOUR))
    expire_with_cells(directory.path, keep=KEEP, now=NOW)
    assert directory.rows("browsers_by_day", offset=120) == [(MONDAY - 2 * HOUR, "Firefox", 6)]
    assert directory.rows("requests", offset=120) == [(MONDAY + 22 * HOUR, 6, 0, 0, 0)]


def test_only_the_period_counts_of_cells_too(directory: Directory) -> None:
    """Cells of days outside the period are left out."""
    write(directory)
    expire_with_cells(directory.path, keep=KEEP, now=NOW + timedelta(days=9))
    assert directory.open(since=MONDAY + DAY).coverage().rolled == 6
    assert directory.open(until=MONDAY + DAY).coverage().rolled == 16


def test_only_what_was_kept_long_enough_goes(directory: Directory) -> None:
    """Files go once they were begun so long ago, packed days once they began so long ago; then the rest stays."""
    write(directory)
    assert expire_with_cells(directory.path, keep=timedelta(days=90), now=NOW).files == ()
    assert expire_with_cells(directory.path, keep=KEEP, now=NOW).files == (FILE,)
    assert (directory.path / LATER).exists()
    pack(directory.path, now=NOW)
    late = datetime(2026, 2, 5, tzinfo=UTC)
    assert expire_with_cells(directory.path, keep=KEEP, now=late - timedelta(seconds=1)).files == ()
    expired = expire_with_cells(directory.path, keep=KEEP, now=late)
    assert expired.files == ("packed/day=2026-01-06/part.parquet",)
    assert expired.days == {"2026-01-06": 6}


def test_a_damaged_file_expires_like_others(directory: Directory) -> None:
    """Retention holds for what can no longer be read: what can be goes into the cells."""
    broken: Path = directory.path / f"{FILE}.gz"
    broken.write_bytes(gzip.compress(b'{"v":1,"time":1767571200,"note":"dropped","count":3}\n' * 300)[:-9])
    expire_with_cells(directory.path, keep=KEEP, now=NOW)
    assert not broken.exists()
    coverage = directory.open().coverage()
    assert (coverage.dropped % 3, coverage.unreadable > 0) == (0, True)


@pytest.mark.parametrize("k", [0, -1, True, 2.5, "5 or true", None])
def test_a_floor_is_a_number(directory: Directory, k: Any) -> None:
    """What is no floor makes no cells, and never becomes a part of a query."""
    write(directory)
    with pytest.raises(UsageError, match="k cannot be used"):
        roll_up(directory.path, date(2026, 1, 5), k=k)
    with pytest.raises(UsageError, match="k cannot be used"):
        expire_with_cells(directory.path, keep=KEEP, now=NOW, k=k)
    assert not (directory.path / "cells").exists()


@pytest.mark.parametrize(
    ("keep", "now"),
    [(timedelta(0), NOW), (-KEEP, NOW), (KEEP, datetime(2026, 2, 1))],  # noqa: DTZ001 - that is the point
)
def test_times_of_no_use_are_refused(directory: Directory, keep: timedelta, now: datetime) -> None:
    """Nothing is deleted by a span that is none or a time without a zone."""
    write(directory)
    with pytest.raises(UsageError):
        expire_with_cells(directory.path, keep=keep, now=now)
    assert (directory.path / FILE).exists()
