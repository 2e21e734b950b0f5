"""The tree over an audit trail (RFC 9162, section 2.1): its hashes, its root, and what is needed to append. Pure.

A node is *complete* when all leaves below it are there: it never changes again. Node ``index`` of ``level`` stands
over the ``2**level`` leaves from ``index * 2**level`` on. Everything here is made of complete nodes, so that a store
may keep these and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

from attrs import frozen

from smartify_core.errors import UsageError

#: How many bytes a hash has.
HASH_BYTES: Final = 32
#: The root of a tree without leaves.
EMPTY_ROOT: Final = sha256(b"").digest()
#: The largest number of leaves: 63 bits, as stores have them.
LARGEST: Final = 2**63 - 1

#: Returns the hash of a complete node by its level and its index.
NodeOf: TypeAlias = Callable[[int, int], bytes]


@frozen(order=False)
class Node:
    """A complete node.

    Args:
        level: How high it stands; leaves have 0.
        index: How many complete nodes of its level stand left of it.
        hash: Its hash, 32 bytes.
    """

    level: int
    index: int
    hash: bytes


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry. A leaf begins otherwise than a node, so that neither passes for the other."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two others."""
    return sha256(b"\x01" + left + right).digest()


@frozen(order=False)
class Frontier:
    """The right edge of a tree: all that is needed to append to it, and its root.

    Args:
        size: How many leaves the tree has.
        peaks: The hashes of its largest complete nodes, from the left: one for each bit of ``size``.

    Raises:
        UsageError: The size is no number of leaves, or the peaks are not those of such a tree.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_size(self.size)
        if len(self.peaks) != self.size.bit_count() or any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise UsageError("the peaks are not those of a tree of this size", where="Frontier", cure="Restore both.")

    def append(self, *entries: bytes) -> tuple[Frontier, tuple[Node, ...]]:
        """Return the tree's edge after more entries, and the nodes that they completed, as they were made."""
        size, peaks = self.size, list(self.peaks)
        made: list[Node] = []
        for entry in entries:
            hashed, level, index = leaf_hash(entry), 0, size
            made.append(Node(level, index, hashed))
            while index & 1:
                hashed, level, index = node_hash(peaks.pop(), hashed), level + 1, index >> 1
                made.append(Node(level, index, hashed))
            peaks.append(hashed)
            size += 1
        return Frontier(size, tuple(peaks)), tuple(made)

    @property
    def root(self) -> bytes:
        """The hash that commits to every leaf and to their order."""
        if not self.peaks:
            return EMPTY_ROOT
        *others, hashed = self.peaks
        for peak in reversed(others):
            hashed = node_hash(peak, hashed)
        return hashed


def root_of(size: int, node_of: NodeOf) -> bytes:
    """Return the root that a tree had when it had ``size`` leaves.

    Raises:
        UsageError: The size is no number of leaves.
    """
    check_size(size)
    return range_hash(0, size, node_of) if size else EMPTY_ROOT


def range_hash(start: int, end: int, node_of: NodeOf) -> bytes:
    """Return the hash over the leaves from ``start`` to before ``end``, as a tree splits them."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node_of(level, start >> level)
    middle = start + split(count)
    return node_hash(range_hash(start, middle, node_of), range_hash(middle, end, node_of))


def split(count: int) -> int:
    """Return the largest power of two below ``count``: so many leaves are left of a node's middle."""
    return 1 << ((count - 1).bit_length() - 1)


def check_size(size: object) -> None:
    """Raise `UsageError` unless ``size`` is a number of leaves."""
    if type(size) is not int or not 0 <= size <= LARGEST:
        raise UsageError("a tree has a whole number of leaves from 0 on", where="size", cure="Give such a number.")
