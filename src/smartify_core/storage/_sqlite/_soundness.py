"""What must hold for all rows of a SQLite store, looked at in one read of it.

Not looked at is what is sealed: whether it opens, and whether it is what was written, its seal tells. A whole state of
the store from earlier, such as a backup that was put back, is sound in itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from smartify_core.errors import SmartifyError, StorageBroken
from smartify_core.model import OUTBOX
from smartify_core.storage import _findings as findings
from smartify_core.storage._maintained import Finding
from smartify_core.storage._numbers import entries_in, total_record

from . import _tenants as tenants
from ._content import content_in
from ._documents import ROWS as DOCUMENTS
from ._documents import of_row
from ._errors import as_storage_error
from ._rows import ACCOUNT_COLUMNS, ACCOUNT_TABLES, account, buckets, fingerprint_number, tombstone
from ._shape import differences, values
from ._slabs import SLABS

#: No rule tells more than this: a store that is damaged all over is damaged all over.
_MOST: Final = 100

_Rule = Callable[[sqlite3.Connection], Iterator[Finding]]

#: For each slab, where the rows that are in use are named.
_IN_USE: Final = {
    "digest": "select digest as id from account",
    "sealed": "select sealed as id from account",
    "total": "select total as id from tenant where total is not null",
    "content": "select id from (select content as id from journal union all select content from document)",
}


def check(connection: sqlite3.Connection) -> list[Finding]:
    """Return what is wrong with the store."""
    found = _followed(connection, (_pages, differences))
    # Without its tables there is nothing else to look at.
    return found if any("schema" in one.what for one in found) else [*found, *_followed(connection, _RULES)]


def _followed(connection: sqlite3.Connection, rules: Sequence[_Rule]) -> list[Finding]:
    """Return what breaks these rules."""
    found: list[Finding] = []
    for rule in rules:
        try:
            found.extend(islice(rule(connection), _MOST))
        except sqlite3.DatabaseError as error:
            if not isinstance(as_storage_error(error, Path()), StorageBroken):
                raise
            found.append(Finding("damage keeps this from being looked at", rule.__name__.strip("_")))
    return found


def _pages(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute(f"pragma integrity_check({_MOST})"):
        if line != "ok":
            yield Finding("SQLite finds its file damaged", str(line).replace("\n", "; "))


def _references(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table, row, parent, _ in connection.execute("pragma foreign_key_check"):
        yield Finding(f"a row names one of {parent} that there is not", f"{table}, row {row}")


def _slabs(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every record is in use once or vacant; a vacant one holds zeros."""
    for table, number in SLABS.items():
        used, vacant = _IN_USE[table], f"select id from vacancy where slab = {number}"  # noqa: S608  # constants
        noted = f"select v.id from vacancy v join {table} t on t.id = v.id where v.slab = {number}"  # noqa: S608
        for what, statement in (
            ("a record that nothing leads to", f"select id from {table} except {used} except {vacant}"),  # noqa: S608
            ("a record is named that there is not", f"{used} except select id from {table}"),  # noqa: S608
            ("a vacant record is named that there is not", f"{vacant} except select id from {table}"),  # noqa: S608
            ("a record is in use and vacant at once", f"{used} intersect {vacant}"),
            ("a record is in use twice", f"select id from ({used}) group by id having count(*) > 1"),  # noqa: S608
            (
                "a vacant record has another length than is noted",
                f"{noted} and v.size <> length(t.record)",
            ),
            (
                "a vacant record still holds bytes",
                f"{noted} and t.record <> zeroblob(length(t.record))",
            ),
        ):
            for (record,) in connection.execute(statement):
                yield Finding(what, f"{table}, record {record}")


def _tenants(connection: sqlite3.Connection) -> Iterator[Finding]:
    """The numbers of every tenant can be read."""
    for (name,) in connection.execute("select name from tenant").fetchall():
        try:
            tenants.record(connection, name)
        except SmartifyError as error:
            yield Finding(error.what, error.where or f"tenant {name}")


def _accounts(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every account can be read, and is found by its address."""
    statement = (
        f"select t.name, a.email_bucket, {ACCOUNT_COLUMNS} from {ACCOUNT_TABLES} join tenant t on t.id = a.tenant"  # noqa: S608
    )
    for tenant, bucket, *row in connection.execute(statement):
        where = f"tenant {tenant}, source id {row[0]}"
        try:
            one = account(tenant, tuple(row))
        except SmartifyError:
            yield Finding("the row of an account is damaged", where)
            continue
        if bucket not in buckets(one.email_index):
            yield findings.lost_address(tenant, one.source_id)


def _totals(connection: sqlite3.Connection) -> Iterator[Finding]:
    """What a tenant's row says of its accounts is so."""
    rows = connection.execute(
        "select t.id, t.name, t.accounts, o.record from tenant t left join total o on o.id = t.total order by t.name"
    ).fetchall()
    for number, name, accounts, record in rows:
        counted = total = 0
        for (digest,) in connection.execute(
            "select d.record from account a join digest d on d.id = a.digest where a.tenant = ?", (number,)
        ):
            counted += 1
            total += fingerprint_number(digest) if isinstance(digest, bytes) else 0
        if counted != accounts:
            yield findings.other_number(name, counted, accounts)
        if total_record(total) != (record or total_record(0)):
            yield findings.other_digest(name)


def _tombstones(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every tombstone can be read, and nobody who has ended lives."""
    stones = (
        "select t.name, s.account_id, s.source_id, s.created_at, s.deleted_at"
        " from tombstone s join tenant t on t.id = s.tenant"
    )
    for name, *row in connection.execute(stones):
        try:
            tombstone(name, tuple(row))
        except SmartifyError as error:
            yield Finding(error.what, f"tenant {name}, account {row[0]}")
    statement = (
        "select t.name, s.account_id from tombstone s"
        " join account a on a.tenant = s.tenant and a.account_id = s.account_id join tenant t on t.id = s.tenant"
    )
    for name, account_id in connection.execute(statement):
        yield findings.revived(name, account_id)


def _documents(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every document can be read."""
    for name, *row in connection.execute(f"select t.name, {DOCUMENTS} join tenant t on t.id = document.tenant"):
        try:
            of_row(name, tuple(row))
        except SmartifyError as error:
            yield Finding(error.what, error.where or f"tenant {name}")


def _journals(connection: sqlite3.Connection) -> Iterator[Finding]:
    """The rows of a journal follow one another without a gap, from what was trimmed to its position."""
    names = connection.execute(
        f"select t.id, t.name, '{OUTBOX}', t.position, t.trimmed from tenant t"  # noqa: S608  # a constant
        " union all select t.id, t.name, j.name, j.position, j.trimmed"
        " from journal_position j join tenant t on t.id = j.tenant"
        " union all select distinct t.id, t.name, j.name, 0, 0 from journal j join tenant t on t.id = j.tenant"
        f" where j.name <> '{OUTBOX}'"
        " and not exists (select 1 from journal_position p where p.tenant = j.tenant and p.name = j.name)"
        " order by 2, 3"
    ).fetchall()
    for number, tenant, journal, position, trimmed in names:
        where = f"tenant {tenant}, journal {journal}"
        rows = connection.execute(
            "select j.first, j.entries, c.record from journal j left join content c on c.id = j.content"
            " where j.tenant = ? and j.name = ? order by j.first",
            (number, journal),
        )
        follows: int | None = None
        for first, entries, record in rows:
            if not all(isinstance(one, int) for one in (first, entries, position, trimmed)):
                yield Finding("a journal is damaged", where)
                break
            if follows is not None and first != follows:
                yield findings.gap(tenant, journal, first, follows - 1)
            if follows is None and first > trimmed + 1:
                yield Finding(f"the first entry has position {first}, and {trimmed} are trimmed", where)
            follows = first + entries
            if follows - 1 <= trimmed:
                yield Finding(f"the entries from position {first} on are there that were trimmed", where)
            if not _whole(record, entries, where):
                yield Finding(f"the entries from position {first} on are damaged", where)
        if follows is not None and follows - 1 != position:
            yield findings.other_end(tenant, journal, follows - 1, position)
        if follows is None and position != trimmed:
            yield Finding(f"no entry is there, and {position} is told", where)


def _whole(record: object, entries: object, where: str) -> bool:
    """Return whether a record of a journal holds so many entries, and nothing else."""
    try:
        return all(True for _ in entries_in(content_in(record, "a journal", where), entries, where))
    except SmartifyError:
        return False


_RULES: Final[Sequence[_Rule]] = (
    _references,
    values,
    _slabs,
    _tenants,
    _accounts,
    _totals,
    _tombstones,
    _documents,
    _journals,
)
