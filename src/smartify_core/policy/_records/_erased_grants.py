"""Erasing what was granted for a customer who is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from smartify_core.errors import WriteConflict
from smartify_core.model import Document, PutDocument
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._grant_places import GRANT, PAST, is_for

#: How many are erased in one step.
_AT_ONCE: Final = 200


def erase_grants(storage: Storage, trail: Trail, tenant: str, *, key: str | None = None) -> None:
    """Erase all grants for a tenant, also those that are long over, or one; and record how many in the same steps.

    None of them is opened. Whatever it was interrupted at, calling it again finishes it.

    Args:
        storage: Where they are on record.
        trail: What records it.
        tenant: The tenant, which is not served any more.
        key: The one; all of them without it.

    Raises:
        AuditUnavailable: It could not be recorded; what was not, is still there.
        StorageError: The store could not be read.
    """
    while some := list(islice(_found(storage, tenant, key), _AT_ONCE)):
        gone = [PutDocument(one.kind, one.key, None, one.version) for one in some]
        record = AuditRecord("grant.erased", trail.now(), tenant, facts={"grants": len(gone)})
        with suppress(WriteConflict):  # somebody has changed one meanwhile: look again
            trail.append(record, documents=gone)


def _found(storage: Storage, tenant: str, key: str | None) -> Iterator[Document]:
    for kind in (GRANT, PAST):
        yield from (
            one for one in every_document(storage, LEDGER, kind) if is_for(one.key, tenant) and key in {None, one.key}
        )
