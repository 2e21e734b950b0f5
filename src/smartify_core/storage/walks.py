"""Walking through all that a store tells, page by page: what every room that reads whole tenants does alike.

Each of these holds one page at a time. What is written meanwhile is seen where it lies beyond the present page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from smartify_core.model import LEDGER, OUTBOX, Document, Entry, HeadPage, TenantRecord, Tombstone

from ._storage import KEYS_AT_ONCE, Storage

_One = TypeVar("_One")
_Key = TypeVar("_Key")


@runtime_checkable
class FindsDocuments(Protocol):
    """A storage that finds many documents of a kind in one look, wherever they lie.

    Not part of the `Storage` port: a backend that has every document at hand need not have it.
    """

    def documents_at(self, tenant: str, kind: str, keys: Collection[str]) -> Mapping[str, Document]:
        """Return those of the documents under these keys that are there, by key, all of one state of the store.

        Raises: as `Storage.document`.
        """


def documents_at(storage: Storage, tenant: str, kind: str, keys: Collection[str]) -> Mapping[str, Document]:
    """Return those of the documents under these keys that are there, by key. Raises what `Storage.document` does.

    Args:
        storage: The store: one look where it is a `FindsDocuments`, and otherwise one for each.
        tenant: Whose they are.
        kind: Their kind.
        keys: Their keys.
    """
    if isinstance(storage, FindsDocuments):
        return storage.documents_at(tenant, kind, keys)
    found = {key: storage.document(tenant, kind, key) for key in keys}
    return {key: document for key, document in found.items() if document is not None}


def every_tenant(storage: Storage, *, with_ledger: bool = False) -> Iterator[TenantRecord]:
    """Yield the record of every tenant, in order of name. Raises what `Storage.tenants` does.

    Args:
        storage: The store.
        with_ledger: Also what policy keeps there, under a name that is no tenant's.
    """
    for record in _each(lambda after: storage.tenants(after=after), lambda one: one.tenant):
        if with_ledger or record.tenant != LEDGER:
            yield record


def every_head_page(storage: Storage, tenant: str) -> Iterator[HeadPage]:
    """Yield the pages of all live accounts, none of them empty. Raises what `Storage.heads` does."""
    after: str | None = None
    while True:
        page = storage.heads(tenant, after=after)
        if page.source_ids:
            yield page
        if len(page) < KEYS_AT_ONCE:
            return
        after = page.source_ids[-1]


def every_tombstone(storage: Storage, tenant: str) -> Iterator[Tombstone]:
    """Yield every tombstone, in order of account id. Raises what `Storage.tombstones` does."""
    return _each(lambda after: storage.tombstones(tenant, after=after), lambda one: one.account_id)


def every_document(storage: Storage, tenant: str, kind: str | None = None) -> Iterator[Document]:
    """Yield every document, or every one of a kind, in order of kind and key. Raises what `Storage.documents` does."""
    return _each(lambda after: storage.documents(tenant, kind, after=after), lambda one: (one.kind, one.key))


def every_entry(storage: Storage, tenant: str, journal: str = OUTBOX, *, after: int = 0) -> Iterator[Entry]:
    """Yield every entry of a journal beyond position ``after``. Raises what `Storage.entries` does."""
    return _each(
        lambda position: storage.entries(tenant, journal=journal, after=after if position is None else position),
        lambda one: one.position,
    )


def _each(read: Callable[[_Key | None], Sequence[_One]], key: Callable[[_One], _Key]) -> Iterator[_One]:
    after: _Key | None = None
    while True:
        page = read(after)
        yield from page
        if len(page) < KEYS_AT_ONCE:
            return
        after = key(page[-1])
