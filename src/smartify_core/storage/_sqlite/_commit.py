"""Applying a batch inside a transaction: first everything that could refuse it, then the writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final, NoReturn

from attrs import frozen

from smartify_core.model import (
    Append,
    Batch,
    Claim,
    Erase,
    Put,
    PutDocument,
    Receipt,
)
from smartify_core.storage import refusals
from smartify_core.storage._numbers import to_number
from smartify_core.storage.checks import INDEX_BYTES
from smartify_core.storage.deciding import (
    appends_of,
    item_of,
    refuse_conflicts,
    refuse_tombstoned,
    replaces,
    revision_after,
)

from . import _documents as documents
from . import _journal as journal
from . import _tenants as tenants
from ._rows import (
    ACCOUNT_TABLES,
    ROW_COLUMNS,
    account_row,
    bucket_bits,
    buckets,
    damaged,
    digest_record,
    fingerprint_number,
    sealed_record,
)
from ._slabs import Place, digests, sealed

#: Keys in one statement: well below SQLite's limit of parameters.
_KEYS: Final = 500

_INSERT_ACCOUNT: Final = (
    f"insert into account ({', '.join(ROW_COLUMNS)}, digest, sealed, tenant, source_id)"  # noqa: S608  # constants
    f" values ({', '.join('?' * (len(ROW_COLUMNS) + 4))})"
)
#: Without the columns that an index has: SQLite writes an entry anew whose column is set, were it to the same value. Of
#: these an account's id never changes, and the bucket of its address seldom does.
_KEPT_COLUMNS: Final = tuple(column for column in ROW_COLUMNS if column not in {"account_id", "email_bucket"})
_UPDATE_ACCOUNT: Final = (
    f"update account set {', '.join(f'{column} = ?' for column in _KEPT_COLUMNS)}, sealed = ?"  # noqa: S608  # constants
    " where tenant = ? and source_id = ?"
)
_UPDATE_PLACE: Final = "update account set email_bucket = ?, digest = ? where tenant = ? and source_id = ?"
_KEPT: Final = itemgetter(*map(ROW_COLUMNS.index, _KEPT_COLUMNS))
_BUCKET: Final = ROW_COLUMNS.index("email_bucket")


@frozen(order=False)
class _Live:
    """What a write may meet: the account that is there, and the places of its rows."""

    account_id: str
    version: int
    fingerprint: int
    email_bucket: int
    digest: Place
    sealed: Place


class KeyTaken(Exception):
    """Somebody who is new to the batch is there already. Who, `explain` finds out once the batch is undone.

    Whoever is new is not looked for beforehand: the keys of the table refuse who is there. A savepoint, to look from
    within, would cost every batch a copy of each page that it touches.
    """


def explain(connection: sqlite3.Connection, claim: Claim, batch: Batch) -> NoReturn:
    """Raise what keeps a batch from being applied whose keys were taken. See `Storage.commit`."""
    name = claim.tenant
    tenant = tenants.claimed(tenants.find(connection, name), claim)
    puts = [write for write in batch.writes if isinstance(write, Put)]
    _refuse_tombstoned(connection, tenant.id, name, batch, puts)
    _refuse_conflicts(connection, tenant.id, name, batch)
    # It was taken, and another process has freed it since.
    raise refusals.conflict(name, item_of(batch.writes[0]).source_id)


def commit(connection: sqlite3.Connection, claim: Claim, batch: Batch) -> Receipt:
    """Apply the batch, or raise with the transaction still to be rolled back. See `Storage.commit`.

    Raises:
        KeyTaken: As it says; beside what `Storage.commit` raises.
    """
    name = claim.tenant
    found = tenants.find(connection, name)
    if found is not None and batch.id is not None and batch.id == found.batch_id:
        return Receipt(found.revision)
    tenant = tenants.claimed(found, claim)
    puts = [write for write in batch.writes if isinstance(write, Put)]
    erases = [write for write in batch.writes if isinstance(write, Erase)]
    _refuse_tombstoned(connection, tenant.id, name, batch, puts)
    replaced = [write for write in batch.writes if write.expected_version]
    live = _live(connection, tenant.id, name, replaced)
    brought = [write.tombstone.account_id for write in erases if not write.expected_version]
    if _among_live(connection, tenant.id, brought) or not all(
        replaces(write, live.get(item_of(write).source_id)) for write in replaced
    ):
        _refuse_conflicts(connection, tenant.id, name, batch)
    try:
        if erases:
            _erase(connection, tenant.id, erases, live)
        if puts:
            _put(connection, tenant, puts, live)
    except sqlite3.IntegrityError:
        raise KeyTaken from None
    documents.write(connection, tenant.id, name, batch.documents)
    position = journal.append(connection, tenant.id, name, tenant.position, appends_of(batch))
    revision = revision_after(tenant.revision, grows=bool(batch.writes), least=batch.revision)
    change = sum(int.from_bytes(put.account.fingerprint, "big") for put in puts)
    change -= sum(one.fingerprint for one in live.values())
    connection.execute(
        "update tenant set revision = ?, accounts = ?, total = ?, position = ?, batch = ? where id = ?",
        (
            revision,
            # Whoever was there is put again or erased, so that only those who are put are there now.
            tenant.accounts + len(puts) - len(live),
            tenants.add_to_total(connection, name, tenant, change),
            position,
            batch.id,
            tenant.id,
        ),
    )
    return Receipt(revision)


def record(connection: sqlite3.Connection, name: str, puts: Sequence[PutDocument], appends: Sequence[Append]) -> None:
    """Write documents and add to journals. See `Storage.record`."""
    found = tenants.find(connection, name)
    number = found.id if found else tenants.bring_in(connection, name)
    documents.write(connection, number, name, puts)
    before = found.position if found else 0
    if (position := journal.append(connection, number, name, before, appends)) != before:
        connection.execute("update tenant set position = ? where id = ?", (position, number))


def erase_tenant(connection: sqlite3.Connection, claim: Claim) -> None:
    """Erase all that is held for a tenant. See `Storage.erase_tenant`."""
    tenant = tenants.claimed(tenants.find(connection, claim.tenant), claim)
    revision = revision_after(tenant.revision, grows=True)
    places = (
        "select a.source_id, a.digest, length(d.record), a.sealed, length(s.record)"  # noqa: S608  # constants
        f" from {ACCOUNT_TABLES} where a.tenant = ? limit {_KEYS}"
    )
    while rows := connection.execute(places, (tenant.id,)).fetchall():
        digests(connection).vacate([Place(*row[1:3]) for row in rows])
        sealed(connection).vacate([Place(*row[3:]) for row in rows])
        keys = [(tenant.id, row[0]) for row in rows]
        connection.executemany("delete from account where tenant = ? and source_id = ?", keys)
    connection.execute("delete from tombstone where tenant = ?", (tenant.id,))
    documents.erase(connection, tenant.id)
    journal.erase(connection, tenant.id)
    if tenant.total is not None:
        connection.execute("update total set record = zeroblob(length(record)) where id = ?", (tenant.total,))
    connection.execute(
        "update tenant set accounts = 0, revision = ?, trimmed = position, batch = null, due_at = null,"
        " expires_at = null where id = ?",
        (revision, tenant.id),
    )


def in_chunks(keys: Iterable[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the keys in lists that one statement takes, each with its placeholders."""
    rest = list(dict.fromkeys(keys))
    for start in range(0, len(rest), _KEYS):
        chunk = rest[start : start + _KEYS]
        yield ", ".join("?" * len(chunk)), chunk


def _refuse_tombstoned(
    connection: sqlite3.Connection, tenant: int, name: str, batch: Batch, puts: Sequence[Put]
) -> None:
    brought = [write for write in batch.writes if isinstance(write, Erase) and not write.expected_version]
    looked_up: list[Put | Erase] = [*puts, *brought]
    ended: set[str] = set()
    statement = "select exists(select 1 from tombstone where tenant = ?)"
    if connection.execute(statement, (tenant,)).fetchone()[0]:
        for marks, chunk in in_chunks(item_of(write).account_id for write in looked_up):
            statement = f"select account_id from tombstone where tenant = ? and account_id in ({marks})"  # noqa: S608  # marks
            ended.update(account_id for (account_id,) in connection.execute(statement, (tenant, *chunk)))
    if ended or len(puts) < len(batch.writes):
        refuse_tombstoned(name, batch.writes, ended)


def _live(connection: sqlite3.Connection, tenant: int, name: str, replaced: Sequence[Put | Erase]) -> dict[str, _Live]:
    found: dict[str, _Live] = {}
    for marks, chunk in in_chunks(item_of(write).source_id for write in replaced):
        statement = (
            "select a.source_id, a.account_id, a.version, a.email_bucket, d.record, a.digest, length(d.record),"  # noqa: S608  # marks
            " a.sealed, length(s.record)"
            f" from {ACCOUNT_TABLES}"
            f" where a.tenant = ? and a.source_id in ({marks})"
        )
        for source_id, account_id, version, bucket, record, *places in connection.execute(statement, (tenant, *chunk)):
            if not (
                isinstance(record, bytes)
                and len(record) == 2 * INDEX_BYTES
                and isinstance(version, int)
                and isinstance(account_id, str)
            ):
                raise damaged(name)
            number = fingerprint_number(record)
            found[source_id] = _Live(account_id, version, number, bucket, Place(*places[:2]), Place(*places[2:]))
    return found


def _refuse_conflicts(connection: sqlite3.Connection, tenant: int, name: str, batch: Batch) -> None:
    """Raise for the first write of the batch that the accounts which are there do not allow."""
    live = _live(connection, tenant, name, batch.writes)
    new_ids = [item_of(write).account_id for write in batch.writes if not write.expected_version]
    refuse_conflicts(name, batch.writes, live, _among_live(connection, tenant, new_ids))


def _among_live(connection: sqlite3.Connection, tenant: int, account_ids: Sequence[str]) -> set[str]:
    """Return those of these account ids that name a live account."""
    found: set[str] = set()
    for marks, chunk in in_chunks(account_ids):
        statement = f"select account_id from account where tenant = ? and account_id in ({marks})"  # noqa: S608  # marks
        found.update(account_id for (account_id,) in connection.execute(statement, (tenant, *chunk)))
    return found


def _erase(connection: sqlite3.Connection, tenant: int, erases: Sequence[Erase], live: dict[str, _Live]) -> None:
    ending = [write.tombstone.source_id for write in erases if write.expected_version]
    connection.executemany(
        "delete from account where tenant = ? and source_id = ?", [(tenant, source_id) for source_id in ending]
    )
    digests(connection).vacate([live[source_id].digest for source_id in ending])
    sealed(connection).vacate([live[source_id].sealed for source_id in ending])
    stones = [write.tombstone for write in erases]
    rows = [
        (tenant, stone.account_id, stone.source_id, to_number(stone.created_at), to_number(stone.deleted_at))
        for stone in stones
    ]
    connection.executemany("insert into tombstone values (?, ?, ?, ?, ?)", rows)


def _put(connection: sqlite3.Connection, tenant: tenants.Row, puts: Sequence[Put], live: dict[str, _Live]) -> None:
    accounts = [write.account for write in puts]
    before = [live.get(account.source_id) for account in accounts]
    digest_ids = digests(connection).store(
        [digest_record(account) for account in accounts], [there.digest if there else None for there in before]
    )
    sealed_ids = sealed(connection).store(
        [sealed_record(account) for account in accounts], [there.sealed if there else None for there in before]
    )
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[object, ...]] = []
    moved: list[tuple[object, ...]] = []
    bits = bucket_bits(tenant.accounts)
    for account, there, digest_id, sealed_id in zip(accounts, before, digest_ids, sealed_ids, strict=True):
        row = account_row(account, bits)
        if there is None:
            new.append((*row, digest_id, sealed_id, tenant.id, account.source_id))
            continue
        changed.append((*_KEPT(row), sealed_id, tenant.id, account.source_id))
        # Records of `digest` all have one length, so that only a damaged one moves.
        if there.email_bucket not in buckets(account.email_index) or there.digest.id != digest_id:
            moved.append((row[_BUCKET], digest_id, tenant.id, account.source_id))
    # Neighbours in the index of addresses are written one after the other: a tenth less work for a large batch.
    new.sort(key=itemgetter(_BUCKET))
    connection.executemany(_INSERT_ACCOUNT, new)
    connection.executemany(_UPDATE_ACCOUNT, changed)
    connection.executemany(_UPDATE_PLACE, moved)
