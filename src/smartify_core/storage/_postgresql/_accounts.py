"""Reading accounts and tombstones from the PostgreSQL store: each answer by one statement."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any, Final

from smartify_core.model import Head, HeadPage, InactiveReason, SealedAccount, Tombstone
from smartify_core.storage._numbers import REASONS, STATES
from smartify_core.storage.checks import INDEX_BYTES

from ._lent import Lent
from ._rows import (
    COLUMNS,
    account,
    blobs,
    damaged,
    each_of,
    read,
    texts,
    tombstone,
    written,
)

_TENANT: Final = "(select id from @tenant where name = $1)"
_HEADS: Final = (
    "select source_id, fingerprint, version, state, inactive_reason"  # noqa: S608  # constants
    f" from @account where tenant = {_TENANT}"
)
#: A page in one row, each column joined into one value: that takes a third as long as a row for each account. The rows
#: inside have an order and a limit, and are joined in that order.
_COLUMNS: Final = (
    "select count(*), string_agg(source_id, chr(10)), string_agg(fingerprint, ''::bytea),"
    " string_agg(int8send(version), ''::bytea),"
    " string_agg(int4send((inactive_reason::int << 16) | (state::int & 65535)), ''::bytea)"
)
_VERSION: Final = struct.Struct(">q")
#: Reason and state side by side, whole: two bytes each, of which the first is 0 in a sound row.
_STANDING: Final = struct.Struct(">hh")
_STATE_BYTES: Final = frozenset(range(len(STATES)))
_REASON_BYTES: Final = frozenset(range(len(REASONS)))
#: Makes a truth of each reason: whether its account waits.
_WAITS: Final = bytes(number == REASONS.index(InactiveReason.DELETED) for number in range(256))
_BY_SOURCE_ID: Final = each_of("text", "account", "source_id", COLUMNS, tenant=_TENANT)
_STONE: Final = ("account_id", "source_id", "created_at", "deleted_at")
_STONES: Final = f"select {', '.join(_STONE)} from @tombstone where tenant = {_TENANT}"  # noqa: S608  # constants
_STONES_OF: Final = each_of("text", "tombstone", "source_id", _STONE, tenant=_TENANT)
_BY_EMAIL: Final = (
    f"select {', '.join(COLUMNS)} from (select distinct * from unnest($2::bytea[])) as w (wanted)"  # noqa: S608  # constants
    # Kept apart from the condition on the tenant, for which there is an index too: one that is no use here.
    " cross join lateral (select * from @account where email_index = wanted offset 0) as found"
    f" where tenant = {_TENANT}"
)


def heads(lent: Lent, tenant: str, after: str | None, limit: int) -> HeadPage:
    """Return the next page of heads. See `Storage.heads`."""
    start, keys = ("", ()) if after is None else (" and source_id > $3", (written(after),))
    rows, values = f"{_HEADS}{start} order by source_id limit $2", (written(tenant), limit, *keys)
    ((number, ids, *columns),) = lent.ask(f"{_COLUMNS} from ({rows}) page", values).fetchall()
    if number:
        fingerprints, versions, standings = columns
        source_ids = tuple(ids.split("\n"))
        if "\1" in ids:
            source_ids = tuple(map(read, source_ids))
        high, reasons, more, states = (standings[place :: _STANDING.size] for place in range(_STANDING.size))
        # An id that holds the separator can only add to the parts, so their number tells. So do lengths of what is
        # damaged, and numbers that mean nothing. Row by row the former is read, and the latter refused.
        if (
            len(source_ids) == number
            and len(fingerprints) == INDEX_BYTES * number
            and len(standings) == _STANDING.size * number
            and not any(high)
            and not any(more)
            and _REASON_BYTES.issuperset(reasons)
            and _STATE_BYTES.issuperset(states)
        ):
            waits = reasons.translate(_WAITS)
            waiting = tuple(compress(source_ids, waits)) if any(waits) else ()
            make = partial(_from_columns, source_ids, fingerprints, versions, states, reasons)
            return HeadPage(source_ids, fingerprints, waiting, make)
        return HeadPage.of(_from_rows(tenant, lent.ask(rows, values)))
    return HeadPage.of(())


def load(lent: Lent, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
    """Return the live accounts among these. See `Storage.load`."""
    found = [account(tenant, row) for row in lent.ask(_BY_SOURCE_ID, (written(tenant), texts(source_ids)))]
    return {one.source_id: one for one in found}


def find_by_email(lent: Lent, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
    """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
    found = [account(tenant, row) for row in lent.ask(_BY_EMAIL, (written(tenant), blobs(email_indexes)))]
    # Text is ordered by code point in Python, by bytes in PostgreSQL: the same order.
    return sorted(found, key=lambda one: one.source_id)


def tombstones(lent: Lent, tenant: str, after: str | None, limit: int) -> Sequence[Tombstone]:
    """Return the next page of tombstones. See `Storage.tombstones`."""
    start, keys = ("", ()) if after is None else (" and account_id > $3", (written(after),))
    rows = lent.ask(f"{_STONES}{start} order by account_id limit $2", (written(tenant), limit, *keys))
    return [tombstone(tenant, row) for row in rows]


def tombstones_of(lent: Lent, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
    """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
    found = [tombstone(tenant, row) for row in lent.ask(_STONES_OF, (written(tenant), texts(source_ids)))]
    # The latest of a source id comes last and stays.
    return {one.source_id: one for one in sorted(found, key=lambda one: (one.deleted_at, one.account_id))}


def _from_rows(tenant: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[Head]:
    for source_id, fingerprint, version, state, reason in rows:
        if len(fingerprint) != INDEX_BYTES or state not in _STATE_BYTES or reason not in _REASON_BYTES:
            raise damaged(tenant)
        yield Head(read(source_id), fingerprint, STATES[state], version, REASONS[reason])


def _from_columns(
    source_ids: Sequence[str], fingerprints: bytes, versions: bytes, states: bytes, reasons: bytes
) -> Sequence[Head]:
    return tuple(
        [
            Head(source_id, fingerprints[at : at + INDEX_BYTES], STATES[state], version, REASONS[reason])
            for source_id, at, (version,), state, reason in zip(
                source_ids,
                range(0, len(fingerprints), INDEX_BYTES),
                _VERSION.iter_unpack(versions),
                states,
                reasons,
                strict=True,
            )
        ]
    )
