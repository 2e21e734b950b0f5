"""Ten thousand customers: all are told, and no more is held in memory than for a few."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.policy.breach.delivery._host import ACCEPTED, INCIDENT_ID, Host, mail, notice_of

from smartify_core.model import LEDGER
from smartify_core.policy.breach import Customer, Notice, Parcel, Reply
from smartify_core.policy.breach._places import CUSTOMER, NOTICE, of_tenant
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import MemoryNotifier

BATCH = 200


class Counting:
    """A channel that keeps nothing of what it is given."""

    channel = "mail"
    waits = (timedelta(minutes=1),)

    def check(self, address: str) -> None:
        """Take whatever there is."""

    @contextmanager
    def opened(self) -> Iterator[Counting]:
        """Return itself."""
        yield self

    def send(self, parcel: Parcel) -> Reply:
        """Take it."""
        return ACCEPTED


def drafted(path: Path, count: int) -> Host:
    """Return a host with a round for so many customers that is to go out."""
    host = Host(SQLiteStorage(path))
    customers, notices = host.shelf(CUSTOMER, Customer), host.shelf(NOTICE, Notice)
    tenants = [f"tenant-{number:05}" for number in range(count)]
    for start in range(0, count, BATCH):
        some = tenants[start : start + BATCH]
        documents = [customers.put(one, Customer(one, (mail(one),)), over=0) for one in some]
        documents += [notices.put(of_tenant(INCIDENT_ID, 1, one), notice_of(one), over=0) for one in some]
        host.storage.record(LEDGER, documents=documents)
    host.release()
    return host


@pytest.mark.slow
def test_ten_thousand_customers_are_told(tmp_path: Path) -> None:
    """Of ten thousand customers each gets its own notice, once, and every one has its two entries in the trail."""
    host, channel = drafted(tmp_path / "store.db", 10_000), MemoryNotifier("mail")
    run = host.courier(channel).run_once()
    assert (run.spread, run.accepted, run.later) == (10_000, 10_000, 0)
    wanted = {
        f"mail@{tenant}.example": notice_of(tenant).id for tenant in (f"tenant-{one:05}" for one in range(10_000))
    }
    assert Counter((one.address, one.id) for one in channel.arrived) == Counter(wanted.items())
    kinds = Counter(host.kinds())
    assert (kinds["notice.queued"], kinds["notice.accepted"]) == (10_000, 10_000)
    host.storage.close()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_customers(tmp_path: Path) -> None:
    """Four times as many customers take less than half as much memory again: a few batches, whatever the round has."""
    peaks: list[int] = []
    for count in (1_000, 4_000):
        host = drafted(tmp_path / f"{count}.db", count)
        tracemalloc.start()
        assert host.courier(Counting()).run_once().accepted == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        host.storage.close()
    assert peaks[1] < 1.5 * peaks[0], peaks
