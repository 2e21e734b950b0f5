"""Legal holds: what forbids for a while that somebody's account ends."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from smartify_core.model import LegalHold
from smartify_core.storage.walks import every_tenant

from . import _exit_codes as exit_codes
from ._documents import Document
from ._output import Output
from ._policy_of import Opened, opened


def place(
    output: Output, file: Path, tenant: str, source_id: str | None, *, by: str, reason: str, until: datetime | None
) -> int:
    """Forbid that a person's account ends, or any of the customer's."""
    with opened(file, tenant) as at:
        hold = at.policy.holds.place(tenant, source_id, by=by, reason=reason, until=until)
        return _told(output, at, hold)


def release(output: Output, file: Path, tenant: str, source_id: str | None, *, by: str, reason: str) -> int:
    """End a hold."""
    with opened(file) as at:
        hold = at.policy.holds.release(tenant, source_id, by=by, reason=reason)
        output.document({"released": _of_hold(hold, at.policy.trail.now())})
    output.line(f"{_whom(hold)}: the hold is released; what waited ends with the next run")
    return exit_codes.DONE


def listing(output: Output, file: Path, tenant: str | None) -> int:
    """Print the holds: of whom, since when and until when, and not why."""
    with opened(file) as at:
        names = [tenant] if tenant else [one.tenant for one in every_tenant(at.storage)]
        found = [hold for name in names for hold in at.policy.holds.of(name)]
        now = at.policy.trail.now()
    output.document({"holds": [_of_hold(one, now) for one in found]})
    for one in found:
        output.line(_line(one, now))
    if not found:
        output.note("There are no legal holds.")
    return exit_codes.DONE


def _told(output: Output, at: Opened, hold: LegalHold) -> int:
    now = at.policy.trail.now()
    output.document({"hold": _of_hold(hold, now)})
    output.line(_line(hold, now))
    return exit_codes.DONE


def _of_hold(hold: LegalHold, now: datetime) -> Document:
    return {
        "tenant": hold.tenant,
        "account_id": hold.account_id,
        "source_id": hold.source_id,
        "placed_at": hold.placed_at.isoformat(),
        "by": hold.by,
        "until": None if hold.until is None else hold.until.isoformat(),
        "holds": hold.holds_at(now),
    }


def _whom(hold: LegalHold) -> str:
    return f"{hold.tenant}, everybody" if hold.source_id is None else f"{hold.tenant}, source id {hold.source_id}"


def _line(hold: LegalHold, now: datetime) -> str:
    until = "until it is released" if hold.until is None else f"until {hold.until:%Y-%m-%d %H:%M}Z"
    over = "" if hold.holds_at(now) else "  (over)"
    return f"{_whom(hold)}  since {hold.placed_at:%Y-%m-%d %H:%M}Z  {until}  by {hold.by}{over}"
