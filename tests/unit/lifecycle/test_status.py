from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import pytest

from smartify_core.errors import SealBroken, SourceUnavailable
from smartify_core.lifecycle import Reconciler, Verdict
from smartify_core.lifecycle.events import Dispatcher, Event, RetryPolicy, dead_letters, forget_consumer
from smartify_core.lifecycle.schedule import Scheduler, TenantStatus, status
from smartify_core.model import PutDocument
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

EVERY = timedelta(minutes=15)


class World:
    """One tenant on a schedule."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.storage = MemoryStorage()
        self.directory = FakeDirectory(*(identity(f"p{number}") for number in range(20)))
        self.reconciler = Reconciler({"acme": self.directory}, self.storage, Sealer(MemoryKeyRing()), clock=self.clock)
        self.scheduler = Scheduler(
            self.reconciler, self.storage, tenants=["acme"], every=EVERY, clock=self.clock, workers=1
        )
        self.scheduler.register()

    def status(self) -> TenantStatus:
        (one,) = status(self.storage, self.clock, held_plans=self.reconciler.held_plans)
        return one

    def work(self) -> TenantStatus:
        due = self.storage.tenant("acme").due_at
        assert due is not None
        self.clock.advance(max(timedelta(0), due - self.clock()))
        self.scheduler.work_once()
        return self.status()


@pytest.fixture
def world() -> World:
    """Return a tenant that never ran."""
    return World()


def test_tenant_that_never_ran(world: World) -> None:
    """Before its first run a tenant is due, has no verdict, and exceeds a limit once it is overdue for as long."""
    one = world.status()
    assert (one.tenant, one.verdict, one.last_run_at, one.next_due) == ("acme", None, None, world.clock())
    assert one.not_converged_for is None
    assert not one.exceeds(timedelta(hours=1))
    world.clock.advance(hours=2)
    assert world.status().overdue_by == timedelta(hours=2)
    assert world.status().exceeds(timedelta(hours=1))


def test_tenant_in_step(world: World) -> None:
    """After a complete run the tenant is in step from then on, and how long ago that was grows with time."""
    one = world.work()
    assert (one.verdict, one.accounts, one.last_run_at) == (Verdict.COMPLETE, 20, world.clock())
    assert (one.not_converged_for, one.overdue_by, one.lease_until) == (timedelta(0), timedelta(0), None)
    world.clock.advance(hours=25)
    late = world.status()
    assert late.not_converged_for == timedelta(hours=25)
    assert late.exceeds(timedelta(hours=24))
    assert not late.exceeds(timedelta(hours=25))
    assert late.overdue_by > timedelta(hours=24)


def test_tenant_that_fails(world: World) -> None:
    """A failed run shows its code and how many there were in a row; when the tenant was last in step stays."""
    converged = world.work().converged_at
    world.directory.fail_next(SourceUnavailable("no answer"))
    one = world.work()
    assert (one.verdict, one.error_code, one.failures) == (Verdict.FAILED, "SC201", 1)
    assert one.converged_at == converged
    assert one.not_converged_for == world.clock() - (converged or world.clock())
    assert world.work().failures == 0


def test_tenant_that_never_was_in_step_exceeds_every_limit(world: World) -> None:
    """One whose only runs failed is not in step, however short ago they were."""
    world.directory.fail_next(SourceUnavailable("no answer"))
    one = world.work()
    assert one.not_converged_for is None
    assert one.exceeds(timedelta(days=9))


def test_tenant_that_somebody_works_on(world: World) -> None:
    """While a worker holds the lease the tenant is not overdue, and until when it is held is told."""
    claim = world.storage.claim("acme", now=world.clock(), ttl=timedelta(minutes=10))
    world.clock.advance(minutes=5)
    one = world.status()
    assert (one.lease_until, one.overdue_by) == (claim.expires_at, timedelta(0))
    world.clock.advance(minutes=5)
    one = world.status()
    assert (one.lease_until, one.overdue_by) == (None, timedelta(minutes=10))


def test_records_set_aside_keep_a_tenant_from_being_in_step(world: World) -> None:
    """A degraded tenant converges but for the records set aside: it counts from the oldest of them."""
    world.work()
    world.directory.reject_next("p1", times=9)
    since = world.work().oldest_quarantined_at
    one = world.work()
    assert (one.verdict, one.quarantined, one.oldest_quarantined_at) == (Verdict.DEGRADED, 1, since)
    assert one.converged_at == world.clock()
    assert one.not_converged_for == world.clock() - (since or world.clock()) > timedelta(0)


def test_held_plan_is_shown_with_its_expiry(world: World) -> None:
    """What guards hold is told by its hash, and until when somebody may decide."""
    world.work()
    for number in range(9):
        world.directory.delete(f"p{number}")
    one = world.work()
    (plan,) = world.reconciler.held_plans("acme")
    assert (one.verdict, one.held_plan, one.held_plan_expires_at) == (Verdict.HELD, plan.hash, plan.expires_at)
    (without,) = status(world.storage, world.clock)
    assert (without.held_plan, without.held_plan_expires_at) == (plan.hash, None)


def test_tenants_asked_for_are_told_in_that_order(world: World) -> None:
    """Named tenants are told as named, unknown ones included; unnamed, all that the store knows, by name."""
    world.storage.schedule({"initech": None, "zeta": world.clock()})
    assert [one.tenant for one in status(world.storage, world.clock)] == ["acme", "zeta"]
    asked = list(status(world.storage, world.clock, tenants=["nobody", "acme"]))
    assert [(one.tenant, one.next_due is None) for one in asked] == [("nobody", True), ("acme", False)]


@pytest.mark.parametrize("content", [b'{"v": 2}', b"\xff no JSON", b"[" * 100_000])
def test_tenant_whose_state_cannot_be_read_hides_no_other(world: World, content: bytes) -> None:
    """A newer or damaged run state is one row with the error's code, which exceeds every limit; the others follow."""
    world.storage.record("Bad", documents=[PutDocument("run", "state", content, 0)])
    world.storage.schedule({"Bad": world.clock(), "zeta": world.clock()})
    bad, *others = status(world.storage, world.clock)
    assert (bad.tenant, bad.verdict, bad.next_due) == ("Bad", Verdict.FAILED, world.clock())
    assert bad.error_code is not None
    assert bad.error_code.startswith("SC")
    assert bad.exceeds(timedelta(days=900))
    assert [(one.tenant, one.error_code) for one in others] == [("acme", None), ("zeta", None)]


def test_plans_and_letters_that_cannot_be_read_leave_the_rest_of_the_row(world: World) -> None:
    """What is asked for beside the run state may fail: the row says so by a code, and what is known stays."""
    world.work()
    for number in range(9):
        world.directory.delete(f"p{number}")
    world.work()

    def broken(_: str) -> NoReturn:
        raise SealBroken("damaged")

    (one,) = status(world.storage, world.clock, held_plans=broken, dead_letters=broken)
    assert (one.verdict, one.error_code, one.held_plan_expires_at, one.dead_letters) == (
        Verdict.HELD,
        "SC309",
        None,
        None,
    )
    assert one.held_plan is not None


def test_dead_letters_are_counted(world: World) -> None:
    """How many events were given up is part of the status, over all consumers; unasked, nothing is said."""
    world.work()

    def refuse(_: Event) -> None:
        raise ConnectionError

    for consumer in ("mailer", "crm"):
        Dispatcher(world.storage, consumer, refuse, clock=world.clock, retry=RetryPolicy(attempts=1)).deliver("acme")

    def count(tenant: str) -> int:
        return sum(map(len, dead_letters(world.storage, tenant).values()))

    (one,) = status(world.storage, world.clock, dead_letters=count)
    assert (one.dead_letters, world.status().dead_letters) == (40, None)
    forget_consumer(world.storage, "acme", "crm")
    assert {name: len(found) for name, found in dead_letters(world.storage, "acme").items()} == {"mailer": 20}
    assert dead_letters(world.storage, "nobody") == {}
