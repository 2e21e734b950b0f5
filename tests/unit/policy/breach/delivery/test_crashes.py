"""Workers that die at any point, and several at once: every tenant is told, under one id, and on record once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.policy.breach.delivery._host import (
    ACCEPTED,
    REFUSED,
    TRY_AGAIN,
    Host,
    Scripted,
    mail,
    notice_of,
)
from tests.unit.policy.records.conftest import die, in_child

from smartify_core.errors import AuditUnavailable, StorageUnavailable
from smartify_core.policy.breach import DeliveryState, Parcel, Reply, _sending
from smartify_core.policy.breach._delivery import CourierRun
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

TENANTS = ("acme", "globex", "initech")
LEASE = timedelta(minutes=15)


class Posted:
    """A channel that keeps what it sends in a file, which outlives the process; one address of it is refused.

    Args:
        file: The file.
        dies: Where in an attempt this process dies, if it does: before it is sent, or after.
        at: In which attempt of this process.
    """

    channel = "mail"
    waits = (timedelta(minutes=1),) * 20

    def __init__(self, file: Path, *, dies: str = "", at: int = 1) -> None:
        self.file = file
        self.dies = dies
        self.left = at

    def check(self, address: str) -> None:
        """Take whatever there is."""

    @contextmanager
    def opened(self) -> Iterator[Posted]:
        """Return itself."""
        yield self

    def send(self, parcel: Parcel) -> Reply:
        """Keep a parcel in the file."""
        self.left -= 1
        if self.dies == "before" and self.left == 0:
            die()
        with self.file.open("a", encoding="ascii") as stream:
            stream.write(f"{parcel.address} {parcel.id}\n")
        if self.dies == "after" and self.left == 0:
            die()
        return REFUSED if parcel.address.startswith("refused@") else ACCEPTED

    def got(self) -> dict[str, list[str]]:
        """Return what arrived, by address."""
        found: dict[str, list[str]] = {}
        for line in self.file.read_text(encoding="ascii").splitlines() if self.file.exists() else ():
            address, notice = line.split(" ")
            found.setdefault(address, []).append(notice)
        return found


class Dying:
    """A store whose process dies just before, or just after, its n-th write."""

    def __init__(self, storage: Storage, number: int, *, after: bool) -> None:
        self._storage = storage
        self._left = number
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, *args: Any, **options: Any) -> None:
        """Record, or die."""
        self._left -= 1
        if self._left == 0 and not self._after:
            die()
        self._storage.record(*args, **options)
        if self._left == 0:
            die()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Return a host on a store in a file: one customer has a refused contact before the one that works."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        made = Host(storage)
        made.customer("acme", mail("acme"), mail("acme", name="second"))
        made.customer("globex", mail("globex"))
        made.customer("initech", mail("initech", name="refused"), mail("initech", tier=2))
        made.release(*TENANTS)
        yield made


def check_told(host: Host, got: dict[str, list[str]], *, exactly_once: bool = False) -> None:
    """Check that every recipient was told under its notice's id, and that everything is on record once."""
    wanted = {
        "mail@acme.example": "acme",
        "second@acme.example": "acme",
        "mail@globex.example": "globex",
        "refused@initech.example": "initech",
        "mail@initech.example": "initech",
    }
    assert {address: set(ids) for address, ids in got.items()} == {
        address: {notice_of(tenant).id} for address, tenant in wanted.items()
    }
    if exactly_once:
        assert {len(ids) for ids in got.values()} == {1}
    states = {key[:2]: one.state for key, one in host.deliveries().items()}
    assert states.pop(("initech", "refused")) is DeliveryState.FAILED
    assert set(states.values()) == {DeliveryState.COMPLETED}
    assert len(states) == 4
    kinds = Counter(host.kinds())
    assert kinds == {
        "notice.queued": 3,
        "notice.spread": 1,
        "notice.accepted": 4,
        "notice.refused": 1,
        "notice.escalated": 1,
    }
    assert all(host.hearing(one).delivered_at is not None for one in TENANTS)


def run_in_child(host: Host, tmp_path: Path, wrap: Callable[[Storage], Any], channel: Posted) -> int:
    """Run a courier in a process of its own, over a store of its own, and return the signal that ended it, or 0."""

    def work() -> None:
        with SQLiteStorage(tmp_path / "store.db") as storage:
            host.courier(channel, storage=wrap(storage), threads=1, lease=LEASE).run_once()

    return in_child(work)


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_may_die_at_every_write(host: Host, tmp_path: Path, after: bool) -> None:
    """However many workers die, each one write later than the last, the next one brings it to its end."""
    deaths = 0
    for number in range(1, 20):
        wrap = partial(Dying, number=number, after=after)
        if run_in_child(host, tmp_path, wrap, Posted(tmp_path / "sent")) == 0:
            break
        deaths += 1
        host.clock.advance(LEASE)
    assert deaths >= 2
    host.clock.advance(LEASE)
    host.courier(Posted(tmp_path / "sent")).run_once()
    check_told(host, Posted(tmp_path / "sent").got())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_worker_may_die_at_any_write(host: Host, tmp_path: Path, number: int, after: bool) -> None:
    """A worker that dies once, before or after any of its writes, loses nothing: another goes on after its lease."""
    channel = Posted(tmp_path / "sent")
    run_in_child(host, tmp_path, partial(Dying, number=number, after=after), channel)
    host.clock.advance(LEASE)
    host.courier(channel).run_once()
    check_told(host, channel.got())


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_worker_may_die_in_any_attempt(host: Host, tmp_path: Path, number: int, dies: str) -> None:
    """A worker that dies while it sends, before it was out or after, is on record with an attempt of no verdict."""
    assert run_in_child(host, tmp_path, lambda one: one, Posted(tmp_path / "sent", dies=dies, at=number)) != 0
    lost = [one for one in host.deliveries().values() if any(two.verdict is None for two in one.attempts)]
    assert lost
    channel = Posted(tmp_path / "sent")
    assert not host.courier(channel).run_once().accepted
    host.clock.advance(LEASE)
    host.courier(channel).run_once()
    check_told(host, channel.got())
    kept = {(one.tenant, one.contact): one for one in host.deliveries().values()}
    for one in lost:
        verdicts = [two.verdict for two in kept[one.tenant, one.contact].attempts]
        assert verdicts[0] is None
        assert verdicts[-1] is not None


def check_dead_worker_is_replaced(host: Host) -> None:
    """Check that what a worker had taken is sent by another one when its lease has run out, and not before."""
    channel = Scripted()

    class Failing:
        """A store that is away once something was sent."""

        def __getattr__(self, name: str) -> Any:
            return getattr(host.storage, name)

        def record(self, *args: Any, **options: Any) -> None:
            """Record, unless something was sent."""
            if channel.parcels:
                raise StorageUnavailable("away")
            host.storage.record(*args, **options)

    with pytest.raises((AuditUnavailable, StorageUnavailable)):
        host.courier(channel, storage=cast("Storage", Failing()), lease=LEASE).run_once()
    sent = len(channel.parcels)
    host.clock.advance(LEASE - timedelta(seconds=1))
    host.courier(channel).run_once()
    assert len(channel.parcels) == sent
    host.clock.advance(seconds=1)
    host.courier(channel).run_once()
    assert {(one.state, len(one.attempts)) for one in host.deliveries().values()} >= {(DeliveryState.COMPLETED, 2)}
    assert all(len(ids) == 1 for ids in channel.got().values())


def test_a_dead_worker_is_replaced(host: Host) -> None:
    """The lease of a worker that cannot keep what came of its attempts runs out, and the same message goes again."""
    check_dead_worker_is_replaced(host)


def test_two_couriers_never_send_one_message_twice(host: Host, tmp_path: Path) -> None:
    """Two couriers that begin at the same moment share the work: all of it is done, and nothing of it twice."""
    many = [f"t-{number:03}" for number in range(250)]
    for tenant in many:
        host.customer(tenant, mail(tenant), mail(tenant, name="two"))
    host.release(*many, number=2)
    channel = Posted(tmp_path / "sent")
    barrier, runs = threading.Barrier(2), list[CourierRun]()

    def work() -> None:
        with SQLiteStorage(tmp_path / "store.db") as storage:
            courier = host.courier(channel, storage=storage)
            barrier.wait(20)
            runs.append(courier.run_once())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    host.courier(channel).run_once()
    got = channel.got()
    ours = {f"{name}@{tenant}.example": [notice_of(tenant, 2).id] for tenant in many for name in ("mail", "two")}
    assert {address: ids for address, ids in got.items() if address in ours} == ours
    assert sum(one.spread for one in runs) == 253
    assert Counter(host.kinds())["notice.queued"] == 253


def test_couriers_that_share_retries_send_each_once(host: Host, tmp_path: Path) -> None:
    """What is due again is taken by one of two couriers only."""
    host.courier(Scripted(answers={f"mail@{one}.example": [TRY_AGAIN] for one in TENANTS})).run_once()
    host.clock.advance(minutes=1)
    channel, barrier = Scripted(), threading.Barrier(2)

    def work() -> None:
        with SQLiteStorage(tmp_path / "store.db") as storage:
            courier = host.courier(channel, storage=storage)
            barrier.wait(20)
            courier.run_once()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(one.address for one in channel.parcels) == ["mail@acme.example", "mail@globex.example"]


def test_a_clock_that_jumps_ends_leases_and_loses_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not left when its lease is nearly over is given back, with no attempt on record, and sent later."""
    monkeypatch.setattr(_sending, "FRESH_FOR", 0.0)

    def jumping(_: Parcel) -> Reply:
        host.clock.advance(LEASE)
        return ACCEPTED

    first = Scripted(answers={f"{one}@{two}.example": [jumping] for one in ("mail", "second") for two in TENANTS})
    run = host.courier(first, threads=1, lease=LEASE).run_once()
    assert run.unsent >= 1
    second = Scripted()
    host.courier(second).run_once()
    assert {one.state for one in host.deliveries().values()} == {DeliveryState.COMPLETED}
    assert {one.address for one in (*first.parcels, *second.parcels)} == {
        *(f"mail@{one}.example" for one in TENANTS if one != "initech"),
        "second@acme.example",
        "refused@initech.example",
    }


def test_a_clock_that_stands_still_sends_nothing_twice(host: Host) -> None:
    """Without time passing what failed is not due, and nothing is tried over and over."""
    channel = Scripted(answers={"mail@globex.example": [TRY_AGAIN]})
    courier = host.courier(channel)
    for _ in range(3):
        courier.run_once()
    assert [one.address for one in channel.parcels].count("mail@globex.example") == 1


def test_a_clock_that_was_set_back_brings_nothing_back(host: Host) -> None:
    """Time on record never runs back: what is due stays due, and what was delivered stays delivered."""
    channel = Scripted(answers={"mail@globex.example": [TRY_AGAIN, ACCEPTED]})
    courier = host.courier(channel)
    courier.run_once()
    host.clock.advance(minutes=1)
    host.clock.advance(hours=-3)
    courier.run_once()
    host.clock.advance(hours=3)
    assert courier.run_once().accepted == 1
    assert {one.state for one in host.deliveries().values()} == {DeliveryState.COMPLETED}
