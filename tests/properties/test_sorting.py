from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import cast

import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smartify_core.errors import SourceMalformed
from smartify_core.lifecycle._sorting import Sorted
from smartify_core.lifecycle._sorting._fast import sort_at_hand
from smartify_core.lifecycle._sorting._flat import sort_flat
from smartify_core.lifecycle._usable import Sieve
from smartify_core.model import (
    AccountState,
    Group,
    Head,
    HeadPage,
    Identity,
    InactiveReason,
    Membership,
    MembershipPath,
    TenantRecord,
)
from smartify_core.sealing._fingerprint import fingerprinter
from smartify_core.storage import KEYS_AT_ONCE, Storage

FINGERPRINT = fingerprinter(bytes(32))
GROUPS = [Membership(Group(f"g{n}", f"g{n}@example.com", f"G{n}"), path) for n in range(3) for path in MembershipPath]

texts = st.text(max_size=4) | st.sampled_from(["\n", "\0", "a\nb"])

TWICE = "the source yielded one person twice"
identities = st.builds(
    Identity,
    # Separators, zeros and letters of two and four bytes: ids and names are kept in columns.
    st.text("ab\n\0é\U0001f600", min_size=1, max_size=3),
    texts,
    texts,
    texts,
    st.none() | st.sampled_from([InactiveReason.SUSPENDED, InactiveReason.ARCHIVED]),
    st.lists(st.sampled_from(GROUPS), max_size=3).map(tuple),
)


class Listed:
    """A snapshot of people who are at hand."""

    def __init__(self, people: Sequence[Identity]) -> None:
        self._people = people

    def identities(self) -> Iterator[Identity]:
        return iter(self._people)


class Stored:
    """A store of people who are at hand; some may wait for their retention to end."""

    def __init__(self, people: Sequence[Identity]) -> None:
        one_each = {one.source_id: one for one in people}
        self._heads = [
            Head(source_id, FINGERPRINT(one), AccountState.ACTIVE, 1, one.inactive_reason)
            for source_id, one in sorted(one_each.items())
        ]
        self._ids = [head.source_id for head in self._heads]

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        start = 0 if after is None else bisect_right(self._ids, after)
        return HeadPage.of(self._heads[start : start + limit])

    def tenant(self, tenant: str) -> TenantRecord:
        digest = sum(int.from_bytes(head.fingerprint, "big") for head in self._heads) % (1 << 128)
        return TenantRecord(tenant, accounts=len(self._heads), digest=digest)


def expected(read: Sequence[Identity], stored: Sequence[Identity]) -> Sorted | str:
    """Return what sorting comes to, said as plainly as it can be."""
    accounts = {one.source_id: one for one in stored}
    if len({one.source_id for one in read}) < len(read):
        return TWICE
    known = {source_id for source_id, one in accounts.items() if one.inactive_reason is not InactiveReason.DELETED}
    missing = sorted(accounts.keys() - {one.source_id for one in read})
    return Sorted(
        fresh=[one for one in read if one.source_id not in accounts],
        changed=[one for one in read if accounts.get(one.source_id, one) != one],
        absent=[source_id for source_id in missing if source_id in known],
        waiting=[source_id for source_id in missing if source_id not in known],
        known=len(known),
        people=len(read),
        unchanged=sum(accounts.get(one.source_id) == one for one in read),
    )


def both(read: Sequence[Identity], stored: Sequence[Identity], *, small: int) -> tuple[Sorted | str, Sorted | str]:
    """Return what both ways of sorting come to, or what they complain of; ``small`` is what the flat one may hold."""
    storage, sieve = cast("Storage", Stored(stored)), Sieve(Listed(read), str)

    def at_hand() -> Sorted:
        return sort_at_hand("acme", storage, sieve, fingerprinter=lambda: FINGERPRINT, heartbeat=lambda: None)

    def flat() -> Sorted:
        return sort_flat(
            "acme",
            storage,
            sieve,
            fingerprinter=lambda: FINGERPRINT,
            heartbeat=lambda: None,
            in_memory=small,
            in_partition=max(small, 1),
        )

    results: list[Sorted | str] = []
    for sort in (at_hand, flat):
        try:
            results.append(sort())
        except SourceMalformed as error:
            named = (error.where or "").removeprefix("tenant acme, source id ")
            assert [one.source_id for one in read].count(named) > 1
            results.append(error.what)
    return results[0], results[1]


@given(st.lists(identities, max_size=12), st.lists(identities, max_size=12), st.integers(0, 12))
@example([], [], 0)
def test_both_ways_of_sorting_agree(read: list[Identity], stored: list[Identity], small: int) -> None:
    """Whether everything is at hand or next to nothing: the same people are new, changed, absent and unchanged."""
    one, other = both(read, stored, small=small)
    assert one == other == expected(read, list({one.source_id: one for one in stored}.values()))


@given(
    st.lists(identities, min_size=1, max_size=12, unique_by=lambda one: one.source_id), st.integers(0, 12), st.data()
)
def test_both_ways_agree_on_a_directory_that_is_nearly_in_step(
    stored: list[Identity], small: int, data: st.DataObject
) -> None:
    """One change, one who is gone, one who waits for the end of retention, one who is read twice: both ways agree."""
    at = data.draw(st.integers(0, len(stored) - 1))
    there, read = list(stored), list(stored)
    match data.draw(st.sampled_from(["nothing", "changed", "gone", "waiting", "twice", "twice and changed"])):
        case "changed":
            read[at] = evolve(read[at], family_name="changed")
        case "gone":
            del read[at]
        case "waiting":
            there[at] = evolve(there[at], inactive_reason=InactiveReason.DELETED)
            del read[at]
        case "twice":
            read.append(read[at])
        case "twice and changed":
            read.append(evolve(read[at], family_name="changed"))
        case _:
            read.reverse()
    one, other = both(read, there, small=small)
    assert one == other == expected(read, there)


@pytest.mark.parametrize("small", [0, 3, 4_000])
@pytest.mark.parametrize("number", [249, 250, 251, KEYS_AT_ONCE - 1, KEYS_AT_ONCE, KEYS_AT_ONCE + 1, 2_000])
def test_pages_and_blocks_that_are_just_full_or_just_not(number: int, small: int) -> None:
    """Nobody is lost or met twice where a page of accounts, a block of people or the room in memory ends."""
    stored = [person(one) for one in range(number)]
    read = [*stored[1:], person(number)]
    read[number // 2] = evolve(read[number // 2], given_name="changed")
    one, other = both(read, stored, small=small)
    assert one == other == expected(read, stored)


@pytest.mark.parametrize("small", [0, 600, 4_000])
@pytest.mark.parametrize(
    "apart", [1, 300, 1_200, 1_690], ids=["next", "in the next block", "pages later", "after every account was met"]
)
@pytest.mark.parametrize("first", ["as it was", "changed", "new"])
@pytest.mark.parametrize("again", ["the same", "otherwise", "as it was"])
def test_whoever_is_read_twice_is_named(first: str, again: str, apart: int, small: int) -> None:
    """However often the person changed between, near or far, known or new: the read is refused and names the id."""
    stored = [person(one) for one in range(1_500)]
    accounts = stored if first != "new" else [*stored[:100], *stored[101:]]
    read = [person(one) for one in range(1_800)]
    if first == "changed":
        read[100] = evolve(stored[100], given_name="changed")
    match again:
        case "the same":
            read.insert(100 + apart, read[100])
        case "otherwise":
            read.insert(100 + apart, evolve(stored[100], given_name="otherwise"))
        case _:
            read.insert(100 + apart, stored[100])
    one, other = both(read, accounts, small=small)
    assert one == other == TWICE


@given(st.permutations(range(600)), st.integers(0, 700))
@settings(max_examples=10)
def test_reads_that_outgrow_the_memory_come_back_in_the_order_read(order: list[int], small: int) -> None:
    """Whoever was in memory when the file was begun is given back like everybody else."""
    read = [person(one) for one in order]
    one, other = both(read, [], small=small)
    assert one == other == expected(read, [])


def test_many_parts_are_told_apart_by_two_bytes() -> None:
    """Where there are more parts than a byte has values, each part still meets its like."""
    stored = [person(one) for one in range(700)]
    read = [evolve(one, family_name="changed") if at % 97 == 5 else one for at, one in enumerate(stored)]
    one, other = both(read, stored, small=1)
    assert one == other == expected(read, stored)


def person(number: int) -> Identity:
    """Return somebody, with an id whose order is not that of the numbers."""
    return Identity(
        f"{number * 7919 % 9973:05}-{number}", f"p{number}@example.com", "", "", None, (GROUPS[number % 6],)
    )
