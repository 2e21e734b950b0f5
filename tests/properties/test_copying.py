"""Whatever history a store has, its copy reads the same, in any backend, also after it was cut short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import StorageUnavailable
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Erase,
    InactiveReason,
    Put,
    PutDocument,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.moving import copy_storage
from smartify_core.storage.soundness import check_storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import ManualClock

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
#: Ids whose order by UTF-8 bytes is not that by UTF-16 units, and one that is empty.
IDS = ("", "a", "a\n", "b", "\u00e4", "\uffee", "\U0001f600")
TENANTS = ("acme", "\U00010000", "\uffee")
JOURNALS = (OUTBOX, "", "audit", "\u00e4")

_entries = st.lists(st.binary(max_size=5), max_size=3)
_steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(IDS), st.binary(min_size=16, max_size=16)),
    st.tuples(st.just("erase"), st.sampled_from(IDS), st.integers(0, 9)),
    st.tuples(st.just("append"), st.sampled_from(JOURNALS), st.tuples(_entries, st.none() | st.integers(0, 50))),
    st.tuples(st.just("trim"), st.sampled_from(JOURNALS), st.integers(0, 60)),
    st.tuples(st.just("document"), st.sampled_from(IDS), st.tuples(st.sampled_from(IDS), st.none() | st.binary())),
    st.tuples(st.just("schedule"), st.just(""), st.none() | st.integers(0, 99)),
    st.tuples(st.just("erase tenant"), st.just(""), st.none()),
)
_histories = st.lists(st.tuples(st.sampled_from(TENANTS), _steps), max_size=40)


class Historian:
    """Does to a store what a history says, as far as it is possible then."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._made = 0

    def play(self, history: list[tuple[str, tuple[str, str, Any]]]) -> None:
        """Do all of it."""
        for tenant, (what, key, detail) in history:
            getattr(self, f"_{what.replace(' ', '_')}")(tenant, key, detail)

    @contextmanager
    def _claimed(self, tenant: str) -> Iterator[Any]:
        claim = self._storage.claim(tenant, now=NOON, ttl=timedelta(hours=1))
        yield claim
        self._storage.release(claim)

    def _put(self, tenant: str, source_id: str, index: bytes) -> None:
        there = self._storage.load(tenant, [source_id]).get(source_id)
        self._made += 1
        account = SealedAccount(
            tenant=tenant,
            source_id=source_id,
            account_id=there.account_id if there else f"account {self._made}",
            state=AccountState.INACTIVE if index[0] % 2 else AccountState.ACTIVE,
            inactive_reason=InactiveReason.DELETED if index[0] % 2 else None,
            fingerprint=index,
            email_index=index[::-1],
            group_indexes=(index,) * (index[1] % 3),
            wrapped_key=index[:3],
            payload=index * (index[2] % 40),
            version=there.version + 1 if there else 1,
            created_at=NOON,
            updated_at=NOON + timedelta(seconds=self._made),
            adopted=bool(index[3] % 2),
        )
        with self._claimed(tenant) as claim:
            self._storage.commit(claim, Batch((Put(account, account.version - 1),), entries=(index,)))

    def _erase(self, tenant: str, source_id: str, seconds: int) -> None:
        there = self._storage.load(tenant, [source_id]).get(source_id)
        if there is not None:
            stone = Tombstone(tenant, source_id, there.account_id, NOON, NOON + timedelta(seconds=seconds))
            with self._claimed(tenant) as claim:
                self._storage.commit(claim, Batch((Erase(stone, there.version),)))

    def _append(self, tenant: str, journal: str, what: tuple[list[bytes], int | None]) -> None:
        entries, begins = what
        record = self._storage.tenant(tenant)
        position = record.position if journal == OUTBOX else record.positions.get(journal, 0)
        self._storage.record(tenant, appends=[Append(journal, tuple(entries), None if position else begins)])

    def _trim(self, tenant: str, journal: str, through: int) -> None:
        self._storage.trim(tenant, journal=journal, through=through)

    def _document(self, tenant: str, kind: str, what: tuple[str, bytes | None]) -> None:
        key, value = what
        there = self._storage.document(tenant, kind, key)
        if there is not None or value is not None:
            put = PutDocument(kind, key, value, there.version if there else 0)
            self._storage.record(tenant, documents=[put])

    def _schedule(self, tenant: str, _: str, seconds: int | None) -> None:
        self._storage.schedule({tenant: None if seconds is None else NOON + timedelta(seconds=seconds)})

    def _erase_tenant(self, tenant: str, _: str, __: None) -> None:
        self._storage.erase_tenant(self._storage.claim(tenant, now=NOON, ttl=timedelta(hours=1)))


class Cut:
    """A store that is gone from its n-th call on; that call may have taken effect."""

    def __init__(self, storage: Storage, calls: int, *, takes_effect: bool) -> None:
        self._storage = storage
        self._left = calls
        self._takes_effect = takes_effect

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return method(*arguments, **options)
            if self._left == -1 and self._takes_effect:
                method(*arguments, **options)
            raise StorageUnavailable("the store is gone", cure="Bring it back.")

        return call


def told(storage: Storage) -> list[object]:
    """Return all that a copy must have."""
    found: list[object] = []
    for record in storage.tenants():
        name = record.tenant
        heads = list(storage.heads(name))
        found.append((name, record.accounts, record.digest, record.position, record.positions, record.due_at))
        found.append((heads, storage.load(name, [head.source_id for head in heads]), storage.tombstones(name)))
        found.extend(storage.entries(name, journal=journal) for journal in JOURNALS)
        found.append([(one.kind, one.key, one.value) for one in storage.documents(name)])
    return found


def revisions(storage: Storage) -> dict[str, int]:
    """Return the revision of each tenant."""
    return {one.tenant: one.revision for one in storage.tenants()}


@given(history=_histories)
def test_a_copy_there_and_back_reads_the_same(history: list[tuple[str, tuple[str, str, Any]]]) -> None:
    """From memory to SQLite and into memory again: nothing is lost, nothing added, no revision goes back."""
    clock = ManualClock("2026-05-04T13:00:00+00:00")
    with TemporaryDirectory() as folder, SQLiteStorage(Path(folder) / "store.db") as sqlite:
        origin, back = MemoryStorage(), MemoryStorage()
        Historian(origin).play(history)
        assert all(one.error is None for one in copy_storage(origin, sqlite, now=clock))
        assert all(one.error is None for one in copy_storage(sqlite, back, now=clock))
        assert told(origin) == told(sqlite) == told(back)
        assert all(revisions(back)[name] >= revision for name, revision in revisions(origin).items())
        for storage in (origin, sqlite, back):
            assert list(check_storage(storage)) == []
        assert sqlite.check() == []


@given(history=_histories, cuts=st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=3))
def test_a_copy_that_is_cut_short_ends_the_same(
    history: list[tuple[str, tuple[str, str, Any]]], cuts: list[tuple[int, bool]]
) -> None:
    """However often a copy dies, and at whichever call of its target, the last try finishes it."""
    clock = ManualClock("2026-05-04T13:00:00+00:00")
    with TemporaryDirectory() as folder, SQLiteStorage(Path(folder) / "store.db") as target:
        origin = MemoryStorage()
        Historian(origin).play(history)
        before = told(origin)
        for calls, takes_effect in cuts:
            try:
                copy_storage(origin, cast("Storage", Cut(target, calls, takes_effect=takes_effect)), now=clock)
            except StorageUnavailable:
                clock.advance(hours=1)
        assert all(one.error is None for one in copy_storage(origin, target, now=clock))
        assert told(origin) == told(target) == before
        assert target.check() == []
