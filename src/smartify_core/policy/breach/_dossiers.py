"""Reading what is on record around an incident: in one pass, and in as few steps as the store allows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from smartify_core.model import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._clocks import Deadline, deadlines_of
from ._customer import Customer
from ._dossier import Dossier
from ._impact import Impact, TenantImpact
from ._incident import Incident
from ._notice import Delivery, Hearing, Round
from ._places import CUSTOMER, DEADLINE, DELIVERY, DELIVERY_DONE, HEARING, IMPACT, ROUND, TENANT_IMPACT, numbered
from ._rules import BreachRules
from ._said import DeadlineRecord, Said
from ._vocabulary import Outcome

_Value = TypeVar("_Value")
#: A round, and a tenant.
_Place: TypeAlias = tuple[int, str]


class Dossiers:
    """Reads what is on record around incidents, in as few steps as the store allows.

    Args:
        storage: Where it is.
        sealer: What opens it.
        rules: What the host promises.
    """

    def __init__(self, storage: Storage, sealer: Sealer, rules: BreachRules) -> None:
        self._storage = storage
        self._rules = rules
        self._impacts = Shelf(storage, sealer, IMPACT, Impact)
        self._tenants = Shelf(storage, sealer, TENANT_IMPACT, TenantImpact)
        self._customers = Shelf(storage, sealer, CUSTOMER, Customer)
        self._rounds = Shelf(storage, sealer, ROUND, Round)
        self._hearings = Shelf(storage, sealer, HEARING, Hearing)
        self._records = Shelf(storage, sealer, DEADLINE, DeadlineRecord)
        self._deliveries: Final = {kind: Shelf(storage, sealer, kind, Delivery) for kind in (DELIVERY, DELIVERY_DONE)}

    def customers(self) -> dict[str, Customer]:
        """Return every customer on record, by tenant. Raises `StorageError`."""
        return {customer.tenant: customer for _, customer, _ in self._customers.all()}

    def impact(self, incident: Incident) -> Impact | None:
        """Return the latest impact of an incident that is kept whole, if there is one. Raises `StorageError`."""
        for revision in range(incident.impact_revision, 0, -1):
            impact, _ = self._impacts.get(numbered(incident.id, revision))
            if impact is not None and impact.whole:
                return impact
        return None

    def rounds(self, incident: Incident) -> tuple[Round, ...]:
        """Return the rounds of notices of an incident, the first first. Raises `StorageError`."""
        return tuple(self._each(self._rounds, ROUND, f"{incident.id}/"))

    def of(self, incident: Incident) -> Dossier:
        """Return what is on record around an incident. Raises `StorageError`."""
        impact = self.impact(incident)
        hearings: dict[str, list[Hearing]] = defaultdict(list)
        for hearing in self._each(self._hearings, HEARING, f"{incident.id}/"):
            hearings[hearing.tenant].append(hearing)
        return Dossier(
            incident,
            impact,
            None if impact is None else tuple(self._owed(impact)),
            dict(hearings),
            self.rounds(incident),
            Said(self.records(incident)),
        )

    def deadlines(self, dossier: Dossier, customers: Mapping[str, Customer], now: datetime) -> Iterator[Deadline]:
        """Yield every deadline of an incident, those that are over included."""
        return deadlines_of(dossier.incident, dossier.owed, customers, dossier.hearings, rules=self._rules, now=now)

    def records(self, incident: Incident) -> Iterator[DeadlineRecord]:
        """Yield what was said of an incident's deadlines, in order. Raises `StorageError`."""
        return self._each(self._records, DEADLINE, f"{incident.id}/")

    def deliveries(self, incident: Incident) -> Mapping[_Place, Counter[str]]:
        """Return how many deliveries of each round and tenant are in each state. Raises `StorageError`."""
        found: dict[_Place, Counter[str]] = defaultdict(Counter)
        for kind, shelf in self._deliveries.items():
            for one in self._each(shelf, kind, f"{incident.id}/"):
                found[one.round, one.tenant][one.state.value] += 1
        return found

    def _owed(self, impact: Impact) -> Iterator[str]:
        outcomes = {Outcome.AFFECTED}
        if self._rules.notify_ciphertext_only:
            outcomes.add(Outcome.CIPHERTEXT_ONLY)
        if not any(impact.counts.get(one.value) for one in outcomes):
            return
        for one in self._each(self._tenants, TENANT_IMPACT, f"{numbered(impact.incident, impact.revision)}/"):
            if one.outcome in outcomes:
                yield one.tenant

    def _each(self, shelf: Shelf[_Value], kind: str, prefix: str) -> Iterator[_Value]:
        """Yield the values whose keys begin with ``prefix``, in the largest pages that there are."""
        after = (kind, prefix)
        while page := self._storage.documents(LEDGER, kind, after=after):
            for document in page:
                if not document.key.startswith(prefix):
                    return
                yield shelf.opened(document)
            after = (kind, page[-1].key)
