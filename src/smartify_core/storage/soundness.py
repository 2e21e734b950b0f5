"""Looking through a whole store for what contradicts itself: through the port, so for any backend.

A backend that is `Maintained` can look into its own bytes besides; this is what every backend must tell consistently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from smartify_core.errors import StorageError
from smartify_core.model import OUTBOX, TenantRecord

from . import _findings as findings
from . import refusals
from ._contents import UNFINISHED, position_of
from ._maintained import Finding
from ._storage import KEYS_AT_ONCE, Storage
from .deciding import DIGEST_MODULUS, head_of
from .walks import every_document, every_entry, every_head_page, every_tenant, every_tombstone

#: Of one tenant no more is told: a store that is damaged all over is damaged all over.
_MOST: Final = 100
#: How often a tenant is looked at anew that is written to meanwhile.
_ATTEMPTS: Final = 5


def check_storage(storage: Storage) -> Iterator[Finding]:
    """Yield what is wrong with a store, tenant by tenant. Reads only, and may run beside workers.

    Of each tenant it is looked whether totals and digest are those of the accounts, accounts are as their heads say and
    found by their addresses, all is in order, nobody who ended lives, and journals have no gap and end at their
    position. What cannot be read because it is damaged is a finding; what is no damage, but to be known, says so.

    Raises:
        StorageUnavailable: The store cannot be reached, or was closed.
        StorageBusy: It is in use.
    """
    try:
        before: str | None = None
        for record in every_tenant(storage, with_ledger=True):
            if before is not None and record.tenant <= before:
                # What comes next may turn in a circle for ever.
                yield Finding("tenants are not in order; the rest was not looked at", f"tenant {record.tenant}")
                return
            before = record.tenant
            yield from check_tenant(storage, record.tenant)
    except StorageError as error:
        yield _of_damage(error, "tenants")


def check_tenant(storage: Storage, tenant: str) -> Sequence[Finding]:
    """Return what is wrong with one tenant. See `check_storage`.

    What somebody writes during a look may seem wrong to it, so that only that is told which a second look finds too.
    """
    found: list[Finding] = []
    for look in (_accounts, _tombstones, _journals, _documents):
        first = _look(look, storage, tenant)
        if first:
            again = set(_look(look, storage, tenant))
            found.extend(finding for finding in first if finding in again)
    return found[:_MOST]


_Look = Callable[[Storage, str], Iterator[Finding]]


def _look(look: _Look, storage: Storage, tenant: str) -> list[Finding]:
    try:
        return list(islice(look(storage, tenant), _MOST))
    except StorageError as error:
        return [_of_damage(error, f"tenant {tenant}")]


def _of_damage(error: StorageError, where: str) -> Finding:
    """Return what an error says about the store; raise it when it says only that the store cannot be reached."""
    if refusals.cannot_be_reached(error):
        raise error
    return Finding(error.what, error.where or where)


def _accounts(storage: Storage, tenant: str) -> Iterator[Finding]:
    for _ in range(_ATTEMPTS):
        record = storage.tenant(tenant)
        found = list(islice(_accounts_at(storage, record), _MOST))
        if storage.tenant(tenant).revision == record.revision:
            yield from found
            return
    yield Finding(
        f"accounts were written during each of {_ATTEMPTS} looks, so that their totals were not compared",
        f"tenant {tenant}",
        damage=False,
    )


def _accounts_at(storage: Storage, record: TenantRecord) -> Iterator[Finding]:
    tenant, counted, digest = record.tenant, 0, 0
    before: str | None = None
    for page in every_head_page(storage, tenant):
        loaded = storage.load(tenant, page.source_ids)
        indexes = {one.email_index for one in loaded.values()}
        found = {one.source_id: one for one in storage.find_by_email(tenant, list(indexes))}
        for head in page:
            where = f"tenant {tenant}, source id {head.source_id}"
            if before is not None and head.source_id <= before:
                yield Finding("accounts are not in order", where)
            before = head.source_id
            counted += 1
            digest += int.from_bytes(head.fingerprint, "big")
            account = loaded.get(head.source_id)
            if account is None or head_of(account) != head:
                yield Finding("an account is not as its head says", where)
            elif found.get(head.source_id) != account:
                yield findings.lost_address(tenant, head.source_id)
    if counted != record.accounts:
        yield findings.other_number(tenant, counted, record.accounts)
    if digest % DIGEST_MODULUS != record.digest:
        yield findings.other_digest(tenant)


def _tombstones(storage: Storage, tenant: str) -> Iterator[Finding]:
    before: str | None = None
    stones = every_tombstone(storage, tenant)
    while page := list(islice(stones, KEYS_AT_ONCE)):
        source_ids = list(dict.fromkeys(stone.source_id for stone in page))
        live = {one.account_id for one in storage.load(tenant, source_ids).values()}
        latest = storage.tombstones_of(tenant, source_ids)
        for stone in page:
            where = f"tenant {tenant}, account {stone.account_id}"
            if before is not None and stone.account_id <= before:
                yield Finding("tombstones are not in order", where)
            before = stone.account_id
            if stone.account_id in live:
                yield findings.revived(tenant, stone.account_id)
            last = latest.get(stone.source_id)
            if last is None or (last.deleted_at, last.account_id) < (stone.deleted_at, stone.account_id):
                yield Finding("a tombstone is not found by its source id", where)


def _journals(storage: Storage, tenant: str) -> Iterator[Finding]:
    record = storage.tenant(tenant)
    for journal in (OUTBOX, *sorted(record.positions)):
        position = 0
        for entry in every_entry(storage, tenant, journal):
            if position and entry.position != position + 1:
                yield findings.gap(tenant, journal, entry.position, position)
            position = entry.position
        # Somebody may have added to it since, or trimmed all of it away.
        least, most = (position_of(one, journal) for one in (record, storage.tenant(tenant)))
        if position and not least <= position <= most:
            yield findings.other_end(tenant, journal, position, most)


def _documents(storage: Storage, tenant: str) -> Iterator[Finding]:
    before: tuple[str, str] | None = None
    for document in every_document(storage, tenant):
        place = (document.kind, document.key)
        where = f"tenant {tenant}, document {document.kind}/{document.key}"
        if before is not None and place <= before:
            yield Finding("documents are not in order", where)
        before = place
        if place == UNFINISHED:
            yield Finding("a copy of this tenant was begun and is not finished", f"tenant {tenant}", damage=False)
        if storage.document(tenant, *place) != document:
            yield Finding("a document is not found by its name", where)
