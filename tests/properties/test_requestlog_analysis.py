"""Whatever a log holds: answers are those of loops over its events, and none tells what the floor hides."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.requestlog.analysis._naive import DAY, Event, Naive
from tests.unit.requestlog.analysis._written import FILE, MONDAY, text

from smartify_core.requestlog.analysis import FEW, Answer
from smartify_core.requestlog.analysis.duckdb import LogFiles

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

IPS = st.sampled_from(
    [None, *(f"198.51.{at}.0/24" for at in range(4)), "203.0.113.7", "203.0.113.9", "2001:db8::/48", "2001:db8:0:1::5"]
)


@st.composite
def events(draw: st.DrawFn, most: int = 40) -> list[Event]:
    """Draw events of three days: few values, so that groups have one, some and many networks."""
    one = st.fixed_dictionaries(
        {
            "time": st.integers(MONDAY, MONDAY + 3 * DAY - 1),
            "feature": st.sampled_from(["/a", "/b/{id}", "unmatched", "(other)"]),
            "method": st.sampled_from(["GET", "POST"]),
            "status": st.sampled_from([None, 200, 404, 500]),
            "ms": st.sampled_from([1, 10, 2_500]),
            "error": st.sampled_from([None, None, "ValueError"]),
            "failed": st.sampled_from([None, None, "streaming", "cancelled", "after_end"]),
            "ip": IPS,
            "browser": st.sampled_from(["Chrome", "Chrome", "Firefox", "Safari", "Other"]),
            "version": st.sampled_from([None, 1, 1, 2]),
            "os": st.sampled_from(["Windows", "Linux"]),
            "device": st.just("desktop"),
            "language": st.sampled_from([None, "de", "en"]),
            "referrer": st.sampled_from([None, "(own)", "/a", "https://a.example", "https://b.example"]),
            "zone": st.sampled_from([None, "Europe/Berlin"]),
            "zone_from": st.sampled_from([None, "cdn"]),
        }
    )
    hidden = draw(st.booleans())  # a log that keeps no address
    found = draw(st.lists(one, max_size=most))
    return [
        {
            name: value
            for name, value in ({"v": 1} | item).items()
            if value is not None and not (hidden and name == "ip")
        }
        for item in found
    ]


def asked(naive: Naive) -> dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """Return every question with what it takes, and its rows."""
    middle = naive.start(DAY, MONDAY + DAY)
    before, after = (middle - DAY, middle), (middle, middle + 2 * DAY)
    periods = {"before": before, "after": after}
    plain = {
        "errors_by_hour": naive.errors_by_hour(),
        "spikes": naive.spikes(),
        "features": naive.features(),
        "features_by_day": naive.features_by_day(),
        "errors": naive.errors(),
        "statuses": naive.of("status"),
        "methods": naive.of("method"),
        "browsers": naive.by_value("browser"),
        "systems": naive.by_value("os"),
        "devices": naive.by_value("device"),
        "languages": naive.by_value("language"),
        "referrers": naive.by_value("referrer"),
        "browser_versions": naive.by_detail("browser", "version"),
        "zones": naive.by_detail("zone", "zone_from"),
        "browsers_by_day": naive.by_day("browser"),
        "networks": naive.networks(),
    }
    found: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {name: ({}, rows) for name, rows in plain.items()}
    for by in ("hour", "day", "week"):
        found[f"requests {by}"] = ({"by": by}, naive.requests(by))
    since = MONDAY + DAY
    found["retiring"] = ({"since": since, "known": ["/a", "/never"]}, naive.retiring(since, ["/a", "/never"]))
    for of in ("feature", "status", "error", "browser", "language", "referrer"):
        found[f"compare {of}"] = ({"of": of, **periods}, naive.compare(of, before, after))
        found[f"movers {of}"] = ({"of": of, **periods}, naive.compare(of, before, after, movers=True))
    return found


def written(lines: Sequence[Event | bytes], folder: str) -> Path:
    """Write a log."""
    path = Path(folder)
    (path / FILE).write_bytes(text(lines))
    return path


@SLOW
@given(found=events(), k=st.integers(1, 4), offset=st.sampled_from([0, 60, -300, 330]))
def test_answers_are_those_of_loops(found: list[Event], k: int, offset: int) -> None:
    """Every question has the rows that loops over the events find, whatever the floor and the offset."""
    with tempfile.TemporaryDirectory() as folder, LogFiles(written(found, folder), k=k, offset=offset) as log:
        assert log.coverage().events == len(found)
        for name, (parameters, rows) in asked(Naive(found, k=k, offset=offset)).items():
            assert list(log.ask(name.split()[0], **parameters).rows) == rows, name


# --- the quick way of counting ----------------------------------------------------------------------------------------

ODD = st.one_of(
    st.sampled_from(
        [
            b'{"v":1,"time":1767571200,"note":"dropped","count":3}\n',
            b'{"v":1,"time":1767571200,"feature":"/a","method":"GET"\n',
            b'{"v":1,"time":1767571200,"feature":"/a","method":"GET","ms":1,"browser":"Other","os":"Other"}\n',
            b'{"v":1,"time":1767571200,"browser":"Other","os":"Other","device":"bot","feature":"/a","method":"GET","ms":1}\n',
            (
                b'{"v":1,"time":1767571200,"feature":"/a","method":"GET","ms":1,"zone":"UTC","ip":"203.0.113.0/24",'
                b'"browser":"Other","os":"Other","device":"bot"}\n'
            ),
            b'{"v":1,"time":1767571200,"feature":"/a","method":"GET","ms":7,"browser":"Other","os":"Other","device":"bot"}\n',
            (
                b'{"v":2,"time":1767571200,"feature":"/a","method":"GET","ms":1,"browser":"Other","os":"Other","device":"bot",'
                b'"more":{"ip":[1]}}\n'
            ),
            (
                b'{"v":1,"time":1767571200,"feature":"/a","method":"GET","ms":1,"more":{"a":1,"ip":2},"browser":"Other",'
                b'"os":"Other","device":"bot"}\n'
            ),
            (
                b'{"v":1,"time":1767571200,"feature":",\\"ip\\":","method":"GET","ms":1,"browser":"Other","os":"Other",'
                b'"device":"bot"}\n'
            ),
            b'{"v":1,"time":9999,"feature":"/early","method":"GET","ms":1,"browser":"Other","os":"Other","device":"bot"}\n',
            b'{"v":1,"time":1.767571e9,"feature":"/a","method":"GET","ms":1,"browser":"Other","os":"Other","device":"bot"}\n',
            (
                b'{"v":1,"time":1767571200,"feature":"/a","method":"GET","status":"200","ms":1,"ip":"203.0.113.0/24",'
                b'"browser":"Other","version":70000,"os":"Other","device":"bot"}\n'
            ),
            b"[1]\n",
            b"5\n",
            b"null\n",
            b" \n",
            b"\xff\n",
            b"\0\0\0\n",
        ]
    ),
    st.binary(max_size=12).map(lambda data: data.replace(b"\n", b"") + b"\n"),
)


@SLOW
@given(found=events(most=12), odd=st.lists(ODD, max_size=6), since=st.sampled_from([None, MONDAY + 7_000]))
def test_the_quick_way_counts_what_the_general_way_counts(
    found: list[Event], odd: list[bytes], since: int | None
) -> None:
    """Lines that are cut into halves, with whatever stands between them, give the counts that whole lines give."""
    first: list[Event | bytes] = [{"v": 1, "time": MONDAY} | event for event in found[:1]]
    lines = [*first, *odd, *found[1:]]
    with tempfile.TemporaryDirectory() as folder:
        written(lines, folder)
        with LogFiles(folder, since=since) as quick, WholeLines(folder, since=since) as general:
            assert quick.coverage() == general.coverage()
            for name in ("features", "errors", "browser_versions", "referrers", "zones", "networks"):
                assert quick.ask(name) == general.ask(name)


class WholeLines(LogFiles):
    """Reads every line as a whole."""

    def _halved(self, paths: list[str], period: Any) -> bool:
        super()._halved(paths, period)
        return False


# --- nothing that the floor hides follows from several answers --------------------------------------------------------


class Known:
    """What somebody knows who has answers: of unknown numbers, which sums are known.

    The unknown numbers are how many requests there were of each day, browser and version, for every browser that there
    was and each of its versions. That is more than a reader of answers knows, who cannot tell what there was.
    """

    def __init__(self, found: Sequence[Event], naive: Naive) -> None:
        days = sorted({naive.day(event) for event in found})
        kinds = sorted({(event["browser"], event.get("version", -1)) for event in found})
        self.cells = [(day, *kind) for day in days for kind in kinds]
        self._rows: list[list[Fraction]] = []

    def learn(self, *sums: Callable[..., bool]) -> None:
        """Learn the sums of the numbers that conditions name."""
        for one in sums:
            row = self._left(self._vector(one))
            if any(row):
                lead = next(value for value in row if value)
                row = [value / lead for value in row]
                self._rows.append(row)

    def follows(self, one: Callable[[int, str, int], bool]) -> bool:
        """Return whether the sum of the numbers that a condition names follows from those that are known."""
        return not any(self._left(self._vector(one)))

    def _vector(self, one: Callable[[int, str, int], bool]) -> list[Fraction]:
        return [Fraction(int(one(*cell))) for cell in self.cells]

    def _left(self, row: list[Fraction]) -> list[Fraction]:
        for known in self._rows:
            at = next(place for place, value in enumerate(known) if value)
            if row[at]:
                times = row[at]
                row = [value - times * other for value, other in zip(row, known, strict=True)]
        return row


def learned(known: Known, log: LogFiles, naive: Naive, days: Sequence[int]) -> set[tuple[str, Any]]:
    """Learn all that the answers about browsers tell, and return which groups they tell the numbers of themselves."""
    told: set[tuple[str, Any]] = set()
    browsers, versions, by_day = (log.ask(name) for name in ("browsers", "browser_versions", "browsers_by_day"))
    known.learn(*(lambda day, _browser, _version, on=on: day == on for on in days))  # requests by day have no floor
    for browser, _ in _shown(browsers):
        told.add(("browser", browser))
        known.learn(lambda _day, one, _version, browser=browser: one == browser)
    for browser, version, _ in _shown(versions):
        told.add(("version", (browser, version)))
        number = -1 if version is None else version
        known.learn(lambda _day, one, v, browser=browser, number=number: (one, v) == (browser, number))
    shown = {(day, browser) for day, browser, _ in _shown(by_day)}
    split = {day for day, _ in shown}
    of_days = {browser for _, browser in shown}
    for day in split:
        for browser in of_days:  # where there is no row, there was no request
            told.add(("day", (day, browser)))
            known.learn(lambda on, one, _version, day=day, browser=browser: (on, one) == (day, browser))
    for middle in days[1:]:
        until = days[-1] + DAY
        answer = log.ask("compare", of="browser", before=(days[0], middle), after=(middle, until))
        for browser, *_ in _shown(answer):
            # Of days that are left out, a period's sum has no part.
            known.learn(
                lambda on, one, _v, browser=browser, middle=middle: one == browser and on in split and on < middle,
                lambda on, one, _v, browser=browser, middle=middle: one == browser and on in split and on >= middle,
            )
    return told


def _shown(answer: Answer) -> list[tuple[Any, ...]]:
    return [row for row in answer.rows if FEW not in row]


@st.composite
def crowds(draw: st.DrawFn) -> list[Event]:
    """Draw events of three days on which each browser was seen from none, one (which is rare) or some networks."""
    sizes = st.sampled_from([0, 1, 3, 3, 3, 4])
    return [
        {"v": 1, "time": MONDAY + day * DAY, "feature": "/a", "method": "GET", "ms": 1, "ip": f"198.51.{at}.0/24"}
        | {"browser": browser, "version": at % 2, "os": "Linux", "device": "desktop"}
        for day in range(3)
        for browser in ("Chrome", "Edge", "Firefox", "Safari")
        for at in range(draw(sizes))
    ]


@SLOW
@given(found=crowds(), k=st.sampled_from([2, 2, 3]))
def test_no_number_of_what_is_hidden_follows_from_several_answers(found: list[Event], k: int) -> None:
    """From all answers about browsers together, no number of a group with too few networks can be computed."""
    naive = Naive(found, k=k)
    days = list(range(MONDAY, MONDAY + 3 * DAY, DAY))
    with tempfile.TemporaryDirectory() as folder, LogFiles(written(found, folder), k=k) as log:
        known = Known(found, naive)
        told = learned(known, log, naive, days)
    kinds: dict[tuple[str, Any], list[Event]] = defaultdict(list)
    for event in found:
        version = event.get("version")
        kinds["browser", event["browser"]].append(event)
        kinds["version", (event["browser"], version)].append(event)
        kinds["day", (naive.day(event), event["browser"])].append(event)
    values = {event["browser"] for event in found}
    for (kind, key), some in kinds.items():
        if not naive.rare(some):
            continue
        assert (kind, key) not in told, "no answer tells it"
        if len(values) == 1:
            continue  # that everybody has the same browser, nobody needs to be told
        of = {
            "browser": lambda _day, browser, _version, key=key: browser == key,
            "version": lambda _day, browser, v, key=key: (browser, v) == (key[0], -1 if key[1] is None else key[1]),
            "day": lambda day, browser, _version, key=key: (day, browser) == key,
        }[kind]
        assert not known.follows(of), (kind, key)
