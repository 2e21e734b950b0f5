"""Who is in which group by whatever path: the one expansion that every source shares. Pure.

People who are listed by the same groups share one tuple of memberships, and all tuples share their `Membership`
values: a directory of a million people costs one pointer a person here. Groups that hold the whole customer are added
when a person is asked for, never kept per person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import define, field, frozen

from smartify_core.model import Group, Membership, MembershipPath

#: How many places in tuples may be kept for the next person of the same groups. Beyond it (only a directory of very
#: deep nesting gets there) tuples are made afresh for each person, so that memory stays bounded: 8 bytes a place.
_KEPT_PLACES = 4_000_000


@frozen(order=False)
class GroupMembers:
    """The direct members of one group.

    Args:
        people: Ids of persons. Ids that are no person of ours do no harm.
        groups: Ids of groups nested in this one.
        everyone: Whether everybody at the customer is a member.
    """

    people: Collection[str] = ()
    groups: Collection[str] = ()
    everyone: bool = False


@define(eq=False, weakref_slot=False)
class _Combination:
    """The groups that list a person, as a path from the root.

    Groups are entered in ascending order, so that equal sets are the same value.
    """

    parent: _Combination | None
    #: The place of the last group in ascending order of id; -1 at the root.
    group: int
    #: How many people end here.
    people: int = 0
    memberships: tuple[Membership, ...] | None = None


class Expansion:
    """The answer of `expand`: ask it for one person's memberships at a time."""

    def __init__(
        self,
        groups: tuple[Group, ...],
        parents: Mapping[int, tuple[int, ...]],
        everyone: Iterable[int],
        combinations: Mapping[str, _Combination],
    ) -> None:
        self._parents = parents
        self._combinations = combinations
        self._kept = 0
        self._own = len(groups)
        self._direct = [Membership(group, MembershipPath.DIRECT) for group in groups]
        self._nested = [Membership(group, MembershipPath.NESTED) for group in groups]
        shared = sorted(place for place in self._and_above(everyone) if place < self._own)
        self._whole = {place: Membership(groups[place], MembershipPath.WHOLE_CUSTOMER) for place in shared}
        self._everybodys = tuple(self._whole.values())

    def memberships_of(self, source_id: str) -> tuple[Membership, ...]:
        """Return all groups of a person, one entry a group, in ascending order of group id.

        Where several paths lead to a group, the first of `MembershipPath` is kept. An id that no group lists has the
        groups of the whole customer.
        """
        combination = self._combinations.get(source_id)
        if combination is None:
            return self._everybodys
        if combination.memberships is not None:
            return combination.memberships
        memberships = self._materialise(combination)
        if combination.people > 1 and self._kept + len(memberships) <= _KEPT_PLACES:
            self._kept += len(memberships)
            combination.memberships = memberships
        return memberships

    def _materialise(self, combination: _Combination) -> tuple[Membership, ...]:
        listed: list[int] = []
        step: _Combination | None = combination
        while step is not None and step.group >= 0:
            listed.append(step.group)
            step = step.parent
        found = dict(self._whole)
        for place in self._and_above(listed):
            if place < self._own:
                found[place] = self._nested[place]
        for place in listed:
            if place < self._own:
                found[place] = self._direct[place]
        return tuple(found[place] for place in sorted(found))

    def _and_above(self, places: Iterable[int]) -> set[int]:
        """Return ``places`` and every group above them. Each group is entered once, so cycles end."""
        reached = set(places)
        waiting = list(reached)
        while waiting:
            for parent in self._parents.get(waiting.pop(), ()):
                if parent not in reached:
                    reached.add(parent)
                    waiting.append(parent)
        return reached


@define
class _Index:
    """Places of groups: ours first, in ascending order of id, then the passages."""

    places: dict[str, int] = field(factory=dict)

    @classmethod
    def of(cls, groups: Iterable[str], passages: Iterable[str]) -> _Index:
        own = sorted(groups)
        index = cls({group_id: place for place, group_id in enumerate(own)})
        for group_id in sorted(passages):
            index.places.setdefault(group_id, len(index.places))
        return index


def expand(
    groups: Mapping[str, Group], members: Mapping[str, GroupMembers], passages: Collection[str] = ()
) -> Expansion:
    """Return who is in which group: directly, through nested groups at any depth, and as part of the whole customer.

    Time and memory grow with the number of direct memberships; cycles of groups are harmless.

    Args:
        groups: The groups of ours by id.
        members: The direct members of each group and passage. A group without an entry has none.
        passages: Ids of groups that are none of ours but lead onward: whoever is in one is in the groups that it is
            nested in. A nested group that is neither ours nor a passage is passed over, and so is an entry of
            ``members`` for it.
    """
    places = _Index.of(groups, passages).places
    parents: dict[int, list[int]] = {}
    everyone: list[int] = []
    combinations: dict[str, _Combination] = {}
    root = _Combination(None, -1)
    for group_id, place in places.items():
        listing = members.get(group_id)
        if listing is None:
            continue
        if listing.everyone:
            everyone.append(place)
        for child in listing.groups:
            if child in places:
                parents.setdefault(places[child], []).append(place)
        _enter(place, listing.people, combinations, root)
    return Expansion(
        tuple(groups[group_id] for group_id in places if group_id in groups),
        {child: tuple(above) for child, above in parents.items()},
        everyone,
        combinations,
    )


def _enter(place: int, people: Iterable[str], combinations: dict[str, _Combination], root: _Combination) -> None:
    """Move each person from their combination of groups so far to that combination and this group."""
    onward: dict[_Combination, _Combination] = {}
    for person in people:
        before = combinations.get(person, root)
        if before.group == place:  # listed twice
            continue
        after = onward.get(before)
        if after is None:
            after = onward[before] = _Combination(before, place)
        before.people -= 1
        after.people += 1
        combinations[person] = after
