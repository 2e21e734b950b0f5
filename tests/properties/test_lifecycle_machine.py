"""Any history of directory changes, with any faults, kills and decisions on the way, keeps the laws of the lifecycle.

What a run may do is read off the journal and the directory alone; nothing here asks the engine what it meant to do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from tests.properties._lifecycle_setting import (
    ADDRESSES,
    CARETAKER,
    GROUPS,
    PEOPLE,
    TENANT,
    Died,
    DirectoryMachine,
    pick_from,
    picks,
)

from smartify_core.errors import PlanExpired, PlanSettled, SourceUnavailable, StalePlan
from smartify_core.lifecycle import (
    Accounts,
    Ceiling,
    ChangeKind,
    Effect,
    Guards,
    HeldPlan,
    Reconciler,
    Rules,
    Run,
    Threshold,
    Verdict,
)
from smartify_core.lifecycle._journal import JournalEntry, decode
from smartify_core.lifecycle.events._event import events_of
from smartify_core.model import (
    AccountState,
    Identity,
    InactiveReason,
    Stage,
)
from smartify_core.sealing import Sealer
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.testing import opened_accounts

#: Always the same keys, or the hashes of held plans, and so their order, would differ from one replay to the next.
KEYS = RootKeyRing(RootSecrets(bytes(8), {bytes(8): bytes(32)}, bytes(32)))
#: More rounds than any held change needs that waits for another one to be approved.
ROUNDS = 20

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
        who = pick_from([person.source_id for person in PEOPLE], pick)
        made = self._do(lambda worker: worker.refresh(TENANT, who))
        if made is not None:
            assert all(entry.source_id == who or self._gives_way(entry) for entry in self.latest)

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
        living = {key.source_id for key in plan.keys if key.effect == Effect.DELETE.value} & self.living
        untrue = living and not self.faulty
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
            assert run is None or (acceptable and not untrue)

    @precondition(lambda self: self._held_plans())
    @rule(pick=picks)
    def reject(self, pick: int) -> None:
        """Somebody rejects a plan, which changes no account; or takes an approval back that is not all done yet."""
        plan = self._held_plans()[pick % len(self._held_plans())]
        self.storage.countdown = None
        before = self._everything()
        # Not only one that waits: an approval that was cut short, or that a faulty read did not let finish, is open
        # too, and somebody may still say no. From then on nothing is done by it.
        acceptable = plan.is_open(self.clock())
        try:
            assert self.worker.reject(TENANT, plan.hash, by="olga", reason="a mistake").hash == plan.hash
            assert acceptable
            self.approved.discard(plan.hash)
        except (PlanSettled, PlanExpired):
            assert not acceptable
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
        logging.getLogger("smartify_core.lifecycle").setLevel(logging.NOTSET)

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
                assert who in self.ever_deleted
                # An account that waits for its end gives its address away when somebody else is refreshed. Whether its
                # own person is back by now, nobody was asked for that; they are let in again by the next run.
                assert who not in truth or self._gives_way(entry)
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

    def _gives_way(self, entry: JournalEntry) -> bool:
        """Return whether an entry only takes an address from an account that was noted to wait for its end before."""
        former = next(
            one for one in self.journal if (one.account_id, one.version + 1) == (entry.account_id, entry.version)
        )
        stays = former.inactive_reason == "deleted" and entry.kind is ChangeKind.UPDATE
        return stays and not (entry.fields or entry.joined or entry.left)

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
        for one in opened_accounts(self.storage, self.sealer, TENANT):
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


TestLifecycle = LifecycleMachine.TestCase
TestLifecycle.settings = settings(parent=settings(), max_examples=150, stateful_step_count=30)
