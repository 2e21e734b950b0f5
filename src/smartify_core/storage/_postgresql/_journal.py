"""The journals of the PostgreSQL store. One row holds the entries of one commit, so that many cost one insert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smartify_core.model import OUTBOX, Append, Entry
from smartify_core.storage._numbers import entries_in, entries_record
from smartify_core.storage.checks import LARGEST
from smartify_core.storage.deciding import end_of

from ._lent import Lent
from ._rows import blobs, each_of, numbers, read, texts, written
from ._schema import GIVEN, given, refuse_version

#: The latest position and what is trimmed, of the outbox or of another journal ($2).
_OUTBOX_STATE: Final = "select id as tenant, position, trimmed from @tenant where name = $1 and $2::text is not null"
_OTHER_STATE: Final = (
    "select p.tenant, p.position, p.trimmed from @journal_position p join @tenant t on t.id = p.tenant"
    " where t.name = $1 and p.name = $2"
)
#: The row that holds the first position of the page, or the first row after it, and all that the page may need. From
#: its first row on a journal has no gaps, so that the number of rows that can hold the page is known.
_PAGE: Final = (
    f"with state as materialized ({{state}}), page as materialized ("  # noqa: S608  # constants
    " select s.tenant, s.after, coalesce("
    "  (select max(j.first) from @journal j where j.tenant = s.tenant and j.name = $2"
    f"   and j.first <= least(s.after, {LARGEST - 1}) + 1),"
    "  (select min(j.first) from @journal j where j.tenant = s.tenant and j.name = $2)) as edge"
    "  from (select state.*, greatest($3::bigint, state.trimmed) as after from state) s)"
    " select page.after, j.first, j.entries, j.record from page"
    " join @journal j on j.tenant = page.tenant and j.name = $2"
    " and j.first >= page.edge"
    # The last one of the page: counted on from what comes before its first, and never beyond the largest number.
    f" and j.first <= least(greatest(page.after, page.edge - 1), {LARGEST} - $4::bigint) + $4::bigint order by j.first"
)
_TRIM_OUTBOX: Final = (
    "update @tenant t set trimmed = least($5::bigint, t.position) from given"
    " where t.name = $4 and t.trimmed < least($5::bigint, t.position) and $6::text is not null"
    " and given.version = $3 returning t.id as tenant, t.trimmed"
)
_TRIM_OTHER: Final = (
    "update @journal_position p set trimmed = least($5::bigint, p.position) from given, @tenant t"
    " where t.name = $4 and p.tenant = t.id and p.name = $6 and p.trimmed < least($5::bigint, p.position)"
    " and given.version = $3 returning p.tenant, p.trimmed"
)
_TRIM: Final = (
    f"{GIVEN}, cut as ({{cut}}), gone as ("  # noqa: S608  # constants
    " delete from @journal j using cut where j.tenant = cut.tenant and j.name = $6 and j.first <= cut.trimmed"
    " and j.first - 1 + j.entries <= cut.trimmed)"
    " select version from given"
)
_POSITIONS: Final = each_of("text", "journal_position", "name", ("name", "position"))
_APPEND: Final = (
    "insert into @journal (tenant, name, first, entries, record)"
    " select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bytea[])"
)
_MOVE: Final = (
    "insert into @journal_position (tenant, name, position) select $1, * from unnest($2::text[], $3::bigint[])"
    " on conflict (tenant, name) do update set position = excluded.position"
)


def append(lent: Lent, tenant: int, name: str, outbox: int, appends: Sequence[Append]) -> int:
    """Add to journals of a tenant, and return the position of its outbox, which was ``outbox`` before.

    Raises:
        WriteConflict: A journal is not as its append expects it.
    """
    others = [one.journal for one in appends if one.journal != OUTBOX]
    positions = {OUTBOX: outbox}
    if others:
        positions.update((read(journal), at) for journal, at in lent.run(_POSITIONS, (tenant, texts(others))))
    rows: list[tuple[str, int, int, bytes]] = []
    moved: dict[str, int] = {}
    for one in appends:
        position = positions.get(one.journal, 0)
        if (ends := end_of(name, one, position)) == position:
            continue
        moved[one.journal] = ends
        if one.entries:
            rows.append((one.journal, ends - len(one.entries) + 1, len(one.entries), entries_record(one.entries)))
    if rows:
        journals, firsts, lengths, records = zip(*rows, strict=True)
        lent.later(_APPEND, (tenant, texts(journals), numbers(firsts), numbers(lengths), blobs(records)))
    outbox = moved.pop(OUTBOX, outbox)
    if moved:
        lent.later(_MOVE, (tenant, texts([*moved]), numbers([*moved.values()])))
    return outbox


def entries(lent: Lent, tenant: str, journal: str, after: int, limit: int) -> Sequence[Entry]:
    """Return the next page of a journal. See `Storage.entries`."""
    statement = _PAGE.format(state=_OUTBOX_STATE if journal == OUTBOX else _OTHER_STATE)
    page: list[Entry] = []
    rows = lent.ask(statement, (written(tenant), written(journal), after, limit))
    where = f"tenant {tenant}, journal {journal}"
    for seen, first, counted, record in rows:
        page.extend(
            Entry(position, content)
            for position, content in enumerate(entries_in(record, counted, where), start=first)
            if position > seen
        )
    return page[:limit]


def trim(lent: Lent, tenant: str, journal: str, through: int) -> None:
    """Remove entries up to this position. See `Storage.trim`.

    Whole rows are removed; what is left of a row that begins before the position is hidden.
    """
    statement = _TRIM.format(cut=_TRIM_OUTBOX if journal == OUTBOX else _TRIM_OTHER)
    ((version,),) = lent.run(statement, (*given(lent), written(tenant), through, written(journal))).fetchall()
    refuse_version(version, lent.place.where)


def erase(lent: Lent, tenant: int) -> None:
    """Remove all entries of a tenant. Its outbox is told by the row of the tenant what was trimmed."""
    lent.later("delete from @journal where tenant = $1", (tenant,))
    lent.later("update @journal_position set trimmed = position where tenant = $1", (tenant,))
