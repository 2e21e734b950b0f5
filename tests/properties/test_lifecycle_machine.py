"""Any history of directory changes, with any faults on the way, ends where the directory ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smartify_core.errors import SourceUnavailable
from smartify_core.lifecycle import Accounts, Reconciler, Verdict
from smartify_core.model import Account, AccountState, Batch, Claim, Group, Identity, Membership, Receipt, Stage
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity

TENANT = "acme"
PEOPLE = tuple(identity(f"person-{number}") for number in range(6))
GROUPS = tuple(group(f"group-{number}") for number in range(3))
#: Fewer addresses than people would like: hand-overs, swaps and re-use are the rule here.
ADDRESSES = tuple(f"desk-{number}@acme.example" for number in range(8))
#: Somebody who never leaves, so that the guard against an empty directory is a test of its own.
CARETAKER = identity("caretaker")

#: Chooses among whoever is there: taken modulo their number, so that every step hits somebody.
picks = st.integers(0, 59)
groups = st.sampled_from(GROUPS)


class Died(BaseException):
    """The host is gone; no handler of the library's runs."""


class DiesAt(MemoryStorage):
    """A store whose host dies at a chosen commit, before or after the write."""

    countdown: int | None = None
    after = False

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Commit, unless the host dies now."""
        if self.countdown is None:
            return super().commit(claim, batch)
        self.countdown -= 1
        if self.countdown >= 0:
            return super().commit(claim, batch)
        self.countdown = None
        if self.after:
            super().commit(claim, batch)
        raise Died


class LifecycleMachine(RuleBasedStateMachine):
    """A directory that changes and fails at random, and a worker that runs now and then and sometimes dies."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.directory = FakeDirectory(clock=self.clock)
        self.storage = DiesAt()
        self.sealer = Sealer(MemoryKeyRing())
        self.living: set[str] = set()
        self.deleted: set[str] = set()
        self.ever_deleted: set[str] = set()
        self.address: dict[str, str] = {}
        self.faulty = False

    @initialize()
    def furnish(self) -> None:
        """Begin with the caretaker and the groups."""
        self.directory.add(CARETAKER)
        for one in GROUPS:
            self.directory.add_group(one)
        for number, person in enumerate(PEOPLE[:4]):
            self._admit(person.source_id, ADDRESSES[number])
        self.reconciler.run(TENANT)

    @property
    def reconciler(self) -> Reconciler:
        """Return a worker that has just started."""
        return Reconciler({TENANT: self.directory}, self.storage, self.sealer, clock=self.clock, batch_size=2)

    # --- what happens in the directory

    @precondition(lambda self: self._strangers())
    @rule(pick=picks, place=picks)
    def join(self, pick: int, place: int) -> None:
        """Somebody who has never been there joins, under an address that nobody living has."""
        self._admit(_pick(self._strangers(), pick), _pick(self._free(), place))

    @precondition(lambda self: self.living)
    @rule(pick=picks, place=picks)
    def rename(self, pick: int, place: int) -> None:
        """Somebody moves to a free address."""
        who, address = _pick(self.living, pick), _pick(self._free(), place)
        self.directory.rename(who, email=address)
        self.address[who] = address

    @precondition(lambda self: len(self.living) > 1)
    @rule(pick=picks)
    def swap(self, pick: int) -> None:
        """Two people exchange addresses."""
        self._swap(_pick(self.living, pick), _pick(self.living, pick + 1))

    @precondition(lambda self: self.living)
    @rule(pick=picks, step=st.sampled_from(["suspend", "archive", "restore"]))
    def change_state(self, pick: int, step: str) -> None:
        """Somebody is suspended, archived or neither."""
        getattr(self.directory, step)(_pick(self.living, pick))

    @precondition(lambda self: self.living)
    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        """Somebody is deleted."""
        who = _pick(self.living, pick)
        self.directory.delete(who)
        self.living.remove(who)
        self.deleted.add(who)
        self.ever_deleted.add(who)

    @precondition(lambda self: self.deleted)
    @rule(pick=picks)
    def come_back(self, pick: int) -> None:
        """Somebody who was deleted is undeleted, unless their address is somebody else's by now."""
        who = _pick(self.deleted, pick)
        if self.address[who] in self._free():
            self.directory.undelete(who)
            self.deleted.remove(who)
            self.living.add(who)

    @precondition(lambda self: self.living)
    @rule(pick=picks, into=groups, joins=st.booleans())
    def change_group(self, pick: int, into: Group, joins: bool) -> None:
        """Somebody joins or leaves a group."""
        who = _pick(self.living, pick)
        if joins:
            self.directory.add_member(who, into)
        elif into in {membership.group for membership in self.directory.current(who).memberships}:
            self.directory.remove_member(who, into)

    # --- what goes wrong

    @rule(listing=st.sampled_from(["users", "members"]))
    def cut_short(self, listing: Literal["users", "members"]) -> None:
        """The next read is cut short."""
        self.directory.truncate_next(listing)
        self.faulty = True

    @rule()
    def fall_silent(self) -> None:
        """The next read fails."""
        self.directory.fail_next(SourceUnavailable("no answer"))
        self.faulty = True

    @precondition(lambda self: self.living)
    @rule(pick=picks, how=st.sampled_from(["miss_next", "reject_next"]))
    def stumble(self, pick: int, how: str) -> None:
        """The next read stumbles over one person."""
        getattr(self.directory, how)(_pick(self.living, pick))
        self.faulty = True

    @precondition(lambda self: self.deleted)
    @rule(pick=picks)
    def doubt(self, pick: int) -> None:
        """The next read will not say whether somebody is gone."""
        self.directory.uncertain_next(_pick(self.deleted, pick))
        self.faulty = True

    @precondition(lambda self: len(self.living) > 1)
    @rule(pick=picks)
    def tear(self, pick: int) -> None:
        """The next listing misses somebody, who exchanges addresses with somebody else before they are asked for."""
        one, other = _pick(self.living, pick), _pick(self.living, pick + 1)
        self.directory.miss_next(one)
        self.directory.after_next_listing(lambda: self._swap(one, other))
        self.faulty = True

    def _swap(self, one: str, other: str) -> None:
        if {one, other} <= self.living:
            self.directory.swap_emails(one, other)
            self.address[one], self.address[other] = self.address[other], self.address[one]

    @rule(commits=st.integers(0, 3), after=st.booleans())
    def will_die(self, commits: int, after: bool) -> None:
        """The host will die at one of its next commits."""
        self.storage.countdown, self.storage.after = commits, after
        self.faulty = True

    # --- the worker

    @rule()
    def run(self) -> None:
        """A worker runs; whatever happens to it, its lease runs out, and nobody lost what the directory gives."""
        before = self._accounts()
        try:
            run = self.reconciler.run(TENANT)
        except (SourceUnavailable, Died):
            self.clock.advance(hours=1)
        else:
            assert bool(run.held or run.problems) == (run.verdict is Verdict.HELD)
            addresses = [address.lower() for address in self._addresses()]
            assert len(set(addresses)) == len(addresses)
        self._nobody_lost_anything(before)
        self.faulty = False

    def _nobody_lost_anything(self, before: list[Account]) -> None:
        """No account of somebody who is still there ended, and no group was lost that the directory still gives."""
        truth = {person.source_id: person for person in self.directory.truth()}
        after = {one.account_id: one for one in self._accounts()}
        for account in before:
            if account.personal is None or account.source_id not in truth:
                continue
            now = after[account.account_id].personal
            assert now is not None
            given = _groups(truth[account.source_id].memberships)
            assert (_groups(account.personal.memberships) - _groups(now.memberships)) & given == set()

    @precondition(lambda self: not self.faulty)
    @rule()
    def overtake(self) -> None:
        """A second worker takes over while the first sleeps in its run; together they do what one would."""

        def sleep(stage: Stage, done: int, _total: int | None) -> None:
            if stage is Stage.APPLIED and done == 2:
                self.clock.advance(timedelta(hours=1))
                self.reconciler.run(TENANT)

        self.storage.countdown = None
        runs = list(self.reconciler.run_each([TENANT], progress=sleep))
        assert [run.error.code for run in runs if run.error is not None] in ([], ["SC304"])
        self.settle()

    def settle(self) -> None:
        """Run without faults and compare the store with the directory."""
        self.storage.countdown = None
        self.directory.recover()
        for _ in range(3):
            self.clock.advance(hours=1)
            for run in self.reconciler.run_each([TENANT]):
                last = run
        assert last.verdict is Verdict.COMPLETE
        assert last.counts.changes == 0
        truth = {person.source_id: person for person in self.directory.truth()}
        accounts = {one.source_id: one for one in self._accounts() if one.state is not AccountState.DELETED}
        assert accounts.keys() == truth.keys()
        for source_id, person in truth.items():
            personal = accounts[source_id].personal
            assert personal is not None
            held = Identity(
                source_id,
                personal.email,
                personal.given_name,
                personal.family_name,
                accounts[source_id].inactive_reason,
                personal.memberships,
            )
            assert held == person
            assert accounts[source_id].state is (AccountState.ACTIVE if person.active else AccountState.INACTIVE)

    def teardown(self) -> None:
        """Whatever happened, once the faults stop the store says what the directory says."""
        if self.directory.truth():
            self.settle()

    # --- what always holds

    @invariant()
    def nobody_is_deleted_whom_the_directory_never_deleted(self) -> None:
        """A tombstone stands only for somebody who was really deleted."""
        ended = {one.source_id for one in self._accounts() if one.state is AccountState.DELETED}
        assert ended <= self.ever_deleted

    @invariant()
    def account_ids_are_used_once(self) -> None:
        """No account id lives again after it ended, or stands for two people."""
        ids = [one.account_id for one in self._accounts()]
        assert len(ids) == len(set(ids))

    @invariant()
    def whoever_came_back_points_to_their_tombstone(self) -> None:
        """The account of somebody whose earlier account ended names one that really did."""
        accounts = self._accounts()
        ended = {(one.source_id, one.account_id) for one in accounts if one.state is AccountState.DELETED}
        for one in accounts:
            if one.state is not AccountState.DELETED and any(one.source_id == source_id for source_id, _ in ended):
                assert (one.source_id, one.predecessor) in ended

    def _addresses(self) -> list[str]:
        return [one.personal.email for one in self._accounts() if one.personal is not None]

    def _accounts(self) -> list[Account]:
        return list(Accounts(self.storage, self.sealer).each(TENANT))

    def _admit(self, who: str, address: str) -> None:
        self.directory.add(identity(f"person-{who}", source_id=who, email=address))
        self.living.add(who)
        self.address[who] = address

    def _strangers(self) -> list[str]:
        return [person.source_id for person in PEOPLE if person.source_id not in self.living | self.deleted]

    def _free(self) -> list[str]:
        taken = {self.address[who] for who in self.living}
        return [address for address in ADDRESSES if address not in taken]


def _pick(among: Collection[str], number: int) -> str:
    return sorted(among)[number % len(among)]


def _groups(memberships: Iterable[Membership]) -> set[str]:
    return {membership.group.id for membership in memberships}


TestLifecycle = LifecycleMachine.TestCase
TestLifecycle.settings = settings(parent=settings(), max_examples=100, stateful_step_count=40)
