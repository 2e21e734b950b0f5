"""The questions answered a second time, by loops over dicts: what the engines' SQL is held against.

Written from what `smartify_core.requestlog.analysis` documents, and slow on purpose.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from smartify_core.requestlog._event._schema import DURATIONS_MS, FIELDS

HOUR, DAY, WEEK = 3_600, 86_400, 604_800
FEW = "(few)"
Event = dict[str, Any]
RANGES = {"v": (1, 1_000_000), "time": (0, 253_402_300_799), "status": (100, 599), "version": (0, 9_999)}


def read(lines: Iterable[bytes]) -> tuple[list[Event], dict[str, int]]:
    """Return the events of lines, and how many of what else there is."""
    events: list[Event] = []
    notes: dict[str, int] = defaultdict(int)
    for line in lines:
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            notes["unreadable"] += 1
            continue
        items = {name: value for name, value in found.items() if _fits(name, value)}
        if "note" in items and items["note"] in {"dropped", "folded", "recovered", "expired"} and "time" in items:
            notes[items["note"]] += items.get("count", 0)
        elif "note" not in found and all(one.name in items for one in FIELDS if one.required):
            events.append(items)
        else:
            notes["unreadable"] += 1
    return events, dict(notes)


def _fits(name: str, value: object) -> bool:
    if name in RANGES:
        return type(value) is int and RANGES[name][0] <= value <= RANGES[name][1]
    if name == "ms":
        return value in DURATIONS_MS
    return value is not None


class Naive:
    """The answers, as rows."""

    def __init__(self, events: Sequence[Event], *, k: int = 5, offset: int = 0) -> None:
        self.events = events
        self.k = k
        self.ahead = offset * 60
        self.addressed = any("ip" in event for event in events)

    def start(self, step: int, time: int) -> int:
        ahead = self.ahead + (3 * DAY if step == WEEK else 0)
        return (time + ahead) // step * step - ahead

    def day(self, event: Event) -> int:
        return self.start(DAY, event["time"])

    # --- the application ----------------------------------------------------------------------------------------------

    def requests(self, by: str = "day") -> list[tuple[Any, ...]]:
        found: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for event in self.events:
            row = found[self.start({"hour": HOUR, "day": DAY, "week": WEEK}[by], event["time"])]
            row[0] += 1
            row[1] += is_error(event)
            row[2] += 400 <= event.get("status", 0) <= 499
            row[3] += event["ms"] > 1_000
        return [(start, *found[start]) for start in sorted(found)]

    def errors_by_hour(self) -> list[tuple[Any, ...]]:
        found: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for event in self.events:
            day = self.day(event)
            row = found[day, (event["time"] - day) // HOUR]
            row[0] += 1
            row[1] += is_error(event)
        return [(*key, *found[key]) for key in sorted(found)]

    def features(self) -> list[tuple[Any, ...]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event["feature"]].append(event)
        rows = [
            (
                feature,
                len(some),
                sum(map(is_error, some)),
                _quantile([event["ms"] for event in some], 50),
                _quantile([event["ms"] for event in some], 95),
                max(event["time"] for event in some),
            )
            for feature, some in found.items()
        ]
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    def features_by_day(self) -> list[tuple[Any, ...]]:
        found = _counts((event["feature"], self.day(event)) for event in self.events)
        return [(*key, found[key]) for key in sorted(found)]

    def errors(self) -> list[tuple[Any, ...]]:
        found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for event in self.events:
            if "error" in event or "failed" in event or event.get("status", 0) >= 500:
                key = tuple(event.get(name) for name in ("error", "feature", "failed", "status"))
                found[key].append(event["time"])
        rows = [(*key, len(times), max(times)) for key, times in found.items()]
        return sorted(rows, key=lambda row: (-row[4], *map(_last, row[:4])))

    def of(self, column: str) -> list[tuple[Any, ...]]:
        found = _counts((event.get(column),) for event in self.events)
        return sorted(((*key, n) for key, n in found.items()), key=lambda row: (-row[1], _last(row[0])))

    def retiring(self, since: int, known: Iterable[str] = ()) -> list[tuple[Any, ...]]:
        rows = [(row[0], row[5], row[1]) for row in self.features()]
        never = [(one, None, 0) for one in sorted(set(known) - {row[0] for row in rows})]
        unused = [row for row in rows if row[1] < since and row[0] not in {"unmatched", "(other)"}]
        return never + sorted(unused, key=lambda row: (row[1], row[0]))

    def spikes(self, least: int = 5, times: int = 3, limit: int = 50) -> list[tuple[Any, ...]]:
        hours: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
        for event in self.events:
            row = hours[event["feature"], self.start(HOUR, event["time"])]
            row[0] += 1
            row[1] += is_error(event)
        if not hours:
            return []
        beginning = min(hour for _, hour in hours)
        rows = []
        for (feature, hour), (requests, errors) in hours.items():
            span = min(hour - beginning, WEEK)
            before = sum(n[1] for (name, at), n in hours.items() if name == feature and hour - WEEK <= at < hour)
            if errors >= least and span > 0 and errors * span >= times * HOUR * before:
                factor = round(errors * span / (before * HOUR), 3) if before else None
                rows.append((hour, feature, requests, errors, round(before * HOUR / span, 3), factor))
        return sorted(rows, key=lambda row: (-row[3], row[0], row[1]))[:limit]

    # --- the sender's equipment ---------------------------------------------------------------------------------------

    def rare(self, events: Sequence[Event]) -> bool:
        networks = {network(event["ip"]) for event in events if "ip" in event}
        return (len(networks) if self.addressed else len(events)) < self.k

    def hidden(self, column: str) -> set[Any]:
        """Return the values that are folded over the whole period."""
        return self._folded(_grouped(self.events, lambda event: event.get(column)), column)

    def _folded(self, groups: dict[Any, list[Event]], column: str | None) -> set[Any]:
        rare = {value for value, some in groups.items() if not _is_public(column, value) and self.rare(some)}
        return _with_one_more(rare, {value: len(some) for value, some in groups.items()})

    def by_value(self, column: str) -> list[tuple[Any, ...]]:
        hidden = self.hidden(column)
        found = _counts((FEW if event.get(column) in hidden else event.get(column),) for event in self.events)
        return sorted(((*key, n) for key, n in found.items()), key=lambda row: (row[0] == FEW, -row[1], _last(row[0])))

    def by_detail(self, column: str, detail: str) -> list[tuple[Any, ...]]:
        hidden = self.hidden(column)
        shown: dict[Any, set[Any]] = {}
        for value, some in _grouped(self.events, lambda event: event.get(column)).items():
            parts = _grouped(some, lambda event: event.get(detail))
            shown[value] = set() if value in hidden else set(parts) - self._folded(parts, None)
        found: dict[tuple[Any, Any], int] = defaultdict(int)
        for event in self.events:
            value, part = event.get(column), event.get(detail)
            found[(value, part) if part in shown[value] else (FEW, None)] += 1
        rows = [(*key, n) for key, n in found.items()]
        return sorted(rows, key=lambda row: (row[0] == FEW, -row[2], _last(row[0]), _last(row[1])))

    def shown_by_day(self, column: str) -> list[tuple[int, Any]]:
        """Return each event's day, and its value as it is told by days."""
        hidden = self.hidden(column)
        values = _grouped(self.events, lambda event: event.get(column))
        days = _grouped(self.events, self.day)
        rare = [
            (day, value)
            for (day, value), some in _grouped(self.events, lambda event: (self.day(event), event.get(column))).items()
            if value not in hidden and not _is_public(column, value) and self.rare(some)
        ]
        price: dict[Any, int] = defaultdict(int)
        for day, value in rare:
            price[value] += len(days[day])
        cheap = {value for value, cost in price.items() if len(values[value]) <= cost}
        hidden = _with_one_more(hidden | cheap, {value: len(some) for value, some in values.items()})
        blank = {day for day, value in rare if value not in hidden}
        blank = _with_one_more(blank, {day: len(some) for day, some in days.items()})
        return [
            (self.day(event), FEW if event.get(column) in hidden or self.day(event) in blank else event.get(column))
            for event in self.events
        ]

    def by_day(self, column: str) -> list[tuple[Any, ...]]:
        found = _counts(self.shown_by_day(column))
        rows = [(*key, n) for key, n in found.items()]
        return sorted(rows, key=lambda row: (row[0], row[1] == FEW, -row[2], _last(row[1])))

    def networks(self) -> list[tuple[Any, ...]]:
        def place(event: Event) -> str | None:
            if "ip" not in event:
                return None
            near = network(event["ip"])
            return near if self.k == 1 else wide(near)

        groups = _grouped(self.events, place)
        hidden = self._folded(groups, None)
        found = _counts((FEW if place(event) in hidden else place(event),) for event in self.events)
        return sorted(((*key, n) for key, n in found.items()), key=lambda row: (row[0] == FEW, -row[1], _last(row[0])))

    # --- two periods --------------------------------------------------------------------------------------------------

    def compare(
        self, of: str, before: tuple[int, int], after: tuple[int, int], *, movers: bool = False
    ) -> list[tuple[Any, ...]]:
        personal = of in {"browser", "os", "device", "language", "referrer", "zone"}
        placed = self.shown_by_day(of) if personal else [(event["time"], event.get(of)) for event in self.events]
        found: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
        for time, value in placed:
            for at, (since, until) in enumerate((before, after)):
                found[value][at] += since <= time < until
        rows = [(value, one, two, two - one) for value, (one, two) in found.items() if one + two]
        if movers:
            return sorted(rows, key=lambda row: (*_placed_last(row, personal), -abs(row[3]), _last(row[0])))
        return sorted(rows, key=lambda row: (*_placed_last(row, personal), -row[2], -row[1], _last(row[0])))


def is_error(event: Event) -> bool:
    """Return whether a request failed on the host's side."""
    return event.get("status", 0) >= 500 or event.get("failed") in {"before_start", "streaming", "after_end"}


def network(ip: str) -> str:
    """Return the network of an address, as the floor counts it."""
    if "/" in ip:
        return ip
    return str(ip_network(f"{ip}/{48 if ':' in ip else 24}", strict=False))


def wide(near: str) -> str:
    """Return the wider network in which a network lies."""
    place = ip_network(near)
    return str(place.supernet(new_prefix=min(place.prefixlen, 32 if place.version == 6 else 16)))


def _is_public(column: str | None, value: str | None) -> bool:
    return column == "referrer" and (value is None or "://" not in value)


def _with_one_more(rare: set[Any], sizes: dict[Any, int]) -> set[Any]:
    """Fold the next smallest too, where only one would be folded."""
    left = sorted((size, *_first(value), value) for value, size in sizes.items() if value not in rare)
    return rare | {left[0][-1]} if len(rare) == 1 and left else rare


def _counts(keys: Iterable[Hashable]) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for key in keys:
        found[key] += 1
    return found


def _grouped(events: Iterable[Event], key: Callable[[Event], Any]) -> dict[Any, list[Event]]:
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        found[key(event)].append(event)
    return found


def _quantile(values: list[int], percent: int) -> int:
    ordered = sorted(values)
    return next(one for at, one in enumerate(ordered, 1) if at * 100 >= percent * len(ordered))


def _last(value: Any) -> tuple[bool, Any]:
    """Sort None behind everything."""
    return value is None, "" if value is None else value


def _first(value: Any) -> tuple[bool, Any]:
    """Sort None before everything."""
    return value is not None, "" if value is None else value


def _placed_last(row: tuple[Any, ...], personal: bool) -> tuple[bool]:
    return (row[0] == FEW if personal else row[0] is None,)
