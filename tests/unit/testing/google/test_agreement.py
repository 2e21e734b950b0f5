"""What a client finds over the wire is what the world says is true: two ways of computing it that share no code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.testing import make_sample
from smartify_core.testing.google import GoogleServer, Workspace
from smartify_core.testing.google._answers import Refusal
from smartify_core.testing.google._paging import mint_token, page_of, read_token

MINE = {"customer": "my_customer"}


def listed(wire: Any, path: str, collection: str, **query: object) -> list[Any]:
    """Return all items of a listing, from all of its pages."""
    return [item for page in wire.pages(path, **query) for item in page.get(collection, [])]


def found_over_the_wire(wire: Any) -> dict[str, Any]:
    """Read everything and work out who is in which group, as a client must."""
    users = {user["id"]: user for user in listed(wire, "users", "users", maxResults=7, **MINE)}
    groups = {group["id"]: group["email"] for group in listed(wire, "groups", "groups", **MINE)}
    members = {each: listed(wire, f"groups/{each}/members", "members", maxResults=3) for each in groups}
    people_of: dict[str, set[str]] = {each: set() for each in groups}
    for _ in groups:  # as many rounds as there are groups reach the deepest nesting, cycles or not
        for each, direct in members.items():
            for member in direct:
                if member["type"] == "CUSTOMER":
                    people_of[each] |= users.keys()
                elif member["type"] == "GROUP":
                    people_of[each] |= people_of[member["id"]]
                elif member["id"] in users:
                    people_of[each].add(member["id"])
    return {
        user_id: (
            user["primaryEmail"],
            "inactive" if user["suspended"] or user["archived"] else "active",
            sorted(groups[each] for each, people in people_of.items() if user_id in people),
        )
        for user_id, user in users.items()
    }


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("cycle", [False, True])
def test_a_sample_read_over_the_wire_is_the_truth(open_wire: Any, seed: int, *, cycle: bool) -> None:
    """Addresses, states and groups by every path agree for everybody, and so does the deleted list."""
    world = Workspace.from_sample(make_sample(seed=seed, people=25, groups=9, cycle=cycle))
    with GoogleServer(world) as server:
        wire = open_wire(server)
        truth = world.truth()
        assert found_over_the_wire(wire) == {
            person["id"]: (person["email"], person["state"], person["groups"]) for person in truth["people"]
        }
        deleted = listed(wire, "users", "users", showDeleted="true", **MINE)
        assert sorted(user["id"] for user in deleted) == truth["deleted"]


changes = st.lists(
    st.tuples(
        st.sampled_from(["add", "rename", "swap", "alias", "delete", "undelete", "suspend", "archive"]),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=30,
)


def change(world: Workspace, ids: list[str], what: str, first: int, second: int) -> None:
    """Make one change, which the world may refuse."""
    one, address = ids[first % len(ids)], f"p{second}@acme.example"
    if what == "add":
        ids.append(world.add_user(email=address, given_name="P", family_name=str(second)))
    elif what == "rename":
        world.rename_user(one, email=address)
    elif what == "swap":
        world.swap_emails(one, ids[second % len(ids)])
    elif what == "alias":
        world.remove_alias(one, address)
    elif what == "delete":
        world.delete_user(one)
    elif what == "undelete":
        world.undelete_user(one)
    elif what == "suspend":
        world.suspend(one)
    else:
        world.archive(one)


@given(changes)
def test_an_address_never_has_two_owners(steps: list[tuple[str, int, int]]) -> None:
    """After any changes live addresses are unique and find their owner; a refused change changes nothing."""
    world = Workspace()
    ids = [world.add_user(email="p0@acme.example", given_name="P", family_name="0")]
    for what, first, second in steps:
        before = world.truth()
        try:
            change(world, ids, what, first, second)
        except UsageError:
            assert world.truth() == before
    live = world.users()
    owned = [(address.lower(), user.id) for user in live for address in (user.email, *user.aliases)]
    assert len({address for address, _ in owned}) == len(owned)
    for address, user_id in owned:
        found = world.find_user(address)
        assert found is not None
        assert found.id == user_id
    assert {user.id for user in live}.isdisjoint(user.id for user in world.deleted_users())


@given(st.sets(st.text("abc", min_size=1, max_size=4)), st.integers(1, 5), st.booleans())
def test_pages_in_any_size_and_direction_are_the_whole_listing(names: set[str], size: int, descending: bool) -> None:
    """Following last keys shows everything once and in order."""
    keys = [(name,) for name in sorted(names)]
    seen: list[tuple[str, ...]] = []
    after: tuple[str, ...] | None = None
    while True:
        page, after = page_of(keys, keys, after, size, descending=descending)
        assert len(page) <= size
        seen += page
        if after is None:
            break
    assert seen == (keys[::-1] if descending else keys)


@given(st.text(), st.lists(st.text(), min_size=1).map(tuple), st.integers(0, 2**31))
def test_a_token_says_what_was_put_into_it(binding: str, key: tuple[str, ...], salt: int) -> None:
    """Reading is the inverse of minting, for its own listing only; salt changes the token and not its meaning."""
    world = Workspace()
    clocks = (world.clock(), world.clock())
    lifetime = timedelta(days=3)
    token = mint_token(binding, key, clocks, salt)
    assert read_token(token, binding, clocks, lifetime) == key
    assert token != mint_token(binding, key, clocks, salt + 1)
    with pytest.raises(Refusal):
        read_token(token, binding + "x", clocks, lifetime)
