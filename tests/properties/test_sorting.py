from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from smartify_core.directory import Snapshot
from smartify_core.errors import SourceMalformed
from smartify_core.lifecycle._facts import Sorted
from smartify_core.lifecycle._sorting import sort_at_hand
from smartify_core.lifecycle._sorting_flat import sort_flat
from smartify_core.model import (
    AccountState,
    Group,
    Head,
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

texts = st.text(max_size=4)
identities = st.builds(
    Identity,
    st.text("ab", max_size=3),
    texts,
    texts,
    st.just(""),
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

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Head]:
        return [head for head in self._heads if after is None or head.source_id > after][:limit]

    def tenant(self, tenant: str) -> TenantRecord:
        digest = sum(int.from_bytes(head.fingerprint, "big") for head in self._heads) % (1 << 128)
        return TenantRecord(tenant, accounts=len(self._heads), digest=digest)


def both(read: Sequence[Identity], stored: Sequence[Identity], *, small: int) -> tuple[Sorted | str, Sorted | str]:
    """Return what both ways of sorting come to, or what they complain of; ``small`` is what the flat one may hold."""
    storage, snapshot = cast("Storage", Stored(stored)), cast("Snapshot", Listed(read))

    def at_hand() -> Sorted:
        return sort_at_hand("acme", storage, snapshot, fingerprint=FINGERPRINT, heartbeat=lambda: None)

    def flat() -> Sorted:
        return sort_flat(
            "acme",
            storage,
            snapshot,
            fingerprint=FINGERPRINT,
            heartbeat=lambda: None,
            in_memory=small,
            in_partition=max(small, 1),
        )

    results: list[Sorted | str] = []
    for sort in (at_hand, flat):
        try:
            results.append(sort())
        except SourceMalformed as error:
            results.append(error.what)
    return results[0], results[1]


@given(st.lists(identities, max_size=12), st.lists(identities, max_size=12), st.integers(0, 12))
@example([], [], 0)
def test_both_ways_of_sorting_agree(read: list[Identity], stored: list[Identity], small: int) -> None:
    """Whether everything is at hand or next to nothing: the same people are new, changed, absent and unchanged."""
    one, other = both(read, stored, small=small)
    assert one == other


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
    assert one == other
