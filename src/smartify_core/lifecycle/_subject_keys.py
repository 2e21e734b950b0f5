"""The keys of people whose accounts end: they go with the accounts.

Whoever makes such a key looks afterwards whether the account is still there, and whoever ends an account looks for a
key before the commit and after it. So none outlives its account, in whatever order the two happen.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from smartify_core.errors import WriteConflict
from smartify_core.model import SUBJECT_KEY, PutDocument
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

#: Up to so many are asked for one by one; for more, all of the tenant's keys are gone through.
_ONE_BY_ONE: Final = 32


def removals(storage: Storage, tenant: str, account_ids: Collection[str]) -> tuple[PutDocument, ...]:
    """Return the writes that remove the keys of these accounts' people: none for those who have none.

    Raises:
        StorageError: The store could not be read.
    """
    if not account_ids or not storage.documents(tenant, SUBJECT_KEY, limit=1):
        return ()
    if len(account_ids) > _ONE_BY_ONE:
        there = {one.key: one.version for one in every_document(storage, tenant, SUBJECT_KEY) if one.key in account_ids}
    else:
        found = (storage.document(tenant, SUBJECT_KEY, account_id) for account_id in account_ids)
        there = {one.key: one.version for one in found if one is not None}
    return tuple(PutDocument(SUBJECT_KEY, key, None, version) for key, version in sorted(there.items()))


def remove(storage: Storage, tenant: str, account_ids: Collection[str]) -> None:
    """Remove the keys of these accounts' people that are there now.

    Raises:
        StorageError: The store could not be read or written.
    """
    while left := removals(storage, tenant, account_ids):
        with suppress(WriteConflict):  # sealed anew or removed meanwhile: look again
            storage.record(tenant, documents=left)
