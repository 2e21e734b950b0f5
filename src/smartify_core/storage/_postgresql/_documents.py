"""The documents of the PostgreSQL store. Whoever puts a document seals it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from smartify_core.model import Document, PutDocument
from smartify_core.storage import refusals

from ._lent import Lent
from ._rows import blobs, numbers, read, texts, written

_DOCUMENTS: Final = (
    "select kind, name, value, version from @document where tenant = (select id from @tenant where name = $1)"
)
#: Documents of a tenant, $1, of these kinds and keys, each looked up by itself, as by `each_of`.
_EACH: Final = (
    " from unnest($2::text[], $3::text[]) as w (its_kind, its_name) cross join lateral (select kind, name, version,"
    " ctid as place from @document where tenant = $1 and kind = its_kind and name = its_name offset 0) as found"
)
_VERSIONS: Final = f"select kind, name, version{_EACH}"
_REMOVE: Final = f"delete from @document d using (select place{_EACH}) as n where d.ctid = n.place"  # noqa: S608  # constants
_WRITE: Final = (
    "insert into @document (tenant, kind, name, value, version)"
    " select $1, * from unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[])"
    " on conflict (tenant, kind, name) do update set value = excluded.value, version = excluded.version"
)


def document(lent: Lent, tenant: str, kind: str, key: str) -> Document | None:
    """Return a document. See `Storage.document`."""
    statement = f"{_DOCUMENTS} and kind = $2 and name = $3"
    row = lent.ask(statement, (written(tenant), written(kind), written(key))).fetchone()
    return None if row is None else _document(*row)


def documents_at(lent: Lent, tenant: str, kind: str, keys: Collection[str]) -> Mapping[str, Document]:
    """Return those of the documents under these keys that are there. See `FindsDocuments`."""
    if not keys:
        return {}
    statement = f"{_DOCUMENTS} and kind = $2 and name = any($3::text[])"
    rows = lent.ask(statement, (written(tenant), written(kind), texts(list(keys))))
    return {one.key: one for one in (_document(*row) for row in rows)}


def documents(
    lent: Lent, tenant: str, kind: str | None, after: tuple[str, str] | None, limit: int
) -> Sequence[Document]:
    """Return the next page of documents. See `Storage.documents`."""
    values: list[object] = [written(tenant), limit]
    only = start = ""
    if kind is not None:
        values.append(written(kind))
        only = f" and kind = ${len(values)}"
    if after is not None:
        values += map(written, after)
        start = f" and (kind, name) > (${len(values) - 1}, ${len(values)})"
    rows = lent.ask(f"{_DOCUMENTS}{only}{start} order by kind, name limit $2", values)
    return [_document(*row) for row in rows]


def refuse_conflicts(lent: Lent, tenant: int, name: str, documents: Sequence[PutDocument]) -> None:
    """Raise `WriteConflict` unless all documents are at the versions that these writes expect."""
    if not documents:
        return
    rows = lent.run(_VERSIONS, (tenant, *_places(documents)))
    there = {(read(kind), read(key)): version for kind, key, version in rows}
    for put in documents:
        if there.get((put.kind, put.key), 0) != put.expected_version:
            raise refusals.document_conflict(name, put.kind, put.key)


def write(lent: Lent, tenant: int, documents: Sequence[PutDocument]) -> None:
    """Write or remove documents that are as expected."""
    removed = [put for put in documents if put.value is None]
    if removed:
        lent.later(_REMOVE, (tenant, *_places(removed)))
    if kept := [put for put in documents if put.value is not None]:
        values = blobs([put.value or b"" for put in kept])
        versions = numbers([put.expected_version + 1 for put in kept])
        lent.later(_WRITE, (tenant, *_places(kept), values, versions))


def _places(documents: Sequence[PutDocument]) -> tuple[object, object]:
    return texts([put.kind for put in documents]), texts([put.key for put in documents])


def _document(kind: str, key: str, value: bytes, version: int) -> Document:
    return Document(read(kind), read(key), value, version)
