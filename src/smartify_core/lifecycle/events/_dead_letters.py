"""The events of a tenant that were given up, whichever consumer they were for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smartify_core.model import Document
from smartify_core.storage import Storage

from ._parking import DEAD_KIND, DeadLetter, dead_in


def dead_letters(storage: Storage, tenant: str) -> Mapping[str, tuple[DeadLetter, ...]]:
    """Return the events of a tenant that were given up, by consumer, in the order in which that happened.

    Consumers that have none are left out. `Dispatcher.retry_dead` and `Dispatcher.drop_dead`
    are what can be done about one.

    Raises:
        StorageError: The store could not be read, or what it has is damaged.
    """
    found = {document.key: tuple(dead_in(document, tenant)) for document in _documents(storage, tenant)}
    return {consumer: letters for consumer, letters in found.items() if letters}


def _documents(storage: Storage, tenant: str) -> Iterator[Document]:
    after: tuple[str, str] | None = None
    while page := storage.documents(tenant, DEAD_KIND, after=after):
        yield from page
        after = (page[-1].kind, page[-1].key)
