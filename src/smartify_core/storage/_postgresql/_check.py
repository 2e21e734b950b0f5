"""Looking for what contradicts itself in the PostgreSQL store: inside one transaction that sees one state of it.

The server looks after its own pages (``data_checksums``, ``amcheck``); here are the rules that only this library knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from smartify_core.model import OUTBOX
from smartify_core.storage import _findings as findings
from smartify_core.storage._maintained import Finding
from smartify_core.storage._numbers import REASONS, STATES, to_number, total_record
from smartify_core.storage.checks import INDEX_BYTES

from ._lent import Lent
from ._rows import read

#: Accounts in one question.
_PAGE: Final = 10_000
#: Of one kind no more is told of a tenant: a store that is damaged all over is damaged all over.
_MOST: Final = 100

#: The times that there are, as they are stored.
_TIMES: Final = (
    f"between {to_number(datetime.min.replace(tzinfo=UTC))} and {to_number(datetime.max.replace(tzinfo=UTC))}"
)
#: Every row of these tables names a tenant that there is; nothing on the server sees to that.
_TABLES: Final = ("account", "tombstone", "journal", "journal_position", "document")
_ORPHANS: Final = (
    "select count(*) from (select distinct tenant from @{table}) x"
    " where not exists (select 1 from @tenant t where t.id = x.tenant)"
)
#: From the beginning, and after a name: the empty one is a name, too.
_TENANTS: Final = (
    "select id, name, accounts, ended, digest, position, trimmed,"  # noqa: S608  # constants
    f" coalesce(expires_at not {_TIMES}, false) or coalesce(due_at not {_TIMES}, false) from @tenant"
    " where $1::text is null or name > $1 order by name limit 1000"
)
_ACCOUNTS: Final = (
    "select count(*), max(source_id), string_agg(fingerprint, ''::bytea),"  # noqa: S608  # constants
    f" count(*) filter (where state not between 0 and {len(STATES) - 1}"
    f" or inactive_reason not between 0 and {len(REASONS) - 1} or version < 1"
    f" or created_at not {_TIMES} or updated_at not {_TIMES}"
    f" or octet_length(fingerprint) <> {INDEX_BYTES} or octet_length(email_index) <> {INDEX_BYTES}"
    f" or octet_length(group_indexes) % {INDEX_BYTES} <> 0)"
    " from (select * from @account where tenant = $1 and ($2::text is null or source_id > $2)"
    " order by source_id limit $3) page"
)
_STONES: Final = (
    f"select count(*), count(*) filter (where created_at not {_TIMES} or deleted_at not {_TIMES}),"  # noqa: S608  # constants
    " count(*) filter (where exists"
    " (select 1 from @account a where a.tenant = s.tenant and a.account_id = s.account_id))"
    " from @tombstone s where s.tenant = $1"
)
_REVIVED: Final = (
    "select s.account_id from @tombstone s where s.tenant = $1 and exists"
    " (select 1 from @account a where a.tenant = s.tenant and a.account_id = s.account_id)"
    " order by s.account_id limit $2"
)
#: Each journal from its first row on: how many rows are odd, the rows that do not begin where the one before ended, and
#: where the last one ends.
_JOURNALS: Final = (
    "select name, count(*) filter (where entries < 1 or size < 4 * entries),"
    " (array_agg(first order by first) filter (where first - 1 <> expected))[1:$2],"
    " (array_agg(expected order by first) filter (where first - 1 <> expected))[1:$2], max(first - 1 + entries)"
    " from (select name, first, entries, octet_length(record) as size,"
    "  coalesce(lag(first - 1 + entries) over (partition by name order by first), first - 1) as expected"
    "  from @journal where tenant = $1) rows group by name"
)
_POSITIONS: Final = "select name, position, trimmed from @journal_position where tenant = $1"


def check(lent: Lent) -> list[Finding]:
    """Return what is wrong with the store. See `Maintained.check`."""
    lent.later("begin isolation level repeatable read read only")
    lent.later(lent.place.settings)
    findings = [
        Finding("rows of a tenant that there is not", f"table {table}")
        for table in _TABLES
        if _number(lent, _ORPHANS.format(table=table))
    ]
    after: str | None = None
    while rows := lent.run(_TENANTS, (after,)).fetchall():
        for row in rows:
            findings += _of_tenant(lent, row)
        after = rows[-1][1]
    lent.run("commit")
    return findings


def _of_tenant(lent: Lent, row: tuple[Any, ...]) -> Iterator[Finding]:
    tenant, name, accounts, ended, digest, position, trimmed, odd_times = row
    where = f"tenant {read(name)}"
    if odd_times:
        yield Finding("the numbers of a tenant are damaged", where)
    found, odd, total = _accounts(lent, tenant)
    if odd:
        yield Finding(f"{odd} accounts that no version of this library writes", where)
    if found != accounts:
        yield findings.other_number(read(name), found, accounts)
    if total_record(total) != digest:
        yield findings.other_digest(read(name))
    ((stones, unreadable, revived),) = lent.run(_STONES, (tenant,)).fetchall()
    if stones != ended:
        yield Finding(f"{stones} tombstones where {ended} are counted", where)
    if unreadable:
        yield Finding(f"{unreadable} tombstones that no version of this library writes", where)
    if revived:
        for (account_id,) in lent.run(_REVIVED, (tenant, _MOST)).fetchall():
            yield findings.revived(read(name), read(account_id))
    yield from _journals(lent, tenant, read(name), {OUTBOX: (position, trimmed)})


def _journals(lent: Lent, tenant: int, name: str, ends: dict[str, tuple[int, int]]) -> Iterator[Finding]:
    """Yield what is wrong with a tenant's journals, given the position of its outbox, and how far that is trimmed."""
    ends.update((read(one), (at, gone)) for one, at, gone in lent.run(_POSITIONS, (tenant,)))
    for one, odd, firsts, befores, last in lent.run(_JOURNALS, (tenant, _MOST)).fetchall():
        journal = read(one)
        position, trimmed = ends.get(journal, (0, 0))
        if odd:
            yield Finding("a journal is damaged", f"tenant {name}, journal {journal}")
        for first, before in zip(firsts or (), befores or (), strict=True):
            yield findings.gap(name, journal, first, before)
        if last != position:
            yield findings.other_end(name, journal, last, position)
        if trimmed > position:
            yield Finding("a journal is trimmed beyond its end", f"tenant {name}, journal {journal}")
    # A journal without a row has no entry: all of them were trimmed, or it only ever had its position set.


def _accounts(lent: Lent, tenant: int) -> tuple[int, int, int]:
    """Return how many accounts a tenant has, how many of them are odd, and the sum of the fingerprints."""
    found = odd = total = 0
    after: str | None = None
    while True:
        ((number, after, fingerprints, its_odd),) = lent.run(_ACCOUNTS, (tenant, after, _PAGE)).fetchall()
        if not number:
            return found, odd, total
        found += number
        odd += its_odd
        for at in range(0, len(fingerprints), INDEX_BYTES):
            total += int.from_bytes(fingerprints[at : at + INDEX_BYTES], "big")


def _number(lent: Lent, statement: str) -> int:
    ((number,),) = lent.run(statement).fetchall()
    return int(number)
