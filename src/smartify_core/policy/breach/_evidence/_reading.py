"""What is on record of an incident, read piece by piece: of ten thousand tenants one is held at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach._answers import Statement
from smartify_core.policy.breach._impact import Impact, TenantImpact
from smartify_core.policy.breach._incident import TimelineEvent
from smartify_core.policy.breach._notice import Delivery, Hearing, Notice, Round, RoundState
from smartify_core.policy.breach._places import (
    DEADLINE,
    DELIVERY,
    DELIVERY_DONE,
    EVENT,
    HEARING,
    IMPACT,
    NOTICE,
    ROUND,
    STATEMENT,
    TENANT_IMPACT,
    numbered,
    of_tenant,
)
from smartify_core.policy.breach._vocabulary import Outcome
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._case import Case

#: What a customer may see of rounds: those that went out.
_SENT = frozenset({RoundState.RELEASED, RoundState.SPREAD})


class OnRecord:
    """What is on record of one incident.

    Args:
        storage: Where it is.
        sealer: What opens it.
        incident: The incident's id.
        tenant: The one tenant of which it is read; ``None`` for all.
    """

    def __init__(self, storage: Storage, sealer: Sealer, incident: str, tenant: str | None) -> None:
        self._incident = incident
        self._tenant = tenant
        self._events = Shelf(storage, sealer, EVENT, TimelineEvent)
        self._statements = Shelf(storage, sealer, STATEMENT, Statement)
        self._impacts = Shelf(storage, sealer, IMPACT, Impact)
        self._tenant_impacts = Shelf(storage, sealer, TENANT_IMPACT, TenantImpact)
        self._rounds = Shelf(storage, sealer, ROUND, Round)
        self._notices = Shelf(storage, sealer, NOTICE, Notice)
        self._hearings = Shelf(storage, sealer, HEARING, Hearing)
        self._deliveries = tuple(Shelf(storage, sealer, kind, Delivery) for kind in (DELIVERY, DELIVERY_DONE))
        self._deadlines: Shelf[dict[str, Any]] = Shelf(storage, sealer, DEADLINE, dict)

    def events(self) -> Iterator[TimelineEvent]:
        """Yield what happened, in order; of one tenant what is about it alone."""
        for _, event, _ in self._events.beginning_with(f"{self._incident}/"):
            if self._tenant in {None, event.tenant}:
                yield event

    def statement(self) -> Statement | None:
        """Return what is stated now. Nothing for one tenant: it may not have been told of it yet."""
        return self._statements.get(self._incident)[0] if self._tenant is None else None

    def impacts(self) -> Iterator[Impact]:
        """Yield every computation that was finished, the first first."""
        for _, impact, _ in self._impacts.beginning_with(f"{self._incident}/"):
            if impact.whole:
                yield impact

    def tenants(self, impact: Impact) -> Iterator[TenantImpact]:
        """Yield what may have been done to each tenant; of one tenant also that nothing was found."""
        if self._tenant is None:
            for _, one, _ in self._tenant_impacts.beginning_with(f"{numbered(self._incident, impact.revision)}/"):
                yield one
            return
        found, _ = self._tenant_impacts.get(of_tenant(self._incident, impact.revision, self._tenant))
        yield TenantImpact(self._tenant, Outcome.NOT_AFFECTED) if found is None else found

    def rounds(self) -> Iterator[Round]:
        """Yield every round that is whole; of one tenant those that went out with a notice to it."""
        for _, one, _ in self._rounds.beginning_with(f"{self._incident}/"):
            is_own = one.state in _SENT and self._own(one) is not None
            if is_own or (self._tenant is None and one.state is not RoundState.DRAFTING):
                yield one

    def cases(self, one: Round) -> Iterator[Case]:
        """Yield every notice of a round with what became of it, in order of key; of one tenant its own."""
        if self._tenant is not None:
            notice = self._own(one)
            found = iter(() if notice is None else ((self._key(notice), notice),))
        else:
            within = self._notices.beginning_with(f"{numbered(self._incident, one.number)}/")
            found = ((key, notice) for key, notice, _ in within)
        for key, notice in found:
            # Those that are open first: one that ends meanwhile is then met twice, and counts as it ended.
            found_twice = (held for shelf in self._deliveries for _, held, _ in shelf.beginning_with(f"{key}/"))
            deliveries = {held.contact: held for held in found_twice}.values()
            in_order = sorted(deliveries, key=lambda held: (held.tier, held.contact))
            yield Case(notice, self._hearings.get(key)[0], tuple(in_order))

    def deadline_records(self) -> Iterator[dict[str, Any]]:
        """Yield what was said of deadlines, as it is kept; nothing for one tenant, as others stand in it."""
        if self._tenant is None:
            for _, held, _ in self._deadlines.beginning_with(f"{self._incident}/"):
                yield held

    def _own(self, one: Round) -> Notice | None:
        if self._tenant is None:
            return None
        return self._notices.get(of_tenant(self._incident, one.number, self._tenant))[0]

    def _key(self, notice: Notice) -> str:
        return of_tenant(self._incident, notice.round, notice.tenant)
