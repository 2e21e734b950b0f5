"""Exercises that prove that every customer can be reached, before there is something to tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Final, TypeAlias

from attrs import field, frozen

from smartify_core.errors import UnknownRecord
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy._standing import Standings
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_tenant

from ._customer import Contact, Customer
from ._notifier import AttemptVerdict, Notifier, Parcel, RehearsalMessage, Reply
from ._places import CUSTOMER, REACH, tenant_part
from ._reach import FAILED, Reach, ReachConcern, ReachFinding, impersonal, is_rehearsal_due, reach_findings
from ._rules import BreachRules
from ._sending import Outbound, Sending, by_channel

#: The customers of one step.
_BATCH: Final = 100
#: The most contacts that a report names.
_MOST_NAMED: Final = 1_000
_KIND: Final = "rehearsal"
_ENDLESS: Final = datetime.max.replace(tzinfo=UTC)

_Rehearsed: TypeAlias = "tuple[Customer, Contact]"


#: What makes the message of an exercise.
ExerciseText: TypeAlias = Callable[[Customer, BreachRules, str], RehearsalMessage]


@frozen(order=False)
class RehearsalReport:
    """What an exercise found.

    Args:
        at: When it was begun.
        customers: How many customers were looked at.
        tried: How many contacts were written to.
        accepted: How many of them took it.
        not_due: How many contacts were left alone, as their proof is fresh enough or as they are gone.
        stranded: How many contacts have a channel without a notifier.
        unreached: The contacts that did not take it, of the first 1,000.
    """

    at: datetime
    customers: int = 0
    tried: int = 0
    accepted: int = 0
    not_due: int = 0
    stranded: int = 0
    unreached: tuple[ReachFinding, ...] = field(default=())


class Rehearsals:
    """Exercises. Call `rehearse` daily: only what is due is sent.

    Args:
        storage: Where customers are.
        sealer: What seals and opens them.
        trail: What is found is recorded in, in the same step: counts and ids, never an address.
        notifiers: The channels.
        rules: How old a proof may be, and the host's name.
        message: Makes the text of the exercise, of the customer, the rules and the message's code.
        threads: How many messages leave at once.

    Raises:
        UsageError: Two notifiers have one channel.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        notifiers: Mapping[str, Notifier] | Iterable[Notifier],
        *,
        rules: BreachRules,
        message: ExerciseText,
        threads: int = 8,
    ) -> None:
        self._message = message
        self._storage = storage
        self._trail = trail
        self._notifiers = by_channel(notifiers)
        self._rules = rules
        self._threads = threads
        self._customers = Shelf(storage, sealer, CUSTOMER, Customer)
        self._reach = Shelf(storage, sealer, REACH, Reach)
        self._standings = Standings(storage, sealer)

    def rehearse(
        self,
        *,
        by: str,
        tenants: Collection[str] | None = None,
        force: bool = False,
        stop: threading.Event | None = None,
    ) -> RehearsalReport:
        """Send a message that is marked as an exercise to every contact that is due, and keep what came of each.

        Args:
            by: Who has it done: the id of an employee or a service.
            tenants: Only these customers; all of them where it is not given.
            force: Also those whose proof is fresh, and those that are gone.
            stop: Once it is set, what is being sent is finished and kept, and nothing more leaves.

        Raises:
            UnknownRecord: One of ``tenants`` is no customer. Nothing was sent.
            UsageError: ``by`` is no id.
            StorageError: The store could not be read.
            AuditUnavailable: What came of the latest contacts could not be recorded; call it again.
        """
        check_id("by", by)
        customers = self._all() if tenants is None else iter([self._named(one) for one in dict.fromkeys(tenants)])
        report = _Report(self._trail.now())
        stop = threading.Event() if stop is None else stop
        out: Outbound[_Rehearsed]
        with Outbound(self._notifiers, self._trail.now, threads=self._threads, stop=stop) as out:
            while not stop.is_set() and (batch := list(islice(customers, _BATCH))):
                for one in batch:
                    self._submit(out, one, report, force=force)
                replies = [result for result in self._collected(out) if result[1] is not None]
                if replies:
                    self._keep(replies, by)
                report.count(batch, replies)
        return report.made()

    def reach(self, tenant: str) -> Reach:
        """Return what is known of a customer's contacts. Raises `StorageError`."""
        return self._reach.get(tenant)[0] or Reach(tenant)

    def findings(self, now: datetime) -> Iterator[ReachFinding]:
        """Yield what is wrong with the ways to customers, and which tenants have none. Raises `StorageError`."""
        for customer in self._all():
            yield from reach_findings(customer, self._reach.get(customer.tenant)[0], now, self._rules.rehearse_every)
        for record in every_tenant(self._storage):
            if self._customers.get(record.tenant)[0] is None and self._standings.get(record.tenant)[0] is None:
                yield ReachFinding(record.tenant, ReachConcern.NO_CUSTOMER)

    def _all(self) -> Iterator[Customer]:
        return (customer for _, customer, _ in self._customers.all())

    def _named(self, tenant: str) -> Customer:
        customer, _ = self._customers.get(tenant)
        if customer is None:
            raise UnknownRecord(
                "a customer to rehearse with is not on record", where="tenants", cure="Register it first."
            )
        return customer

    def _submit(self, out: Outbound[_Rehearsed], customer: Customer, report: _Report, *, force: bool) -> None:
        known = self.reach(customer.tenant).contacts
        for contact in customer.contacts:
            if contact.channel not in self._notifiers:
                report.stranded += 1
            elif force or is_rehearsal_due(known.get(contact.id), report.at, self._rules.rehearse_every):
                make = partial(_parcel, customer, contact, self._rules, self._message)
                out.submit(Sending((customer, contact), contact.channel, make, _ENDLESS))
            else:
                report.not_due += 1

    def _collected(self, out: Outbound[_Rehearsed]) -> Iterator[tuple[_Rehearsed, Reply | None]]:
        while out.outstanding:
            yield from out.results(most=out.outstanding, linger=1.0)

    @begun_anew
    def _keep(self, replies: Sequence[tuple[_Rehearsed, Reply | None]], by: str) -> None:
        """Keep what came of contacts. One that was changed meanwhile is left as it is: that was another address."""
        now, found = self._trail.now(), dict[str, tuple[Reach, int]]()
        counts: dict[str, tuple[int, list[str]]] = {}
        for (customer, contact), reply in replies:
            present = self._customers.get(customer.tenant)[0]
            if reply is None or present is None or present.contact(contact.id) != contact:
                continue
            held, version = found.get(customer.tenant) or self._reach.get(customer.tenant)
            reach = (held or Reach(customer.tenant)).noting(contact.id, reply, now, exercise=True)
            found[customer.tenant] = (reach, version)
            accepted, unreached = counts.setdefault(customer.tenant, (0, []))
            if reply.verdict is AttemptVerdict.ACCEPTED:
                counts[customer.tenant] = (accepted + 1, unreached)
            else:
                unreached.append(contact.id)
        records = [
            AuditRecord("contact.rehearsed", now, tenant, by, (), {"accepted": accepted, "unreached": tuple(names)})
            for tenant, (accepted, names) in counts.items()
        ]
        if records:
            documents = [self._reach.put(one, reach, over=at) for one, (reach, at) in found.items()]
            self._trail.append(*records, documents=documents)


class _Report:
    """A report while it is made."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.stranded = self.not_due = 0
        self._customers = self._tried = self._accepted = 0
        self._unreached: list[ReachFinding] = []

    def count(self, customers: Sequence[Customer], replies: Sequence[tuple[_Rehearsed, Reply | None]]) -> None:
        """Count what came of some customers."""
        self._customers += len(customers)
        for (customer, contact), reply in replies:
            if reply is None:
                continue
            self._tried += 1
            if reply.verdict is AttemptVerdict.ACCEPTED:
                self._accepted += 1
            elif len(self._unreached) < _MOST_NAMED:
                concern, code = FAILED[reply.verdict.value], impersonal(reply.code)
                self._unreached.append(ReachFinding(customer.tenant, concern, contact.id, self.at, code))

    def made(self) -> RehearsalReport:
        """Return the report."""
        return RehearsalReport(
            self.at,
            self._customers,
            self._tried,
            self._accepted,
            self.not_due,
            self.stranded,
            tuple(self._unreached),
        )


def _parcel(customer: Customer, contact: Contact, rules: BreachRules, message: ExerciseText, at: datetime) -> Parcel:
    """Return what leaves to a contact. Repeats of one day have one id."""
    digest = sha256(f"{tenant_part(customer.tenant)}/{contact.id}/{at:%Y-%m-%d}".encode()).hexdigest()
    code = f"reh-{digest[:32]}"
    made = message(customer, rules, code)
    return Parcel(
        id=code,
        attempt=1,
        at=at,
        address=contact.address,
        kind=f"breach.{_KIND}",
        subject=made.subject,
        text=made.text,
        html=made.html,
        locale=made.locale,
        payload=made.payload,
        key_id=contact.key_id,
    )
