"""Storage in memory, lost at exit: the reference meaning of the port, and the model for other backends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock
from types import TracebackType
from typing import Self

from attrs import define, field

from smartify_core.model import Batch, Claim, Erase, Head, Put, Receipt, SealedAccount, Tombstone

from . import _refusals as refusals
from ._checks import check_batch, check_keys, check_lease, check_limit, check_text
from ._storage import KEYS_AT_ONCE


@define
class _Tenant:
    """All that is held for one tenant. ``expires_at`` is ``None`` while nobody holds the lease."""

    fence: int = 0
    expires_at: datetime | None = None
    revision: int = 0
    accounts: dict[str, SealedAccount] = field(factory=dict)
    tombstones: dict[str, Tombstone] = field(factory=dict)
    #: The keys of the two above in order. Python orders text by code point, which is the order of its UTF-8 bytes.
    source_ids: list[str] = field(factory=list)
    ended_ids: list[str] = field(factory=list)
    by_email: dict[bytes, set[str]] = field(factory=dict)
    by_account_id: dict[str, str] = field(factory=dict)
    ended_by_source: dict[str, list[Tombstone]] = field(factory=dict)


class MemoryStorage:
    """A `Storage` in memory. Threads may share it; nothing survives the process."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = {}
        self._lock = RLock()
        self._closed = False

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        check_text(tenant)
        check_lease(now, ttl)
        with self._lock:
            held = self._open().setdefault(tenant, _Tenant())
            if held.expires_at is not None and held.expires_at > now:
                raise refusals.lease_held(tenant)
            held.fence += 1
            held.expires_at = now + ttl
            return Claim(tenant, held.fence, held.expires_at, held.revision)

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        check_lease(now, ttl)
        with self._lock:
            held = self._claimed(claim)
            held.expires_at = now + ttl
            return Claim(claim.tenant, held.fence, held.expires_at, held.revision)

    def release(self, claim: Claim) -> None:
        """Give the lease back. See `Storage.release`."""
        check_text(claim.tenant)
        with self._lock:
            held = self._open().get(claim.tenant)
            if held is not None and held.fence == claim.fence:
                held.expires_at = None

    # --- reading
    # --------------------------------------------------------------------------------------------------------

    def revision(self, tenant: str) -> int:
        """Return how many commits the tenant has seen. See `Storage.revision`."""
        with self._lock:
            return self._of(tenant).revision

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Head]:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        check_limit(limit)
        check_text(after)
        with self._lock:
            held = self._of(tenant)
            accounts = map(held.accounts.__getitem__, _page(held.source_ids, after, limit))
            return [Head(one.source_id, one.fingerprint, one.state, one.version) for one in accounts]

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        check_keys(source_ids)
        with self._lock:
            accounts = self._of(tenant).accounts
            return {one: accounts[one] for one in source_ids if one in accounts}

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        check_keys(email_indexes)
        with self._lock:
            held = self._of(tenant)
            found = {source_id for index in email_indexes for source_id in held.by_email.get(index, ())}
            return [held.accounts[source_id] for source_id in sorted(found)]

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        check_limit(limit)
        check_text(after)
        with self._lock:
            held = self._of(tenant)
            return [held.tombstones[one] for one in _page(held.ended_ids, after, limit)]

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        check_keys(source_ids)
        with self._lock:
            ended = self._of(tenant).ended_by_source
            return {
                one: max(ended[one], key=lambda stone: (stone.deleted_at, stone.account_id))
                for one in source_ids
                if one in ended
            }

    # --- writing
    # --------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        check_batch(claim, batch)
        with self._lock:
            held = self._claimed(claim)
            _refuse_tombstoned(held, claim.tenant, batch)
            _refuse_conflicts(held, claim.tenant, batch)
            # Nothing below can fail: from here on the batch is applied.
            for write in batch.writes:
                if isinstance(write, Erase):
                    _erase(held, write)
                else:
                    _put(held, write)
            if any(isinstance(write, Erase) for write in batch.writes):
                held.source_ids = [one for one in held.source_ids if one in held.accounts]
            held.source_ids.sort()
            held.ended_ids.sort()
            held.revision += 1
            return Receipt(held.revision)

    # --- life
    # -----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of everything that is held. See `Storage.close`."""
        with self._lock:
            self._closed = True
            self._tenants = {}

    def __enter__(self) -> Self:
        """Return the storage itself."""
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
        self.close()

    def _open(self) -> dict[str, _Tenant]:
        if self._closed:
            raise refusals.closed()
        return self._tenants

    def _of(self, tenant: str) -> _Tenant:
        check_text(tenant)
        return self._open().get(tenant) or _Tenant()

    def _claimed(self, claim: Claim) -> _Tenant:
        held = self._of(claim.tenant)
        if held.fence != claim.fence or held.expires_at is None:
            raise refusals.lease_lost(claim.tenant, claim.fence)
        return held


def _page(ordered: list[str], after: str | None, limit: int) -> list[str]:
    start = 0 if after is None else bisect_right(ordered, after)
    return ordered[start : start + limit]


def _refuse_tombstoned(held: _Tenant, tenant: str, batch: Batch) -> None:
    ending = {write.tombstone.account_id for write in batch.writes if isinstance(write, Erase)}
    for write in batch.writes:
        if isinstance(write, Put):
            account_id = write.account.account_id
            if account_id in held.tombstones or account_id in ending:
                raise refusals.tombstoned(tenant, account_id)


def _refuse_conflicts(held: _Tenant, tenant: str, batch: Batch) -> None:
    newcomers: set[str] = set()
    for write in batch.writes:
        item = write.account if isinstance(write, Put) else write.tombstone
        live = held.accounts.get(item.source_id)
        found = (live.account_id, live.version) if live is not None else None
        expected = (item.account_id, write.expected_version)
        creates = isinstance(write, Put) and write.expected_version == 0
        if found != (None if creates else expected):
            raise refusals.conflict(tenant, item.source_id)
        # An account id names one account for good.
        if creates and (item.account_id in held.by_account_id or item.account_id in newcomers):
            raise refusals.conflict(tenant, item.source_id)
        newcomers.add(item.account_id)


def _put(held: _Tenant, write: Put) -> None:
    account = write.account
    if (before := held.accounts.get(account.source_id)) is None:
        held.source_ids.append(account.source_id)
        held.by_account_id[account.account_id] = account.source_id
    else:
        _forget_email(held, before)
    held.accounts[account.source_id] = account
    held.by_email.setdefault(account.email_index, set()).add(account.source_id)


def _erase(held: _Tenant, write: Erase) -> None:
    stone = write.tombstone
    _forget_email(held, held.accounts.pop(stone.source_id))
    del held.by_account_id[stone.account_id]
    held.tombstones[stone.account_id] = stone
    held.ended_ids.append(stone.account_id)
    held.ended_by_source.setdefault(stone.source_id, []).append(stone)


def _forget_email(held: _Tenant, account: SealedAccount) -> None:
    sharers = held.by_email[account.email_index]
    sharers.discard(account.source_id)
    if not sharers:
        del held.by_email[account.email_index]
