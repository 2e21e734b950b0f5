"""Makes a plan out of facts: lets the guards speak, settles who may have which address, and seals what is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from attrs import evolve, frozen

from smartify_core.model import Erase, InactiveReason, Put, SealedAccount, Tombstone
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._addresses import Addresses
from ._adoption import Links
from ._comparison import chunks
from ._damaged import opened, unopened
from ._decide import Intent, called_by, deactivation_of, deletion_of, farewell, holding_back
from ._effects import Called, Effect, EffectKey
from ._facts import Facts
from ._guards import judge
from ._held_plan import HeldChange
from ._plan import Change, Held, Quarantined
from ._rules import Rules
from ._transitions import RULES, ChangeKind

_ORDER: Mapping[ChangeKind, int] = {kind: place for place, kind in enumerate(ChangeKind)}

_RETAINED = "deleted in the directory: deactivated here at once, and kept for the time that the rules say"


@frozen(order=False)
class Decision:
    """What the facts lead to. The first ``indivisible`` changes are committed together."""

    changes: tuple[Change, ...]
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
    """Turns the facts of one read into changes.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What seals them.
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
        self._addresses = Addresses(tenant, storage, sealer, anybody_known=situation.known > 0)

    def decide(self, facts: Facts) -> Decision:
        """Return what ``facts`` lead to: the changes in the order in which they are to be applied, and what is held."""
        endings, waiting, cases = self._cases(facts)
        doubted = [self._doubted(account, doubt) for account, doubt in facts.doubted]
        deletions = [deletion_of(account, evidence) for account, evidence in endings]
        called = [*doubted, *deletions, *(one for case in cases for one in case.called)]
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
        ended = {account.source_id for account, _ in deleted}
        intents = [intent for intent in self._allowed(cases, reasons) if intent.identity.source_id not in ended]
        settled = self._addresses.settle(intents, [account for account, _ in deleted])
        changes = self._deletions(deleted)
        refused = {one.source_id for one in settled.refused}
        # Whoever was refused an address is not renamed, and so does not count as renamed either.
        changes += self._sealed(
            settled.intents,
            {
                one.key
                for one in called
                if one.key not in reasons and not (one.effect is Effect.RENAME and one.key.source_id in refused)
            },
        )
        over = settled.handing_over
        changes.sort(key=lambda change: (change.source_id not in over, _ORDER[change.kind], change.source_id))
        held_changes = sorted(
            (HeldChange(one.key, one.evidence, reasons[one.key]) for one in called if one.key in reasons),
            key=lambda one: one.key,
        )
        by_guards = [Held(one.key.source_id, one.reason, Effect(one.key.effect)) for one in held_changes]
        return Decision(
            changes=tuple(changes),
            indivisible=sum(change.source_id in over for change in changes),
            held=tuple(sorted((*facts.held, *by_guards), key=lambda one: (one.source_id, one.reason))),
            held_changes=tuple(held_changes),
            quarantined=tuple(sorted((*facts.quarantined, *settled.refused), key=lambda one: one.source_id)),
            called=frozenset(one.key for one in called),
            unchanged=facts.unchanged + len(waiting),
        )

    def _cases(self, facts: Facts) -> tuple[list[tuple[SealedAccount, str]], list[SealedAccount], list[_Case]]:
        """Return the accounts that would end, those that wait for it, and what would become of everybody else."""
        endings: list[tuple[SealedAccount, str]] = []
        waiting: list[SealedAccount] = []
        intents = list(facts.intents)
        adopted: list[_Case] = []
        for account, evidence in facts.gone:
            match farewell(account, self._situation.rules, self._now):
                case ChangeKind.DELETE:
                    endings.append((account, evidence))
                    if account.adopted and not self._situation.rules.delete_adopted:
                        adopted += self._instead_of_deletion(account, evidence)
                case ChangeKind.DEACTIVATE:
                    intents.append(self._retaining(account, evidence))
                case _:
                    waiting.append(account)
        # Whatever a first load creates, no guard counts it, however often it is cut short.
        freely = self._situation.first_load and facts.stranger is None
        cases = [
            _Case(intent, ()) if freely and intent.known is None else self._case(intent, facts.stranger)
            for intent in intents
        ]
        return endings, waiting, [*cases, *adopted]

    def _instead_of_deletion(self, account: SealedAccount, evidence: str) -> Iterator[_Case]:
        """Yield the deactivation of an adopted account, whose deletion waits for somebody's approval."""
        if account.inactive_reason is InactiveReason.DELETED:
            return
        case, approved = self._case(self._retaining(account, evidence), None), self._situation.approved
        if deletion_of(account, evidence).key in approved:
            # It ends instead. A plan that held both is still true.
            case = evolve(case, called=tuple(one for one in case.called if one.key in approved))
        yield case

    def _doubted(self, account: SealedAccount, doubt: str) -> Called:
        if farewell(account, self._situation.rules, self._now) is ChangeKind.DELETE:
            return deletion_of(account, "not seen", doubt=doubt)
        return deactivation_of(account, "not seen", doubt=doubt)

    def _case(self, intent: Intent, stranger: str | None) -> _Case:
        before = None
        address = self._sealer.email_index(self._tenant, intent.identity.email)
        if intent.known is not None:
            known = intent.known
            before = known.account.email_index
            if not known.damaged:
                before = self._sealer.email_index(self._tenant, known.personal.email)
            if intent.state_alone:
                address = before
        doubt = None if intent.identity.source_id in self._links else stranger
        return _Case(intent, tuple(called_by(intent, address=address, address_before=before, stranger=doubt)))

    def _allowed(self, cases: Iterable[_Case], reasons: Mapping[EffectKey, str]) -> list[Intent]:
        allowed: list[Intent] = []
        for case in cases:
            held = {one.effect for one in case.called if one.key in reasons}
            intent = holding_back(case.intent, held) if held else case.intent
            if intent is not None:
                allowed.append(intent)
        return allowed

    def _retaining(self, account: SealedAccount, evidence: str) -> Intent:
        known = opened(self._sealer, account)
        identity = evolve(known.as_identity(), inactive_reason=InactiveReason.DELETED)
        return Intent(identity, known, evidence, rule=_RETAINED, state_alone=known.damaged)

    # --- sealing what is written ------------------------------------------------------------------------------------

    def _sealed(self, intents: Iterable[Intent], called: set[EffectKey]) -> list[Change]:
        done: defaultdict[str, list[EffectKey]] = defaultdict(list)
        for key in called:
            done[key.source_id].append(key)
        changes: list[Change] = []
        for some in chunks(intents):
            fresh = [intent.identity.source_id for intent in some if intent.known is None]
            stones = self._storage.tombstones_of(self._tenant, fresh) if fresh else {}
            changes += [self._change(intent, stones, done.get(intent.identity.source_id, ())) for intent in some]
        return changes

    def _change(self, intent: Intent, stones: Mapping[str, Tombstone], done: Iterable[EffectKey]) -> Change:
        identity, known = intent.identity, intent.known
        updated_at = self._now
        if known is None:
            stone = stones.get(identity.source_id)
            predecessor = None if stone is None else stone.account_id
            account_id = self._links.get(identity.source_id) or self._sealer.account_id(
                self._tenant, identity.source_id, predecessor=predecessor
            )
            version, created_at, adopted = 1, self._now, identity.source_id in self._links
        else:
            before = known.account
            account_id, version, created_at = before.account_id, before.version + 1, before.created_at
            predecessor, adopted = before.predecessor, before.adopted
            if before.inactive_reason is identity.inactive_reason is InactiveReason.DELETED:
                updated_at = before.updated_at  # from here its retention is counted
        if known is not None and intent.state_alone:
            sealed = unopened(self._sealer, intent, known.account, updated_at=updated_at)
        else:
            sealed = self._sealer.seal(
                self._tenant,
                identity,
                account_id=account_id,
                version=version,
                created_at=created_at,
                updated_at=updated_at,
                predecessor=predecessor,
                adopted=adopted,
                listed=intent.listed,
            )
        effects, plan = self._counted(done)
        return Change(
            kind=intent.kind,
            source_id=identity.source_id,
            account_id=account_id,
            fields=intent.fields,
            evidence=intent.evidence,
            rule=intent.rule or RULES[intent.kind],
            write=Put(sealed, expected_version=version - 1),
            joined=intent.joined,
            left=intent.left,
            effects=effects,
            plan=plan,
        )

    def _deletions(self, deleted: Iterable[tuple[SealedAccount, str]]) -> list[Change]:
        changes: list[Change] = []
        for some in chunks(deleted):
            returned = [account.source_id for account, _ in some if account.predecessor is not None]
            former = self._storage.tombstones_of(self._tenant, returned) if returned else {}
            changes += [
                self._deletion(account, evidence, former=former.get(account.source_id)) for account, evidence in some
            ]
        return changes

    def _deletion(self, account: SealedAccount, evidence: str, *, former: Tombstone | None) -> Change:
        # Later than the person's former tombstone, even by a clock that went back a little: from the latest one comes
        # the id of the next account, which must be none that has ended.
        deleted_at = self._now if former is None else max(self._now, former.deleted_at + timedelta.resolution)
        stone = Tombstone(
            tenant=self._tenant,
            source_id=account.source_id,
            account_id=account.account_id,
            created_at=account.created_at,
            deleted_at=deleted_at,
        )
        effects, plan = self._counted([deletion_of(account, evidence).key])
        return Change(
            kind=ChangeKind.DELETE,
            source_id=account.source_id,
            account_id=account.account_id,
            fields=(),
            evidence=evidence,
            rule=RULES[ChangeKind.DELETE],
            write=Erase(stone, expected_version=account.version),
            effects=effects,
            plan=plan,
        )

    def _counted(self, done: Iterable[EffectKey]) -> tuple[tuple[Effect, ...], str | None]:
        """Return the effects that count towards later thresholds, and the held plan that allowed the others."""
        approved = self._situation.approved
        keys = sorted(done)
        plans = [approved[key] for key in keys if key in approved]
        return tuple(Effect(key.effect) for key in keys if key not in approved), (plans[0] if plans else None)
