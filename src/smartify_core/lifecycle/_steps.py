"""From what was decided to what is written: steps, whose fields are sealed when their turn comes and not before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from smartify_core.model import Erase, InactiveReason, Put, SealedAccount, Tombstone
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._adoption import Links
from ._comparison import chunks
from ._damaged import unopened
from ._decide import ALL_FIELDS, Intent, deletion_of, group_ids
from ._effects import Effect, EffectKey
from ._newcomers import Memberships, Packed, unpacked
from ._plan import Change
from ._transitions import RULES, ChangeKind


@frozen(order=False)
class Ending:
    """An account that ends, and what shows that its person is gone."""

    account: SealedAccount
    evidence: str


#: One decided change: of an account whose person is there, of one whose person is gone, or of a person without one.
Step = Intent | Ending | Packed

_ORDER: Final[Mapping[ChangeKind, int]] = {kind: place for place, kind in enumerate(ChangeKind)}


class Steps:
    """Decided steps in the order in which they are to be applied. Reads the store when it seals; writes nothing.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What seals them.
        steps: The steps.
        evidence: What shows the newcomers among them.
        memberships: What unpacks them. They themselves are held by ``steps`` alone, and so let go of.
        now: The instant that the changes will bear.
        done: The effects that the steps have, by source id.
        approved: What somebody has approved, and by which held plan.
        links: The ids that the host has for some of the people, by source id.
    """

    def __init__(
        self,
        tenant: str,
        storage: Storage,
        sealer: Sealer,
        steps: list[Step],
        *,
        evidence: str,
        memberships: Memberships,
        now: datetime,
        done: Mapping[str, Sequence[EffectKey]],
        approved: Mapping[EffectKey, str],
        links: Links,
    ) -> None:
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._number = len(steps)
        self._kinds = Counter(map(kind_of, steps))
        #: What is left to do, the first one last: what is done needs no room, and there may be many.
        self._left = steps[::-1]
        self._evidence = evidence
        self._memberships = memberships
        self._now = now
        self._done = done
        self._approved = approved
        self._links = links

    def __len__(self) -> int:
        """Return how many steps there are."""
        return self._number

    def kinds(self) -> Mapping[ChangeKind, int]:
        """Return how many steps there are of each kind."""
        return self._kinds

    def take(self, number: int) -> list[Change]:
        """Return the next steps, so many at most, as changes that are ready to be written. Each is given once.

        Raises:
            StorageError: The store could not be read.
        """
        cut = max(len(self._left) - number, 0)
        taken = self._left[cut:]
        del self._left[cut:]
        changes: list[Change] = []
        for some in chunks(reversed(taken), KEYS_AT_ONCE):
            tombstones = self._tombstones(some)
            for step in some:
                match step:
                    case Ending():
                        changes.append(self._deletion(step, tombstones.get(step.account.source_id)))
                    case Intent():
                        changes.append(self._change(step))
                    case (source_id, _, _):
                        changes.append(self._provision(step, tombstones.get(source_id)))
        return changes

    def _tombstones(self, some: Iterable[Step]) -> Mapping[str, Tombstone]:
        """Return what is left of earlier accounts of those people of whom it matters."""
        ids = [
            source_id_of(step)
            for step in some
            if isinstance(step, tuple) or (isinstance(step, Ending) and step.account.predecessor is not None)
        ]
        return self._storage.tombstones_of(self._tenant, ids) if ids else {}

    def _provision(self, newcomer: Packed, former: Tombstone | None) -> Change:
        predecessor = None if former is None else former.account_id
        identity, (source_id, email_index, _) = unpacked(newcomer, self._memberships), newcomer
        linked = self._links.get(source_id)
        account_id = linked or self._sealer.account_id(self._tenant, source_id, predecessor=predecessor)
        sealed = self._sealer.seal(
            self._tenant,
            identity,
            account_id=account_id,
            version=1,
            created_at=self._now,
            updated_at=self._now,
            predecessor=predecessor,
            adopted=linked is not None,
            email_index=email_index,
        )
        effects, plan = self._counted(self._done.get(source_id, ()))
        return Change(
            kind=ChangeKind.PROVISION,
            source_id=source_id,
            account_id=account_id,
            fields=ALL_FIELDS,
            evidence=self._evidence,
            rule=RULES[ChangeKind.PROVISION],
            write=Put(sealed, expected_version=0),
            joined=group_ids(identity.memberships),  # in ascending order, as a source yields them
            effects=effects,
            plan=plan,
            adopted=linked is not None,
        )

    def _change(self, intent: Intent) -> Change:
        identity, before = intent.identity, intent.known.account
        account_id, updated_at = before.account_id, self._now
        if before.inactive_reason is identity.inactive_reason is InactiveReason.DELETED:
            updated_at = before.updated_at  # from here its retention is counted
        if intent.state_alone:
            sealed = unopened(self._sealer, intent, before, updated_at=updated_at)
        else:
            unlisted = None if intent.listed else self._sealer.unlisted_index(self._tenant, account_id)
            sealed = self._sealer.seal(
                self._tenant,
                identity,
                account_id=account_id,
                version=before.version + 1,
                created_at=before.created_at,
                updated_at=updated_at,
                predecessor=before.predecessor,
                adopted=before.adopted,
                email_index=unlisted or intent.address,
            )
        kind = intent.kind
        effects, plan = self._counted(self._done.get(identity.source_id, ()))
        return Change(
            kind=kind,
            source_id=identity.source_id,
            account_id=account_id,
            fields=intent.fields,
            evidence=intent.evidence,
            rule=intent.rule or RULES[kind],
            write=Put(sealed, expected_version=before.version),
            joined=intent.joined,
            left=intent.left,
            effects=effects,
            plan=plan,
            adopted=before.adopted,
        )

    def _deletion(self, ending: Ending, former: Tombstone | None) -> Change:
        account = ending.account
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
        effects, plan = self._counted([deletion_of(account, ending.evidence).key])
        return Change(
            kind=ChangeKind.DELETE,
            source_id=account.source_id,
            account_id=account.account_id,
            fields=(),
            evidence=ending.evidence,
            rule=RULES[ChangeKind.DELETE],
            write=Erase(stone, expected_version=account.version),
            effects=effects,
            plan=plan,
            adopted=account.adopted,
        )

    def _counted(self, done: Sequence[EffectKey]) -> tuple[tuple[Effect, ...], str | None]:
        """Return the effects that count towards later thresholds, and the held plan that allowed the others."""
        if not done:
            return (), None
        approved = self._approved
        keys = sorted(done)
        plans = [approved[key] for key in keys if key in approved]
        return tuple(Effect(key.effect) for key in keys if key not in approved), (plans[0] if plans else None)


def in_order(
    others: Sequence[Intent | Ending], newcomers: Sequence[Packed], handing_over: Collection[str]
) -> list[Step]:
    """Return the steps in the order in which they are to be applied.

    First those that hand addresses over among themselves, then the others; each part by kind, so that whoever loses
    access loses it first, and in bytewise order of source id.
    """
    steps: list[Step] = sorted(others, key=lambda step: (_ORDER[kind_of(step)], source_id_of(step)))
    steps += sorted(newcomers)  # no two have one source id, and what is done last is letting people in
    if handing_over:
        steps.sort(key=lambda step: source_id_of(step) not in handing_over)
    return steps


def kind_of(step: Step) -> ChangeKind:
    """Return what kind of change a step is."""
    if isinstance(step, tuple):
        return ChangeKind.PROVISION
    return ChangeKind.DELETE if isinstance(step, Ending) else step.kind


def source_id_of(step: Step) -> str:
    """Return whose account a step changes."""
    if isinstance(step, tuple):
        return step[0]
    return step.account.source_id if isinstance(step, Ending) else step.identity.source_id
