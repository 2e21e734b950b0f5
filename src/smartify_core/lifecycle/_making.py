"""From both sides to a plan: reads the source, holds it against the store, and has the planner decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Final

from smartify_core.directory import DirectorySource, Present, Uncertain
from smartify_core.model import Clock, ProgressSink
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page, every_tombstone

from ._adoption import Adoption, Links, Matches, match
from ._comparison import Comparison, chunks
from ._draft import Draft
from ._facts import Facts
from ._held_plan import HeldChange, HeldPlan, HeldPlanStatus, hash_of
from ._held_plans import HeldPlans
from ._plan import Plan
from ._planner import Decision, Planner, Situation
from ._rules import Rules
from ._run_state import RunState
from ._sorting import Memory, is_frugal
from ._usable import require_id

#: How many others are asked for, out of how many accounts, to recognise the directory when one person is refreshed.
_ASKED: Final = 3


def _nothing() -> None:
    """Do nothing, where nobody waits for a sign of life."""


class PlanMaker:
    """Makes plans. Writes nothing.

    Args:
        storage: Where the accounts are.
        sealer: What opens and seals them.
        held_plans: What somebody may have approved.
        clock: The time.
        memory: How much memory a comparison may take.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        held_plans: HeldPlans,
        *,
        clock: Clock,
        memory: Memory = "auto",
    ) -> None:
        self._memory: Memory = memory
        self._storage = storage
        self._sealer = sealer
        self._held_plans = held_plans
        self._clock = clock

    def of_everybody(
        self,
        tenant: str,
        source: DirectorySource,
        rules: Rules,
        state: RunState,
        *,
        progress: ProgressSink | None = None,
        heartbeat: Callable[[], None] = _nothing,
        approving: HeldPlan | None = None,
    ) -> Draft:
        """Return the draft of the plan that the whole directory calls for.

        Args:
            tenant: Whose directory it is.
            source: The directory.
            rules: The host's rules for the tenant.
            state: What is remembered of the tenant's runs.
            progress: Told how much was read.
            heartbeat: Called now and then.
            approving: A held plan that counts as approved, beside those that are.
        """
        making = self._begin(tenant, rules, state, approving)
        with source.snapshot(progress=progress) as snapshot:
            facts = making.comparison(heartbeat).of_everybody(source, snapshot)
        return making.draft(facts)

    def of_one(self, tenant: str, source: DirectorySource, rules: Rules, state: RunState, source_id: str) -> Draft:
        """Return the draft of the plan that one person's record calls for.

        Raises:
            UsageError: ``source_id`` cannot be an id.
        """
        require_id(source_id, tenant=tenant)
        making = self._begin(tenant, rules, state, None, piecemeal=True)
        presence = source.look_up([source_id]).get(source_id, Uncertain("the source did not answer"))
        name = f"of one person at {self._clock():%Y-%m-%dT%H:%M:%SZ}"
        comparison = making.comparison(_nothing)
        facts = comparison.of_one(
            source_id, presence, name=name, why_stranger=lambda: self._why_stranger(tenant, source, source_id)
        )
        return making.draft(facts, only=source_id)

    def _why_stranger(self, tenant: str, source: DirectorySource, besides: str) -> str | None:
        """Return why the directory is taken for another customer's, or ``None`` when it knows some of those known."""
        if not self._storage.tenant(tenant).accounts:
            return None
        others = (
            known
            for page in every_head_page(self._storage, tenant)
            for known in page.source_ids
            if known != besides and known not in page.waiting
        )
        asked = list(islice(others, _ASKED))
        for source_id, answer in (source.look_up(asked) if asked else {}).items():
            if isinstance(answer, Present) and answer.identity.source_id == source_id:
                return None
        return f"the directory knows none of {len(asked)} others known here who were asked for"

    def adopting(
        self,
        tenant: str,
        source: DirectorySource,
        rules: Rules,
        state: RunState,
        adoption: Adoption,
        *,
        progress: ProgressSink | None,
        heartbeat: Callable[[], None],
    ) -> tuple[Plan, Matches]:
        """Return the plan that links the host's users to the directory's people, and who was linked to whom."""
        making = self._begin(tenant, rules, state, None)
        with source.snapshot(progress=progress) as snapshot:
            facts = making.comparison(heartbeat).of_everybody(source, snapshot)
        matches = match(
            facts.newcomers.identities(),
            adoption,
            index=lambda email: self._sealer.email_index(tenant, email),
            taken=self._account_ids(tenant),
            addresses=lambda indexes: self._in_use(tenant, indexes),
        )
        return making.draft(facts, links=matches.links).sealed(), matches

    def _begin(
        self, tenant: str, rules: Rules, state: RunState, approving: HeldPlan | None, *, piecemeal: bool = False
    ) -> _Making:
        now = self._clock()
        # Before anything is compared: whatever is committed from here on makes the plan stale.
        record = self._storage.tenant(tenant)
        held = [plan for plan, _ in self._held_plans.of(tenant)]
        approved = [plan for plan in held if plan.status is HeldPlanStatus.APPROVED and plan.is_open(now)]
        if approving is not None:
            approved.append(approving)
        situation = Situation(
            rules=rules,
            known=record.accounts,
            in_window=state.in_window(now, rules.guards.window),
            first_run=not state.trusted and record.accounts > 0,
            first_load=not record.accounts or state.is_loading(now),
            approved={key: plan.hash for plan in approved for key in plan.keys},
            now=now,
            runs=state.runs,
            on_hold=frozenset(key for plan in held if piecemeal and plan.is_undone(now) for key in plan.keys),
        )
        return _Making(
            tenant, self._storage, self._sealer, situation, held=held, revision=record.revision, memory=self._memory
        )

    def _in_use(self, tenant: str, indexes: Iterable[bytes]) -> set[bytes]:
        found = (self._storage.find_by_email(tenant, some) for some in chunks(indexes))
        return {account.email_index for accounts in found for account in accounts}

    def _account_ids(self, tenant: str) -> set[str]:
        taken: set[str] = set()
        for page in every_head_page(self._storage, tenant):
            accounts = self._storage.load(tenant, page.source_ids)
            taken.update(account.account_id for account in accounts.values())
        taken.update(stone.account_id for stone in every_tombstone(self._storage, tenant))
        return taken


class _Making:
    """One plan in the making."""

    def __init__(
        self,
        tenant: str,
        storage: Storage,
        sealer: Sealer,
        situation: Situation,
        *,
        held: Iterable[HeldPlan],
        revision: int,
        memory: Memory,
    ) -> None:
        self._memory: Memory = memory
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._situation = situation
        self._held: Mapping[str, HeldPlan] = {plan.hash: plan for plan in held}
        self._revision = revision

    def comparison(self, heartbeat: Callable[[], None]) -> Comparison:
        return Comparison(
            self._tenant,
            self._storage,
            self._sealer,
            guards=self._situation.rules.guards,
            approved=self._situation.approved.keys(),
            heartbeat=heartbeat,
            retaining=self._situation.rules.retain_for > timedelta(0),
            memory=self._memory,
        )

    def draft(self, facts: Facts, *, only: str | None = None, links: Links | None = None) -> Draft:
        planner = Planner(self._tenant, self._storage, self._sealer, self._situation, links=links)
        decision = planner.decide(facts)
        plan = Plan(
            tenant=self._tenant,
            snapshot_id=facts.snapshot_id,
            planned_at=self._situation.now,
            revision=self._revision,
            changes=(),
            indivisible=decision.indivisible,
            held=decision.held,
            quarantined=decision.quarantined,
            unchanged=decision.unchanged,
            requests=facts.requests,
            problems=facts.problems,
            held_plan=None if only is not None else self._held_plan(decision, facts.snapshot_id),
            called=decision.called,
            only=only,
            known=self._situation.known,
            runs=self._situation.runs,
        )
        return Draft(plan, decision.steps, frugal=is_frugal(self._memory, self._situation.known))

    def _held_plan(self, decision: Decision, snapshot_id: str) -> HeldPlan | None:
        if not decision.held_changes:
            return None
        changes: tuple[HeldChange, ...] = decision.held_changes
        plan_hash = hash_of(self._tenant, (one.key for one in changes))
        before = self._held.get(plan_hash)
        now = self._situation.now
        if before is not None and before.status is HeldPlanStatus.WAITING and before.is_open(now):
            return before
        expires_at = now + self._situation.rules.held_plan_ttl
        return HeldPlan(self._tenant, plan_hash, snapshot_id, now, expires_at, changes)
