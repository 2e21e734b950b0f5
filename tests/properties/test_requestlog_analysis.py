"""Whatever a log holds: answers are those of loops over its events, and none tells what the floor hides."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
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

REST = ',"method":"GET","ms":1,"browser":"Other","os":"Other","device":"bot"}'
ODD_LINES = (
    '{"v":1,"time":1767571200,"note":"dropped","count":3}',
    '{"v":1,"time":1767571200,"feature":"/a","method":"GET"',
    '{"v":1,"time":1767571200,"feature":"/a","method":"GET","ms":1,"browser":"Other","os":"Other"}',
    '{"v":1,"time":1767571200,"browser":"Other","os":"Other","device":"bot","feature":"/a","method":"GET","ms":1}',
    f'{{"v":1,"time":1767571200,"zone":"UTC","feature":"/a"{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a","zone":"UTC"{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a","ip":"203.0.113.0/24","status":200{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a"{REST.replace("1", "7")}',
    f'{{"v":2,"time":1767571200,"feature":"/a","more":{{"ip":[1]}}{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a","more":{{"a":1,"ip":2}}{REST}',
    f'{{"v":1,"time":1767571200,"feature":",\\"ip\\":"{REST}',
    f'{{"v":1,"time":9999,"feature":"/early"{REST}',
    f'{{"v":1,"time":1.767571e9,"feature":"/a"{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a","status":"200"{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a","status":700{REST}',
    f'{{"v":1,"time":1767571200,"feature":"/a"{REST}{{}}',
    "[1]",
    "5",
    "null",
    " ",
)
ODD = st.one_of(
    st.sampled_from([*(line.encode() + b"\n" for line in ODD_LINES), b"\xff\n", b"\0\0\0\n"]),
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


Cell = tuple[int, str, int]


class Known:
    """What somebody knows who has answers: of unknown numbers, which sums are known.

    The unknown numbers are how many requests there were of each day, browser and version, for every browser that there
    was and each of its versions. That is more than a reader of answers knows, who cannot tell what there was.
    """

    def __init__(self, found: Sequence[Event], naive: Naive) -> None:
        days = sorted({naive.day(event) for event in found})
        kinds = sorted({(event["browser"], event.get("version", -1)) for event in found})
        self.cells: list[Cell] = [(day, *kind) for day in days for kind in kinds]
        self._rows: list[list[Fraction]] = []

    def of(
        self, *, days: Iterable[int] | None = None, browser: str | None = None, version: int | None = None
    ) -> set[Cell]:
        """Return the numbers of days, of a browser, of a version."""
        return {
            cell
            for cell in self.cells
            if (days is None or cell[0] in days) and browser in {None, cell[1]} and version in {None, cell[2]}
        }

    def learn(self, cells: set[Cell]) -> None:
        """Learn the sum of some numbers."""
        row = self._left(cells)
        if any(row):
            lead = next(value for value in row if value)
            self._rows.append([value / lead for value in row])

    def follows(self, cells: set[Cell]) -> bool:
        """Return whether the sum of some numbers follows from those that are known."""
        return not any(self._left(cells))

    def _left(self, cells: set[Cell]) -> list[Fraction]:
        row = [Fraction(int(cell in cells)) for cell in self.cells]
        for known in self._rows:
            times = row[next(place for place, value in enumerate(known) if value)]
            if times:
                row = [value - times * other for value, other in zip(row, known, strict=True)]
        return row


def learned(known: Known, log: LogFiles, days: Sequence[int]) -> set[tuple[str, Any]]:
    """Learn all that the answers about browsers tell, and return which groups they tell the numbers of themselves."""
    told: set[tuple[str, Any]] = set()
    for day in days:  # requests by day have no floor
        known.learn(known.of(days=[day]))
    for browser, _ in _shown(log.ask("browsers")):
        told.add(("browser", browser))
        known.learn(known.of(browser=browser))
    for browser, version, _ in _shown(log.ask("browser_versions")):
        told.add(("version", (browser, version)))
        known.learn(known.of(browser=browser, version=-1 if version is None else version))
    shown = {(day, browser) for day, browser, _ in _shown(log.ask("browsers_by_day"))}
    split = sorted({day for day, _ in shown})
    for day in split:
        for browser in {browser for _, browser in shown}:  # where there is no row, there was no request
            told.add(("day", (day, browser)))
            known.learn(known.of(days=[day], browser=browser))
    for middle in days[1:]:
        answer = log.ask("compare", of="browser", before=(days[0], middle), after=(middle, days[-1] + DAY))
        for browser, *_ in _shown(answer):
            # Days that are left out have no part in a period's sum.
            known.learn(known.of(days=[day for day in split if day < middle], browser=browser))
            known.learn(known.of(days=[day for day in split if day >= middle], browser=browser))
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
    known = Known(found, naive)
    with tempfile.TemporaryDirectory() as folder, LogFiles(written(found, folder), k=k) as log:
        told = learned(known, log, list(range(MONDAY, MONDAY + 3 * DAY, DAY)))
    groups: dict[tuple[str, Any], list[Event]] = defaultdict(list)
    for event in found:
        groups["browser", event["browser"]].append(event)
        groups["version", (event["browser"], event["version"])].append(event)
        groups["day", (naive.day(event), event["browser"])].append(event)
    for (kind, key), some in groups.items():
        if not naive.rare(some):
            continue
        assert (kind, key) not in told, "no answer tells it"
        if len({event["browser"] for event in found}) == 1:
            continue  # that everybody has the same browser, nobody needs to be told
        cells = {
            "browser": lambda key: known.of(browser=key),
            "version": lambda key: known.of(browser=key[0], version=key[1]),
            "day": lambda key: known.of(days=[key[0]], browser=key[1]),
        }[kind](key)
        assert not known.follows(cells), (kind, key)
