"""Page tokens, and what changes between two pages do to a listing."""

from __future__ import annotations

from typing import Any

import pytest

from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import Fault, GoogleServer, Workspace

MINE = {"customer": "my_customer", "maxResults": "4"}


def seen(pages: list[Any]) -> list[str]:
    """Return the first letters of the addresses on all pages."""
    return [user["primaryEmail"][0] for page in pages for user in page.get("users", [])]


def test_a_listing_in_pages_is_the_listing(wire: Any, people: list[str]) -> None:
    """Following the tokens shows everybody once; the last page has none."""
    pages = wire.pages("users", **MINE)
    assert [len(page["users"]) for page in pages] == [4, 4, 2]
    assert [user["id"] for page in pages for user in page["users"]] == people


def test_a_full_last_page_has_no_token(wire: Any, people: list[str]) -> None:
    """A page that ends exactly with the listing is the last one."""
    assert "nextPageToken" not in wire.get("users", customer="my_customer", maxResults=len(people)).json()


def test_whoever_is_renamed_behind_the_cursor_is_missed(
    world: Workspace, server: GoogleServer, wire: Any, people: list[str]
) -> None:
    """A person ahead of the cursor who moves behind it between two pages is on no page."""
    server.faults.add(
        "users.list", Fault.before(lambda: world.rename_user(people[8], email="aa@acme.example")), after=1
    )
    assert people[8] not in [user["id"] for page in wire.pages("users", **MINE) for user in page["users"]]
    assert people[8] in [user["id"] for page in wire.pages("users", **MINE) for user in page["users"]]


def test_whoever_is_renamed_ahead_of_the_cursor_is_seen_twice(
    world: Workspace, server: GoogleServer, wire: Any, people: list[str]
) -> None:
    """A person behind the cursor who moves ahead of it between two pages is on two pages, under two addresses."""
    server.faults.add(
        "users.list", Fault.before(lambda: world.rename_user(people[0], email="zz@acme.example")), after=1
    )
    pages = wire.pages("users", **MINE)
    shown = [user["primaryEmail"] for page in pages for user in page["users"] if user["id"] == people[0]]
    assert shown == ["a@acme.example", "zz@acme.example"]


def test_deletions_between_pages_lose_nobody_else(
    world: Workspace, server: GoogleServer, wire: Any, people: list[str]
) -> None:
    """The cursor is a key and not a number: a deletion behind it shifts nobody off a page."""
    server.faults.add("users.list", Fault.before(lambda: world.delete_user(people[0])), after=1)
    assert seen(wire.pages("users", **MINE)) == list("abcdefghij")


def test_a_listing_emptied_behind_its_token_ends_with_an_empty_page(
    world: Workspace, server: GoogleServer, wire: Any, people: list[str]
) -> None:
    """A page reached by a token may hold no items at all."""

    def delete_the_rest() -> None:
        for each in people[4:]:
            world.delete_user(each)

    server.faults.add("users.list", Fault.before(delete_the_rest), after=1)
    pages = wire.pages("users", **MINE)
    assert len(pages) == 2
    assert pages[1].keys() == {"kind", "etag"}


@pytest.mark.parametrize("token", ["nonsense", "!!!", "QUJD", "\u00e9", "A" * 300])
def test_a_made_up_token_is_quoted_in_the_refusal(wire: Any, people: list[str], token: str) -> None:
    """400 ``invalid`` with the token itself, as Google says it."""
    answer = wire.get("users", pageToken=token, **MINE)
    assert (answer.status, answer.reason()) == (400, "invalid")
    assert answer.json()["error"]["message"] == f"Invalid Input: {token}"


@pytest.mark.parametrize(
    "other", [{"showDeleted": "true"}, {"orderBy": "givenName"}, {"query": "name:f*"}, {"domain": "acme.example"}]
)
def test_a_token_belongs_to_its_parameters(wire: Any, people: list[str], other: dict[str, str]) -> None:
    """A token from one listing is refused by another, and by another method; page size and mask may change."""
    token = wire.get("users", **MINE).json()["nextPageToken"]
    assert wire.get("users", pageToken=token, **MINE, **other).reason() == "invalid"
    assert wire.get("groups", pageToken=token, **MINE).reason() == "invalid"
    changed = wire.get("users", pageToken=token, customer="my_customer", maxResults=2, fields="users/id").json()
    assert [user["id"] for user in changed["users"]] == people[4:6]


def test_a_token_is_good_for_three_days(wire: Any, people: list[str], clock: ManualClock) -> None:
    """At three days the token still works; a second later the listing must start again."""
    token = wire.get("users", **MINE).json()["nextPageToken"]
    clock.advance(days=3)
    assert wire.get("users", pageToken=token, **MINE).status == 200
    clock.advance(seconds=1)
    assert wire.get("users", pageToken=token, **MINE).json()["error"]["message"] == f"Invalid Input: {token}"


def test_a_token_also_ages_by_the_servers_clock(world: Workspace, people: list[str], open_wire: Any) -> None:
    """Whichever clock a test turns, the token expires."""
    turned = ManualClock()
    with GoogleServer(world, clock=turned) as server:
        token = open_wire(server).get("users", **MINE).json()["nextPageToken"]
        turned.advance(days=3, seconds=1)
        assert open_wire(server).get("users", pageToken=token, **MINE).reason() == "invalid"


def test_a_page_served_again_from_memory_notices_every_change(world: Workspace, wire: Any, people: list[str]) -> None:
    """Unchanged worlds give the same bytes; a change shows on the next read."""
    first, again = wire.get("users", **MINE), wire.get("users", **MINE)
    assert first.body == again.body
    world.rename_user(people[0], given_name="New")
    assert wire.get("users", **MINE).json()["users"][0]["name"]["givenName"] == "New"


def test_a_page_kept_in_memory_never_hands_out_an_old_token(wire: Any, people: list[str], clock: ManualClock) -> None:
    """A page asked for again after three days brings a token that works."""
    wire.get("users", **MINE)
    clock.advance(days=3, seconds=1)
    token = wire.get("users", **MINE).json()["nextPageToken"]
    assert wire.get("users", pageToken=token, **MINE).status == 200
    assert len(people) == 10
