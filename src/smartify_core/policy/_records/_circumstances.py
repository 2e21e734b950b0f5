"""What grants and provisions depend on: whether an issue is open, and whether a condition holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from attrs import frozen

from smartify_core.errors import GrantInvalid, UsageError
from smartify_core.policy._access._facts import Grant, check_id
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._anew import begun_anew
from ._grant_places import GRANT

#: Tells whether an issue is open in the host's own system; ``None`` where it cannot tell.
TicketIsOpen = Callable[[str], "bool | None"]

_TICKET: Final = "ticket"
_CONDITION: Final = "condition"


@frozen(order=False)
class _Standing:
    holds: bool
    since: datetime


class Circumstances:
    """Issues that were closed, and conditions of provisions.

    Args:
        storage: Where they are on record.
        sealer: What seals the records.
        trail: What every change is recorded in, in the same step.
        ticket_is_open: Asks the host's issue tracker; without it an issue is open until `close` says otherwise.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, trail: Trail, *, ticket_is_open: TicketIsOpen | None = None
    ) -> None:
        self._trail = trail
        self._grants = Shelf(storage, sealer, GRANT, Grant)
        self._tickets = Shelf(storage, sealer, _TICKET, _Standing)
        self._conditions = Shelf(storage, sealer, _CONDITION, _Standing)
        self._ticket_is_open = ticket_is_open

    def close(self, ticket: str, *, by: str) -> None:
        """Say that an issue is closed: grants that were for it open nothing from now on."""
        self._set_ticket(ticket, by, is_open=False)

    def reopen(self, ticket: str, *, by: str) -> None:
        """Say that an issue is open again.

        Raises:
            GrantInvalid: Whoever says so has a grant for it: somebody else has to.
            UsageError: An id is not a valid one.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        if any(grant.ticket == ticket for _, grant, _ in self._grants.beginning_with(f"{by}/")):
            raise GrantInvalid(
                "whoever has a grant for an issue does not reopen it", where="by", cure="Have somebody else do it."
            )
        self._set_ticket(ticket, by, is_open=True)

    def tickets(self, named: Iterable[str]) -> Mapping[str, bool | None]:
        """Return of each issue whether it is open; ``None`` where nobody can tell. Asks the tracker of each once."""
        return {ticket: self._is_open(ticket) for ticket in named}

    def recorded(self, named: Iterable[str]) -> Mapping[str, bool]:
        """Return of each issue whether it was not closed by `close`. Nothing opens by it: it asks no tracker."""
        return {ticket: not self._is_closed(ticket) for ticket in named}

    @begun_anew
    def state(self, tenant: str, condition: str, *, holds: bool, by: str) -> None:
        """Say whether a condition that a provision names holds for a tenant.

        Raises:
            UsageError: An id is none.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("condition", condition)
        check_id("by", by)
        key = _key(tenant, condition)
        _, version = self._conditions.get(key)
        now = self._trail.now()
        entry = AuditRecord("condition.stated", now, tenant, by, facts={"condition": condition, "holds": holds})
        self._trail.append(entry, documents=[self._conditions.put(key, _Standing(holds, now), over=version)])

    def conditions(self, tenant: str, named: Iterable[str]) -> Mapping[str, bool | None]:
        """Return of each condition whether it holds for a tenant; ``None`` where nobody has said."""
        found = {name: self._conditions.get(_key(tenant, name))[0] for name in named}
        return {name: None if one is None else one.holds for name, one in found.items()}

    def _is_open(self, ticket: str) -> bool | None:
        if self._is_closed(ticket):
            return False
        if self._ticket_is_open is None:
            return True
        try:
            answer: object = self._ticket_is_open(ticket)
        except Exception:  # noqa: BLE001 - whatever the host's tracker raises, it has not said that the issue is open
            return None
        return answer if isinstance(answer, bool) else None

    def _is_closed(self, ticket: str) -> bool:
        held, _ = self._tickets.get(ticket)
        return held is not None and not held.holds

    @begun_anew
    def _set_ticket(self, ticket: str, by: str, *, is_open: bool) -> None:
        check_id("ticket", ticket)
        check_id("by", by)
        _, version = self._tickets.get(ticket)
        now = self._trail.now()
        entry = AuditRecord("ticket.reopened" if is_open else "ticket.closed", now, actor=by, facts={"ticket": ticket})
        self._trail.append(entry, documents=[self._tickets.put(ticket, _Standing(is_open, now), over=version)])


def _key(tenant: str, condition: str) -> str:
    if not tenant:
        raise UsageError("a condition holds for a tenant", where="tenant", cure="Name one.")
    return f"{condition}/{tenant}"
