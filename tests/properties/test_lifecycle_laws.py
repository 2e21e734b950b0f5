"""Laws that hold for any two states of a directory: before, when the accounts were made, and after."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.lifecycle import Ceiling, ChangeKind, Guards, Reconciler, Rules, Run, Threshold, Verdict
from smartify_core.lifecycle._history import History
from smartify_core.lifecycle._journal import JournalEntry
from smartify_core.model import Account, Identity, Stage
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity, opened_accounts

TENANT = "acme"
NAMES = ("ada", "ben", "cleo", "dan", "eve", "fay", "gus")
GROUPS = tuple(group(f"group-{number}") for number in range(4))
SEALER = Sealer(MemoryKeyRing())

_ANY = Ceiling(10_000, 1, 10_000)
_FEW = Ceiling(1, 0, 1)


def _guards(ceiling: Ceiling) -> Guards:
    each = Threshold(ceiling, ceiling)
    return Guards(timedelta(days=7), each, each, each, each, each, shrinkage=1.0)


#: Nothing is held by its number; all but the first effect of each kind is; and what every host begins with.
UNGUARDED, STRICT = Rules(guards=_guards(_ANY)), Rules(guards=_guards(_FEW))
#: A few of each law at every run; together they see much.
some = settings(max_examples=50)
some_rules = st.sampled_from([Rules(), UNGUARDED, STRICT, Rules(retain_for=timedelta(days=2), guards=_guards(_ANY))])


@frozen(order=False)
class Town:
    """A directory, described: who is there with which address, state and groups, and how groups are nested."""

    people: tuple[Identity, ...]
    members: frozenset[tuple[str, int]]
    nested: frozenset[tuple[int, int]]
    for_everyone: frozenset[int]


@st.composite
def towns(draw: st.DrawFn) -> Town:
    """Draw a town of seven names at most, of whom one always is there; any of them may have any of the addresses."""
    desks = draw(st.permutations(range(len(NAMES))))
    states = st.sampled_from([(False, False), (False, False), (True, False), (False, True)])
    there = {NAMES[0], *draw(st.sets(st.sampled_from(NAMES)))}
    people: list[Identity] = []
    for name, desk in zip(NAMES, desks, strict=True):
        suspended, archived = draw(states)
        if name in there:
            people.append(identity(name, email=f"desk-{desk}@acme.example", suspended=suspended, archived=archived))
    numbers = st.integers(0, len(GROUPS) - 1)
    members = draw(st.frozensets(st.tuples(st.sampled_from(sorted(there)), numbers), max_size=10))
    nested = draw(st.frozensets(st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1]), max_size=3))
    return Town(tuple(people), members, nested, draw(st.frozensets(numbers, max_size=1)))


class Shuffled(FakeDirectory):
    """A directory whose pages come in any order."""

    order: random.Random

    def snapshot(self, **options: Any) -> Any:
        """Begin a read that yields people in another order."""
        snapshot = super().snapshot(**options)
        read = snapshot.identities

        def identities() -> Iterator[Identity]:
            people = list(read())
            self.order.shuffle(people)
            return iter(people)

        snapshot.identities = identities  # type: ignore[method-assign]  # this snapshot's own order
        return snapshot


def _built(town: Town, order: random.Random) -> Shuffled:
    """Return the directory, with people, groups and members brought in and read in whatever order."""
    directory = Shuffled(*order.sample(town.people, len(town.people)))
    directory.order = order
    for one in order.sample(GROUPS, len(GROUPS)):
        directory.add_group(one)
    for name, number in order.sample(sorted(town.members), len(town.members)):
        directory.add_member(name, GROUPS[number])
    for inner, outer in order.sample(sorted(town.nested), len(town.nested)):
        directory.nest(GROUPS[inner], GROUPS[outer])
    for number in town.for_everyone:
        directory.whole_customer(GROUPS[number])
    return directory


class Tenant:
    """Accounts that were made from one town, and are to be brought in step with another."""

    def __init__(self, before: Town, *, rules: Rules, order: random.Random | None = None) -> None:
        self.storage = MemoryStorage()
        self.clock = ManualClock()
        self.rules = rules
        order = order or random.Random(1)
        self.worker(_built(before, order)).run(TENANT)
        self.clock.advance(days=1)

    def worker(self, directory: FakeDirectory) -> Reconciler:
        """Return a worker that reads this directory."""
        return Reconciler({TENANT: directory}, self.storage, SEALER, rules=self.rules, clock=self.clock, batch_size=2)

    def accounts(self) -> list[Account]:
        """Return every account, ended ones too."""
        return list(opened_accounts(self.storage, SEALER, TENANT))

    def journal(self) -> list[JournalEntry]:
        """Return the whole journal."""
        return list(History(self.storage).of(TENANT))


@some
@given(before=towns(), after=towns(), rules=some_rules, order=st.randoms(use_true_random=False))
def test_order_of_pages_groups_and_members_never_matters(
    before: Town, after: Town, rules: Rules, order: random.Random
) -> None:
    """In whatever order a directory tells the same, the plan is the same, byte for byte."""
    tenant = Tenant(before, rules=rules, order=order)
    plans = [tenant.worker(_built(after, order)).plan(TENANT) for _ in range(2)]
    assert plans[0].to_bytes() == plans[1].to_bytes()
    assert plans[0].hash == plans[1].hash


@some
@given(before=towns(), after=towns(), rules=some_rules)
def test_plan_is_a_pure_function(before: Town, after: Town, rules: Rules) -> None:
    """The same read, store, rules and instant give the same plan, however often, and whichever worker makes it."""
    made = [Tenant(before, rules=rules) for _ in range(2)]
    plans = [tenant.worker(_built(after, random.Random(2))).plan(TENANT) for tenant in (made[0], made[0], made[1])]
    assert len({plan.to_bytes() for plan in plans}) == 1


@some
@given(before=towns(), after=towns(), rules=some_rules)
def test_plan_that_was_applied_leaves_nothing_to_do(before: Town, after: Town, rules: Rules) -> None:
    """Once a plan is applied, the next one is empty, and what is still held is the same."""
    tenant = Tenant(before, rules=rules)
    worker = tenant.worker(_built(after, random.Random(2)))
    plan = worker.plan(TENANT)
    worker.apply(plan)
    again = worker.plan(TENANT)
    assert again.is_empty
    assert _held(again) == _held(plan)


@some
@given(before=towns(), after=towns(), rules=some_rules)
def test_run_is_plan_and_then_apply(before: Town, after: Town, rules: Rules) -> None:
    """A run, which seals as it writes, leaves the accounts and the journal that a plan does, sealed as a whole."""
    at_once, in_two = Tenant(before, rules=rules), Tenant(before, rules=rules)
    run = at_once.worker(_built(after, random.Random(2))).run(TENANT)
    worker = in_two.worker(_built(after, random.Random(2)))
    plan = worker.plan(TENANT)
    assert worker.apply(plan) == run
    assert at_once.accounts() == in_two.accounts()
    assert at_once.journal() == in_two.journal()
    assert [change.source_id for change in plan.changes] == [
        entry.source_id for entry in at_once.journal()[-len(plan.changes) or len(at_once.journal()) :]
    ]


def _held(plan: Any) -> object:
    return [(one.source_id, one.effect) for one in plan.held], plan.held_plan and plan.held_plan.keys


@some
@given(
    before=towns(),
    after=towns(),
    rules=some_rules,
    listing=st.sampled_from(["users", "groups", "members"]),
    keep=st.integers(0, 8),
)
def test_uncertified_read_removes_nobody_and_takes_no_group(
    before: Town, after: Town, rules: Rules, listing: Literal["users", "groups", "members"], keep: int
) -> None:
    """However a read is cut short, nobody is deleted or loses a group, and only those it shows inactive lose access."""
    tenant = Tenant(before, rules=rules)
    done = len(tenant.journal())
    directory = _built(after, random.Random(2))
    directory.truncate_next(listing, keep=keep)
    run = tenant.worker(directory).run(TENANT)
    assert (run.verdict, bool(run.problems)) == (Verdict.HELD, True)
    inactive = {person.source_id for person in after.people if not person.active}
    for entry in tenant.journal()[done:]:
        assert entry.kind is not ChangeKind.DELETE
        assert not entry.left
        assert entry.kind is not ChangeKind.DEACTIVATE or entry.source_id in inactive


@some
@given(before=towns(), after=towns(), point=st.integers(0, 11), rules=st.sampled_from([UNGUARDED, Rules()]))
def test_two_interleaved_workers_equal_one(before: Town, after: Town, point: int, rules: Rules) -> None:
    """Wherever a worker falls asleep while another one does its work, the end is that of one worker alone."""
    alone, both = Tenant(before, rules=rules), Tenant(before, rules=rules)
    alone.worker(_built(after, random.Random(2))).run(TENANT)
    reports = itertools.count()

    def sleep(_stage: Stage, _done: int, _total: int | None) -> None:
        if next(reports) == point:
            both.clock.advance(hours=1)
            both.worker(_built(after, random.Random(3))).run(TENANT)

    (run,) = both.worker(_built(after, random.Random(2))).run_each([TENANT], progress=sleep)
    _require_beaten_or_done(run)
    assert both.accounts() == alone.accounts()
    assert _what_happened(both) == _what_happened(alone)


def _require_beaten_or_done(run: Run) -> None:
    assert run.error is None or run.error.code in {"SC105", "SC304"}  # the plan was stale, or the lease lost


def _what_happened(tenant: Tenant) -> list[tuple[str, int, ChangeKind]]:
    return sorted(
        ((one.account_id, one.version, one.kind) for one in tenant.journal()), key=lambda item: (item[0], item[1])
    )


@some
@given(before=towns(), after=towns(), who=st.sampled_from(NAMES))
def test_refresh_makes_earlier_what_a_run_would_do(before: Town, after: Town, who: str) -> None:
    """Asking for one person first changes nothing about where the next whole run ends."""
    alone, asked = Tenant(before, rules=UNGUARDED), Tenant(before, rules=UNGUARDED)
    alone.worker(_built(after, random.Random(2))).run(TENANT)
    worker = asked.worker(_built(after, random.Random(2)))
    worker.refresh(TENANT, identity(who).source_id)
    worker.run(TENANT)
    assert asked.accounts() == alone.accounts()
