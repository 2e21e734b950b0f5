"""Whether a customer's contacts can be reached, as far as that was tried. Pure values."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen

from ._customer import Contact, Customer
from ._notifier import AttemptVerdict, Reply

_code_like: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .:_-]{0,63}").fullmatch


def impersonal(code: object) -> str:
    """Return an answer's short form if it can be nothing but a code; ``other`` where a notifier put a text there."""
    return code if isinstance(code, str) and _code_like(code) is not None else "other"


@frozen(order=False)
class ContactReach:
    """What came of the last attempt at a contact that says something about the contact itself.

    Args:
        tried_at: When.
        verdict: The value of `AttemptVerdict`.
        code: The short answer.
        proven_at: When an exercise was accepted there for the last time; ``None`` where none ever was.
    """

    tried_at: datetime
    verdict: str
    code: str
    proven_at: datetime | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the contact said that it is not there any more: nothing is sent to it until it is changed."""
        return self.verdict == AttemptVerdict.GONE.value


@frozen(order=False)
class Reach:
    """What is known of a customer's contacts, by their id. A contact that was changed begins anew.

    Args:
        tenant: The customer's tenant.
        contacts: What came of the last attempts.
    """

    tenant: str
    contacts: Mapping[str, ContactReach] = field(factory=dict[str, ContactReach], hash=False)

    def noting(self, contact: str, reply: Reply, at: datetime, *, exercise: bool) -> Reach:
        """Return what is known after an attempt.

        Args:
            contact: The contact's id.
            reply: What came of it.
            at: When.
            exercise: Whether it was an exercise, which proves that a contact can be reached.
        """
        before = self.contacts.get(contact)
        proven = before.proven_at if before else None
        if exercise and reply.verdict is AttemptVerdict.ACCEPTED:
            proven = at
        known = ContactReach(at, reply.verdict.value, impersonal(reply.code), proven)
        return evolve(self, contacts={**self.contacts, contact: known})

    def without(self, contacts: Iterable[str]) -> Reach:
        """Return what is known but for these contacts."""
        gone = set(contacts)
        return evolve(self, contacts={one: known for one, known in self.contacts.items() if one not in gone})

    def usable(self, customer: Customer) -> tuple[Contact, ...]:
        """Return the contacts that something can be sent to, those of the first tier first."""
        return tuple(
            one for one in customer.contacts if (known := self.contacts.get(one.id)) is None or not known.is_gone
        )


@enum.unique
class ReachConcern(enum.Enum):
    """What is wrong with the ways to a customer, before there is something to tell."""

    #: The store has the tenant, and nobody said how to reach it.
    NO_CUSTOMER = "no-customer"
    NO_CONTACT = "no-contact"
    #: No exercise was ever accepted there.
    NEVER_REHEARSED = "never-rehearsed"
    #: The last proof is older than `BreachRules.rehearse_every`.
    STALE = "stale"
    #: The last attempt was refused for good.
    REFUSED = "refused"
    #: The contact said that it is not there any more.
    GONE = "gone"
    #: The last attempt failed in a way that may pass.
    UNREACHABLE = "unreachable"
    #: All that can be used goes through one channel: one trouble there, and nobody is told.
    SINGLE_CHANNEL = "single-channel"


@frozen(order=False)
class ReachFinding:
    """One thing that is wrong with the ways to a customer.

    Args:
        tenant: The customer's tenant.
        concern: What is wrong.
        contact: Which contact; ``None`` where it is about the customer as a whole.
        since: When the contact was tried, or proven, for the last time; ``None`` where it never was.
        code: The short answer of the last attempt, where it failed.
    """

    tenant: str
    concern: ReachConcern
    contact: str | None = None
    since: datetime | None = None
    code: str | None = None


def reach_findings(
    customer: Customer, reach: Reach | None, now: datetime, rehearse_every: timedelta
) -> Iterator[ReachFinding]:
    """Yield what is wrong with the ways to a customer.

    Args:
        customer: The customer.
        reach: What is known of its contacts.
        now: When this is asked.
        rehearse_every: How old the proof may be that a contact can be reached.
    """
    tenant, known = customer.tenant, reach or Reach(customer.tenant)
    if not customer.contacts:
        yield ReachFinding(tenant, ReachConcern.NO_CONTACT)
        return
    for contact in customer.contacts:
        last = known.contacts.get(contact.id)
        if last is None:
            yield ReachFinding(tenant, ReachConcern.NEVER_REHEARSED, contact.id)
        elif (concern := FAILED.get(last.verdict)) is not None:
            yield ReachFinding(tenant, concern, contact.id, last.tried_at, last.code)
        elif last.proven_at is None or last.proven_at + rehearse_every < now:
            yield ReachFinding(tenant, ReachConcern.STALE, contact.id, last.proven_at)
    if len({one.channel for one in known.usable(customer)}) == 1:
        yield ReachFinding(tenant, ReachConcern.SINGLE_CHANNEL)


#: What is wrong with a contact after an attempt that failed, by the value of its verdict.
FAILED: Final = {
    AttemptVerdict.REFUSED.value: ReachConcern.REFUSED,
    AttemptVerdict.GONE.value: ReachConcern.GONE,
    AttemptVerdict.TRY_AGAIN.value: ReachConcern.UNREACHABLE,
}


def is_rehearsal_due(last: ContactReach | None, now: datetime, rehearse_every: timedelta) -> bool:
    """Return whether a contact is due for an exercise: half of the time before its proof is too old.

    One that could not be reached is tried each time; one that was refused, at the same distance as one that was
    accepted; one that is gone, no more.
    """
    if last is None or last.verdict == AttemptVerdict.TRY_AGAIN.value:
        return True
    if last.is_gone:
        return False
    since = last.proven_at if last.verdict == AttemptVerdict.ACCEPTED.value else last.tried_at
    return since is None or since + rehearse_every / 2 <= now
