from __future__ import annotations

from datetime import timedelta

import pytest

from smartify_core.errors import UsageError
from smartify_core.testing import make_sample
from smartify_core.testing._clock import ManualClock
from smartify_core.testing._sample import Sample, SampleGroup, SamplePerson
from smartify_core.testing.google import Workspace


def person(world: Workspace, name: str) -> str:
    """Add one person of that name."""
    return world.add_user(email=f"{name}@acme.example", given_name=name, family_name="Doe")


def truth(world: Workspace, user_id: str) -> dict[str, object]:
    """Return what is true of one person."""
    found: dict[str, object] = next(each for each in world.truth()["people"] if each["id"] == user_id)
    return found


def test_ids_are_21_digits_and_the_same_in_every_run() -> None:
    """The same calls give the same ids: 21 digits for a person, 15 characters for a group."""
    first, second = Workspace(), Workspace()
    assert person(first, "ann") == person(second, "ann")
    user_id = person(first, "bob")
    assert len(user_id) == 21
    assert user_id.isdigit()
    assert len(first.add_group(email="g@acme.example", name="G")) == 15


def test_a_rename_keeps_the_old_address_as_an_alias(world: Workspace) -> None:
    """The old address still finds the person, and nobody else can take it until the alias is removed."""
    ann = person(world, "ann")
    world.rename_user(ann, email="anna@acme.example", given_name="Anna")
    found = world.find_user("ANN@acme.example")
    assert found is not None
    assert (found.id, found.email, found.given_name) == (ann, "anna@acme.example", "Anna")
    with pytest.raises(UsageError, match="taken"):
        person(world, "ann")
    world.remove_alias(ann, "Ann@acme.example")
    assert person(world, "ann") != ann


def test_a_rename_back_leaves_no_alias_of_the_own_address(world: Workspace) -> None:
    """Whoever returns to an old address has the other one as the only alias."""
    ann = person(world, "ann")
    world.rename_user(ann, email="anna@acme.example")
    world.rename_user(ann, email="ann@acme.example")
    found = world.find_user(ann)
    assert found is not None
    assert found.aliases == ("anna@acme.example",)


def test_a_rename_that_only_changes_case_makes_no_alias(world: Workspace) -> None:
    """An address in another case is the same address."""
    ann = person(world, "ann")
    world.rename_user(ann, email="Ann@acme.example")
    found = world.find_user(ann)
    assert found is not None
    assert (found.email, found.aliases) == ("Ann@acme.example", ())


def test_two_people_exchange_addresses_in_one_step(world: Workspace) -> None:
    """After a swap each has the other's address and no alias is left."""
    ann, bob = person(world, "ann"), person(world, "bob")
    world.swap_emails(ann, bob)
    found = world.find_user("ann@acme.example")
    assert found is not None
    assert (found.id, found.aliases) == (bob, ())
    assert truth(world, ann)["email"] == "bob@acme.example"


def test_a_deleted_address_can_be_used_by_a_new_id(world: Workspace) -> None:
    """The address is free at once, and the deleted person cannot come back while it is taken."""
    ann = person(world, "ann")
    world.delete_user(ann)
    newcomer = person(world, "ann")
    assert newcomer != ann
    with pytest.raises(UsageError, match="taken"):
        world.undelete_user(ann)
    assert world.truth()["deleted"] == [ann]


def test_undelete_restores_id_state_and_memberships(world: Workspace) -> None:
    """Within 20 days everything is as it was before."""
    ann = person(world, "ann")
    group = world.add_group(email="g@acme.example", name="G")
    world.add_member(group, user_id=ann)
    world.suspend(ann)
    before = truth(world, ann)
    world.delete_user(ann)
    assert world.members_of(group) == []
    world.undelete_user(ann)
    assert truth(world, ann) == before
    assert before["state"] == "inactive"
    assert before["groups"] == ["g@acme.example"]


def test_after_twenty_days_a_deleted_person_is_gone_for_good(world: Workspace, clock: ManualClock) -> None:
    """The deleted list holds a person for 20 days and no longer; then there is no way back."""
    ann = person(world, "ann")
    world.delete_user(ann)
    clock.advance(timedelta(days=20))
    assert [user.id for user in world.deleted_users()] == [ann]
    clock.advance(seconds=1)
    assert world.deleted_users() == []
    with pytest.raises(UsageError, match="20 days"):
        world.undelete_user(ann)


def test_a_group_cannot_come_to_contain_itself(world: Workspace) -> None:
    """A cycle of any length is refused, as Google refuses it."""
    a, b, c = (world.add_group(email=f"{name}@acme.example", name=name) for name in "abc")
    world.add_member(a, group_id_member=b)
    world.add_member(b, group_id_member=c)
    for child, parent in ((a, c), (a, a)):
        with pytest.raises(UsageError, match="contain itself"):
            world.add_member(parent, group_id_member=child)


def test_a_cycle_can_be_forced_and_ends_nobodys_search(world: Workspace) -> None:
    """Clients can observe a cycle, so a test may make one; the truth about it is finite."""
    a, b = (world.add_group(email=f"{name}@acme.example", name=name) for name in "ab")
    ann = person(world, "ann")
    world.add_member(a, group_id_member=b)
    world.add_member(b, group_id_member=a, allow_cycle=True)
    world.add_member(b, user_id=ann)
    assert truth(world, ann)["groups"] == ["a@acme.example", "b@acme.example"]
    sample = make_sample(seed=3, people=20, groups=8, cycle=True)
    assert len(Workspace.from_sample(sample).truth()["people"]) == len(sample.people)


def test_a_deleted_group_leaves_no_membership_behind(world: Workspace) -> None:
    """Neither its members nor its parents know a deleted group."""
    outer, inner = (world.add_group(email=f"{name}@acme.example", name=name) for name in ("outer", "inner"))
    ann = person(world, "ann")
    world.add_member(outer, group_id_member=inner)
    world.add_member(inner, user_id=ann)
    world.delete_group(inner)
    assert world.members_of(outer) == []
    assert truth(world, ann)["groups"] == []


def test_a_member_leaves_by_id(world: Workspace) -> None:
    """A removed member is no longer in the group, and removing twice is an error."""
    group, ann = world.add_group(email="g@acme.example", name="G"), person(world, "ann")
    member = world.add_member(group, user_id=ann)
    world.remove_member(group, member)
    assert world.members_of(group) == []
    with pytest.raises(UsageError, match="no such direct member"):
        world.remove_member(group, member)


def test_a_member_is_of_exactly_one_kind(world: Workspace) -> None:
    """Naming no kind of member, or two, is refused."""
    group, ann = world.add_group(email="g@acme.example", name="G"), person(world, "ann")
    with pytest.raises(UsageError, match="exactly one kind"):
        world.add_member(group)
    with pytest.raises(UsageError, match="exactly one kind"):
        world.add_member(group, user_id=ann, whole_customer=True)


@pytest.mark.parametrize("change", ["rename_user", "suspend", "archive", "delete_user", "undelete_user", "log_in"])
def test_a_change_to_nobody_is_refused(world: Workspace, change: str) -> None:
    """Every change to a person names the id that nobody has."""
    with pytest.raises(UsageError, match="999"):
        getattr(world, change)("999")


def test_a_person_comes_back_from_suspension_and_archive(world: Workspace) -> None:
    """Either state alone makes a person inactive; lifting both makes them active again."""
    ann = person(world, "ann")
    world.suspend(ann)
    world.archive(ann)
    states = []
    for lift in (world.unsuspend, world.unarchive):
        states.append(truth(world, ann)["state"])
        lift(ann)
    assert [*states, truth(world, ann)["state"]] == ["inactive", "inactive", "active"]


def test_ids_are_unique_among_the_living_and_the_deleted(world: Workspace) -> None:
    """An id in use, also by somebody deleted lately, or by a group, is refused for another of its kind."""
    ann = person(world, "ann")
    world.delete_user(ann)
    with pytest.raises(UsageError, match=ann):
        world.add_user(email="b@acme.example", given_name="B", family_name="B", source_id=ann)
    group = world.add_group(email="g@acme.example", name="G")
    with pytest.raises(UsageError, match=group):
        world.add_group(email="h@acme.example", name="H", source_id=group)
    with pytest.raises(UsageError, match="no group"):
        world.delete_group("0nobody")


def test_a_groups_name_changes_without_its_address(world: Workspace) -> None:
    """A rename may leave the address, and its aliases, alone."""
    group = world.add_group(email="g@acme.example", name="G")
    world.rename_group(group, name="Gee")
    found = world.find_group(group)
    assert found is not None
    assert (found.email, found.name, found.aliases) == ("g@acme.example", "Gee", ())


def test_no_message_of_the_world_holds_an_address(world: Workspace) -> None:
    """Refusals and representations name ids and never an address or a name."""
    ann = person(world, "ann")
    with pytest.raises(UsageError) as refused:
        person(world, "ann")
    found = world.find_user(ann)
    assert "@" not in f"{refused.value} {found!r}"
    assert ann in str(refused.value)


def test_truth_follows_groups_of_groups_and_the_whole_customer(world: Workspace) -> None:
    """A person's groups are the direct ones, those above them, and those that hold everybody."""
    ann, bob = person(world, "ann"), person(world, "bob")
    top, mid, low, everyone, above = (
        world.add_group(email=f"{name}@acme.example", name=name) for name in ("top", "mid", "low", "everyone", "above")
    )
    world.add_member(top, group_id_member=mid)
    world.add_member(mid, group_id_member=low)
    world.add_member(low, user_id=ann)
    world.add_member(everyone, whole_customer=True)
    world.add_member(above, group_id_member=everyone)
    world.add_member(low, external_email="x@else.example")
    shared = ["above@acme.example", "everyone@acme.example"]
    assert truth(world, bob)["groups"] == shared
    assert truth(world, ann)["groups"] == sorted([*shared, "low@acme.example", "mid@acme.example", "top@acme.example"])


def test_a_name_that_prints_nothing_is_no_name(world: Workspace) -> None:
    """In the truth a missing part and a zero-width space are the empty string."""
    ann = world.add_user(email="ann@acme.example", given_name="\u200b", family_name=None)
    assert (truth(world, ann)["given_name"], truth(world, ann)["family_name"]) == ("", "")


def test_a_sample_becomes_a_world() -> None:
    """Every person, state, alias, group and membership of a sample is there, and its deleted are deleted."""
    one, two, gone = (str(10**20 + number) for number in range(3))
    sample = Sample(
        customer_id="C0sample",
        domains=("s.example",),
        admin_email="one@s.example",
        people=(
            SamplePerson(one, "one@s.example", "One", "A", aliases=("uno@s.example",)),
            SamplePerson(two, "two@s.example", "Two", "B", archived=True),
        ),
        groups=(
            SampleGroup("0g1", "in@s.example", "In", member_ids=(two,), external_emails=("x@else.example",)),
            SampleGroup("0g2", "out@s.example", "Out", child_group_ids=("0g1",)),
            SampleGroup("0g3", "all@s.example", "All", whole_customer=True),
        ),
        deleted=(SamplePerson(gone, "two@s.example", "Former", "C"),),
    )
    world = Workspace.from_sample(sample)
    assert world.truth() == {
        "people": [
            {
                "id": one,
                "email": "one@s.example",
                "given_name": "One",
                "family_name": "A",
                "state": "active",
                "groups": ["all@s.example"],
            },
            {
                "id": two,
                "email": "two@s.example",
                "given_name": "Two",
                "family_name": "B",
                "state": "inactive",
                "groups": ["all@s.example", "in@s.example", "out@s.example"],
            },
        ],
        "deleted": [gone],
    }
    assert world.find_user("UNO@s.example") == world.find_user(one)
