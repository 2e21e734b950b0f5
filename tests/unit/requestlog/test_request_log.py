from __future__ import annotations

import logging
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Collecting, Failure, Note, Record, RequestLog
from smartify_core.requestlog._event._parts import time_zones
from smartify_core.requestlog._headers._remembered import Remembered
from smartify_core.requestlog._request_log import HEADERS
from smartify_core.testing import ManualClock

from .conftest import Kept

NOTHING_HEARD = ("",) * len(HEADERS)


def heard(**headers: str) -> list[str]:
    """Return headers at their places, by their names with underscores."""
    named = {str(name).replace("-", "_"): slot for slot, name in enumerate(HEADERS)} | {"zone": 7}
    values = list(NOTHING_HEARD)
    for name, value in headers.items():
        values[named[name]] = value
    return values


def recorded(log: RequestLog, feature: str | None = "/x", **headers: str) -> None:
    """Record a request that went well."""
    log.record(log.time(), feature, "GET", 200, 0.004, None, "203.0.113.9", heard(**headers))


def test_an_event_says_what_the_headers_say(kept: Kept) -> None:
    """Language, referrer, zone and address come from their headers and the connection."""
    log = RequestLog(kept, Collecting(time_zone_header="X-Time-Zone"), now=ManualClock("2026-11-29T12:00:00"))
    recorded(log, accept_language="de-CH", referer="https://www.example.org/a?b", zone="Europe/Zurich")
    (event,) = kept.events
    assert event["time"] == 1_795_953_600
    assert event["language"] == "de"
    assert event["referrer"] == "https://www.example.org"
    assert event["zone"] == "Europe/Zurich"
    assert event["ip"] == "203.0.113.0/24"
    assert event["ms"] == 5


@pytest.mark.parametrize(
    ("seconds", "ms"),
    [(0.0, 1), (0.001, 1), (0.0011, 2), (0.9, 1_000), (59.0, 60_000), (61.0, 3_600_000), (1e9, 3_600_000), (-1.0, 1)],
)
def test_durations_fall_into_buckets(log: RequestLog, kept: Kept, seconds: float, ms: int) -> None:
    """A duration is told by the upper bound of its bucket; the longest counts in the last."""
    log.record(0, None, "GET", 200, seconds, None, None, NOTHING_HEARD)
    assert kept.events[0]["ms"] == ms


def test_a_method_that_is_not_known_is_other(log: RequestLog, kept: Kept) -> None:
    """A method is a text that a client may choose, so only known ones are told."""
    log.record(0, None, "ALICE", 200, 0, None, None, NOTHING_HEARD)
    assert kept.events[0]["method"] == "OTHER"


def test_text_and_bytes_are_heard_alike(log: RequestLog, kept: Kept) -> None:
    """ASGI's bytes and WSGI's text of the same headers give the same event."""
    values = heard(accept_language="fr", referer="https://www.example.org/")
    log.record(0, "/x", "GET", 200, 0, None, None, values)
    log.record(0, "/x", "GET", 200, 0, None, None, [value.encode() for value in values])
    assert kept.records[0] == kept.records[1]


@pytest.mark.parametrize("now", [5, "now", ManualClock("2030-01-01")()])
def test_a_clock_is_a_function(kept: Kept, now: Any) -> None:
    """An instant would be told for each request alike; it is refused when the log is made."""
    with pytest.raises(UsageError, match="now is a function"):
        RequestLog(kept, now=now)


def test_no_request_waits_for_the_time_zone_database(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of time zones stand in hundreds of files, which are read when the log is made, never in a request."""
    time_zones.cache_clear()
    log = RequestLog(kept, Collecting(time_zone_header="X-Time-Zone"))
    monkeypatch.setattr("smartify_core.requestlog._event._parts.available_timezones", lambda: pytest.fail("read again"))
    recorded(log, zone="Europe/Zurich")
    assert kept.events[0]["zone"] == "Europe/Zurich"


@pytest.mark.parametrize("opt_out", ["withhold", "skip", "ignore"])
def test_a_signal_of_privacy_is_honoured_as_the_host_decides(kept: Kept, opt_out: Any) -> None:
    """Withhold leaves out what tells of the person, skip keeps nothing, ignore changes nothing."""
    log = RequestLog(kept, Collecting(opt_out=opt_out))
    recorded(log, sec_gpc="1", accept_language="de", referer="https://www.example.org/")
    if opt_out == "skip":
        assert kept.records == []
        return
    (event,) = kept.events
    assert ("ip" in event) == ("language" in event) == ("referrer" in event) == (opt_out == "ignore")
    assert event.get("ip_from") == ("withheld" if opt_out == "withhold" else None)


@pytest.mark.parametrize(
    ("referrer", "kept_foreign", "kept_own"), [("origin", True, True), ("own", False, True), ("none", False, False)]
)
def test_how_much_of_referring_pages_is_the_hosts_choice(
    kept: Kept, referrer: Any, kept_foreign: bool, kept_own: bool
) -> None:
    """Foreign origins, or all referring pages, can be left out."""
    log = RequestLog(kept, Collecting(referrer=referrer))
    recorded(log, referer="https://www.example.org/", host="app.example.com")
    recorded(log, referer="https://app.example.com/y", host="app.example.com")
    assert ["referrer" in event for event in kept.events] == [kept_foreign, kept_own]


def test_a_page_of_ours_is_told_by_its_route_once_that_is_known(log: RequestLog, kept: Kept) -> None:
    """Routes are learned from requests, or taught beforehand; what was remembered before is looked at again."""
    page = {"referer": "https://app.example.com/projects/7", "host": "app.example.com"}
    recorded(log, "/x", **page)
    recorded(log, "/projects/{id}", **page)
    recorded(log, "/x", **page)
    log.learn(["/reports/<int:year>"])
    recorded(log, "/x", referer="https://app.example.com/reports/2026", host="app.example.com")
    assert [event["referrer"] for event in kept.events] == ["(own)", "(own)", "/projects/{id}", "/reports/<int:year>"]


def test_folded_features_are_noted_once_a_minute_and_at_the_end(kept: Kept) -> None:
    """Requests whose feature was folded are counted in notes, none twice and none left out."""
    clock = ManualClock()
    log = RequestLog(kept, Collecting(most_features=1), now=clock)
    recorded(log, "/a")
    for seconds in (0, 1, 1, 60, 1):
        clock.advance(seconds=seconds)
        recorded(log, "/b")
    assert [note.count for note in kept.notes] == [1, 3]
    log.close()
    assert [note.count for note in kept.notes] == [1, 3, 1]
    assert {note.kind for note in kept.notes} == {"folded"}
    assert [event["feature"] for event in kept.events] == ["/a"] + ["(other)"] * 5
    assert kept.closed


class Broken:
    """A sink that keeps no promise."""

    def put(self, record: Record) -> None:
        text = "alice@example.org is full"
        raise OSError(text)

    def flush(self, timeout: float = 5.0) -> bool:
        return False

    def close(self, timeout: float = 5.0) -> None:
        """Do nothing."""


def test_a_broken_sink_is_not_felt_by_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong in the collector is counted and logged by class once a minute, and never raised."""
    log = RequestLog(Broken())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            recorded(log)
    assert log.failed == 3
    said = [(record.message, vars(record)["error"], vars(record)["count"]) for record in caplog.records]
    assert said == [("request_not_recorded", "OSError", 1)]
    assert "alice" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"peer": 7},
        {"heard": []},
        {"heard": None},
        {"status": "200"},
        {"method": None},
        {"method": []},
        {"seconds": None},
        {"feature": []},
    ],
)
def test_what_a_broken_server_hands_over_is_not_felt_by_a_request(log: RequestLog, wrong: dict[str, Any]) -> None:
    """Values of other types than the protocol says cost the line at most."""
    values: dict[str, Any] = {
        "time": 0,
        "feature": "/x",
        "method": "GET",
        "status": 200,
        "seconds": 0.1,
        "failure": None,
        "peer": None,
        "heard": NOTHING_HEARD,
    }
    log.record(**values | wrong)


def test_caches_hold_no_text_and_have_an_end(log: RequestLog, kept: Kept) -> None:
    """Headers are remembered under their hash only, however many there are."""
    for number in range(9_000):
        recorded(log, accept_language=f"de-{number}", referer=f"https://www.example.org/{number}", host="a.example.com")
    caches: tuple[Remembered[int, Any], ...] = (log._senders, log._referrers)
    for cache in caches:
        assert 0 < len(cache) <= 2 * 2_048 + 512
        assert all(type(key) is int for part in (cache.of_late, cache._older, cache._on_trial) for key in part)


def test_foreign_pages_beyond_the_most_are_one(log: RequestLog, kept: Kept) -> None:
    """Anybody can make up the address of a page, so a day tells two thousand foreign origins apart and no more."""
    for number in range(2_001):
        recorded(log, referer=f"https://www{number}.example.org/")
    recorded(log, referer="https://www7.example.org/again")
    told = [event["referrer"] for event in kept.events]
    assert told[1_999:] == ["https://www1999.example.org", "(other)", "https://www7.example.org"]


def test_what_was_beyond_the_most_is_told_apart_another_day(kept: Kept) -> None:
    """A flood of made-up pages takes the known ones' places for its own day only."""
    clock = ManualClock("2026-11-29T12:00:00")
    log = RequestLog(kept, now=clock)
    for number in range(2_000):
        recorded(log, referer=f"https://www{number}.example.org/")
    recorded(log, referer="https://search.example.com/")
    clock.advance(days=1)
    recorded(log, referer="https://search.example.com/")
    assert [event["referrer"] for event in kept.events[-2:]] == ["(other)", "https://search.example.com"]


def test_what_could_not_be_recorded_is_noted_once_a_minute(kept: Kept) -> None:
    """Requests that the collector failed on are lost, and never silently: a note counts them."""
    clock = ManualClock("2026-11-29T12:00:00")
    log = RequestLog(kept, now=clock)
    wrong: Any = 999
    for _ in range(3):
        log.record(0, "/x", "GET", wrong, 0, None, None, NOTHING_HEARD)
    clock.advance(minutes=1)
    log.record(0, "/x", "GET", wrong, 0, None, None, NOTHING_HEARD)
    log.record(0, "/x", "GET", wrong, 0, None, None, NOTHING_HEARD)
    log.close()
    assert [(note.kind, note.count) for note in kept.notes] == [("dropped", 1), ("dropped", 3), ("dropped", 1)]
    assert log.failed == 5


def test_a_failure_is_told(log: RequestLog, kept: Kept) -> None:
    """Class and phase stand in the line, and the status is absent where no response began."""
    log.record(0, "/x", "GET", None, 0, Failure.of(KeyError, "before_start"), None, NOTHING_HEARD)
    (event,) = kept.events
    assert (event["error"], event["failed"]) == ("KeyError", "before_start")
    assert "status" not in event


def test_a_note_of_nothing_is_not_written(log: RequestLog, kept: Kept) -> None:
    """A log that folded nothing closes without a note."""
    log.close()
    assert kept.records == []
    assert Note(0, "folded", 0).count == 0
