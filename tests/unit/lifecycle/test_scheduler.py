from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from smartify_core.directory import DirectorySource
from smartify_core.errors import ForeignStore, SealBroken, SourceUnavailable, StorageBusy, UsageError
from smartify_core.lifecycle import Reconciler, Run, Verdict
from smartify_core.lifecycle.schedule import Scheduler
from smartify_core.lifecycle.schedule._schedule import BACKOFF_CEILING
from smartify_core.model import Claim, ProgressSink, PutDocument, Stage
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

EVERY = timedelta(minutes=15)


class Source(FakeDirectory):
    """A directory that does something whenever it is read."""

    def __init__(self, before_reading: Callable[[ProgressSink | None], object] = lambda _: None) -> None:
        super().__init__(identity("ada"))
        self.before_reading = before_reading

    def snapshot(self, *, progress: ProgressSink | None = None) -> Any:
        self.before_reading(progress)
        return super().snapshot(progress=progress)


class Fleet:
    """Some tenants on one store in memory, and as many workers' processes as a test asks for."""

    def __init__(self, **sources: DirectorySource) -> None:
        self.sources = sources
        self.storage = MemoryStorage()
        self.clock = ManualClock()
        self.sealer = Sealer(MemoryKeyRing())

    def scheduler(self, storage: MemoryStorage | None = None, **changed: Any) -> Scheduler:
        store = storage or self.storage
        reconciler = Reconciler(self.sources, store, self.sealer, clock=self.clock)
        options: dict[str, Any] = {
            "tenants": list(self.sources),
            "every": EVERY,
            "clock": self.clock,
            "workers": 1,
        } | changed
        return Scheduler(reconciler, store, **options)

    def due(self, tenant: str) -> datetime:
        due = self.storage.tenant(tenant).due_at
        assert due is not None
        return due

    def elapse(self, scheduler: Scheduler, length: timedelta) -> list[Run]:
        """Let time pass, minute by minute, and work whenever something is due."""
        runs: list[Run] = []
        for _ in range(length // timedelta(minutes=1)):
            self.clock.advance(minutes=1)
            while ended := scheduler.work_once():
                runs += ended
        return runs


def fleet_of(number: int) -> Fleet:
    return Fleet(**{f"t{one:03}": Source() for one in range(number)})


def failing(error: Callable[[], Exception]) -> Source:
    def fail(_: ProgressSink | None) -> None:
        raise error()

    return Source(fail)


def test_new_tenants_are_due_at_once_and_then_once_a_period() -> None:
    """Whoever is new runs first; after that each tenant runs once in each period, whoever else there is."""
    fleet = fleet_of(40)
    scheduler = fleet.scheduler(workers=4)
    scheduler.register()
    first = scheduler.work_once(limit=100)
    assert {run.tenant for run in first} == set(fleet.sources)
    assert all(run.verdict is Verdict.COMPLETE for run in first)
    assert scheduler.work_once() == []
    runs = Counter(run.tenant for run in fleet.elapse(scheduler, 8 * EVERY))
    assert set(runs) == set(fleet.sources)
    assert set(runs.values()) == {8}


def test_due_times_are_spread_over_the_period() -> None:
    """Tenants that began together do not stay together: no minute of the second period has more than a share."""
    fleet = fleet_of(60)
    scheduler = fleet.scheduler()
    scheduler.register()
    scheduler.work_once(limit=100)
    minutes = Counter((fleet.due(tenant) - fleet.clock()) // timedelta(minutes=1) for tenant in fleet.sources)
    assert max(minutes.values()) < 15
    assert len(minutes) > 10


def test_limit_is_kept_and_the_longest_due_comes_first() -> None:
    """A host's own queue takes as many as it asks for, in the order in which they were due."""
    fleet = fleet_of(5)
    now = fleet.clock()
    order = ["t003", "t000", "t004", "t002", "t001"]
    fleet.storage.schedule({tenant: now - timedelta(minutes=9 - place) for place, tenant in enumerate(order)})
    scheduler = fleet.scheduler()
    assert [run.tenant for run in scheduler.work_once(limit=2)] == order[:2]
    assert [run.tenant for run in scheduler.work_once(limit=9)] == order[2:]


def test_missed_periods_are_skipped() -> None:
    """After a night without any worker each tenant runs once, not once for each period that was missed."""
    fleet = fleet_of(3)
    scheduler = fleet.scheduler()
    scheduler.register()
    scheduler.work_once(limit=3)
    fleet.clock.advance(hours=9)
    assert len(scheduler.work_once(limit=100)) == 3
    assert all(fleet.clock() < fleet.due(tenant) <= fleet.clock() + EVERY * 1.05 for tenant in fleet.sources)


SECRET = "ada@acme.example"


@pytest.mark.parametrize(
    "error", [lambda: KeyError(SECRET), lambda: SourceUnavailable("no answer"), lambda: RecursionError(SECRET)]
)
def test_tenant_that_fails_delays_nobody_and_is_left_alone_for_longer_each_time(
    error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a run raises becomes a failed run with a code, and the tenant's next runs are ever further apart."""
    fleet = Fleet(bad=failing(error), good=Source())
    scheduler = fleet.scheduler()
    scheduler.register()
    failed, good = scheduler.work_once(limit=2)
    assert (failed.tenant, failed.verdict, good.verdict) == ("bad", Verdict.FAILED, Verdict.COMPLETE)
    assert failed.error is not None
    assert failed.error.code.startswith("SC")
    waits = []
    for _ in range(8):
        waits.append(fleet.due("bad") - fleet.clock())
        fleet.clock.advance(waits[-1])
        while scheduler.work_once():
            pass
    assert waits[0] == EVERY
    assert waits[:5] == sorted(waits[:5])
    assert all(EVERY <= wait <= BACKOFF_CEILING for wait in waits)
    assert waits[4] > 8 * EVERY
    assert SECRET not in str(failed.error) + repr(failed) + caplog.text
    fleet.sources["bad"].before_reading = lambda _: None  # type: ignore[attr-defined]  # it is a Source
    fleet.clock.advance(fleet.due("bad") - fleet.clock())
    while scheduler.work_once():
        pass
    assert fleet.due("bad") - fleet.clock() <= EVERY * 1.05, "one good run and it is as any other"


def test_backoff_is_known_to_every_process() -> None:
    """A process that has just started knows from the store how often a tenant failed, and leaves it alone."""
    fleet = Fleet(bad=failing(lambda: SourceUnavailable("no answer")))
    for _ in range(4):
        scheduler = fleet.scheduler()
        scheduler.register()
        fleet.clock.advance(max(timedelta(0), fleet.due("bad") - fleet.clock()))
        (run,) = scheduler.work_once()
        assert run.verdict is Verdict.FAILED
    assert fleet.due("bad") - fleet.clock() > 4 * EVERY
    before = fleet.due("bad")
    fleet.scheduler().register()
    assert fleet.due("bad") == before


def test_slow_tenant_keeps_one_thread() -> None:
    """While one tenant does not come to an end, the other thread serves everybody else."""
    go_on, others = threading.Event(), threading.Event()
    seen: list[str] = []
    fleet = Fleet(slow=Source(lambda _: go_on.wait(60)), **{f"t{one}": Source() for one in range(5)})
    stop = threading.Event()

    def on_run(run: Run) -> None:
        seen.append(run.tenant)
        if len(seen) == 5:
            others.set()

    fleet.storage.schedule({"slow": fleet.clock() - EVERY})
    scheduler = fleet.scheduler(workers=2, on_run=on_run)
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    assert others.wait(60)
    assert sorted(seen) == [f"t{one}" for one in range(5)]
    stop.set()
    go_on.set()
    thread.join(60)
    assert seen[5:] == ["slow"], "what was under way is finished"


def test_tenant_in_other_hands_is_left_to_them() -> None:
    """A tenant that somebody else works on is not due for anybody until it was given back or its lease ran out."""
    fleet = Fleet(acme=Source())
    scheduler = fleet.scheduler()
    scheduler.register()
    claim = fleet.storage.claim("acme", now=fleet.clock(), ttl=timedelta(minutes=10))
    assert scheduler.work_once() == []
    fleet.clock.advance(minutes=11)
    (run,) = scheduler.work_once()
    assert run.verdict is Verdict.COMPLETE
    fleet.storage.release(claim, due_at=fleet.clock())
    assert fleet.due("acme") > fleet.clock(), "whoever was too slow has no say any more"


def test_worker_that_lost_its_lease_does_not_say_when_the_tenant_is_due() -> None:
    """When a tenant is taken over in the middle of a run, that run fails, and the successor's due time stands."""
    fleet = Fleet(acme=Source())
    due = fleet.clock() + timedelta(hours=1)

    def take_over(_: ProgressSink | None) -> None:
        fleet.clock.advance(minutes=11)
        successor = fleet.storage.claim("acme", now=fleet.clock(), ttl=timedelta(minutes=10))
        fleet.storage.release(successor, due_at=due)

    fleet.sources["acme"].before_reading = take_over  # type: ignore[attr-defined]  # it is a Source
    scheduler = fleet.scheduler()
    scheduler.register()
    (run,) = scheduler.work_once()
    assert run.error is not None
    assert run.error.code == "SC304"
    assert fleet.due("acme") == due


def test_stop_finishes_what_is_under_way_and_claims_nothing_more() -> None:
    """A stop that comes during a run lets that run end, and no other one begins."""
    stop = threading.Event()
    fleet = Fleet(a=Source(lambda _: stop.set()), b=Source(lambda _: stop.set()))
    ended: list[Run] = []
    fleet.scheduler(on_run=ended.append).run(stop)
    assert [(run.tenant, run.verdict) for run in ended] == [("a", Verdict.COMPLETE)]
    assert fleet.storage.tenant("a").expires_at is None
    assert fleet.due("b") <= fleet.clock()


def test_abandoned_run_gives_its_lease_back_and_stays_due() -> None:
    """A run that is given up writes nothing more, is told to nobody, counts as no failure, and is due for the next."""
    stop, abandon = threading.Event(), threading.Event()

    def interrupted(progress: ProgressSink | None) -> None:
        stop.set()
        abandon.set()
        assert progress is not None
        progress(Stage.USERS_READ, 1, None)

    fleet = Fleet(acme=Source(interrupted))
    ended: list[Run] = []
    fleet.scheduler(on_run=ended.append).run(stop, abandon=abandon)
    assert ended == []
    record = fleet.storage.tenant("acme")
    assert (record.expires_at, record.accounts) == (None, 0)
    assert fleet.due("acme") <= fleet.clock()
    fleet.sources["acme"].before_reading = lambda _: None  # type: ignore[attr-defined]  # it is a Source
    (run,) = fleet.scheduler().work_once()
    assert run.verdict is Verdict.COMPLETE


def test_interrupt_of_the_calling_thread_gives_up_what_is_under_way() -> None:
    """An exception in the thread that waits, such as Ctrl-C, does not leave a run or a lease behind."""
    fleet = Fleet(acme=Source())

    def interrupt(_: float) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.scheduler(workers=2).run(threading.Event(), wait=interrupt)
    assert fleet.storage.tenant("acme").expires_at is None


def test_waits_until_somebody_is_due() -> None:
    """With nothing to do it sleeps until the earliest due time that it knows, and for 15 seconds at most."""
    fleet = Fleet(acme=Source())
    waits: list[float] = []
    runs: list[datetime] = []

    def wait(seconds: float) -> bool:
        assert 0 < seconds <= 15
        waits.append(seconds)
        fleet.clock.advance(seconds=seconds)
        return len(runs) == 3

    scheduler = fleet.scheduler(on_run=lambda _: runs.append(fleet.clock()))
    scheduler.run(threading.Event(), wait=wait)
    assert len(runs) == 3
    assert runs[2] - runs[1] < EVERY * 1.05 + timedelta(seconds=1)
    assert len(waits) < 3 * EVERY / timedelta(seconds=15) + 9


class Shaky(MemoryStorage):
    """A store that does not answer every time it is asked who is due."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        if self.errors:
            raise self.errors.pop(0)
        return super().claim_due(now=now, ttl=ttl, limit=limit)


def test_trouble_of_the_store_that_may_pass_is_waited_for() -> None:
    """A store that is busy for a while ends nothing; one that cannot be used at all does."""
    fleet = Fleet(acme=Source())
    stop = threading.Event()
    ended: list[Run] = []
    storage = Shaky(StorageBusy("busy"), StorageBusy("busy"))
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 2

    fleet.scheduler(storage, on_run=ended.append).run(stop, wait=wait)
    assert [run.verdict for run in ended] == [Verdict.COMPLETE]
    with pytest.raises(ForeignStore):
        fleet.scheduler(Shaky(ForeignStore("no store"))).run(stop, wait=wait)


def test_tenants_may_come_and_go() -> None:
    """Who is configured is asked once a period: new ones run, and those that are gone are taken off the schedule."""
    fleet = fleet_of(3)
    names = ["t000", "t001"]
    scheduler = fleet.scheduler(tenants=lambda: names)
    scheduler.register()
    assert {run.tenant for run in scheduler.work_once(limit=9)} == {"t000", "t001"}
    names[:] = ["t001", "t002"]
    scheduler.register()
    assert fleet.storage.tenant("t000").due_at is None
    assert fleet.due("t002") == fleet.clock()
    assert fleet.due("t001") > fleet.clock(), "who stays keeps the place"


def test_tenant_that_was_taken_off_while_it_ran_does_not_come_back() -> None:
    """The end of a run does not put a tenant on the schedule again that is no longer configured."""
    fleet = Fleet(acme=Source())
    names = ["acme"]
    scheduler = fleet.scheduler(tenants=lambda: names)

    def remove(_: ProgressSink | None) -> None:
        names.clear()
        scheduler.register()

    fleet.sources["acme"].before_reading = remove  # type: ignore[attr-defined]  # it is a Source
    scheduler.register()
    (run,) = scheduler.work_once()
    assert run.verdict is Verdict.COMPLETE
    assert fleet.storage.tenant("acme").due_at is None


def test_due_time_that_nothing_accounts_for_is_corrected() -> None:
    """After a clock that was years ahead, or with a shorter period, no tenant waits for what will not come soon."""
    fleet = Fleet(acme=Source(), other=Source())
    fleet.scheduler(every=timedelta(days=30)).register()
    fleet.storage.schedule({"acme": fleet.clock() + timedelta(days=900), "other": fleet.clock() + EVERY / 2})
    fleet.scheduler().register()
    assert fleet.due("acme") == fleet.clock()
    assert fleet.due("other") == fleet.clock() + EVERY / 2


def test_record_that_was_set_aside_brings_its_tenant_back_early() -> None:
    """With a long period, a tenant runs again as soon as one of its records is to be tried again."""
    fleet = Fleet(acme=Source())
    source: Any = fleet.sources["acme"]
    source.reject_next("ada")
    scheduler = fleet.scheduler(every=timedelta(days=20))
    scheduler.register()
    (run,) = scheduler.work_once()
    assert run.verdict is Verdict.DEGRADED
    assert fleet.due("acme") == fleet.clock() + timedelta(hours=1)


@pytest.mark.parametrize(
    "options",
    [
        {"every": timedelta(0)},
        {"every": timedelta(days=367)},
        {"workers": 0},
        {"workers": 1001},
        {"jitter": EVERY},
        {"jitter": timedelta(seconds=-1)},
        {"lease_ttl": timedelta(0)},
        {"tenants": "acme"},
    ],
)
def test_figures_out_of_range_are_refused(options: Mapping[str, Any]) -> None:
    """A scheduler is not made with figures that make no sense."""
    with pytest.raises(UsageError):
        fleet_of(1).scheduler(**options)


def test_limit_below_one_is_refused() -> None:
    """Nobody asks for no work by mistake."""
    with pytest.raises(UsageError):
        fleet_of(1).scheduler().work_once(limit=0)


NEWER, GARBAGE, DEEP = b'{"v": 2}', b"\xff no JSON", b"[" * 100_000


@pytest.mark.parametrize("content", [NEWER, GARBAGE, DEEP])
def test_run_state_that_cannot_be_read_keeps_nobody_else_from_running(content: bytes) -> None:
    """Of a tenant whose run state is newer or damaged, each run fails on its own; all others are registered and run."""
    fleet = Fleet(a=Source(), bad=Source(), c=Source())
    fleet.storage.record("bad", documents=[PutDocument("run", "state", content, 0)])
    fleet.storage.schedule({"bad": fleet.clock() + timedelta(days=900), "gone": fleet.clock()})
    scheduler = fleet.scheduler()
    scheduler.register()
    assert fleet.storage.tenant("gone").due_at is None
    runs = {run.tenant: run.verdict for run in scheduler.work_once(limit=9)}
    assert runs == {"a": Verdict.COMPLETE, "bad": Verdict.FAILED, "c": Verdict.COMPLETE}
    assert scheduler.work_once(limit=9) == [], "the one that fails is left alone, as any other that fails"
    assert fleet.due("bad") > fleet.clock()


def test_backoff_of_an_unreadable_run_state_is_respected() -> None:
    """A tenant that is put off because its run state cannot be read does not come back with each registration."""
    fleet = Fleet(bad=Source())
    fleet.storage.record("bad", documents=[PutDocument("run", "state", NEWER, 0)])
    due = fleet.clock() + BACKOFF_CEILING
    fleet.storage.schedule({"bad": due})
    fleet.scheduler().register()
    assert fleet.due("bad") == due


def test_name_that_is_no_text_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Beside a name of another type, or one that no store takes, everybody else is registered and runs."""
    fleet = Fleet(acme=Source(), globex=Source())
    names: list[Any] = ["acme", None, 7, ["globex"], "half \ud800", "globex"]
    scheduler = fleet.scheduler(tenants=lambda: names)
    scheduler.register()
    assert {run.tenant for run in scheduler.work_once(limit=9)} == {"acme", "globex"}
    assert len([record for record in caplog.records if record.message == "tenant name is no text"]) == 4


def test_failed_registration_does_not_keep_anybody_from_being_claimed(caplog: pytest.LogCaptureFixture) -> None:
    """When nobody can say who the tenants are, those on the schedule run all the same, and it is asked again soon."""
    fleet = Fleet(acme=Source())
    fleet.storage.schedule({"acme": fleet.clock()})
    asked: list[datetime] = []
    ended: list[Run] = []

    def names() -> list[str]:
        asked.append(fleet.clock())
        raise LookupError(SECRET)

    def wait(seconds: float) -> bool:
        fleet.clock.advance(seconds=seconds)
        return len(asked) == 3

    fleet.scheduler(tenants=names, on_run=ended.append).run(threading.Event(), wait=wait)
    assert [run.verdict for run in ended] == [Verdict.COMPLETE]
    assert asked[2] - asked[0] <= timedelta(seconds=30)
    assert {getattr(record, "error", None) for record in caplog.records if record.levelname == "ERROR"} == {
        "LookupError"
    }
    assert SECRET not in caplog.text


class Untidy(MemoryStorage):
    """A store whose tenants cannot be listed."""

    def tenants(self, *, after: str | None = None, limit: int = 1000) -> Any:
        raise SealBroken("damaged")


def test_store_that_cannot_list_its_tenants_still_runs_those_that_are_due() -> None:
    """Trouble that lies in the registration alone ends nothing, whether or not time will change it."""
    fleet = Fleet(acme=Source())
    storage = Untidy()
    storage.schedule({"acme": fleet.clock()})
    ended: list[Run] = []
    fleet.scheduler(storage, on_run=ended.append).run(threading.Event(), wait=lambda _: bool(ended))
    assert [run.verdict for run in ended] == [Verdict.COMPLETE]


def test_trouble_of_the_one_who_is_told_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """When ``on_run`` raises, the class is logged, the others run, and each run is returned."""

    def on_run(_: Run) -> None:
        raise LookupError(SECRET)

    fleet = fleet_of(3)
    scheduler = fleet.scheduler(on_run=on_run)
    scheduler.register()
    assert [run.verdict for run in scheduler.work_once(limit=9)] == [Verdict.COMPLETE] * 3
    told = [record for record in caplog.records if record.message == "on_run failed"]
    assert {(record.tenant, record.error) for record in told} == {  # type: ignore[attr-defined]  # extra fields
        (tenant, "LookupError") for tenant in fleet.sources
    }
    assert SECRET not in caplog.text


def test_period_shorter_than_the_longest_sleep_is_kept() -> None:
    """While a run is under way nobody sleeps: its end, with the new due time, is what the loop waits for."""
    asleep, under_way = threading.Event(), threading.Event()
    slept_meanwhile: list[bool] = []
    waits: list[float] = []

    def before(_: ProgressSink | None) -> None:
        under_way.set()
        asleep.wait(0.2)

    def wait(seconds: float) -> bool:
        slept_meanwhile.append(under_way.is_set())
        asleep.set()
        waits.append(seconds)
        fleet.clock.advance(seconds=seconds)
        return len(waits) == 5

    fleet = Fleet(acme=Source(before))
    fleet.scheduler(every=timedelta(seconds=2), workers=2, on_run=lambda _: under_way.clear()).run(
        threading.Event(), wait=wait
    )
    assert not any(slept_meanwhile)
    assert max(waits) <= 2.1


def test_stop_is_noticed_while_runs_are_under_way() -> None:
    """A wait of the host's own is asked whether to stop even if a slow tenant never lets the process be idle."""
    go_on = threading.Event()
    fleet = Fleet(slow=Source(lambda _: go_on.wait(60)))
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        go_on.set()
        return True

    # The due time of somebody whom another process has keeps the wait for the slow one short.
    scheduler = fleet.scheduler(workers=2, every=timedelta(seconds=1))
    scheduler.run(threading.Event(), wait=wait)
    assert waits == [0]


def test_a_scheduler_goes_by_the_clock_of_its_reconciler() -> None:
    """Where no other clock is given, turning the reconciler's makes tenants due."""
    clock, storage = ManualClock(), MemoryStorage()
    reconciler = Reconciler({"acme": FakeDirectory()}, storage, Sealer(MemoryKeyRing()), clock=clock)
    scheduler = Scheduler(reconciler, storage, tenants=["acme"])
    scheduler.register()
    assert len(scheduler.work_once()) == 1
    assert scheduler.work_once() == []
    clock.advance(days=1)
    assert len(scheduler.work_once()) == 1


@pytest.mark.parametrize("wrong", [{"every": 15}, {"jitter": 3}, {"lease_ttl": "10m"}, {"tenants": "acme"}])
def test_what_is_no_duration_or_no_list_is_told_apart(wrong: dict[str, Any]) -> None:
    """A number for a timedelta, and one name for a list of them, are refused with what to give instead."""
    reconciler = Reconciler({}, MemoryStorage(), Sealer(MemoryKeyRing()))
    with pytest.raises(UsageError, match="Give "):
        Scheduler(reconciler, MemoryStorage(), **{"tenants": [], **wrong})
