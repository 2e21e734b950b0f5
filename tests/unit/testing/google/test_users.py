"""users.list and users.get, row by row of the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import GoogleServer, Quirks, Workspace

MINE = {"customer": "my_customer"}


def emails(page: Any) -> list[str]:
    """Return the addresses on a page."""
    return [user["primaryEmail"] for user in page.get("users", [])]


def test_an_empty_collection_omits_its_key(wire: Any) -> None:
    """A listing of nobody has a kind and an etag, and neither ``users`` nor a token."""
    page = wire.get("users", **MINE).json()
    assert page.keys() == {"kind", "etag"}
    assert page["kind"] == "admin#directory#users"


def test_an_empty_page_under_a_mask_without_kind_is_a_bare_object(wire: Any) -> None:
    """This is why a client must ask for ``kind``."""
    assert wire.get("users", fields="nextPageToken,users(id)", **MINE).json() == {}


def test_a_user_has_the_fields_of_the_reference(world: Workspace, wire: Any, clock: ManualClock) -> None:
    """Ids are strings, times are RFC 3339 with milliseconds, flags are there when false, reasons only when true."""
    user_id = world.add_user(email="Ann@acme.example", given_name="Ann", family_name="Doe", aliases=("a@acme.test",))
    user = wire.get(f"users/{user_id}").json()
    assert user["kind"] == "admin#directory#user"
    assert (user["id"], user["primaryEmail"], user["customerId"]) == (user_id, "Ann@acme.example", "C01abcdef")
    assert user["name"] == {"givenName": "Ann", "familyName": "Doe", "fullName": "Ann Doe"}
    assert (user["suspended"], user["archived"], user["aliases"]) == (False, False, ["a@acme.test"])
    assert user.keys().isdisjoint({"suspensionReason", "suspensionTime", "archivalTime", "deletionTime", "isGuestUser"})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", user["creationTime"])
    assert user["nonEditableAliases"] == ["Ann@acme.example.test-google-a.com"]
    world.suspend(user_id, reason="ABUSE")
    world.archive(user_id)
    user = wire.get(f"users/{user_id}").json()
    assert (user["suspended"], user["suspensionReason"], user["archived"]) == (True, "ABUSE", True)
    assert user["suspensionTime"] == user["archivalTime"]


def test_a_missing_name_part_is_left_out(world: Workspace, wire: Any) -> None:
    """A person may lack a part of the name; a zero-width one is sent as it is."""
    user_id = world.add_user(email="plato@acme.example", given_name="\u200b", family_name=None)
    assert wire.get(f"users/{user_id}", fields="name(givenName,familyName)").json() == {"name": {"givenName": "\u200b"}}


@pytest.mark.parametrize("key", ["id", "A@acme.example", "alias@acme.test"])
def test_a_user_is_found_by_id_primary_address_and_alias(world: Workspace, wire: Any, key: str) -> None:
    """Each kind of key finds the person, whatever its case."""
    user_id = world.add_user(email="a@acme.example", given_name="A", family_name="B", aliases=("Alias@acme.test",))
    assert wire.get(f"users/{user_id if key == 'id' else key}").json()["id"] == user_id


def test_an_unknown_key_is_404_and_a_foreign_one_403(world: Workspace, wire: Any, people: list[str]) -> None:
    """Nobody of that key is 404; an address elsewhere, or an outsider's id, is 403 and must not read as gone."""
    outsider = world.add_member(world.add_group(email="team@acme.example", name="T"), external_email="x@else.example")
    for key in ("123", "nobody@acme.example"):
        answer = wire.get(f"users/{key}")
        assert (answer.status, answer.json()["error"]["message"]) == (404, "Resource Not Found: userKey")
    for key in ("x@else.example", outsider):
        answer = wire.get(f"users/{key}")
        assert (answer.status, answer.reason()) == (403, "forbidden")
    world.delete_user(people[0])
    assert wire.get(f"users/{people[0]}").status == 404


def test_neither_customer_nor_domain_is_a_bad_request(wire: Any) -> None:
    """A listing of nothing in particular is refused."""
    answer = wire.get("users")
    assert (answer.status, answer.reason(), answer.json()["error"]["message"]) == (400, "badRequest", "Bad Request")


def test_the_customer_id_means_the_same_as_my_customer(world: Workspace, wire: Any, people: list[str]) -> None:
    """The account's own id and the alias list the same people."""
    assert emails(wire.get("users", customer=world.customer_id).json()) == emails(wire.get("users", **MINE).json())
    assert len(people) == 10


def test_a_domain_lists_only_its_own(world: Workspace, wire: Any, people: list[str]) -> None:
    """``domain`` filters by the primary address, also together with ``customer``; a strange one is not found."""
    world.add_user(email="Z@ACME.test", given_name="Z", family_name="Z")
    assert emails(wire.get("users", domain="acme.test").json()) == ["Z@ACME.test"]
    assert emails(wire.get("users", domain="acme.test", **MINE).json()) == ["Z@ACME.test"]
    assert len(emails(wire.get("users", **MINE).json())) == len(people) + 1
    assert wire.get("users", domain="nowhere.example").status == 404
    assert wire.get("users", customer="C0nobody").json()["error"]["message"] == "Customer doesn't exist"


def test_the_order_is_by_address_whatever_its_case(world: Workspace, wire: Any) -> None:
    """Without ``orderBy``, and with ``orderBy=email``, addresses ascend and case does not count."""
    for name in ("bob", "Carl", "ANN", "_x"):
        world.add_user(email=f"{name}@acme.example", given_name=name, family_name="X")
    expected = ["_x@acme.example", "ANN@acme.example", "bob@acme.example", "Carl@acme.example"]
    assert emails(wire.get("users", **MINE).json()) == expected
    assert emails(wire.get("users", orderBy="email", sortOrder="DESCENDING", **MINE).json()) == expected[::-1]


def test_names_order_too_and_pages_run_backwards(world: Workspace, wire: Any) -> None:
    """``orderBy`` a name and ``sortOrder=DESCENDING`` page through everybody once, in that order."""
    for number, (given, family) in enumerate([("B", "y"), ("a", "Z"), ("C", "x"), ("d", "X")]):
        world.add_user(email=f"{number}@acme.example", given_name=given, family_name=family)
    for order, expected in (("givenName", "1023"), ("familyName", "2301")):
        for direction, wanted in (("ASCENDING", expected), ("DESCENDING", expected[::-1])):
            pages = wire.pages("users", orderBy=order, sortOrder=direction, maxResults=3, **MINE)
            assert "".join(each[0] for page in pages for each in emails(page)) == wanted
            assert len(pages) == 2


@pytest.mark.parametrize(
    "query",
    [
        *(
            {"orderBy": "shoeSize"},
            {"sortOrder": "up"},
            {"projection": "huge"},
            {"viewType": "all"},
            {"event": "sneeze"},
        ),
        *({"fields": "users(shoe)"}, {"maxResults": 0}, {"maxResults": -1}, {"maxResults": "many"}),
        *({"maxResults": "--1"}, {"maxResults": "9" * 40}),
    ],
)
def test_a_parameter_of_a_wrong_value_is_refused(wire: Any, query: dict[str, object]) -> None:
    """Enumerations, masks and numbers are checked by the server, and the refusal names the parameter."""
    answer = wire.get("users", **MINE, **query)
    assert (answer.status, answer.reason()) == (400, "invalidParameter")
    assert answer.json()["error"]["errors"][0]["location"] == next(iter(query))


@pytest.mark.parametrize(
    ("path", "default", "most"),
    [("users", 100, 500), ("groups", 200, 200), ("groups/g@acme.example/members", 200, 200)],
)
def test_page_sizes_default_and_stop_where_the_reference_says(
    world: Workspace, server: GoogleServer, open_wire: Any, path: str, default: int, most: int
) -> None:
    """Each listing has its own default and greatest page; more is cut down, or refused by a quirk."""
    group = world.add_group(email="g@acme.example", name="G")
    for number in range(most + 1):
        user_id = world.add_user(email=f"u{number}@acme.example", given_name="U", family_name=str(number))
        world.add_group(email=f"g{number}@acme.example", name="N")
        world.add_member(group, user_id=user_id)
    wire, collection = open_wire(server), path.rpartition("/")[2]

    def count(page: Any) -> int:
        return len(page[collection])

    assert count(wire.get(path, **MINE).json()) == default
    assert count(wire.get(path, maxResults=3, **MINE).json()) == 3
    assert count(wire.get(path, maxResults=most + 1, **MINE).json()) == most
    with GoogleServer(world, quirks=Quirks(too_many_results="refuse"), page_size_cap=7) as strict:
        other = open_wire(strict)
        assert other.get(path, maxResults=most + 1, **MINE).reason() == "invalidParameter"
        assert count(other.get(path, maxResults=most, **MINE).json()) == 7


def test_show_deleted_lists_only_the_deleted(
    world: Workspace, wire: Any, people: list[str], clock: ManualClock
) -> None:
    """Deleted people leave the listing, show up bare on the deleted list, and vanish from both after 20 days."""
    world.delete_user(people[3])
    assert "d@acme.example" not in emails(wire.get("users", **MINE).json())
    page = wire.get("users", showDeleted="true", **MINE).json()
    assert [set(user) for user in page["users"]] == [{"kind", "id", "etag", "primaryEmail", "deletionTime"}]
    assert page["users"][0]["id"] == people[3]
    clock.advance(days=20, seconds=1)
    assert wire.get("users", showDeleted="true", **MINE).json().keys() == {"kind", "etag"}


def test_several_deleted_people_can_carry_one_address(world: Workspace, wire: Any) -> None:
    """An address used and deleted three times is on the deleted list three times, page by page."""
    ids = []
    for _ in range(3):
        ids.append(world.add_user(email="x@acme.example", given_name="X", family_name="X"))
        world.delete_user(ids[-1])
    pages = wire.pages("users", showDeleted="true", maxResults=2, **MINE)
    assert sorted(user["id"] for page in pages for user in page["users"]) == sorted(ids)


def test_whether_a_capital_true_counts_is_a_quirk(
    world: Workspace, wire: Any, open_wire: Any, people: list[str]
) -> None:
    """``showDeleted=True`` lists the deleted, or under the other reading everybody else."""
    world.delete_user(people[0])
    assert len(emails(wire.get("users", showDeleted="True", **MINE).json())) == 1
    with GoogleServer(world, quirks=Quirks(capital_true=False)) as strict:
        assert len(emails(open_wire(strict).get("users", showDeleted="True", **MINE).json())) == 9


def test_guests_are_marked_and_listing_them_is_a_quirk(world: Workspace, wire: Any, open_wire: Any) -> None:
    """A guest says so, with the address it came by."""
    world.add_user(email="g@acme.example", given_name="G", family_name="G", guest_email="g@else.example")
    user = wire.get("users", **MINE).json()["users"][0]
    assert (user["isGuestUser"], user["guestAccountInfo"]) == (True, {"primaryGuestEmail": "g@else.example"})
    with GoogleServer(world, quirks=Quirks(guests_listed=False)) as strict:
        assert emails(open_wire(strict).get("users", **MINE).json()) == []


def test_an_archived_user_may_read_suspended_by_a_quirk(world: Workspace, wire: Any, open_wire: Any) -> None:
    """Archived and suspended are two flags; whether the first drags the second along is not known."""
    user_id = world.add_user(email="a@acme.example", given_name="A", family_name="A", archived=True)
    assert wire.get(f"users/{user_id}").json()["suspended"] is False
    with GoogleServer(world, quirks=Quirks(archived_reads_suspended=True)) as other:
        assert open_wire(other).get(f"users/{user_id}").json()["suspended"] is True


def test_the_public_view_does_not_say_who_is_suspended(
    world: Workspace, wire: Any, server: GoogleServer, open_wire: Any
) -> None:
    """``domain_public`` hides state, and it is all that a person without administrator's rights may read."""
    user_id = world.add_user(email="a@acme.example", given_name="A", family_name="A", suspended=True)
    world.add_user(email="plain@acme.example", given_name="P", family_name="P")
    assert wire.get(f"users/{user_id}", viewType="domain_public").json().keys().isdisjoint({"suspended", "archived"})
    plain = open_wire(server, subject="plain@acme.example")
    assert plain.get("users", **MINE).reason() == "forbidden"
    assert plain.get("users", viewType="domain_public", **MINE).json()["users"][0].keys() == {
        "kind", "id", "etag", "primaryEmail", "name", "emails",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("email:b@acme.example", "b"),
        ("email=C@acme.example", "c"),
        ("email:old*", "d"),
        ("givenName:E", "e"),
        ("familyName='Family f'", "f"),
        ("name:fam* isSuspended=true", "g"),
        ("isArchived=true", "h"),
        ('name:"I Family i"', "i"),
        ("J", "j"),
        ("isAdmin=true", ""),
        ("isSuspended=false isArchived=false", "abcdefij"),
    ],
)
def test_a_query_finds(world: Workspace, wire: Any, people: list[str], query: str, expected: str) -> None:
    """Equality, words, prefixes, quotes, flags and aliases, with every clause holding at once."""
    world.rename_user(people[3], email="old@acme.example")
    world.rename_user(people[3], email="d@acme.example")
    world.suspend(people[6])
    world.archive(people[7])
    assert "".join(each[0] for each in emails(wire.get("users", query=query, **MINE).json())) == expected


def test_a_query_on_an_unknown_field_is_refused(wire: Any) -> None:
    """There is no guessing at a field's meaning."""
    assert wire.get("users", query="shoeSize=44", **MINE).reason() == "invalid"


def test_etags_have_googles_shape_and_follow_every_change(world: Workspace, wire: Any, people: list[str]) -> None:
    """43 and 27 characters in quotes; the first half is the account's; a login changes the second."""
    page = wire.get("users", **MINE).json()
    etags = [page["etag"], *(user["etag"] for user in page["users"])]
    assert all(re.fullmatch(r'"[\w-]{43}/[\w-]{27}"', etag) for etag in etags)
    assert len({etag.partition("/")[0] for etag in etags}) == 1
    assert len(set(etags)) == len(etags)
    world.log_in(people[0])
    after = wire.get("users", **MINE).json()
    assert after["etag"] != page["etag"]
    assert [a["etag"] == b["etag"] for a, b in zip(after["users"], page["users"], strict=True)] == [False, *[True] * 9]


def test_a_conditional_read_gets_304_only_by_a_quirk(
    world: Workspace, wire: Any, open_wire: Any, people: list[str]
) -> None:
    """``If-None-Match`` is ignored unless the quirk says otherwise; then only the current etag matches."""
    path = f"users/{people[0]}"
    etag = wire.get(path).json()["etag"]
    assert wire.get(path, headers={"If-None-Match": etag}).status == 200
    with GoogleServer(world, quirks=Quirks(conditional_reads=True)) as other:
        conditional = open_wire(other)
        same = conditional.get(path, headers={"If-None-Match": etag})
        assert (same.status, same.body) == (304, b"")
        world.log_in(people[0])
        assert conditional.get(path, headers={"If-None-Match": etag}).status == 200


def test_fresh_reads_trail_by_the_read_lag(world: Workspace, wire: Any, clock: ManualClock) -> None:
    """Within the lag a new person is 404 and not listed, and a rename shows the old address."""
    old = world.add_user(email="old@acme.example", given_name="O", family_name="O")
    clock.advance(minutes=1)
    world.read_lag = timedelta(seconds=30)
    new = world.add_user(email="new@acme.example", given_name="N", family_name="N")
    world.rename_user(old, email="renamed@acme.example")
    assert wire.get(f"users/{new}").status == 404
    assert emails(wire.get("users", **MINE).json()) == ["old@acme.example"]
    clock.advance(seconds=30)
    assert wire.get(f"users/{new}").status == 200
    assert emails(wire.get("users", **MINE).json()) == ["new@acme.example", "renamed@acme.example"]


def test_searches_trail_by_the_search_lag(world: Workspace, wire: Any, clock: ManualClock, people: list[str]) -> None:
    """A suspension is not in the search index yet while the listing already tells it."""
    clock.advance(days=1)
    world.search_lag = timedelta(hours=1)
    world.suspend(people[0])
    assert emails(wire.get("users", query="isSuspended=true", **MINE).json()) == []
    assert wire.get("users", **MINE).json()["users"][0]["suspended"] is True
    clock.advance(hours=1)
    assert emails(wire.get("users", query="isSuspended=true", **MINE).json()) == ["a@acme.example"]


def test_googles_own_client_reads_the_listing(directory: Callable[..., Any], people: list[str]) -> None:
    """The real library pages through with a mask and finds everybody once."""
    users = directory().users()
    request = users.list(customer="my_customer", maxResults=3, fields="kind,nextPageToken,users(id)")
    found = []
    while request is not None:
        page = request.execute()
        found += [user["id"] for user in page["users"]]
        request = users.list_next(request, page)
    assert found == people
