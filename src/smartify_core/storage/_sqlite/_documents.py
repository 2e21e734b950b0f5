"""The documents of the SQLite store.

Whoever puts a document seals it. Its bytes are overwritten with zeros when it is removed (``secure_delete``), yet,
unlike an account's, a copy may stay behind where SQLite moved rows about.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from smartify_core.model import Document, PutDocument
from smartify_core.storage import refusals

from ._rows import require

#: The rows that `of_row` takes.
ROWS: Final = "document.kind, document.name, document.value, document.version from document"
_DOCUMENTS: Final = f"select {ROWS} where tenant = (select id from tenant where name = ?)"  # noqa: S608  # constants

#: What is called so where it is damaged.
_DAMAGED: Final = "a document"


def document(connection: sqlite3.Connection, tenant: str, kind: str, key: str) -> Document | None:
    """Return a document. See `Storage.document`."""
    row = connection.execute(f"{_DOCUMENTS} and kind = ? and name = ?", (tenant, kind, key)).fetchone()
    return of_row(tenant, row) if row else None


def documents(
    connection: sqlite3.Connection, tenant: str, kind: str | None, after: tuple[str, str] | None, limit: int
) -> Sequence[Document]:
    """Return the next page of documents. See `Storage.documents`."""
    only, kinds = ("", ()) if kind is None else (" and kind = ?", (kind,))
    start, keys = ("", ()) if after is None else (" and (kind, name) > (?, ?)", after)
    rows = connection.execute(f"{_DOCUMENTS}{only}{start} order by kind, name limit ?", (tenant, *kinds, *keys, limit))
    return [of_row(tenant, row) for row in rows]


def refuse_conflicts(connection: sqlite3.Connection, tenant: int, name: str, documents: Iterable[PutDocument]) -> None:
    """Raise `WriteConflict` unless all documents are at the versions that these writes expect."""
    for put in documents:
        row = connection.execute(
            "select version from document where tenant = ? and kind = ? and name = ?", (tenant, put.kind, put.key)
        ).fetchone() or (0,)
        require(row, (int,), _DAMAGED, f"tenant {name}, document {put.kind}/{put.key}")
        if row[0] != put.expected_version:
            raise refusals.document_conflict(name, put.kind, put.key)


def write(connection: sqlite3.Connection, tenant: int, documents: Iterable[PutDocument]) -> None:
    """Write or remove documents that are as expected."""
    for put in documents:
        place = (tenant, put.kind, put.key)
        if put.value is None:
            connection.execute("delete from document where tenant = ? and kind = ? and name = ?", place)
        elif put.expected_version:
            connection.execute(
                "update document set value = ?, version = ? where tenant = ? and kind = ? and name = ?",
                (put.value, put.expected_version + 1, *place),
            )
        else:
            connection.execute(
                "insert into document (tenant, kind, name, value, version) values (?, ?, ?, ?, 1)", (*place, put.value)
            )


def of_row(tenant: str, row: tuple[Any, ...]) -> Document:
    """Return the document in a row.

    Raises:
        StorageBroken: The row is damaged.
    """
    return Document(*require(row, (str, str, bytes, int), _DAMAGED, f"tenant {tenant}, document {row[0]}/{row[1]}"))
