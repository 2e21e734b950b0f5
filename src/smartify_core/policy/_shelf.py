"""Values of policy as documents of the store: sealed, versioned, and each of one type."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from cattrs import Converter
from cattrs.errors import BaseValidationError

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import Document, PutDocument
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import documents_at, every_document

from ._ledger import LEDGER

_Value = TypeVar("_Value")
_FORMAT: Final = 1
#: The first page of documents that are looked for by the beginning of their key. Each one after it is twice as large,
#: up to what a store gives at once: little is read where there are few, and few pages where there are many.
_FEW: Final = 32

_converter: Final = Converter(forbid_extra_keys=True, unstruct_collection_overrides={frozenset: sorted})
_converter.register_unstructure_hook(datetime, datetime.isoformat)
_converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
_converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
_converter.register_structure_hook(timedelta, lambda seconds, _: timedelta(seconds=seconds))

_written: Final = json.JSONEncoder(separators=(",", ":")).encode


class Shelf(Generic[_Value]):
    """The documents of one kind. What is written here is returned as a write, so that it can be part of a larger one.

    Args:
        storage: Where they are.
        sealer: What seals and opens them.
        kind: Their kind.
        type_: What each of them holds: an attrs class.
        tenant: Whose they are; those of policy itself unless told otherwise.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, kind: str, type_: type[_Value], *, tenant: str = LEDGER
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._kind = kind
        self._type = type_
        self._tenant = tenant

    def get(self, key: str) -> tuple[_Value | None, int]:
        """Return the value under ``key`` and the version of its document; ``None`` and 0 where there is none.

        Raises:
            WrongKey: The key ring does not hold the key that it was sealed under.
            SealBroken: It was altered, or moved here from elsewhere.
            NewerSchema: A newer version of this library wrote it.
        """
        document = self._storage.document(self._tenant, self._kind, key)
        return (None, 0) if document is None else (self.opened(document), document.version)

    def some(self, keys: Collection[str]) -> Mapping[str, tuple[_Value, int]]:
        """Return what `get` does of those of these keys that are there, in one look where the store can."""
        found = documents_at(self._storage, self._tenant, self._kind, keys)
        return {key: (self.opened(document), document.version) for key, document in found.items()}

    def all(self) -> Iterator[tuple[str, _Value, int]]:
        """Yield every key with its value and version, in bytewise order of key. Raises what `get` does."""
        for document in every_document(self._storage, self._tenant, self._kind):
            yield document.key, self.opened(document), document.version

    def beginning_with(self, prefix: str) -> Iterator[tuple[str, _Value, int]]:
        """Yield what `all` does of the keys that begin with ``prefix`` and go on. Raises what `get` does."""
        after, limit = prefix, _FEW
        while True:
            page = self._storage.documents(self._tenant, self._kind, after=(self._kind, after), limit=limit)
            for document in page:
                if not document.key.startswith(prefix):
                    return
                yield document.key, self.opened(document), document.version
            if len(page) < limit:
                return
            after, limit = page[-1].key, min(2 * limit, KEYS_AT_ONCE)

    def put(self, key: str, value: _Value, *, over: int) -> PutDocument:
        """Return the write that keeps ``value`` over version ``over`` of its document (0 for a new one)."""
        content = _written({"format": _FORMAT, "value": _converter.unstructure(value)})
        sealed = self._sealer.seal_document(self._tenant, self._kind, key, content.encode())
        return PutDocument(self._kind, key, sealed, over)

    def remove(self, key: str, *, over: int) -> PutDocument:
        """Return the write that removes the document under ``key``, which has version ``over``."""
        return PutDocument(self._kind, key, None, over)

    def opened(self, document: Document) -> _Value:
        """Return what a document holds that was read by other means. Raises what `get` does."""
        where = f"{self._kind} {document.key}"
        try:
            content = self._sealer.open_document(self._tenant, self._kind, document.key, document.value)
        except SealBroken as broken:
            raise SealBroken(broken.what, where=where, cure=broken.cure) from None
        try:
            held = json.loads(content)
            number = held["format"]
            if number == _FORMAT:
                return _converter.structure(held["value"], self._type)
            newer = isinstance(number, int) and number > _FORMAT
        except (BaseValidationError, KeyError, TypeError, ValueError):
            newer = False
        if newer:
            raise NewerSchema("a newer version of this library wrote it", where=where, cure="Upgrade smartify-core.")
        raise SealBroken(
            "what was opened is not in a format of this library", where=where, cure="Restore it from a backup."
        )
