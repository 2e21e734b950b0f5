"""Grants: asked for by one person, approved by another, and over by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from smartify_core.errors import GrantInvalid, RecordClash, Shredded, UnknownRecord
from smartify_core.model import TENANT_STANDING, SealedAccount
from smartify_core.policy._access._decision import AccessRules, is_reason
from smartify_core.policy._access._facts import Grant, PrincipalKind, check_id, in_utc
from smartify_core.policy._access._fitting import binding, spelt
from smartify_core.policy._ledger import LEDGER, is_key
from smartify_core.policy._log import log
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._shelf import Shelf
from smartify_core.policy._vocabulary import PROHIBITED, PersonalField, Purpose
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._anew import begun_anew
from ._erased_grants import erase_grants
from ._grant_places import GRANT, PAST, place_of
from ._reviewers import Reviewers
from ._staff import Staff

_PAST_AFTER: Final = timedelta(days=30)
#: How many grants are moved there at once, by whoever asks for one more.
_MOST_MOVED: Final = 100
_ID_BYTES: Final = 5


class Grants:
    """The grants of a store.

    Args:
        storage: Where they are on record.
        sealer: What seals the records.
        trail: What every change is recorded in, in the same step.
        staff: Who is employed.
        rules: How long a grant may last.
        on_emergency: Called with every grant that somebody took without approval, once it is on record. What it raises
            is logged, and takes the grant from nobody.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        staff: Staff,
        *,
        rules: AccessRules | None = None,
        on_emergency: Callable[[Grant], None] | None = None,
    ) -> None:
        self._storage = storage
        self._trail = trail
        self._staff = staff
        self._rules = AccessRules() if rules is None else rules
        self._on_emergency = on_emergency
        self._reasons = Reasons(storage, sealer)
        self._reviewers = Reviewers(trail, staff)
        self._shelf = Shelf(storage, sealer, GRANT, Grant)
        self._past = Shelf(storage, sealer, PAST, Grant)

    # --- asking -------------------------------------------------------------------------------------------------------

    def request(
        self,
        employee: str,
        *,
        tenant: str,
        purpose: Purpose,
        fields: Collection[PersonalField],
        reason: str,
        lasts: timedelta,
        by: str | None = None,
        not_before: datetime | None = None,
        subjects: Collection[str] = (),
        source_id: str | None = None,
        ticket: str | None = None,
        identified: bool = False,
    ) -> Grant:
        """Ask for a grant. It opens nothing until somebody else has approved it.

        The reason is sealed under the person's own key where ``source_id`` names one, and goes with the person;
        otherwise it is sealed under the tenant's key, and goes with the tenant.

        Args:
            employee: Who is to be let in.
            tenant: Whose people.
            purpose: What for.
            fields: Which fields.
            reason: Why, in words; kept sealed. `reason` opens it.
            lasts: For how long.
            by: Who asks; the employee themselves when not given.
            not_before: From when on; from now on when not given.
            subjects: The account ids that it is confined to; empty for everybody of the tenant.
            source_id: The one person that it is confined to, by their id in the directory; in place of ``subjects``.
            ticket: The issue that it is for; closing that one ends it.
            identified: Whether names are needed where the purpose would do with pseudonyms.

        Raises:
            GrantInvalid: The purpose is prohibited or none, no field or no reason is given, it would last too long, or
                the customer is gone.
            UsageError: An id or ``not_before`` is none.
            UnknownRecord: The employee is not on record, or the person has no account.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        grant = self._made(
            employee,
            tenant=tenant,
            purpose=purpose,
            fields=fields,
            reason=reason,
            lasts=lasts,
            by=by,
            not_before=not_before,
            subjects=subjects,
            source_id=source_id,
            ticket=ticket,
            identified=identified,
            emergency=False,
        )
        return self._kept("grant.requested", grant)

    def break_glass(
        self,
        employee: str,
        *,
        tenant: str,
        purpose: Purpose,
        fields: Collection[PersonalField],
        reason: str,
        lasts: timedelta | None = None,
        subjects: Collection[str] = (),
        source_id: str | None = None,
        ticket: str | None = None,
    ) -> Grant:
        """Take a grant without approval, in an emergency: a short one, told at once, and to be looked at afterwards.

        All else is asked for as ever: whoever takes it is employed and bound by confidentiality, and no purpose is
        allowed that is prohibited. It is a warning in the log, an entry of its own kind in the audit trail, a call of
        ``on_emergency``, and a finding of every review until somebody else has looked at it.

        Raises:
            GrantInvalid, UsageError, UnknownRecord, AuditUnavailable: As `request` does.
        """
        grant = self._made(
            employee,
            tenant=tenant,
            purpose=purpose,
            fields=fields,
            reason=reason,
            lasts=self._rules.longest_emergency if lasts is None else lasts,
            by=employee,
            not_before=None,
            subjects=subjects,
            source_id=source_id,
            ticket=ticket,
            identified=False,
            emergency=True,
        )
        self._kept("grant.emergency", grant)
        log().warning("glass broken", employee=employee, tenant=tenant, grant=grant.id, purpose=purpose.value)
        if self._on_emergency is not None:
            try:
                self._on_emergency(grant)
            except Exception as error:  # noqa: BLE001 - the grant is on record, whatever became of telling the host
                log().error("nobody was told that glass is broken", grant=grant.id, error=type(error).__name__)
        return grant

    # --- deciding about it --------------------------------------------------------------------------------------------

    @begun_anew
    def approve(self, grant_id: str, *, by: str) -> Grant:
        """Approve a grant that somebody else asked for.

        Args:
            grant_id: Which one.
            by: Who approves: an employee who may, is bound by confidentiality, and has nothing to gain from it.

        Raises:
            UnknownRecord: There is no such grant.
            RecordClash: It was approved or revoked already, or is over.
            GrantInvalid: Whoever approves it may not.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        key, grant, version = self._named(grant_id)
        now = self._trail.now()
        if grant.approved_by is not None or grant.revoked_at is not None or grant.emergency or grant.expires_at <= now:
            raise RecordClash(
                "the grant does not wait for approval",
                where=f"grant {grant_id}",
                cure="Look at it, or ask for a new one.",
            )
        self._require_other(grant, by, now, "approve")
        approved = evolve(grant, approved_by=by, approved_at=now)
        return self._changed("grant.approved", key, approved, version, by)

    @begun_anew
    def revoke(self, grant_id: str, *, by: str) -> Grant:
        """Take a grant back: from now on it opens nothing.

        Raises:
            UnknownRecord: There is no such grant.
            RecordClash: It was revoked already.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        key, grant, version = self._named(grant_id)
        if grant.revoked_at is not None:
            raise RecordClash("the grant was revoked already", where=f"grant {grant_id}", cure="Nothing is to be done.")
        revoked = evolve(grant, revoked_at=self._trail.now(), revoked_by=by)
        return self._changed("grant.revoked", key, revoked, version, by)

    @begun_anew
    def review(self, grant_id: str, *, by: str) -> Grant:
        """Say that somebody else has looked at an emergency.

        Raises:
            UnknownRecord: There is no such grant.
            RecordClash: It was none, or was looked at already.
            GrantInvalid: Whoever looks at it may not.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        key, grant, version = self._named(grant_id)
        if not grant.emergency or grant.reviewed_by is not None:
            raise RecordClash("the grant waits for no review", where=f"grant {grant_id}", cure="Nothing is to be done.")
        self._require_other(grant, by, self._trail.now(), "review")
        return self._changed("grant.reviewed", key, evolve(grant, reviewed_by=by), version, by)

    # --- reading ------------------------------------------------------------------------------------------------------

    def of(self, employee: str, tenant: str) -> tuple[Grant, ...]:
        """Return what somebody was granted for a tenant, but for what has been over for long."""
        return tuple(grant for _, grant, _ in self._shelf.beginning_with(place_of(employee, tenant)))

    def get(self, grant_id: str) -> Grant:
        """Return a grant, also one that is long over.

        Raises:
            UnknownRecord: There is none of this id.
        """
        return self._named(grant_id, also_past=True)[1]

    def all(self, *, also_past: bool = False) -> Iterator[Grant]:
        """Yield every grant, in order of employee and tenant; ``also_past`` those too that have been over for long."""
        for _, grant, _ in self._shelf.all():
            yield grant
        if also_past:
            for _, grant, _ in self._past.all():
                yield grant

    def reason(self, grant_id: str, *, by: str) -> str | None:
        """Return why a grant was asked for; ``None`` once the key is gone, with the person or with the tenant.

        That somebody read it is recorded before they do (``reason.read``).

        Args:
            grant_id: Which one, also one that is long over.
            by: Who reads it: whoever asked for it or holds it, or an employee who may approve grants, and is bound.

        Raises:
            UnknownRecord: There is no such grant.
            AccessDenied: They may not; the denial is recorded.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
            SealBroken: The reason was altered.
        """
        grant = self.get(grant_id)
        if by not in {grant.employee, grant.requested_by} or self._has_left(by):
            self._reviewers.require(by)
        subjects = tuple(sorted(grant.subjects))
        self._trail.append(
            AuditRecord("reason.read", self._trail.now(), grant.tenant, by, subjects, {"grant": grant.id})
        )
        return self._reasons.opened(grant.tenant, grant.sealed_reason, subject=grant.reason_about)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _made(
        self,
        employee: str,
        *,
        tenant: str,
        purpose: Purpose,
        fields: Collection[PersonalField],
        reason: str,
        lasts: timedelta,
        by: str | None,
        not_before: datetime | None,
        subjects: Collection[str],
        source_id: str | None,
        ticket: str | None,
        identified: bool,
        emergency: bool,
    ) -> Grant:
        requester = employee if by is None else by
        check_id("employee", employee)
        check_id("by", requester)
        if ticket is not None:
            check_id("ticket", ticket)
        now = self._trail.now()
        longest = self._rules.longest_emergency if emergency else self._rules.longest_grant
        _check_asked(tenant, purpose, fields, reason, subjects)
        if not _is_within(lasts, longest):
            cure = "Ask for a shorter one, and for a new one after it."
            raise _invalid(f"a grant lasts at most {spelt(longest)}", cure)
        if self._staff.get(employee) is None:
            raise UnknownRecord("there is no such employee on record", where="employee", cure="Add them first.")
        self._require_served(tenant)
        begins = now if not_before is None else in_utc("not_before", not_before)
        try:
            ends = begins + lasts
        except OverflowError:
            raise _invalid("a grant ends before the year 10000", "Have it begin sooner.") from None
        account = None if source_id is None else self._account(tenant, source_id, subjects)
        return Grant(
            id=f"g-{secrets.token_hex(_ID_BYTES)}",
            employee=employee,
            tenant=tenant,
            purpose=purpose,
            fields=frozenset(fields),
            requested_by=requester,
            requested_at=now,
            not_before=begins,
            expires_at=ends,
            subjects=frozenset(subjects) if account is None else frozenset([account.account_id]),
            identified=identified,
            ticket=ticket,
            emergency=emergency,
            sealed_reason=self._sealed(tenant, account, reason),
            reason_about=None if account is None else account.account_id,
        )

    def _account(self, tenant: str, source_id: str, subjects: Collection[str]) -> SealedAccount:
        account = self._storage.load(tenant, [source_id]).get(source_id) if is_key(source_id) else None
        if account is None:
            raise _nobody()
        if not set(subjects) <= {account.account_id}:
            raise _invalid("a grant is for one person, or for those whose account ids are named", "Give one of both.")
        return account

    def _sealed(self, tenant: str, account: SealedAccount | None, reason: str) -> str:
        if account is None:
            return self._reasons.about_many(tenant, reason)
        try:
            return self._reasons.about_one(account, reason)
        except Shredded:  # they have ended since they were read
            raise _nobody() from None

    def _require_served(self, tenant: str) -> None:
        if self._storage.document(LEDGER, TENANT_STANDING, tenant) is not None:
            raise _invalid("the customer is gone, or going", "There is no way.")

    def _has_left(self, who: str) -> bool:
        found = self._staff.get(who)
        return found is not None and not found.employee.is_employed(self._trail.now())

    def _kept(self, what: str, grant: Grant) -> Grant:
        """Keep a new grant, and none for a customer who goes meanwhile."""
        added = self._added(what, grant)
        try:
            # Only now: whoever off-boards from here on meets the grant, and whoever did so before is seen here.
            self._require_served(grant.tenant)
        except GrantInvalid:
            erase_grants(
                self._storage, self._trail, grant.tenant, key=f"{place_of(grant.employee, grant.tenant)}{grant.id}"
            )
            raise
        return added

    @begun_anew
    def _added(self, what: str, grant: Grant) -> Grant:
        key = f"{place_of(grant.employee, grant.tenant)}{grant.id}"
        writes = [self._shelf.put(key, grant, over=0)]
        over_since = self._trail.now() - _PAST_AFTER
        for old_key, old, version in self._shelf.beginning_with(place_of(grant.employee, grant.tenant)):
            # An emergency stays where it is seen until somebody has looked at it.
            waits = old.emergency and old.reviewed_by is None
            if not waits and min(old.expires_at, old.revoked_at or old.expires_at) < over_since:
                writes += [self._shelf.remove(old_key, over=version), self._past.put(old_key, old, over=0)]
                if len(writes) > 2 * _MOST_MOVED:
                    break
        self._trail.append(_entry(what, grant, grant.requested_by, self._trail.now()), documents=writes)
        return grant

    def _changed(self, what: str, key: str, grant: Grant, version: int, by: str) -> Grant:
        entry = _entry(what, grant, by, self._trail.now())
        self._trail.append(entry, documents=[self._shelf.put(key, grant, over=version)])
        return grant

    def _named(self, grant_id: str, *, also_past: bool = False) -> tuple[str, Grant, int]:
        for shelf, kind in ((self._shelf, GRANT), (self._past, PAST))[: 1 + also_past]:
            for document in every_document(self._storage, LEDGER, kind):
                if document.key.rpartition("/")[2] == grant_id:
                    grant, version = shelf.get(document.key)
                    if grant is not None:
                        return document.key, grant, version
        raise UnknownRecord("there is no such grant", where="grant", cure="List them, and copy the id from there.")

    def _require_other(self, grant: Grant, by: str, now: datetime, what: str) -> None:
        """Raise `GrantInvalid` unless somebody may approve or review this grant."""
        check_id("by", by)
        record, involved = self._staff.get(by), {grant.employee, grant.requested_by}
        # Whoever answers for a service has asked for what it asks for.
        involved |= {held.employee.owner for who in involved if (held := self._staff.get(who)) and held.employee.owner}
        if by in involved:
            raise _invalid(f"whoever asked for a grant, or has it, does not {what} it", "Have somebody else do it.")
        if (
            record is None
            or record.employee.kind is not PrincipalKind.EMPLOYEE
            or not record.employee.may_approve
            or not record.employee.is_employed(now)
            or binding(by, record.agreements, now) is None
        ):
            raise _invalid(
                f"{by} may not {what} grants",
                "Have it done by an employee who may approve, and is bound by a confidentiality agreement.",
            )


def _is_within(lasts: object, longest: timedelta) -> bool:
    return isinstance(lasts, timedelta) and timedelta(0) < lasts <= longest


def _check_asked(tenant: object, purpose: object, fields: object, reason: object, subjects: object) -> None:
    """Raise what `Grants.request` does unless this may be asked for. Types are no promise at run time."""
    if not isinstance(purpose, Purpose):
        raise _invalid("there is no such purpose", "Name one by its member of Purpose.")
    if purpose in PROHIBITED:
        raise _invalid(f"{purpose.value} is prohibited, and nobody can grant it", "There is no way.")
    named = isinstance(fields, Collection) and fields and all(isinstance(one, PersonalField) for one in fields)
    if not named:
        raise _invalid("no field is asked for, or one that does not exist", "Name the fields that are needed.")
    if not is_reason(reason):
        raise _invalid("no reason is given, or a very long one", "Say in a few words what it is needed for.")
    if not is_key(tenant) or tenant == LEDGER:
        raise _invalid("a grant is for a tenant", "Name one.")
    if isinstance(subjects, str) or not isinstance(subjects, Collection):
        raise _invalid("the account ids are no list of them", "Give them as a list.")
    for subject in subjects:
        check_id("subjects", subject)


def _entry(what: str, grant: Grant, by: str, now: datetime) -> AuditRecord:
    return AuditRecord(
        what,
        now,
        grant.tenant,
        by,
        tuple(sorted(grant.subjects)),
        {
            "grant": grant.id,
            "employee": grant.employee,
            "purpose": grant.purpose.value,
            "fields": sorted(one.value for one in grant.fields),
            "not_before": grant.not_before.isoformat(),
            "expires_at": grant.expires_at.isoformat(),
            "identified": grant.identified,
            "ticket": grant.ticket,
        },
    )


def _nobody() -> UnknownRecord:
    return UnknownRecord("the person has no account", where="source_id", cure="Copy their id from the directory.")


def _invalid(what: str, cure: str) -> GrantInvalid:
    return GrantInvalid(what, where="grant", cure=cure)
