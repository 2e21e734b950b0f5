"""What was done to a tenant's accounts, when and why, for as long as the journal keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from smartify_core.errors import UsageError
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_entry

from ._journal import JournalEntry, decode


class History:
    """The journals of a store, opened for reading. They hold ids, reasons and names of fields, no personal data.

    Args:
        storage: Where they are.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def of(
        self, tenant: str, *, account_id: str | None = None, since: datetime | None = None
    ) -> Iterator[JournalEntry]:
        """Yield the tenant's entries, oldest first. Holds one page of them at a time.

        Args:
            tenant: Whose journal.
            account_id: Only what happened to this account.
            since: Only what was decided at this instant (aware) or later.

        Raises:
            UsageError: ``since`` has no time zone.
            NewerSchema: A newer version of this library wrote an entry.
            SealBroken: An entry is damaged.
        """
        if since is not None and since.tzinfo is None:
            raise UsageError("a time has no time zone", cure="Pass aware times in UTC.")
        return self._entries(tenant, account_id, since)

    def _entries(self, tenant: str, account_id: str | None, since: datetime | None) -> Iterator[JournalEntry]:
        for one in every_entry(self._storage, tenant):
            entry = decode(one.content, tenant=tenant, position=one.position)
            if account_id in {None, entry.account_id} and (since is None or entry.at >= since):
                yield entry
