"""Whether anything was recorded after an impact that its scopes may reach: then it may not tell of everybody."""

from __future__ import annotations

from typing import Final

from smartify_core.policy.audit import Trail

from ._impact import Impact

#: The beginnings of the kinds of entries by which data is reached, or that let somebody in who may reach it later.
_REACHING: Final = (
    "access.granted",
    "export.granted",
    "reason.read",
    "communication.kept",
    "grant.",
    "employee.",
    "vendor.",
)
#: What the bytes of such an entry have, whoever wrote them: entries are canonical JSON (RFC 8785).
_MARKS: Final = tuple(f'"kind":"{one}'.encode() for one in _REACHING)


def has_gone_on(trail: Trail, impact: Impact) -> bool:
    """Return whether the trail has entries that an impact did not look at, and that lie in a window of its scopes.

    It does not find out whom they concern: that is what assessing again does. A window that is over makes what comes
    later none of its matter.

    Args:
        trail: The trail that the impact was computed from.
        impact: The impact.

    Raises:
        TrailBroken: What is there is no entry.
        StorageError: The store could not be read.
    """
    ends = [one.until for one in impact.scopes if one.until is not None]
    is_open, last = len(ends) < len(impact.scopes), max(ends, default=None)
    for stored in trail.contents(after=impact.trail_size - 1 if impact.trail_size else None):
        if any(mark in stored.content for mark in _MARKS):
            record = trail.entry(stored.position - 1).record
            if record.kind.startswith(_REACHING) and (is_open or (last is not None and record.at < last)):
                return True
    return False
