"""The documents of the SQLite store.

Whoever puts a document seals it. Its bytes lie in a row that never moves: a value of about the same size is written
over it in place, and zeros when it is removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from smartify_core.model import Document, PutDocument
from smartify_core.storage import refusals

from ._content import content_in, content_record
from ._rows import require
from ._slabs import Place, contents

#: The rows that `of_row` takes.
ROWS: Final = (
    "document.kind, document.name, content.record, document.version"
    " from document left join content on content.id = document.content"
)
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
    start, keys = "", tuple[str, ...]()
    if after is not None and after[0] == kind:
        # Not as a pair: of a pair and `kind = ?` the index is used for the kind alone, and each page reads it from its
        # beginning.
        start, keys = " and name > ?", after[1:]
    elif after is not None:
        start, keys = " and (kind, name) > (?, ?)", after
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


def write(connection: sqlite3.Connection, tenant: int, name: str, documents: Iterable[PutDocument]) -> None:
    """Write or remove documents that are as expected; ``name`` is the tenant's."""
    slab = contents(connection)
    for put in documents:
        key = (tenant, put.kind, put.key)
        present = _place(connection, key, name) if put.expected_version else None
        if put.value is None:
            slab.vacate([present] if present else [])
            connection.execute("delete from document where tenant = ? and kind = ? and name = ?", key)
            continue
        (content,) = slab.store([content_record(put.value)], [present])
        if present:
            connection.execute(
                "update document set content = ?, version = ? where tenant = ? and kind = ? and name = ?",
                (content, put.expected_version + 1, *key),
            )
        else:
            connection.execute(
                "insert into document (tenant, kind, name, content, version) values (?, ?, ?, ?, 1)", (*key, content)
            )


def erase(connection: sqlite3.Connection, tenant: int) -> None:
    """Erase all documents of a tenant."""
    contents(connection).vacate_named("select content from document where tenant = ?", (tenant,))
    connection.execute("delete from document where tenant = ?", (tenant,))


def of_row(tenant: str, row: tuple[Any, ...]) -> Document:
    """Return the document in a row.

    Raises:
        StorageBroken: The row is damaged.
    """
    where = f"tenant {tenant}, document {row[0]}/{row[1]}"
    kind, name, record, version = require(row, (str, str, bytes, int), _DAMAGED, where)
    return Document(kind, name, content_in(record, _DAMAGED, where), version)


def _place(connection: sqlite3.Connection, key: tuple[int, str, str], name: str) -> Place:
    """Return where the value of a document lies that is there."""
    row = connection.execute(
        "select c.id, length(c.record) from document d join content c on c.id = d.content"
        " where d.tenant = ? and d.kind = ? and d.name = ?",
        key,
    ).fetchone()
    if row is None:
        raise refusals.damaged(_DAMAGED, f"tenant {name}, document {key[1]}/{key[2]}")
    return Place(*row)
