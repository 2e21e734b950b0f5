from __future__ import annotations

import hashlib
import re

import pytest

from smartify_core.errors import UsageError
from smartify_core.testing import Sample, make_sample


def spelled_out(sample: Sample) -> str:
    """Return everything that a sample says, as one text."""
    people = [
        (p.source_id, p.email, p.given_name, p.family_name, p.suspended, p.archived, p.aliases)
        for p in (*sample.people, *sample.deleted)
    ]
    groups = [
        (g.source_id, g.email, g.name, g.member_ids, g.child_group_ids, g.whole_customer, g.external_emails)
        for g in sample.groups
    ]
    return ascii((sample.customer_id, sample.domains, sample.admin_email, people, groups))


def depth_below(sample: Sample, group_id: str, above: frozenset[str] = frozenset()) -> int:
    """Return how many groups deep the nesting goes from ``group_id`` downwards; a group met again adds nothing."""
    if group_id in above:
        return 0
    children = next(group.child_group_ids for group in sample.groups if group.source_id == group_id)
    return 1 + max((depth_below(sample, child, above | {group_id}) for child in children), default=0)


def contains_itself(sample: Sample) -> bool:
    """Return whether any group leads back to itself."""
    children = {group.source_id: set(group.child_group_ids) for group in sample.groups}
    while True:
        leaves = {group for group, below in children.items() if not below & children.keys()}
        if not leaves:
            return bool(children)
        children = {group: below for group, below in children.items() if group not in leaves}


def test_same_everywhere() -> None:
    """The default sample is the same on every machine and Python version: its digest is fixed here."""
    digest = hashlib.sha256(spelled_out(make_sample()).encode()).hexdigest()
    assert digest == "8e022831ae7fad26f7319545f06e1d391da24bba3775f17da28004045aaefada"


def test_seed_decides() -> None:
    """The same seed gives the same directory, another seed another one."""
    assert make_sample(7) == make_sample(7)
    assert spelled_out(make_sample(7)) != spelled_out(make_sample(8))


@pytest.mark.parametrize(("people", "groups"), [(1, 0), (1, 1), (2, 2), (12, 7), (60, 12), (500, 90), (3_000, 1_700)])
def test_sizes_and_uniqueness(people: int, groups: int) -> None:
    """A sample has the sizes asked for; ids are unique, and so are addresses whatever their case."""
    sample = make_sample(3, people=people, groups=groups)
    everybody = (*sample.people, *sample.deleted)
    assert (len(sample.people), len(sample.groups), len(sample.deleted)) == (people, groups, people // 20 + 1)
    ids = [*(person.source_id for person in everybody), *(group.source_id for group in sample.groups)]
    assert len(set(ids)) == len(ids)
    addresses = [address.lower() for person in everybody for address in (person.email, *person.aliases)]
    addresses += [group.email.lower() for group in sample.groups]
    assert len(set(addresses)) == len(addresses)
    assert {address.partition("@")[2] for address in addresses} <= set(sample.domains)
    assert all(len(address.partition("@")[0]) <= 64 for address in addresses)


def test_ids_have_their_shapes() -> None:
    """Ids of people are 21 digits; those of groups a zero and 14 digits or letters; the customer's begins with C0."""
    sample = make_sample(11)
    assert all(re.fullmatch(r"1[0-9]{20}", person.source_id) for person in (*sample.people, *sample.deleted))
    assert all(re.fullmatch(r"0[0-9a-z]{14}", group.source_id) for group in sample.groups)
    assert re.fullmatch(r"C0[0-9a-z]{7}", sample.customer_id)


def test_links_hold() -> None:
    """Members are living people of the sample, children its groups, and nobody is listed twice by a group."""
    sample = make_sample(5, people=800, groups=300)
    people = {person.source_id for person in sample.people}
    groups = {group.source_id for group in sample.groups}
    for group in sample.groups:
        assert set(group.member_ids) <= people
        assert set(group.child_group_ids) <= groups
        assert len(set(group.member_ids)) == len(group.member_ids)
        assert len(set(group.child_group_ids)) == len(group.child_group_ids)


def test_admin_is_one_of_the_people() -> None:
    """The admin is an active person of the sample, at its first domain."""
    sample = make_sample(9, domains=("beta.example",))
    admin = next(person for person in sample.people if person.email == sample.admin_email)
    assert not admin.suspended
    assert not admin.archived
    assert sample.admin_email == "admin@beta.example"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twelve_people_have_every_peculiarity(seed: int) -> None:
    """Even twelve people and seven groups show everything that trips up software."""
    sample = make_sample(seed, people=12, groups=7)
    people = sample.people
    assert any(person.given_name == "" and person.family_name for person in people)
    assert any(person.family_name == "\u200b" and person.given_name for person in people)
    assert any(len(person.given_name) == 60 for person in people)
    assert any(set("'’") & set(person.family_name) for person in people)
    assert any("+" in person.email for person in people)
    assert any(person.email != person.email.lower() for person in people)
    assert any(person.suspended and not person.archived for person in people)
    assert any(person.archived and not person.suspended for person in people)
    assert any(person.suspended and person.archived for person in people)
    assert any(person.aliases for person in people)
    assert {person.email.partition("@")[2] for person in people} == {"acme.example", "acme.co.example"}
    assert any(
        not any(character.isascii() for character in person.given_name) for person in people if person.given_name
    )
    assert any(group.whole_customer for group in sample.groups)
    assert any(group.external_emails for group in sample.groups)
    assert any(
        not (group.member_ids or group.child_group_ids or group.whole_customer or group.external_emails)
        for group in sample.groups
    )
    assert max(depth_below(sample, group.source_id) for group in sample.groups) == 4
    assert sample.deleted


def test_names_come_in_many_scripts() -> None:
    """Sixty people write their names in ten scripts at least."""
    starts = (0x41, 0x370, 0x400, 0x530, 0x590, 0x600, 0x900, 0xE00, 0x10A0, 0x1100, 0x1200, 0x3040, 0x4E00, 0xAC00)
    found = {
        max(start for start in starts if start <= ord(character))
        for person in make_sample().people
        for character in person.given_name + person.family_name
        if character.isalpha()
    }
    assert len(found) >= 10


def test_cycle_only_when_asked() -> None:
    """Groups contain themselves when a cycle is asked for, and never otherwise."""
    assert not contains_itself(make_sample(4, groups=400))
    assert contains_itself(make_sample(4, groups=400, cycle=True))
    assert contains_itself(make_sample(4, groups=3, cycle=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 0},
        {"groups": -1},
        {"domains": ()},
        {"domains": ("a.example", "A.example")},
        {"groups": 2, "cycle": True},
    ],
)
def test_impossible_samples_are_refused(wrong: dict[str, object]) -> None:
    """A sample that cannot be is refused, with what to do about it."""
    with pytest.raises(UsageError, match=r"Ask for|Name one"):
        make_sample(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_nobody_is_named_in_a_repr() -> None:
    """The repr of a sample shows ids and never a name or an address."""
    sample = make_sample()
    shown = repr(sample)
    names = {part for person in sample.people for part in (person.given_name, person.family_name) if len(part) > 3}
    assert not [name for name in names if name in shown]
    assert "@" not in shown
