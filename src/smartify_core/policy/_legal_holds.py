"""Placing and releasing legal holds: what is under one is not erased, by whatever way it would end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import evolve

from smartify_core.errors import HoldInvalid, NewerSchema, SealBroken, UnknownHold, UsageError, WriteConflict
from smartify_core.model import LEGAL_HOLD, RUN_STATE, Document, LegalHold, PutDocument, SealedAccount
from smartify_core.policy._access._decision import is_reason
from smartify_core.policy._access._facts import in_utc, is_id
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._reasons import Reasons
from ._standing import Standings

_CURE: Final = "Correct the call."


class LegalHolds:
    """The legal holds of a store's tenants.

    A person under one who leaves the directory loses access at once as always, and what is held of them stays, sealed.
    It ends with the first run after the hold does. A tenant under one is not off-boarded. Each placing and each
    release is in the audit trail; who ordered it and why is sealed there.

    Args:
        storage: Where the accounts are.
        sealer: What seals the holds.
        trail: What records them.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail) -> None:
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._reasons = Reasons(storage, sealer)
        self._standings = Standings(storage, sealer)

    def place(
        self, tenant: str, source_id: str | None = None, *, by: str, reason: str, until: datetime | None = None
    ) -> LegalHold:
        """Forbid that a person's account ends, or any of the tenant's.

        It holds before it is recorded, and a run that is under way meets it at its next commit. Placed again, it has
        the new end and reason. Where this raises, call it again: the hold may be there, and may not be on record.

        Args:
            tenant: The tenant.
            source_id: The person's id in the directory; without one, everybody at the tenant.
            by: Who orders it: the id of an employee.
            reason: Why.
            until: When it ends by itself, aware; without it, when it is released.

        Raises:
            HoldInvalid: ``by`` is no id, no reason is given or a very long one, ``until`` is not aware or not to come,
                there is no such live account, or no such tenant.
            AuditUnavailable: It holds, and could not be recorded.
            StorageError: The store could not be read or written.
        """
        now = self._trail.now()
        _require(by, reason)
        until = None if until is None else _to_come(until, now)
        account = None if source_id is None else self._live(tenant, source_id)
        self._require_known(tenant)
        hold = LegalHold(
            tenant,
            now,
            by,
            reason,
            None if account is None else account.account_id,
            source_id,
            until,
        )
        self._put(hold)
        # Only now: whoever ends the account or the tenant from here on meets the hold; who did so before is seen here.
        try:
            self._require_known(tenant)
            if account is not None and self._live(tenant, account.source_id).account_id != account.account_id:
                raise _nobody(tenant)
        except HoldInvalid:
            self._remove(tenant, hold.key)
            raise
        self._record("legal-hold.placed", now, hold, account)
        return hold

    def release(self, tenant: str, source_id: str | None = None, *, by: str, reason: str) -> LegalHold:
        """End a hold. What was to end and waited ends with the tenant's next run. Recorded before it is done.

        Args:
            tenant: The tenant.
            source_id: The person; without one, the hold on the whole tenant.
            by: Who orders it: the id of an employee.
            reason: Why.

        Raises:
            UnknownHold: There is none.
            HoldInvalid: ``by`` is no id, or no reason is given or a very long one.
            AuditUnavailable: It could not be recorded, and still holds.
            StorageError: The store could not be read or written.
        """
        _require(by, reason)
        found = [one for one in self.of(tenant) if one.source_id == source_id]
        if not found:
            raise UnknownHold(
                "there is no such legal hold",
                where=f"tenant {tenant}",
                cure="Name the person, or nobody for the hold on the whole tenant.",
            )
        for hold in found:
            # A hold whose end has passed may have outlived the account.
            account = None if source_id is None else self._storage.load(tenant, [source_id]).get(source_id)
            ours = account is not None and account.account_id == hold.account_id
            ordered = evolve(hold, by=by, reason=reason)
            self._record("legal-hold.released", self._trail.now(), ordered, account if ours else None)
            self._remove(tenant, hold.key)
        return found[0]

    def of(self, tenant: str) -> tuple[LegalHold, ...]:
        """Return the holds of a tenant, those whose end has passed too, in order of account id.

        Raises:
            SealBroken: One is damaged. It holds until it is placed again or released.
            WrongKey: The key ring does not hold the key that one was sealed under.
            StorageError: The store could not be read.
        """
        return tuple(self._opened(tenant, one) for one in every_document(self._storage, tenant, LEGAL_HOLD))

    def is_held(self, tenant: str, account_id: str | None = None) -> bool:
        """Return whether an account must not end now; without one, whether anything of the tenant must not.

        A hold that cannot be read holds.

        Raises:
            WrongKey: As `of`.
            StorageError: The store could not be read.
        """
        now = self._trail.now()
        keys = None if account_id is None else {LegalHold.key_of(None), LegalHold.key_of(account_id)}
        for document in self._documents(tenant, keys):
            try:
                if self._opened(tenant, document).holds_at(now):
                    return True
            except (SealBroken, NewerSchema):
                return True
        return False

    # --- inside -------------------------------------------------------------------------------------------------------

    def _documents(self, tenant: str, keys: set[str] | None) -> Sequence[Document]:
        if keys is None:
            return tuple(every_document(self._storage, tenant, LEGAL_HOLD))
        found = (self._storage.document(tenant, LEGAL_HOLD, key) for key in sorted(keys))
        return [one for one in found if one is not None]

    def _opened(self, tenant: str, document: Document) -> LegalHold:
        content = self._sealer.open_document(tenant, LEGAL_HOLD, document.key, document.value)
        return LegalHold.of_bytes(tenant, content)

    def _live(self, tenant: str, source_id: str) -> SealedAccount:
        account = self._storage.load(tenant, [source_id]).get(source_id)
        if account is None:
            raise _nobody(tenant)
        return account

    def _require_known(self, tenant: str) -> None:
        if not self._storage.tenant(tenant).accounts or self._standings.get(tenant)[0] is not None:
            raise _nobody(tenant)

    def _put(self, hold: LegalHold) -> None:
        sealed = self._sealer.seal_document(hold.tenant, LEGAL_HOLD, hold.key, hold.to_bytes())
        while True:
            before = self._storage.document(hold.tenant, LEGAL_HOLD, hold.key)
            writes = [PutDocument(LEGAL_HOLD, hold.key, sealed, 0 if before is None else before.version)]
            # Whichever run is under way was planned without the hold: its next commit is refused, and looks again.
            if (state := self._storage.document(hold.tenant, *RUN_STATE)) is not None:
                writes.append(PutDocument(*RUN_STATE, state.value, state.version))
            with suppress(WriteConflict):  # a run has committed, or somebody else has placed or released one
                self._storage.record(hold.tenant, documents=writes)
                return

    def _remove(self, tenant: str, key: str) -> None:
        while (document := self._storage.document(tenant, LEGAL_HOLD, key)) is not None:
            with suppress(WriteConflict):
                self._storage.record(tenant, documents=[PutDocument(LEGAL_HOLD, key, None, document.version)])

    def _record(self, kind: str, now: datetime, hold: LegalHold, account: SealedAccount | None) -> None:
        if account is None:
            sealed = self._reasons.about_many(hold.tenant, hold.reason)
        else:
            sealed = self._reasons.about_one(account, hold.reason)
        subjects = () if hold.account_id is None else (hold.account_id,)
        until = None if hold.until is None else hold.until.isoformat()
        facts = {
            "reason": sealed,
            "reason_about": "tenant" if account is None else "subject",
            "until": until,
            "whole_tenant": hold.account_id is None,
        }
        self._trail.append(AuditRecord(kind, now, hold.tenant, hold.by, subjects, facts))


def _require(by: object, reason: object) -> None:
    """Raise `HoldInvalid` unless somebody says why. Types are no promise at run time."""
    if not is_id(by):
        cure = "Use letters, digits and . _ : - only, at most 128, and never a name or an address."
        raise HoldInvalid("by is no id: a legal hold names the employee who orders it", where="by", cure=cure)
    if not is_reason(reason):
        raise HoldInvalid("no reason is given, or a very long one", where="reason", cure="Say in a few words why.")


def _to_come(until: object, now: datetime) -> datetime:
    """Return an end in UTC that is yet to come."""
    with suppress(UsageError):
        if (end := in_utc("until", until)) > now:
            return end
    raise HoldInvalid("the end of a legal hold is no aware instant to come", where="until", cure=_CURE)


def _nobody(tenant: str) -> HoldInvalid:
    return HoldInvalid(
        "there is nobody whom a legal hold could keep: no such live account, or a tenant without any",
        where=f"tenant {tenant}",
        cure="Name a person who has an account, by their id in the directory.",
    )
