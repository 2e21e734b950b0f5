"""What is on record of an incident, read piece by piece: of ten thousand tenants one is held at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

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
    UNAFFECTED,
    numbered,
    of_tenant,
)
from smartify_core.policy.breach._said import open_calls
from smartify_core.policy.breach._vocabulary import Outcome
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._case import Case
from ._pages import Pages

#: What a customer may see of rounds: those that went out.
_SENT: Final = frozenset({RoundState.RELEASED, RoundState.SPREAD})
#: So many notices are held at once. Each may have a list of people with it.
_NOTICES: Final = 32
#: And so much of what is read along with them: of most tenants one or two.
_ALONG: Final = 100


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
        self._events = Pages(storage, sealer, EVENT, TimelineEvent)
        self._statements = Pages(storage, sealer, STATEMENT, Statement)
        self._impacts = Pages(storage, sealer, IMPACT, Impact)
        self._tenant_impacts = Pages(storage, sealer, TENANT_IMPACT, TenantImpact)
        self._unaffected: Pages[dict[str, Any]] = Pages(storage, sealer, UNAFFECTED, dict, at_once=_NOTICES)
        self._rounds = Pages(storage, sealer, ROUND, Round)
        self._notices = Pages(storage, sealer, NOTICE, Notice, at_once=_NOTICES)
        self._hearings = Pages(storage, sealer, HEARING, Hearing, at_once=_ALONG)
        self._deliveries = tuple(
            Pages(storage, sealer, kind, Delivery, at_once=_ALONG) for kind in (DELIVERY, DELIVERY_DONE)
        )
        self._deadlines: Pages[dict[str, Any]] = Pages(storage, sealer, DEADLINE, dict, at_once=_NOTICES)

    def events(self) -> Iterator[TimelineEvent]:
        """Yield what happened, in order; of one tenant what is about it alone."""
        for _, event in self._events.beginning_with(f"{self._incident}/"):
            if self._tenant in {None, event.tenant}:
                yield event

    def statement(self) -> Statement | None:
        """Return what is stated now. Nothing for one tenant: it may not have been told of it yet."""
        return self._statements.get(self._incident) if self._tenant is None else None

    def impacts(self) -> Iterator[Impact]:
        """Yield every computation that was finished, the first first."""
        for _, impact in self._impacts.beginning_with(f"{self._incident}/"):
            if impact.whole:
                yield impact

    def tenants(self, impact: Impact) -> Iterator[TenantImpact]:
        """Yield what may have been done to each tenant that is reached; of one tenant also that nothing was found."""
        if self._tenant is None:
            for _, one in self._tenant_impacts.beginning_with(f"{numbered(self._incident, impact.revision)}/"):
                yield one
            return
        found = self._tenant_impacts.get(of_tenant(self._incident, impact.revision, self._tenant))
        yield TenantImpact(self._tenant, Outcome.NOT_AFFECTED) if found is None else found

    def unaffected(self, impact: Impact) -> Iterator[tuple[str, ...]]:
        """Yield the ids of the tenants that are not affected, in order, some at a time; nothing for one tenant."""
        if self._tenant is None:
            for _, some in self._unaffected.beginning_with(f"{numbered(self._incident, impact.revision)}/"):
                yield tuple(some["tenants"])

    def rounds(self) -> Iterator[Round]:
        """Yield every round that is whole; of one tenant those that went out with a notice to it."""
        for _, one in self._rounds.beginning_with(f"{self._incident}/"):
            is_own = one.state in _SENT and self._own(one) is not None
            if is_own or (self._tenant is None and one.state is not RoundState.DRAFTING):
                yield one

    def calls(self) -> Mapping[str, Collection[int]]:
        """Return whom somebody has to call, and of which rounds: by tenant."""
        calls: dict[str, list[Hearing]] = {}
        for hearing in self._heard():
            # They come in order of round, so that whatever a later one takes back is known already.
            some = open_calls([*calls.pop(hearing.tenant, ()), hearing])
            if some:
                calls[hearing.tenant] = some
        return {tenant: {one.round for one in some} for tenant, some in calls.items()}

    def cases(self, one: Round, calls: Mapping[str, Collection[int]]) -> Iterator[Case]:
        """Yield every notice of a round with what became of it, in order of key; of one tenant its own.

        Args:
            one: The round.
            calls: What `calls` returned.
        """
        prefix = f"{numbered(self._incident, one.number)}/"
        if self._tenant is None:
            pages: Iterator[dict[str, Notice]] = self._notices.pages(prefix)
        else:
            notice = self._own(one)
            pages = iter(() if notice is None else ({self._key(notice): notice},))
        for page in pages:
            first, last = next(iter(page)), next(reversed(page))
            # Those that are open first: one that ends meanwhile is then met twice, and counts as it ended.
            deliveries: dict[str, dict[str, Delivery]] = defaultdict(dict)
            for kind in self._deliveries:
                for key, held in kind.between(first, last):
                    deliveries[key.rpartition("/")[0]][held.contact] = held
            # A tenant's own is looked for under its own key. Of a page they begin just before its first key.
            hearings = (
                {first: self._hearings.get(first)}
                if self._tenant is not None
                else dict(self._hearings.between(first[:-1], last))
            )
            for key, notice in page.items():
                in_order = sorted(deliveries.get(key, {}).values(), key=lambda held: (held.tier, held.contact))
                to_call = notice.round in calls.get(notice.tenant, ())
                yield Case(notice, hearings.get(key), tuple(in_order), to_call)

    def deadline_records(self) -> Iterator[dict[str, Any]]:
        """Yield what was said of deadlines, as it is kept; nothing for one tenant, as others stand in it."""
        if self._tenant is None:
            for _, held in self._deadlines.beginning_with(f"{self._incident}/"):
                yield held

    def _heard(self) -> Iterator[Hearing]:
        """Yield the hearings of each round, the first round's first; of one tenant its own."""
        if self._tenant is None:
            for _, hearing in self._hearings.beginning_with(f"{self._incident}/"):
                yield hearing
            return
        for one in self.rounds():
            own = self._hearings.get(of_tenant(self._incident, one.number, self._tenant))
            if own is not None:
                yield own

    def _own(self, one: Round) -> Notice | None:
        if self._tenant is None:
            return None
        return self._notices.get(of_tenant(self._incident, one.number, self._tenant))

    def _key(self, notice: Notice) -> str:
        return of_tenant(self._incident, notice.round, notice.tenant)
