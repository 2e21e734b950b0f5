"""Who may have which address, so that no address ever stands at two accounts."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from smartify_core.lifecycle._decide import settle_addresses

X, Y, Z = b"x", b"y", b"z"
PEOPLE = tuple("abcdef")
ADDRESSES = tuple(bytes([65 + number]) for number in range(8))


def test_swap_is_settled() -> None:
    """Two people who exchange addresses both get what they want."""
    assert settle_addresses({"a": Y, "b": X}, {"a": X, "b": Y}, {X: ["a"], Y: ["b"]}) == frozenset()


def test_cycle_of_three_is_settled() -> None:
    """A cycle of hand-overs is no conflict, however long."""
    wanted, leaving = {"a": Y, "b": Z, "c": X}, {"a": X, "b": Y, "c": Z}
    assert settle_addresses(wanted, leaving, {X: ["a"], Y: ["b"], Z: ["c"]}) == frozenset()


def test_address_of_somebody_who_keeps_it_is_refused() -> None:
    """An address whose holder is not leaving it goes to nobody else."""
    assert settle_addresses({"a": X}, {}, {X: ["b"]}) == {"a"}


def test_address_of_a_deleted_account_is_free_at_once() -> None:
    """A newcomer takes over the address of somebody who is deleted in the same plan."""
    assert settle_addresses({"new": X}, {"old": X}, {X: ["old"]}) == frozenset()


def test_two_claimants_of_a_free_address_are_both_refused() -> None:
    """Where the directory contradicts itself, nobody is preferred."""
    assert settle_addresses({"a": X, "b": X}, {}, {}) == {"a", "b"}


def test_refusal_spreads_to_whoever_waited_for_the_address() -> None:
    """Somebody who may not move keeps an address, so whoever wanted that one is refused as well."""
    wanted, leaving = {"a": Y, "b": X}, {"a": X}
    assert settle_addresses(wanted, leaving, {X: ["a"], Y: ["stays"]}) == {"a", "b"}


@given(
    held=st.permutations(ADDRESSES).map(lambda order: dict(zip(PEOPLE, order, strict=False))),
    moves=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(ADDRESSES)),
    leavers=st.sets(st.sampled_from(PEOPLE)),
    joiners=st.dictionaries(st.sampled_from(["new-1", "new-2", "new-3"]), st.sampled_from(ADDRESSES)),
)
def test_no_address_ever_stands_at_two_accounts(
    held: Mapping[str, bytes], moves: Mapping[str, bytes], leavers: set[str], joiners: Mapping[str, bytes]
) -> None:
    """Whatever the wishes, what is granted leaves each address with at most one person, and nobody without one."""
    wishes = {who: address for who, address in moves.items() if who not in leavers and held[who] != address} | dict(
        joiners
    )
    leaving = {who: held[who] for who in (*wishes, *leavers) if who in held}
    refused = settle_addresses(wishes, leaving, {address: [who] for who, address in held.items()})

    after = {who: address for who, address in held.items() if who not in leavers}
    after |= {who: address for who, address in wishes.items() if who not in refused}
    assert len(set(after.values())) == len(after)
    assert refused <= set(wishes)


@given(held=st.permutations(ADDRESSES), order=st.permutations(range(len(PEOPLE))))
def test_every_permutation_of_addresses_is_granted(held: list[bytes], order: list[int]) -> None:
    """However people exchange addresses among themselves, all of them get their wish in one plan."""
    has = dict(zip(PEOPLE, held, strict=False))
    wants = {who: held[place] for who, place in zip(PEOPLE, order, strict=True)}
    wishes = {who: address for who, address in wants.items() if has[who] != address}
    leaving = {who: has[who] for who in wishes}
    assert settle_addresses(wishes, leaving, {address: [who] for who, address in has.items()}) == frozenset()
