"""Walking along a trail and working everything out anew: what is stored is compared with what it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from attrs import define, field, frozen

from smartify_core.errors import RecordInvalid, TrailBroken, UsageError
from smartify_core.model import Entry
from smartify_core.policy._ledger import LEDGER

from ._entries import CLOCK_RESET, AuditEntry
from ._reading import Reading
from ._state import ENTRIES, NODES, Tail, TrailHead, nodes_of
from ._tree import Frontier

_AT_ONCE: Final = 256
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@frozen(order=False)
class TrailFinding:
    """Something in a trail that is not as it was written.

    Args:
        place: From which entry on, or about which one, counted from 0; ``None`` for the trail as a whole.
        what: What is wrong, in words without personal data.
    """

    place: int | None
    what: str

    def __str__(self) -> str:
        """Return it as one line."""
        return self.what if self.place is None else f"entry {self.place}: {self.what}"


@define(eq=False)
class Walk:
    """A walk from one size of a trail to another.

    Args:
        reading: The trail.
        frontier: The right edge of the tree where the walk begins, as it must be.
        at: The instant of the entry before.
        tails: Where tenants' entries end: those that were met.
        nodes_follow: Whether every node so far was as the entries make it. One entry that was altered makes all nodes
            above it others; it is told once.
    """

    reading: Reading
    frontier: Frontier = field(factory=Frontier)
    at: datetime = _LONG_AGO
    tails: dict[str, Tail] = field(factory=dict)
    nodes_follow: bool = True
    #: Whether entries are missing where the walk is, so that nobody can go on.
    is_stuck: bool = False

    def to(self, size: int) -> Iterator[TrailFinding]:
        """Walk until the tree has this size, and yield what is wrong; ends early where entries are missing."""
        if self.is_stuck:
            return
        stored, nodes = self._contents(), self._nodes()
        while self.frontier.size < size:
            wanted = min(_AT_ONCE, size - self.frontier.size)
            start, contents = self.frontier.size, list[bytes]()
            for place in range(start, start + wanted):
                entry = next(stored, None)
                if entry is None or entry.position != place + 1:
                    break
                contents.append(entry.content)
                yield from self._read(place, entry.content)
            self.frontier, made = self.frontier.append(*contents)
            for node in made:
                if next(nodes, None) != node.hash:
                    if node.level == 0:
                        yield TrailFinding(node.index, "its bytes are not those that the tree was made over")
                        self.nodes_follow = False
                    elif self.nodes_follow:
                        last = ((node.index + 1) << node.level) - 1
                        yield TrailFinding(
                            last, f"the node of level {node.level} above it is not made of those below it"
                        )
                        self.nodes_follow = False
            if len(contents) < wanted:
                self.is_stuck = True
                yield TrailFinding(self.frontier.size, "it is missing, and with it the proof of all that follow")
                return

    def _read(self, place: int, content: bytes) -> Iterator[TrailFinding]:
        try:
            entry = AuditEntry.of_content(content)
        except RecordInvalid:
            yield TrailFinding(place, "its bytes are no entry")
            return
        if entry.place != place:
            yield TrailFinding(place, f"it says that it is entry {entry.place}")
        if entry.record.kind == CLOCK_RESET:
            self.at = entry.record.at
        if entry.record.at < self.at:
            yield TrailFinding(place, "its instant is before that of the entry in front of it")
        self.at = max(self.at, entry.record.at)
        if (tenant := entry.record.tenant) is not None:
            tail = self.tails.get(tenant) or self._before(tenant, entry)
            if (entry.number, entry.previous) != (tail.number + 1, tail.last):
                yield TrailFinding(place, "it does not follow the entry of its tenant before it")
            self.tails[tenant] = Tail(entry.number or 0, place)

    def _before(self, tenant: str, entry: AuditEntry) -> Tail:
        """Return where the entries of a tenant ended that this walk has not met yet."""
        if entry.previous is None or not entry.previous < entry.place:
            return Tail()
        try:
            before = self.reading.entry(entry.previous)
        except (TrailBroken, UsageError):
            return Tail()
        return Tail(before.number or 0, before.place) if before.record.tenant == tenant else Tail()

    def _contents(self) -> Iterator[Entry]:
        return self.reading.contents(after=self.frontier.size - 1)

    def _nodes(self) -> Iterator[bytes]:
        return self.reading.node_hashes(self.frontier.size)

    def ends_at(self, head: TrailHead) -> Iterator[TrailFinding]:
        """Yield what is wrong with what the trail says of its end, when the walk has come there."""
        if self.frontier.size != head.frontier.size:
            return
        if self.frontier != head.frontier:
            yield TrailFinding(None, "its head is not that of the tree over its entries")
        if self.frontier.size and self.at != head.at:
            yield TrailFinding(None, "the instant of its head is not that of its latest entry")
        for tenant, tail in self.tails.items():
            try:
                kept = self.reading.tail(tenant)
            except TrailBroken as error:
                yield TrailFinding(tail.last, error.what)
                continue
            # Whoever appends meanwhile has moved it beyond the head that was read, and the head with it.
            moved = kept.last is not None and head.frontier.size <= kept.last < self.reading.size
            if kept != tail and not moved:
                yield TrailFinding(tail.last, "it is the latest of its tenant, and the trail says otherwise")


def beyond(reading: Reading) -> Callable[[TrailHead], Iterator[TrailFinding]]:
    """Look how many entries and nodes there are, and return what tells whether a head, read afterwards, is behind them.

    A head is written together with what it is the head of.
    """
    positions = reading.storage.tenant(LEDGER).positions
    entries, nodes = positions.get(ENTRIES, 0), positions.get(NODES, 0)

    def findings(head: TrailHead) -> Iterator[TrailFinding]:
        size = head.frontier.size
        if entries > size or nodes > nodes_of(size):
            yield TrailFinding(size, "there are entries or nodes that its head does not count")

    return findings


def first_of(findings: Iterable[TrailFinding]) -> None:
    """Raise `TrailBroken` for the first finding, if there is one."""
    for finding in findings:
        raise TrailBroken(
            f"the audit trail is not as it was written: {finding}",
            where="audit trail",
            cure="Keep the store as it is, verify the whole trail, and find out who had access to it.",
        )
