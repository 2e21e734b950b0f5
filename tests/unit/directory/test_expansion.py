from __future__ import annotations

import pytest

from smartify_core.directory import GroupMembers, _expansion, expand
from smartify_core.model import Group, MembershipPath

D, N, W = MembershipPath.DIRECT, MembershipPath.NESTED, MembershipPath.WHOLE_CUSTOMER


def named(*ids: str) -> dict[str, Group]:
    """Return groups with these ids."""
    return {group_id: Group(group_id, f"{group_id}@acme.example", group_id.title()) for group_id in ids}


def paths(expansion: _expansion.Expansion, person: str) -> dict[str, MembershipPath]:
    """Return the person's groups and the path to each."""
    return {each.group.id: each.path for each in expansion.memberships_of(person)}


def test_nested_three_deep() -> None:
    """A person in the innermost of four groups is in all four."""
    members = {
        "team": GroupMembers(["ada"]),
        "unit": GroupMembers(groups=["team"]),
        "area": GroupMembers(groups=["unit"]),
        "firm": GroupMembers(groups=["area"]),
    }
    expansion = expand(named("area", "firm", "team", "unit"), members)
    assert paths(expansion, "ada") == {"area": N, "firm": N, "team": D, "unit": N}


def test_cycle_ends() -> None:
    """Groups that contain one another contain each other's people, and the expansion ends."""
    members = {"a": GroupMembers(["ada"], ["b"]), "b": GroupMembers(["bob"], ["a"])}
    expansion = expand(named("a", "b"), members)
    assert paths(expansion, "ada") == {"a": D, "b": N}
    assert paths(expansion, "bob") == {"a": N, "b": D}


def test_first_path_is_kept() -> None:
    """Where several paths lead to a group, listed beats nested, and nested beats the whole customer."""
    members = {
        "all": GroupMembers(["ada"], ["inner"], everyone=True),
        "inner": GroupMembers(["ada", "bob"]),
    }
    expansion = expand(named("all", "inner"), members)
    assert paths(expansion, "ada") == {"all": D, "inner": D}
    assert paths(expansion, "bob") == {"all": N, "inner": D}
    assert paths(expansion, "cid") == {"all": W}


def test_whole_customer_climbs() -> None:
    """Whoever contains a group of everybody contains everybody."""
    members = {"all": GroupMembers(everyone=True), "top": GroupMembers(groups=["all"])}
    assert paths(expand(named("all", "top"), members), "anybody") == {"all": W, "top": W}


def test_passage_leads_onward() -> None:
    """A passage is no group of anybody, but its people are in the groups that it is nested in."""
    members = {"ours": GroupMembers(groups=["theirs"]), "theirs": GroupMembers(["ada"])}
    assert paths(expand(named("ours"), members, ["theirs"]), "ada") == {"ours": N}
    assert paths(expand(named("ours"), members), "ada") == {}


def test_values_are_shared() -> None:
    """People in the same groups have one tuple; people in different ones share the memberships themselves."""
    members = {"a": GroupMembers(["ada", "bob", "cid"]), "b": GroupMembers(["ada", "bob"])}
    expansion = expand(named("a", "b"), members)
    ada, bob, cid = (expansion.memberships_of(person) for person in ("ada", "bob", "cid"))
    assert ada is bob
    assert ada[0] is cid[0]


def test_kept_tuples_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound on what is kept, answers stay right and are made afresh."""
    monkeypatch.setattr(_expansion, "_KEPT_PLACES", 1)
    expansion = expand(named("a", "b"), {"a": GroupMembers(["ada", "bob"]), "b": GroupMembers(["ada", "bob"])})
    ada, bob = expansion.memberships_of("ada"), expansion.memberships_of("bob")
    assert ada == bob
    assert ada is not bob


def test_listed_twice_counts_once() -> None:
    """A person whom a group lists twice is in it once, and still shares the tuple of the others."""
    expansion = expand(named("a"), {"a": GroupMembers(["ada", "ada", "bob"])})
    assert paths(expansion, "ada") == {"a": D}
    assert expansion.memberships_of("ada") is expansion.memberships_of("bob")


def test_five_thousand_deep() -> None:
    """A chain of five thousand groups is climbed without recursion, and its people have all groups above them."""
    ids = [f"{number:05}" for number in range(5_000)]
    members = {
        group_id: GroupMembers([f"u{group_id}"], [ids[place - 1]] if place else [])
        for place, group_id in enumerate(ids)
    }
    expansion = expand(named(*ids), members)
    assert len(expansion.memberships_of("u00000")) == 5_000
    assert len(expansion.memberships_of("u04999")) == 1
