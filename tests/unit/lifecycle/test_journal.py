from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.lifecycle import ChangeKind, JournalEntry
from smartify_core.lifecycle._journal import decode, encode

ENTRY = JournalEntry(
    tenant="acme",
    at=datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
    kind=ChangeKind.PROVISION,
    source_id="äöü-\U0001f600",
    account_id="a1",
    version=1,
    fields=("email", "groups"),
    joined=("g1", "g2"),
    left=("g3",),
    inactive_reason="suspended",
    adopted=True,
    predecessor="a0",
    snapshot_id="s1",
    evidence="listing of snapshot s1",
    rule="in the directory and not here: provisioned",
    plan="c0ffee",
)


@pytest.mark.parametrize("kind", ChangeKind)
def test_an_entry_comes_back_as_it_was(kind: ChangeKind) -> None:
    """What is decoded equals what was encoded, whatever the kind of change, to the microsecond."""
    entry = evolve(ENTRY, kind=kind)
    assert decode(encode(entry), tenant="acme", position=1) == entry


def test_an_entry_with_nothing_optional_comes_back_as_it_was() -> None:
    """Defaults survive too: no groups, no reason, no predecessor, no plan."""
    entry = JournalEntry("acme", ENTRY.at, ChangeKind.DELETE, "p1", "a1", 2)
    assert decode(encode(entry), tenant="acme", position=1) == entry


def test_an_entry_is_compact_ascii_and_says_its_format_first() -> None:
    """An entry is one JSON array without blanks, whose first item is the format."""
    content = encode(ENTRY)
    assert content.startswith(b"[1,")
    assert content.isascii()
    assert json.dumps(json.loads(content), separators=(",", ":")).encode() == content


AWKWARD = st.text(max_size=6)


@given(st.builds(evolve, st.just(ENTRY), source_id=AWKWARD, fields=st.lists(AWKWARD).map(tuple), evidence=AWKWARD))
def test_an_entry_is_the_json_that_any_encoder_writes(entry: JournalEntry) -> None:
    """Quotes, controls, surrogates and other scripts are written as the standard library's encoder writes them."""
    content = encode(entry)
    assert json.dumps(json.loads(content), separators=(",", ":")).encode() == content
    assert decode(content, tenant="acme", position=1) == entry


@pytest.mark.parametrize("newer", ["[2]", "[7, {}]"])
def test_a_newer_format_is_named_as_such(newer: str) -> None:
    """An entry of a newer version is refused with its tenant and position, whatever else it holds."""
    with pytest.raises(NewerSchema, match="tenant acme, position 7"):
        decode(newer.encode(), tenant="acme", position=7)


def _with(index: int, value: object) -> Callable[[list[Any]], object]:
    return lambda items: [*items[:index], value, *items[index + 1 :]]


@pytest.mark.parametrize(
    "damage",
    [
        lambda items: items[:-1],
        lambda items: [*items, None],
        lambda items: {"items": items},
        lambda items: [],
        lambda items: 1,
        _with(0, 0),
        _with(0, True),
        _with(0, "1"),
        _with(1, 1.5),
        _with(1, 10**30),
        _with(2, "promote"),
        _with(3, 7),
        _with(5, 0),
        _with(5, True),
        _with(6, "email"),
        _with(7, [1]),
        _with(8, None),
        _with(9, "bored"),
        _with(10, 1),
        _with(11, 3),
        _with(13, None),
        _with(15, []),
    ],
)
def test_a_damaged_entry_is_named_and_never_quoted(damage: Callable[[list[Any]], object]) -> None:
    """Whatever no version of this library writes is refused with tenant and position only."""
    content = json.dumps(damage(json.loads(encode(ENTRY)))).encode()
    with pytest.raises(SealBroken, match="tenant acme, position 7") as caught:
        decode(content, tenant="acme", position=7)
    assert "a1" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1,", b"null", b"[" * 100_000])
def test_bytes_that_are_no_json_are_damage(content: bytes) -> None:
    """Bytes cut short or overwritten are damage, however they look."""
    with pytest.raises(SealBroken):
        decode(content, tenant="acme", position=1)
