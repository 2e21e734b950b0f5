from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from smartify_core.testing import ManualClock


def test_stands_still() -> None:
    """A manual clock says the same instant until it is moved."""
    clock = ManualClock("2030-01-01")
    assert clock() == clock() == datetime(2030, 1, 1, tzinfo=UTC)


def test_moves_by_parts_or_steps() -> None:
    """It moves by named parts or by a step, backwards too, and says where it stands."""
    clock = ManualClock("2030-01-01T12:00")
    assert clock.advance(days=1, hours=2) == datetime(2030, 1, 2, 14, tzinfo=UTC)
    assert clock.advance(timedelta(hours=-3)) == clock() == datetime(2030, 1, 2, 11, tzinfo=UTC)


def test_is_in_utc() -> None:
    """Whatever offset the start has, the clock speaks UTC."""
    east = timezone(timedelta(hours=2))
    for start in ("2030-01-01T02:00+02:00", datetime(2030, 1, 1, 2, tzinfo=east)):
        now = ManualClock(start)()
        assert (now, now.utcoffset()) == (datetime(2030, 1, 1, tzinfo=UTC), timedelta(0))
