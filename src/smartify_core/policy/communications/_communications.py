"""Keeping, showing and ending what was said."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from attrs import frozen

from smartify_core.errors import CommunicationsOff, OptedOut, SealBroken, Shredded, UsageError, WriteConflict
from smartify_core.model import Document
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy._legal_holds import LegalHolds
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_tenant

from ._communication import Communication, CommunicationRules, Kept, OptOut, as_said, check_said, said
from ._filed import Filed, in_lists


@frozen(order=False)
class Swept:
    """What a sweep did.

    Args:
        ended: Texts whose time was over.
        orphaned: Texts and wishes of people who are gone.
        held: Texts whose time is over, and which a legal hold keeps.
        damaged: Documents that do not open, so that nobody can tell when they end. They were left as they are.
    """

    ended: int = 0
    orphaned: int = 0
    held: int = 0
    damaged: int = 0


@frozen(order=False)
class Tally:
    """How many texts there are.

    Args:
        kept: All of them, those too that are over.
        overdue: Texts whose time is over and that nothing holds: the next sweep removes them.
    """

    kept: int = 0
    overdue: int = 0


class Communications:
    """The communications of a store.

    A text is sealed under its person's own key, so that it is gone with the person, wherever copies of it lie; and it
    is a document of its tenant, so that it is gone with the tenant. What a legal hold stands over is not removed.

    Args:
        storage: Where they are.
        sealer: What seals and opens.
        trail: Where keeping and ending are recorded, without the text.
        gate: Who lets an employee read, and records it first.
        rules: Whether texts are kept, and for how long. Off where nothing is said.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        gate: Gate,
        *,
        rules: CommunicationRules | None = None,
    ) -> None:
        self._storage = storage
        self._filed = Filed(storage, sealer)
        self._subjects = SubjectKeys(storage, sealer)
        self._trail = trail
        self._gate = gate
        self._rules = CommunicationRules() if rules is None else rules
        self._holds = LegalHolds(storage, sealer, trail)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def keep(
        self, tenant: str, source_id: str, account_id: str, *, channel: str, text: str, about: str, by: str
    ) -> str:
        """Keep a text, and return its id. That it is kept stands in the audit trail before it is.

        Args:
            tenant: The customer.
            source_id: The person's id in the directory.
            account_id: The person's account.
            channel: How it was said: ``email``, ``chat``, ``phone``.
            text: What was said.
            about: The id of the issue that it helps with.
            by: The id of the employee who keeps it.

        Raises:
            CommunicationsOff: Nothing is kept here.
            OptedOut: The customer or the person does not want it.
            Shredded: There is no such live account.
            UsageError: A value cannot be kept. The text is not quoted.
            AuditUnavailable: It cannot be recorded, so nothing was kept.
            StorageError: The store could not be read or written.
        """
        if not self._rules.keep:
            raise CommunicationsOff("communications are not kept", cure="Keep nothing, or switch it on for all.")
        check_said(channel, text)
        check_id("about", about)
        check_id("by", by)
        if self.is_opted_out(tenant, account_id):
            raise OptedOut(
                "the customer or the person does not want communications kept",
                where=f"tenant {tenant}, account {account_id}",
                cure="Keep nothing.",
            )
        now = self._trail.now()
        ends_at = now + self._rules.retention
        key = self._filed.next_key(tenant, account_id, now)
        sealed = self._subjects.seal(tenant, source_id, account_id, _sealed_for(key, ends_at), said(channel, text))
        kept = Kept(source_id, account_id, about, by, now, ends_at, b64encode(sealed).decode())
        facts = {"communication": key, "channel": channel, "about": about, "until": ends_at.isoformat()}
        self._trail.append(AuditRecord("communication.kept", now, tenant, by, (account_id,), facts))
        self._filed.put(tenant, key, kept)
        return key

    # --- wishes -------------------------------------------------------------------------------------------------------

    def is_opted_out(self, tenant: str, account_id: str) -> bool:
        """Return whether nothing of this person may be kept. Raises `StorageError`."""
        return any(self._filed.wish(tenant, whose) is not None for whose in ("", account_id))

    def opt_out(self, tenant: str, *, by: str, source_id: str = "", account_id: str = "") -> int:
        """Keep nothing more of a whole customer, or of one person, from now on.

        What was kept before stays until its end, or until `remove` takes it: the answer says how many texts that are.

        Args:
            tenant: The customer.
            by: The id of the employee who records the wish.
            source_id: The person's id in the directory; neither id for the whole customer.
            account_id: The person's account.

        Raises:
            UsageError: Only one of the person's ids is given.
            AuditUnavailable: It cannot be recorded, so it was not done.
            StorageError: The store could not be read or written.
        """
        if bool(source_id) is not bool(account_id):
            raise UsageError("a person is named by two ids", where="opt_out", cure="Give source_id and account_id.")
        check_id("by", by)
        now = self._trail.now()
        if self._filed.wish(tenant, account_id) is None:
            self._trail.append(_record("communication.opted_out", now, tenant, by, account_id))
            with suppress(WriteConflict):  # somebody else has just recorded the same
                self._filed.put_wish(tenant, OptOut(source_id, account_id, now))
        return sum(1 for _ in self._filed.each(tenant, account_id or None))

    def opt_in(self, tenant: str, *, by: str, account_id: str = "") -> None:
        """Take a wish of `opt_out` back.

        Raises:
            AuditUnavailable: It cannot be recorded, so it was not done.
            StorageError: The store could not be read or written.
        """
        check_id("by", by)
        document = self._filed.wish(tenant, account_id)
        if document is not None:
            self._trail.append(_record("communication.opted_in", self._trail.now(), tenant, by, account_id))
            self._filed.remove(tenant, [document])

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, employee: str, *, tenant: str, source_id: str, reason: str) -> tuple[Communication, ...]:
        """Return what is kept of one person, the oldest first.

        The gate decides and records for the purpose `Purpose.CUSTOMER_CARE` and the field
        `PersonalField.COMMUNICATION`. No other purpose opens a text: there is no other way to one.

        Args:
            employee: Who reads.
            tenant: The customer.
            source_id: The person's id in the directory.
            reason: Why, in words; the gate seals it.

        Raises:
            AccessDenied: They may not, or it cannot be recorded.
            UnknownRecord: They may, and there is no such person.
            SealBroken: A text was altered or moved.
            StorageError: The store could not be read.
        """
        shown = self._gate.open(
            employee,
            tenant=tenant,
            purpose=Purpose.CUSTOMER_CARE,
            fields=[PersonalField.COMMUNICATION],
            reason=reason,
            source_id=source_id,
            facts={"shown": "communications"},
        )
        # A pseudonym is nobody's account, and nothing is kept under it.
        return tuple(self._opened(tenant, shown.account_id, self._trail.now()))

    # --- ending -------------------------------------------------------------------------------------------------------

    def remove(self, tenant: str, *, by: str, account_id: str | None = None) -> int:
        """Remove what is kept of a customer, or of one person, before its end; return how many texts that were.

        What a legal hold stands over stays. The removal stands in the audit trail before it is done; one that was cut
        short is done, and recorded, by the next.

        Raises:
            AuditUnavailable: It cannot be recorded, so it was not done.
            StorageError: The store could not be read or written.
        """
        check_id("by", by)
        found = [
            document
            for document, kept in self._filed.each(tenant, account_id)
            if (
                account_id is None if isinstance(kept, SealBroken) else not self._holds.is_held(tenant, kept.account_id)
            )
        ]
        if found:
            facts = {"removed": len(found)}
            subjects = () if account_id is None else (account_id,)
            self._trail.append(AuditRecord("communication.removed", self._trail.now(), tenant, by, subjects, facts))
            self._filed.remove(tenant, found)
        return len(found)

    def sweep(self, tenant: str | None = None) -> Swept:
        """Remove the texts whose time is over (``ends_at <= now``), and what is left of people who are gone.

        It goes on whether or not texts are kept now. What is removed stands in the audit trail with counts before it
        is; a sweep that was cut short is done, and recorded, by the next.

        Args:
            tenant: The customer; without one, every tenant of the store.

        Raises:
            WrongKey: The key ring does not hold the keys of a tenant.
            AuditUnavailable: It cannot be recorded, so no more was removed.
            StorageError: The store could not be read or written.
        """
        every = (one.tenant for one in every_tenant(self._storage))
        each = [self._swept(name) for name in (every if tenant is None else [tenant])]
        return Swept(
            sum(one.ended for one in each),
            sum(one.orphaned for one in each),
            sum(one.held for one in each),
            sum(one.damaged for one in each),
        )

    def tally(self, tenant: str | None = None) -> Tally:
        """Return how many texts there are, and how many a sweep would remove by now. Opens no text.

        Args:
            tenant: The customer; without one, every tenant of the store.

        Raises:
            WrongKey: The key ring does not hold the keys of a tenant.
            StorageError: The store could not be read.
        """
        now, kept, overdue = self._trail.now(), 0, 0
        for name in (one.tenant for one in every_tenant(self._storage)) if tenant is None else [tenant]:
            for _, one in self._filed.each(name):
                kept += 1
                if not isinstance(one, SealBroken) and one.ends_at <= now:
                    overdue += not self._holds.is_held(name, one.account_id)
        return Tally(kept, overdue)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _opened(self, tenant: str, account_id: str, now: datetime) -> Iterator[Communication]:
        for document, kept in self._filed.each(tenant, account_id):
            if isinstance(kept, SealBroken):
                raise kept
            if kept.ends_at <= now:
                continue
            place = _sealed_for(document.key, kept.ends_at)
            try:
                content = self._subjects.open(tenant, account_id, place, b64decode(kept.sealed))
            except Shredded:
                continue  # the person was deleted this moment
            channel, text = as_said(content, f"tenant {tenant}, communication {document.key}")
            yield Communication(
                document.key, account_id, channel, text, kept.about, kept.by, kept.kept_at, kept.ends_at
            )

    def _swept(self, tenant: str) -> Swept:
        now = self._trail.now()
        ended = orphaned = held = damaged = 0
        for some in in_lists(self._filed.each(tenant)):
            known = [(document, kept) for document, kept in some if isinstance(kept, Kept)]
            live = self._filed.live(tenant, [kept.source_id for _, kept in known])
            left = [document for document, kept in known if live.get(kept.source_id) != kept.account_id]
            over = [one for one in known if one[0] not in left and one[1].ends_at <= now]
            free = [document for document, kept in over if not self._holds.is_held(tenant, kept.account_id)]
            self._end(tenant, free, left)
            ended, orphaned = ended + len(free), orphaned + len(left)
            held, damaged = held + len(over) - len(free), damaged + len(some) - len(known)
        for of_all in in_lists(self._filed.wishes(tenant)):
            of_people = [(document, wish) for document, wish in of_all if wish.account_id]
            live = self._filed.live(tenant, [wish.source_id for _, wish in of_people])
            left = [document for document, wish in of_people if live.get(wish.source_id) != wish.account_id]
            self._end(tenant, (), left)
            orphaned += len(left)
        return Swept(ended, orphaned, held, damaged)

    def _end(self, tenant: str, over: Sequence[Document], left: Sequence[Document]) -> None:
        if over or left:
            facts = {"ended": len(over), "orphaned": len(left)}
            self._trail.append(AuditRecord("communication.ended", self._trail.now(), tenant, facts=facts))
            self._filed.remove(tenant, [*over, *left])


def _sealed_for(key: str, ends_at: datetime) -> str:
    """Return what a text is bound to: its place, and its end, which nobody can move."""
    return f"communication/{key}/{ends_at.astimezone(UTC).isoformat()}"


def _record(kind: str, now: datetime, tenant: str, by: str, account_id: str) -> AuditRecord:
    return AuditRecord(kind, now, tenant, by, (account_id,) if account_id else ())
