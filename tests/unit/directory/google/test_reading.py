"""Reading an account as it is: pages, people, groups, members (research: sections 1 to 6)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartify_core.directory import Present
from smartify_core.directory.google._rosters import Roster
from smartify_core.model import InactiveReason
from smartify_core.testing.google import Fault, Workspace

from .conftest import Office, OpenOffice, seen


def test_a_read_is_the_servers_own_truth(populated: Office) -> None:
    """Every person, name, state and group over many pages, and a certificate that counts them."""
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete
    assert {each.name: each.records for each in read.certificate.listings} == {"users": 9, "groups": 5, "members": 10}
    assert {each.name: each.pages for each in read.certificate.listings} == {"users": 5, "groups": 3, "members": 6}


def test_nothing_but_the_clauses_fields_is_asked_for(populated: Office) -> None:
    """Every request of a whole read is one of five, with exactly these parameters: names, email, state, groups."""
    ids = list(populated.truth())
    deleted = populated.workspace.add_user(email="gone@acme.example", given_name="G", family_name="One")
    populated.workspace.delete_user(deleted)
    populated.read(deleted, ids[0])
    asked = {
        (entry.operation, *sorted((k, v) for k, v in entry.query.items() if k != "pageToken"))
        for entry in populated.server.requests
        if entry.operation != "token"
    }
    view = (("projection", "basic"), ("viewType", "admin_view"))
    users = "users(id,primaryEmail,name(givenName,familyName),suspended,archived)"
    assert asked == {
        (
            "users.list",
            ("alt", "json"),
            ("customer", "my_customer"),
            ("fields", f"kind,nextPageToken,{users}"),
            ("maxResults", "500"),
            *view,
        ),
        (
            "users.list",
            ("alt", "json"),
            ("customer", "my_customer"),
            ("fields", "kind,nextPageToken,users(id)"),
            ("maxResults", "500"),
            view[0],
            ("showDeleted", "true"),
            view[1],
        ),
        ("users.get", ("alt", "json"), ("fields", f"kind,{users[6:-1]}"), *view),
        (
            "groups.list",
            ("alt", "json"),
            ("customer", "my_customer"),
            ("fields", "kind,nextPageToken,groups(id,email,name)"),
            ("maxResults", "200"),
        ),
        ("members.list", ("alt", "json"), ("fields", "kind,nextPageToken,members(id,type)"), ("maxResults", "200")),
    }
    assert {entry.method for entry in populated.server.requests if entry.operation != "token"} == {"GET"}


def test_requests_are_counted_without_tokens(populated: Office) -> None:
    """The count is the server's count of API requests."""
    read = populated.read()
    assert read.requests == sum(entry.operation != "token" for entry in populated.server.requests)


def test_an_account_without_groups_is_complete(office: Office) -> None:
    """Google leaves the key of an empty collection out; the right kind makes it an empty page all the same."""
    read = office.read()
    assert read.certificate.complete
    assert len(read.people) == 1


def test_an_empty_listing_is_asked_for_twice(populated: Office) -> None:
    """A hiccup that leaves the groups, or a group's members, out of a 200 does not take groups away from people."""
    populated.server.faults.add("groups.list", Fault("hiccup", edit=_emptied))
    populated.server.faults.add("members.list", Fault("hiccup", edit=_emptied))
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete


def _emptied(page: Any) -> None:
    page.payload.pop(page.collection, None)
    page.payload.pop("nextPageToken", None)


@pytest.mark.parametrize("listing", ["users.list", "groups.list", "members.list"])
def test_a_page_may_be_empty_and_go_on(populated: Office, listing: str) -> None:
    """An empty page with a token is not the end."""
    populated.server.faults.add(listing, Fault.empty_page_with_token(), times=1)
    populated.server.faults.add(listing, Fault.empty_page_with_token(), times=1, after=1)
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete


@pytest.mark.parametrize("listing", ["users.list", "groups.list", "members.list"])
def test_duplicates_across_pages_count_once(populated: Office, listing: str) -> None:
    """A page that comes twice changes nothing."""
    populated.server.faults.add(listing, Fault.duplicate_page(), times=3)
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete


def test_no_person_at_all_is_not_certified(office: Office) -> None:
    """The administrator is a user of the account, so that a users listing without anybody is never believed."""
    office.edit("users.list", lambda page: page.pop("users", None))
    read = office.read()
    assert read.people == {}
    assert read.certificate.problems == ("users: nobody was listed, although at least the administrator must be",)


def test_people_missing_from_a_hollow_page_are_found_again(populated: Office) -> None:
    """A 200 without its users key is an empty page; whoever it should have held is confirmed to be there."""
    populated.server.faults.add("users.list", Fault.missing_key("users"), after=1)
    with populated.directory().snapshot() as snapshot:
        people = {person.source_id: person for person in snapshot.identities()}
        missed = sorted(populated.truth().keys() - people.keys())
        answers = snapshot.confirm(missed)
    assert len(missed) == 2
    for source_id in missed:
        answer = answers[source_id]
        assert isinstance(answer, Present)
        groups = tuple(sorted(each.group.email for each in answer.identity.memberships))
        assert groups == populated.truth()[source_id][4]


def test_archived_and_suspended_people_are_inactive(populated: Office) -> None:
    """Both are listed, and each says why."""
    reasons = {person.email: person.inactive_reason for person in populated.read().people.values()}
    assert reasons["p1@acme.example"] is InactiveReason.SUSPENDED
    assert reasons["p2@acme.example"] is InactiveReason.ARCHIVED
    assert reasons["p3@acme.example"] is None


def test_addresses_keep_their_case(office: Office) -> None:
    """Nothing is lower-cased on the way in."""
    office.workspace.add_user(email="Jo.Ann+Tag@Acme.Example", given_name="Jo", family_name="Ann")
    assert "Jo.Ann+Tag@Acme.Example" in {person.email for person in office.read().people.values()}


def test_one_name_people_have_an_empty_family_name(office: Office) -> None:
    """Google shows a zero-width space where there is no name."""
    source_id = office.workspace.add_user(email="s@acme.example", given_name="Suharto", family_name="\u200b")
    person = office.read().people[source_id]
    assert (person.given_name, person.family_name) == ("Suharto", "")


def test_a_person_without_a_name_is_a_person(office: Office) -> None:
    """A record whose name is missing altogether still has an id and an address."""
    office.edit("users.list", lambda page: [user.pop("name", None) for user in page.get("users", ())])
    assert [(p.given_name, p.family_name) for p in office.read().people.values()] == [("", "")]


def test_a_person_without_an_email_is_a_reject(populated: Office) -> None:
    """The rest is read and certified; the reject names id and page."""
    victim = min(populated.truth())

    def spoil(page: dict[str, Any]) -> None:
        for user in page.get("users", ()):
            if user["id"] == victim:
                del user["primaryEmail"]

    populated.edit("users.list", spoil)
    read = populated.read()
    assert read.people.keys() == populated.truth().keys() - {victim}
    assert [(each.source_id, each.problem) for each in read.rejects] == [(victim, "primaryEmail is missing")]
    assert read.rejects[0].place.startswith("users.list, page ")
    assert read.certificate.complete


def test_a_person_without_an_id_makes_the_listing_incomplete(populated: Office) -> None:
    """Nobody can say whose record that was, so that nobody's absence is certain."""
    populated.server.faults.add(
        "users.list", Fault("no id", edit=lambda page: page.payload["users"][0].pop("id") and None), times=1
    )
    read = populated.read()
    assert len(read.people) == 8
    assert read.certificate.problems == ("users: 1 of the records have no usable id",)


def test_a_group_without_an_id_makes_the_listing_incomplete(populated: Office) -> None:
    """A group that cannot be named may be anybody's."""
    populated.server.faults.add(
        "groups.list", Fault("no id", edit=lambda page: page.payload["groups"][0].pop("id") and None), times=1
    )
    read = populated.read()
    assert read.certificate.problems == ("groups: 1 of the records have no usable id or address",)
    assert len(read.people) == 9


def test_a_rename_behind_the_cursor_is_confirmed(populated: Office) -> None:
    """Whoever moves to a page that was read already is missed by the listing, and present, with groups, when asked."""
    world = populated.workspace
    late = world.add_user(email="zz@acme.example", given_name="Zoe", family_name="Z")
    group = world.add_group(email="zgroup@acme.example", name="Z")
    world.add_member(group, user_id=late)
    populated.server.faults.add(
        "users.list", Fault.before(lambda: world.rename_user(late, email="aa@acme.example")), after=2
    )
    read = populated.read(late)
    assert late not in read.people
    assert read.certificate.complete
    answer = read.answers[late]
    assert isinstance(answer, Present)
    assert answer.identity.email == "aa@acme.example"
    paths = {each.group.email: each.path.value for each in answer.identity.memberships}
    assert paths == {"zgroup@acme.example": "direct", "g4@acme.example": "whole_customer"}


def test_a_rename_ahead_of_the_cursor_counts_once(populated: Office) -> None:
    """Whoever moves to a page yet to come is read twice, and yielded once, as last read."""
    world = populated.workspace
    early = next(source_id for source_id, person in populated.truth().items() if person[0] == "p0@acme.example")
    populated.server.faults.add(
        "users.list", Fault.before(lambda: world.rename_user(early, email="zz@acme.example")), after=2
    )
    read = populated.read()
    assert read.people[early].email == "zz@acme.example"
    assert seen(read) == populated.truth()


def test_an_email_swap_between_pages_keeps_both_ids(populated: Office) -> None:
    """Who has which address is a matter of the id, whatever the addresses do meanwhile."""
    world = populated.workspace
    ids = {person[0]: source_id for source_id, person in populated.truth().items()}
    world.swap_emails(ids["p0@acme.example"], ids["p7@acme.example"])
    read = populated.read()
    assert read.people[ids["p0@acme.example"]].email == "p7@acme.example"
    assert read.people[ids["p0@acme.example"]].given_name == "G0"


def test_an_address_used_again_is_another_person(office: Office) -> None:
    """A deleted person's address under a new id is a new person; the old id is gone."""
    world = office.workspace
    old = world.add_user(email="reused@acme.example", given_name="Old", family_name="One")
    world.delete_user(old)
    new = world.add_user(email="reused@acme.example", given_name="New", family_name="One")
    read = office.read(old)
    assert read.people[new].given_name == "New"
    assert type(read.answers[old]).__name__ == "Gone"


# --- groups and members ---


def test_members_are_joined_by_id(office: Office) -> None:
    """A member shown under an alias, without an email, or without a status is the person with that id."""
    world = office.workspace
    group = world.add_group(email="g@acme.example", name="G")
    one, two, three = (
        world.add_user(email=f"{n}@acme.example", given_name=n, family_name=n, aliases=[f"{n}-alias@acme.example"])
        for n in "abc"
    )
    world.add_member(group, user_id=one, email_shown="a-alias@acme.example")
    world.add_member(group, user_id=two, status=None)
    world.add_member(group, user_id=three)
    read = office.read()
    assert all(read.groups_of(source_id) == {"g@acme.example": "direct"} for source_id in (one, two, three))


def test_outsiders_are_no_identities(office: Office) -> None:
    """A member from outside is listed as a USER without a status; it is none of our people."""
    world = office.workspace
    group = world.add_group(email="g@acme.example", name="G")
    world.add_member(group, external_email="guest@other.example")
    read = office.read()
    assert len(read.people) == 1
    assert read.certificate.complete


def test_a_suspended_member_keeps_the_group(office: Office) -> None:
    """The status of a membership says nothing about belonging."""
    world = office.workspace
    person = world.add_user(email="a@acme.example", given_name="A", family_name="A")
    group = world.add_group(email="g@acme.example", name="G")
    world.add_member(group, user_id=person)
    world.suspend(person)
    assert office.read().groups_of(person) == {"g@acme.example": "direct"}


def test_the_whole_customer_is_everybody(office: Office) -> None:
    """A CUSTOMER member, which has neither email nor status, gives the group and those above it to every person."""
    world = office.workspace
    person = world.add_user(email="a@acme.example", given_name="A", family_name="A")
    world.suspend(person)
    everyone, above, own = (world.add_group(email=f"{n}@acme.example", name=n) for n in ("all", "above", "own"))
    world.add_member(everyone, whole_customer=True)
    world.add_member(above, group_id_member=everyone)
    world.add_member(own, group_id_member=everyone)
    world.add_member(own, user_id=person)
    assert office.read().groups_of(person) == {
        "all@acme.example": "whole_customer",
        "above@acme.example": "whole_customer",
        "own@acme.example": "direct",
    }


def test_nested_groups_are_followed_to_any_depth(office: Office) -> None:
    """A chain of forty groups gives its last member all forty, the nearest directly."""
    world = office.workspace
    person = world.add_user(email="a@acme.example", given_name="A", family_name="A")
    chain = [world.add_group(email=f"g{n:02}@acme.example", name="G") for n in range(40)]
    for parent, child in pairwise(chain):
        world.add_member(parent, group_id_member=child)
    world.add_member(chain[-1], user_id=person)
    found = office.read().groups_of(person)
    assert len(found) == 40
    assert [email for email, path in found.items() if path == "direct"] == ["g39@acme.example"]


def test_a_cycle_that_a_read_can_see_is_harmless(office: Office) -> None:
    """Google refuses cycles, but members read one after the other can show one: everybody in it is in all of it."""
    world = office.workspace
    person = world.add_user(email="a@acme.example", given_name="A", family_name="A")
    first, second = (world.add_group(email=f"g{n}@acme.example", name="G") for n in range(2))
    world.add_member(first, group_id_member=second)
    world.add_member(second, user_id=person)
    office.server.faults.add(
        "members.list",
        Fault("turned", edit=lambda page: page.payload["members"].append({"type": "GROUP", "id": first})),
        where=lambda call: call.keys[0] == second,
        times=None,
    )
    assert office.read().groups_of(person) == {"g0@acme.example": "nested", "g1@acme.example": "direct"}


def test_a_foreign_nested_group_is_passed_over(open_office: OpenOffice) -> None:
    """Another customer's group answers 403: it is noted, and the rest of the group is read."""
    home = Workspace()
    other = Workspace(customer_id="C02other", domains=("other.example",), admin_email="admin@other.example")
    office = open_office(home)
    foreign = other.add_group(email="g@other.example", name="Foreign")
    person = home.add_user(email="a@acme.example", given_name="A", family_name="A")
    group = home.add_group(email="g@acme.example", name="G")
    home.add_member(group, group_id_member=foreign)
    home.add_member(group, user_id=person)
    read = office.read()
    assert read.groups_of(person) == {"g@acme.example": "direct"}
    assert read.certificate.complete
    assert len(read.notes) == 1
    assert "passed over" in read.notes[0]


def test_a_readable_nested_group_outside_the_list_leads_onward(office: Office) -> None:
    """A nested group that is not listed but can be read is no group of ours; people in it are in the groups above."""
    world = office.workspace
    person = world.add_user(email="a@acme.example", given_name="A", family_name="A")
    above, hidden = (world.add_group(email=f"{n}@acme.example", name=n) for n in ("above", "hidden"))
    world.add_member(above, group_id_member=hidden)
    world.add_member(hidden, user_id=person)
    office.edit("groups.list", lambda page: page.update(groups=[g for g in page["groups"] if g["id"] != hidden]))
    read = office.read()
    assert read.groups_of(person) == {"above@acme.example": "nested"}


def test_a_group_that_vanishes_is_no_group(populated: Office) -> None:
    """A group deleted between the groups page and its members is dropped, and the read stays complete."""
    world = populated.workspace
    victim = next(group for group in _group_ids(populated) if group)
    populated.server.faults.add(
        "members.list", Fault.before(lambda: world.delete_group(victim)), where=lambda call: call.keys[0] == victim
    )
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete
    assert read.notes == ("a group vanished while its members were about to be read",)


def test_a_fresh_group_is_waited_for(populated: Office) -> None:
    """A group made seconds ago says 404 to members and is there all the same: it is asked again."""
    victim = _group_ids(populated)[0]
    populated.server.faults.add(
        "members.list", Fault.not_found("groupKey"), where=lambda call: call.keys[0] == victim, times=1
    )
    read = populated.read()
    assert seen(read) == populated.truth()
    assert read.certificate.complete
    assert populated.waits == [1.0]


@pytest.mark.parametrize(
    ("fault", "clause"),
    [(Fault.not_found("groupKey"), "HTTP 404 although the group is there"), (Fault.forbidden(), "HTTP 403 forbidden")],
)
def test_a_group_that_cannot_be_read_leaves_the_rest_usable(populated: Office, fault: Fault, clause: str) -> None:
    """One group's refusal is a problem of the members listing; every person and every other group is there."""
    victim = _group_ids(populated)[0]
    populated.server.faults.add("members.list", fault, where=lambda call: call.keys[0] == victim, times=None)
    read = populated.read()
    assert read.people.keys() == populated.truth().keys()
    assert read.certificate.problems == (f"members: 1 of 5 groups could not be read, such as {victim}: {clause}",)


def test_a_group_that_hides_from_both_questions_is_a_problem(populated: Office) -> None:
    """404 to its members and 403 to itself is neither there nor gone."""
    victim = _group_ids(populated)[0]
    populated.server.faults.add(
        "members.list", Fault.not_found("groupKey"), where=lambda call: call.keys[0] == victim, times=None
    )
    populated.server.faults.add("groups.get", Fault.forbidden(), times=None)
    assert not populated.read().certificate.complete


def test_a_person_among_the_members_who_does_not_say_who_it_is_is_a_problem(populated: Office) -> None:
    """Anybody whom the group seems to have lost may be the one without an id, so the members are not vouched for."""
    populated.server.faults.add(
        "members.list", Fault("no id", edit=lambda page: page.payload["members"][0].pop("id")), times=1
    )
    (problem,) = populated.read().certificate.problems
    assert problem.endswith("1 of its members do not say who they are")


def test_a_nested_group_that_does_not_say_which_it_is_is_noted(populated: Office) -> None:
    """Nested groups without an id occur in the field; one does not make every read incomplete."""
    populated.server.faults.add(
        "members.list", Fault("no id", edit=lambda page: page.payload["members"].append({"type": "GROUP"})), times=1
    )
    read = populated.read()
    assert read.certificate.complete
    assert read.notes == ("a member of a group does not say who it is",)


def _group_ids(office: Office) -> list[str]:
    with office.directory().snapshot() as snapshot:
        groups = {each.group.id for person in snapshot.identities() for each in person.memberships}
    office.server.reset_log()
    return sorted(groups)


def test_memberships_are_shared_values(populated: Office) -> None:
    """People in the same groups hold one tuple, and one membership is one value."""
    read = populated.read()
    by_groups: dict[tuple[Any, ...], set[int]] = {}
    for person in read.people.values():
        key = tuple((each.group.id, each.path) for each in person.memberships)
        by_groups.setdefault(key, set()).add(id(person.memberships))
    assert all(len(ids) == 1 for ids in by_groups.values())
    assert any(sum(p.memberships is q.memberships for q in read.people.values()) > 1 for p in read.people.values())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_account_reads_as_the_servers_truth(open_office: OpenOffice, data: st.DataObject) -> None:
    """People in any state, groups nested in any way Google allows, whole-customer members, and any page size."""
    world = Workspace()
    count = data.draw(st.integers(0, 6))
    office = open_office(world, page_size_cap=data.draw(st.integers(1, 4)))
    people = [world.add_user(email=f"p{n}@acme.example", given_name=f"G{n}", family_name="F") for n in range(count)]
    groups = [world.add_group(email=f"g{n}@acme.example", name="G") for n in range(data.draw(st.integers(0, 6)))]
    for person in people:
        for act in data.draw(st.lists(st.sampled_from([world.suspend, world.archive]), max_size=2, unique=True)):
            act(person)
    for upper, group in enumerate(groups):
        for person in data.draw(st.lists(st.sampled_from(people), unique=True)) if people else []:
            world.add_member(group, user_id=person)
        for child in (
            data.draw(st.lists(st.sampled_from(groups[upper + 1 :]), unique=True)) if groups[upper + 1 :] else []
        ):
            world.add_member(group, group_id_member=child)
        if data.draw(st.integers(0, 5)) == 0:
            world.add_member(group, whole_customer=True)
    read = office.read()
    assert seen(read) == office.truth()
    assert read.certificate.complete


def test_an_empty_last_page_is_asked_for_once_more(populated: Office) -> None:
    """A 200 that left its data out looks like an empty end; asked again, it holds the rest, and no group is lost."""
    before = populated.read().people

    def leave_out(payload: dict[str, Any]) -> None:
        payload.pop("groups")
        payload.pop("nextPageToken", None)

    populated.edit("groups.list", leave_out, times=1, after=1)
    assert populated.read().people == before


def test_everybody_of_another_customer_is_not_everybody_here() -> None:
    """A group outside the account that holds its whole customer says nothing about the people of this account."""
    foreign = Roster("foreign", people={"1"}, everyone=True)
    foreign.judge(ours=False)
    assert (foreign.people, foreign.everyone) == ({"1"}, False)
    own = Roster("own", everyone=True)
    own.judge(ours=True)
    assert own.everyone
