"""groups.list, groups.get, members.list, members.get and hasMember, row by row of the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import Fault, GoogleServer, Quirks, Workspace

MINE = {"customer": "my_customer"}


@pytest.fixture
def team(world: Workspace) -> str:
    """Return a new group's id."""
    return world.add_group(email="Team@acme.example", name="The team", aliases=("crew@acme.example",))


def only(page: Any) -> Any:
    """Return the one member on a page."""
    (member,) = page.json()["members"]
    return member


def test_a_group_has_the_fields_of_the_reference(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """The count of direct members is a string, and a child group's members are not in it."""
    child = world.add_group(email="child@acme.example", name="Child")
    for each in people[:3]:
        world.add_member(child, user_id=each)
    world.add_member(team, group_id_member=child)
    world.add_member(team, user_id=people[0])
    page = wire.get("groups", **MINE).json()
    assert page["kind"] == "admin#directory#groups"
    assert [group["email"] for group in page["groups"]] == ["child@acme.example", "Team@acme.example"]
    group = page["groups"][1]
    assert (group["kind"], group["id"], group["name"]) == ("admin#directory#group", team, "The team")
    assert (group["directMembersCount"], group["aliases"]) == ("2", ["crew@acme.example"])
    assert wire.get("groups/CREW@acme.example").json() == group


def test_an_account_without_groups_omits_the_key(wire: Any) -> None:
    """An empty collection is absent, and a listing needs customer, domain or userKey."""
    assert wire.get("groups", **MINE).json().keys() == {"kind", "etag"}
    assert wire.get("groups").reason() == "badRequest"


def test_a_stale_member_count_is_a_quirk(world: Workspace, open_wire: Any, team: str, people: list[str]) -> None:
    """``directMembersCount`` may lag: under the quirk it says 0 for a group that has members."""
    world.add_member(team, user_id=people[0])
    with GoogleServer(world, quirks=Quirks(direct_members_count="zero")) as other:
        assert open_wire(other).get(f"groups/{team}").json()["directMembersCount"] == "0"


def test_user_key_finds_direct_groups_only(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """Groups by member: the direct ones, never with ``customer``, and 404 for an unknown person."""
    outer = world.add_group(email="outer@acme.example", name="Outer")
    world.add_member(outer, group_id_member=team)
    world.add_member(team, user_id=people[0])
    for key, expected in ((people[0], [team]), ("a@acme.example", [team]), (team, [outer])):
        assert [group["id"] for group in wire.get("groups", userKey=key).json()["groups"]] == expected
    assert wire.get("groups", userKey=people[1]).json().keys() == {"kind", "etag"}
    assert wire.get("groups", userKey=people[0], **MINE).reason() == "invalid"
    assert wire.get("groups", userKey="nobody@acme.example").status == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("email:te*", 1),
        ("name:the*", 1),
        ("email=crew@acme.example", 1),
        ("memberKey=a@acme.example", 1),
        ("name:other", 0),
    ],
)
def test_groups_are_found_by_query(
    world: Workspace, wire: Any, team: str, people: list[str], query: str, expected: int
) -> None:
    """Address, alias, name and member."""
    world.add_member(team, user_id=people[0])
    assert len(wire.get("groups", query=query, **MINE).json().get("groups", [])) == expected


def test_groups_page_like_users(world: Workspace, wire: Any) -> None:
    """Groups come in pages by address, in either direction."""
    for number in range(5):
        world.add_group(email=f"g{number}@acme.example", name="G")
    for direction, expected in (("ASCENDING", "01234"), ("DESCENDING", "43210")):
        pages = wire.pages("groups", maxResults=2, sortOrder=direction, **MINE)
        assert "".join(group["email"][1] for page in pages for group in page["groups"]) == expected


def test_a_renamed_group_keeps_its_id_and_old_address(world: Workspace, wire: Any, team: str) -> None:
    """The old address is an alias from then on."""
    world.rename_group(team, email="squad@acme.example", name="Squad")
    group = wire.get("groups/team@acme.example").json()
    assert (group["id"], group["email"], group["name"]) == (team, "squad@acme.example", "Squad")
    assert group["aliases"] == ["crew@acme.example", "Team@acme.example"]


def test_a_member_shows_the_state_of_the_person(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """A member of the account is ACTIVE, SUSPENDED or ARCHIVED, as the person is now."""
    world.add_member(team, user_id=people[0], role="OWNER")
    member = only(wire.get(f"groups/{team}/members"))
    assert member.keys() == {"kind", "etag", "id", "email", "role", "type", "status"}
    assert (member["kind"], member["id"], member["role"]) == ("admin#directory#member", people[0], "OWNER")
    assert (member["type"], member["status"], member["email"]) == ("USER", "ACTIVE", "a@acme.example")
    world.archive(people[0])
    assert only(wire.get(f"groups/{team}/members"))["status"] == "ARCHIVED"
    world.suspend(people[0])
    assert only(wire.get(f"groups/{team}/members"))["status"] == "SUSPENDED"
    world.delete_user(people[0])
    assert wire.get(f"groups/{team}/members").json().keys() == {"kind", "etag"}


def test_the_whole_customer_has_neither_address_nor_status(world: Workspace, wire: Any, team: str) -> None:
    """A CUSTOMER member is the customer id and a role."""
    world.add_member(team, whole_customer=True)
    member = only(wire.get(f"groups/{team}/members"))
    assert member.keys() == {"kind", "etag", "id", "role", "type"}
    assert (member["id"], member["type"]) == (world.customer_id, "CUSTOMER")


def test_an_outsider_is_a_user_without_status(world: Workspace, wire: Any, team: str) -> None:
    """People from elsewhere come as USER; only the missing status tells."""
    world.add_member(team, external_email="x@else.example")
    member = only(wire.get(f"groups/{team}/members"))
    assert (member["type"], member["email"]) == ("USER", "x@else.example")
    assert "status" not in member


def test_a_member_may_show_an_alias_and_any_status(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """The address of a member need not be the primary one, and the status can be absent or odd."""
    world.rename_user(people[0], email="new@acme.example")
    world.add_member(team, user_id=people[0], email_shown="a@acme.example", status=None)
    member = only(wire.get(f"groups/{team}/members"))
    assert (member["id"], member["email"]) == (people[0], "a@acme.example")
    assert "status" not in member
    world.add_member(team, user_id=people[0], status="UNKNOWN")
    assert only(wire.get(f"groups/{team}/members"))["status"] == "UNKNOWN"


def test_a_child_group_is_an_active_member(world: Workspace, wire: Any, team: str) -> None:
    """A group in a group has its own address and status ACTIVE."""
    child = world.add_group(email="child@acme.example", name="Child")
    world.add_member(team, group_id_member=child)
    member = only(wire.get(f"groups/{team}/members"))
    assert (member["id"], member["type"], member["status"]) == (child, "GROUP", "ACTIVE")
    assert member["email"] == "child@acme.example"


def test_a_group_of_another_customer_can_be_seen_and_not_opened(world: Workspace, wire: Any, team: str) -> None:
    """A child group from elsewhere is listed; reading it or its members is 403."""
    world.add_member(team, group_id_member="0foreign", email_shown="them@else.example")
    member = only(wire.get(f"groups/{team}/members"))
    assert (member["type"], member["email"]) == ("GROUP", "them@else.example")
    for path in ("groups/0foreign", "groups/0foreign/members", "groups/them@else.example"):
        assert (wire.get(path).status, wire.get(path).reason()) == (403, "forbidden")


def test_roles_select_members(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """``roles`` is a list of those wanted; an unknown one is refused."""
    for each, role in zip(people, ("OWNER", "MANAGER", "MEMBER"), strict=False):
        world.add_member(team, user_id=each, role=role)
    page = wire.get(f"groups/{team}/members", roles="OWNER,MANAGER").json()
    assert sorted(member["role"] for member in page["members"]) == ["MANAGER", "OWNER"]
    assert wire.get(f"groups/{team}/members", roles="KING").reason() == "invalid"


def test_derived_membership_opens_groups_and_the_whole_customer(
    world: Workspace, wire: Any, team: str, people: list[str]
) -> None:
    """``includeDerivedMembership`` lists people only, by whatever path, each once."""
    child = world.add_group(email="child@acme.example", name="Child")
    world.add_member(team, group_id_member=child)
    for group in (team, child):
        world.add_member(group, user_id=people[0])
    world.add_member(child, external_email="x@else.example")

    def listed() -> list[str]:
        page = wire.get(f"groups/{team}/members", includeDerivedMembership="true").json()
        assert {member["type"] for member in page["members"]} == {"USER"}
        return sorted(member.get("email", "?") for member in page["members"])

    assert listed() == ["a@acme.example", "x@else.example"]
    world.add_member(child, whole_customer=True)
    world.add_member(child, group_id_member=team, allow_cycle=True)
    assert len(listed()) == len(people) + 1


def test_a_group_deleted_after_it_was_listed_is_404(
    world: Workspace, server: GoogleServer, wire: Any, team: str
) -> None:
    """Between the groups and their members a group can vanish."""
    server.faults.add("members.list", Fault.before(lambda: world.delete_group(team)))
    answer = wire.get(f"groups/{team}/members")
    assert (answer.status, answer.json()["error"]["message"]) == (404, "Resource Not Found: groupKey")


def test_a_fresh_group_is_404_within_the_read_lag(world: Workspace, wire: Any, clock: ManualClock) -> None:
    """A group made seconds ago may not be found by members.list."""
    world.read_lag = timedelta(seconds=30)
    group = world.add_group(email="new@acme.example", name="New")
    assert wire.get(f"groups/{group}/members").status == 404
    assert wire.get("groups", **MINE).json().keys() == {"kind", "etag"}
    clock.advance(seconds=30)
    assert wire.get(f"groups/{group}/members").status == 200


def test_one_member_is_read_by_any_key(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """members.get finds by id and address and adds the delivery settings, which the listing lacks."""
    world.add_member(team, user_id=people[0])
    world.add_member(team, external_email="x@else.example")
    for key in (people[0], "A@acme.example"):
        assert wire.get(f"groups/{team}/members/{key}").json()["delivery_settings"] == "ALL_MAIL"
    assert wire.get(f"groups/{team}/members/X@else.example").json()["type"] == "USER"
    assert wire.get(f"groups/{team}/members/{people[1]}").json()["error"]["message"] == "Resource Not Found: memberKey"


def test_has_member_looks_through_groups_and_refuses_outsiders(
    world: Workspace, wire: Any, team: str, people: list[str]
) -> None:
    """HasMember is true for nested people, false for others, and 400 for somebody from outside."""
    child = world.add_group(email="child@acme.example", name="Child")
    world.add_member(team, group_id_member=child)
    world.add_member(child, user_id=people[0])
    assert wire.get(f"groups/{team}/hasMember/{people[0]}").json() == {"isMember": True}
    assert wire.get(f"groups/{team}/hasMember/{child}").json() == {"isMember": True}
    assert wire.get(f"groups/{team}/hasMember/{people[1]}").json() == {"isMember": False}
    answer = wire.get(f"groups/{team}/hasMember/x@else.example")
    assert (answer.status, answer.json()["error"]["message"]) == (400, "Invalid Input: memberKey")


def test_members_page_by_id(world: Workspace, wire: Any, team: str, people: list[str]) -> None:
    """Pages of members are in the order of their ids and show each once."""
    for each in people:
        world.add_member(team, user_id=each)
    pages = wire.pages(f"groups/{team}/members", maxResults=4)
    assert [member["id"] for page in pages for member in page["members"]] == sorted(people)


@pytest.fixture
def two_worlds(world: Workspace, clock: ManualClock) -> Iterator[tuple[GoogleServer, Workspace]]:
    """Return a server of two customers and the second one's world."""
    other = Workspace(customer_id="C0other", domains=("other.example",), admin_email="boss@other.example", clock=clock)
    with GoogleServer([world, other]) as server:
        yield server, other


def test_two_customers_on_one_server_never_meet(
    world: Workspace, two_worlds: tuple[GoogleServer, Workspace], open_wire: Callable[..., Any], people: list[str]
) -> None:
    """The subject's domain picks the customer; whatever belongs to the other one is 403, not 404."""
    server, other = two_worlds
    theirs = other.add_user(email="eve@other.example", given_name="Eve", family_name="E")
    group = other.add_group(email="g@other.example", name="G")
    ours, foreign = open_wire(server), open_wire(server, subject="boss@other.example")
    assert [user["id"] for user in foreign.get("users", **MINE).json()["users"]] == [theirs]
    assert len(ours.get("users", **MINE).json()["users"]) == len(people)
    for path in (f"users/{theirs}", f"groups/{group}", f"groups/{group}/members"):
        assert ours.get(path).reason() == "forbidden"
    for query in ({"customer": "C0other"}, {"domain": "other.example"}):
        assert ours.get("users", **query).reason() == "forbidden"
    assert foreign.get("users", customer=world.customer_id).reason() == "forbidden"
