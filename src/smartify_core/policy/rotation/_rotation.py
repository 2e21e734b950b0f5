"""Moving accounts and documents to newer keys, tenant by tenant."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from smartify_core.errors import SealBroken, UsageError
from smartify_core.model import Clock, Document
from smartify_core.policy._access._facts import check_id, in_utc
from smartify_core.policy._leased import leased
from smartify_core.policy._ledger import utc_now
from smartify_core.policy.audit import AuditRecord, Fact, Trail
from smartify_core.sealing import FileKeyRing, Sealer, TenantKeys
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import every_document, every_head_page, every_tenant

from ._counts import Remaining, Renewed, UnderKey
from ._progress import Progress, ProgressDocument
from ._tenant_pass import TenantPass

_REWRAP: Final = "rewrap"
_RESEAL: Final = "reseal"
#: Who has it done where nobody is named.
_MACHINE: Final = "rotation"
#: How often the whole of a tenant is gone through again, because something was written under an older key meanwhile.
_ROUNDS: Final = 3


class Rotation:
    """Moves what a store holds to newer keys, and retires the keys that nothing needs any more.

    The usual order: `rotate`, `rewrap` every tenant, see that `remaining` counts nothing, `retire` the old key. Every
    step may be cut short and made again.

    A tenant is gone through under its lease, in batches that are committed whole. So no run of the lifecycle is at work
    on the tenant meanwhile, nobody's write is undone, and a run that comes after finds nothing to do. Documents that
    others write beside the lease are read again and not overwritten.

    Args:
        storage: Where accounts and documents are.
        sealer: What seals and opens them. Its ring must be a `RotatingKeyRing`, unless only `reseal` is called.
        trail: Where it is recorded, with counts and names of keys; nowhere when not given. What nobody is named for, a
            machine has done: there it is ``rotation``.
        clock: The time.
        lease_ttl: How long the lease of a tenant lasts when the process falls silent.
        batch_size: How many accounts or documents are committed together, 1 to 1,000.

    Raises:
        UsageError: ``batch_size`` is out of range.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail | None = None,
        *,
        clock: Clock = utc_now,
        lease_ttl: timedelta = timedelta(minutes=10),
        batch_size: int = 500,
    ) -> None:
        if not 1 <= batch_size <= KEYS_AT_ONCE:
            raise UsageError(f"batch_size is {batch_size}", where="Rotation", cure=f"Give 1 to {KEYS_AT_ONCE}.")
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._clock = clock
        self._lease_ttl = lease_ttl
        self._batch_size = batch_size

    # --- keys ---------------------------------------------------------------------------------------------------------

    def rotate(
        self, keys: str | os.PathLike[str] | TenantKeys, *, tenant: str | None = None, by: str | None = None
    ) -> str:
        """Add a key that wraps from now on, and return its name. What was wrapped before still opens.

        Args:
            keys: The path of a key file, or a ring that has keys for each tenant.
            tenant: The tenant, for such a ring.
            by: The id of whoever has it done, for the audit trail: ``key.rotated``. Without it, ``rotation``.

        Raises:
            UsageError: ``tenant`` is given with a key file, or missing with a ring; ``by`` is no id.
            AuditUnavailable: The key was added, and cannot be recorded now.
            SmartifyError: What `FileKeyRing.rotate` or the ring raises.
        """
        _check(by)
        ring, owner = _of(keys, tenant)
        name = FileKeyRing.rotate(ring).current_key("") if isinstance(ring, str) else ring.rotate(owner)
        self._record("key.rotated", tenant, by, {"key": name})
        return name

    def retire(
        self,
        keys: str | os.PathLike[str] | TenantKeys,
        key_id: str,
        *,
        tenant: str | None = None,
        by: str | None = None,
    ) -> None:
        """Take an old key out, once nothing of this store is wrapped under it. Nothing opens under it again.

        It is recorded first (``key.retired``), and nothing is taken out when that fails.

        Args:
            keys: The path of a key file, or a ring that has keys for each tenant.
            key_id: The name of the key.
            tenant: The tenant, for such a ring.
            by: The id of whoever has it done, for the audit trail. Without it, ``rotation``.

        Raises:
            KeyStillUsed: It is the current key, or something is wrapped under it.
            UnknownKey: There is no such key.
            UsageError: As `rotate`.
            AuditUnavailable: It cannot be recorded now; the key is still there.
            SmartifyError: What the file, the ring or the store raises.
        """
        _check(by)
        ring, owner = _of(keys, tenant)

        def uses(name: str) -> int:
            if not (number := self.uses(name)):
                self._record("key.retired", tenant, by, {"key": name})
            return number

        if isinstance(ring, str):
            FileKeyRing.retire(ring, key_id, uses=uses)
        else:
            ring.retire(owner, key_id, uses=uses)

    # --- counting -----------------------------------------------------------------------------------------------------

    def remaining(self, tenant: str | None = None) -> Remaining:
        """Return how much of a tenant, or of all tenants and of policy itself, is not under the newest key.

        Opens nothing, and holds one page at a time. What is written meanwhile may be counted or not.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            StorageError: The store cannot be read.
        """
        total = Remaining()
        for name in [tenant] if tenant is not None else self._tenants():
            # Asked when there is something: a ring may make the keys of a tenant when it is first asked about it.
            newest: str | None = None
            accounts = documents = damaged = 0
            for is_account, key in self._keys_in_use(name):
                if key is None:
                    damaged += 1
                    continue
                newest = newest or self._sealer.current_key(name)
                if key != newest:
                    accounts += is_account
                    documents += not is_account
            total += Remaining(accounts, documents, damaged)
        return total

    def uses(self, key_id: str) -> int:
        """Return how many accounts and documents of all tenants are wrapped under the key of this name.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            StorageError: The store cannot be read.
        """
        return sum(key == key_id for tenant in self._tenants() for _, key in self._keys_in_use(tenant))

    def census(self, tenant: str | None = None) -> dict[str, UnderKey]:
        """Return how much of a tenant, or of all tenants and of policy itself, is wrapped under which key, by its name.

        Opens nothing, and holds one page at a time. What is damaged is under no key that can be told, and not counted.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            StorageError: The store cannot be read.
        """
        accounts, documents = Counter[str](), Counter[str]()
        for name in [tenant] if tenant is not None else self._tenants():
            for is_account, key in self._keys_in_use(name):
                if key is not None:
                    (accounts if is_account else documents)[key] += 1
        return {key: UnderKey(accounts[key], documents[key]) for key in sorted(accounts | documents)}

    # --- moving -------------------------------------------------------------------------------------------------------

    def rewrap(self, tenant: str, *, by: str | None = None) -> Renewed:
        """Wrap the data keys of a tenant under its newest key: those of all accounts and of all sealed documents.

        Personal fields stay sealed. The accounts' versions grow, and with them the tenant's revision, so that a plan
        that somebody saved before is out of date. Cut short, the next call goes on where this one was.

        Args:
            tenant: The tenant, or `smartify_core.model.LEDGER` for what policy itself has sealed.
            by: The id of whoever has it done, for the audit trail: ``key.rewrapped``. Without it, ``rotation``.

        Raises:
            UsageError: ``by`` is no id.
            RingCannotTell: The ring is no `RotatingKeyRing`.
            LeaseHeld: A run is at work on the tenant. Try again.
            LeaseLost: Another worker took over; what was committed stays.
            WrongKey: Something is wrapped under a key that the ring does not hold.
            AuditUnavailable: All is moved, and cannot be recorded now: call again.
            StorageError: The store cannot be read or written.
        """
        _check(by)
        newest = self._sealer.current_key(tenant)
        with self._pass(tenant, _REWRAP, newest) as (work, document):
            for _ in range(_ROUNDS):
                progress = work.run(self._sealer.rewrapped, lambda one: self._rewrapped_document(tenant, one))
                if not self.remaining(tenant).total:
                    break
                document.progress = Progress(newest, accounts=progress.accounts, documents=progress.documents)
            if progress.accounts or progress.documents:
                moved: dict[str, Fact] = {"accounts": progress.accounts, "documents": progress.documents}
                self._record("key.rewrapped", tenant, by, {"key": newest, **moved})
            if gone := document.removal():
                work.commit(gone)
        return Renewed(progress.accounts, progress.documents, progress.damaged)

    def reseal(self, tenant: str, *, before: datetime, by: str | None = None) -> Renewed:
        """Seal again, under fresh data keys, every account that was last written before an instant, and all documents.

        For when a data key may have become known. Fields are opened in memory and not looked at; fingerprints, indexes
        and times stay. Contents stay, too: the keys of people (``subject key``) and the tenant's key for reasons
        (``reason key``) are contents of documents, and are sealed anew as they are. So what lies sealed under one of
        them, in the audit trail, in grants and in texts that were kept, still opens for whoever has learnt that key.
        Cut short, the next call for the same instant goes on where this one was; when all is done, it does nothing.

        Args:
            tenant: The tenant, or `smartify_core.model.LEDGER`.
            before: The instant, aware and not after the present one.
            by: The id of whoever has it done, for the audit trail: ``key.resealed``. Without it, ``rotation``.

        Raises:
            UsageError: ``before`` has no time zone, or lies in the future; ``by`` is no id.
            LeaseHeld, LeaseLost, WrongKey, AuditUnavailable, StorageError: As `rewrap`.
        """
        _check(by)
        before = in_utc("before", before)
        if before > self._clock():
            raise UsageError("the instant lies ahead", where="before", cure="Give an instant past.")
        goal = before.isoformat()
        with self._pass(tenant, _RESEAL, goal) as (work, document):
            if document.progress.recorded:
                return Renewed(0, 0, 0)
            progress = work.run(
                lambda account: self._sealer.resealed(account) if account.updated_at < before else None,
                lambda one: self._sealer.resealed_document(tenant, one.kind, one.key, one.value),
            )
            facts: dict[str, Fact] = {"accounts": progress.accounts, "documents": progress.documents, "before": goal}
            self._record("key.resealed", tenant, by, facts)
            work.commit((document.put(evolve(progress, recorded=True)),))
        return Renewed(progress.accounts, progress.documents, progress.damaged)

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _pass(self, tenant: str, kind: str, goal: str) -> Iterator[tuple[TenantPass, ProgressDocument]]:
        with leased(self._storage, tenant, now=self._clock(), ttl=self._lease_ttl) as claim:
            document = ProgressDocument(self._storage, tenant, kind, goal)
            document.load()
            work = TenantPass(
                self._storage,
                claim,
                document,
                clock=self._clock,
                lease_ttl=self._lease_ttl,
                batch_size=self._batch_size,
            )
            yield work, document

    def _tenants(self) -> Iterator[str]:
        return (record.tenant for record in every_tenant(self._storage, with_ledger=True))

    def _keys_in_use(self, tenant: str) -> Iterator[tuple[bool, str | None]]:
        """Yield for each account and sealed document whether it is an account, and its key; ``None`` if damaged."""
        for page in every_head_page(self._storage, tenant):
            for account in self._storage.load(tenant, page.source_ids).values():
                try:
                    yield True, self._sealer.key_of(account)
                except SealBroken:
                    yield True, None
        for document in every_document(self._storage, tenant):
            try:
                key = self._sealer.key_of_document(tenant, document.value)
            except SealBroken:
                yield False, None
            else:
                if key is not None:
                    yield False, key

    def _rewrapped_document(self, tenant: str, one: Document) -> bytes | None:
        return self._sealer.rewrapped_document(tenant, one.kind, one.key, one.value)

    def _record(self, kind: str, tenant: str | None, by: str | None, facts: dict[str, Fact]) -> None:
        if self._trail is not None:
            self._trail.append(AuditRecord(kind, self._trail.now(), tenant, _MACHINE if by is None else by, (), facts))


def _check(by: str | None) -> None:
    """Raise `UsageError` for what names somebody and is no id."""
    if by is not None:
        check_id("by", by)


def _of(keys: str | os.PathLike[str] | TenantKeys, tenant: str | None) -> tuple[str | TenantKeys, str]:
    """Return a path or a ring, and the tenant that is meant."""
    if isinstance(keys, (str, os.PathLike)):
        if tenant is None:
            return os.fspath(keys), ""
    elif tenant is not None:
        return keys, tenant
    raise UsageError(
        "a key file has one key for all tenants, and a ring with keys for each tenant needs to be told which",
        where="tenant",
        cure="Name a tenant with such a ring, and none with a key file.",
    )
