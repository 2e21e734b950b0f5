"""Any history of directory changes, with any faults, kills and decisions on the way, keeps the laws of the lifecycle.

What a run may do is read off the journal and the directory alone; nothing here asks the engine what it meant to do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smartify_core.errors import PlanExpired, PlanSettled, SourceUnavailable, StalePlan
from smartify_core.lifecycle import (
    Accounts,
    Ceiling,
    ChangeKind,
    Effect,
    Guards,
    HeldPlan,
    HeldPlanStatus,
    Reconciler,
    Rules,
    Run,
    Threshold,
    Verdict,
)
from smartify_core.lifecycle._event import events_of
from smartify_core.lifecycle._journal import JournalEntry, decode
from smartify_core.model import (
    AccountState,
    Batch,
    Claim,
    Group,
    Identity,
    InactiveReason,
    Put,
    Receipt,
    SealedAccount,
    Stage,
)
from smartify_core.sealing import Sealer
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity

TENANT = "acme"
PEOPLE = tuple(identity(f"person-{number}") for number in range(6))
GROUPS = tuple(group(f"group-{number}") for number in range(3))
#: Fewer addresses than people would like: hand-overs, swaps and re-use are the rule here.
ADDRESSES = tuple(f"desk-{number}@acme.example" for number in range(8))
#: Somebody who never leaves, so that the guard against an empty directory is a test of its own.
CARETAKER = identity("caretaker")
#: Always the same keys, or the hashes of held plans, and so their order, would differ from one replay to the next.
KEYS = RootKeyRing(RootSecrets(bytes(8), {bytes(8): bytes(32)}, bytes(32)))
#: More rounds than any held change needs that waits for another one to be approved.
ROUNDS = 20

#: Chooses among whoever is there: taken modulo their number, so that every step hits somebody.
picks = st.integers(0, 59)
groups = st.sampled_from(GROUPS)
#: Mostly so few that a run is soon stopped; 9 is more than there are people.
allowances = st.sampled_from([9, 2, 1, 0])


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    """Draw how many accounts one run, and one window, may touch."""
    run, more = draw(allowances), draw(allowances)
    return Threshold(Ceiling(run, 0, run), Ceiling(run + more, 0, run + more))


all_rules = st.builds(
    Rules,
    retain_for=st.sampled_from([timedelta(0), timedelta(days=2)]),
    guards=st.builds(
        Guards,
        window=st.sampled_from([timedelta(hours=3), timedelta(days=1)]),
        deletions=thresholds(),
        deactivations=thresholds(),
        membership_losses=thresholds(),
        renames=thresholds(),
        creations=thresholds(),
        shrinkage=st.sampled_from([1.0, 0.3]),
    ),
    protected=st.sampled_from([(), (PEOPLE[0].source_id,)]),
    held_plan_ttl=st.sampled_from([timedelta(days=7), timedelta(hours=4)]),
)


class Died(BaseException):
    """The host is gone; no handler of the library's runs."""


class Witness(MemoryStorage):
    """A store that notes what is committed, checks it at once, and whose host dies at a chosen commit if told to."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: list[tuple[str, int]] = []
        self.countdown: int | None = None
        self.after = False
        self._dead = False

    def revive(self) -> None:
        """Let the host start again."""
        self._dead, self.countdown = False, None

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Commit, unless the host dies now."""
        if self.countdown is None:
            return self._noted(claim, batch)
        self.countdown -= 1
        if self.countdown >= 0:
            return self._noted(claim, batch)
        if self.after:
            self._noted(claim, batch)
        self.countdown, self._dead = None, True
        raise Died

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back; a host that is gone cannot."""
        if self._dead:
            raise Died
        super().release(claim, due_at=due_at)

    def live(self) -> Mapping[str, SealedAccount]:
        """Return every live account, by source id."""
        return self.load(TENANT, [head.source_id for head in self.heads(TENANT)])

    def _noted(self, claim: Claim, batch: Batch) -> Receipt:
        receipt = super().commit(claim, batch)
        for write in batch.writes:
            item = write.account if isinstance(write, Put) else write.tombstone
            self.committed.append((item.account_id, write.expected_version + 1))
        addresses = Counter(account.email_index for account in self.live().values())
        assert not addresses or max(addresses.values()) == 1, "two accounts have one address"
        return receipt


class DirectoryMachine(RuleBasedStateMachine):
    """A directory that changes and fails at random."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.directory = FakeDirectory(clock=self.clock)
        self.storage = Witness()
        self.living: set[str] = set()
        self.deleted: set[str] = set()
        self.ever_deleted: set[str] = set()
        self.address: dict[str, str] = {}

    @property
    def faulty(self) -> bool:
        """Return whether something is to go wrong at the next read or commit."""
        return bool(self.directory._plan._coming) or self.storage.countdown is not None

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

    @rule()
    def fall_silent(self) -> None:
        """The next read fails."""
        self.directory.fail_next(SourceUnavailable("no answer"))

    @precondition(lambda self: self.living)
    @rule(pick=picks, how=st.sampled_from(["miss_next", "reject_next"]))
    def stumble(self, pick: int, how: str) -> None:
        """The next read stumbles over one person."""
        getattr(self.directory, how)(_pick(self.living, pick))

    @precondition(lambda self: self.deleted)
    @rule(pick=picks)
    def doubt(self, pick: int) -> None:
        """The next read will not say whether somebody is gone."""
        self.directory.uncertain_next(_pick(self.deleted, pick))

    @precondition(lambda self: len(self.living) > 1)
    @rule(pick=picks)
    def tear(self, pick: int) -> None:
        """The next listing misses somebody, who exchanges addresses with somebody else before they are asked for."""
        one, other = _pick(self.living, pick), _pick(self.living, pick + 1)
        self.directory.miss_next(one)
        self.directory.after_next_listing(lambda: self._swap(one, other))

    @rule(commits=st.integers(0, 3), after=st.booleans())
    def will_die(self, commits: int, after: bool) -> None:
        """The host will die at one of its next commits."""
        self.storage.countdown, self.storage.after = commits, after

    @rule(hours=st.sampled_from([1, 5, 30]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.clock.advance(hours=hours)

    def _swap(self, one: str, other: str) -> None:
        if {one, other} <= self.living:
            self.directory.swap_emails(one, other)
            self.address[one], self.address[other] = self.address[other], self.address[one]

    def _admit(self, who: str, address: str) -> None:
        self.directory.add(identity(f"person-{who}", source_id=who, email=address))
        self.living.add(who)
        self.address[who] = address

    def _strangers(self) -> list[str]:
        return [person.source_id for person in PEOPLE if person.source_id not in self.living | self.deleted]

    def _free(self) -> list[str]:
        taken = {self.address[who] for who in self.living}
        return [address for address in ADDRESSES if address not in taken]


class LifecycleMachine(DirectoryMachine):
    """The worker that keeps the accounts, and sometimes dies; and the operator who decides about what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.sealer = Sealer(KEYS)
        self.host_rules = Rules()
        self.journal: list[JournalEntry] = []
        #: The entries that the latest deed added, and how many the first load did.
        self.latest: list[JournalEntry] = []
        self.loaded = 0
        self.event_ids: set[str] = set()
        #: The hashes of the plans that somebody has approved, or tried to.
        self.approved: set[str] = set()
        logging.getLogger("smartify_core.lifecycle").setLevel(logging.CRITICAL)

    @initialize(rules=all_rules)
    def furnish(self, rules: Rules) -> None:
        """Begin with the caretaker, the groups and some people, and with whatever rules the host has."""
        self.host_rules = rules
        self.directory.add(CARETAKER)
        for one in GROUPS:
            self.directory.add_group(one)
        for number, person in enumerate(PEOPLE[:4]):
            self._admit(person.source_id, ADDRESSES[number])
            self.directory.add_member(person.source_id, GROUPS[number % 2])
        self._do(lambda worker: worker.run(TENANT), first_load=True)
        self.loaded = len(self.journal)

    @property
    def worker(self) -> Reconciler:
        """Return a worker that has just started."""
        sources = {TENANT: self.directory}
        return Reconciler(sources, self.storage, self.sealer, rules=self.host_rules, clock=self.clock, batch_size=2)

    # --- the worker and the operator

    @rule()
    def run(self) -> None:
        """A worker runs."""
        run = self._do(lambda worker: worker.run(TENANT))
        if run is not None:
            assert bool(run.held or run.problems) == (run.verdict is Verdict.HELD)

    @rule(pick=picks)
    def refresh(self, pick: int) -> None:
        """Somebody signs in, or a push message speaks of them; they may be anybody."""
        who = _pick([person.source_id for person in PEOPLE], pick)
        made = self._do(lambda worker: worker.refresh(TENANT, who))
        if made is not None:
            assert all(entry.source_id == who or entry.inactive_reason == "deleted" for entry in self.latest)

    @precondition(lambda self: self.living)
    @rule(picks=st.lists(picks, min_size=2, max_size=3), hours=st.integers(0, 2))
    def drip(self, picks: Sequence[int], hours: int) -> None:
        """A source loses one person after the other, a run apart."""
        for pick in picks:
            if self.living:
                self.leave(pick)
                self.run()
                self.clock.advance(hours=hours)

    @precondition(lambda self: self._held_plans())
    @rule(pick=picks)
    def approve(self, pick: int) -> None:
        """Somebody approves a plan, perhaps one that is settled, expired, or no longer true."""
        plan = self._held_plans()[pick % len(self._held_plans())]
        acceptable = plan.is_open(self.clock())
        if acceptable:
            self.approved.add(plan.hash)
        before = self._everything()
        try:
            run = self._do(lambda worker: worker.approve(TENANT, plan.hash, by="olga", reason="asked"))
        except StalePlan:
            assert self._everything() == before
            assert acceptable
        except (PlanSettled, PlanExpired):
            assert self._everything() == before
            assert not acceptable
        else:
            assert acceptable or run is None

    @precondition(lambda self: self._held_plans())
    @rule(pick=picks)
    def reject(self, pick: int) -> None:
        """Somebody rejects a plan, which changes no account."""
        plan = self._held_plans()[pick % len(self._held_plans())]
        self.storage.countdown = None
        before = self._everything()
        waits = plan.status is HeldPlanStatus.WAITING and plan.is_open(self.clock())
        try:
            assert self.worker.reject(TENANT, plan.hash, by="olga", reason="a mistake").hash == plan.hash
            assert waits
        except (PlanSettled, PlanExpired):
            assert not waits
        assert self._everything() == before

    @precondition(lambda self: not self.faulty)
    @rule()
    def overtake(self) -> None:
        """A second worker takes over while the first sleeps in its run; together they do what one would."""
        asleep = False

        def sleep(stage: Stage, done: int, _total: int | None) -> None:
            nonlocal asleep
            if stage is Stage.APPLIED and done >= 2 and not asleep:
                asleep = True
                self.clock.advance(timedelta(hours=1))
                self.worker.run(TENANT)

        self.storage.countdown = None
        before = self.storage.tenant(TENANT)
        (run,) = self.worker.run_each([TENANT], progress=sleep)
        assert run.error is None or (run.error.code == "SC304" and asleep)
        self._judge(before.position, known=None)

    def settle(self) -> None:
        """Run without faults, approve what is held, and compare the store with the directory."""
        self.storage.revive()
        self.directory.recover()
        verdict = None
        for _ in range(ROUNDS):
            self.clock.advance(hours=1)
            run = self._do(lambda worker: worker.run(TENANT))
            assert run is not None
            verdict = run.verdict
            if run.held_plan is not None:
                self._approve(run.held_plan)
            elif any(account.inactive_reason is InactiveReason.DELETED for account in self.storage.live().values()):
                self.clock.advance(days=2)
            else:
                break
        assert verdict is Verdict.COMPLETE
        assert self.worker.plan(TENANT).is_empty
        assert self._as_identities() == {person.source_id: person for person in self.directory.truth()}

    def teardown(self) -> None:
        """Whatever happened, once the faults stop and the held plans are approved the store says what is true."""
        if self.directory.truth():
            self.settle()

    # --- what always holds

    def _do(self, deed: Callable[[Reconciler], Run], *, first_load: bool = False) -> Run | None:
        """Let a worker do something, whatever happens to it, and judge what it did by the journal."""
        before = self.storage.tenant(TENANT)
        try:
            return deed(self.worker)
        except (SourceUnavailable, Died):
            return None
        finally:
            self._judge(before.position, known=None if first_load else before.accounts)
            if self.storage.tenant(TENANT).expires_at is not None:
                self.clock.advance(hours=1)  # a dead worker's lease runs out
            self.storage.revive()

    def _judge(self, position: int, *, known: int | None) -> None:
        """Hold what was done since ``position`` against the directory and the rules."""
        self._read_journal(position)
        truth = {person.source_id: person for person in self.directory.truth()}
        for entry in self.latest:
            who = entry.source_id
            takes_away = entry.left or entry.kind in {ChangeKind.DELETE, ChangeKind.DEACTIVATE}
            assert entry.plan is None or entry.plan in self.approved
            assert entry.plan is not None or not (takes_away and who in self.host_rules.protected)
            if entry.kind is ChangeKind.DELETE or entry.inactive_reason == "deleted":
                assert who not in truth
                assert who in self.ever_deleted
            if who in truth:
                assert not {one.group.id for one in truth[who].memberships} & set(entry.left)
                assert entry.kind is not ChangeKind.DEACTIVATE or not truth[who].active
            if entry.kind is ChangeKind.DELETE:
                assert entry.at - self._noted_at(entry) >= self.host_rules.retain_for
        if known is not None:
            done = _unapproved(self.latest)
            assert all(done[one] <= self.host_rules.guards.threshold_of(one).run.limit(known) for one in Effect)
        since = self.clock() - self.host_rules.guards.window
        done = _unapproved(entry for entry in self.journal[self.loaded :] if self.loaded and entry.at > since)
        assert all(done[one] <= self.host_rules.guards.threshold_of(one).window.limit(0) for one in Effect)

    def _read_journal(self, position: int) -> None:
        """Read what was added, and check that it tells exactly what was committed, each of it once."""
        entries = self.storage.entries(TENANT, after=position)
        assert [one.position for one in entries] == list(range(position + 1, position + 1 + len(entries)))
        self.latest = [decode(one.content, tenant=TENANT, position=one.position) for one in entries]
        self.journal += self.latest
        assert [(one.account_id, one.version) for one in self.journal] == self.storage.committed
        ids = [event.id for one in entries for event in events_of(self.journal[one.position - 1], one.position)]
        assert len(set(ids)) == len(ids)
        assert self.event_ids.isdisjoint(ids)
        self.event_ids.update(ids)

    def _noted_at(self, deletion: JournalEntry) -> datetime:
        """Return when an account was first noted to wait for its end; the deletion's own time if it never was."""
        before = [one for one in self.journal if one.account_id == deletion.account_id and one is not deletion]
        noted = deletion.at
        for one in reversed(before):
            if one.inactive_reason != "deleted":
                break
            noted = one.at
        return noted

    @invariant()
    def nobody_is_deleted_whom_the_directory_never_deleted(self) -> None:
        """A tombstone stands only for somebody who was really deleted, and for good."""
        stones = self.storage.tombstones(TENANT)
        assert {stone.source_id for stone in stones} <= self.ever_deleted
        live = self.storage.live().values()
        ids = [*(stone.account_id for stone in stones), *(account.account_id for account in live)]
        assert len(ids) == len(set(ids))
        ended = {(stone.source_id, stone.account_id) for stone in stones}
        for one in live:
            points_to = (one.source_id, one.predecessor)
            assert (
                points_to in ended
                if one.source_id in {stone.source_id for stone in stones}
                else one.predecessor is None
            )

    def _held_plans(self) -> tuple[HeldPlan, ...]:
        return self.worker.held_plans(TENANT)

    def _approve(self, plan: HeldPlan) -> None:
        self.approved.add(plan.hash)
        assert self._do(lambda worker: worker.approve(TENANT, plan.hash, by="olga", reason="all is well")) is not None

    def _everything(self) -> tuple[object, ...]:
        return self.storage.live(), self.storage.tombstones(TENANT), self.storage.tenant(TENANT).position

    def _as_identities(self) -> dict[str, Identity]:
        """Return the live accounts as the people whom they stand for."""
        people: dict[str, Identity] = {}
        for one in Accounts(self.storage, self.sealer).each(TENANT):
            if (fields := one.personal) is not None:
                names = fields.email, fields.given_name, fields.family_name
                people[one.source_id] = Identity(one.source_id, *names, one.inactive_reason, fields.memberships)
                assert one.state is (AccountState.ACTIVE if people[one.source_id].active else AccountState.INACTIVE)
                assert Accounts(self.storage, self.sealer).by_email(TENANT, fields.email) is not None
        return people


def _unapproved(entries: Iterable[JournalEntry]) -> Counter[Effect]:
    """Count what was done to accounts without anybody's approval, as the journal tells it."""
    done: Counter[Effect] = Counter()
    for entry in entries:
        if entry.plan is None:
            done[Effect.DELETE] += entry.kind is ChangeKind.DELETE
            done[Effect.DEACTIVATE] += entry.kind is ChangeKind.DEACTIVATE
            done[Effect.LOSE_GROUPS] += bool(entry.left)
            done[Effect.RENAME] += "email" in entry.fields and entry.kind is not ChangeKind.PROVISION
            done[Effect.CREATE] += entry.kind is ChangeKind.PROVISION
    return done


def _pick(among: Collection[str], number: int) -> str:
    return sorted(among)[number % len(among)]


TestLifecycle = LifecycleMachine.TestCase
TestLifecycle.settings = settings(parent=settings(), max_examples=100, stateful_step_count=30)
