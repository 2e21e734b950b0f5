"""The events of a tenant that were given up, whichever consumer they were for."""

from __future__ import annotations

from collections.abc import Mapping

from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._parking import DEAD_KIND, DeadLetter, dead_in


def dead_letters(storage: Storage, tenant: str) -> Mapping[str, tuple[DeadLetter, ...]]:
    """Return the events of a tenant that were given up, by consumer, in the order in which that happened.

    Consumers that have none are left out. `Dispatcher.retry_dead` and `Dispatcher.drop_dead`
    are what can be done about one.

    Raises:
        StorageError: The store could not be read, or what it has is damaged.
    """
    found = {document.key: tuple(dead_in(document, tenant)) for document in every_document(storage, tenant, DEAD_KIND)}
    return {consumer: letters for consumer, letters in found.items() if letters}
