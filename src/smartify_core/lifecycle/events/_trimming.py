"""Keeping journals short, without taking anything from a consumer that still needs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from smartify_core.errors import UsageError
from smartify_core.lifecycle._journal import decode
from smartify_core.model import PutDocument
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import every_document

from ._consumer import KIND, ConsumerState, state_in, write_of
from ._parking import DEAD_KIND, PARKED_KIND, DeadLetters, Parking, dead_to_bytes, parked_to_bytes


def trim_journal(storage: Storage, tenant: str, *, keep_for: timedelta, now: datetime) -> int:
    """Remove the entries that are older than ``keep_for`` and that every consumer has had.

    Args:
        storage: Where the journal is.
        tenant: Whose journal.
        keep_for: How long an entry is kept in any case.
        now: The present (aware).

    Returns:
        The position up to which entries were removed; 0 when none were.

    Raises:
        UsageError: ``keep_for`` is negative, or ``now`` has no time zone.
        StorageError: The store could not be read or written.
    """
    if keep_for < timedelta(0) or now.tzinfo is None:
        raise UsageError("entries are kept for a time, up to a present with a zone", cure="Pass such values.")
    needed_beyond = min((state.needs_beyond for state in _consumers(storage, tenant)), default=None)
    removed = 0
    while True:
        page = storage.entries(tenant, after=removed)
        through = removed
        for entry in page:
            if needed_beyond is not None and entry.position > needed_beyond:
                break
            if decode(entry.content, tenant=tenant, position=entry.position).at >= now - keep_for:
                break
            through = entry.position
        if through > removed:
            storage.trim(tenant, through=through)
        removed = through
        if len(page) < KEYS_AT_ONCE or through != page[-1].position:
            return removed


def forget_consumer(storage: Storage, tenant: str, consumer: str) -> None:
    """Forget a consumer that is served no more, so that `trim_journal` stops keeping events for it.

    Its dead letters go too. Under the same name a new consumer may begin. Does nothing for a consumer that the
    tenant does not know.

    Raises:
        WriteConflict: A worker of the consumer is busy at this moment.
        StorageError: The store could not be written.
    """
    document = storage.document(tenant, KIND, consumer)
    if document is None:
        return
    state = ConsumerState(state_in(document, tenant).use, retired=True)
    writes = [write_of(consumer, state, over=document.version)]
    for kind, empty in ((PARKED_KIND, parked_to_bytes(Parking())), (DEAD_KIND, dead_to_bytes(DeadLetters()))):
        if (undelivered := storage.document(tenant, kind, consumer)) is not None:
            writes.append(PutDocument(kind, consumer, empty, undelivered.version))
    storage.record(tenant, documents=writes)


def _consumers(storage: Storage, tenant: str) -> Iterator[ConsumerState]:
    """Yield the state of each consumer that is not retired."""
    for document in every_document(storage, tenant, KIND):
        state = state_in(document, tenant)
        if not state.retired:
            yield state
