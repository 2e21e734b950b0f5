"""The documents of the SQLite store.

Whoever puts a document seals it. Its bytes lie in a row that never moves: a value of about the same size is written
over it in place, and zeros when it is removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

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

#: Keys in one statement: well below SQLite's limit of parameters.
_KEYS: Final = 500

#: What is called so where it is damaged.
_DAMAGED: Final = "a document"


def document(connection: sqlite3.Connection, tenant: str, kind: str, key: str) -> Document | None:
    """Return a document. See `Storage.document`."""
    row = connection.execute(f"{_DOCUMENTS} and kind = ? and name = ?", (tenant, kind, key)).fetchone()
    return of_row(tenant, row) if row else None


def documents_at(
    connection: sqlite3.Connection, tenant: str, kind: str, keys: Collection[str]
) -> Mapping[str, Document]:
    """Return those of the documents under these keys that are there. See `FindsDocuments`."""
    found: dict[str, Document] = {}
    for marks, chunk in _in_chunks(list(keys)):
        for row in connection.execute(f"{_DOCUMENTS} and kind = ? and name in ({marks})", (tenant, kind, *chunk)):
            document = of_row(tenant, row)
            found[document.key] = document
    return found


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


def write(connection: sqlite3.Connection, tenant: int, name: str, documents: Sequence[PutDocument]) -> None:
    """Write or remove documents, all of them or none; ``name`` is the tenant's.

    Many cost little more than one: they are looked up by hundreds, and each table is written to once.

    Raises:
        WriteConflict: One of them is not at the version that its write expects. Nothing was written.
        StorageBroken: The row of one, or its value, is damaged. Nothing was written.
    """
    if not documents:
        return
    present = _present(connection, tenant, documents)
    _refuse_conflicts(name, documents, present)
    places = [_place(name, put, present[put.kind, put.key]) if put.expected_version else None for put in documents]
    kept = [(put, place) for put, place in zip(documents, places, strict=True) if put.value is not None]
    records = [content_record(put.value) for put, _ in kept if put.value is not None]
    left = [place for put, place in zip(documents, places, strict=True) if put.value is None and place is not None]
    slab = contents(connection)
    rows = slab.store(records, _moved_in([place for _, place in kept], records, left))
    # What nobody moved into is left empty.
    slab.vacate(left)
    connection.executemany(
        "delete from document where tenant = ? and kind = ? and name = ?",
        [(tenant, put.kind, put.key) for put in documents if put.value is None],
    )
    stored = [(put, row) for (put, _), row in zip(kept, rows, strict=True)]
    connection.executemany(
        "update document set content = ?, version = ? where tenant = ? and kind = ? and name = ?",
        [(row, put.expected_version + 1, tenant, put.kind, put.key) for put, row in stored if put.expected_version],
    )
    connection.executemany(
        "insert into document (tenant, kind, name, content, version) values (?, ?, ?, ?, 1)",
        [(tenant, put.kind, put.key, row) for put, row in stored if not put.expected_version],
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


#: A row of a document that is there: its version, and where its value lies; whatever came into the columns.
_Row: TypeAlias = tuple[Any, Any, Any]


def _present(
    connection: sqlite3.Connection, tenant: int, documents: Sequence[PutDocument]
) -> dict[tuple[str, str], _Row]:
    """Return the rows of those of these documents that are there, by kind and key."""
    keys: dict[str, list[str]] = {}
    for put in documents:
        keys.setdefault(put.kind, []).append(put.key)
    found: dict[tuple[str, str], _Row] = {}
    for kind, names in keys.items():
        for marks, chunk in _in_chunks(names):
            statement = (
                "select d.name, d.version, c.id, length(c.record)"  # noqa: S608  # marks
                " from document d left join content c on c.id = d.content"
                f" where d.tenant = ? and d.kind = ? and d.name in ({marks})"
            )
            for key, *row in connection.execute(statement, (tenant, kind, *chunk)):
                found[kind, key] = (row[0], row[1], row[2])
    return found


def _in_chunks(keys: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the keys in lists that one statement takes, each with its placeholders."""
    for start in range(0, len(keys), _KEYS):
        chunk = keys[start : start + _KEYS]
        yield ", ".join("?" * len(chunk)), chunk


def _refuse_conflicts(name: str, documents: Iterable[PutDocument], present: Mapping[tuple[str, str], _Row]) -> None:
    """Raise `WriteConflict` for the first of these writes that expects another version than the one that is there."""
    for put in documents:
        row = present.get((put.kind, put.key))
        version = 0 if row is None else row[0]
        if not isinstance(version, int):
            raise refusals.damaged(_DAMAGED, f"tenant {name}, document {put.kind}/{put.key}")
        if version != put.expected_version:
            raise refusals.document_conflict(name, put.kind, put.key)


def _place(name: str, put: PutDocument, row: _Row) -> Place:
    """Return where the value of a document lies that is there."""
    if row[1] is None:
        raise refusals.damaged(_DAMAGED, f"tenant {name}, document {put.kind}/{put.key}")
    return Place(row[1], row[2])


def _moved_in(present: Sequence[Place | None], records: Sequence[bytes], left: list[Place]) -> list[Place | None]:
    """Return where each record is written over another one, by taking from ``left`` what has its very length.

    So what a removed document held is written over at once, and not first with zeros.
    """
    if not left:
        return list(present)
    by_size: dict[int, list[Place]] = {}
    for place in left:
        by_size.setdefault(place.size, []).append(place)
    chosen: list[Place | None] = []
    for there, record in zip(present, records, strict=True):
        fitting = by_size.get(len(record)) if there is None else None
        chosen.append(fitting.pop() if fitting else there)
    left[:] = [place for places in by_size.values() for place in places]
    return chosen
