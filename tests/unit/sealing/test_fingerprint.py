from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from typing import Any

import attrs
import pytest

from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath
from smartify_core.sealing import Sealer
from smartify_core.sealing import _fingerprint as inside
from smartify_core.sealing._fingerprint import blind_index, fingerprinter, normalise
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.sealing.memory import MemoryKeyRing

KEY = bytes(range(32))
#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve

VARIANTS = {
    "source id": {"source_id": "101"},
    "email": {"email": "ada.byron@example.org"},
    "case of the email": {"email": "ada.byron@example.com"},
    "given name": {"given_name": "Adah"},
    "family name": {"family_name": ""},
    "suspended": {"inactive_reason": InactiveReason.SUSPENDED},
    "archived": {"inactive_reason": InactiveReason.ARCHIVED},
    "no memberships": {"memberships": ()},
    "shifted characters": {"given_name": "AdaB", "family_name": "yron"},
    "names the other way round": {"given_name": "Byron", "family_name": "Ada"},
    "a composed letter": {"given_name": "Ad\u00e1"},
    "a decomposed letter": {"given_name": "Ada\u0301"},
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_field_counts(person: Identity, change: dict[str, object]) -> None:
    """A change of any one field changes the fingerprint."""
    take = fingerprinter(KEY)
    assert take(evolve(person, **change)) != take(person)


@pytest.mark.parametrize("field", ["id", "email", "name"])
def test_every_field_of_a_group_counts(person: Identity, field: str) -> None:
    """A group that is renamed, or changes its address, changes the fingerprints of its members."""
    first, *rest = person.memberships
    other = evolve(first, group=evolve(first.group, **{field: "Staff@Example.com"}))
    take = fingerprinter(KEY)
    assert take(evolve(person, memberships=(other, *rest))) != take(person)


def test_the_path_of_a_membership_counts(person: Identity) -> None:
    """Each way into a group gives another fingerprint."""
    group = person.memberships[0].group
    take = fingerprinter(KEY)
    seen = {take(evolve(person, memberships=(Membership(group, path),))) for path in MembershipPath}
    assert len(seen) == len(MembershipPath)


def test_equal_values_give_equal_fingerprints(person: Identity) -> None:
    """What counts is the value: copies of the shared membership objects change nothing."""
    copies = tuple(Membership(Group(m.group.id, m.group.email, m.group.name), m.path) for m in person.memberships)
    take = fingerprinter(KEY)
    assert take(evolve(person, memberships=copies)) == take(person) == fingerprinter(KEY)(person)


def test_a_crowd_of_unshared_memberships_stays_bounded(person: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that shares no membership objects fills a bounded memory and gets the same fingerprints."""
    monkeypatch.setattr(inside, "_MEMBERSHIPS_AT_HAND", 3)
    take = fingerprinter(KEY)
    expected = take(person)
    seen = []
    for number in range(50):
        one = Membership(Group(f"g{number}", "x@example.com", "X"), MembershipPath.DIRECT)
        take(evolve(person, memberships=(one,)))
        seen.append(weakref.ref(one))
    del one
    gc.collect()
    assert sum(held() is not None for held in seen) <= 3
    assert take(person) == expected


def test_golden_vectors() -> None:
    """Fingerprints and indexes stay what they are across versions: stores hold them for years."""
    group = Group("01abc", "Staff@example.com", "Belegschaft \u00e4\u00f6\u00fc")
    person = Identity(
        "100",
        "Ada.Byron@example.com",
        "Ada",
        "Byron \U0001f600",
        InactiveReason.SUSPENDED,
        (Membership(group, MembershipPath.NESTED),),
    )
    assert fingerprinter(KEY)(person).hex() == "1c7a1793e91b1a5d3d13a417d4d80027"
    assert fingerprinter(KEY)(Identity("1", "", "", "")).hex() == "6c953bd2c813c90e60f6a5e0796ca6fc"
    assert blind_index(KEY, b"smartify-email", "Ada.Byron@example.com").hex() == "21c34bb59cfc0ce5b5342e9775a1b102"
    assert blind_index(KEY, b"smartify-group", "Ada.Byron@example.com").hex() == "a4b55d03243ee3345cac8790d5fa9a39"


def test_golden_tenant_keys() -> None:
    """The keys of a tenant follow from the root secrets in the same way for ever."""
    ring = RootKeyRing(RootSecrets(b"\0" * 8, {b"\0" * 8: b"\x01" * 32}, b"\x02" * 32))
    assert ring.fingerprint_key("acme").hex() == "88365fbfff1fff9cbdb70cf52b6bbd374050b60874813327939ca4cd1f48e3da"
    assert ring.index_key("acme").hex() == "b06c18cef2e673d5273d07b50d08e5fe43e0a09b2a1f1c6dc5fffd237921af71"


def test_another_process_computes_the_same(person: Identity) -> None:
    """No hash seed or address of this process enters a fingerprint."""
    script = (
        "from smartify_core.model import *\n"
        "from smartify_core.sealing._fingerprint import fingerprinter\n"
        "staff = Membership(Group('g1', 'Staff@example.com', 'Staff'), MembershipPath.DIRECT)\n"
        "every = Membership(Group('g2', 'all@example.com', 'Everybody'), MembershipPath.WHOLE_CUSTOMER)\n"
        "person = Identity('100', 'Ada.Byron@example.com', 'Ada', 'Byron', None, (staff, every))\n"
        "import json; print(json.dumps(fingerprinter(bytes(range(32)))(person).hex()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == fingerprinter(KEY)(person).hex()


def test_tenants_are_unrelated(person: Identity) -> None:
    """The same person has other fingerprints and indexes at another tenant."""
    sealer = Sealer(MemoryKeyRing())
    assert sealer.fingerprint("acme", person) != sealer.fingerprint("umbrella", person)
    assert sealer.email_index("acme", person.email) != sealer.email_index("umbrella", person.email)
    assert sealer.group_index("acme", person.email) != sealer.group_index("umbrella", person.email)


def test_purposes_have_keys_of_their_own() -> None:
    """The keys for fingerprints and for indexes differ, and so do those of tenants whose names continue one another."""
    ring = MemoryKeyRing()
    keys = [ring.fingerprint_key("acme"), ring.index_key("acme"), ring.index_key("acm"), ring.index_key("acme\0")]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {32}


def test_a_person_and_a_group_with_one_address_have_two_indexes() -> None:
    """An address says nothing about the other table it may stand in."""
    sealer = Sealer(MemoryKeyRing())
    assert sealer.email_index("acme", "team@example.com") != sealer.group_index("acme", "team@example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.COM"),
        (" ada@example.com\t", "ada@example.com"),
        ("JOS\u00c9@example.com", "jose\u0301@example.com"),
        ("STRASSE@example.com", "stra\u00dfe@example.com"),
        ("\u212bngstr\u00f6m@example.com", "\u00e5ngstr\u00f6m@example.com"),
        ("\u03a3\u03a3@example.com", "\u03c3\u03c2@example.com"),
    ],
)
def test_spellings_of_one_address_share_an_index(one: str, other: str) -> None:
    """Case, Unicode composition and outer white space do not tell addresses apart."""
    sealer = Sealer(MemoryKeyRing())
    assert sealer.email_index("acme", one) == sealer.email_index("acme", other)
    assert sealer.group_index("acme", one) == sealer.group_index("acme", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.da@example.com", "ada@example.com"), ("ada+x@example.com", "ada@example.com"), ("a b@x.org", "ab@x.org")],
)
def test_dots_tags_and_inner_blanks_tell_addresses_apart(one: str, other: str) -> None:
    """Only the directory knows whether a dot or a tag matters, so both do."""
    assert normalise(one) != normalise(other)
