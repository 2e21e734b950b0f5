from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import NewerSchema, SealBroken, WrongKey
from smartify_core.model import AccountState, Group, Identity, InactiveReason, Membership, MembershipPath, SealedAccount
from smartify_core.sealing import KeyRing, Sealer
from smartify_core.sealing._payload import decode, encode
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.sealing.memory import MemoryKeyRing

SealWith = Callable[..., SealedAccount]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


def test_what_was_sealed_opens(ring: MemoryKeyRing, seal: SealWith, person: Identity) -> None:
    """The four personal fields come out as they went in."""
    opened = Sealer(ring).open(seal(ring))
    assert (opened.email, opened.given_name, opened.family_name) == (
        person.email,
        person.given_name,
        person.family_name,
    )
    assert opened.memberships == person.memberships


def test_a_sealed_account_carries_what_storage_needs(ring: MemoryKeyRing, person: Identity) -> None:
    """State, reason, times, version, predecessor, fingerprint and indexes follow from the person and the arguments."""
    sealer = Sealer(ring)
    away = evolve(person, inactive_reason=InactiveReason.ARCHIVED)
    later = datetime(2027, 1, 1, tzinfo=UTC)
    account = sealer.seal("acme", away, account_id="a1", version=4, created_at=NOON, updated_at=later, predecessor="a0")
    assert (account.tenant, account.source_id, account.account_id, account.predecessor) == ("acme", "100", "a1", "a0")
    assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.ARCHIVED)
    assert (account.version, account.created_at, account.updated_at) == (4, NOON, later)
    assert account.fingerprint == sealer.fingerprint("acme", away)
    assert account.email_index == sealer.email_index("acme", "ada.byron@EXAMPLE.com")
    expected = {sealer.group_index("acme", membership.group.email) for membership in person.memberships}
    assert account.group_indexes == tuple(sorted(expected))
    assert {len(index) for index in (account.fingerprint, account.email_index, *account.group_indexes)} == {16}


def test_an_active_person_makes_an_active_account(ring: MemoryKeyRing, seal: SealWith) -> None:
    """The state follows from the absence of a reason to be inactive."""
    assert (seal(ring).state, seal(ring).inactive_reason) == (AccountState.ACTIVE, None)


def test_groups_that_share_an_address_share_an_index(ring: MemoryKeyRing, seal: SealWith, person: Identity) -> None:
    """There is one index for each address, not for each group."""
    same = tuple(Membership(Group(f"g{n}", "Team@example.com", f"{n}"), MembershipPath.DIRECT) for n in range(3))
    assert len(seal(ring, evolve(person, memberships=same)).group_indexes) == 1


def test_no_two_sealings_look_alike(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Each sealing has a data key and a nonce of its own."""
    first, second = seal(ring), seal(ring)
    assert first.payload != second.payload
    assert first.wrapped_key != second.wrapped_key


def test_no_personal_field_shows_in_a_sealed_account(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Neither the bytes nor the printed form of a sealed account hold a name or an address."""
    account = seal(ring)
    for secret in ("Ada", "Byron", "example.com", "Staff", "Everybody"):
        assert secret not in repr(account)
        assert secret.encode() not in account.payload + account.wrapped_key


def test_sealed_lengths_come_in_steps(ring: MemoryKeyRing, seal: SealWith, person: Identity) -> None:
    """A name that is a little longer leaves the sealed length as it was."""
    lengths = {len(seal(ring, evolve(person, given_name="x" * n)).payload) for n in range(200)}
    assert len(lengths) <= 5


@pytest.mark.parametrize("part", ["payload", "wrapped_key"])
def test_any_flipped_bit_breaks_the_seal(ring: MemoryKeyRing, seal: SealWith, part: str) -> None:
    """Every single bit of payload and wrapped key is vouched for, the headers included."""
    account = seal(ring)
    sealer = Sealer(ring)
    good: bytes = getattr(account, part)
    for position in range(len(good) * 8):
        bad = bytearray(good)
        bad[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            sealer.open(evolve(account, **{part: bytes(bad)}))


@pytest.mark.parametrize("part", ["payload", "wrapped_key"])
def test_a_shortened_part_breaks_the_seal(ring: MemoryKeyRing, seal: SealWith, part: str) -> None:
    """Bytes cut off at either end are missed, down to none left, and so are bytes added."""
    account = seal(ring)
    good: bytes = getattr(account, part)
    for bad in (b"", good[:1], good[:12], good[:-1], good[1:], good + b"\0"):
        with pytest.raises(SealBroken):
            Sealer(ring).open(evolve(account, **{part: bad}))


@pytest.mark.parametrize("place", ["tenant", "source_id", "account_id"])
def test_a_moved_account_does_not_open(ring: MemoryKeyRing, seal: SealWith, place: str) -> None:
    """Sealed bytes open in their tenant, for their source id and account id only."""
    with pytest.raises(SealBroken):
        Sealer(ring).open(evolve(seal(ring), **{place: "another"}))


def test_neighbouring_ids_do_not_run_together(ring: MemoryKeyRing, seal: SealWith, person: Identity) -> None:
    """An account of source id "1" and account id "23" is not one of "12" and "3"."""
    account = seal(ring, evolve(person, source_id="1"), account_id="23")
    with pytest.raises(SealBroken):
        Sealer(ring).open(evolve(account, source_id="12", account_id="3"))


@pytest.mark.parametrize("parts", [("payload",), ("wrapped_key",), ("payload", "wrapped_key")])
def test_parts_of_another_account_do_not_open(
    ring: MemoryKeyRing, seal: SealWith, person: Identity, parts: tuple[str, ...]
) -> None:
    """Swapping payload, wrapped key or both between two accounts is noticed."""
    one, other = seal(ring), seal(ring, evolve(person, source_id="200"), account_id="a2")
    with pytest.raises(SealBroken):
        Sealer(ring).open(evolve(one, **{part: getattr(other, part) for part in parts}))


def test_an_older_payload_does_not_open_under_a_newer_key(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Each sealing of an account has its own data key, so parts of two of them do not fit."""
    with pytest.raises(SealBroken):
        Sealer(ring).open(evolve(seal(ring), payload=seal(ring).payload))


def test_another_ring_lacks_the_key(ring: MemoryKeyRing, seal: SealWith) -> None:
    """An account of a key that the ring does not hold is told from a broken one."""
    with pytest.raises(WrongKey) as caught:
        Sealer(MemoryKeyRing()).open(seal(ring))
    assert caught.value.cure


def test_a_newer_format_is_named_and_not_guessed_at() -> None:
    """Fields that a newer version of the library sealed are refused with the cure."""
    with pytest.raises(NewerSchema, match="format 2") as caught:
        decode(b'{"v":2,"postal_address":"Main Street 1"}', where="account a1")
    assert "Upgrade" in str(caught.value)
    assert "Main Street" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"not json Ada",
        b'{"email":"ada@example.com"}',
        b'{"v":1,"email":"ada@example.com"}',
        b'{"v":1,"email":"ada@example.com","given_name":"Ada","family_name":"B","memberships":[],"phone":"1"}',
        b'{"v":1,"email":"ada@example.com","given_name":"Ada","family_name":"B","memberships":[{"path":"Ada"}]}',
        *(
            f'{{"v":1,"email":{email},"given_name":"Ada","family_name":"B","memberships":[{entry}]}}'.encode()
            for email, entry in (
                ("7", ""),
                ('"ada@example.com"', '{"group":{"id":"g","email":"ada@example.com","name":7},"path":"direct"}'),
                ('"ada@example.com"', '{"group":{"id":"g","email":"e@e","name":"n"},"path":"Ada"}'),
                ('"ada@example.com"', '{"group":{"id":"g","email":"e@e","name":"n","more":"Ada"},"path":"direct"}'),
                ('"ada@example.com"', '{"group":{"id":"g","email":"e@e","name":"n"},"path":"direct","more":"Ada"}'),
                ('"ada@example.com"', '"Ada"'),
            )
        ),
        b'{"v":"Ada"}',
        b"\xff\xfe",
    ],
)
def test_an_odd_payload_is_refused_without_quoting_it(content: bytes) -> None:
    """Whatever is inside a payload that opens but is not ours, nothing of it reaches a message or a traceback."""
    with pytest.raises(SealBroken) as caught:
        decode(content, where="account a1")
    told = "".join(traceback.format_exception(caught.value))
    assert "ada@example.com" not in told
    assert "Ada" not in told


def test_people_who_are_opened_share_their_groups(ring: MemoryKeyRing, person: Identity) -> None:
    """Opening a thousand members of a group makes one value of the group, not a thousand."""
    sealer = Sealer(ring)
    opened = [
        sealer.open(
            sealer.seal("acme", person, account_id=f"a{n}", version=1, created_at=NOON, updated_at=NOON)
        ).memberships
        for n in range(2)
    ]
    assert opened[0] == opened[1] == person.memberships
    assert all(one is other for one, other in zip(*opened, strict=True))


def test_no_error_names_the_person(ring: MemoryKeyRing, seal: SealWith) -> None:
    """A broken seal is reported by ids, without a foreign exception beneath it."""
    account = seal(ring)
    with pytest.raises(SealBroken) as caught:
        Sealer(ring).open(evolve(account, payload=account.payload[::-1]))
    assert "a1" in str(caught.value)
    assert "acme" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_payload_format_is_pinned(person: Identity) -> None:
    """Version 1 of the format is this text, padded with blanks: stores hold it for years."""
    fields = Sealer(ring := MemoryKeyRing()).open(
        Sealer(ring).seal("acme", person, account_id="a1", version=1, created_at=NOON, updated_at=NOON)
    )
    content = encode(fields)
    assert len(content) % 64 == 0
    assert content.rstrip(b" ") == (
        b'{"v":1,"email":"Ada.Byron@example.com","given_name":"Ada","family_name":"Byron","memberships":['
        b'{"group":{"id":"g1","email":"Staff@example.com","name":"Staff"},"path":"direct"},'
        b'{"group":{"id":"g2","email":"all@example.com","name":"Everybody"},"path":"whole_customer"}]}'
    )


def test_the_sealed_layout_is_pinned(seal: SealWith, person: Identity) -> None:
    """An account opens by hand with AES-GCM and the associated data that the documentation states."""

    class Naked:
        """A ring that wraps nothing, so that the test sees the data key and the context."""

        contexts: list[bytes]

        def __init__(self) -> None:
            self.contexts = []

        def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
            assert tenant == "acme"
            self.contexts.append(context)
            return data_key

        def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
            raise NotImplementedError

        def fingerprint_key(self, tenant: str) -> bytes:
            return tenant.encode().ljust(32)

        def index_key(self, tenant: str) -> bytes:
            return tenant.encode().ljust(32)

    naked = Naked()
    assert isinstance(naked, KeyRing)
    account = seal(naked)

    def part(text: bytes) -> bytes:
        return len(text).to_bytes(8, "big") + text

    place = part(b"\x01") + part(b"acme") + part(b"100") + part(b"a1")
    assert naked.contexts == [b"smartify/1" + part(b"data key") + place]
    assert account.payload[:1] == b"\x01"
    content = AESGCM(account.wrapped_key).decrypt(
        account.payload[1:13], account.payload[13:], b"smartify/1" + part(b"fields") + place
    )
    assert decode(content, where="here").email == person.email


def test_account_ids_are_pinned() -> None:
    """The id of a person's account, and of the one after a deletion, stays what it is across versions."""
    sealer = Sealer(RootKeyRing(RootSecrets(b"\0" * 8, {b"\0" * 8: b"\x01" * 32}, b"\x02" * 32)))
    first = sealer.account_id("acme", "100")
    assert first == "b895a8f5fd0b0473ba789c0c96f65386"
    assert sealer.account_id("acme", "100", predecessor=first) == "ff1e9c5039301ccb8a1b13088936d8a8"
    assert sealer.account_id("umbrella", "100") != first


def test_one_sealer_serves_tenants_and_threads_in_turn(ring: MemoryKeyRing, seal: SealWith, person: Identity) -> None:
    """What a sealer keeps at hand for one tenant never reaches an account of another, in whatever thread."""
    sealer = Sealer(ring)
    with ThreadPoolExecutor(3) as pool:
        jobs = [(tenant, number) for number in range(40) for tenant in ("acme", "umbrella", "acme")]
        sealed = list(
            pool.map(
                lambda job: sealer.seal(
                    job[0], person, account_id=str(job[1]), version=1, created_at=NOON, updated_at=NOON
                ),
                jobs,
            )
        )
    for account in sealed:
        assert sealer.open(account).memberships == person.memberships
        assert account.fingerprint == Sealer(ring).fingerprint(account.tenant, person)
        assert account.email_index == Sealer(ring).email_index(account.tenant, person.email)
        assert (
            account.group_indexes
            == Sealer(ring)
            .seal(account.tenant, person, account_id="x", version=1, created_at=NOON, updated_at=NOON)
            .group_indexes
        )


def test_a_crowd_of_groups_stays_bounded(
    ring: MemoryKeyRing, person: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that shares no membership values fills a bounded memory, and everything still opens."""
    monkeypatch.setattr("smartify_core.sealing._prepared._MEMBERSHIPS_AT_HAND", 3)
    sealer = Sealer(ring)
    for number in range(50):
        group = Membership(Group(f"g{number}", f"g{number}@example.com", "G"), MembershipPath.DIRECT)
        one = evolve(person, memberships=(group,))
        account = sealer.seal("acme", one, account_id="a1", version=1, created_at=NOON, updated_at=NOON)
        assert sealer.open(account).memberships == (group,)
        assert account.group_indexes == (sealer.group_index("acme", f"g{number}@example.com"),)
    assert len(sealer._prepared("acme")._at_hand) <= 3


def test_rings_show_and_export_no_key(ring: MemoryKeyRing) -> None:
    """A ring's printed form holds no key, and it does not let itself be pickled."""
    assert repr(ring) == "MemoryKeyRing()"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ring)
