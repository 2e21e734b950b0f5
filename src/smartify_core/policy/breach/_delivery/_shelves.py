"""The documents that deliveries are made from, and are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from smartify_core.errors import NewerSchema, SealBroken, WrongKey
from smartify_core.model import Document
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy._log import log
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach._customer import Contact, ContactChange, Customer
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._notice import Delivery, Hearing, Notice, Round
from smartify_core.policy.breach._places import (
    CHANGED,
    CODE,
    CUSTOMER,
    DELIVERY,
    DELIVERY_DONE,
    HEARING,
    INCIDENT,
    NOTICE,
    REACH,
    ROUND,
    of_tenant,
)
from smartify_core.policy.breach._reach import Reach
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import documents_at, every_document

from ._progress import NoticePlace, has_heard

_Value = TypeVar("_Value")
#: What a document is that cannot be opened: there, and nothing that can be read or written over.
BROKEN: Final = -1


class PatientShelf(Shelf[_Value]):
    """A shelf that passes over what cannot be opened: a single broken document keeps nobody else's notice back.

    Args:
        storage: Where they are.
        sealer: What opens them.
        kind: Their kind.
        type_: What each of them holds.
        broken: Takes the kind and the key of everything that could not be opened. Without it nothing is passed over,
            and errors are raised as by any shelf.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, kind: str, type_: type[_Value], broken: set[tuple[str, str]] | None
    ) -> None:
        super().__init__(storage, sealer, kind, type_)
        self._broken = broken

    def get(self, key: str) -> tuple[_Value | None, int]:
        """Return the value under ``key`` and its version; ``None`` and `BROKEN` for one that cannot be opened."""
        document = self._storage.document(self._tenant, self._kind, key)
        if document is None:
            return None, 0
        value = self.tried(document)
        return value, BROKEN if value is None else document.version

    def some(self, keys: Collection[str]) -> Mapping[str, tuple[_Value, int]]:
        """Return those of these keys that are there and can be opened."""
        found = documents_at(self._storage, self._tenant, self._kind, keys)
        values = ((key, self.tried(document), document.version) for key, document in found.items())
        return {key: (value, version) for key, value, version in values if value is not None}

    def all(self) -> Iterator[tuple[str, _Value, int]]:
        """Yield everything that can be opened."""
        return self._each(every_document(self._storage, self._tenant, self._kind))

    def beginning_with(self, prefix: str) -> Iterator[tuple[str, _Value, int]]:
        """Yield everything whose key begins with ``prefix``, and that can be opened."""
        after = (self._kind, prefix)
        while page := self._storage.documents(self._tenant, self._kind, after=after):
            ours = [one for one in page if one.key.startswith(prefix)]
            yield from self._each(ours)
            if len(ours) < len(page):
                return
            after = (self._kind, page[-1].key)

    def tried(self, document: Document) -> _Value | None:
        """Return what a document holds, or ``None``. That it cannot be opened is logged, and counted."""
        try:
            return self.opened(document)
        except (SealBroken, WrongKey, NewerSchema) as error:
            if self._broken is None:
                raise
            self._broken.add((self._kind, document.key))
            log().error("a document cannot be opened and is passed over", code=error.code, kind=self._kind)
            return None

    def is_broken(self, key: str) -> bool:
        """Return whether the document under ``key`` was met, and could not be opened."""
        return self._broken is not None and (self._kind, key) in self._broken

    def _each(self, documents: Iterable[Document]) -> Iterator[tuple[str, _Value, int]]:
        for document in documents:
            value = self.tried(document)
            if value is not None:
                yield document.key, value, document.version


class Shelves:
    """The shelves of incidents, notices and their deliveries.

    Args:
        storage: Where they are.
        sealer: What seals them.
        broken: Takes the kind and the key of everything that could not be opened. Without it errors are raised.
    """

    def __init__(self, storage: Storage, sealer: Sealer, broken: set[tuple[str, str]] | None = None) -> None:
        self.storage = storage
        self.sealer = sealer
        self.broken = broken
        self._seen: dict[str, tuple[int, Incident | None]] = {}
        self.incidents = self._shelf(INCIDENT, Incident)
        self.rounds = self._shelf(ROUND, Round)
        self.notices = self._shelf(NOTICE, Notice)
        self.customers = self._shelf(CUSTOMER, Customer)
        self.changed = self._shelf(CHANGED, ContactChange)
        self.reach = self._shelf(REACH, Reach)
        self.hearings = self._shelf(HEARING, Hearing)
        self.open = self._shelf(DELIVERY, Delivery)
        self.done = self._shelf(DELIVERY_DONE, Delivery)
        self.codes = self._shelf(CODE, NoticePlace)

    def _shelf(self, kind: str, type_: type[_Value]) -> PatientShelf[_Value]:
        return PatientShelf(self.storage, self.sealer, kind, type_, self.broken)

    def patient(self) -> Shelves:
        """Return the same shelves for one run, that pass over what cannot be opened."""
        return Shelves(self.storage, self.sealer, set())

    def page(self, kind: str, after: str, limit: int) -> Sequence[Document]:
        """Return the next page of documents of a kind beyond a key. Raises `StorageError`."""
        return self.storage.documents(LEDGER, kind, after=(kind, after) if after else None, limit=limit)

    def opened(self, document: Document) -> Delivery | None:
        """Return an open delivery; ``None`` where its document was broken: the others still have to leave."""
        return self.open.tried(document)

    def notices_at(self, keys: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices under these keys, as far as they can be opened: those that lie together in one page."""
        if not keys:
            return {}
        # What sorts right before the first key, as good as certainly: a key ends with 128 bits of a hash.
        page = {one.key: one for one in self.page(NOTICE, min(keys)[:-1], len(keys))}
        found: dict[str, Notice] = {}
        for key in keys:
            document = page.get(key) or self.storage.document(LEDGER, NOTICE, key)
            notice = None if document is None else self.notices.tried(document)
            if notice is not None:
                found[key] = notice
        return found

    def ways(self, tenant: str) -> tuple[Customer | None, tuple[Contact, ...]]:
        """Return the customer of a tenant, and the contacts of it that something can be sent to."""
        return self.ways_to([tenant]).get(tenant, (None, ()))

    def ways_to(self, tenants: Collection[str]) -> Mapping[str, tuple[Customer, tuple[Contact, ...]]]:
        """Return what `ways` does of those of these tenants that are customers."""
        customers, reach = self.customers.some(tenants), self.reach.some(tenants)
        return {
            tenant: (one, reach[tenant][0].usable(one) if tenant in reach else one.contacts)
            for tenant, (one, _) in customers.items()
        }

    def is_right(self, delivery: Delivery, customers: Mapping[str, tuple[Customer, int]]) -> bool:
        """Return whether the contact of a delivery still is what it was when it was queued.

        What a customer that cannot be opened has by now nobody knows: its notices go where they were to go.
        """
        if delivery.tenant not in customers:
            return self.customers.is_broken(delivery.tenant)
        contact = customers[delivery.tenant][0].contact(delivery.contact)
        return contact is not None and contact.way == (delivery.channel, delivery.address, delivery.key_id)

    def may_go(self, incident_id: str, now: datetime) -> bool:
        """Return whether notices of an incident may leave: it is not over, and no police hold stands over it."""
        incident = self._incident(incident_id)
        return incident is not None and not incident.state.is_over and not incident.is_held(now)

    def _incident(self, incident_id: str) -> Incident | None:
        """Return an incident as it is now. It is asked for before every message, and opened only where it changed."""
        document = self.storage.document(LEDGER, INCIDENT, incident_id)
        if document is None:
            return None
        version, incident = self._seen.get(incident_id, (0, None))
        if version != document.version:
            incident = self.incidents.tried(document)
            self._seen[incident_id] = (document.version, incident)
        return incident

    def has_heard_later(self, hearing: Hearing) -> bool:
        """Return whether the customer has heard of a later notice of the same incident."""
        incident, _ = self.incidents.get(hearing.incident)
        for number in range(hearing.round + 1, 1 + (incident.rounds if incident else 0)):
            later, _ = self.hearings.get(of_tenant(hearing.incident, number, hearing.tenant))
            if later is not None and has_heard(later):
                return True
        return False
