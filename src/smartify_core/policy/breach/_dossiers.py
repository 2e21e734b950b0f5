"""Reading what is on record around an incident: in one pass, and in as few steps as the store allows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from smartify_core.errors import SmartifyError
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
from ._readable import readable
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

    def customers(self, trouble: list[SmartifyError] | None = None) -> dict[str, Customer]:
        """Return every customer on record that opens, by tenant. Of the others the host's own times are known.

        Args:
            trouble: Is given the error of each that does not open.

        Raises:
            StorageError: The store could not be read.
        """
        every = readable(self._storage, self._customers, CUSTOMER, [] if trouble is None else trouble)
        return {customer.tenant: customer for _, customer in every}

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
        owed = None if impact is None else self._owed(impact)
        rounds = self.rounds(incident)
        outdated = () if impact is None or owed is None else self._outdated(impact, owed, rounds, hearings)
        return Dossier(
            incident,
            impact,
            None if owed is None else tuple(owed),
            dict(hearings),
            rounds,
            Said(self.records(incident)),
            frozenset(outdated),
        )

    def deadlines(self, dossier: Dossier, customers: Mapping[str, Customer], now: datetime) -> Iterator[Deadline]:
        """Yield every deadline of an incident, those that are over included."""
        return deadlines_of(dossier.incident, dossier.owed, customers, dossier.counted, rules=self._rules, now=now)

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

    def _outdated(
        self,
        impact: Impact,
        owed: Mapping[str, TenantImpact],
        rounds: Iterable[Round],
        hearings: Mapping[str, Sequence[Hearing]],
    ) -> Iterator[_Place]:
        """Yield the notices that say what is not so by the latest impact, which finds otherwise of their tenants.

        A tenant that an impact owes nothing was told so, if it was told anything: by a correction.
        """
        told: dict[int, Mapping[str, TenantImpact]] = {impact.revision: owed}
        revisions = {one.number: one.impact_revision for one in rounds}
        for one in chain.from_iterable(hearings.values()):
            revision = revisions.get(one.round, impact.revision)
            if revision not in told:
                told[revision] = self._owed_by(impact, revision, owed)
            if told[revision].get(one.tenant) != owed.get(one.tenant):
                yield one.round, one.tenant

    def _owed_by(self, latest: Impact, revision: int, owed: Mapping[str, TenantImpact]) -> Mapping[str, TenantImpact]:
        """Return what an earlier impact found of whom it owes notices; that of the latest where it found the same."""
        before, _ = self._impacts.get(numbered(latest.incident, revision))
        if before is None or (before.digest and before.digest == latest.digest):
            return owed
        return self._owed(before)

    def _owed(self, impact: Impact) -> dict[str, TenantImpact]:
        """Return what an impact found of the tenants that it owes notices."""
        outcomes = {Outcome.AFFECTED}
        if self._rules.notify_ciphertext_only:
            outcomes.add(Outcome.CIPHERTEXT_ONLY)
        if not any(impact.counts.get(one.value) for one in outcomes):
            return {}
        every = self._each(self._tenants, TENANT_IMPACT, f"{numbered(impact.incident, impact.revision)}/")
        return {one.tenant: one for one in every if one.outcome in outcomes}

    def _each(self, shelf: Shelf[_Value], kind: str, prefix: str) -> Iterator[_Value]:
        """Yield the values whose keys begin with ``prefix``, in the largest pages that there are."""
        after = (kind, prefix)
        while page := self._storage.documents(LEDGER, kind, after=after):
            for document in page:
                if not document.key.startswith(prefix):
                    return
                yield shelf.opened(document)
            after = (kind, page[-1].key)
