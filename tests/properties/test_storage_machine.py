"""SQLiteStorage means what MemoryStorage means, whatever is done to both, in any order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from smartify_core.errors import SmartifyError
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Claim,
    Erase,
    InactiveReason,
    Put,
    PutDocument,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage

START = datetime(2026, 5, 4, 12, tzinfo=UTC)

SOURCE_IDS = ["a", "B", "a\0", "\uffff", "\U00010000"]
ACCOUNT_IDS = ["\ud7ff", "\U0001f600", *map(str, range(10))]

#: Few of each, so that steps meet; some that only a bytewise order puts right.
tenants = st.sampled_from(["acme", "umbrella"])
source_ids = st.sampled_from(SOURCE_IDS)
account_ids = st.sampled_from(ACCOUNT_IDS)
indexes = st.sampled_from([bytes([n]) * 16 for n in range(3)] + [bytes([0]) * 15 + b"\1"])
payloads = st.integers(0, 1500).map(lambda length: b"p" * length) | st.binary(max_size=20)
seconds = st.integers(0, 90).map(lambda number: timedelta(seconds=number))
due_times = st.none() | st.integers(-60, 120).map(lambda number: START + timedelta(seconds=number))
keys = st.sampled_from(["a", "\uffff", "\U00010000"])
kinds = st.sampled_from(["run", "note"])
journals = st.sampled_from([OUTBOX, "audit", "\0"])
batch_ids = st.none() | st.sampled_from("xy")
entries = st.lists(st.binary(max_size=5), max_size=4)
seldom = st.integers(0, 9).map(lambda number: number == 9)


@st.composite
def writes(draw: st.DrawFn, tenant: str, model: MemoryStorage, now: datetime) -> Put | Erase:
    """Draw a write that mostly fits what the model holds, and sometimes does not."""
    source_id = draw(source_ids)
    live = model.load(tenant, [source_id]).get(source_id)
    taken = {one.account_id for one in model.load(tenant, SOURCE_IDS).values()}
    taken |= {one.account_id for one in model.tombstones(tenant)}
    account_id = (
        live.account_id if live else draw(st.sampled_from([one for one in ACCOUNT_IDS if one not in taken] or ["0"]))
    )
    expected = live.version if live else 0
    if draw(seldom):
        account_id = draw(account_ids)
    if draw(seldom):
        expected = draw(st.integers(0, 2))
    if draw(st.booleans()) if live else draw(seldom):
        return Erase(Tombstone(tenant, source_id, account_id, START, now), expected)
    account = SealedAccount(
        tenant=tenant,
        source_id=source_id,
        account_id=account_id,
        state=draw(st.sampled_from([AccountState.ACTIVE, AccountState.INACTIVE])),
        inactive_reason=draw(st.none() | st.sampled_from(InactiveReason)),
        fingerprint=draw(indexes),
        email_index=draw(indexes),
        group_indexes=tuple(draw(st.lists(indexes, max_size=3))),
        wrapped_key=draw(payloads),
        payload=draw(payloads),
        version=expected + 1 if expected else draw(st.integers(1, 2)),
        created_at=START,
        updated_at=now,
        predecessor=draw(st.none() | account_ids),
        adopted=draw(st.booleans()),
    )
    return Put(account, expected)


@st.composite
def documents(draw: st.DrawFn, tenant: str, model: MemoryStorage) -> PutDocument:
    """Draw the write of a document that mostly fits what the model holds, and sometimes does not."""
    kind, key = draw(kinds), draw(keys)
    there = model.document(tenant, kind, key)
    expected = there.version if there else 0
    if draw(seldom):
        expected = draw(st.integers(0, 2))
    return PutDocument(kind, key, draw(st.none() | payloads if expected else payloads), expected)


@st.composite
def appends(draw: st.DrawFn, tenant: str, model: MemoryStorage) -> Append:
    """Draw an append that mostly fits what the model holds, and sometimes does not."""
    journal = draw(journals)
    record = model.tenant(tenant)
    position = record.position if journal == OUTBOX else record.positions.get(journal, 0)
    expected = draw(st.none() | st.just(position))
    if draw(seldom):
        expected = draw(st.integers(0, 5))
    return Append(journal, tuple(draw(entries)), expected)


@st.composite
def batches(draw: st.DrawFn, tenant: str, model: MemoryStorage, now: datetime) -> Batch:
    """Draw a batch that names nothing twice."""
    drawn = draw(st.lists(writes(tenant, model, now), max_size=4, unique_by=name))
    beside = draw(st.lists(documents(tenant, model), max_size=2, unique_by=lambda one: (one.kind, one.key)))
    appended = draw(st.lists(appends(tenant, model), max_size=2, unique_by=lambda one: one.journal))
    told = () if any(one.journal == OUTBOX for one in appended) else tuple(draw(entries))
    revision = draw(st.integers(0, 6)) if draw(seldom) else 0
    return Batch(tuple(drawn), told, tuple(beside), draw(batch_ids), tuple(appended), revision)


def name(write: Put | Erase) -> str:
    """Return the source id that a write names."""
    return write.account.source_id if isinstance(write, Put) else write.tombstone.source_id


class Stores(RuleBasedStateMachine):
    """One store in memory, one in a file with two handles; every call goes to both, and their answers are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "store.db"
        self.model = MemoryStorage()
        self.handles = [SQLiteStorage(self.path), SQLiteStorage(self.path)]
        self.now = START
        self.claims: list[Claim] = []
        self.newest: dict[str, Claim] = {}
        self.batch = Batch()
        self.latest: Claim | None = None

    def teardown(self) -> None:
        """Close the file and remove it."""
        for handle in self.handles:
            handle.close()
        shutil.rmtree(self.folder)

    def both(self, which: bool, call: Callable[[Any], Any]) -> Any:  # drawn, never written
        """Make a call on the model and on one handle, and return what both answered or raised."""
        answers: list[object] = []
        for storage in (self.model, self.handles[which]):
            try:
                answers.append(call(storage))
            except SmartifyError as error:
                answers.append((type(error), error.what, error.where))
        assert answers[0] == answers[1]
        return answers[0]

    @initialize(tenant=tenants)
    def begin(self, tenant: str) -> None:
        """Begin with a claim, so that short examples write too."""
        self.claim(tenant, timedelta(0), timedelta(seconds=60), which=False)

    @rule(tenant=tenants, later=seconds, ttl=seconds, which=st.booleans())
    def claim(self, tenant: str, later: timedelta, ttl: timedelta, which: bool) -> None:
        """Claim a tenant some time later."""
        self.now += later
        answer = self.both(which, lambda storage: storage.claim(tenant, now=self.now, ttl=ttl))
        if isinstance(answer, Claim):
            self.claims.append(answer)
            self.newest[answer.tenant] = answer

    @rule(data=st.data(), later=seconds, ttl=seconds, which=st.booleans())
    def renew(self, data: st.DataObject, later: timedelta, ttl: timedelta, which: bool) -> None:
        """Renew some claim, new or old."""
        self.now += later
        claim = data.draw(st.sampled_from(self.claims))
        answer = self.both(which, lambda storage: storage.renew(claim, now=self.now, ttl=ttl))
        if isinstance(answer, Claim):
            self.claims.append(answer)
            self.newest[answer.tenant] = answer

    @rule(data=st.data(), due_at=due_times, which=st.booleans())
    def release(self, data: st.DataObject, due_at: datetime | None, which: bool) -> None:
        """Release some claim, new or old."""
        claim = data.draw(st.sampled_from(self.claims))
        self.both(which, lambda storage: storage.release(claim, due_at=due_at))
        if claim.fence == self.newest.get(claim.tenant, claim).fence:
            self.newest.pop(claim.tenant, None)

    @rule(tenant=tenants, data=st.data(), which=st.booleans())
    def commit(self, tenant: str, data: st.DataObject, which: bool) -> None:
        """Commit a batch under the newest claim of the tenant, made where it was released."""
        if (claim := self.newest.get(tenant)) is None:
            self.claim(tenant, timedelta(seconds=90), timedelta(seconds=60), which)
            claim = self.newest[tenant]
        self.batch = data.draw(batches(tenant, self.model, self.now))
        self.latest = claim
        self.both(which, lambda storage: storage.commit(claim, self.batch))

    @rule(which=st.booleans())
    def commit_again(self, which: bool) -> None:
        """Repeat a batch, perhaps under a claim that is lost by now."""
        if self.latest is not None:
            self.both(which, lambda storage: storage.commit(self.latest, self.batch))

    @rule(later=seconds, limit=st.integers(0, 3), which=st.booleans())
    def claim_due(self, later: timedelta, limit: int, which: bool) -> None:
        """Claim what is due some time later."""
        self.now += later
        ttl = timedelta(seconds=60)
        answer = self.both(which, lambda storage: list(storage.claim_due(now=self.now, ttl=ttl, limit=limit)))
        for claim in answer if isinstance(answer, list) else []:
            self.claims.append(claim)
            self.newest[claim.tenant] = claim

    @rule(due=st.dictionaries(tenants | st.just("new"), due_times), only_new=st.booleans(), which=st.booleans())
    def schedule(self, due: dict[str, datetime | None], only_new: bool, which: bool) -> None:
        """Set when tenants are due."""
        self.both(which, lambda storage: storage.schedule(due, only_new=only_new))

    @rule(tenant=tenants, journal=journals, through=st.integers(-1, 12), which=st.booleans())
    def trim(self, tenant: str, journal: str, through: int, which: bool) -> None:
        """Trim a journal."""
        self.both(which, lambda storage: storage.trim(tenant, journal=journal, through=through))

    @rule(data=st.data(), which=st.booleans())
    def erase_tenant(self, data: st.DataObject, which: bool) -> None:
        """Erase a tenant under some claim, mostly its newest."""
        claim = data.draw(st.sampled_from([*self.claims, *self.newest.values()]))
        self.both(which, lambda storage: storage.erase_tenant(claim))
        if claim == self.newest.get(claim.tenant):
            del self.newest[claim.tenant]

    @rule(tenant=tenants | st.just("another"), data=st.data(), which=st.booleans())
    def record(self, tenant: str, data: st.DataObject, which: bool) -> None:
        """Write documents and add to journals outside a batch."""
        drawn = data.draw(st.lists(documents(tenant, self.model), max_size=2))
        appended = data.draw(st.lists(appends(tenant, self.model), max_size=2))
        self.both(which, lambda storage: storage.record(tenant, documents=drawn, appends=appended))

    @rule(data=st.data(), which=st.booleans(), forge=seldom)
    def commit_amiss(self, data: st.DataObject, which: bool, forge: bool) -> None:
        """Commit under any claim, perhaps tampered with, a batch that may name a source id twice."""
        claim = data.draw(st.sampled_from(self.claims))
        drawn = data.draw(st.lists(writes(claim.tenant, self.model, self.now), max_size=4))
        if forge:
            claim = attrs.evolve(claim, tenant=data.draw(tenants), fence=data.draw(st.integers(0, 5)))
        self.both(which, lambda storage: storage.commit(claim, Batch(tuple(drawn))))

    @rule(
        tenant=tenants,
        after=st.none() | source_ids,
        position=st.integers(-1, 12),
        limit=st.integers(0, 4),
        which=st.booleans(),
    )
    def page(self, tenant: str, after: str | None, position: int, limit: int, which: bool) -> None:
        """Read a page of everything that comes in pages."""
        self.both(which, lambda storage: list(storage.heads(tenant, after=after, limit=limit)))
        self.both(which, lambda storage: list(storage.tombstones(tenant, after=after, limit=limit)))
        self.both(which, lambda storage: list(storage.tenants(after=after, limit=limit)))
        place = None if after is None else ("note", after)
        for kind in ("note", None):
            self.both(which, lambda storage, kind=kind: list(storage.documents(tenant, kind, after=place, limit=limit)))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        for journal in (OUTBOX, "audit"):
            self.both(
                which,
                lambda storage, journal=journal: list(  # type: ignore[misc]  # as above
                    storage.entries(tenant, journal=journal, after=position, limit=limit)
                ),
            )

    @rule(which=st.booleans())
    def reopen(self, which: bool) -> None:
        """Close one handle and open the file anew."""
        self.handles[which].close()
        self.handles[which] = SQLiteStorage(self.path)

    @invariant()
    def both_tell_the_same(self) -> None:
        """Everything that can be read is the same through every handle."""
        for tenant in ("acme", "umbrella"):
            for which in (False, True):
                self.both(which, lambda storage, tenant=tenant: everything(storage, tenant))  # type: ignore[misc]  # mypy cannot infer a default of a lambda


def everything(storage: MemoryStorage | SQLiteStorage, tenant: str) -> tuple[object, ...]:
    """Return all that the port tells of a tenant, in the order in which it tells it."""
    heads = list(storage.heads(tenant))
    stones = list(storage.tombstones(tenant))
    emails = [bytes([n]) * 16 for n in range(4)]
    return (
        list(storage.tenants()),
        storage.tenant(tenant),
        [list(storage.entries(tenant, journal=journal)) for journal in (OUTBOX, "audit", "\0")],
        [list(storage.documents(tenant, kind)) for kind in ("run", "note", None)],
        storage.document(tenant, "note", "a"),
        heads,
        dict(storage.load(tenant, SOURCE_IDS)),
        list(storage.find_by_email(tenant, emails)),
        stones,
        dict(storage.tombstones_of(tenant, SOURCE_IDS)),
    )


TestStores = Stores.TestCase
TestStores.__doc__ = "A file and the reference in memory answer every history of calls alike."
TestStores.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
