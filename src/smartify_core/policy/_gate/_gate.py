"""The gate itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from threading import Lock
from typing import Final

from attrs import evolve, field, frozen

from smartify_core.errors import (
    AccessDenied,
    PermitSpent,
    Shredded,
    UnknownRecord,
    UsageError,
)
from smartify_core.model import SealedAccount
from smartify_core.policy._access._deciding import decide
from smartify_core.policy._access._decision import AccessRequest, AccessRules, Decision
from smartify_core.policy._access._facts import Grant
from smartify_core.policy._ledger import is_key
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._records._circumstances import Circumstances
from smartify_core.policy._records._grants import Grants
from smartify_core.policy._records._staff import Staff
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.audit import Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._disclosed import Disclosed, disclosed, pseudonymised
from ._reading import Reading
from ._recording import MoreFacts, Recording, ShownRecord
from ._reviewing import Reviewing
from ._standing import GrantStanding, standing_of
from ._view import View, named_by_pseudonym

#: How long a permit may wait to be used.
_PERMIT_LASTS: Final = timedelta(minutes=1)
#: How many permits that nobody used are forgotten when another one is given.
_FORGOTTEN_AT_ONCE: Final = 8
#: The most accounts that one record names.
AT_ONCE: Final = 100


@frozen(order=False)
class Permit:
    """A live decision that opens once. Only the gate that gave it takes it, and a copy of it is spent with it."""

    decision: Decision
    _id: str = field(repr=False)


class Gate:
    """The only way to open sealed fields.

    Somebody asks; the decision is made from facts read at that moment; the record of it is durable in the audit trail;
    then the fields open. Where the record cannot be kept nothing opens. Signing people in and asking for their groups
    go by blind index, open nothing, and need no gate.

    Args:
        storage: Where sealed accounts are.
        sealer: What opens them.
        trail: What every opening and every denial is recorded in.
        staff: Who is employed, and bound by confidentiality.
        grants: What they were granted.
        circumstances: What grants and provisions depend on.
        rules: How strict the host is.
        guard: Called before the first opening; what it raises keeps everything shut. `Policy` has it refuse a store
            that was restored from before an erasure.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        staff: Staff,
        grants: Grants,
        circumstances: Circumstances,
        rules: AccessRules | None = None,
        guard: Callable[[], None] | None = None,
        watch: ShownRecord | None = None,
    ) -> None:
        self._guard = guard
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._rules = AccessRules() if rules is None else rules
        self._reading = Reading(storage, staff, grants, circumstances, self._rules)
        self._reasons = Reasons(storage, sealer)
        self._recording = Recording(trail, self._reasons, watch)
        self._reviewing = Reviewing(trail, staff, self._reasons)
        #: Guards the one below it.
        self._lock = Lock()
        self._outstanding: dict[str, Decision] = {}

    # --- asking -------------------------------------------------------------------------------------------------------

    def decide(self, request: AccessRequest) -> Decision:
        """Return whether somebody may see what they ask for, and why not. Opens, grants and records nothing."""
        return decide(request, self._reading.facts(request, self._trail.now), self._trail.now(), rules=self._rules)

    def standing(self, grant: Grant) -> GrantStanding:
        """Return whether a grant would open anything now, and if not, why: its own end, or something outside of it."""
        now = self._trail.now()
        return standing_of(
            grant,
            lambda request: self._reading.facts(request, lambda: now),
            lambda request, facts: decide(request, facts, now, rules=self._rules),
        )

    def view(
        self,
        employee: str,
        *,
        tenant: str,
        purpose: Purpose | str,
        fields: Collection[PersonalField | str],
        reason: str,
        source_ids: Sequence[str] | None = None,
        facts: MoreFacts | None = None,
    ) -> View:
        """Return a view of a tenant's accounts, to be used in a ``with`` statement and iterated over.

        Every page of it (100 accounts at most) is decided anew, so that a grant that is revoked or runs out meanwhile
        shows no more, and is recorded before it is shown.

        Args:
            employee: Who wants to see them.
            tenant: Whose people.
            purpose: What for.
            fields: Which fields.
            reason: Why, in words; it is kept sealed in the trail.
            source_ids: The people who are to be seen, by their ids in the directory; everybody when not given.
            facts: What else belongs into the record: ids, codes and counts.

        Raises:
            AccessDenied: On entering it, when they may not. ``missing`` and the message say why.
            AuditUnavailable: Nothing can be recorded now, so nothing opens.
        """
        request = AccessRequest(employee, tenant, purpose, fields, reason)

        def show(accounts: Sequence[SealedAccount]) -> tuple[Disclosed, ...]:
            return self._page(request, accounts, facts or {})

        return View(request, self._storage, source_ids=source_ids, require=self.require, show=show)

    def open(
        self,
        employee: str,
        *,
        tenant: str,
        purpose: Purpose | str,
        fields: Collection[PersonalField | str],
        reason: str,
        source_id: str | None = None,
        email: str | None = None,
        facts: MoreFacts | None = None,
    ) -> Disclosed:
        """Return one person.

        Args:
            employee: Who wants to see them.
            tenant: Whose people.
            purpose: What for.
            fields: Which fields.
            reason: Why, in words; it is kept sealed under the person's own key.
            source_id: The person's id in the directory.
            email: Or their address, which is looked up by its blind index.
            facts: What else belongs into the record: ids, codes and counts.

        Raises:
            AccessDenied: They may not. ``missing`` and the message say why.
            UnknownRecord: They may, and there is no such person.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
            UsageError: Neither id nor address is given, or both are; or only pseudonyms may be shown, of which nobody
                is told whose they are.
        """
        if (source_id is None) is (email is None):
            raise UsageError("one person is named by an id or an address", where="Gate.open", cure="Give one of them.")
        found = self._found(tenant, source_id, email)
        subjects = [] if found is None else [found.account_id]
        request = AccessRequest(employee, tenant, purpose, fields, reason, frozenset(subjects))
        decision, since = self._required(request)
        if decision.pseudonymous:
            raise named_by_pseudonym("Gate.open")
        if found is None:
            # Only here, so that whoever may not see anybody does not learn who is there.
            self._recording.missed(decision)
            raise UnknownRecord("there is no such account", where=f"tenant {tenant}", cure="Look for it anew.")
        opened: tuple[Disclosed, ...] = ()
        with suppress(Shredded):
            opened = self._opened(decision, since, [found], facts or {})
        if not opened:
            raise UnknownRecord("the account has just ended", where=f"tenant {tenant}", cure="Look for it anew.")
        return opened[0]

    def require(self, request: AccessRequest) -> Decision:
        """Return the decision where it is yes.

        Raises:
            AccessDenied: It is no; the denial is recorded.
            AuditUnavailable: It is no, and cannot be recorded.
        """
        return self._required(request)[0]

    def _required(self, request: AccessRequest) -> tuple[Decision, int]:
        """Return the decision where it is yes, and how many entries the trail had before its facts were read."""
        since = self._trail.size
        decision = self.decide(request)
        if decision.allowed:
            return decision, since
        self._recording.denial(decision)
        raise _denied(decision)

    def reason(self, employee: str, place: int) -> str | None:
        """Return why something was opened, as whoever opened it said; ``None`` once the person or the tenant is gone.

        That somebody read it is recorded before they do.

        Args:
            employee: Who reads it: an employee who may approve grants, and is bound by confidentiality.
            place: The place of the opening in the audit trail.

        Raises:
            AccessDenied: They may not.
            UsageError: There is no such entry, or it holds no reason.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
            SealBroken: The reason was altered.
        """
        return self._reviewing.reason(employee, place)

    # --- in two steps -------------------------------------------------------------------------------------------------

    def permit(self, request: AccessRequest) -> Permit:
        """Return the right to open once what was asked for, within a minute.

        Raises:
            AccessDenied: They may not; the denial is recorded.
        """
        decision = self.require(request)
        permit = Permit(decision, secrets.token_hex(16))
        with self._lock:
            # They stand in order of time, but for threads that overtook one another: what is left goes with the next.
            for old, held in list(islice(self._outstanding.items(), _FORGOTTEN_AT_ONCE)):
                if held.at + _PERMIT_LASTS <= decision.at:
                    del self._outstanding[old]
            self._outstanding[permit._id] = decision  # noqa: SLF001 - the gate's own
        return permit

    def disclose(
        self, permit: Permit, accounts: Sequence[SealedAccount], *, facts: MoreFacts | None = None
    ) -> tuple[Disclosed, ...]:
        """Record the opening of these accounts, make that durable, and then open the fields of the permit.

        Args:
            permit: What `permit` returned. It is spent by this, whatever comes of it.
            accounts: At most 100 accounts of its tenant, and of its subjects where it names some.
            facts: What else belongs into the record.

        Returns:
            The people, in the order given, without those who have ended meanwhile.

        Raises:
            PermitSpent: The permit was used before, is too old, is none of this gate's, or is for other accounts.
            AccessDenied: What it was given for is not so any more.
            UsageError: Only pseudonyms may be shown, of which nobody is told whose they are.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
        """
        with self._lock:
            decision = self._outstanding.pop(permit._id, None)  # noqa: SLF001 - the gate's own
        now = self._trail.now()
        if decision is None or decision is not permit.decision or not decision.at <= now < decision.at + _PERMIT_LASTS:
            raise PermitSpent("this permit opens nothing", where="Gate.disclose", cure="Ask the gate for another one.")
        request = decision.request
        strangers = [one for one in accounts if one.tenant != request.tenant]
        if request.subjects:
            strangers += [one for one in accounts if one.account_id not in request.subjects]
        if strangers or not 0 < len(accounts) <= AT_ONCE:
            raise PermitSpent(
                "this permit was given for other accounts, or for fewer", where="Gate.disclose", cure="Ask for these."
            )
        # Anew: what allowed it may have been taken back since.
        decision, since = self._required(request)
        if decision.pseudonymous:
            raise named_by_pseudonym("Gate.disclose")
        return self._opened(decision, since, accounts, facts or {})

    # --- inside -------------------------------------------------------------------------------------------------------

    def _page(
        self, request: AccessRequest, accounts: Sequence[SealedAccount], facts: MoreFacts
    ) -> tuple[Disclosed, ...]:
        """Return a page of a view: decided for these accounts, recorded, and opened."""
        subjects = frozenset(one.account_id for one in accounts)
        try:
            return self._opened(*self._required(evolve(request, subjects=subjects)), accounts, facts)
        except Shredded:
            return ()  # the only account of the page has ended since it was read

    def _opened(
        self, decision: Decision, since: int, accounts: Sequence[SealedAccount], facts: MoreFacts
    ) -> tuple[Disclosed, ...]:
        request = decision.request
        if self._guard is not None:
            self._guard()
            self._guard = None  # it has passed, and a store that is in use is not restored under it
        if self._recording.has_changed(since, self._recording.opening(decision, accounts, facts)):
            # Somebody wrote between the facts and the record, and may have taken back what allowed it.
            again = self.decide(request)
            if not again.allowed or again.pseudonymous is not decision.pseudonymous:
                self._recording.stopped(again, accounts)
                raise _denied(again)
        # Whoever has ended since they were read stays shut, although the record names them.
        present = self._storage.load(request.tenant, [one.source_id for one in accounts])
        accounts = [
            found
            for one in accounts
            if (found := present.get(one.source_id)) is not None and found.account_id == one.account_id
        ]
        fields = frozenset(one for one in request.fields if isinstance(one, PersonalField))
        if decision.pseudonymous and isinstance(request.purpose, Purpose):
            shown = [pseudonymised(one, self._sealer, request.purpose, fields) for one in accounts]
            return tuple(sorted(shown, key=lambda one: one.account_id))  # in the order of nobody's id
        return tuple(disclosed(one, self._sealer.open(one), fields) for one in accounts)

    def _found(self, tenant: str, source_id: str | None, email: str | None) -> SealedAccount | None:
        if not is_key(tenant):
            return None
        if source_id is not None:
            return self._storage.load(tenant, [source_id]).get(source_id)
        found = self._storage.find_by_email(tenant, [self._sealer.email_index(tenant, email or "")])
        return found[0] if len(found) == 1 else None


def _denied(decision: Decision) -> AccessDenied:
    denied = AccessDenied(
        "; ".join(one.what for one in decision.shortfalls),
        where=f"clause {', '.join(dict.fromkeys(one.clause for one in decision.shortfalls))}",
        cure=" ".join(dict.fromkeys(one.cure for one in decision.shortfalls)),
    )
    denied.missing = tuple(one.missing.value for one in decision.shortfalls)
    denied.shortfalls = decision.shortfalls
    return denied
