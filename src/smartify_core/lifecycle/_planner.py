"""Decides what the facts lead to: lets the guards speak, and settles who may have which address. Seals nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from attrs import evolve, frozen

from smartify_core.errors import StalePlan
from smartify_core.model import InactiveReason, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._addresses import Addresses
from ._adoption import Links
from ._damaged import opened
from ._decide import Intent, called_by, creation_of, deactivation_of, deletion_of, farewell, holding_back
from ._effects import Called, Effect, EffectKey
from ._facts import Facts
from ._guards import judge
from ._held_plan import HeldChange
from ._holds import HELD, Holding, holding
from ._plan import Held, Quarantined
from ._rules import Rules
from ._steps import Ending, Steps, in_order, source_id_of
from ._transitions import ChangeKind

_RETAINED = "deleted in the directory: deactivated here at once, and kept for the time that the rules say"


@frozen(order=False)
class Decision:
    """What the facts lead to. The first ``indivisible`` steps are committed together."""

    steps: Steps
    indivisible: int
    held: tuple[Held, ...]
    held_changes: tuple[HeldChange, ...]
    quarantined: tuple[Quarantined, ...]
    #: Every effect that the directory calls for, done or held.
    called: frozenset[EffectKey]
    unchanged: int


@frozen(order=False)
class Situation:
    """What a decision needs to know beside the facts.

    Args:
        rules: The host's rules.
        known: How many live accounts there are.
        in_window: How many unapproved effects the guards' window has seen.
        first_run: Whether there are accounts of which no run has shown yet that they belong to this directory.
        first_load: Whether the store was empty when runs began, and none has ended complete since.
        approved: What somebody has approved, and by which held plan.
        now: The instant that the changes will bear.
        runs: How many whole runs of the tenant have ended.
        on_hold: What waits for a decision, or was rejected, and so is not done person by person.
    """

    rules: Rules
    known: int
    in_window: Mapping[Effect, int]
    first_run: bool
    first_load: bool
    approved: Mapping[EffectKey, str]
    now: datetime
    runs: int = 0
    on_hold: frozenset[EffectKey] = frozenset()


@frozen(order=False)
class _Case:
    """An intent, with the effects that it calls for."""

    intent: Intent
    called: tuple[Called, ...]


class Planner:
    """Turns the facts of one read into steps.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What seals them, when their turn comes.
        situation: What else the decision depends on.
        links: The ids that the host has for some of the people, by source id.
    """

    def __init__(
        self,
        tenant: str,
        storage: Storage,
        sealer: Sealer,
        situation: Situation,
        *,
        links: Links | None = None,
    ) -> None:
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._situation = situation
        self._now = situation.now
        self._links: Links = links or {}
        self._index = sealer.email_indexer(tenant)
        self._addresses = Addresses(tenant, storage, sealer, anybody_known=situation.known > 0)

    def decide(self, facts: Facts) -> Decision:
        """Return what ``facts`` lead to: the steps in the order in which they are to be applied, and what is held."""
        endings, waiting, cases = self._cases(facts)
        creations = self._creations(facts)
        doubted = [self._doubted(account, doubt) for account, doubt in facts.doubted]
        deletions = [deletion_of(ending.account, ending.evidence) for ending in endings]
        called = [*doubted, *deletions, *(one for case in cases for one in case.called), *creations]
        reasons = judge(
            called,
            rules=self._situation.rules,
            known=self._situation.known,
            in_window=self._situation.in_window,
            first_run=self._situation.first_run,
            approved=self._situation.approved,
            on_hold=self._situation.on_hold,
        )
        deleted = [one for one, deletion in zip(endings, deletions, strict=True) if deletion.key not in reasons]
        ended = {ending.account.source_id for ending in deleted}
        intents = [intent for intent in self._allowed(cases, reasons) if intent.identity.source_id not in ended]
        kept_out = {one.key.source_id for one in creations if one.key in reasons}
        newcomers = [one for one in facts.newcomers if one[0] not in kept_out]
        settled = self._addresses.settle(intents, newcomers, [ending.account for ending in deleted])
        refused = {one.source_id for one in settled.refused}
        over = settled.handing_over
        steps = in_order([*deleted, *settled.intents], settled.newcomers, over)
        held_changes = sorted(
            (HeldChange(one.key, one.evidence, reasons[one.key]) for one in called if one.key in reasons),
            key=lambda one: one.key,
        )
        by_guards = [Held(one.key.source_id, one.reason, Effect(one.key.effect)) for one in held_changes]
        return Decision(
            steps=Steps(
                self._tenant,
                self._storage,
                self._sealer,
                steps,
                evidence=facts.newcomers.evidence,
                memberships=facts.newcomers.memberships,
                now=self._now,
                done=_done(called, reasons, refused),
                approved=self._situation.approved,
                links=self._links,
            ),
            indivisible=sum(source_id_of(step) in over for step in steps) if over else 0,
            held=tuple(sorted((*facts.held, *by_guards), key=lambda one: (one.source_id, one.reason))),
            held_changes=tuple(held_changes),
            quarantined=tuple(sorted((*facts.quarantined, *settled.refused), key=lambda one: one.source_id)),
            called=frozenset(one.key for one in called),
            unchanged=facts.unchanged + len(waiting),
        )

    def _creations(self, facts: Facts) -> list[Called]:
        """Return the effects that guards count of letting newcomers in."""
        # Whatever a first load creates, no guard counts it, however often it is cut short.
        if self._situation.first_load and facts.stranger is None:
            return []
        newcomers, links, stranger = facts.newcomers, self._links, facts.stranger
        return [
            creation_of(source_id, newcomers.evidence, doubt=None if source_id in links else stranger)
            for source_id, _, _ in newcomers
        ]

    def _cases(self, facts: Facts) -> tuple[list[Ending], list[SealedAccount], list[_Case]]:
        """Return the accounts that would end, those that wait for it, and what would become of the others."""
        endings: list[Ending] = []
        waiting: list[SealedAccount] = []
        adopted: list[_Case] = []
        intents = list(facts.intents)
        for account, evidence in facts.gone:
            held = account.account_id in self._holding
            match farewell(account, self._situation.rules, self._now, held=held):
                case ChangeKind.DELETE:
                    endings.append(Ending(account, evidence))
                    if account.adopted and not self._situation.rules.delete_adopted:
                        adopted += self._instead_of_deletion(account, evidence)
                case ChangeKind.DEACTIVATE:
                    ends = held and farewell(account, self._situation.rules, self._now) is ChangeKind.DELETE
                    intents.append(self._retaining(account, evidence, HELD if ends else _RETAINED))
                case _:
                    waiting.append(account)
        return endings, waiting, [*map(self._case, intents), *adopted]

    def _instead_of_deletion(self, account: SealedAccount, evidence: str) -> Iterator[_Case]:
        """Yield the deactivation of an adopted account, whose deletion waits for somebody's approval."""
        if account.inactive_reason is InactiveReason.DELETED:
            return
        case, approved = self._case(self._retaining(account, evidence)), self._situation.approved
        if deletion_of(account, evidence).key in approved:
            # It ends instead. A plan that held both is still true.
            case = evolve(case, called=tuple(one for one in case.called if one.key in approved))
        yield case

    def _doubted(self, account: SealedAccount, doubt: str) -> Called:
        held = account.account_id in self._holding
        if farewell(account, self._situation.rules, self._now, held=held) is ChangeKind.DELETE:
            return deletion_of(account, "not seen", doubt=doubt)
        return deactivation_of(account, "not seen", doubt=doubt)

    def _case(self, intent: Intent) -> _Case:
        known = intent.known
        before = known.account.email_index if known.damaged else self._index(known.personal.email)
        address = before if intent.state_alone else intent.address
        return _Case(intent, tuple(called_by(intent, address=address, address_before=before)))

    def _allowed(self, cases: Iterable[_Case], reasons: Mapping[EffectKey, str]) -> list[Intent]:
        allowed: list[Intent] = []
        for case in cases:
            held = {one.effect for one in case.called if one.key in reasons}
            intent = holding_back(case.intent, held, index=self._index) if held else case.intent
            if intent is not None:
                allowed.append(intent)
        return allowed

    @cached_property
    def _holding(self) -> Holding:
        """The legal holds: read once, and only where somebody is gone."""
        return holding(self._storage, self._sealer, self._tenant, self._now)

    def _retaining(self, account: SealedAccount, evidence: str, rule: str = _RETAINED) -> Intent:
        known = opened(self._sealer, self._whole(account))
        identity = evolve(known.as_identity(), inactive_reason=InactiveReason.DELETED)
        address = self._index(identity.email)
        return Intent(identity, known, evidence, address, rule=rule, state_alone=known.damaged)

    def _whole(self, account: SealedAccount) -> SealedAccount:
        """Return the account with its seal: a comparison drops that of whoever is expected to end."""
        if account.wrapped_key:
            return account
        found = self._storage.load(self._tenant, [account.source_id]).get(account.source_id)
        if found is None or (found.account_id, found.version) != (account.account_id, account.version):
            raise StalePlan(
                "the store changed while it was being compared",
                where=f"tenant {self._tenant}, account {account.account_id}",
                cure="Make a new plan.",
            )
        return found


def _done(
    called: Iterable[Called], reasons: Mapping[EffectKey, str], refused: Collection[str]
) -> Mapping[str, Sequence[EffectKey]]:
    """Return the effects that nothing holds, by source id.

    Whoever was refused an address is not renamed, and so does not count as renamed either.
    """
    done: defaultdict[str, list[EffectKey]] = defaultdict(list)
    for one in called:
        if one.key not in reasons and not (one.effect is Effect.RENAME and one.key.source_id in refused):
            done[one.key.source_id].append(one.key)
    return dict(done)
