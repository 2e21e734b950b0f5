"""The brakes: pure functions that say what a run must not do by itself, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from smartify_core.directory import Capability, Certificate

from ._effects import Called, Effect, EffectKey
from ._rules import Guards, Rules

#: What takes something away from an account, and so is never done to a protected one unasked.
_TAKES_AWAY: Final = frozenset({Effect.DELETE, Effect.DEACTIVATE, Effect.LOSE_GROUPS})

_PLURAL: Final[Mapping[Effect, str]] = {
    Effect.DELETE: "deletions",
    Effect.DEACTIVATE: "deactivations",
    Effect.LOSE_GROUPS: "accounts losing groups",
    Effect.RENAME: "changes of address",
    Effect.CREATE: "creations",
}


def why_the_directory_is_a_stranger(*, known: int, absent: int, people_read: int) -> str | None:
    """Return why the directory is taken for another customer's, or ``None`` when somebody known here was seen.

    Then nobody may be provisioned either: strangers let in today would be known people tomorrow, and the next read
    would seem to be the right one. Holds for a customer of one person as for any other.

    Args:
        known: How many live accounts there were.
        absent: How many of them the read did not show.
        people_read: How many people the read showed.
    """
    if known and people_read and absent == known:
        return "the directory shows none of the people known here, as another customer's would"
    return None


def why_absence_proves_nothing(certificate: Certificate, capabilities: Collection[Capability]) -> str | None:
    """Return why nobody may be removed on this read, whoever approves, or ``None`` when absence may be looked into.

    Args:
        certificate: What the source vouches for.
        capabilities: What the source is able to tell.
    """
    if not certificate.complete:
        return "the read was not certified complete: " + (
            "; ".join(certificate.problems) or "it vouches for no listing"
        )
    if not {Capability.DELETION_EVIDENCE, Capability.SINGLE_READ} & set(capabilities):
        return "the source has no way to confirm that one person is gone"
    return None


def why_the_directory_shrank(guards: Guards, *, known: int, absent: int, people_read: int) -> str | None:
    """Return why a read that misses so many is not believed, or ``None`` when each of them may be asked for."""
    if absent and not people_read:
        return "the directory showed nobody at all"
    if absent > max(guards.deletions.run.floor, int(guards.shrinkage * known)):
        return f"the directory shrank: {absent} of {known} known people were not seen"
    return None


def judge(
    called: Iterable[Called],
    *,
    rules: Rules,
    known: int,
    in_window: Mapping[Effect, int],
    first_run: bool,
    approved: Collection[EffectKey],
    on_hold: Collection[EffectKey] = (),
) -> Mapping[EffectKey, str]:
    """Return the effects that must wait for somebody's approval, each with the reason.

    Where a threshold is passed, every effect of that kind is held, not only what is beyond it: nobody can tell which
    of them are the wrong ones. What is held for a reason of its own, or approved, does not count towards a threshold.

    Args:
        called: What the directory calls for.
        rules: The host's rules.
        known: How many live accounts there are.
        in_window: How many effects of each kind were done within the window before this run, unapproved.
        first_run: Whether there are accounts of which no run has shown yet that they belong to this directory.
        approved: What somebody has approved.
        on_hold: What waits for somebody's decision already, or was rejected: no run for one person may do it piecemeal.
    """
    held: dict[EffectKey, str] = {}
    counted: defaultdict[Effect, list[EffectKey]] = defaultdict(list)
    for one in called:
        if one.key in approved:
            continue
        waits = "it waits under a held plan, or was rejected with one" if one.key in on_hold else None
        reason = waits or one.doubt or _own_reason(one, rules, first_run=first_run)
        if reason is None:
            counted[one.effect].append(one.key)
        else:
            held[one.key] = reason
    for effect, keys in counted.items():
        reason = _why_too_many(effect, len(keys), rules.guards, known=known, in_window=in_window)
        if reason is not None:
            held.update(dict.fromkeys(keys, reason))
    return held


def _own_reason(one: Called, rules: Rules, *, first_run: bool) -> str | None:
    if one.effect in _TAKES_AWAY and one.key.source_id in rules.protected:
        return "the account is protected"
    if one.effect is Effect.DELETE and one.adopted and not rules.delete_adopted:
        return "the account was adopted: the host had it before the first run"
    if one.effect is Effect.DELETE and first_run:
        return "no run over these accounts, which were there before, has ended with nothing held yet"
    return None


def _why_too_many(
    effect: Effect, number: int, guards: Guards, *, known: int, in_window: Mapping[Effect, int]
) -> str | None:
    if effect is Effect.CREATE and not known:
        return None  # a first load: nobody is there yet whom it could be too many for
    threshold, before = guards.threshold_of(effect), in_window.get(effect, 0)
    limit = threshold.run.limit(known)
    if number > limit:
        return f"{number} {_PLURAL[effect]} among {known} accounts; one run may do {limit}"
    # Measured by how many there were when the window began, or a slow drip would be weighed against ever fewer.
    at_start = max(0, known + in_window.get(Effect.DELETE, 0) - in_window.get(Effect.CREATE, 0))
    limit = threshold.window.limit(at_start if effect is not Effect.CREATE else max(at_start, 1))
    if before + number > limit:
        return (
            f"{number} {_PLURAL[effect]} after {before} within {_days(guards)}, when there were {at_start} accounts;"
            f" {limit} are allowed in that time"
        )
    return None


def _days(guards: Guards) -> str:
    hours = guards.window.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours % 24 == 0 else f"{hours:g} hours"
