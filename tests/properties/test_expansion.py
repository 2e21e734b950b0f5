"""The shared expansion of groups against the definition, spelled out as a fixpoint."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.directory import GroupMembers, expand
from smartify_core.model import Group, MembershipPath

GROUPS = [f"g{number:02}" for number in range(10)]
PASSAGES = ["p0", "p1"]
STRANGERS = ["x0", "x1"]
PEOPLE = [f"u{number}" for number in range(8)]

listings = st.builds(
    GroupMembers,
    people=st.lists(st.sampled_from(PEOPLE), max_size=6),
    groups=st.lists(st.sampled_from(GROUPS + PASSAGES + STRANGERS), max_size=5),
    everyone=st.booleans() | st.just(value=False) | st.just(value=False),
)
worlds = st.dictionaries(st.sampled_from(GROUPS + PASSAGES + STRANGERS), listings, max_size=14)


def by_definition(ours: set[str], members: Mapping[str, GroupMembers], person: str) -> dict[str, MembershipPath]:
    """Return the memberships of ``person`` by adding what follows from what is known until nothing is new."""
    known = {group: listing for group, listing in members.items() if group in ours or group in PASSAGES}
    in_person = {group for group, listing in known.items() if person in listing.people}
    in_crowd = {group for group, listing in known.items() if listing.everyone}
    through: set[str] = set()
    for _ in range(len(known) + 1):
        through |= {group for group, listing in known.items() if set(listing.groups) & (through | in_person)}
        in_crowd |= {group for group, listing in known.items() if set(listing.groups) & in_crowd}
    found = dict.fromkeys(in_crowd, MembershipPath.WHOLE_CUSTOMER)
    found |= dict.fromkeys(through, MembershipPath.NESTED)
    found |= dict.fromkeys(in_person, MembershipPath.DIRECT)
    return {group: found[group] for group in sorted(found) if group in ours}


@settings(max_examples=500)
@given(members=worlds, ours=st.sets(st.sampled_from(GROUPS), min_size=1))
def test_expansion_equals_its_definition(members: dict[str, GroupMembers], ours: set[str]) -> None:
    """Every person has the groups, paths and order of the definition, whatever the links, cycles and passages."""
    expansion = expand({group: Group(group, f"{group}@a.example", group) for group in ours}, members, PASSAGES)
    for person in [*PEOPLE, "nobody"]:
        found = expansion.memberships_of(person)
        assert {each.group.id: each.path for each in found} == by_definition(ours, members, person)
        assert [each.group.id for each in found] == sorted(each.group.id for each in found)
        assert expansion.memberships_of(person) == found


@given(members=worlds)
def test_order_of_input_does_not_matter(members: dict[str, GroupMembers]) -> None:
    """The order in which groups and members come makes no difference."""
    groups = {group: Group(group, f"{group}@a.example", group) for group in GROUPS}
    backwards = {
        group: GroupMembers(
            tuple(reversed(list(listing.people))), tuple(reversed(list(listing.groups))), listing.everyone
        )
        for group, listing in reversed(members.items())
    }
    one, other = expand(groups, members, PASSAGES), expand(dict(reversed(groups.items())), backwards, PASSAGES)
    assert all(one.memberships_of(person) == other.memberships_of(person) for person in PEOPLE)
