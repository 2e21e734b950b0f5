"""Asking an engine how often each value of each dimension was met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from smartify_core.requestlog.analysis import FEW, QUESTIONS, Engine

from ._facts import Ranking

_ONE_NAME: Final = ("statuses", "methods", "systems", "devices", "languages", "referrers")
Cells = Iterable[tuple[str | None, int]]


def rankings(engine: Engine) -> tuple[Mapping[str, Ranking], Sequence[str]]:
    """Return the rankings by question, and what the floor did to them, a sentence each.

    Time zones come thrice: all of them, those that the host's own page sent, and those that were derived by a proxy.
    """
    answers = {name: engine.ask(name) for name in (*_ONE_NAME, "browser_versions", "zones")}
    found = {name: ranked((_text(row[0]), _whole(row[-1])) for row in answers[name].rows) for name in _ONE_NAME}
    versions = answers["browser_versions"].rows
    found["browser_versions"] = ranked((_version(name, number), _whole(count)) for name, number, count in versions)
    zones = answers["zones"].rows
    found["zones"] = ranked((_text(zone), _whole(count)) for zone, _, count in zones)
    for source in ("app", "cdn"):
        of = [row for row in zones if (row[1] or "app") == source and row[0] != FEW]
        found[f"zones from {source}"] = ranked((_text(zone), _whole(count)) for zone, _, count in of)
    told = [one.floor for name, one in answers.items() if QUESTIONS[name].personal]
    told += [note for one in answers.values() for note in one.notes]
    return found, tuple(dict.fromkeys(filter(None, told)))


def ranked(cells: Cells) -> Ranking:
    """Return values and their numbers as a ranking. A value that the requests do not have is none."""
    counts: dict[str, int] = defaultdict(int)
    is_absent = False
    for name, count in cells:
        if name is None:
            is_absent = True
        else:
            counts[name] += count
    few = counts.pop(FEW, 0)
    # The floor folds what is not known as it folds every value.
    rows = tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return Ranking(rows, few, is_blurred=few > 0 and not is_absent)


def _version(name: object, number: object) -> str | None:
    return _text(name) if number is None else f"{name} {number}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(value: str | float | None) -> int:
    return int(value or 0)
