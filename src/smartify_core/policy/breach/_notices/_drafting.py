"""Drafting a round of notices: who is owed one, in which phase, and the writing of them in batches."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Final

from attrs import define, evolve, frozen

from smartify_core.errors import AccessDenied, IncidentClash, StaleDraft
from smartify_core.model import PutDocument
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy._log import log
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach._answers import NoticeField
from smartify_core.policy.breach._clocks import times_of
from smartify_core.policy.breach._customer import Customer
from smartify_core.policy.breach._digests import notice_digest, notice_id, round_digest
from smartify_core.policy.breach._impact import TenantImpact
from smartify_core.policy.breach._notice import Notice, Round, RoundState
from smartify_core.policy.breach._places import (
    CUSTOMER,
    NOTICE,
    ROUND,
    TENANT_IMPACT,
    numbered,
    of_tenant,
    tenant_part,
)
from smartify_core.policy.breach._vocabulary import Outcome, Phase
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._annex import Annexes
from ._content import Addressee, Case, answers_of, correction_of, open_fields
from ._freshness import times_ahead
from ._locales import Locales
from ._payload import payload_of
from ._rendering import Envelope, rendered
from ._templates import NoticeTemplate

#: How many notices one step writes.
BATCH: Final = 500
#: The most people that a list has which goes with a notice; longer ones are asked for.
LONGEST_ANNEX: Final = 10_000


@frozen(order=False)
class Opener:
    """Who opens lists of people for notices, and why."""

    employee: str
    reason: str


@define
class Tally:
    """What was written so far."""

    notices: int = 0
    corrections: int = 0
    annexes: int = 0
    #: The earliest time that lies ahead of any notice.
    ahead: datetime | None = None

    def lies_ahead(self, instants: Iterable[datetime | None]) -> None:
        """Take times into account that lie ahead of one notice."""
        self.ahead = min((one for one in (self.ahead, *instants) if one is not None), default=None)


def phase_for(phase: Phase, impact: TenantImpact | None, last: Notice | None, *, ciphertext: bool) -> Phase | None:
    """Return in which phase a tenant gets a notice in a round, or ``None`` for none. Pure.

    A tenant that an update finds to be affected, and that nobody has told before, gets its first notice with it. A
    correction is the last thing that a tenant hears, and so a final notice, whatever the round is.

    Args:
        phase: What the round is.
        impact: What the incident may have done to the tenant, if anything.
        last: The last notice to the tenant that was released, if any.
        ciphertext: Whether a tenant is told of whom only ciphertext is out.
    """
    corrected = last is not None and last.outcome is Outcome.NOT_AFFECTED
    if impact is None or not _is_owed(impact, ciphertext=ciphertext):
        # Nobody is corrected twice, or before the others hear more.
        return None if last is None or corrected or phase is Phase.FIRST else Phase.FINAL
    if phase is Phase.FIRST:
        return Phase.FIRST if last is None or corrected else None
    return Phase.FIRST if last is None and phase is Phase.UPDATE else phase


class Drafting:
    """What writes the notices of a round.

    Args:
        storage: Where they are.
        sealer: What seals them.
        annexes: What opens lists of people.
        locales: The languages.
        templates: The host's own texts.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        *,
        annexes: Annexes,
        locales: Locales,
        templates: Iterable[NoticeTemplate],
    ) -> None:
        self._storage = storage
        self._annexes = annexes
        self._locales = locales
        self._templates = {one.locale.lower(): one for one in templates}
        self._rounds = Shelf(storage, sealer, ROUND, Round)
        self._notices = Shelf(storage, sealer, NOTICE, Notice)
        self._impacts = Shelf(storage, sealer, TENANT_IMPACT, TenantImpact)
        self._customers = Shelf(storage, sealer, CUSTOMER, Customer)

    # --- who ----------------------------------------------------------------------------------------------------------

    def addressees(
        self,
        draft: Round,
        released: Sequence[int],
        *,
        tenants: Iterable[str] | None,
        ciphertext: bool,
        corrections: bool,
    ) -> Iterator[Addressee]:
        """Yield who gets a notice in a round, in order of key.

        Args:
            draft: The round.
            released: The rounds of the incident that were released, in order.
            tenants: Only these; ``None`` for all.
            ciphertext: Whether a tenant is told of whom only ciphertext is out.
            corrections: Whether those are told that are not affected any more.
        """
        for impact, last in (
            self._named(draft, released, tenants) if tenants is not None else self._all(draft, released)
        ):
            phase = phase_for(draft.phase, impact, last, ciphertext=ciphertext)
            if phase is None:
                continue
            if impact is not None and _is_owed(impact, ciphertext=ciphertext):
                yield Addressee(impact, phase)
            elif corrections and last is not None:
                yield Addressee(TenantImpact(last.tenant, Outcome.NOT_AFFECTED), phase)

    def _all(self, draft: Round, released: Sequence[int]) -> Iterator[tuple[TenantImpact | None, Notice | None]]:
        """Yield every tenant that the impact lists or that was told, one after the other: none is kept in mind."""
        lists: list[Iterator[tuple[str, int, TenantImpact | Notice]]] = [
            (
                (_part(key), 0, value)
                for key, value, _ in self._impacts.beginning_with(_under(draft, draft.impact_revision))
            )
        ]
        lists += [self._told(draft, number) for number in released]
        for _, same in groupby(merge(*lists, key=lambda one: one[:2]), key=lambda one: one[0]):
            impact, last = None, None
            for _, _, value in same:
                if isinstance(value, TenantImpact):
                    impact = value
                else:
                    last = value
            yield impact, last

    def _told(self, draft: Round, number: int) -> Iterator[tuple[str, int, TenantImpact | Notice]]:
        for key, notice, _ in self._notices.beginning_with(_under(draft, number)):
            yield _part(key), number, notice

    def _named(
        self, draft: Round, released: Sequence[int], tenants: Iterable[str]
    ) -> Iterator[tuple[TenantImpact | None, Notice | None]]:
        for tenant in sorted(set(tenants), key=tenant_part):
            impact, _ = self._impacts.get(of_tenant(draft.incident, draft.impact_revision, tenant))
            found = (self._notices.get(of_tenant(draft.incident, number, tenant))[0] for number in reversed(released))
            yield impact, next((one for one in found if one is not None), None)

    # --- writing ------------------------------------------------------------------------------------------------------

    def written(
        self, draft: Round, case: Case, addressees: Iterable[Addressee], opener: Opener | None
    ) -> tuple[Round, int, Tally]:
        """Write the notices of a round, and return it as it may now be put on record, over which version, and counts.

        What an interrupted draft has left under its number goes first, and nothing else ever does: a round that is
        drafted whole, or out, is never written over. Every step also writes the round, at the version that this draft
        left it at: where two draft at once, one of them is stopped.

        Raises:
            StaleDraft: Somebody else has drafted the same round by now.
            WriteConflict: Somebody else drafts the same round. Nothing of this draft can be sent.
        """
        key = numbered(draft.incident, draft.number)
        found, version = self._rounds.get(key)
        if found is not None and found.state is not RoundState.DRAFTING:
            raise StaleDraft(
                "another round was drafted meanwhile",
                where=f"incident {draft.incident}, round {draft.number}",
                cure="Read that one, or draft again.",
            )
        version = self._cleared(draft, key, version)
        tally, digests, unknown = Tally(), list[str](), set[str]()
        left = iter(addressees)
        while some := list(islice(left, BATCH)):
            customers = self._customers.some([one.impact.tenant for one in some])
            batch: list[PutDocument] = []
            for addressee in some:
                tenant = addressee.impact.tenant
                customer = customers[tenant][0] if tenant in customers else Customer(tenant)
                notice = self._notice(draft, case, _timed(case, addressee, customer, tally), customer, opener)
                digests.append(notice.sha256)
                unknown.update(notice.open_fields)
                tally.notices += 1
                tally.corrections += notice.outcome is Outcome.NOT_AFFECTED
                tally.annexes += notice.annex is not None
                batch.append(self._notices.put(of_tenant(draft.incident, draft.number, tenant), notice, over=0))
            version = self._step(draft, key, version, batch)
        whole = evolve(
            draft,
            state=RoundState.DRAFTED,
            notices=tally.notices,
            digest=round_digest(digests),
            keeps_until=tally.ahead,
            open_fields=tuple(one.value for one in NoticeField if one.value in unknown),
        )
        return whole, version, tally

    def _cleared(self, draft: Round, key: str, version: int) -> int:
        """Remove what an interrupted draft has left."""
        prefix = _under(draft, draft.number)
        while True:
            page = self._storage.documents(LEDGER, NOTICE, after=(NOTICE, prefix), limit=BATCH)
            left = [PutDocument(NOTICE, one.key, None, one.version) for one in page if one.key.startswith(prefix)]
            if not left:
                return version
            version = self._step(draft, key, version, left)

    def _step(self, draft: Round, key: str, version: int, documents: Sequence[PutDocument]) -> int:
        """Write some documents with the round, and return the version that it has now."""
        self._storage.record(LEDGER, documents=[self._rounds.put(key, draft, over=version), *documents])
        return version + 1

    def _notice(
        self, draft: Round, case: Case, addressee: Addressee, customer: Customer, opener: Opener | None
    ) -> Notice:
        tenant = addressee.impact.tenant
        annex = None if opener is None else self._annex(draft, addressee, customer, opener)
        addressee = evolve(addressee, annex=annex is not None)
        words = self._locales.words(customer.locale)
        envelope = Envelope(
            notice_id(draft.incident, draft.number, tenant),
            draft.incident,
            tenant,
            addressee.phase,
            addressee.impact.outcome,
            _new_code(),
            draft.drafted_at,
        )
        answers = (correction_of if envelope.is_correction else answers_of)(case, addressee, words)
        unknown = open_fields(answers)
        made = rendered(envelope, answers, words, case.rules, self._template(customer.locale, words.tag))
        own = notice_digest(made.subject, made.text, made.html)
        payload = payload_of(case, addressee, envelope, answers=answers, open_fields=unknown, sha256=own)
        return Notice(
            id=envelope.notice,
            incident=draft.incident,
            round=draft.number,
            phase=addressee.phase,
            tenant=tenant,
            outcome=addressee.impact.outcome,
            locale=words.tag,
            subject=made.subject,
            text=made.text,
            html=made.html,
            payload=payload,
            code=envelope.code,
            open_fields=unknown,
            annex=annex,
            sha256=notice_digest(made.subject, made.text, made.html, payload),
            drafted_at=draft.drafted_at,
        )

    def _annex(self, draft: Round, addressee: Addressee, customer: Customer, opener: Opener) -> str | None:
        impact = addressee.impact
        if customer.annex_certificate is None or not 0 < impact.subjects <= LONGEST_ANNEX:
            return None
        try:
            return self._annexes.sealed(
                draft.incident,
                impact.tenant,
                draft.impact_revision,
                by=opener.employee,
                reason=opener.reason,
                certificate=customer.annex_certificate,
            )
        except (AccessDenied, IncidentClash):
            # A customer hears of a breach whether or not somebody may see names; the notice says how to get the list.
            log().warning("a notice has no annex", incident=draft.incident, round=draft.number)
            return None

    def _template(self, *tags: str) -> NoticeTemplate | None:
        """Return the host's text for a language: for the customer's own tag, or for that of the words."""
        found = (self._templates.get(tag.lower()) for tag in tags)
        return next((one for one in found if one is not None), None)


def _timed(case: Case, addressee: Addressee, customer: Customer, tally: Tally) -> Addressee:
    """Return an addressee with what its notice says of times, and count those in that lie ahead of it."""
    hearings, phase = case.heard.counted.get(customer.tenant, ()), addressee.phase
    missed, next_at = times_of(case.incident, customer, hearings, phase, rules=case.rules, now=case.now)
    ahead = times_ahead(case.incident, customer, hearings, phase, rules=case.rules, now=case.now)
    tally.lies_ahead((next_at, *ahead))
    return evolve(addressee, missed=tuple(map(case.heard.said.reason_of, missed)), next_at=next_at)


def _is_owed(impact: TenantImpact, *, ciphertext: bool) -> bool:
    return impact.outcome is Outcome.AFFECTED or (ciphertext and impact.outcome is Outcome.CIPHERTEXT_ONLY)


def _under(draft: Round, number: int) -> str:
    return f"{numbered(draft.incident, number)}/"


def _part(key: str) -> str:
    return key.rpartition("/")[2]


def _new_code() -> str:
    """Return 128 random bits as 26 letters and digits that can be read out on the phone (RFC 4648, 6)."""
    return base64.b32encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")
