"""Leases, due times and records of tenants in the PostgreSQL store. Each write here is one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from smartify_core.model import Claim, TenantRecord
from smartify_core.storage import refusals
from smartify_core.storage._numbers import to_number, to_time, to_total

from ._lent import Lent
from ._rows import numbers, read, texts, written
from ._schema import GIVEN, given, refuse_version

#: What follows `GIVEN`: parameters from $3 on; $3 is the version that is known.
_CLAIM: Final = (
    f"{GIVEN}, taken as ("  # noqa: S608  # constants
    " insert into @tenant as t (name, fence, expires_at) select $4, 1, $5::bigint from given where given.version = $3"
    " on conflict (name) do update set fence = t.fence + 1, expires_at = excluded.expires_at"
    " where t.expires_at is null or t.expires_at <= $6"
    " returning t.fence, t.revision, t.due_at)"
    " select given.version, (select t.expires_at from @tenant t where t.name = $4), taken.*"
    " from given left join taken on true"
)
#: Free tenants are a range of an index that holds no leased one; those that a worker took and let expire one of
#: another, empty unless workers died. Rows that another worker is about to take are passed over.
_CLAIM_DUE: Final = (
    f"{GIVEN}, free as materialized ("  # noqa: S608  # constants
    " select id, due_at, name from @tenant where due_at is not null and expires_at is null and due_at <= $4"
    " order by due_at, name limit $5 for update skip locked"
    "), expired as materialized ("
    " select id, due_at, name from @tenant where due_at is not null and expires_at is not null and expires_at <= $4"
    " and due_at <= $4 order by due_at, name limit $5 for update skip locked"
    "), chosen as materialized ("
    " select id from (select * from free union all select * from expired) both_kinds order by due_at, name limit $5"
    "), taken as ("
    " update @tenant t set fence = t.fence + 1, expires_at = $6::bigint from chosen, given"
    " where t.id = chosen.id and given.version = $3"
    " returning t.name, t.fence, t.revision, t.due_at)"
    " select given.version, taken.* from given left join taken on true"
)
_RENEW: Final = (
    f"{GIVEN}, renewed as ("  # noqa: S608  # constants
    " update @tenant t set expires_at = $4::bigint from given"
    " where t.name = $5 and t.fence = $6 and t.expires_at is not null and given.version = $3 returning t.revision)"
    " select given.version, renewed.revision from given left join renewed on true"
)
_RELEASE: Final = (
    f"{GIVEN}, released as ("  # noqa: S608  # constants
    " update @tenant t set expires_at = null, due_at = coalesce($4::bigint, t.due_at) from given"
    " where t.name = $5 and t.fence = $6 and t.expires_at is not null and given.version = $3)"
    " select version from given"
)
#: One that nobody has heard of is brought in by a due time, and by nothing else. In order of name, so that two who set
#: the same tenants wait for one another and are not at cross purposes.
_SCHEDULE: Final = (
    f"{GIVEN}, wanted as materialized (select * from unnest($4::text[], $5::bigint[]) as w (name, due_at)"  # noqa: S608  # constants
    " order by 1), brought as ("
    " insert into @tenant as t (name, due_at) select w.name, w.due_at from wanted w, given"
    " where w.due_at is not null and given.version = $3{unless}"
    " on conflict (name) do update set due_at = excluded.due_at where t.due_at is {distinct}"
    "){off} select version from given"
)
_SCHEDULE_ALL: Final = _SCHEDULE.format(
    unless="",
    distinct="distinct from excluded.due_at",
    off=", off as (update @tenant t set due_at = null from wanted w, given"
    " where t.name = w.name and w.due_at is null and t.due_at is not null and given.version = $3)",
)
_SCHEDULE_NEW: Final = _SCHEDULE.format(
    unless=" and not exists (select 1 from @tenant s where s.name = w.name and s.due_at is not null)",
    distinct="null",
    off="",
)

_RECORD: Final = (
    "select t.name, t.fence, t.expires_at, t.revision, t.due_at, t.accounts, t.digest, t.position,"
    " (select array_agg(p.name order by p.name) from @journal_position p where p.tenant = t.id),"
    " (select array_agg(p.position order by p.name) from @journal_position p where p.tenant = t.id)"
    " from @tenant t"
)
_LOCKED: Final = (
    "select (select max(version) from @smartify_schema), id, fence, expires_at, revision, accounts, ended, digest,"
    " position, batch from @tenant where name = $1 for update"
)


@frozen(order=False)
class Row:
    """A tenant as a transaction meets it that has its row for itself."""

    id: int
    fence: int
    expires_at: int | None
    revision: int
    accounts: int
    #: How many tombstones there are.
    ended: int
    total: bytes
    position: int
    batch_id: str | None


def claim(lent: Lent, tenant: str, now: datetime, ttl: timedelta) -> Claim:
    """Take the tenant's lease. See `Storage.claim`."""
    expires_at = to_number(now + ttl)
    values = (*given(lent), written(tenant), expires_at, to_number(now))
    while True:
        held_until, fence, revision, due_at = _answer(lent, _CLAIM, values)
        if fence is not None:
            return Claim(tenant, fence, to_time(expires_at), revision, _maybe(due_at, tenant))
        # What was refused was refused by the row as it is now, which may have changed since the statement began.
        if held_until is not None and held_until > to_number(now):
            raise refusals.lease_held(tenant, _time(held_until, tenant))


def claim_due(lent: Lent, now: datetime, ttl: timedelta, limit: int) -> list[Claim]:
    """Take the leases of tenants that are due. See `Storage.claim_due`."""
    expires_at = to_number(now + ttl)
    rows = lent.run(_CLAIM_DUE, (*given(lent), to_number(now), limit, expires_at)).fetchall()
    refuse_version(rows[0][0], lent.place.where)
    until = to_time(expires_at)
    # Text is ordered by code point in Python, by bytes in PostgreSQL: the same order.
    taken = sorted((due_at, read(name), fence, revision) for _, name, fence, revision, due_at in rows if fence)
    return [Claim(name, fence, until, revision, _time(due_at, name)) for due_at, name, fence, revision in taken]


def renew(lent: Lent, claim: Claim, now: datetime, ttl: timedelta) -> Claim:
    """Prolong the lease. See `Storage.renew`."""
    expires_at = to_number(now + ttl)
    (revision,) = _answer(lent, _RENEW, (*given(lent), expires_at, written(claim.tenant), claim.fence))
    if revision is None:
        raise refusals.lease_lost(claim.tenant, claim.fence)
    return Claim(claim.tenant, claim.fence, to_time(expires_at), revision, claim.due_at)


def release(lent: Lent, claim: Claim, due_at: datetime | None) -> None:
    """Give the lease back. See `Storage.release`."""
    # Lost in a power failure, it leaves a lease that expires and a tenant that is due: nothing that a run minds.
    values = (*given(lent, durable=False), _number(due_at), written(claim.tenant), claim.fence)
    _answer(lent, _RELEASE, values)


def schedule(lent: Lent, due: Mapping[str, datetime | None], *, only_new: bool) -> None:
    """Set when tenants are due. See `Storage.schedule`."""
    times = numbers([_number(time) for time in due.values()])
    _answer(lent, _SCHEDULE_NEW if only_new else _SCHEDULE_ALL, (*given(lent), texts([*due]), times))


def record(lent: Lent, tenant: str) -> TenantRecord:
    """Return what is known of the tenant as a whole. See `Storage.tenant`."""
    row = lent.ask(f"{_RECORD} where t.name = $1", (written(tenant),)).fetchone()
    return TenantRecord(tenant) if row is None else _record(row)


def records(lent: Lent, after: str | None, limit: int) -> Sequence[TenantRecord]:
    """Return the next page of all tenants. See `Storage.tenants`."""
    start, keys = ("", ()) if after is None else (" where t.name > $2", (written(after),))
    return [_record(row) for row in lent.ask(f"{_RECORD}{start} order by t.name limit $1", (limit, *keys))]


def locked(lent: Lent, tenant: str) -> Row | None:
    """Return the tenant's row, or ``None`` for one never heard of. Nobody else writes to the tenant from now on."""
    row = lent.run(_LOCKED, (written(tenant),)).fetchone()
    if row is None:
        return None
    refuse_version(row[0], lent.place.where)
    return Row(*row[1:])


def bring_in(lent: Lent, tenant: str) -> Row:
    """Make the row of a tenant never heard of, and return it."""
    while True:
        lent.later("insert into @tenant (name) values ($1) on conflict do nothing", (written(tenant),))
        if (row := locked(lent, tenant)) is not None:
            return row


def claimed(row: Row | None, claim: Claim) -> Row:
    """Return the row, provided that the claim is the tenant's newest and was not released."""
    if row is None or row.fence != claim.fence or row.expires_at is None:
        raise refusals.lease_lost(claim.tenant, claim.fence)
    return row


def _answer(lent: Lent, statement: str, values: Sequence[object]) -> tuple[Any, ...]:
    """Run a statement that begins with `GIVEN` and answers one row, and return what follows the version in that row."""
    ((version, *answer),) = lent.run(statement, values).fetchall()
    refuse_version(version, lent.place.where)
    return tuple(answer)


def _record(row: tuple[Any, ...]) -> TenantRecord:
    name, fence, expires_at, revision, due_at, accounts, total, position, journals, positions = row
    tenant = read(name)
    return TenantRecord(
        tenant=tenant,
        fence=fence,
        expires_at=_maybe(expires_at, tenant),
        revision=revision,
        due_at=_maybe(due_at, tenant),
        accounts=accounts,
        digest=to_total(total, tenant),
        position=position,
        positions=dict(zip(map(read, journals or ()), positions or (), strict=True)),
    )


def _time(number: int, tenant: str) -> datetime:
    try:
        return to_time(number)
    except OverflowError:
        raise refusals.damaged("the numbers of a tenant", f"tenant {tenant}") from None


def _maybe(number: int | None, tenant: str) -> datetime | None:
    return None if number is None else _time(number, tenant)


def _number(time: datetime | None) -> int | None:
    return None if time is None else to_number(time)
