"""An engine that answers from numbers made up by a seed, so that a report of any shape can be written without a log."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from smartify_core.requestlog.analysis import QUESTIONS, Answer, Coverage

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
#: Monday, 2 November 2026, 00:00 UTC.
MONDAY: Final = 1_793_577_600
LEGACY, WEEK_OF, EXPORT, SEARCH = "/import/legacy", "/timesheets/{week}", "/reports/{report}/export", "/search"
FEATURES: Final = (
    *("/", "/login", "/projects", "/projects/{project}", EXPORT, "/projects/{project}/tasks"),
    *("/projects/{project}/tasks/{task}", SEARCH, "/calendar", "/reports", "/reports/{report}", "/settings"),
    *("/settings/members", "/settings/billing", "/api/v1/tasks", "/api/v1/tasks/{task}", "/api/v1/projects"),
    *("/api/v1/webhooks", "/files/{file}", "/files/upload", "/notifications", "/live", "/help", "/help/{article}"),
    *("/import/csv", LEGACY, "/timesheets", WEEK_OF, "/invite", "/logout", "unmatched"),
)
BROWSERS: Final[dict[Any, float]] = {
    "Chrome": 0.52,
    "Safari": 0.19,
    "Edge": 0.13,
    "Firefox": 0.09,
    "Samsung Internet": 0.03,
    "Opera": 0.02,
    "Other": 0.02,
}
VERSIONS: Final[dict[Any, float]] = {
    ("Chrome", 141): 0.3,
    ("Chrome", 140): 0.18,
    ("Safari", 26): 0.15,
    ("Edge", 141): 0.12,
    ("Firefox", 145): 0.07,
    ("Safari", 18): 0.04,
    ("Chrome", 109): 0.02,
    ("Samsung Internet", 28): 0.02,
    ("Firefox", 140): 0.02,
    ("Opera", 120): 0.01,
    ("Other", None): 0.032,
    ("Edge", 140): 0.005,
}
PARTS: Final[dict[str, dict[Any, float]]] = {
    "browsers": BROWSERS,
    "browser_versions": VERSIONS,
    "systems": {"Windows": 0.44, "macOS": 0.21, "Android": 0.15, "iOS": 0.13, "Linux": 0.05, "ChromeOS": 0.02},
    "devices": {"desktop": 0.69, "mobile": 0.26, "tablet": 0.03, "bot": 0.02},
    "languages": {
        "en": 0.41,
        "de": 0.27,
        "fr": 0.11,
        "es": 0.07,
        "nl": 0.04,
        "it": 0.03,
        "pl": 0.02,
        "pt": 0.02,
        "ja": 0.01,
        "sv": 0.01,
        "uk": 0.005,
        "yo": 0.002,
        None: 0.003,
    },
    "referrers": {
        "(own)": 0.41,
        "/projects": 0.2,
        "/projects/{project}": 0.09,
        "https://www.google.com": 0.05,
        "https://mail.example.com": 0.02,
        "https://t.co": 0.004,
        None: 0.2,
    },
    "zones": {
        ("Europe/Berlin", None): 0.05,
        ("Europe/London", None): 0.03,
        ("America/New_York", "cdn"): 0.03,
        ("Asia/Tokyo", "cdn"): 0.01,
        (None, None): 0.88,
    },
    "statuses": {
        200: 0.83,
        304: 0.08,
        302: 0.04,
        404: 0.02,
        401: 0.012,
        500: 0.006,
        503: 0.003,
        429: 0.001,
        None: 0.001,
    },
    "methods": {"GET": 0.78, "POST": 0.17, "PATCH": 0.03, "DELETE": 0.01, "WEBSOCKET": 0.01},
}
KINDS: Final = (
    (None, None, 503),
    ("TimeoutError", "before_start", 500),
    ("ConnectionResetError", "streaming", 200),
    ("KeyError", "before_start", 500),
    ("CancelledError", "cancelled", None),
)
FLOOR: Final = "A value seen from fewer than 5 networks is counted in (few)."
Numbers = tuple[int, int, int, int]


class StandIn:
    """Answers every question about a time of made-up requests.

    Args:
        start: When the time begins, in seconds since the epoch, as if the offset were none.
        hours: How long it is.
        features: What is used, the most used first.
        scale: About how many requests come in during a busy hour.
        seed: Another number makes other numbers.
        offset: Minutes east of UTC.
        bounded: Whether the engine has a period of its own, or is about all that there is.
        rename: What each text of the log is told as.
        ledger: What the coverage says besides.
    """

    def __init__(
        self,
        *,
        start: int = MONDAY,
        hours: int = 28 * 24,
        features: Sequence[str] = FEATURES,
        scale: float = 900.0,
        seed: int = 5,
        offset: int = 60,
        bounded: bool = False,
        rename: Callable[[str], str] = str,
        ledger: Mapping[str, int] | None = None,
    ) -> None:
        self.offset = offset
        self.asked: list[str] = []
        self._random = random.Random(seed)
        self._start, self._hours, self._ledger, self._rename = start - offset * 60, hours, ledger or {}, rename
        self.since = self._start if bounded else None
        self.until = self._start + hours * HOUR if bounded else None
        self._weights = {one: 1 / (place + 1.6) ** 1.05 for place, one in enumerate(features)}
        self.counts: dict[tuple[int, str], Numbers] = {}
        for hour in range(hours):
            for place, feature in enumerate(features):
                if numbers := self._made(hour, place, feature, scale):
                    self.counts[self._start + hour * HOUR, feature] = numbers

    def _made(self, hour: int, place: int, feature: str, scale: float) -> Numbers | None:
        part = hour / self._hours
        mean = scale * self._weights[feature] * self._rhythm(hour) * (1 + 0.25 * part)
        mean *= {EXPORT: 1 + 3 * part, SEARCH: 1.5 - part, LEGACY: part < 0.4, WEEK_OF: part > 0.55}.get(feature, 1)
        count = max(0, round(self._random.gauss(mean, math.sqrt(mean) + 0.1 * mean)))
        if not count:
            return None
        bad_hour = self._hours * 2 // 3 // 24 * 24 + 14
        failing = 0.09 if feature == EXPORT and self._hours > 48 and hour in {bad_hour, bad_hour + 1} else 0.0015
        return (
            count,
            self._some(count, failing * (1 + place % 5)),
            self._some(count, 0.3 if feature == "unmatched" else 0.02),
            self._some(count, 0.004 * (1 + place % 7)),
        )

    def _rhythm(self, hour: int) -> float:
        of_day, weekday = hour % 24, hour // 24 % 7
        busy = math.exp(-(((of_day - 10.5) / 3) ** 2)) + 0.85 * math.exp(-(((of_day - 15) / 3.2) ** 2)) + 0.04
        return busy * (0.22 if weekday >= 5 else 1.0)

    def _some(self, count: int, rate: float) -> int:
        mean = count * min(1.0, rate)
        return min(count, max(0, round(self._random.gauss(mean, math.sqrt(mean) * 0.9))))

    def coverage(self) -> Coverage:
        if not self.counts:
            return Coverage(events=0, first=None, last=None, **self._ledger)
        times = [at for at, _ in self.counts]
        return Coverage(
            events=self.total, first=min(times) + 12, last=max(times) + 3_400, **{"files": 31, **self._ledger}
        )

    @property
    def total(self) -> int:
        """All requests."""
        return sum(numbers[0] for numbers in self.counts.values())

    def ask(self, name: str, **parameters: Any) -> Answer:
        self.asked.append(name)
        found = self._parts(name) if name in PARTS else getattr(self, f"_{name}")(**parameters)
        rows = tuple(tuple(self._rename(one) if isinstance(one, str) else one for one in row) for row in found)
        return Answer(name, QUESTIONS[name].columns, rows, floor=FLOOR if QUESTIONS[name].personal else "No floor.")

    def _day(self, at: int) -> int:
        return at - (at + self.offset * 60) % DAY

    def _summed(self, key: Callable[[int, str], Any]) -> list[tuple[Any, list[int]]]:
        found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for (at, feature), numbers in self.counts.items():
            sums = found[key(at, feature)]
            for place, number in enumerate(numbers):
                sums[place] += number
        return sorted(found.items())

    def _requests(self, by: str = "day") -> Iterable[tuple[Any, ...]]:
        def start(at: int, _: str) -> int:
            day = self._day(at)
            monday = day - ((day + self.offset * 60) // DAY + 3) % 7 * DAY
            return {"hour": at, "day": day, "week": monday}[by]

        return ((at, *sums) for at, sums in self._summed(start))

    def _features(self) -> list[tuple[Any, ...]]:
        bounds = (10, 25, 50, 100, 250, 500, 1_000, 2_500)
        last: dict[str, int] = {}
        for at, feature in self.counts:
            last[feature] = max(last.get(feature, 0), at + 1_800)
        found = sorted(self._summed(lambda _, feature: feature), key=lambda one: -one[1][0])
        return [
            (one, sums[0], sums[1], bounds[place % 5], bounds[place % 5 + 2], last[one])
            for place, (one, sums) in enumerate(found)
        ]

    def _features_by_day(self) -> Iterable[tuple[Any, ...]]:
        return ((*key, sums[0]) for key, sums in self._summed(lambda at, feature: (feature, self._day(at))))

    def _errors(self) -> list[tuple[Any, ...]]:
        found = sorted(self._summed(lambda _, feature: feature), key=lambda one: -one[1][1])[:8]
        rows = [
            (*kind[:1], feature, *kind[1:], max(1, sums[1] // (place + 2)), self._start + self._hours * HOUR - 9_000)
            for number, (feature, sums) in enumerate(found)
            for place, kind in enumerate(KINDS[number % 3 : number % 3 + 3])
            if sums[1]
        ]
        return sorted(rows, key=lambda row: -row[4])

    def _errors_by_hour(self) -> Iterable[tuple[Any, ...]]:
        found = self._summed(lambda at, _: (self._day(at), (at + self.offset * 60) % DAY // HOUR))
        return ((*key, sums[0], sums[1]) for key, sums in found)

    def _movers(self, of: str, before: tuple[int, int], after: tuple[int, int]) -> list[tuple[Any, ...]]:
        assert of == "feature"
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (at, feature), numbers in self.counts.items():
            for place, (since, until) in enumerate((before, after)):
                sums[feature][place] += numbers[0] if since <= at < until else 0
        rows = [(one, first, then, then - first) for one, (first, then) in sums.items() if first + then]
        return sorted(rows, key=lambda row: (-abs(row[3]), row[0]))

    def _spikes(self) -> list[tuple[Any, ...]]:
        rows = [
            (at, feature, numbers[0], numbers[1], 1.3, round(numbers[1] / 1.3, 3))
            for (at, feature), numbers in self.counts.items()
            if numbers[1] > 25 and numbers[1] > numbers[0] * 0.2
        ]
        return sorted(rows, key=lambda row: -row[3])

    def _retiring(self, since: int) -> list[tuple[Any, ...]]:
        return [(row[0], row[5], row[1]) for row in self._features() if row[5] < since]

    def _browsers_by_day(self) -> Iterable[tuple[Any, ...]]:
        for place, (day, sums) in enumerate(self._summed(lambda at, _: self._day(at))):
            for browser, part in BROWSERS.items():
                drift = {"Chrome": -0.0025, "Firefox": 0.0025}.get(browser, 0.0) * place
                yield day, browser, round(sums[0] * max(0.0, part + drift))
            yield day, "(few)", 3

    def _parts(self, question: str) -> Iterable[tuple[Any, ...]]:
        total = self.total
        for one, part in PARTS[question].items():
            yield (*(one if isinstance(one, tuple) else (one,)), round(total * part))
        if QUESTIONS[question].personal and total:
            yield ("(few)", *(None for _ in QUESTIONS[question].columns[2:]), 7)
