from __future__ import annotations

import json
from datetime import UTC, datetime

from cattrs import Converter
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath, PersonalFields
from smartify_core.sealing import Sealer
from smartify_core.sealing._fingerprint import fingerprinter, normalise
from smartify_core.sealing._payload import encode
from smartify_core.sealing.memory import MemoryKeyRing

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
RING = MemoryKeyRing()
SEALER = Sealer(RING)

#: All of Unicode but halves of surrogate pairs; short and from few characters too, so that near misses come up.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text("a,:0\0", max_size=4)
groups = st.builds(Group, texts, texts, texts)
memberships = st.builds(Membership, groups, st.sampled_from(MembershipPath))
identities = st.builds(
    Identity,
    texts,
    texts,
    texts,
    texts,
    st.none() | st.sampled_from(InactiveReason),
    st.lists(memberships, max_size=4).map(tuple),
)
#: Cut and join one row of characters in two ways: the pairs that a careless canonical form confuses.
cuts = st.lists(st.integers(0, 8), min_size=3, max_size=3).map(sorted)


def cut(text: str, at: list[int]) -> Identity:
    """Return the person whose four fields are ``text`` cut at these places."""
    one, two, three = at
    return Identity(text[:one], text[one:two], text[two:three], text[three:])


@given(identities, texts, texts)
def test_any_identity_comes_back(identity: Identity, tenant: str, account_id: str) -> None:
    """Whatever text the fields and ids hold, opening gives back what was sealed."""
    account = SEALER.seal(tenant, identity, account_id=account_id, version=1, created_at=NOON, updated_at=NOON)
    opened = SEALER.open(account)
    assert (opened.email, opened.given_name, opened.family_name, opened.memberships) == (
        identity.email,
        identity.given_name,
        identity.family_name,
        identity.memberships,
    )


@given(identities, identities)
def test_fingerprints_are_equal_exactly_when_identities_are(one: Identity, other: Identity) -> None:
    """Equal identities share a fingerprint, different ones do not."""
    take = fingerprinter(RING.fingerprint_key("acme"))
    assert (take(one) == take(other)) == (one == other)


@given(st.text("ab,:0", min_size=8, max_size=8), cuts, cuts)
def test_texts_do_not_run_together(text: str, here: list[int], there: list[int]) -> None:
    """The same characters, divided among the fields in another way, give another fingerprint."""
    take = fingerprinter(RING.fingerprint_key("acme"))
    one, other = cut(text, here), cut(text, there)
    assert (take(one) == take(other)) == (one == other)


@given(st.text(max_size=30))
def test_half_a_surrogate_pair_breaks_nothing(text: str) -> None:
    """A text that is no Unicode still gets a fingerprint and an index, rather than an error that quotes it."""
    fingerprinter(bytes(32))(Identity(text, text, text, text))
    SEALER.email_index("acme", text + "\ud800")


@given(texts)
def test_normalising_twice_is_normalising_once(email: str) -> None:
    """The looked-up form of an address is its own looked-up form."""
    once = normalise(email)
    assert normalise(once) == once


@given(st.text(st.characters(max_codepoint=127), max_size=30))
def test_the_short_way_for_ascii_is_the_long_way(email: str) -> None:
    """Plain addresses take a shortcut that gives what the full folding gives."""
    inner = email.strip()
    assert normalise(f"\u00e9{inner}\u00e9") == f"\u00e9{normalise(inner)}\u00e9"


@given(identities, st.text(max_size=8))
def test_a_payload_is_what_a_converter_would_write(identity: Identity, name: str) -> None:
    """Payloads are built by hand for speed; they are the bytes that cattrs and json would give, whatever the text."""
    fields = PersonalFields(identity.email, name, identity.family_name, identity.memberships)
    document = {"v": 1, **Converter().unstructure(fields)}
    assert encode(fields).rstrip(b" ") == json.dumps(document, separators=(",", ":")).encode("ascii")


@given(identities, texts, texts, st.lists(st.sampled_from(["rotate", "rewrap", "reseal"]), max_size=8))
def test_whatever_is_done_to_the_seal_the_fields_stay(
    identity: Identity, tenant: str, account_id: str, steps: list[str]
) -> None:
    """However often keys are rotated and accounts moved or sealed anew, the same fields open; the rest stays."""
    ring = MemoryKeyRing()
    sealer = Sealer(ring)
    first = sealer.seal(tenant, identity, account_id=account_id, version=1, created_at=NOON, updated_at=NOON)
    account = first
    for step in steps:
        if step == "rotate":
            ring.rotate()
        else:
            account = (sealer.rewrapped(account) if step == "rewrap" else sealer.resealed(account)) or account
            assert sealer.key_of(account) == sealer.current_key(tenant)
    assert sealer.open(account) == sealer.open(first)
    assert (account.fingerprint, account.email_index, account.updated_at) == (
        first.fingerprint,
        first.email_index,
        first.updated_at,
    )
    assert sealer.fingerprint(tenant, identity) == first.fingerprint


@given(st.binary(max_size=200), texts, texts, texts)
def test_any_document_comes_back_from_any_place(content: bytes, tenant: str, kind: str, key: str) -> None:
    """Whatever a document holds and wherever it is kept, it opens there, also once its key was moved."""
    ring = MemoryKeyRing()
    sealer = Sealer(ring)
    sealed = sealer.seal_document(tenant, kind, key, content)
    ring.rotate()
    moved = sealer.rewrapped_document(tenant, kind, key, sealed)
    assert moved is not None
    assert sealer.open_document(tenant, kind, key, moved) == sealer.open_document(tenant, kind, key, sealed) == content
