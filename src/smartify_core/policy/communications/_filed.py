"""The documents of communications in a store: what stands where, whose it is, and how it goes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TypeVar

from smartify_core.errors import SealBroken, WriteConflict
from smartify_core.model import Document, PutDocument
from smartify_core.policy._shelf import Shelf
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._communication import Kept, OptOut

#: The kind of the documents; each key is an account id, a slash, and a part of its own.
KIND: Final = "communication"
OPT_OUT: Final = "communication opt-out"
#: The key of the opt-out of a whole tenant.
EVERYBODY: Final = "tenant"
#: How many documents are looked at, or removed, together: one may have close to a megabyte.
AT_ONCE: Final = 50
_ATTEMPTS: Final = 16
_T = TypeVar("_T")


class Filed:
    """The texts and wishes of a store, with the text itself still sealed."""

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer

    def next_key(self, tenant: str, account_id: str, now: datetime) -> str:
        """Return the key of a text that is kept now: keys of one person ascend as they are given."""
        instant = f"{account_id}/{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-"
        number, after = 0, instant
        while True:
            page = self._storage.documents(tenant, KIND, after=(KIND, after), limit=AT_ONCE)
            taken = [document.key for document in page if document.key.startswith(instant)]
            if taken:
                after = taken[-1]
                number = int(after.removeprefix(instant).partition("-")[0]) + 1
            if len(taken) < AT_ONCE:
                # The end is drawn: another process may keep another text in the same microsecond.
                return f"{instant}{number:06}-{secrets.token_hex(4)}"

    def put(self, tenant: str, key: str, kept: Kept) -> None:
        """Write a new text."""
        shelf = Shelf(self._storage, self._sealer, KIND, Kept, tenant=tenant)
        self._storage.record(tenant, documents=[shelf.put(key, kept, over=0)])

    def each(self, tenant: str, account_id: str | None = None) -> Iterator[tuple[Document, Kept | SealBroken]]:
        """Yield the texts of a tenant or a person, the oldest of a person first; of one that is damaged, why."""
        shelf = Shelf(self._storage, self._sealer, KIND, Kept, tenant=tenant)
        after = prefix = "" if account_id is None else f"{account_id}/"
        while True:
            page = self._storage.documents(tenant, KIND, after=(KIND, after), limit=AT_ONCE)
            for document in page:
                if not document.key.startswith(prefix):
                    return
                try:
                    kept = shelf.opened(document)
                except SealBroken as error:
                    yield document, error
                    continue
                # A host's own account ids may have a slash in them: the prefix alone says too little.
                if account_id is None or kept.account_id == account_id:
                    yield document, kept
            if len(page) < AT_ONCE:
                return
            after = page[-1].key

    def wish(self, tenant: str, account_id: str) -> Document | None:
        """Return the wish of one person, or of the whole tenant where the id is empty."""
        return self._storage.document(tenant, OPT_OUT, _wish_key(account_id))

    def wishes(self, tenant: str) -> Iterator[tuple[Document, OptOut]]:
        """Yield the wishes of a tenant and its people."""
        shelf = Shelf(self._storage, self._sealer, OPT_OUT, OptOut, tenant=tenant)
        for document in every_document(self._storage, tenant, OPT_OUT):
            yield document, shelf.opened(document)

    def put_wish(self, tenant: str, wish: OptOut) -> None:
        """Write a new wish. Raises `WriteConflict` where there is one."""
        shelf = Shelf(self._storage, self._sealer, OPT_OUT, OptOut, tenant=tenant)
        self._storage.record(tenant, documents=[shelf.put(_wish_key(wish.account_id), wish, over=0)])

    def live(self, tenant: str, source_ids: Iterable[str]) -> dict[str, str]:
        """Return the account ids of the live accounts among these people."""
        found = self._storage.load(tenant, sorted(set(source_ids)))
        return {source_id: account.account_id for source_id, account in found.items()}

    def remove(self, tenant: str, documents: Sequence[Document]) -> None:
        """Remove documents, whoever else removes some of them meanwhile."""
        left = documents
        for _ in range(_ATTEMPTS):
            try:
                for some in in_lists(left):
                    writes = [PutDocument(one.kind, one.key, None, one.version) for one in some]
                    self._storage.record(tenant, documents=writes)
            except WriteConflict:
                found = (self._storage.document(tenant, one.kind, one.key) for one in left)
                left = [one for one in found if one is not None]
            else:
                return
        raise WriteConflict("what is to be removed is written anew all the time", where=f"tenant {tenant}")


def in_lists(each: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield what there is, so many together as are looked at at once."""
    ahead = iter(each)
    while some := list(islice(ahead, AT_ONCE)):
        yield some


def _wish_key(account_id: str) -> str:
    return f"person/{account_id}" if account_id else EVERYBODY
