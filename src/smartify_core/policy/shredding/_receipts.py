"""Receipts: one entry in the audit trail for each account that has ended, once nothing of its person is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import Final

from smartify_core.errors import StorageBroken, WriteConflict
from smartify_core.model import LEGAL_HOLD, SUBJECT_KEY, Document, PutDocument, Tombstone
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import every_document, every_tombstone

#: The kind of an account's receipt.
SHREDDED: Final = "account.shredded"
_RECEIPT: Final = "receipt"
_COMMUNICATION: Final = "communication"
_AT_ONCE: Final = 200
#: How many documents are read together that may have close to a megabyte each.
_LARGE_AT_ONCE: Final = 50
#: What goes with an account, in the commit that ends it.
_GONE: Final = ("key", "payload", "indexes", "subject key")


class Receipts:
    """Writes the receipts of a store, each once, however often it is killed in between.

    That a receipt is there is a document of policy, written in the same step as the entry.

    Args:
        storage: Where the accounts were.
        sealer: What sealed them.
        trail: Where the receipts go.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail) -> None:
        self._storage = storage
        self._trail = trail
        self._subjects = SubjectKeys(storage, sealer)

    def write(self, tenant: str) -> int:
        """Remove what may be left of accounts that have ended, write the receipts that lack, and return how many.

        Raises:
            AuditUnavailable: They could not be written; call it again.
            StorageError: The store could not be read or written.
        """
        self._sweep(tenant)
        written = 0
        lacking = self._lacking(tenant)
        while some := list(islice(lacking, _AT_ONCE)):
            written += self._written(tenant, some)
        return written

    def lacking(self, tenant: str) -> int:
        """Return how many accounts have ended and have no receipt yet. Raises `StorageError`."""
        return sum(1 for _ in self._lacking(tenant))

    def _lacking(self, tenant: str) -> Iterator[Tombstone]:
        """Yield the tombstones of accounts that have no receipt: both stand in order of account id."""
        prefix = _prefix(tenant)
        there = (one.key.removeprefix(prefix) for one in _under(self._storage, LEDGER, _RECEIPT, prefix))
        receipt = next(there, None)
        for stone in every_tombstone(self._storage, tenant):
            while receipt is not None and receipt < stone.account_id:
                receipt = next(there, None)
            if receipt != stone.account_id:
                yield stone

    def _written(self, tenant: str, stones: Sequence[Tombstone]) -> int:
        live = self._storage.load(tenant, sorted({stone.source_id for stone in stones}))
        alive = {account.account_id for account in live.values()}
        if any(stone.account_id in alive for stone in stones):
            raise StorageBroken(
                "an account is live and has a tombstone", where=f"tenant {tenant}", cure="Check the store."
            )
        now = self._trail.now()
        records = [
            AuditRecord(
                SHREDDED,
                now,
                tenant,
                subjects=(stone.account_id,),
                facts={
                    "source_id": stone.source_id,
                    "created_at": stone.created_at.isoformat(),
                    "ended_at": stone.deleted_at.isoformat(),
                    "gone": _GONE,
                    "communications": self._end_communications(tenant, stone.account_id),
                },
            )
            for stone in stones
        ]
        puts = [PutDocument(_RECEIPT, _prefix(tenant) + stone.account_id, b"", 0) for stone in stones]
        try:
            self._trail.append(*records, documents=puts)
        except WriteConflict:
            # Somebody else has written some of them just now.
            found = (self._storage.document(LEDGER, put.kind, put.key) for put in puts)
            left = [stone for stone, there in zip(stones, found, strict=True) if there is None]
            return self._written(tenant, left) if left else 0
        return len(stones)

    def _sweep(self, tenant: str) -> None:
        """Remove keys and holds of accounts that have ended: whoever made one may have been killed before a look."""
        for kind in (SUBJECT_KEY, LEGAL_HOLD):
            if not self._storage.documents(tenant, kind, limit=1):
                continue
            stones = every_tombstone(self._storage, tenant)
            stone = next(stones, None)
            for document in every_document(self._storage, tenant, kind):
                while stone is not None and stone.account_id < document.key:
                    stone = next(stones, None)
                if stone is not None and stone.account_id == document.key:
                    self._remove(tenant, document)

    def _end_communications(self, tenant: str, account_id: str) -> int:
        """Remove what was said to and by the person. It does not open any more anyway."""
        if not self._storage.documents(tenant, _COMMUNICATION, limit=1):
            return 0
        prefix, ended = f"{account_id}/", 0
        for document in _under(self._storage, tenant, _COMMUNICATION, prefix, at_once=_LARGE_AT_ONCE):
            # A host's own ids may have a slash in them: of ``1/2`` nothing goes with ``1``.
            if "/" not in document.key.removeprefix(prefix):
                self._remove(tenant, document)
                ended += 1
        return ended

    def _remove(self, tenant: str, document: Document | None) -> None:
        while document is not None:
            with suppress(WriteConflict):
                gone = PutDocument(document.kind, document.key, None, document.version)
                self._storage.record(tenant, documents=[gone])
                return
            document = self._storage.document(tenant, document.kind, document.key)


def _prefix(tenant: str) -> str:
    return sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32] + "/"


def _under(storage: Storage, tenant: str, kind: str, prefix: str, *, at_once: int = KEYS_AT_ONCE) -> Iterator[Document]:
    """Yield the documents of a kind whose keys begin with ``prefix``, in order of key."""
    after = (kind, prefix)
    while page := storage.documents(tenant, kind, after=after, limit=at_once):
        for document in page:
            if not document.key.startswith(prefix):
                return
            yield document
        after = (kind, page[-1].key)
