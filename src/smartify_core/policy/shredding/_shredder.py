"""Shredding as a protocol: what has ended is gone everywhere, is on record, and stays gone after a restore."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from smartify_core.errors import UnderLegalHold, UsageError
from smartify_core.model import Claim
from smartify_core.policy._access._decision import is_reason
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._leased import leased
from smartify_core.policy._ledger import LEDGER, is_key
from smartify_core.policy._legal_holds import LegalHolds
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._records._erased_grants import erase_grants
from smartify_core.policy._standing import Standings, TenantStanding
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import every_tenant, every_tombstone

from . import _register as registered
from ._endings_file import Ending, EndingsFile
from ._receipts import Receipts
from ._reshredding import end_again, held_since

_LEASE: Final = timedelta(minutes=10)


@frozen(order=False)
class Reshredded:
    """What was ended again in a restored store.

    Args:
        accounts: How many accounts were live there that had ended.
        tenants: How many tenants were there that had been off-boarded.
    """

    accounts: int
    tenants: int


class Shredder:
    """Sees to it that whoever is gone is gone.

    Args:
        storage: The store.
        sealer: What sealed what it holds. Its key ring is asked to forget a tenant that is off-boarded, where it can.
        trail: What records every ending.
        register: The register of endings, kept outside of the store's backups. Without one a restored older store
            passes unnoticed.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        register: EndingsFile | None = None,
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._register = register
        self._holds = LegalHolds(storage, sealer, trail)
        self._standings = Standings(storage, sealer)
        self._receipts = Receipts(storage, sealer, trail)

    # --- people -------------------------------------------------------------------------------------------------------

    def settle(self, tenant: str | None = None) -> int:
        """Write a receipt for every account that has ended since, and enter them into the register.

        Before that, whatever may be left of its person is removed: a key that was made just when the account ended,
        records of communications. To be called after runs, or on a schedule. Whatever it was interrupted at, calling
        it again finishes it, and no account gets two receipts.

        Args:
            tenant: The tenant; all of the store without one.

        Returns:
            How many receipts were written.

        Raises:
            OlderStore: The store is older than the register; nothing was written.
            AuditUnavailable: A receipt could not be written.
            EndingsUnavailable: The register could not be written; the receipts were.
            StorageError: The store could not be read or written.
        """
        if self._register is not None:
            registered.check_restored(self._trail, self._register)
        tenants = self._tenants() if tenant is None else [tenant]
        written = sum(self._receipts.write(one) for one in tenants)
        self._enter()
        self._sealer.let_go()
        return written

    def unsettled(self, tenant: str | None = None) -> int:
        """Return how many accounts have ended for which `settle` would write a receipt. Writes nothing.

        Args:
            tenant: The tenant; all of the store without one.

        Raises:
            StorageError: The store could not be read.
        """
        return sum(map(self._receipts.lacking, self._tenants() if tenant is None else [tenant]))

    # --- tenants ------------------------------------------------------------------------------------------------------

    def standing(self, tenant: str) -> TenantStanding | None:
        """Return how a tenant stands that was off-boarded, or is being so; ``None`` for one that is served.

        Raises:
            StorageError: The store could not be read.
        """
        return self._standings.get(tenant)[0]

    def off_board(self, tenant: str, *, by: str, reason: str) -> TenantStanding:
        """Erase all that is held of a tenant, for good, and say so in the audit trail and in the register.

        Nothing of the tenant opens any more from the first step on. The grants for it go as well. Whatever it was
        interrupted at, calling it again finishes it. No run provisions anybody of it from then on.

        Args:
            tenant: The tenant.
            by: Who does it: the id of an employee.
            reason: Why. Kept sealed, beyond the tenant.

        Raises:
            UnderLegalHold: A legal hold forbids it. Nothing was erased.
            UsageError: ``by`` is no id, no reason is given or a very long one, or there is no such tenant.
            LeaseHeld: A run of the tenant is under way. Call it again when it is done.
            OlderStore: The store is older than the register; nothing was erased.
            AuditUnavailable: It could not be recorded. Call it again.
            EndingsUnavailable: All is done but the register. Call it again.
            StorageError: The store could not be read or written. Call it again.
        """
        _require(by, reason)
        if not is_key(tenant) or tenant == LEDGER:
            raise UsageError("there is no such tenant", where="tenant", cure="Check the spelling.")
        if self._register is not None:
            registered.check_restored(self._trail, self._register)
        standing = self.standing(tenant)
        if standing is None or standing.ended_at is None:
            if standing is None:
                self._require_free(tenant)
                if not self._storage.tenant(tenant).fence:
                    raise UsageError("there is no such tenant", where=f"tenant {tenant}", cure="Check the spelling.")
            with leased(self._storage, tenant, now=self._trail.now(), ttl=_LEASE) as claim:
                standing = self._begun(tenant, by, reason)
                try:
                    # Only now: whoever places a hold from here on sees the standing, and takes the hold back.
                    self._require_free(tenant)
                except UnderLegalHold:
                    self._take_back(tenant)
                    raise
                standing = self._ended(claim, standing)
        else:
            self._forget_grants(tenant)  # somebody who asked for one just then was killed before they took it back
        self._enter()
        return standing

    # --- after a restore ----------------------------------------------------------------------------------------------

    def check_restored(self) -> None:
        """Raise unless the store is at least as new as the register: to be called at every start of the host.

        Raises:
            OlderStore: It is older, or has another history.
            TrailBroken: The tree of the store's audit trail is damaged.
            EndingsInvalid: The register is damaged, or of a newer format.
            EndingsUnavailable: The register cannot be read now.
            UsageError: There is no register.
        """
        registered.check_restored(self._trail, self._require_register())

    def reshred(self, *, by: str, reason: str) -> Reshredded:
        """End again whoever is on the register and still, or again, in the store: after an older one was restored.

        Tombstones keep late writes from reviving them. The register goes on from the restored store's audit trail
        afterwards. Whatever it was interrupted at, calling it again finishes it.

        Args:
            by: Who does it: the id of an employee.
            reason: Why. Not kept in the trail.

        Raises:
            UsageError: There is no register, ``by`` is no id, or no reason is given or a very long one.
            LeaseHeld: A run of a tenant is under way: stop the workers first.
            AuditUnavailable: It could not be recorded. Call it again.
            StorageError: The store could not be read or written. Call it again.
        """
        register = self._require_register()
        _require(by, reason)
        known = register.head()
        gone = {one.tenant: one.ended_at for one in register.endings() if one.account_id is None}
        accounts = sum(map(self._end_again, _in_lists(one for one in register.endings() if one.tenant not in gone)))
        again = 0
        for tenant, ended_at in sorted(gone.items()):
            standing = self.standing(tenant)
            if standing is not None and standing.ended_at is not None:
                continue
            if not held_since(self._storage, self._sealer, tenant, ended_at):
                with leased(self._storage, tenant, now=self._trail.now(), ttl=_LEASE) as claim:
                    self._ended(claim, self._begun(tenant, by, reason))
                again += 1
        facts = {"accounts": accounts, "tenants": again, "register_size": known.size, "register_root": known.root.hex()}
        self._trail.append(AuditRecord("store.reshredded", self._trail.now(), actor=by, facts=facts))
        registered.accept(self._trail, register)
        self.settle()
        return Reshredded(accounts, again)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _tenants(self) -> Iterator[str]:
        return (one.tenant for one in every_tenant(self._storage) if one.tenant != LEDGER)

    def _enter(self) -> None:
        if self._register is not None:
            registered.catch_up(self._trail, self._register)

    def _require_register(self) -> EndingsFile:
        if self._register is None:
            raise UsageError("there is no register of endings", where="Shredder", cure="Hand in an EndingsFile.")
        return self._register

    def _require_free(self, tenant: str) -> None:
        if self._holds.is_held(tenant):
            raise UnderLegalHold(
                "a legal hold forbids that what is held of the tenant ends",
                where=f"tenant {tenant}",
                cure="Have it released first, or wait for its end.",
            )

    def _begun(self, tenant: str, by: str, reason: str) -> TenantStanding:
        """Say that the tenant is not served any more, unless somebody has said so."""
        standing, version = self._standings.get(tenant)
        if standing is not None:
            return standing
        now = self._trail.now()
        stones = sum(1 for _ in every_tombstone(self._storage, tenant))
        standing = TenantStanding(by, reason, now, self._storage.tenant(tenant).accounts, stones)
        record = AuditRecord("tenant.off-boarding", now, tenant, by)
        self._trail.append(record, documents=[self._standings.put(tenant, standing, over=version)])
        return standing

    def _take_back(self, tenant: str) -> None:
        _, version = self._standings.get(tenant)
        record = AuditRecord("tenant.off-boarding-stopped", self._trail.now(), tenant, facts={"why": "legal hold"})
        self._trail.append(record, documents=[self._standings.remove(tenant, over=version)])

    def _ended(self, claim: Claim, standing: TenantStanding) -> TenantStanding:
        """Erase the tenant, which is not served any more, and say that it is gone."""
        tenant = claim.tenant
        self._receipts.write(tenant)
        self._storage.erase_tenant(claim)
        self._forget_grants(tenant)
        forgotten = self._sealer.forget(tenant)
        _, version = self._standings.get(tenant)
        now = self._trail.now()
        ended = evolve(standing, ended_at=now)
        facts = {"accounts": ended.accounts, "tombstones": ended.tombstones, "keys_destroyed": forgotten}
        record = AuditRecord(registered.OFF_BOARDED, now, tenant, standing.by, facts=facts)
        self._trail.append(record, documents=[self._standings.put(tenant, ended, over=version)])
        return ended

    def _forget_grants(self, tenant: str) -> None:
        erase_grants(self._storage, self._trail, tenant)
        Reasons(self._storage, self._sealer).forget(tenant)

    def _end_again(self, endings: Sequence[Ending]) -> int:
        by_tenant: defaultdict[str, list[Ending]] = defaultdict(list)
        for one in endings:
            by_tenant[one.tenant].append(one)
        ended = 0
        for tenant, theirs in sorted(by_tenant.items()):
            with leased(self._storage, tenant, now=self._trail.now(), ttl=_LEASE) as claim:
                ended += end_again(self._storage, self._sealer, claim, theirs)
        return ended


def _require(by: object, reason: object) -> None:
    """Raise `UsageError` unless somebody says why. Types are no promise at run time."""
    check_id("by", by)
    if not is_reason(reason):
        raise UsageError("no reason is given, or a very long one", where="reason", cure="Say in a few words why.")


def _in_lists(endings: Iterable[Ending]) -> Iterator[list[Ending]]:
    """Yield the ends of accounts in lists that one keyed call takes, none of which names a person twice."""
    some: list[Ending] = []
    people: set[tuple[str, str | None]] = set()
    for one in endings:
        person = one.tenant, one.source_id
        if person in people or len(some) == KEYS_AT_ONCE:
            yield some
            some, people = [], set()
        some.append(one)
        people.add(person)
    if some:
        yield some
