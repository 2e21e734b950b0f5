"""Clauses about groups: which ones a person is in, and by which path."""

from __future__ import annotations

from smartify_core.model import Group, MembershipPath

from ._directory_reading import cast, crowd, paths, read
from ._directory_world import DirectoryWorld

_DIRECT, _NESTED, _WHOLE = MembershipPath.DIRECT, MembershipPath.NESTED, MembershipPath.WHOLE_CUSTOMER


class GroupClauses:
    """DS-13 to DS-22."""

    def test_DS13_direct_membership(self, world: DirectoryWorld) -> None:
        """Who is listed by a group is in it directly, with the group's id, address (its case kept) and name."""
        first, second, third = cast(world)
        group = world.add_group(email=f"Front.Desk@{world.domain}", name="Ἐμπόριον & Co")
        world.add_member(group, first)
        world.add_member(group, second)
        people = read(world).people
        (membership,) = people[first].memberships
        assert membership.group == Group(group, f"Front.Desk@{world.domain}", "Ἐμπόριον & Co")
        assert [paths(people[each]) for each in (first, second, third)] == [{group: _DIRECT}, {group: _DIRECT}, {}]

    def test_DS14_nested_membership(self, world: DirectoryWorld) -> None:
        """Who is in a nested group is in every group around it, at whatever depth; listed comes before nested."""
        first, second, _ = cast(world)
        inner, middle, outer, top = _groups(world, 4)
        world.nest(inner, into=middle)
        world.nest(middle, into=outer)
        world.nest(outer, into=top)
        world.add_member(inner, first)
        world.add_member(inner, second)
        world.add_member(outer, second)
        people = read(world).people
        assert paths(people[first]) == {inner: _DIRECT, middle: _NESTED, outer: _NESTED, top: _NESTED}
        assert paths(people[second]) == {inner: _DIRECT, middle: _NESTED, outer: _DIRECT, top: _NESTED}

    def test_DS15_circles_end(self, world: DirectoryWorld) -> None:
        """Groups that contain one another do no harm: their people are in both, by the path that is theirs."""
        first, second, _ = cast(world)
        one, other = _groups(world, 2)
        world.add_member(one, first)
        world.add_member(other, second)
        world.nest_in_circle(one, other)
        people = read(world).people
        assert paths(people[first]) == {one: _DIRECT, other: _NESTED}
        assert paths(people[second]) == {one: _NESTED, other: _DIRECT}

    def test_DS16_whole_customer(self, world: DirectoryWorld) -> None:
        """A group of the whole customer, and every group around it, has everybody in it, the inactive included."""
        first, second, third = cast(world)
        everyone, around, inner = _groups(world, 3)
        world.admit_everyone(everyone)
        world.nest(everyone, into=around)
        world.nest(inner, into=everyone)
        world.add_member(inner, second)
        world.add_member(everyone, third)
        world.suspend(first)
        people = read(world).people
        assert paths(people[first]) == {everyone: _WHOLE, around: _WHOLE}
        assert paths(people[second]) == {everyone: _NESTED, around: _NESTED, inner: _DIRECT}
        assert paths(people[third]) == {everyone: _DIRECT, around: _NESTED}

    def test_DS17_memberships_are_ordered(self, world: DirectoryWorld) -> None:
        """A person's memberships are in ascending order of group id, one a group however many paths lead there."""
        first, _, _ = cast(world)
        groups = _groups(world, 7)
        for group in reversed(groups):
            world.add_member(group, first)
        world.nest(groups[0], into=groups[1])
        world.nest(groups[2], into=groups[1])
        ids = [membership.group.id for membership in read(world).people[first].memberships]
        assert ids == sorted(groups)

    def test_DS18_outsiders_are_nobody(self, world: DirectoryWorld) -> None:
        """Members from outside are no identities, and the group's own people are still in it."""
        first, _, _ = cast(world)
        (group,) = _groups(world, 1)
        world.add_member(group, first)
        before = read(world)
        world.add_outsider(group, "somebody@outside.example")
        after = read(world)
        assert after.people == before.people
        assert after.certificate.complete

    def test_DS19_groups_of_many(self, world: DirectoryWorld) -> None:
        """All members of a group are read, however many pages they fill, and all groups of a person likewise."""
        people, groups = crowd(world, 11), _groups(world, 7)
        for person in people:
            world.add_member(groups[0], person)
        for group in groups[1:]:
            world.add_member(group, people[0])
        found = read(world).people
        assert paths(found[people[0]]) == dict.fromkeys(groups, _DIRECT)
        assert [paths(found[each]) for each in people[1:]] == [{groups[0]: _DIRECT}] * 10

    def test_DS20_membership_follows_the_id(self, world: DirectoryWorld) -> None:
        """A rename leaves memberships as they are: they belong to the id, and not to whoever has the address next."""
        first, second, _ = cast(world)
        (group,) = _groups(world, 1)
        world.add_member(group, first)
        before = read(world).people[first]
        world.rename_person(first, email=f"renamed@{world.domain}")
        world.rename_person(second, email=before.email)
        people = read(world).people
        assert paths(people[first]) == {group: _DIRECT}
        assert paths(people[second]) == {}

    def test_DS21_changes_of_groups_show(self, world: DirectoryWorld) -> None:
        """A group's new address and name show in the next read; so does that a person was taken off its list."""
        first, second, _ = cast(world)
        (group,) = _groups(world, 1)
        world.add_member(group, first)
        world.add_member(group, second)
        read(world)
        world.rename_group(group, email=f"Renamed@{world.domain}", name="Renamed")
        world.remove_member(group, second)
        people = read(world).people
        (membership,) = people[first].memberships
        assert membership.group == Group(group, f"Renamed@{world.domain}", "Renamed")
        assert paths(people[second]) == {}

    def test_DS22_deleted_group_is_nobodys(self, world: DirectoryWorld) -> None:
        """Nobody is in a deleted group, nor through it in the groups around it, and the read is complete."""
        first, _, _ = cast(world)
        inner, outer = _groups(world, 2)
        world.nest(inner, into=outer)
        world.add_member(inner, first)
        read(world)
        world.delete_group(inner)
        after = read(world)
        assert paths(after.people[first]) == {}
        assert after.certificate.complete


def _groups(world: DirectoryWorld, number: int) -> list[str]:
    """Add so many groups and return their ids."""
    return [world.add_group(email=f"group{each}@{world.domain}", name=f"Group {each}") for each in range(number)]
