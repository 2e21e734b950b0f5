"""Leases, due times and records of tenants in the SQLite store: statements inside a transaction that others open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from types import NoneType
from typing import Any, Final

from attrs import frozen

from smartify_core.model import Claim, TenantRecord
from smartify_core.storage import refusals
from smartify_core.storage._numbers import to_number, to_time, to_total, total_record

from . import _journal as journal
from ._rows import require
from ._slabs import Place, totals

#: Free tenants that are due, the longest first: a range of an index that holds no leased one.
_FREE: Final = (
    "select due_at, name, id, fence, revision from tenant indexed by tenant_due"
    " where due_at is not null and expires_at is null and due_at <= :now order by due_at, name limit :limit"
)
#: Those that a worker took and let expire: a range of another index, empty unless workers died.
_EXPIRED: Final = (
    "select due_at, name, id, fence, revision from tenant indexed by tenant_leased"
    " where due_at is not null and expires_at is not null and expires_at <= :now and due_at <= :now"
    " order by due_at, name limit :limit"
)
_RECORD: Final = (
    "select t.name, t.fence, t.expires_at, t.revision, t.due_at, t.accounts, t.total, o.record, t.position"
    " from tenant t left join total o on o.id = t.total"
)
#: What a column holds that may be empty.
_MAYBE: Final = (int, NoneType)
#: What is called so where its row is damaged.
_NUMBERS: Final = "the numbers of a tenant"


@frozen(order=False)
class Row:
    """A tenant as a commit meets it."""

    id: int
    fence: int
    expires_at: int | None
    revision: int
    accounts: int
    total: int | None
    position: int
    batch_id: str | None


def claim(connection: sqlite3.Connection, tenant: str, now: datetime, ttl: timedelta) -> Claim:
    """Take the tenant's lease. See `Storage.claim`."""
    expires_at = to_number(now + ttl)
    found = connection.execute(
        "select id, fence, expires_at, revision, due_at from tenant where name = ?", (tenant,)
    ).fetchone()
    if found is None:
        number, fence, revision, due_at = bring_in(connection, tenant), 0, 0, None
    else:
        kinds = (int, int, _MAYBE, int, _MAYBE)
        number, fence, held_until, revision, due_at = require(found, kinds, _NUMBERS, f"tenant {tenant}")
        if held_until is not None and held_until > to_number(now):
            raise refusals.lease_held(tenant, _time(held_until, tenant))
    connection.execute("update tenant set fence = ?, expires_at = ? where id = ?", (fence + 1, expires_at, number))
    return Claim(tenant, fence + 1, to_time(expires_at), revision, _maybe(due_at, tenant))


def claim_due(connection: sqlite3.Connection, now: datetime, ttl: timedelta, limit: int) -> list[Claim]:
    """Take the leases of tenants that are due. See `Storage.claim_due`."""
    keys = {"now": to_number(now), "limit": limit}
    free = connection.execute(_FREE, keys).fetchall()
    expired = connection.execute(_EXPIRED, keys).fetchall()
    # No two have one name, so nothing behind it is compared.
    taken = nsmallest(limit, free + expired) if expired else free
    expires_at = to_number(now + ttl)
    connection.executemany(
        "update tenant set fence = fence + 1, expires_at = ? where id = ?", [(expires_at, row[2]) for row in taken]
    )
    until = to_time(expires_at)
    claims = []
    for row in taken:
        due_at, name, _, fence, revision = require(row, (int, str, int, int, int), _NUMBERS, f"tenant {row[1]}")
        claims.append(Claim(name, fence + 1, until, revision, _time(due_at, name)))
    return claims


def renew(connection: sqlite3.Connection, claim: Claim, now: datetime, ttl: timedelta) -> Claim:
    """Prolong the lease. See `Storage.renew`."""
    row = claimed(find(connection, claim.tenant), claim)
    expires_at = to_number(now + ttl)
    connection.execute("update tenant set expires_at = ? where id = ?", (expires_at, row.id))
    return Claim(claim.tenant, claim.fence, to_time(expires_at), row.revision, claim.due_at)


def release(connection: sqlite3.Connection, claim: Claim, due_at: datetime | None) -> None:
    """Give the lease back. See `Storage.release`."""
    connection.execute(
        "update tenant set expires_at = null, due_at = coalesce(?, due_at)"
        " where name = ? and fence = ? and expires_at is not null",
        (_number(due_at), claim.tenant, claim.fence),
    )


def schedule(connection: sqlite3.Connection, due: Mapping[str, datetime | None], *, only_new: bool) -> None:
    """Set when tenants are due. See `Storage.schedule`."""
    # One that nobody has heard of is brought in by a due time, and by nothing else.
    named = [(tenant,) for tenant, time in due.items() if time is not None]
    connection.executemany("insert into tenant (name, fence, revision) values (?, 0, 0) on conflict do nothing", named)
    condition = " and due_at is null" if only_new else ""
    connection.executemany(
        f"update tenant set due_at = ? where name = ?{condition}",  # noqa: S608  # one of two constants
        [(_number(time), tenant) for tenant, time in due.items()],
    )


def record(connection: sqlite3.Connection, tenant: str) -> TenantRecord:
    """Return what is known of the tenant as a whole. See `Storage.tenant`."""
    row = connection.execute(f"{_RECORD} where t.name = ?", (tenant,)).fetchone()
    if row is None:
        return TenantRecord(tenant)
    positions = journal.positions(connection, "select id from tenant where name = ?", (tenant,))
    return _record(row, positions.get(tenant, {}))


def records(connection: sqlite3.Connection, after: str | None, limit: int) -> Sequence[TenantRecord]:
    """Return the next page of all tenants. See `Storage.tenants`."""
    start, keys = ("", ()) if after is None else (" where t.name > ?", (after,))
    rows = connection.execute(f"{_RECORD}{start} order by t.name limit ?", (*keys, limit))
    tenants = f"select t.id from tenant t{start} order by t.name limit ?"  # noqa: S608  # one of two constants
    positions = journal.positions(connection, tenants, (*keys, limit))
    return [_record(row, positions.get(row[0], {})) for row in rows]


def find(connection: sqlite3.Connection, tenant: str) -> Row | None:
    """Return the tenant's row, or ``None`` for one never heard of."""
    row = connection.execute(
        "select id, fence, expires_at, revision, accounts, total, position, batch from tenant where name = ?",
        (tenant,),
    ).fetchone()
    if row is None:
        return None
    kinds = (int, int, _MAYBE, int, int, _MAYBE, int, (str, NoneType))
    return Row(*require(row, kinds, _NUMBERS, f"tenant {tenant}"))


def claimed(row: Row | None, claim: Claim) -> Row:
    """Return the row, provided that the claim is the tenant's newest and was not released."""
    if row is None or row.fence != claim.fence or row.expires_at is None:
        raise refusals.lease_lost(claim.tenant, claim.fence)
    return row


def bring_in(connection: sqlite3.Connection, tenant: str) -> int:
    """Make the row of a tenant never heard of, and return its number."""
    return connection.execute("insert into tenant (name, fence, revision) values (?, 0, 0)", (tenant,)).lastrowid or 0


def add_to_total(connection: sqlite3.Connection, tenant: str, row: Row, change: int) -> int | None:
    """Add ``change`` to the sum of the tenant's fingerprints, and return where the sum lies."""
    if not change:
        return row.total
    before, present = 0, None
    if row.total is not None:
        (record,) = connection.execute("select record from total where id = ?", (row.total,)).fetchone() or (b"",)
        before, present = to_total(record, tenant), Place(row.total, len(record))
    (place,) = totals(connection).store([total_record(before + change)], [present])
    return place


def _record(row: tuple[Any, ...], positions: Mapping[str, int]) -> TenantRecord:
    where = f"tenant {row[0]}"
    name, fence, expires_at, revision, due_at, accounts, total, record, position = require(
        row, (str, int, _MAYBE, int, _MAYBE, int, _MAYBE, object, int), _NUMBERS, where
    )
    return TenantRecord(
        tenant=name,
        fence=fence,
        expires_at=_maybe(expires_at, name),
        revision=revision,
        due_at=_maybe(due_at, name),
        accounts=accounts,
        digest=0 if total is None else to_total(record, name),
        position=position,
        positions=positions,
    )


def _time(number: int, tenant: str) -> datetime:
    try:
        return to_time(number)
    except OverflowError:
        raise refusals.damaged(_NUMBERS, f"tenant {tenant}") from None


def _maybe(number: int | None, tenant: str) -> datetime | None:
    return None if number is None else _time(number, tenant)


def _number(time: datetime | None) -> int | None:
    return None if time is None else to_number(time)
