"""What a trail keeps beside its entries: its head, and where each tenant's entries end. Pure.

Both are documents without secrets. They save reading; whoever verifies a trail works them out anew.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from attrs import field, frozen

from smartify_core.errors import TrailBroken, UsageError

from ._entries import instant, instant_of, is_number
from ._tree import Frontier

#: The journals and documents that a trail is made of.
ENTRIES: Final = "audit"
NODES: Final = "audit nodes"
HEAD: Final = ("audit", "head")
TAIL: Final = "audit tail"
CHECKPOINT: Final = "audit checkpoint"
KEY: Final = "audit key"
#: The kinds of documents that nobody else may write.
KINDS: Final = frozenset({HEAD[0], TAIL, CHECKPOINT, KEY})
_FORMAT: Final = 1
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@frozen(order=False)
class TrailHead:
    """How far a trail has come.

    Args:
        frontier: The right edge of its tree.
        at: The instant of its latest entry.
    """

    frontier: Frontier = field(factory=Frontier)
    at: datetime = _LONG_AGO

    @property
    def content(self) -> bytes:
        """The head as it is stored."""
        peaks = [peak.hex() for peak in self.frontier.peaks]
        return _dumped({"at": instant(self.at), "peaks": peaks, "size": self.frontier.size})

    @classmethod
    def of_content(cls, content: bytes) -> TrailHead:
        """Return the head that was stored.

        Raises:
            TrailBroken: It is not one.
        """
        try:
            held = _loaded(content)
            return cls(Frontier(held["size"], tuple(map(bytes.fromhex, held["peaks"]))), instant_of(held["at"]))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError, UsageError):
            raise _broken("the head of the audit trail") from None


@frozen(order=False)
class Tail:
    """Where the entries of a tenant end.

    Args:
        number: How many there are.
        last: The place of the latest one; ``None`` for none.
    """

    number: int = 0
    last: int | None = None

    @property
    def content(self) -> bytes:
        """The tail as it is stored."""
        # As `_dumped` writes it: there are thousands of them in a commit that concerns thousands of tenants.
        last = "null" if self.last is None else self.last
        return f'{{"last":{last},"number":{self.number},"v":{_FORMAT}}}'.encode()

    @classmethod
    def of_content(cls, content: bytes) -> Tail:
        """Return the tail that was stored.

        Raises:
            TrailBroken: It is not one.
        """
        try:
            held = _loaded(content)
            if is_number(held["number"]) and is_number(held["last"]):
                return cls(held["number"], held["last"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            pass
        raise _broken("the end of a tenant's entries in the audit trail")


def refused_document() -> UsageError:
    """Return the error for a document of somebody else's under a kind of the trail's."""
    return UsageError(
        "this kind of document is the audit trail's own", where="Trail.append", cure="Name the kind otherwise."
    )


def tail_key(tenant: str) -> str:
    """Return the key of a tenant's tail: of one length, whatever the name is."""
    return sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()


def nodes_of(size: int) -> int:
    """Return how many complete nodes a tree of so many leaves has."""
    return 2 * size - size.bit_count()


def node_position(level: int, index: int) -> int:
    """Return the position, in the journal of nodes, of a complete node: it was written with its last leaf."""
    return nodes_of(((index + 1) << level) - 1) + level + 1


def _dumped(held: dict[str, Any]) -> bytes:
    return json.dumps({**held, "v": _FORMAT}, sort_keys=True, separators=(",", ":")).encode()


def _loaded(content: bytes) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(content)
    if held.pop("v") != _FORMAT:
        raise ValueError
    return held


def _broken(what: str) -> TrailBroken:
    return TrailBroken(f"{what} is not as it was written", cure="Restore the store from a backup and verify the trail.")
