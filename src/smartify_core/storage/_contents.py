"""The kinds of things that a store holds of a tenant, and two stores' side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from attrs import frozen

from smartify_core.errors import WriteConflict
from smartify_core.model import (
    OUTBOX,
    Batch,
    Document,
    Erase,
    Head,
    Put,
    PutDocument,
    SealedAccount,
    TenantRecord,
    Tombstone,
)

from ._storage import KEYS_AT_ONCE, Storage
from .walks import every_document, every_head_page, every_tombstone

Item = TypeVar("Item")

#: Kind and key of the document that a tenant has for as long as a copy of it is unfinished.
UNFINISHED: Final = ("storage copy", "unfinished")


def every_account(storage: Storage, tenant: str) -> Iterator[SealedAccount]:
    """Yield all live accounts, in order of source id.

    Raises:
        WriteConflict: The store does not tell the same of an account twice: somebody writes, or it is damaged.
    """
    for page in every_head_page(storage, tenant):
        found = storage.load(tenant, page.source_ids)
        for head in page:
            account = found.get(head.source_id)
            if account is None or not is_of(head, account):
                raise WriteConflict(
                    "an account is not as its head says",
                    where=f"tenant {tenant}, source id {head.source_id}",
                    cure="Stop what writes to the store, or have it checked.",
                )
            yield account


def every_document_but_ours(storage: Storage, tenant: str) -> Iterator[Document]:
    """Yield all documents but that which says that a copy is unfinished."""
    return (one for one in every_document(storage, tenant) if (one.kind, one.key) != UNFINISHED)


def is_of(head: Head, account: SealedAccount) -> bool:
    """Return whether a head is that of the account."""
    ours = Head(account.source_id, account.fingerprint, account.state, account.version, account.inactive_reason)
    return ours == head


def position_of(record: TenantRecord, journal: str) -> int:
    """Return the position of a journal; 0 for one that was never appended to."""
    return record.position if journal == OUTBOX else record.positions.get(journal, 0)


def side_by_side(
    ours: Iterator[Item], theirs: Iterator[Item], key: Callable[[Item], Any], *, beyond: bool = True
) -> Iterator[tuple[Item | None, Item | None]]:
    """Yield the items of two ordered sequences, those with the same key together, and ``None`` beside one alone.

    Args:
        ours: The one sequence, by ascending key.
        theirs: The other.
        key: What tells items apart.
        beyond: Whether to go on with ours where theirs have ended.
    """
    one, other = next(ours, None), next(theirs, None)
    while other is not None or (beyond and one is not None):
        if other is None or (one is not None and key(one) < key(other)):
            yield one, None
            one = next(ours, None)
        elif one is None or key(other) < key(one):
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)


def _without_namesakes(stones: Sequence[Tombstone]) -> Iterator[Sequence[Tombstone]]:
    """Yield parts that name no source id twice, as one batch may not: somebody may have ended more than once."""
    part: dict[str, Tombstone] = {}
    for stone in stones:
        if stone.source_id in part:
            yield tuple(part.values())
            part = {}
        part[stone.source_id] = stone
    if part:
        yield tuple(part.values())


@frozen(order=False)
class Kind:
    """One of the kinds of things that a store holds of a tenant under a key.

    Args:
        name: Its name, in the plural.
        each: Yields all of them, by ascending key.
        key: The key of one.
        content: What two of them must have in common to be the same.
        place: Where one is, for people.
        batches: What writes them where none of them is.
        at_once: How many are written at once.
    """

    name: str
    each: Callable[[Storage, str], Iterator[Any]]
    key: Callable[[Any], Any]
    content: Callable[[Any], object]
    place: Callable[[Any], str]
    batches: Callable[[Sequence[Any]], Iterable[Batch]]
    at_once: int


KINDS: Final = (
    Kind(
        "tombstones",
        every_tombstone,
        lambda one: one.account_id,
        lambda one: one,
        lambda one: f"tombstone of account {one.account_id}",
        lambda some: (Batch(tuple(Erase(one, 0) for one in part)) for part in _without_namesakes(some)),
        KEYS_AT_ONCE,
    ),
    Kind(
        "accounts",
        every_account,
        lambda one: one.source_id,
        lambda one: one,
        lambda one: f"source id {one.source_id}",
        lambda some: [Batch(tuple(Put(one, 0) for one in some))],
        KEYS_AT_ONCE,
    ),
    Kind(
        "documents",
        every_document_but_ours,
        lambda one: (one.kind, one.key),
        # Their versions are the store's own.
        lambda one: one.value,
        lambda one: f"document {one.kind}/{one.key}",
        lambda some: [Batch(documents=tuple(PutDocument(one.kind, one.key, one.value, 0) for one in some))],
        # A held plan may be large.
        20,
    ),
)
