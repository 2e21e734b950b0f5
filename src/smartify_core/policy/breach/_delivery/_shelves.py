"""The documents that deliveries are made from, and are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from smartify_core.errors import SealBroken, WrongKey
from smartify_core.model import Document
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy._log import log
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach._customer import Contact, Customer
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._notice import Delivery, Hearing, Notice, Round
from smartify_core.policy.breach._places import (
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

from ._progress import NoticePlace, has_heard


class Shelves:
    """The shelves of incidents, notices and their deliveries.

    Args:
        storage: Where they are.
        sealer: What seals them.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self.storage = storage
        self.incidents = Shelf(storage, sealer, INCIDENT, Incident)
        self.rounds = Shelf(storage, sealer, ROUND, Round)
        self.notices = Shelf(storage, sealer, NOTICE, Notice)
        self.customers = Shelf(storage, sealer, CUSTOMER, Customer)
        self.reach = Shelf(storage, sealer, REACH, Reach)
        self.hearings = Shelf(storage, sealer, HEARING, Hearing)
        self.open = Shelf(storage, sealer, DELIVERY, Delivery)
        self.done = Shelf(storage, sealer, DELIVERY_DONE, Delivery)
        self.codes = Shelf(storage, sealer, CODE, NoticePlace)

    def page(self, kind: str, after: str, limit: int) -> Sequence[Document]:
        """Return the next page of documents of a kind beyond a key. Raises `StorageError`."""
        return self.storage.documents(LEDGER, kind, after=(kind, after) if after else None, limit=limit)

    def opened(self, document: Document) -> Delivery | None:
        """Return an open delivery; ``None`` where its document was broken: the others still have to leave."""
        try:
            return self.open.opened(document)
        except (SealBroken, WrongKey) as error:
            log().error("a delivery cannot be opened and is passed over", code=error.code, key=document.key)
            return None

    def notices_at(self, keys: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices under these keys, as far as they can be opened: those that lie together in one page."""
        if not keys:
            return {}
        # What sorts right before the first key, as good as certainly: a key ends with 128 bits of a hash.
        page = {one.key: one for one in self.page(NOTICE, min(keys)[:-1], len(keys))}
        found: dict[str, Notice] = {}
        for key in keys:
            document = page.get(key) or self.storage.document(LEDGER, NOTICE, key)
            try:
                if document is not None:
                    found[key] = self.notices.opened(document)
            except (SealBroken, WrongKey) as error:
                log().error("a notice cannot be opened", code=error.code, key=key)
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

    def may_go(self, incident_id: str, now: datetime) -> bool:
        """Return whether notices of an incident may leave: it is not over, and no police hold stands over it."""
        incident, _ = self.incidents.get(incident_id)
        return incident is not None and not incident.state.is_over and not incident.is_held(now)

    def has_heard_later(self, hearing: Hearing) -> bool:
        """Return whether the customer has heard of a later notice of the same incident."""
        incident, _ = self.incidents.get(hearing.incident)
        for number in range(hearing.round + 1, 1 + (incident.rounds if incident else 0)):
            later, _ = self.hearings.get(of_tenant(hearing.incident, number, hearing.tenant))
            if later is not None and has_heard(later):
                return True
        return False
