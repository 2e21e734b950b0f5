"""Times of the request log as the command line says them."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from smartify_core.cli._log_times import as_offset, as_when, told, weekday

NOW = datetime(2026, 11, 30, 22, 45, 10, tzinfo=UTC)
CONTEXT = click.Context(click.Command("x"))
OPTION = click.Option(["--x"])


@pytest.mark.parametrize(
    ("text", "offset", "instant"),
    [
        ("2026-11-02", 0, "2026-11-02T00:00:00+00:00"),
        ("2026-11-02", 60, "2026-11-02T00:00:00+01:00"),
        ("2026-11-02T10:30", -210, "2026-11-02T10:30:00-03:30"),
        ("2026-11-02T10:30Z", 60, "2026-11-02T10:30:00+00:00"),
        ("1d", 0, "2026-11-30T00:00:00+00:00"),
        ("1d", 120, "2026-12-01T00:00:00+02:00"),
        ("7d", 0, "2026-11-24T00:00:00+00:00"),
        ("2w", 0, "2026-11-17T00:00:00+00:00"),
        ("1h", 0, "2026-11-30T22:00:00+00:00"),
        ("12h", 0, "2026-11-30T11:00:00+00:00"),
    ],
)
def test_moments(text: str, offset: int, instant: str) -> None:
    """Days and hours are whole ones, counted back from the present one by the clock that was asked for."""
    when = as_when(CONTEXT, OPTION, text)
    assert when is not None
    assert when.at(NOW, offset) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "7 d", "2026-02-30", "tomorrow", "1m", "1e3d", "٧d"])
def test_what_is_no_moment(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(click.BadParameter, match="such as"):
        as_when(CONTEXT, OPTION, text)


def test_no_moment_is_none() -> None:
    """An option that is not given has no moment."""
    assert as_when(CONTEXT, OPTION, None) is None


@pytest.mark.parametrize(
    ("text", "minutes"), [("UTC", 0), ("z", 0), ("+00:00", 0), ("+01:00", 60), ("-03:30", -210), ("+14:00", 840)]
)
def test_offsets(text: str, minutes: int) -> None:
    """An offset has a sign, two digits of hours and two of minutes."""
    assert as_offset(CONTEXT, OPTION, text) == minutes


@pytest.mark.parametrize("text", ["", "1", "+1:00", "+01:60", "+14:01", "01:00", "Europe/Berlin"])
def test_what_is_no_offset(text: str) -> None:
    """Names of zones are none: their offset depends on the day."""
    with pytest.raises(click.BadParameter, match="such as"):
        as_offset(CONTEXT, OPTION, text)


def test_instants() -> None:
    """They are told by the same clock."""
    at = int(NOW.timestamp())
    assert (told(at, 0), told(at, 120)) == ("2026-11-30 22:45:10", "2026-12-01 00:45:10")
    assert (weekday(at, 0), weekday(at, 120)) == ("Mon", "Tue")
