"""Reading an audit trail: its entries, those of one tenant, and the nodes of its tree."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from smartify_core.errors import RecordInvalid, TrailBroken, UsageError
from smartify_core.model import Entry
from smartify_core.policy._ledger import LEDGER
from smartify_core.storage import Storage
from smartify_core.storage.walks import documents_at, every_document, every_entry

from ._entries import AuditEntry, is_number
from ._state import ENTRIES, HEAD, NODES, TAIL, Tail, TrailHead, node_position, nodes_of, tail_key
from ._tree import HASH_BYTES, NodeOf

_NODES_AT_ONCE: Final = 256
_PAGES_KEPT: Final = 64


class Reading:
    """What can be read of an audit trail.

    Args:
        storage: Where it is.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def storage(self) -> Storage:
        """The store that the trail is in."""
        return self._storage

    def head(self) -> TrailHead:
        """Return how far the trail has come.

        Raises:
            TrailBroken: The store holds something else there.
        """
        present = self._storage.document(LEDGER, *HEAD)
        return TrailHead() if present is None else TrailHead.of_content(present.value)

    @property
    def size(self) -> int:
        """How many entries the trail has."""
        return self.head().frontier.size

    def entry(self, place: int) -> AuditEntry:
        """Return the entry at a place.

        Raises:
            UsageError: The trail has no such entry.
            TrailBroken: What is there is no entry, or another one's.
        """
        return self._read(self._stored(place))

    def entries(self, *, after: int | None = None) -> Iterator[AuditEntry]:
        """Yield all entries beyond a place, in order; from the first one on without it.

        Raises:
            TrailBroken: What is there is no entry, or another one's.
        """
        for stored in self.contents(after=after):
            yield self._read(stored)

    def contents(self, *, after: int | None = None) -> Iterator[Entry]:
        """Yield the bytes of all entries beyond a place, as they are. Their positions are their places plus one."""
        return every_entry(self._storage, LEDGER, ENTRIES, after=0 if after is None else after + 1)

    def of_tenant(self, tenant: str) -> Iterator[AuditEntry]:
        """Yield the entries of a tenant, the latest first.

        Raises:
            TrailBroken: They do not lead back to the first one, each to the one before it.
        """
        tail = self.tail(tenant)
        place, number = tail.last, tail.number
        while place is not None:
            entry = self.entry(place)
            before = entry.previous
            if entry.record.tenant != tenant or entry.number != number or (before is None) != (number == 1):
                raise _broken(f"entry {place}", "the entries of a tenant do not lead back to the first one")
            if before is not None and before >= place:
                raise _broken(f"entry {place}", "the entries of a tenant do not lead back to the first one")
            yield entry
            place, number = before, number - 1

    def tail(self, tenant: str) -> Tail:
        """Return where the entries of a tenant end.

        Raises:
            TrailBroken: The store holds something else there.
        """
        return self._tail(tenant)[0]

    def node_hashes(self, size: int) -> Iterator[bytes]:
        """Yield the hashes of the complete nodes that were added after the tree had this size, in order."""
        for stored in every_entry(self._storage, LEDGER, NODES, after=nodes_of(size)):
            yield stored.content

    def nodes(self) -> NodeOf:
        """Return the function that reads complete nodes of the tree. It remembers what it has read; use it briefly.

        It raises `TrailBroken` where the store has no such node.
        """
        pages: OrderedDict[int, list[bytes]] = OrderedDict()

        def node(level: int, index: int) -> bytes:
            page, offset = divmod(node_position(level, index) - 1, _NODES_AT_ONCE)
            held = pages.get(page)
            if held is None or offset >= len(held):
                after = page * _NODES_AT_ONCE
                stored = self._storage.entries(LEDGER, journal=NODES, after=after, limit=_NODES_AT_ONCE)
                held = pages[page] = [one.content for one in stored if one.position <= after + _NODES_AT_ONCE]
                if len(pages) > _PAGES_KEPT:
                    pages.popitem(last=False)
            pages.move_to_end(page)
            if offset >= len(held) or len(held[offset]) != HASH_BYTES:
                raise _broken(f"node {index} of level {level}", "a node of the audit trail's tree is missing")
            return held[offset]

        return node

    def _tail(self, tenant: str) -> tuple[Tail, int]:
        """Return where a tenant's entries end, and the version of the document that says so."""
        return self._tails([tenant])[tenant]

    def _tails(self, tenants: Sequence[str]) -> Mapping[str, tuple[Tail, int]]:
        """Return what `_tail` does of several tenants, in one look where the store can."""
        if not tenants:
            return {}
        keys = {tenant: tail_key(tenant) for tenant in tenants}
        present = documents_at(self._storage, LEDGER, TAIL, keys.values())
        found: dict[str, tuple[Tail, int]] = {}
        for tenant, key in keys.items():
            document = present.get(key)
            found[tenant] = (Tail(), 0) if document is None else (Tail.of_content(document.value), document.version)
        return found

    def tail_keys(self, size: int) -> Iterator[str]:
        """Yield the keys of all tails that name an entry before this size.

        Raises:
            TrailBroken: The store holds something else there.
        """
        for document in every_document(self._storage, LEDGER, TAIL):
            last = Tail.of_content(document.value).last
            # One beyond the size is another's who appends meanwhile, and has moved the head as well.
            if last is not None and (last < size or last >= self.size):
                yield document.key

    def _stored(self, place: int) -> Entry:
        if not is_number(place):
            raise UsageError("the trail has no such entry", where="entry", cure="Count places from 0.")
        page = self._storage.entries(LEDGER, journal=ENTRIES, after=place, limit=1)
        if page and page[0].position == place + 1:
            return page[0]
        if place < self.size:
            raise _broken(f"entry {place}", "an entry of the audit trail is missing")
        raise UsageError("the trail has no such entry", where="entry", cure="Count places from 0.")

    @staticmethod
    def _read(stored: Entry) -> AuditEntry:
        place = stored.position - 1
        try:
            entry = AuditEntry.of_content(stored.content)
        except RecordInvalid:
            raise _broken(f"entry {place}", "an entry of the audit trail is not valid") from None
        if entry.place != place:
            raise _broken(f"entry {place}", "an entry of the audit trail stands at another place than it says")
        return entry


def _broken(where: str, what: str) -> TrailBroken:
    return TrailBroken(what, where=where, cure="Verify the trail.")
