"""Moving single accounts and documents to a newer key, and sealing them anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from smartify_core.errors import RingCannotTell, SealBroken, WrongKey
from smartify_core.model import SealedAccount
from smartify_core.sealing import KeyRing, RotatingKeyRing, Sealer
from smartify_core.sealing.memory import MemoryKeyRing

SealWith = Callable[..., SealedAccount]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLACE = ("acme", "held plan", "k1")
#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


class Silent:
    """A ring that does not tell which key wrapped, as one of an integrator may be."""

    def __init__(self, ring: KeyRing) -> None:
        self.wrap, self.unwrap = ring.wrap, ring.unwrap
        self.fingerprint_key, self.index_key = ring.fingerprint_key, ring.index_key


def test_rewrapping_changes_the_wrapped_key_alone(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Payload, fingerprint, indexes, state and times stay as they are; the version is one more, and it opens."""
    sealer, old = Sealer(ring), seal(ring)
    assert sealer.rewrapped(old) is None
    ring.rotate()
    new = sealer.rewrapped(old)
    assert new is not None
    assert new.wrapped_key != old.wrapped_key
    assert new == evolve(old, wrapped_key=new.wrapped_key, version=old.version + 1)
    assert sealer.open(new) == sealer.open(old)
    assert (sealer.key_of(old), sealer.key_of(new)) == ring.key_ids
    assert sealer.rewrapped(new) is None


def test_a_rewrapped_account_needs_the_old_key_no_more(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Once the old key is retired, what was rewrapped opens and what was not does not."""
    sealer, old = Sealer(ring), seal(ring)
    ring.rotate()
    new = sealer.rewrapped(old)
    assert new is not None
    ring.retire(sealer.key_of(old), uses=lambda _: 0)
    assert sealer.open(new).given_name == "Ada"
    with pytest.raises(WrongKey):
        sealer.open(old)
    with pytest.raises(WrongKey):
        sealer.rewrapped(old)


def test_resealing_leaves_nothing_of_the_old_seal(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Data key, nonce and ciphertext are new; whoever knew the old data key cannot open the new payload."""
    sealer, old = Sealer(ring), seal(ring)
    new = sealer.resealed(old)
    assert new == evolve(old, wrapped_key=new.wrapped_key, payload=new.payload, version=old.version + 1)
    assert len(new.payload) == len(old.payload)
    assert new.payload[1:13] != old.payload[1:13]
    assert sealer.open(new) == sealer.open(old)
    with pytest.raises(SealBroken):
        sealer.open(evolve(new, wrapped_key=old.wrapped_key))
    with pytest.raises(SealBroken):
        sealer.open(evolve(new, payload=old.payload))


def test_documents_are_rewrapped_and_resealed_too(ring: MemoryKeyRing) -> None:
    """A sealed document gets another wrapped key and keeps its content, or is sealed anew; its length stays."""
    sealer = Sealer(ring)
    old = sealer.seal_document(*PLACE, b"who asked for it")
    assert sealer.rewrapped_document(*PLACE, old) is None
    ring.rotate()
    new = sealer.rewrapped_document(*PLACE, old)
    again = sealer.resealed_document(*PLACE, old)
    assert new is not None
    assert again is not None
    assert {sealer.open_document(*PLACE, one) for one in (old, new, again)} == {b"who asked for it"}
    assert [sealer.key_of_document("acme", one) for one in (old, new, again)] == [
        ring.key_ids[0],
        ring.key_ids[1],
        ring.key_ids[1],
    ]
    assert len({len(one) for one in (old, new, again)}) == 1
    assert new[-40:] == old[-40:]
    assert again[-40:] != old[-40:]


@pytest.mark.parametrize("plain", [b"", b"{}", b'{"v":1}', b"\x01", b"\x01\x00\x00\x00\xff1234", b"[" * 100])
def test_unsealed_documents_are_left_alone(ring: MemoryKeyRing, plain: bytes) -> None:
    """What is not sealed is under no key, and is neither rewrapped nor resealed."""
    sealer = Sealer(ring)
    assert sealer.key_of_document("acme", plain) is None
    assert sealer.rewrapped_document(*PLACE, plain) is None
    assert sealer.resealed_document(*PLACE, plain) is None


def test_what_is_damaged_or_moved_is_not_rewrapped(ring: MemoryKeyRing, seal: SealWith) -> None:
    """Rewrapping launders nothing: bytes from another account, tenant or place, or altered ones, are refused."""
    sealer, account = Sealer(ring), seal(ring)
    document = sealer.seal_document(*PLACE, b"content")
    ring.rotate()
    bad_key = account.wrapped_key[:-1] + bytes([account.wrapped_key[-1] ^ 1])
    for bad in (
        evolve(account, wrapped_key=bad_key),
        evolve(account, source_id="another"),
        evolve(account, account_id="another"),
        evolve(account, tenant="umbrella"),
        evolve(account, wrapped_key=b""),
    ):
        with pytest.raises(SealBroken):
            sealer.rewrapped(bad)
        with pytest.raises(SealBroken):
            sealer.resealed(bad)
    for place in (("umbrella", *PLACE[1:]), ("acme", "another", "k1"), ("acme", "held plan", "k2")):
        with pytest.raises(SealBroken):
            sealer.rewrapped_document(*place, document)
        with pytest.raises(SealBroken):
            sealer.resealed_document(*place, document)


def test_every_bit_of_a_sealed_document_is_vouched_for(ring: MemoryKeyRing) -> None:
    """Whichever bit of a document is flipped, it does not open, and neither does what rewrapping makes of it."""
    sealer = Sealer(ring)
    good = sealer.seal_document(*PLACE, b"content")
    ring.rotate()
    for position in range(8 * len(good)):
        bad = bytearray(good)
        bad[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            sealer.open_document(*PLACE, bytes(bad))
        try:
            moved = sealer.rewrapped_document(*PLACE, bytes(bad))
        except SealBroken:
            continue
        if moved is not None:
            with pytest.raises(SealBroken):
                sealer.open_document(*PLACE, moved)


def test_two_swapped_rows_do_not_open(ring: MemoryKeyRing, seal: SealWith, person: Any) -> None:
    """Payloads or whole seals that change places between two accounts of a tenant are missed, before and after."""
    sealer = Sealer(ring)
    one, other = seal(ring), seal(ring, evolve(person, source_id="200"), account_id="a2")
    ring.rotate()
    for moved in ((one, other), (sealer.rewrapped(one), sealer.rewrapped(other))):
        here, there = moved
        assert here is not None
        assert there is not None
        for changes in (
            {"payload": there.payload},
            {"wrapped_key": there.wrapped_key},
            {"payload": there.payload, "wrapped_key": there.wrapped_key},
        ):
            with pytest.raises(SealBroken):
                sealer.open(evolve(here, **changes))


def test_a_ring_that_tells_nothing_is_still_a_ring(ring: MemoryKeyRing, seal: SealWith) -> None:
    """An integrator's plain ring seals, opens and reseals; only what needs the names of keys is refused."""
    silent = Silent(ring)
    assert isinstance(silent, KeyRing)
    assert not isinstance(silent, RotatingKeyRing)
    sealer, account = Sealer(silent), seal(silent)
    assert sealer.open(sealer.resealed(account)) == sealer.open(account)
    refused: tuple[Callable[[], object], ...] = (
        lambda: sealer.rewrapped(account),
        lambda: sealer.key_of(account),
        lambda: sealer.current_key("acme"),
    )
    for attempt in refused:
        with pytest.raises(RingCannotTell, match="Silent"):
            attempt()
