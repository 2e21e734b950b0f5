"""Ending again, in a store that was restored from before, whoever the register of endings knows to be gone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from smartify_core.errors import SealBroken, Tombstoned
from smartify_core.model import LEGAL_HOLD, SUBJECT_KEY, Batch, Claim, Erase, LegalHold, PutDocument, Tombstone
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._endings_file import Ending


def end_again(storage: Storage, sealer: Sealer, claim: Claim, endings: Sequence[Ending]) -> int:
    """End these accounts of a tenant where they are live, leave tombstones where they are not known, count the former.

    No event is told: the host has heard of these endings when they happened.

    Args:
        storage: The restored store.
        sealer: What opens the legal holds of the tenant.
        claim: The tenant's lease.
        endings: At most as many as one keyed call takes, each of another person.

    Raises:
        LeaseLost: Another worker took over.
        StorageError: The store could not be read or written.
    """
    tenant = claim.tenant
    by_person = {one.source_id: one for one in endings if one.source_id is not None}
    live = storage.load(tenant, sorted(by_person))
    here = {who: account for who, account in live.items() if account.account_id == by_person[who].account_id}
    here = {
        who: account
        for who, account in here.items()
        if not held_since(storage, sealer, tenant, by_person[who].ended_at, account.account_id)
    }
    writes = [Erase(_stone(by_person[who]), account.version) for who, account in sorted(here.items())]
    keys = [storage.document(tenant, SUBJECT_KEY, account.account_id) for account in here.values()]
    holds = [storage.document(tenant, LEGAL_HOLD, account.account_id) for account in here.values()]
    gone = [PutDocument(one.kind, one.key, None, one.version) for one in (*keys, *holds) if one is not None]
    if writes:
        storage.commit(claim, Batch(writes=tuple(writes), documents=tuple(gone)))
    stones = storage.tombstones_of(tenant, sorted(by_person))
    for who, ending in sorted(by_person.items()):
        stone = stones.get(who)
        if who not in here and (stone is None or stone.account_id != ending.account_id):
            account = live.get(who)
            if account is None or account.account_id != ending.account_id:
                with suppress(Tombstoned):  # an earlier one of theirs
                    storage.commit(claim, Batch(writes=(Erase(_stone(ending), 0),)))
    return len(here)


def _stone(ending: Ending) -> Tombstone:
    return Tombstone(
        ending.tenant,
        ending.source_id or "",
        ending.account_id or "",
        ending.created_at or ending.ended_at,
        ending.ended_at,
    )


def held_since(
    storage: Storage, sealer: Sealer, tenant: str, ended_at: datetime, account_id: str | None = None
) -> bool:
    """Return whether somebody has placed a hold after the end: in the restored store, that is.

    Args:
        storage: The restored store.
        sealer: What opens the holds.
        tenant: The tenant.
        ended_at: The end.
        account_id: The account that had ended; ``None`` where the whole tenant had.
    """
    for document in every_document(storage, tenant, LEGAL_HOLD):
        if account_id is not None and document.key not in {LegalHold.key_of(None), account_id}:
            continue
        try:
            content = sealer.open_document(tenant, LEGAL_HOLD, document.key, document.value)
            if LegalHold.of_bytes(tenant, content).placed_at > ended_at:
                return True
        except SealBroken:
            return True
    return False
