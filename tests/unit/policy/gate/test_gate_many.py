from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.gate.conftest import ADA, BOB, Vendor

from smartify_core.errors import UnknownRecord
from smartify_core.model import LEDGER
from smartify_core.policy import ACCOUNT_FIELDS, AccessRequest, Purpose
from smartify_core.policy.audit import Frontier
from smartify_core.policy.audit._group import Line
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.testing import identity

THREADS = 32


def is_whole(vendor: Vendor) -> bool:
    """Return whether the head of the trail is that of the tree over its entries."""
    frontier, _ = Frontier().append(*(one.content for one in vendor.policy.trail.contents()))
    return frontier == vendor.policy.trail.head().frontier


class Counting:
    """A store that counts the commits of the trail; the first of them waits until everybody is in the line."""

    def __init__(self, storage: Storage, everybody: threading.Event) -> None:
        self._storage = storage
        self._everybody = everybody
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, tenant: str, **options: Any) -> None:
        """Record, and count."""
        if tenant == LEDGER:
            self.commits += 1
            assert self._everybody.wait(60)
        self._storage.record(tenant, **options)


def test_thirty_two_threads_have_a_record_each_and_share_commits(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that open at once share few commits, and each has its own record in a trail that is whole."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    everybody, arrived, mutex = threading.Event(), [0], threading.Lock()
    passing = Line[Any].pass_through

    def counted(self: Line[Any], item: Any) -> None:
        with mutex:
            arrived[0] += 1
            if arrived[0] == THREADS:
                everybody.set()
        passing(self, item)

    monkeypatch.setattr(Line, "pass_through", counted)
    counting: Any = Counting(vendor.storage, everybody)
    policy = vendor.policy_of(counting)
    size = policy.trail.size
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [vendor.ask(facts={"session": f"s-{number}"}) for number in range(THREADS)]
        people = list(pool.map(lambda one: policy.gate.open(**one), asked))
    assert {one.email for one in people} == {ADA.email}
    records = [one.record for one in policy.trail.entries(after=size - 1)]
    assert sorted(str(one.facts["session"]) for one in records) == sorted(f"s-{number}" for number in range(THREADS))
    assert {one.subjects for one in records} == {(people[0].account_id,)}
    assert counting.commits <= THREADS // 2
    assert is_whole(vendor)


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Vendor]:
    """Return a vendor whose first customer has 250 people."""
    made = Vendor(tmp_path / "many.db", *(identity(f"person-{number:03d}") for number in range(248)))
    made.grant()
    yield made
    made.storage.close()


def test_a_view_of_many_makes_a_record_for_each_page_and_holds_one(
    many: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view of 250 people makes three records, which name each of them once; a page opens when it is come to."""
    opened: list[str] = []
    opening = Sealer.open

    def count(self: Sealer, account: Any) -> Any:
        opened.append(account.account_id)
        return opening(self, account)

    monkeypatch.setattr(Sealer, "open", count)
    size = many.policy.trail.size
    asked = many.ask(fields=ACCOUNT_FIELDS)
    del asked["source_id"]
    with many.policy.gate.view(**asked) as view:
        people = iter(view)
        assert not opened
        first = next(people)
        assert len(opened) == 100
        assert many.policy.trail.size == size + 1
        rest = list(people)
    records = [one.record for one in many.policy.trail.entries(after=size - 1)]
    assert [len(one.subjects) for one in records] == [100, 100, 50]
    named = [subject for one in records for subject in one.subjects]
    assert named == [one.account_id for one in (first, *rest)] == opened
    assert len(set(named)) == 250
    assert is_whole(many)


def test_a_view_of_some_asks_for_no_more_than_a_page_at_once(many: Vendor) -> None:
    """A view of people who were named loads them page by page too, and leaves out who is not there."""
    loaded: list[int] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            return getattr(many.storage, name)

        def load(self, tenant: str, source_ids: Any) -> Any:
            loaded.append(len(source_ids))
            return many.storage.load(tenant, source_ids)

    watching: Any = Watching()
    asked = many.ask()
    del asked["source_id"]
    wanted = [*many.storage.heads("acme").source_ids[::-1], "nobody"]
    with many.policy_of(watching).gate.view(**asked, source_ids=wanted) as view:
        assert [one.source_id for one in view] == wanted[:-1]
    assert max(loaded) == 100


def gone(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Ada deleted at the moment at which the next record has just been kept."""
    append = vendor.policy.trail.append

    def then_delete(*records: Any, **options: Any) -> Any:
        places = append(*records, **options)
        if records[0].kind == "access.granted" and vendor.storage.load("acme", [ADA.source_id]):
            vendor.directory.delete(ADA.source_id)
            vendor.sync()
        return places

    monkeypatch.setattr(vendor.policy.trail, "append", then_delete)
    yield


def test_whoever_is_deleted_before_the_opening_stays_shut(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who is deleted between the record and the opening is not opened, alone or among others."""
    vendor.grant()
    gate, accounts = vendor.policy.gate, vendor.storage.load("acme", [ADA.source_id, BOB.source_id])
    ada, bob = accounts[ADA.source_id], accounts[BOB.source_id]
    request = AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, ["email"], "why")
    before, alone, both = gate.permit(request), gate.permit(request), gate.permit(request)
    assert [one.email for one in gate.disclose(before, [bob, ada])] == [BOB.email, ADA.email]
    next(gone(vendor, monkeypatch))
    with pytest.raises(UnknownRecord, match="has just ended"):
        gate.open(**vendor.ask())
    assert [one.email for one in gate.disclose(both, [bob, ada])] == [BOB.email]
    with pytest.raises(UnknownRecord):
        gate.open(**vendor.ask())
    monkeypatch.setattr(Sealer, "open", lambda *_: pytest.fail("a field was opened"))
    with pytest.raises(LookupError):
        gate.disclose(alone, [ada])


def test_a_view_leaves_out_whoever_is_deleted_meanwhile(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page on which somebody has just ended shows the others."""
    vendor.grant()
    asked = vendor.ask()
    del asked["source_id"]
    next(gone(vendor, monkeypatch))
    with vendor.policy.gate.view(**asked) as view:
        assert [one.email for one in view] == [BOB.email]
    with vendor.policy.gate.view(**asked, source_ids=[ADA.source_id]) as view:
        assert list(view) == []


def test_permits_that_nobody_uses_are_forgotten(vendor: Vendor) -> None:
    """What is left unused for a minute is not kept for ever."""
    vendor.grant()
    request = AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, ["email"], "why")
    gate = vendor.policy.gate
    for _ in range(20):
        gate.permit(request)
    vendor.clock.advance(timedelta(minutes=1))
    for _ in range(4):
        gate.permit(request)
    assert len(gate._outstanding) == 4
