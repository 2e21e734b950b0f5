"""What a caller may hand to a storage backend: checked before anything is read or written, the same for every backend.

A method calls the check that fits first of all; a misshapen call then gets the same `UsageError` from every backend
(clauses ``ST-14`` and ``ST-24``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from smartify_core.errors import UsageError
from smartify_core.model import OUTBOX, AccountState, Append, Batch, Claim, Put, PutDocument, SealedAccount

from ._storage import KEYS_AT_ONCE

#: The largest position, version, revision and fence: what a store keeps in 64 bits with a sign.
LARGEST: Final = 2**63 - 1
#: The most bytes of an id of any kind in UTF-8, and of kind and key of a document together. U+0000 and U+0001 count
#: twice, as a store may have to write each as two. An index of PostgreSQL takes some 2,700 bytes.
LONGEST_ID: Final = 2_000
#: The length of fingerprints and blind indexes.
INDEX_BYTES: Final = 16
_INDEX_LENGTHS: Final = {INDEX_BYTES}


def check_limit(limit: int) -> None:
    """Raise `UsageError` unless a page of ``limit`` may be asked for."""
    if not 1 <= limit <= KEYS_AT_ONCE:
        raise UsageError(f"a page has 1 to {KEYS_AT_ONCE} entries, not {limit}", cure="Ask for several pages.")


def check_keys(keys: Sequence[str] | Sequence[bytes]) -> None:
    """Raise `UsageError` unless one call may take ``keys``."""
    if len(keys) > KEYS_AT_ONCE:
        raise UsageError(f"one call takes at most {KEYS_AT_ONCE} keys, not {len(keys)}", cure="Make several calls.")
    for key in keys:
        if isinstance(key, str):
            check_text(key)


def check_due(due: Mapping[str, datetime | None]) -> None:
    """Raise `UsageError` unless one call may schedule ``due``."""
    check_keys(tuple(due))
    check_time(*(time for time in due.values() if time is not None))


def check_number(what: str, number: int, *, least: int = 0, most: int = LARGEST) -> None:
    """Raise `UsageError` unless ``number`` has a place in every store."""
    if not least <= number <= most:
        raise UsageError(f"{what} is {least} to {most}, not {number}", cure="Correct the call.")


def check_position(position: int) -> None:
    """Raise `UsageError` unless ``position`` may be one of a journal, or 0 for its beginning."""
    check_number("a position of a journal", position)


def check_claim(claim: Claim) -> None:
    """Raise `UsageError` unless ``claim`` may be one that a store has made."""
    check_text(claim.tenant)
    check_number("a fence", claim.fence)


def check_document(tenant: str, document: PutDocument) -> None:
    """Raise `UsageError` unless ``document`` is well formed in itself."""
    check_text(tenant, document.kind, document.key)
    kind, key = document.kind, document.key
    short = len(kind) + len(key) <= LONGEST_ID // 2 and kind.isascii() and key.isascii()
    if not short and _size(kind) + _size(key) > LONGEST_ID:
        raise UsageError(
            f"kind and key of a document are longer than {LONGEST_ID:,} bytes together",
            where=f"tenant {tenant}",
            cure="Give it a shorter key.",
        )
    # One that is written gets the version after the one that is expected.
    least, most = (1, LARGEST) if document.value is None else (0, LARGEST - 1)
    if not least <= document.expected_version <= most:
        raise UsageError(
            f"a document cannot be expected at version {document.expected_version}",
            where=f"tenant {tenant}",
            cure="Name the version that is there; 0, where none is to be there, is for writing only.",
        )


def check_text(*texts: str | None) -> None:
    """Raise `UsageError` when an id is not Unicode text, or longer than `LONGEST_ID`. The id is not quoted.

    Half a surrogate pair has no UTF-8 form, and so no place in the order.
    """
    for text in texts:
        if text is None or (len(text) <= LONGEST_ID // 2 and text.isascii()):
            continue
        try:
            size = _size(text)
        except UnicodeEncodeError:
            raise UsageError(
                "an id holds half a surrogate pair, which is no text", cure="Correct the source."
            ) from None
        if size > LONGEST_ID:
            raise UsageError(f"an id is longer than {LONGEST_ID:,} bytes", cure="Give it a shorter one.")


def check_lease(now: datetime, ttl: timedelta) -> None:
    """Raise `UsageError` unless a lease may run from ``now`` for ``ttl``."""
    check_time(now)
    if ttl <= timedelta(0):
        raise UsageError("a lease must last longer than no time", cure="Give a positive ttl.")
    try:
        now + ttl
    except OverflowError:
        raise UsageError("a lease must end before the year 10000", cure="Give a shorter ttl.") from None


def check_time(*times: datetime) -> None:
    """Raise `UsageError` when a time has no zone, or is none in UTC: it would be another instant on another host."""
    for time in times:
        if time.tzinfo is None:
            raise UsageError("a time has no time zone", cure="Pass aware times in UTC.")
        if time.tzinfo is not UTC:
            try:
                time.astimezone(UTC)
            except OverflowError:
                raise UsageError("a time lies outside the years 1 to 9999 in UTC", cure="Correct it.") from None


def check_batch(claim: Claim, batch: Batch) -> None:
    """Raise `UsageError` unless ``batch`` is well formed in itself and belongs to the claim's tenant."""
    check_claim(claim)
    check_text(batch.id)
    seen: set[str] = set()
    where = f"tenant {claim.tenant}"
    for write in batch.writes:
        item = write.account if isinstance(write, Put) else write.tombstone
        if item.tenant != claim.tenant:
            raise UsageError("a batch holds a write of another tenant than the claim's", where=where)
        if item.source_id in seen:
            raise UsageError(
                "a batch names a source id twice", where=where, cure="Put the second write into a later batch."
            )
        seen.add(item.source_id)
        check_text(item.source_id, item.account_id)
        if isinstance(write, Put):
            _check_put(write, write.account, where)
        else:
            check_time(write.tombstone.created_at, write.tombstone.deleted_at)
        check_number("a version", write.expected_version)
    check_number("a revision", batch.revision)
    _check_beside(claim.tenant, batch.documents, batch.appends, {OUTBOX} if batch.entries else set())


def check_record(tenant: str, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
    """Raise `UsageError` unless these may be written together. See `Storage.record`."""
    check_text(tenant)
    _check_beside(tenant, documents, appends, set())


def _check_beside(tenant: str, documents: Iterable[PutDocument], appends: Iterable[Append], journals: set[str]) -> None:
    named: set[tuple[str, str]] = set()
    for document in documents:
        check_document(tenant, document)
        if (document.kind, document.key) in named:
            raise UsageError("a batch names a document twice", where=f"tenant {tenant}")
        named.add((document.kind, document.key))
    for append in appends:
        check_text(append.journal)
        if append.expected_position is not None:
            check_position(append.expected_position)
            check_position(append.expected_position + len(append.entries))
        if append.journal in journals:
            raise UsageError("a batch names a journal twice", where=f"tenant {tenant}, journal {append.journal}")
        journals.add(append.journal)


def _check_put(write: Put, account: SealedAccount, where: str) -> None:
    if account.predecessor is not None:
        check_text(account.predecessor)
    lengths = {*map(len, (account.fingerprint, account.email_index, *account.group_indexes))}
    if lengths != _INDEX_LENGTHS:
        raise UsageError(f"fingerprints and indexes have {INDEX_BYTES} bytes", where=where)
    # What is right is seen without a call: a first load has a million of these.
    if not (account.created_at.tzinfo is account.updated_at.tzinfo is UTC):
        check_time(account.created_at, account.updated_at)
    if account.state is AccountState.DELETED:
        raise UsageError("an account cannot be put in the state deleted", where=where, cure="Use an Erase.")
    if not 1 <= account.version <= LARGEST:
        check_number("the version of an account", account.version, least=1)
    if write.expected_version and account.version != write.expected_version + 1:
        raise UsageError("an account's version must be one more than the version it replaces", where=where)


def _size(text: str) -> int:
    return len(text.encode()) + text.count("\0") + text.count("\1")
