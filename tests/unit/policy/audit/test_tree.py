from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.policy.audit import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
)

#: The leaves and roots with which implementations of Certificate Transparency are commonly tested.
LEAVES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Grown:
    """A tree with all of its nodes."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.frontier, made = Frontier().append(*entries)
        self.nodes = {(one.level, one.index): one.hash for one in made}
        assert len(self.nodes) == len(made)

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node."""
        return self.nodes[level, index]


def slow_root(entries: Sequence[bytes]) -> bytes:
    """Return the root as RFC 9162, section 2.1.1, defines it, by recursion."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    middle = 1
    while 2 * middle < len(entries):
        middle *= 2
    return sha256(b"\x01" + slow_root(entries[:middle]) + slow_root(entries[middle:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    """The same leaves give the same roots as everywhere, at once, one by one, and from nodes that were kept."""
    assert Frontier().append(*LEAVES[:size])[0].root.hex() == ROOTS[size]
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier, _ = frontier.append(leaf)
    assert frontier.root.hex() == ROOTS[size]
    assert root_of(size, Grown(LEAVES).node).hex() == ROOTS[size]


entries = st.lists(st.binary(max_size=3), max_size=70)


@given(entries, st.data())
def test_a_tree_is_as_the_rfc_defines_it(leaves: list[bytes], data: st.DataObject) -> None:
    """The root of every size follows from complete nodes, of which there are fewer than two for each leaf."""
    tree = Grown(leaves)
    assert tree.frontier.root == slow_root(leaves)
    size = data.draw(st.integers(0, len(leaves)))
    assert root_of(size, tree.node) == slow_root(leaves[:size])
    assert len(tree.nodes) == 2 * len(leaves) - len(leaves).bit_count()


@given(entries.filter(bool), st.data())
def test_each_entry_is_proved_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof holds for its entry, place, size and root; with any of them or a part of it changed it does not."""
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    tree = Grown(leaves)
    proof, root = inclusion_proof(index, size, tree.node), root_of(size, tree.node)
    leaf = leaf_hash(leaves[index])
    assert check_inclusion(leaf, index, size, proof, root)
    assert not check_inclusion(leaf_hash(leaves[index] + b"x"), index, size, proof, root)
    assert not check_inclusion(leaf, index, size, proof, sha256(root).digest())
    assert not check_inclusion(leaf, index, size, (*proof, root), root)
    assert not check_inclusion(leaf, index, size, proof[:-1], root) or not proof
    for place in range(len(proof)):
        broken = (*proof[:place], sha256(proof[place]).digest(), *proof[place + 1 :])
        assert not check_inclusion(leaf, index, size, broken, root)
    for other in range(size):
        assert other == index or not check_inclusion(leaf, other, size, proof, root) or leaves[other] == leaves[index]


@given(entries, st.data())
def test_growth_is_proved_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof holds between two sizes of one trail; against a trail whose past was changed it does not."""
    new = data.draw(st.integers(0, len(leaves)))
    old = data.draw(st.integers(0, new))
    tree = Grown(leaves)
    proof = consistency_proof(old, new, tree.node)
    before, after = root_of(old, tree.node), root_of(new, tree.node)
    assert check_consistency(old, new, proof, before, after)
    assert not check_consistency(old, new, (*proof, before), before, after)
    if old:
        changed = data.draw(st.integers(0, old - 1))
        other = Grown([*leaves[:changed], leaves[changed] + b"x", *leaves[changed + 1 :]])
        forged = consistency_proof(old, new, other.node)
        assert not check_consistency(old, new, forged, before, root_of(new, other.node))
    if 0 < old < new:
        assert not check_consistency(old, new, proof[:-1], before, after)
        assert not check_consistency(old, new, proof, before, sha256(after).digest())
        assert not check_consistency(old, new, proof, sha256(before).digest(), after)


@given(entries, st.integers(-3, 80), st.integers(-3, 80), st.lists(st.binary(min_size=30, max_size=33), max_size=9))
def test_what_strangers_hand_over_raises_nothing(leaves: list[bytes], one: int, two: int, proof: list[bytes]) -> None:
    """A claim that is none is just not proved."""
    root = Grown(leaves).frontier.root
    assert not check_inclusion(EMPTY_ROOT, one, two, proof, root) or proof == []
    assert not check_consistency(one, two, proof, root, EMPTY_ROOT) or one == two == 0 or root == EMPTY_ROOT


@pytest.mark.parametrize("size", [-1, True, 2.0, "1", None, 2**63])
def test_sizes_are_checked(size: object) -> None:
    """What is no number of leaves is refused."""
    with pytest.raises(UsageError, match="whole number of leaves"):
        root_of(size, Grown([]).node)  # type: ignore[arg-type]  # wrong on purpose
    assert not check_consistency(size, 1, (), EMPTY_ROOT, EMPTY_ROOT)  # type: ignore[arg-type]  # as above


def test_a_frontier_has_a_peak_for_each_bit() -> None:
    """One that was kept wrongly is refused before anything is appended to it."""
    frontier, _ = Frontier().append(*LEAVES[:6])
    assert Frontier(6, frontier.peaks).append(LEAVES[6])[0].root.hex() == ROOTS[7]
    for size, peaks in ((6, frontier.peaks[:1]), (5, (frontier.peaks[0], b"short")), (7, frontier.peaks)):
        with pytest.raises(UsageError, match="peaks"):
            Frontier(size, peaks)


def test_a_tree_has_no_leaf_beyond_its_end() -> None:
    """Proofs of what is not there, or of a tree that shrank, are not made."""
    tree = Grown(LEAVES)
    for index in (-1, 8, True):
        with pytest.raises(UsageError, match="no such leaf"):
            inclusion_proof(index, 8, tree.node)
    with pytest.raises(UsageError, match="only grows"):
        consistency_proof(5, 4, tree.node)
