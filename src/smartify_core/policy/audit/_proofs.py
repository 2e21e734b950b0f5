"""Proofs of an audit trail: that an entry is in it, and that it only grew (RFC 9162, sections 2.1.3 and 2.1.4). Pure.

Whoever checks a proof has it from somebody whom they need not believe: what it holds may be anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from smartify_core.errors import UsageError

from ._tree import EMPTY_ROOT, HASH_BYTES, LARGEST, NodeOf, check_size, node_hash, range_hash, split


def inclusion_proof(index: int, size: int, node_of: NodeOf) -> tuple[bytes, ...]:
    """Return the proof that leaf ``index`` is in the tree of ``size`` leaves: the hashes beside its way to the root.

    Raises:
        UsageError: The tree has no such leaf.
    """
    check_size(size)
    if type(index) is not int or not 0 <= index < size:
        raise UsageError("the tree has no such leaf", where="inclusion_proof", cure="Count leaves from 0.")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            proof.append(range_hash(middle, end, node_of))
            end = middle
        else:
            proof.append(range_hash(start, middle, node_of))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, new: int, node_of: NodeOf) -> tuple[bytes, ...]:
    """Return the proof that the tree of ``new`` leaves has the tree of ``old`` leaves at its beginning.

    Raises:
        UsageError: The old tree is larger, or a size is not valid.
    """
    check_size(old)
    check_size(new)
    if old > new:
        raise UsageError("a tree only grows", where="consistency_proof", cure="Give the older size first.")
    if old in {0, new}:
        return ()
    proof: list[bytes] = []
    start, end, is_whole = 0, new, True
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            proof.append(range_hash(middle, end, node_of))
            end = middle
        else:
            proof.append(range_hash(start, middle, node_of))
            start, is_whole = middle, False
    # The checker has the old root already where the old tree is a node of the new one.
    if not is_whole:
        proof.append(range_hash(start, end, node_of))
    return tuple(reversed(proof))


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``proof`` proves that the leaf of this hash is number ``index`` of the tree of this size and root.

    Args:
        leaf: The hash of the entry, by `leaf_hash`.
        index: Its place, counted from 0.
        size: How many leaves the tree has.
        proof: What `inclusion_proof` returned, or somebody claims that it did.
        root: The root, from a checkpoint.
    """
    if not _are_sizes(index, size) or index >= size or not _are_hashes(leaf, root, *proof):
        return False
    place, last, hashed = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False  # longer than the way to the root
        if place & 1 or place == last:
            hashed = node_hash(beside, hashed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hashed = node_hash(hashed, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and hashed == root


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Return whether ``proof`` proves that the tree of the new root begins with all of the tree of the old one.

    Args:
        old: How many leaves the older tree has.
        new: How many the newer one has.
        proof: What `consistency_proof` returned, or somebody claims that it did.
        old_root: The older root, from a checkpoint that was kept elsewhere.
        new_root: The newer root.
    """
    if not _are_sizes(old, new) or old > new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old in {0, new}:
        return not proof and old_root == (new_root if old == new else EMPTY_ROOT)
    # Where the old tree is a node of the new one, its root is what the climb begins with.
    hashes = [old_root, *proof] if old & (old - 1) == 0 else [*proof]
    return _climbed(old - 1, new - 1, hashes) == (old_root, new_root)


def _climbed(place: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return both roots that a proof of consistency leads to; None where it does not lead to the top."""
    if not hashes:
        return None
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            older, newer = node_hash(beside, older), node_hash(beside, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, beside)
        place, last = place >> 1, last >> 1
    return (older, newer) if last == 0 else None


def _are_sizes(*numbers: object) -> bool:
    return all(type(number) is int and 0 <= number <= LARGEST for number in numbers)


def _are_hashes(*hashes: object) -> bool:
    return all(isinstance(one, bytes) and len(one) == HASH_BYTES for one in hashes)
