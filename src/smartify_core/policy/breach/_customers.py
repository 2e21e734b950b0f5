"""Customers on record: whom to tell of a breach, how, and by when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from smartify_core.errors import ContactInvalid, UnknownRecord, UnknownTenant, UsageError
from smartify_core.model import PutDocument
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._ledger import LEDGER, is_key
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._certificates import check_certificate
from ._customer import ContactChange, Customer
from ._notifier import Notifier
from ._places import CHANGED, CUSTOMER, REACH
from ._reach import Reach
from ._sending import by_channel
from ._tenants_named import is_known_tenant


class Customers:
    """The customers on record, by tenant.

    Contacts are business contacts of a customer, and no data of its users. They outlive its off-boarding: a breach of
    before must still be told. They are removed by `remove`, and by nothing else.

    Args:
        storage: Where they are.
        sealer: What seals them.
        trail: What every change is recorded in, in the same step: ids of contacts and their channels, never an address.
        notifiers: The channels, each of which checks its addresses.

    Raises:
        UsageError: Two notifiers have one channel.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        notifiers: Mapping[str, Notifier] | Iterable[Notifier] = (),
    ) -> None:
        self._storage = storage
        self._trail = trail
        self._notifiers = by_channel(notifiers)
        self._shelf = Shelf(storage, sealer, CUSTOMER, Customer)
        self._reach = Shelf(storage, sealer, REACH, Reach)
        self._changed = Shelf(storage, sealer, CHANGED, ContactChange)

    @begun_anew
    def register(self, *customers: Customer, by: str, also_unknown: bool = False) -> tuple[Customer, ...]:
        """Put customers on record, each in place of what was there of its tenant: all of them or none.

        What rehearsals found of a contact is forgotten once its channel, its address or its key is another. The next
        run of the courier sends the latest notice of every incident to contacts that are new or corrected, where the
        customer has not heard of it, and nothing any more to those that are gone.

        Args:
            customers: The customers.
            by: Who says so: the id of an employee or a service.
            also_unknown: Also those of tenants that this store has never had. Without it they are taken for misspelt.

        Returns:
            Those that differed from what was on record.

        Raises:
            ContactInvalid: The address of a contact is none of its channel's, there is no notifier of the channel, or
                the certificate is none. Nothing was written.
            UnknownTenant: The store does not know a tenant. Nothing was written.
            UsageError: ``by`` is no id, or two of them are of one tenant.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        if len({one.tenant for one in customers}) != len(customers):
            raise UsageError("two customers are of one tenant", where="customers", cure="Give each tenant one.")
        for one in customers:
            self._check(one, also_unknown=also_unknown)
        now = self._trail.now()
        records: list[AuditRecord] = []
        documents: list[PutDocument] = []
        differing: list[Customer] = []
        for one in customers:
            held, version = self._shelf.get(one.tenant)
            if held == one:
                continue
            differing.append(one)
            kind = "contact.registered" if held is None else "contact.changed"
            records.append(AuditRecord(kind, now, one.tenant, by, (), _facts(one)))
            documents += (self._shelf.put(one.tenant, one, over=version), *self._forgetting(held, one))
            if held is None or held.contacts != one.contacts:
                documents.append(self._noted(one.tenant))
        if records:
            self._trail.append(*records, documents=documents)
        return tuple(differing)

    @begun_anew
    def remove(self, tenant: str, *, by: str) -> Customer:
        """Take a customer off the record, and what is known of its contacts. Its notices and their evidence stay.

        Raises:
            UnknownRecord: It is not on record.
            UsageError: ``by`` is no id.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        held, version = self._shelf.get(tenant) if is_key(tenant) else (None, 0)
        if held is None:
            raise UnknownRecord("this customer is not on record", where="tenant", cure="List them.")
        documents = [self._shelf.remove(tenant, over=version), self._noted(tenant)]
        reach, at = self._reach.get(tenant)
        if reach is not None:
            documents.append(self._reach.remove(tenant, over=at))
        record = AuditRecord("contact.removed", self._trail.now(), tenant, by, (), _facts(held))
        self._trail.append(record, documents=documents)
        return held

    def get(self, tenant: str) -> Customer | None:
        """Return the customer of a tenant, or ``None``. Raises `StorageError`."""
        return self._shelf.get(tenant)[0] if is_key(tenant) else None

    def all(self) -> Iterator[Customer]:
        """Yield every customer, in bytewise order of tenant. Raises `StorageError`."""
        for _, customer, _ in self._shelf.all():
            yield customer

    def _check(self, customer: Customer, *, also_unknown: bool) -> None:
        where = f"customer {customer.tenant}" if is_key(customer.tenant) else "customer"
        if not is_key(customer.tenant) or customer.tenant == LEDGER:
            raise UnknownTenant("that is no tenant's id", where=where, cure="Give the id that the store has.")
        for contact in customer.contacts:
            notifier = self._notifiers.get(contact.channel)
            if notifier is None:
                raise ContactInvalid(
                    "there is no notifier of this contact's channel",
                    where=f"{where}, contact {contact.id}",
                    cure="Set the channel up first.",
                )
            try:
                notifier.check(contact.address)
            except ContactInvalid as error:
                # Without what it came from: an exception that a host's notifier met may say the address.
                raise type(error)(error.what, where=f"{where}, contact {contact.id}", cure=error.cure) from None
        if customer.call is not None:
            check_id("call", customer.call)
        if customer.annex_certificate is not None:
            try:
                check_certificate(customer.annex_certificate, now=self._trail.now())
            except ContactInvalid as error:
                raise ContactInvalid(error.what, where=where, cure=error.cure) from None
        if not also_unknown and not is_known_tenant(self._storage, self._trail, customer.tenant):
            raise UnknownTenant(
                "the store knows no such tenant",
                where=where,
                cure="Check its spelling, or sync it first.",
            )

    def _noted(self, tenant: str) -> PutDocument:
        """Return the write that has the courier look at what is on its way to a customer."""
        return self._changed.put(tenant, ContactChange(tenant), over=self._changed.get(tenant)[1])

    def _forgetting(self, held: Customer | None, customer: Customer) -> Iterator[PutDocument]:
        """Yield the write that forgets what is known of contacts that are others now, if something is."""
        reach, version = self._reach.get(customer.tenant) if held is not None else (None, 0)
        if held is None or reach is None:
            return
        same = {
            one.id
            for one in customer.contacts
            if (before := held.contact(one.id)) is not None and before.way == one.way
        }
        others = set(reach.contacts) - same
        if others:
            yield self._reach.put(customer.tenant, reach.without(others), over=version)


def _facts(customer: Customer) -> dict[str, tuple[str, ...] | int]:
    return {
        "contacts": tuple(one.id for one in customer.contacts),
        "channels": tuple(sorted({one.channel for one in customer.contacts})),
        "limits": len(customer.limits),
    }
