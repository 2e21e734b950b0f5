"""How grants were used: read from the audit trail in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from attrs import define, field

from smartify_core.policy._access._hygiene import Use
from smartify_core.policy._vocabulary import PersonalField
from smartify_core.policy.audit import AuditEntry

_FIELDS: Final = {one.value: one for one in PersonalField}


@define
class _Tally:
    times: int = 0
    last: datetime | None = None
    fields: set[str] = field(factory=set)
    overrides: set[str] = field(factory=set)


def uses_in(entries: Iterable[AuditEntry]) -> Mapping[str, Use]:
    """Return how each grant was used, by its id."""
    tallies: dict[str, _Tally] = {}
    for entry in entries:
        record = entry.record
        grant = record.facts.get("grant")
        if record.kind not in _OPENINGS or not isinstance(grant, str):
            continue
        tally = tallies.setdefault(grant, _Tally())
        tally.times += 1
        tally.last = record.at
        tally.fields.update(_texts(record.facts.get("fields")))
        tally.overrides.update(_texts(record.facts.get("overrides")))
    return {
        grant: Use(
            tally.times,
            tally.last,
            frozenset(_FIELDS[one] for one in tally.fields if one in _FIELDS),
            frozenset(tally.overrides),
        )
        for grant, tally in tallies.items()
        if tally.last is not None
    }


_OPENINGS: Final = frozenset({"access.granted", "export.granted"})


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()
