"""Copying a store: whole, finished after a cut, and never over something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve

from smartify_core.errors import LeaseHeld, StorageBroken, StorageUnavailable, StoreDiffers, UsageError
from smartify_core.model import Append, Batch, Claim, Put, PutDocument, Receipt, SealedAccount
from smartify_core.storage import Maintained, Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.moving import CopyProgress, copy_storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.soundness import check_storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import ManualClock

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


def told(storage: Storage, tenant: str = "acme") -> tuple[object, ...]:
    """Return all that a copy must have of a tenant."""
    record = storage.tenant(tenant)
    heads = list(storage.heads(tenant))
    journals = ["outbox", *sorted(record.positions)]
    return (
        (record.accounts, record.digest, record.position, dict(record.positions), record.due_at),
        heads,
        dict(storage.load(tenant, [head.source_id for head in heads])),
        list(storage.tombstones(tenant)),
        {journal: list(storage.entries(tenant, journal=journal)) for journal in journals},
        [(one.kind, one.key, one.value) for one in storage.documents(tenant)],
    )


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon."""
    return ManualClock("2026-05-04T12:00:00+00:00")


@pytest.fixture
def source(account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> MemoryStorage:
    """Return a store with all kinds of things: three tenants, one of whom was never more than named."""
    storage = MemoryStorage()
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, put(*(account(f"s{n:03}") for n in range(30))))
    storage.commit(claim, put(account("s001", 2), account("s002", 2)))
    for again in ("", "again", "once more"):
        ending = account("s003", account_id=f"account {again}") if again else account("s003")
        if again:
            storage.commit(claim, Batch((Put(ending, 0),)))
        storage.commit(claim, erase(ending))
    storage.commit(claim, Batch(entries=(b"one", b"two", b"three"), documents=(PutDocument("plan", "a", b"1", 0),)))
    storage.record("acme", documents=[PutDocument("plan", "a", b"2", 1), PutDocument("state", "a", b"x", 0)])
    storage.record("acme", appends=[Append("audit", (b"a", b"b"), 40), Append("empty", (b"gone",))])
    storage.trim("acme", through=1)
    storage.trim("acme", journal="empty", through=1)
    storage.release(claim, due_at=NOON + HOUR)
    globex = storage.claim("globex", now=NOON, ttl=HOUR)
    storage.commit(globex, Batch((Put(account("g1", tenant="globex"), 0),)))
    storage.release(globex)
    storage.schedule({"initech": NOON})
    return storage


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, path: Path) -> Iterator[Storage]:
    """Return an empty store of each kind."""
    openers: dict[str, Callable[[], Storage]] = {
        "memory": MemoryStorage,
        "sqlite": lambda: SQLiteStorage(path),
        "postgresql": lambda: PostgreSQLStorage(
            request.getfixturevalue("postgresql_url"), schema=request.getfixturevalue("schema")
        ),
    }
    with openers[request.param]() as storage:
        yield storage


class Failing:
    """A store whose n-th call fails: before it does anything, or after it has done everything."""

    def __init__(self, storage: Storage, calls: int, *, after: bool) -> None:
        self._storage = storage
        self._left = calls
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise StorageUnavailable("the store is gone", cure="Bring it back.")
            answer = method(*arguments, **options)
            if self._left < 0:
                raise StorageUnavailable("the store is gone", cure="Bring it back.")
            return answer

        return call


def test_a_copy_reads_as_its_original(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """Accounts, versions, tombstones, journals with their positions, documents and due times are there, counted."""
    tenants = ["acme", "globex", "initech"]
    before = {tenant: told(source, tenant) for tenant in tenants}
    copied = copy_storage(source, target, now=clock)
    assert [(one.tenant, one.error) for one in copied] == [(tenant, None) for tenant in tenants]
    first = copied[0]
    assert (first.accounts, first.tombstones, first.entries, first.documents, first.written) == (29, 3, 4, 2, 38)
    for tenant in tenants:
        assert told(target, tenant) == before[tenant] == told(source, tenant)
        assert target.tenant(tenant).revision >= source.tenant(tenant).revision
        assert source.tenant(tenant).expires_at is target.tenant(tenant).expires_at is None
    assert {one.version for one in target.documents("acme")} == {1}
    assert [entry.position for entry in target.entries("acme")] == [2, 3]
    target.record("acme", appends=[Append("empty", (b"next",), 1), Append("audit", (b"c",), 42)])


def test_a_copy_comes_back_as_it_was(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """A copy of the copy is as the original, and each store is sound by its own check and through the port."""
    back = MemoryStorage()
    copy_storage(source, target, now=clock)
    assert [one.error for one in copy_storage(target, back, now=clock)] == [None] * 3
    assert told(back) == told(source)
    assert list(check_storage(target)) == []
    assert not isinstance(target, Maintained) or list(target.check()) == []


def test_a_copy_of_a_copy_finds_all_there(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """A second time nothing is written, and the revision stays."""
    copy_storage(source, target, now=clock)
    before = target.tenants()
    assert [one.written for one in copy_storage(source, target, now=clock)] == [0, 0, 0]
    after = target.tenants()
    assert [one.revision for one in after] == [one.revision for one in before]
    assert told(target) == told(source)


@pytest.mark.parametrize("after", [False, True])
def test_a_copy_may_be_cut_anywhere_and_is_finished(
    source: MemoryStorage, tmp_path: Path, clock: ManualClock, after: bool
) -> None:
    """Whichever call of the target fails, before or after it took effect, starting again ends with the same copy."""
    expected = [told(source, tenant) for tenant in ("acme", "globex", "initech")]
    number, finished = 0, False
    while not finished:
        with SQLiteStorage(tmp_path / f"{after} {number}.db") as target:
            try:
                copied = copy_storage(source, cast("Storage", Failing(target, number, after=after)), now=clock)
                finished = True
            except StorageUnavailable:
                clock.advance(hours=1)  # the leases that could not be given back run out
                copied = copy_storage(source, target, now=clock)
            assert [one.error for one in copied] == [None] * 3, number
            assert [told(target, tenant) for tenant in ("acme", "globex", "initech")] == expected, number
            assert target.check() == []
        number += 1
    assert number > 60, "the wrapper failed at each of many calls"


def test_a_tenant_that_is_worked_on_is_left(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """A lease that a worker holds, on either side, is told with its side; the other tenants are copied."""
    claim = source.claim("acme", now=NOON, ttl=HOUR)
    held = target.claim("globex", now=NOON, ttl=HOUR)
    acme, globex, initech = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, LeaseHeld)
    assert isinstance(globex.error, LeaseHeld)
    assert "tenant acme, in the source" in str(acme.error)
    assert "tenant globex, in the target" in str(globex.error)
    assert initech.error is None
    assert target.tenant("acme").accounts == 0
    source.release(claim)
    target.release(held)
    assert [one.error for one in copy_storage(source, target, now=clock)] == [None] * 3


Change = Callable[[Storage, Claim, MakeAccount], object]
CHANGES: dict[str, Change] = {
    "source id s005": lambda storage, claim, make: storage.commit(
        claim, Batch((Put(make("s005", 2, payload=b"other"), 1),))
    ),
    "source id zzz": lambda storage, claim, make: storage.commit(claim, Batch((Put(make("zzz"), 0),))),
    "document plan/a": lambda storage, claim, _: storage.commit(
        claim, Batch(documents=(PutDocument("plan", "a", b"other", 1),))
    ),
    "document zzz/z": lambda storage, claim, _: storage.record("acme", documents=[PutDocument("zzz", "z", b"", 0)]),
    "journal outbox": lambda storage, claim, _: storage.record("acme", appends=[Append("outbox", (b"more",))]),
    "journal strange": lambda storage, claim, _: storage.record("acme", appends=[Append("strange", (b"more",))]),
    "journal audit": lambda storage, claim, _: storage.trim("acme", journal="audit", through=41),
}


@pytest.mark.parametrize("place", list(CHANGES))
def test_what_differs_is_left_and_refused(
    source: MemoryStorage, target: Storage, clock: ManualClock, account: MakeAccount, place: str
) -> None:
    """A target that has something else of a tenant stays as it is, the place is named, and other tenants are copied."""
    copy_storage(source, target, now=clock)
    claim = target.claim("acme", now=NOON, ttl=HOUR)
    CHANGES[place](target, claim, account)
    target.release(claim)
    late = source.claim("globex", now=NOON, ttl=HOUR)
    source.commit(late, Batch((Put(account("g2", tenant="globex"), 0),)))
    source.release(late)
    before = told(target)
    acme, globex, _ = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert "the target holds something else" in acme.error.what
    assert f"tenant acme, {place}" in str(acme.error)
    assert acme.error.cure
    assert acme.written == 0
    assert told(target) == before
    assert (globex.error, globex.written, globex.accounts) == (None, 1, 2)
    assert target.tenant("acme").expires_at is source.tenant("acme").expires_at is None


def test_a_tombstone_that_the_source_lacks_is_refused(
    source: MemoryStorage, target: Storage, clock: ManualClock, account: MakeAccount, erase: MakeBatch
) -> None:
    """An account that ended in the target only is not brought back."""
    copy_storage(source, target, now=clock)
    claim = target.claim("acme", now=NOON, ttl=HOUR)
    target.commit(claim, erase(account("s005")))
    target.release(claim)
    acme, *_ = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert "tombstone of account account of s005" in str(acme.error)


@pytest.mark.parametrize("through", [1, 2])
def test_a_journal_that_was_trimmed_beyond_the_copy_is_refused(
    target: Storage, clock: ManualClock, through: int
) -> None:
    """Entries that the copy would lack for good leave no gap, be it after others or after none that are left."""
    source = MemoryStorage()
    source.record("acme", appends=[Append("audit", (b"a", b"b"))])
    source.trim("acme", journal="audit", through=through)
    copy_storage(source, target, now=clock)
    source.record("acme", appends=[Append("audit", (b"c",))])
    assert [one.error for one in copy_storage(source, target, now=clock)] == [None]
    source.trim("acme", journal="audit", through=3)
    target.trim("acme", journal="audit", through=3)
    source.record("acme", appends=[Append("audit", (b"d", b"e"))])
    source.trim("acme", journal="audit", through=4)
    before = told(target)
    (acme,) = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert "the target holds something else" in acme.error.what
    assert "journal audit" in str(acme.error)
    assert told(target) == before


def test_a_journal_with_other_entries_is_refused(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """Positions that agree do not make up for contents that do not; nothing is written then."""
    target.record("acme", appends=[Append("audit", (b"a", b"other"), 40)])
    acme, *_ = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert "the target holds something else" in acme.error.what
    assert (acme.written, target.tenant("acme").accounts) == (0, 0)


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("document late/", lambda storage: storage.record("acme", documents=[PutDocument("late", "", b"", 0)])),
        ("journal audit", lambda storage: storage.record("acme", appends=[Append("audit", (b"late",))])),
        ("journal outbox", lambda storage: storage.record("acme", appends=[Append("outbox", (b"late",))])),
    ],
)
def test_what_is_written_meanwhile_is_noticed(
    source: MemoryStorage, target: Storage, clock: ManualClock, place: str, change: Callable[[Storage], object]
) -> None:
    """Some writes need no lease; what they change during the copy is found by the comparison at its end."""
    meddled = False

    def meddle(progress: CopyProgress) -> None:
        nonlocal meddled
        if (progress.tenant, progress.stage, meddled) == ("acme", "comparing", False):
            meddled = True
            change(source)

    acme, *_ = copy_storage(source, target, now=clock, on_progress=meddle)
    assert isinstance(acme.error, StoreDiffers)
    assert "the copy is not as the source is" in acme.error.what
    assert place in str(acme.error)
    assert "Stop whatever writes" in (acme.error.cure or "")


def test_who_is_written_to_after_their_turn_is_told(
    source: MemoryStorage, target: Storage, clock: ManualClock, account: MakeAccount
) -> None:
    """A run of a tenant that was copied already, and a tenant that comes into being, are noticed in the end."""

    def run(progress: CopyProgress) -> None:
        if (progress.tenant, progress.stage) == ("globex", "comparing"):
            for tenant in ("acme", "hooli"):
                claim = source.claim(tenant, now=clock(), ttl=HOUR)
                source.commit(claim, Batch((Put(account(f"late {clock()}", tenant=tenant), 0),)))
                source.release(claim)
            clock.advance(seconds=1)

    results = {one.tenant: one.error for one in copy_storage(source, target, now=clock, on_progress=run)}
    assert [type(results[tenant]) for tenant in ("acme", "hooli")] == [StoreDiffers] * 2
    assert "while others were copied" in str(results["acme"])
    assert results["globex"] is None
    assert all(one.error is None for one in copy_storage(source, target, now=clock))


def test_an_unfinished_copy_is_told_of(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """As long as a copy is not finished, a check tells so, and nobody copies from it."""

    def stop(progress: CopyProgress) -> None:
        if (progress.tenant, progress.stage) == ("acme", "comparing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_storage(source, target, now=clock, on_progress=stop)
    (found,) = check_storage(target)
    assert (found.damage, "unfinished" in found.what or "not finished" in found.what) == (False, True)
    (acme, *_) = copy_storage(target, MemoryStorage(), now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert all(one.error is None for one in copy_storage(source, target, now=clock))
    assert list(check_storage(target)) == []


class Forgetful(MemoryStorage):
    """A backend that does not lift the revision, or the due time."""

    forgets = "revision"

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, revision=0) if self.forgets == "revision" else batch)

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        if self.forgets != "due":
            super().schedule(due, only_new=only_new)


@pytest.mark.parametrize("forgets", ["revision", "due"])
def test_a_backend_that_cannot_hold_a_copy_is_found_out(
    source: MemoryStorage, clock: ManualClock, forgets: str
) -> None:
    """What the target tells of the tenant as a whole is compared, too."""
    target = Forgetful()
    target.forgets = forgets
    acme, *_ = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StoreDiffers)
    assert forgets in str(acme.error.where)


def test_leases_are_kept_for_as_long_as_it_takes(source: MemoryStorage, target: Storage, clock: ManualClock) -> None:
    """A copy that takes longer than its leases renews them in time, on both sides, and tells how far it is."""
    stages: list[str] = []

    def slow(progress: CopyProgress) -> None:
        stages.append(progress.stage)
        clock.advance(seconds=50)
        for storage in (source, target):
            expires_at = storage.tenant(progress.tenant).expires_at
            assert expires_at is not None
            assert expires_at > clock()

    assert [one.error for one in copy_storage(source, target, now=clock, on_progress=slow)] == [None] * 3
    assert list(dict.fromkeys(stages)) == ["looking", "writing", "comparing"]


def test_a_damaged_source_does_not_stop_the_others(
    target: Storage, path: Path, clock: ManualClock, account: MakeAccount
) -> None:
    """A row that does not open is its tenant's error."""
    with SQLiteStorage(path.with_name("source.db")) as source:
        for tenant in ("acme", "globex"):
            claim = source.claim(tenant, now=NOON, ttl=HOUR)
            source.commit(claim, Batch((Put(account("s1", tenant=tenant), 0),)))
            source.release(claim)
        with source._connections.writing() as connection:
            connection.execute("update sealed set record = x'00' where id = 1")
        acme, globex = copy_storage(source, target, now=clock)
    assert isinstance(acme.error, StorageBroken)
    assert (globex.error, globex.accounts) == (None, 1)


def test_a_store_that_is_opened_for_reading_only_cannot_be_moved(path: Path, clock: ManualClock) -> None:
    """The leases of the source are needed, and the error says how to get them."""
    with SQLiteStorage(path) as storage:
        storage.schedule({"acme": NOON})
    with SQLiteStorage(path, read_only=True) as source, pytest.raises(UsageError, match="for reading only"):
        copy_storage(source, MemoryStorage(), now=clock)


def test_more_than_a_page_is_copied(target: Storage, clock: ManualClock, account: MakeAccount) -> None:
    """Pages of accounts, entries, documents and tombstones follow one another without a gap."""
    source = MemoryStorage()
    claim = source.claim("acme", now=NOON, ttl=HOUR)
    source.commit(claim, Batch(tuple(Put(account(f"s{n:04}"), 0) for n in range(2001))))
    source.commit(claim, Batch(entries=tuple(b"%d" % n for n in range(2001))))
    source.record("acme", documents=[PutDocument("k", f"{n:04}", b"v", 0) for n in range(1001)])
    source.release(claim)
    (acme,) = copy_storage(source, target, now=clock)
    assert (acme.accounts, acme.entries, acme.documents, acme.error) == (2001, 2001, 1001, None)
    assert acme.written == 5003


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (
            "update content set record = x'00' where id in (select content from journal where tenant = 1)",
            "a journal is damaged",
        ),
        ("update tombstone set created_at = 'text' where tenant = 1", "a tombstone is damaged"),
        (
            "update content set record = 'text' where id in (select content from document where tenant = 1)",
            "a document is damaged",
        ),
        ("update account set state = 9 where tenant = 1", "the row of an account is damaged"),
    ],
)
def test_damage_of_any_kind_is_its_tenants_alone(
    path: Path, clock: ManualClock, account: MakeAccount, erase: MakeBatch, damage: str, what: str
) -> None:
    """A tenant of which something cannot be read is left out with the reason; the check finds it, and no more."""
    with SQLiteStorage(path.with_name("source.db")) as source:
        for tenant in ("acme", "globex"):
            claim = source.claim(tenant, now=NOON, ttl=HOUR)
            source.commit(claim, Batch(tuple(Put(account(f"s{n}", tenant=tenant), 0) for n in range(3))))
            source.commit(claim, erase(account("s1", tenant=tenant)))
            source.commit(claim, Batch(entries=(b"e",), documents=(PutDocument("k", "a", b"v", 0),)))
            source.release(claim)
        with source._connections.writing() as connection:
            connection.execute(damage)
        acme, globex = copy_storage(source, MemoryStorage(), now=clock)
        assert isinstance(acme.error, StorageBroken)
        assert acme.error.what == what
        assert (globex.error, globex.accounts, globex.tombstones, globex.entries, globex.documents) == (
            None,
            2,
            1,
            1,
            1,
        )
        found = list(check_storage(source))
        assert what in {one.what for one in found}
        assert not [one for one in found if "globex" in one.where]
        assert source.tenant("acme").expires_at is None


class Particular(MemoryStorage):
    """A backend that cannot take one id, of an account or of a tenant."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        if any(isinstance(one, Put) and one.account.source_id == "s1" for one in batch.writes):
            raise UsageError("this backend cannot take an id", cure="Leave it out.")
        return super().commit(claim, batch)

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        if tenant == "odd":
            raise UsageError("this backend cannot take a tenant", cure="Leave it out.")
        return super().claim(tenant, now=now, ttl=ttl)


def test_an_id_that_the_target_does_not_take_leaves_out_its_tenant(clock: ManualClock, account: MakeAccount) -> None:
    """The tenant is named with the reason, and those after it are copied."""
    source = MemoryStorage()
    for tenant, source_id in (("acme", "s1"), ("globex", "s2"), ("odd", "s2"), ("umbrella", "s3")):
        claim = source.claim(tenant, now=NOON, ttl=HOUR)
        source.commit(claim, Batch((Put(account(source_id, tenant=tenant), 0),)))
        source.release(claim)
    told = copy_storage(source, Particular(), now=clock)
    assert [(one.tenant, type(one.error), one.accounts) for one in told] == [
        ("acme", UsageError, 0),
        ("globex", type(None), 1),
        ("odd", UsageError, 0),
        ("umbrella", type(None), 1),
    ]
    assert {one.expires_at for one in source.tenants()} == {None}


@pytest.mark.parametrize("closed", ["source", "target"])
def test_a_store_that_was_closed_ends_the_copy(source: MemoryStorage, clock: ManualClock, closed: str) -> None:
    """That says nothing of any tenant, so it is no tenant's error."""
    target = MemoryStorage()

    def close(progress: CopyProgress) -> None:
        (source if closed == "source" else target).close()

    with pytest.raises(StorageBroken, match="is closed"):
        copy_storage(source, target, now=clock, on_progress=close)


def test_a_target_that_is_opened_for_reading_only_is_refused_before_anything(
    source: MemoryStorage, path: Path, clock: ManualClock
) -> None:
    """It takes no tenant at all, and no lease of the source is taken."""
    SQLiteStorage(path).close()
    fences = [one.fence for one in source.tenants()]
    with SQLiteStorage(path, read_only=True) as target, pytest.raises(UsageError, match="for reading only"):
        copy_storage(source, target, now=clock)
    assert [one.fence for one in source.tenants()] == fences


def test_a_clock_without_a_zone_is_the_callers_mistake(source: MemoryStorage, target: Storage) -> None:
    """It is no tenant's error, and refused before anything is done."""
    with pytest.raises(UsageError, match="time zone"):
        copy_storage(source, target, now=lambda: NOON.replace(tzinfo=None))
