from __future__ import annotations

from typing import Any

import pytest
from tests.unit.requestlog.analysis._written import DAY, HOUR, MONDAY, event, from_networks
from tests.unit.requestlog.analysis.conftest import Directory

from smartify_core.errors import UsageError
from smartify_core.requestlog.analysis import QUESTIONS, Engine

BEFORE, AFTER = (MONDAY, MONDAY + DAY), (MONDAY + DAY, MONDAY + 2 * DAY)


def test_every_question_says_what_it_is() -> None:
    """A question has a name, a title, a sentence, its columns and its dimensions."""
    for name, question in QUESTIONS.items():
        assert question.name == name
        assert question.title
        assert question.answers.endswith(".")
        assert question.columns
        assert question.dimensions


def test_log_files_are_an_engine(directory: Directory) -> None:
    """`LogFiles` fulfils the port, and tells its offset and its period."""
    engine: Engine = directory.open(since=MONDAY, until=MONDAY + DAY, offset=60)
    assert isinstance(engine, Engine)
    assert (engine.since, engine.until, engine.offset) == (MONDAY, MONDAY + DAY, 60)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_an_empty_log_answers_every_question(directory: Directory, name: str) -> None:
    """Where there is no event there is no row, and nothing fails."""
    asking = {"of": "browser", "before": BEFORE, "after": AFTER} if name in {"compare", "movers"} else {}
    answer = directory.open().ask(name, **asking)
    assert (answer.question, answer.columns, answer.rows, answer.folded) == (name, QUESTIONS[name].columns, (), 0)


def test_requests_are_counted_by_the_hour_day_and_week(directory: Directory) -> None:
    """Hours, days and weeks that begin on Monday have the requests, failures, refusals and slow ones in them."""
    directory.write(
        event(time=MONDAY - 1, status=500),
        event(time=MONDAY, ms=2_500),
        event(time=MONDAY + HOUR - 1, status=404),
        event(time=MONDAY + HOUR, status=None, failed="before_start", error="ValueError"),
        event(time=MONDAY + 6 * DAY, status=None, failed="cancelled"),
        event(time=MONDAY + 7 * DAY, failed="streaming", ms=1_000),
    )
    assert directory.rows("requests", asking={"by": "hour"}) == [
        (MONDAY - HOUR, 1, 1, 0, 0),
        (MONDAY, 2, 0, 1, 1),
        (MONDAY + HOUR, 1, 1, 0, 0),
        (MONDAY + 6 * DAY, 1, 0, 0, 0),
        (MONDAY + 7 * DAY, 1, 1, 0, 0),
    ]
    assert directory.rows("requests") == [
        (MONDAY - DAY, 1, 1, 0, 0),
        (MONDAY, 3, 1, 1, 1),
        (MONDAY + 6 * DAY, 1, 0, 0, 0),
        (MONDAY + 7 * DAY, 1, 1, 0, 0),
    ]
    assert directory.rows("requests", asking={"by": "week"}) == [
        (MONDAY - 7 * DAY, 1, 1, 0, 0),
        (MONDAY, 4, 1, 1, 1),
        (MONDAY + 7 * DAY, 1, 1, 0, 0),
    ]


def test_a_work_that_failed_after_the_response_is_an_error(directory: Directory) -> None:
    """What failed before, in or after the response is an error; a client that went away is none."""
    phases = ("before_start", "streaming", "after_end", "cancelled")
    directory.write(*(event(failed=phase, feature=phase) for phase in phases))
    assert [(row[0], row[2]) for row in directory.rows("features")] == [
        ("after_end", 1),
        ("before_start", 1),
        ("cancelled", 0),
        ("streaming", 1),
    ]


@pytest.mark.parametrize(
    ("offset", "day", "hour"), [(0, 0, 23), (60, DAY - HOUR, 0), (-300, 5 * HOUR, 18), (330, 18 * HOUR + 1_800, 4)]
)
def test_hours_and_days_are_those_of_the_offset(directory: Directory, offset: int, day: int, hour: int) -> None:
    """An hour before midnight UTC is the next day where clocks are ahead, and the same where they are behind."""
    directory.write(event(time=MONDAY + 23 * HOUR + 1_799))
    assert directory.rows("requests", offset=offset)[0][0] == MONDAY + day
    assert directory.rows("errors_by_hour", offset=offset) == [(MONDAY + day, hour, 1, 0)]


def test_days_before_the_offset_of_1970_are_days(directory: Directory) -> None:
    """The first seconds of 1970 lie in 1969 where clocks are behind UTC."""
    directory.write(event(time=0))
    assert directory.rows("requests", offset=-300)[0][0] == -19 * HOUR


def test_features_have_durations_that_half_and_nearly_all_stay_within(directory: Directory) -> None:
    """p50 and p95 are the bounds of the buckets in which the 50th and the 95th of a hundred requests are."""
    durations = [1] * 50 + [10] * 45 + [2_500] * 5
    directory.write(
        *(event(ms=ms, time=MONDAY + at) for at, ms in enumerate(durations)), event(feature="/b", ms=30_000)
    )
    assert directory.rows("features") == [
        ("/orders/{id}", 100, 0, 1, 10, MONDAY + 99),
        ("/b", 1, 0, 30_000, 30_000, MONDAY),
    ]


def test_features_by_day(directory: Directory) -> None:
    """Each feature has the days on which it was used."""
    directory.write(event(), event(time=MONDAY + DAY), event(time=MONDAY + DAY, feature="/b"))
    assert directory.rows("features_by_day") == [
        ("/b", MONDAY + DAY, 1),
        ("/orders/{id}", MONDAY, 1),
        ("/orders/{id}", MONDAY + DAY, 1),
    ]


def test_errors_are_told_apart_by_what_they_are_and_where(directory: Directory) -> None:
    """A failure is told by exception, feature, phase and status; a plain 404 is none."""
    directory.write(
        event(status=500, error="ValueError", time=MONDAY + 5),
        event(status=500, error="ValueError"),
        event(status=503),
        event(status=404),
        event(status=None, failed="cancelled"),
    )
    assert directory.rows("errors") == [
        ("ValueError", "/orders/{id}", None, 500, 2, MONDAY + 5),
        (None, "/orders/{id}", "cancelled", None, 1, MONDAY),
        (None, "/orders/{id}", None, 503, 1, MONDAY),
    ]


def test_statuses_and_methods(directory: Directory) -> None:
    """Statuses and methods are counted; no status is one, too."""
    directory.write(event(), event(method="POST", status=201), event(status=None, failed="cancelled"), event())
    assert directory.rows("statuses") == [(200, 2), (201, 1), (None, 1)]
    assert directory.rows("methods") == [("GET", 3), ("POST", 1)]


def test_the_sender_s_equipment_is_counted(directory: Directory) -> None:
    """Browsers, versions, systems, devices, languages, referrers and zones have requests, with None for unknown."""
    directory.write(
        *from_networks(5, referrer="https://a.example", zone="Europe/Berlin", zone_from="cdn"),
        *from_networks(6, browser="Safari", version=None, os="iOS", device="mobile", language=None),
    )
    log = directory.open()
    assert log.ask("browsers").rows == (("Safari", 6), ("Firefox", 5))
    assert log.ask("browser_versions").rows == (("Safari", None, 6), ("Firefox", 140, 5))
    assert log.ask("systems").rows == (("iOS", 6), ("Linux", 5))
    assert log.ask("devices").rows == (("mobile", 6), ("desktop", 5))
    assert log.ask("languages").rows == ((None, 6), ("en", 5))
    assert log.ask("referrers").rows == ((None, 6), ("https://a.example", 5))
    assert log.ask("zones").rows == ((None, None, 6), ("Europe/Berlin", "cdn", 5))
    assert log.ask("browsers_by_day").rows == ((MONDAY, "Safari", 6), (MONDAY, "Firefox", 5))


def test_networks_are_told_by_the_wider_ones_that_hold_enough(directory: Directory) -> None:
    """A /16 or a /32 is told where the log has k networks in it; with no floor, the networks of the log are."""
    directory.write(
        *from_networks(5),
        event(ip="203.0.113.0/24"),
        *(event(ip=f"2001:db8:{at}::/48") for at in range(1, 6)),
        event(ip=None, ip_from="withheld"),
    )
    assert directory.rows("networks") == [("198.51.0.0/16", 5), ("2001:db8::/32", 5), ("(few)", 2)]
    assert ("203.0.113.0/24", 1) in directory.rows("networks", k=1)


def test_two_periods_are_compared(directory: Directory) -> None:
    """Compare has the more frequent first, movers the bigger change; what is in neither period is left out."""
    directory.write(
        *(event(feature="/gone") for _ in range(5)),
        *(event(feature="/same", time=MONDAY + day * DAY) for day in (0, 0, 0, 1, 1, 1, 1)),
        event(feature="/later", time=MONDAY + 2 * DAY),
    )
    asking = {"of": "feature", "before": BEFORE, "after": AFTER}
    assert directory.rows("compare", asking=asking) == [("/same", 3, 4, 1), ("/gone", 5, 0, -5)]
    assert directory.rows("movers", asking=asking) == [("/gone", 5, 0, -5), ("/same", 3, 4, 1)]
    assert directory.rows("movers", asking=asking | {"limit": 1}) == [("/gone", 5, 0, -5)]
    assert directory.rows("compare", asking=asking | {"of": "status"}) == [(200, 8, 4, -4)]


def test_periods_of_features_may_be_hours(directory: Directory) -> None:
    """What is not about the sender's equipment may be compared by the hour, also where the clock has half hours."""
    directory.write(event(), event(time=MONDAY + HOUR), event(time=MONDAY + HOUR + 1))
    asking = {"of": "method", "before": (MONDAY, MONDAY + HOUR), "after": (MONDAY + HOUR, MONDAY + 2 * HOUR)}
    assert directory.rows("compare", asking=asking) == [("GET", 1, 2, 1)]
    half = {"before": (MONDAY - 1_800, MONDAY + 1_800), "after": (MONDAY + 1_800, MONDAY + HOUR + 1_800)}
    assert directory.rows("compare", asking=asking | half, offset=330) == [("GET", 1, 2, 1)]


def test_error_spikes(directory: Directory) -> None:
    """An hour with more than thrice the errors of a usual hour is a spike; factor and usual say how much more."""
    calm = [event(time=MONDAY + hour * HOUR, status=500) for hour in range(10)]
    directory.write(
        *calm,
        *(event(time=MONDAY + 10 * HOUR, status=500) for _ in range(6)),
        *(event(time=MONDAY + 10 * HOUR, status=500, feature="/new") for _ in range(5)),
        *(event(time=MONDAY + 10 * HOUR, status=500, feature="/little") for _ in range(4)),
    )
    assert directory.rows("spikes") == [
        (MONDAY + 10 * HOUR, "/orders/{id}", 6, 6, 1.0, 6.0),
        (MONDAY + 10 * HOUR, "/new", 5, 5, 0.0, None),
    ]
    assert directory.rows("spikes", asking={"times": 7}) == [(MONDAY + 10 * HOUR, "/new", 5, 5, 0.0, None)]
    assert len(directory.rows("spikes", asking={"least": 4})) == 3
    assert len(directory.rows("spikes", asking={"least": 4, "limit": 2})) == 2


def test_an_hour_is_held_against_seven_days_at_most(directory: Directory) -> None:
    """What was more than seven days ago does not make an hour usual."""
    directory.write(
        *(event(time=MONDAY, status=500) for _ in range(500)),
        event(time=MONDAY + 2 * DAY, status=500),
        *(event(time=MONDAY + 8 * DAY, status=500) for _ in range(5)),
    )
    assert directory.rows("spikes") == [(MONDAY + 8 * DAY, "/orders/{id}", 5, 5, 0.006, 840.0)]


def test_features_that_nobody_uses(directory: Directory) -> None:
    """What was not used since is told, the longest unused first; before it, what is known and was never used."""
    directory.write(
        event(feature="/old", time=MONDAY + 1),
        event(feature="/older"),
        event(feature="unmatched"),
        event(feature="(other)"),
        event(feature="/new", time=MONDAY + DAY),
    )
    asking: dict[str, Any] = {"since": MONDAY + DAY}
    assert directory.rows("retiring", asking=asking) == [("/older", MONDAY, 1), ("/old", MONDAY + 1, 1)]
    asking["known"] = ["/never", "/new"]
    assert directory.rows("retiring", asking=asking)[0] == ("/never", None, 0)
    assert directory.rows("retiring") == []


def test_only_the_period_counts(directory: Directory) -> None:
    """Since is the first second that counts, until the first that does not; datetimes say the same."""
    from datetime import UTC, datetime

    directory.write(*(event(time=MONDAY + at) for at in range(10)))
    assert directory.open(since=MONDAY + 2, until=MONDAY + 5).coverage().events == 3
    since = datetime.fromtimestamp(MONDAY + 2, UTC)
    assert directory.open(since=since).coverage().events == 8


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("nothing", {}),
        ("browsers", {"by": "day"}),
        ("requests", {"by": "month"}),
        ("requests", {"by": None}),
        ("spikes", {"least": 0}),
        ("spikes", {"times": 1.5}),
        ("spikes", {"limit": "1; drop table uses"}),
        ("retiring", {"since": "2026-01-01"}),
        ("retiring", {"known": "/a"}),
        ("retiring", {"known": [1]}),
        ("compare", {"before": BEFORE, "after": AFTER}),
        ("compare", {"of": "ip", "before": BEFORE, "after": AFTER}),
        ("compare", {"of": "browser", "after": AFTER}),
        ("compare", {"of": "browser", "before": BEFORE, "after": (MONDAY, MONDAY)}),
        ("compare", {"of": "browser", "before": BEFORE, "after": (MONDAY, MONDAY + HOUR)}),
        ("compare", {"of": "feature", "before": BEFORE, "after": (MONDAY, MONDAY + 5)}),
        ("compare", {"of": "feature", "before": BEFORE, "after": ("0", "1")}),
        ("movers", {"of": "feature", "before": BEFORE, "after": AFTER, "limit": 0}),
    ],
)
def test_a_wrong_question_is_refused(directory: Directory, name: str, parameters: dict[str, Any]) -> None:
    """A question that there is not, or a parameter that it does not take, is a `UsageError` that says what it takes."""
    with pytest.raises(UsageError):
        directory.open().ask(name, **parameters)


def test_a_period_outside_the_engine_s_is_refused(directory: Directory) -> None:
    """What an engine has not read it does not compare; its own ends need not be whole days."""
    asking = {"of": "browser", "before": (MONDAY - DAY, MONDAY), "after": BEFORE}
    with pytest.raises(UsageError, match="within the engine's own"):
        directory.rows("compare", asking=asking, since=MONDAY)
    directory.write(*from_networks(5, time=MONDAY + 7))
    until = MONDAY + DAY + 5
    own = {"of": "browser", "before": (MONDAY + 5, MONDAY + DAY), "after": (MONDAY + DAY, until)}
    assert directory.rows("compare", asking=own, since=MONDAY + 5, until=until) == [("Firefox", 5, 0, -5)]


@pytest.mark.parametrize(
    "settings",
    [
        {"k": 0},
        {"k": True},
        {"offset": 2_000},
        {"offset": 1.5},
        {"since": -1},
        {"since": 5, "until": 5},
        {"since": "today"},
        {"threads": 0},
        {"memory": "much"},
        {"memory": "1; drop"},
        {"spill": "/nowhere/at/all"},
    ],
)
def test_a_wrong_setting_is_refused_at_once(directory: Directory, settings: dict[str, Any]) -> None:
    """A setting of no use is a `UsageError` when the engine is made."""
    with pytest.raises(UsageError):
        directory.open(**settings)


def test_a_naive_time_is_refused(directory: Directory) -> None:
    """A datetime without a zone is a `UsageError`."""
    from datetime import datetime

    with pytest.raises(UsageError, match="no time zone"):
        directory.open(since=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_the_floor_is_told_of_where_it_is(directory: Directory) -> None:
    """A comparison of what the application did has none, and says so; one of what people use has it."""
    directory.write(*from_networks(6, browser="Chrome"), *from_networks(1, browser="Lynx"))
    periods: dict[str, Any] = {"before": (MONDAY - DAY, MONDAY), "after": (MONDAY, MONDAY + DAY)}
    log = directory.open()
    ours, theirs = log.ask("compare", of="feature", **periods), log.ask("compare", of="browser", **periods)
    assert (ours.floor, ours.folded) == ("No floor: nothing here is about the sender's equipment.", 0)
    assert "fewer than 5 networks" in theirs.floor
    assert theirs.folded > 0


@pytest.mark.parametrize("wrong", [5, None, b"logs", ""])
def test_a_directory_is_a_path(wrong: Any) -> None:
    """What is none is refused as other wrong arguments are."""
    from smartify_core.requestlog.analysis.duckdb import LogFiles

    with pytest.raises(UsageError, match="directory is the path of a directory"):
        LogFiles(wrong)
