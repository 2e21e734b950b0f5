"""Clauses about people: who is yielded, with what, in which state."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smartify_core.directory import Capability
from smartify_core.model import Identity, InactiveReason, Membership

from ._directory_reading import CAST, cast, crowd, read, require
from ._directory_world import DirectoryWorld

#: Texts as names may be: no controls and no surrogates, and something to see, so that they are no missing name.
_names = (
    st.text(st.characters(exclude_categories=["C", "Z", "M"]), min_size=1, max_size=40)
    .filter(lambda text: text.isprintable())
    .map(lambda text: f"N{text}")
)


class PeopleClauses:
    """DS-01 to DS-12."""

    def test_DS01_everybody_is_yielded_once(self, world: DirectoryWorld) -> None:
        """Every person is yielded, each id once, however many pages they fill."""
        before = read(world)
        added = crowd(world, 11)
        ids = [person.source_id for person in read(world).listed]
        assert sorted(ids) == sorted([*before.people, *added])

    def test_DS02_fields_are_exact(self, world: DirectoryWorld) -> None:
        """Email, first and last name are what the source holds, whatever the script; the email keeps its case."""
        ids = cast(world)
        people = read(world).people
        held = {each: (people[each].email, people[each].given_name, people[each].family_name) for each in ids}
        expected = {
            each: (f"{local}@{world.domain}", given_name, family_name)
            for each, (local, given_name, family_name) in zip(ids, CAST, strict=True)
        }
        assert held == expected

    def test_DS03_any_name_comes_through(self, world: DirectoryWorld) -> None:
        """A name is not trimmed, folded, normalised or cut, whatever characters it is made of."""
        (someone,) = crowd(world, 1)

        @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(given_name=_names, family_name=_names)
        @example(given_name="Mariana " * 7 + "Inês", family_name="\U00020bb7" * 60)
        @example(given_name=" Zoe\u0308 ", family_name="\u03a3\u038a\u03a3\u03c5\u03c2 \u05d0\u200f\u0660")
        @example(given_name="ﬁ Ｗｉｄｅ", family_name='O\'Neill & <Sons>, "Jr." \\')
        def come_through(given_name: str, family_name: str) -> None:
            world.rename_person(someone, given_name=given_name, family_name=family_name)
            person = read(world).people[someone]
            assert (person.given_name, person.family_name) == (given_name, family_name)

        come_through()

    def test_DS04_missing_name_part_is_empty(self, world: DirectoryWorld) -> None:
        """A name part that is empty, or holds only white space and zero-width characters, is the empty string."""
        (someone,) = crowd(world, 1)
        for nothing in ("", "\u200b", " \u2060\ufeff "):
            world.rename_person(someone, given_name=nothing, family_name="Suharni")
            person = read(world).people[someone]
            assert (person.given_name, person.family_name) == ("", "Suharni")
            world.rename_person(someone, given_name="Suharni", family_name=nothing)
            person = read(world).people[someone]
            assert (person.given_name, person.family_name) == ("Suharni", "")

    def test_DS05_suspended_is_inactive(self, world: DirectoryWorld) -> None:
        """A suspended person is yielded, inactive because suspended; everybody else is active."""
        first, second, _ = cast(world)
        world.suspend(first)
        people = read(world).people
        assert people[first].inactive_reason is InactiveReason.SUSPENDED
        assert people[second].active

    def test_DS06_archived_is_inactive(self, world: DirectoryWorld) -> None:
        """An archived person is yielded, inactive because archived; who is suspended as well is suspended."""
        first, second, _ = cast(world)
        world.archive(first)
        world.archive(second)
        world.suspend(second)
        people = read(world).people
        assert people[first].inactive_reason is InactiveReason.ARCHIVED
        assert people[second].inactive_reason is InactiveReason.SUSPENDED

    def test_DS07_restored_is_active(self, world: DirectoryWorld) -> None:
        """Whoever is restored is active again, with the same id."""
        first, _, _ = cast(world)
        world.suspend(first)
        read(world)
        world.restore(first)
        assert read(world).people[first].active

    def test_DS08_deleted_is_not_yielded(self, world: DirectoryWorld) -> None:
        """A deleted person is not yielded, neither as inactive nor otherwise, and the others are."""
        first, second, third = cast(world)
        read(world)
        world.delete(second)
        people = read(world).people
        assert second not in people
        assert {first, third} <= people.keys()

    def test_DS09_id_survives_a_rename(self, world: DirectoryWorld) -> None:
        """A person whose email and names change keeps the id. Needs IMMUTABLE_IDS."""
        require(world, Capability.IMMUTABLE_IDS)
        first, _, _ = cast(world)
        before = read(world)
        world.rename_person(first, email=f"renamed@{world.domain}", given_name="Renamed", family_name="Person")
        after = read(world)
        assert after.people.keys() == before.people.keys()
        person = after.people[first]
        assert (person.email, person.given_name, person.family_name) == (f"renamed@{world.domain}", "Renamed", "Person")

    def test_DS10_id_is_never_reused(self, world: DirectoryWorld) -> None:
        """A new person with the address of a deleted one has another id. Needs IMMUTABLE_IDS."""
        require(world, Capability.IMMUTABLE_IDS)
        first, _, _ = cast(world)
        person = read(world).people[first]
        world.delete(first)
        heir = world.add_person(email=person.email, given_name="Other", family_name="Person")
        people = read(world).people
        assert first not in people
        assert people[heir].email == person.email

    def test_DS11_addresses_can_be_handed_over(self, world: DirectoryWorld) -> None:
        """Addresses that change hands belong to the new holders' ids."""
        first, second, _ = cast(world)
        mine, yours = f"first@{world.domain}", f"second@{world.domain}"
        world.rename_person(first, email=mine)
        world.rename_person(second, email=yours)
        read(world)
        world.delete(first)
        world.rename_person(second, email=mine)
        assert {person.source_id for person in read(world).listed if person.email == mine} == {second}

    def test_DS12_nothing_else_is_held(self, world: DirectoryWorld) -> None:
        """What is yielded is an `Identity` with `Membership` values: no subclass that carries other fields."""
        first, _, _ = cast(world)
        group = world.add_group(email=f"desk@{world.domain}", name="Desk")
        world.add_member(group, first)
        listed = read(world).listed
        assert {type(person) for person in listed} == {Identity}
        assert {type(each) for person in listed for each in person.memberships} == {Membership}
