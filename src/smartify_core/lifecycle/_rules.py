"""What a host may decide about the lifecycle: how long to keep whom, and when to stop and ask. Pure values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from smartify_core.errors import RulesInvalid

from ._effects import Effect

_CURE: Final = "Correct the rules."


@frozen(order=False)
class Ceiling:
    """How many accounts one kind of effect may concern: ``max(floor, min(count, share of the known accounts))``.

    Args:
        floor: So many are always allowed, so that a tenant of five people is not held up by one who leaves. 0 or more.
        share: The part of the known accounts, from 0 to 1, rounded down; more than 1 only makes sense for creations.
        count: Never more than this, however large the tenant; at least ``floor``.

    Raises:
        RulesInvalid: A figure is out of its range, or the floor lies above the count.
    """

    floor: int
    share: float
    count: int

    def __attrs_post_init__(self) -> None:
        if self.floor < 0 or self.count < 0:
            raise RulesInvalid("a ceiling has a negative number", cure=_CURE)
        if not (math.isfinite(self.share) and self.share >= 0):
            raise RulesInvalid("a ceiling's share is not a number of 0 or more", cure=_CURE)
        if self.floor > self.count:
            raise RulesInvalid(
                f"a ceiling contradicts itself: it always allows {self.floor} and never more than {self.count}",
                cure=_CURE,
            )

    def limit(self, known: int) -> int:
        """Return how many are allowed where ``known`` accounts are."""
        return max(self.floor, min(self.count, int(self.share * known)))


@frozen(order=False)
class Threshold:
    """A ceiling for one run, and one for the sliding window that ends with it.

    Raises:
        RulesInvalid: The window allows less than a single run, so that the run's ceiling would mean nothing.
    """

    run: Ceiling
    window: Ceiling

    def __attrs_post_init__(self) -> None:
        run, window = self.run, self.window
        if window.floor < run.floor or window.share < run.share or window.count < run.count:
            raise RulesInvalid("a threshold contradicts itself: its window allows less than one run", cure=_CURE)


def _threshold(run: tuple[int, float, int], window: tuple[int, float, int]) -> Threshold:
    return Threshold(Ceiling(*run), Ceiling(*window))


@frozen(order=False)
class Guards:
    """The brakes, all on by default.

    Args:
        window: How far back the sliding window looks, from one hour to 90 days. Runs are counted by the hour in it.
        deletions: Accounts that would end.
        deactivations: Accounts that would become inactive.
        membership_losses: Accounts that would lose a group.
        renames: Accounts whose address would change.
        creations: New accounts, in a store that has some.
        shrinkage: Which part of the known people may be missing from a read before it is not believed, and nobody is
            so much as asked for; from 0 to 1. Up to ``deletions.run.floor`` may always be missing.

    Raises:
        RulesInvalid: ``window`` or ``shrinkage`` is out of its range.
    """

    window: timedelta = timedelta(days=7)
    deletions: Threshold = field(default=_threshold((5, 0.2, 500), (10, 0.35, 1000)))
    deactivations: Threshold = field(default=_threshold((10, 0.2, 500), (20, 0.35, 1000)))
    membership_losses: Threshold = field(default=_threshold((100, 0.5, 5000), (200, 1.0, 20_000)))
    renames: Threshold = field(default=_threshold((50, 0.3, 2000), (100, 0.6, 5000)))
    creations: Threshold = field(default=_threshold((100, 1.0, 5000), (200, 2.0, 20_000)))
    shrinkage: float = 0.5

    def __attrs_post_init__(self) -> None:
        if type(self.window) is not timedelta:
            raise RulesInvalid("the guards' window is no timedelta", cure="Give timedelta(days=7), for example.")
        if not timedelta(hours=1) <= self.window <= timedelta(days=90):
            raise RulesInvalid("the guards' window is not between one hour and 90 days", cure=_CURE)
        if not 0 <= self.shrinkage <= 1:
            raise RulesInvalid("shrinkage is not between 0 and 1", cure=_CURE)

    def threshold_of(self, effect: Effect) -> Threshold:
        """Return the threshold for one kind of effect."""
        thresholds: Mapping[Effect, Threshold] = {
            Effect.DELETE: self.deletions,
            Effect.DEACTIVATE: self.deactivations,
            Effect.LOSE_GROUPS: self.membership_losses,
            Effect.RENAME: self.renames,
            Effect.CREATE: self.creations,
        }
        return thresholds[effect]


def _ids(ids: Collection[str]) -> frozenset[str]:
    if isinstance(ids, str):
        raise RulesInvalid("protected is one text, not several ids", cure="Give a list or set of source ids.")
    return frozenset(ids)


@frozen(order=False)
class Rules:
    """What a host decides for a tenant.

    Args:
        retain_for: How long an account is kept, inactive, after its person was deleted in the directory. Zero, the
            default, deletes at once on positive evidence. Google itself can undelete a user for 20 days
            (https://support.google.com/a/answer/1397578), so ``timedelta(days=20)`` brings the same account back.
        guards: The brakes.
        protected: Source ids of accounts from which a run takes nothing away by itself: they are not deleted, not
            deactivated, and lose no group without somebody's approval.
        delete_adopted: Whether a run may delete accounts that the host had before the first run. Without it they are
            deactivated at once, and their deletion waits for somebody's approval.
        held_plan_ttl: How long a held plan may be approved.

    Raises:
        RulesInvalid: ``guards`` is no `Guards`, a duration is negative or longer than ten years, or a protected id is
            empty or an address.
    """

    retain_for: timedelta = timedelta(0)
    guards: Guards = field(factory=Guards)
    protected: Collection[str] = field(default=frozenset(), converter=_ids)
    delete_adopted: bool = False
    held_plan_ttl: timedelta = timedelta(days=7)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.guards, Guards):
            raise RulesInvalid("guards is no Guards", cure="Give Guards(...); what it leaves out keeps its default.")
        if {type(self.retain_for), type(self.held_plan_ttl)} != {timedelta}:
            raise RulesInvalid("a duration is no timedelta", cure="Give timedelta(days=20), for example.")
        if not timedelta(0) <= self.retain_for <= timedelta(days=3653):
            raise RulesInvalid("retain_for is not between nothing and ten years", cure=_CURE)
        if not timedelta(0) < self.held_plan_ttl <= timedelta(days=3653):
            raise RulesInvalid("held_plan_ttl is not positive, or is longer than ten years", cure=_CURE)
        if any(not source_id or "@" in source_id for source_id in self.protected):
            raise RulesInvalid(
                "a protected account is named by an address or nothing", cure="Name it by its source id."
            )
