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
    AccountState,
    Batch,
    Claim,
    Erase,
    InactiveReason,
    Put,
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
    if live and draw(st.booleans()):
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
        version=expected + 1,
        created_at=START,
        updated_at=now,
        predecessor=draw(st.none() | account_ids),
    )
    return Put(account, expected)


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

    @rule(data=st.data(), which=st.booleans())
    def release(self, data: st.DataObject, which: bool) -> None:
        """Release some claim, new or old."""
        claim = data.draw(st.sampled_from(self.claims))
        self.both(which, lambda storage: storage.release(claim))
        if claim.fence == self.newest.get(claim.tenant, claim).fence:
            self.newest.pop(claim.tenant, None)

    @rule(tenant=tenants, data=st.data(), which=st.booleans())
    def commit(self, tenant: str, data: st.DataObject, which: bool) -> None:
        """Commit a batch under the newest claim of the tenant, made where it was released."""
        if (claim := self.newest.get(tenant)) is None:
            self.claim(tenant, timedelta(seconds=90), timedelta(seconds=60), which)
            claim = self.newest[tenant]
        drawn = data.draw(st.lists(writes(tenant, self.model, self.now), max_size=4, unique_by=name))
        self.both(which, lambda storage: storage.commit(claim, Batch(tuple(drawn))))

    @rule(data=st.data(), which=st.booleans(), forge=seldom)
    def commit_amiss(self, data: st.DataObject, which: bool, forge: bool) -> None:
        """Commit under any claim, perhaps tampered with, a batch that may name a source id twice."""
        claim = data.draw(st.sampled_from(self.claims))
        drawn = data.draw(st.lists(writes(claim.tenant, self.model, self.now), max_size=4))
        if forge:
            claim = attrs.evolve(claim, tenant=data.draw(tenants), fence=data.draw(st.integers(0, 5)))
        self.both(which, lambda storage: storage.commit(claim, Batch(tuple(drawn))))

    @rule(tenant=tenants, after=st.none() | source_ids, limit=st.integers(0, 4), which=st.booleans())
    def page(self, tenant: str, after: str | None, limit: int, which: bool) -> None:
        """Read a page of heads and one of tombstones."""
        self.both(which, lambda storage: list(storage.heads(tenant, after=after, limit=limit)))
        self.both(which, lambda storage: list(storage.tombstones(tenant, after=after, limit=limit)))

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
        storage.tenant(tenant).revision,
        heads,
        dict(storage.load(tenant, SOURCE_IDS)),
        list(storage.find_by_email(tenant, emails)),
        stones,
        dict(storage.tombstones_of(tenant, SOURCE_IDS)),
    )


TestStores = Stores.TestCase
TestStores.__doc__ = "A file and the reference in memory answer every history of calls alike."
TestStores.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
