"""Applying a batch inside a transaction: first everything that could refuse it, then the writes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NoReturn

import psycopg
from attrs import frozen

from smartify_core.model import (
    Append,
    Batch,
    Claim,
    Erase,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
)
from smartify_core.storage import refusals
from smartify_core.storage._numbers import to_number, to_total, total_record
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
from ._lent import Lent
from ._rows import (
    COLUMNS,
    copied,
    damaged,
    each_of,
    in_columns,
    numbers,
    read,
    texts,
    written,
)

_COPY: Final = f"copy @account (tenant, {', '.join(COLUMNS)}) from stdin (format binary)"
#: The places of rows, found as by `each_of`. Nobody moves them while this transaction has the table open.
_PLACES: Final = (
    " cross join lateral"
    " (select ctid as place from @account where tenant = $1 and source_id = wanted offset 0) as found"
)
#: Neither the keys by which the row is found, nor what never changes.
_UPDATE: Final = (
    "update @account a set version = n.version, created_at = n.created_at, updated_at = n.updated_at,"  # noqa: S608  # constants
    " state = n.state::smallint, inactive_reason = n.inactive_reason::smallint, adopted = n.adopted <> 0,"
    " fingerprint = n.fingerprint, email_index = n.email_index, predecessor = n.predecessor,"
    " group_indexes = n.group_indexes, wrapped_key = n.wrapped_key, payload = n.payload"
    " from (select * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"
    " $8::bytea[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[])"
    f" as w ({', '.join(COLUMNS).replace('source_id', 'wanted')}){_PLACES}) as n"
    " where a.ctid = n.place"
)
_ERASE: Final = (
    f"delete from @account a using (select place from unnest($2::text[]) as w (wanted){_PLACES}) as n"  # noqa: S608  # constants
    " where a.ctid = n.place"
)
_LIVE: Final = each_of("text", "account", "source_id", ("source_id", "account_id", "version", "fingerprint"))
_AMONG_LIVE: Final = each_of("text", "account", "account_id", ("account_id",))
_ENDED: Final = each_of("text", "tombstone", "account_id", ("account_id",))
_BURY: Final = (
    "insert into @tombstone (tenant, account_id, source_id, created_at, deleted_at)"
    " select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])"
)
_ADVANCE: Final = (
    "update @tenant set revision = $2, accounts = $3, ended = $4, digest = $5, position = $6, batch = $7 where id = $1"
)

_SOURCE_ID: Final = attrgetter("source_id")


@frozen(order=False)
class _Live:
    """An account that a write may meet."""

    account_id: str
    version: int
    fingerprint: bytes


class KeyTaken(Exception):
    """Somebody who is new to the batch is there already. Who, `explain` finds out once the batch is undone.

    Whoever is new is not looked for beforehand: the keys of the table refuse who is there.
    """


def commit(lent: Lent, claim: Claim, batch: Batch) -> Receipt:
    """Apply the batch, or raise with the transaction still to be rolled back. See `Storage.commit`.

    Raises:
        KeyTaken: As it says; beside what `Storage.commit` raises.
    """
    name = claim.tenant
    found = tenants.locked(lent, name)
    batch_id = None if batch.id is None else written(batch.id)
    if found is not None and batch_id is not None and batch_id == found.batch_id:
        return Receipt(found.revision)
    tenant = tenants.claimed(found, claim)
    puts = [write.account for write in batch.writes if isinstance(write, Put)]
    erases = [write for write in batch.writes if isinstance(write, Erase)]
    _refuse_tombstoned(lent, tenant, name, batch)
    replaced = [write for write in batch.writes if write.expected_version]
    live = _live(lent, tenant.id, name, replaced)
    brought = [write.tombstone.account_id for write in erases if not write.expected_version]
    if _among_live(lent, tenant.id, brought) or not all(
        replaces(write, live.get(item_of(write).source_id)) for write in replaced
    ):
        _refuse_conflicts(lent, tenant.id, name, batch)
    _erase(lent, tenant.id, erases)
    _put(lent, tenant.id, puts, live)
    # Whoever is new may be refused up to here, and an account comes before what is beside it.
    documents.refuse_conflicts(lent, tenant.id, name, batch.documents)
    position = journal.append(lent, tenant.id, name, tenant.position, appends_of(batch))
    documents.write(lent, tenant.id, batch.documents)
    revision = revision_after(tenant.revision, grows=bool(batch.writes), least=batch.revision)
    total = to_total(tenant.total, name)
    total += sum(int.from_bytes(one.fingerprint, "big") for one in puts)
    total -= sum(int.from_bytes(one.fingerprint, "big") for one in live.values())
    # Whoever was there is put again or erased, so that only those who are put are there now.
    number = tenant.accounts + len(puts) - len(live)
    changes = (revision, number, tenant.ended + len(erases), total_record(total), position, batch_id)
    lent.later(_ADVANCE, (tenant.id, *changes))
    return Receipt(revision)


def explain(lent: Lent, claim: Claim, batch: Batch) -> NoReturn:
    """Raise what keeps a batch from being applied whose keys were taken. See `Storage.commit`."""
    name = claim.tenant
    tenant = tenants.claimed(tenants.locked(lent, name), claim)
    _refuse_tombstoned(lent, tenant, name, batch)
    _refuse_conflicts(lent, tenant.id, name, batch)
    # It was taken, and another process has freed it since.
    raise refusals.conflict(name, item_of(batch.writes[0]).source_id)


def record(lent: Lent, name: str, puts: Sequence[PutDocument], appends: Sequence[Append]) -> None:
    """Write documents and add to journals. See `Storage.record`."""
    tenant = tenants.locked(lent, name) or tenants.bring_in(lent, name)
    documents.refuse_conflicts(lent, tenant.id, name, puts)
    position = journal.append(lent, tenant.id, name, tenant.position, appends)
    documents.write(lent, tenant.id, puts)
    if position != tenant.position:
        lent.later("update @tenant set position = $2 where id = $1", (tenant.id, position))


def erase_tenant(lent: Lent, claim: Claim) -> None:
    """Erase all that is held for a tenant. See `Storage.erase_tenant`."""
    tenant = tenants.claimed(tenants.locked(lent, claim.tenant), claim)
    revision = revision_after(tenant.revision, grows=True)
    for table in ("account", "tombstone", "document"):
        lent.later(f"delete from @{table} where tenant = $1", (tenant.id,))  # noqa: S608 - one of three constants
    journal.erase(lent, tenant.id)
    lent.later(
        "update @tenant set accounts = 0, ended = 0, digest = $2, revision = $3, trimmed = position,"
        " batch = null, due_at = null, expires_at = null where id = $1",
        (tenant.id, total_record(0), revision),
    )


def _refuse_tombstoned(lent: Lent, tenant: tenants.Row, name: str, batch: Batch) -> None:
    """Raise for the first write of the batch that would revive an account, or end one twice."""
    ended: set[str] = set()
    if tenant.ended:
        asked = [
            item_of(write).account_id for write in batch.writes if isinstance(write, Put) or not write.expected_version
        ]
        ended = _account_ids(lent, _ENDED, tenant.id, asked)
    if ended or any(isinstance(write, Erase) for write in batch.writes):
        refuse_tombstoned(name, batch.writes, ended)


def _refuse_conflicts(lent: Lent, tenant: int, name: str, batch: Batch) -> None:
    """Raise for the first write of the batch that the accounts which are there do not allow."""
    live = _live(lent, tenant, name, batch.writes)
    new_ids = [item_of(write).account_id for write in batch.writes if not write.expected_version]
    refuse_conflicts(name, batch.writes, live, _among_live(lent, tenant, new_ids))


def _live(lent: Lent, tenant: int, name: str, writes: Sequence[Put | Erase]) -> dict[str, _Live]:
    if not writes:
        return {}
    rows = lent.run(_LIVE, (tenant, texts([item_of(write).source_id for write in writes])))
    found = {}
    for source_id, account_id, version, fingerprint in rows:
        if len(fingerprint) != INDEX_BYTES:
            raise damaged(name)
        found[read(source_id)] = _Live(read(account_id), version, fingerprint)
    return found


def _among_live(lent: Lent, tenant: int, account_ids: Sequence[str]) -> set[str]:
    """Return those of these account ids that name a live account."""
    return _account_ids(lent, _AMONG_LIVE, tenant, account_ids)


def _account_ids(lent: Lent, statement: str, tenant: int, account_ids: Sequence[str]) -> set[str]:
    if not account_ids:
        return set()
    return {read(account_id) for (account_id,) in lent.run(statement, (tenant, texts(account_ids)))}


def _erase(lent: Lent, tenant: int, erases: Sequence[Erase]) -> None:
    if not erases:
        return
    ending = [write.tombstone.source_id for write in erases if write.expected_version]
    if ending:
        lent.later(_ERASE, (tenant, texts(ending)))
    stones = [write.tombstone for write in erases]
    account_ids, source_ids = texts([one.account_id for one in stones]), texts([one.source_id for one in stones])
    created = numbers([to_number(one.created_at) for one in stones])
    deleted = numbers([to_number(one.deleted_at) for one in stones])
    lent.later(_BURY, (tenant, account_ids, source_ids, created, deleted))


def _put(lent: Lent, tenant: int, accounts: Sequence[SealedAccount], live: dict[str, _Live]) -> None:
    if changed := [account for account in accounts if account.source_id in live]:
        lent.later(_UPDATE, (tenant, *in_columns(changed)))
    if new := [account for account in accounts if account.source_id not in live]:
        try:
            # In order, as the index of the key is, and as pages of heads read the table later on.
            lent.copy(_COPY, copied(tenant, sorted(new, key=_SOURCE_ID)))
        except psycopg.errors.UniqueViolation:
            raise KeyTaken from None
