"""An engine that answers from numbers made up by a seed, so that a report of any shape can be written without a log."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from smartify_core.requestlog.analysis import Answer, Coverage

HOUR, DAY = 3_600, 86_400
#: Monday, 2 November 2026, 00:00 UTC.
MONDAY = 1_793_577_600
FEATURES = (
    "/", "/login", "/projects", "/projects/{project}", "/projects/{project}/tasks", "/projects/{project}/tasks/{task}",
    "/search", "/calendar", "/reports", "/reports/{report}", "/reports/{report}/export", "/settings", "/settings/members",
    "/settings/billing", "/api/v1/tasks", "/api/v1/tasks/{task}", "/api/v1/projects", "/api/v1/webhooks", "/files/{file}",
    "/files/upload", "/notifications", "/live", "/help", "/help/{article}", "/import/csv", "/import/legacy", "/timesheets",
    "/timesheets/{week}", "/invite", "/logout", "unmatched",
)
BROWSERS = {"Chrome": 0.52, "Safari": 0.19, "Edge": 0.13, "Firefox": 0.09, "Samsung Internet": 0.03, "Opera": 0.02, "Other": 0.02}
SYSTEMS = {"Windows": 0.44, "macOS": 0.21, "Android": 0.15, "iOS": 0.13, "Linux": 0.05, "ChromeOS": 0.02}
DEVICES = {"desktop": 0.69, "mobile": 0.26, "tablet": 0.03, "bot": 0.02}
LANGUAGES = {"en": 0.41, "de": 0.27, "fr": 0.11, "es": 0.07, "nl": 0.04, "it": 0.03, "pl": 0.02, "pt": 0.02, "ja": 0.01, "sv": 0.01, "uk": 0.005, "yo": 0.002}
REFERRERS = {"(own)": 0.61, "/projects": 0.2, "/projects/{project}": 0.09, "https://www.google.com": 0.05, "https://mail.example.com": 0.02, "https://t.co": 0.004}
ZONES = {("Europe/Berlin", None): 0.05, ("Europe/London", None): 0.03, ("America/New_York", "cdn"): 0.03, ("Asia/Tokyo", "cdn"): 0.01}


class StandIn:
    """Answers every question about a time of made-up requests."""

    def __init__(
        self,
        *,
        start: int = MONDAY,
        hours: int = 28 * 24,
        features: Sequence[str] = FEATURES,
        scale: float = 900.0,
        seed: int = 5,
        offset: int = 60,
        **ledger: int,
    ) -> None:
        self.offset, self.since, self.until = offset, None, None
        self._random = random.Random(seed)
        self._start, self._hours, self._ledger = start - offset * 60, hours, ledger
        self._names = features
        self.counts: dict[tuple[int, str], tuple[int, int, int, int]] = {}
        self._make(scale)

    def _make(self, scale: float) -> None:
        rnd = self._random
        weights = {one: 1 / (place + 1.6) ** 1.05 for place, one in enumerate(self._names)}
        order = list(self._names)
        spike = self._hours * 2 // 3 // 24 * 24 + 14 if self._hours > 48 else -1
        for hour in range(self._hours):
            at = self._start + hour * HOUR
            local = (at + self.offset * 60) % DAY // HOUR
            weekday = (at + self.offset * 60) // DAY % 7  # 0 is a Thursday
            rhythm = math.exp(-(((local - 10.5) / 3.0) ** 2)) + 0.85 * math.exp(-(((local - 15) / 3.2) ** 2)) + 0.04
            rhythm *= 0.22 if weekday in {2, 3} else 1.0
            growth = 1 + 0.25 * hour / max(1, self._hours)
            for place, feature in enumerate(order):
                own = weights[feature]
                if feature == "/import/legacy" and hour > self._hours * 0.4:
                    continue
                if feature == "/timesheets/{week}" and hour < self._hours * 0.55:
                    continue
                if feature == "/reports/{report}/export":
                    own *= 1 + 3 * hour / self._hours
                if feature == "/search":
                    own *= 1.5 - hour / self._hours
                mean = scale * own * rhythm * growth
                count = max(0, round(rnd.gauss(mean, math.sqrt(mean) + 0.1 * mean)))
                if not count:
                    continue
                rate = 0.0015 * (1 + place % 5)
                if hour in {spike, spike + 1} and feature == "/reports/{report}/export":
                    rate = 0.45
                errors = sum(rnd.random() < rate for _ in range(min(count, 400)))
                refused = sum(rnd.random() < (0.3 if feature == "unmatched" else 0.02) for _ in range(min(count, 200)))
                slow = sum(rnd.random() < 0.004 * (1 + place % 7) for _ in range(min(count, 300)))
                self.counts[at, feature] = (count, min(errors, count), refused, slow)

    def coverage(self) -> Coverage:
        if not self.counts:
            return Coverage(events=0, first=None, last=None, **self._ledger)
        total = sum(one[0] for one in self.counts.values())
        times = [at for at, _ in self.counts]
        return Coverage(events=total, first=min(times) + 12, last=max(times) + 3_400, **{"files": 31, **self._ledger})

    def ask(self, name: str, **parameters: Any) -> Answer:
        ask: Callable[..., Answer] = getattr(self, f"answer_{name}")
        return ask(**parameters)

    def _answer(self, question: str, columns: str, rows: Any) -> Answer:
        return Answer(question, tuple(columns.split()), tuple(tuple(row) for row in rows), 0, FLOOR)

    def _day(self, at: int) -> int:
        return at - (at + self.offset * 60) % DAY

    def _summed(self, key: Callable[[int, str], Any]) -> dict[Any, list[int]]:
        found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for (at, feature), numbers in self.counts.items():
            sums = found[key(at, feature)]
            for place, number in enumerate(numbers):
                sums[place] += number
        return found

    def answer_requests(self, by: str = "day") -> Answer:
        def start(at: int, _: str) -> int:
            if by == "hour":
                return at
            day = self._day(at)
            return day if by == "day" else day - ((day + self.offset * 60) // DAY + 3) % 7 * DAY

        rows = [(at, *sums) for at, sums in sorted(self._summed(start).items())]
        return self._answer("requests", "start requests errors client_errors slow", rows)

    def _features_(self) -> dict[str, list[int]]:
        return self._summed(lambda _, feature: feature)

    def _last(self, feature: str) -> int:
        return max(at for at, one in self.counts if one == feature) + 1_800

    def answer_features(self) -> Answer:
        return self._answer("features", "feature requests errors p50_ms p95_ms last", self._features_rows())

    def _features_rows(self) -> list[tuple[Any, ...]]:
        bounds = (10, 25, 50, 100, 250, 500, 1_000, 2_500)
        last: dict[str, int] = {}
        for at, feature in self.counts:
            last[feature] = max(last.get(feature, 0), at + 1_800)
        return [
            (one, sums[0], sums[1], bounds[place % 5], bounds[place % 5 + 2], last[one])
            for place, (one, sums) in enumerate(sorted(self._features_().items(), key=lambda x: -x[1][0]))
        ]

    def answer_features_by_day(self, **_: Any) -> Answer:
        found = self._summed(lambda at, feature: (feature, self._day(at)))
        return self._answer("features_by_day", "feature day requests", [(*key, sums[0]) for key, sums in sorted(found.items())])

    def answer_errors(self) -> Answer:
        kinds = ((None, None, 503), ("TimeoutError", "before_start", 500), ("ConnectionResetError", "streaming", 200), ("KeyError", "before_start", 500), ("CancelledError", "cancelled", None))
        rows = [
            (error, feature, failed, status, max(1, sums[1] // (place + 2)), self._start + self._hours * HOUR - 7_000 * (number + place))
            for number, (feature, sums) in enumerate(sorted(self._features_().items(), key=lambda one: -one[1][1])[:8])
            for place, (error, failed, status) in enumerate(kinds[number % 3 : number % 3 + 3])
            if sums[1]
        ]
        rows.sort(key=lambda row: -row[4])
        return self._answer("errors", "error feature failed status requests last", rows)

    def answer_errors_by_hour(self) -> Answer:
        found = self._summed(lambda at, _: (self._day(at), (at + self.offset * 60) % DAY // HOUR))
        return self._answer("errors_by_hour", "day hour requests errors", [(*key, sums[0], sums[1]) for key, sums in sorted(found.items())])

    def answer_movers(self, of: str, before: tuple[int, int], after: tuple[int, int]) -> Answer:
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (at, feature), numbers in self.counts.items():
            for place, (since, until) in enumerate((before, after)):
                if since <= at < until:
                    sums[feature][place] += numbers[0]
        rows = [(one, a, b, b - a) for one, (a, b) in sums.items()]
        rows.sort(key=lambda row: (-abs(row[3]), row[0]))
        return self._answer("movers", "value before after change", rows)

    def answer_spikes(self, **_: Any) -> Answer:
        rows = [(at, feature, n[0], n[1], 1.3, n[1] / 1.3) for (at, feature), n in self.counts.items() if n[1] > 25 and n[1] > n[0] * 0.2]
        return self._answer("spikes", "start feature requests errors usual factor", sorted(rows, key=lambda row: -row[5]))

    def answer_retiring(self, since: int, **_: Any) -> Answer:
        rows = [(row[0], row[5], row[1]) for row in self._features_rows() if row[5] < since]
        return self._answer("retiring", "feature last requests", rows)

    def answer_browsers_by_day(self) -> Answer:
        rows = []
        for place, (day, sums) in enumerate(sorted(self._summed(lambda at, _: self._day(at)).items())):
            drift = 0.0025 * place
            for browser, part in BROWSERS.items():
                part = part - drift if browser == "Chrome" else part + drift if browser == "Firefox" else part
                rows.append((day, browser, round(sums[0] * max(0.0, part) * self._random.uniform(0.95, 1.05))))
            rows.append((day, "(few)", 3))
        return self._answer("browsers_by_day", "day browser requests", rows)

    def _parts(self, question: str, column: str, parts: dict[Any, float], few: int = 7) -> Answer:
        total = sum(one[0] for one in self.counts.values())
        rows = [((*one, round(total * part)) if isinstance(one, tuple) else (one, round(total * part))) for one, part in parts.items()]
        if few:
            rows.append((*("(few)" for _ in column.split()), few))
        return self._answer(question, f"{column} requests", rows)

    def answer_browsers(self) -> Answer:
        return self._parts("browsers", "browser", BROWSERS)

    def answer_browser_versions(self) -> Answer:
        parts = {("Chrome", 141): 0.3, ("Chrome", 140): 0.18, ("Safari", 26): 0.15, ("Edge", 141): 0.12, ("Firefox", 145): 0.07, ("Safari", 18): 0.04, ("Chrome", 109): 0.02, ("Samsung Internet", 28): 0.02, ("Firefox", 140): 0.02, ("Opera", 120): 0.01, ("Other", None): 0.01, ("Edge", 140): 0.005}
        return self._parts("browser_versions", "browser version", parts)

    def answer_systems(self) -> Answer:
        return self._parts("systems", "os", SYSTEMS)

    def answer_devices(self) -> Answer:
        return self._parts("devices", "device", DEVICES, few=0)

    def answer_languages(self) -> Answer:
        return self._parts("languages", "language", LANGUAGES)

    def answer_referrers(self) -> Answer:
        return self._parts("referrers", "referrer", REFERRERS, few=19)

    def answer_zones(self) -> Answer:
        return self._parts("zones", "zone zone_from", ZONES)

    def answer_statuses(self) -> Answer:
        return self._parts("statuses", "status", {200: 0.83, 304: 0.08, 302: 0.04, 404: 0.02, 401: 0.012, 500: 0.006, 503: 0.003, 429: 0.001}, few=0)

    def answer_methods(self) -> Answer:
        return self._parts("methods", "method", {"GET": 0.78, "POST": 0.17, "PATCH": 0.03, "DELETE": 0.01, "WEBSOCKET": 0.01}, few=0)


FLOOR = "What fewer than 5 networks share is counted together, so that no row points at one person."
