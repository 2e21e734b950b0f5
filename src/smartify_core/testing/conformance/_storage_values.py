"""What the clauses of the storage kit write and read: accounts, batches and documents, made up from little."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Put,
    PutDocument,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage import KEYS_AT_ONCE, Storage

NOON: Final = datetime(2026, 5, 4, 12, 0, 0, 123457, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
#: No text: half of a surrogate pair has no UTF-8 form.
HALF: Final = "half a pair \ud83d"
#: Ids of the most bytes that there may be, told apart at their ends only. Their characters do not repeat, so that no
#: store makes room for them by packing them.
LONGEST: Final = tuple(
    "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(666)) + end for end in ("ab", "ba")
)
#: One byte too many, and too many as every store counts those that it may have to write as two.
TOO_LONG: Final = (LONGEST[0] + "c", "\0" * 1_001, "\1" * 1_001)
#: The largest number of 64 bits with a sign, and the next one.
LARGEST: Final = 2**63 - 1
TOO_LARGE: Final = LARGEST + 1
#: What long ids share; some databases sort by the first thousand bytes.
_LONG: Final = "x" * 1_900
#: Ids that only a bytewise order puts right.
ODD_IDS: Final = (
    *(f"{_LONG}{end}" for end in "dacb"),
    *("", "1", "10", "2", "A", "Z", "_", "a", "a\0", "aa", "z", "\x7f", "\xe4", "\xdf", "e\u0301", "\u20ac"),
    *("\ue000", "\uff5e", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff", "I", "i", "\u0130", "\u0131"),
)

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


def bytewise(texts: Sequence[str]) -> list[str]:
    """Return texts in the order of their UTF-8 bytes."""
    return sorted(texts, key=lambda one: one.encode())


def digest(*parts: object) -> bytes:
    """Return 16 bytes that follow from ``parts``."""
    return hashlib.sha256(repr(parts).encode()).digest()[:16]


def account(source_id: str = "s1", version: int = 1, **changes: Any) -> SealedAccount:  # noqa: ANN401 - fields of any kind
    """Return an account whose account id follows from its source id, unless told otherwise."""
    made = SealedAccount(
        tenant="acme",
        source_id=source_id,
        account_id=f"account of {source_id}",
        state=AccountState.ACTIVE,
        inactive_reason=None,
        fingerprint=digest(source_id, version),
        email_index=digest("email", source_id),
        group_indexes=(),
        wrapped_key=b"key of " + source_id.encode(),
        payload=b"payload of " + source_id.encode(),
        version=version,
        created_at=NOON,
        updated_at=NOON,
    )
    return evolve(made, **changes)  # type: ignore[no-any-return]  # attrs.evolve of an Any


def put(*accounts: SealedAccount) -> Batch:
    """Return the batch that writes these, each over the version before its own."""
    return Batch(tuple(Put(one, one.version - 1) for one in accounts))


def erase(*accounts: SealedAccount, at: datetime = NOON) -> Batch:
    """Return the batch that ends these accounts."""
    return Batch(tuple(Erase(stone(one, at=at), one.version) for one in accounts))


def stone(one: SealedAccount, *, at: datetime = NOON) -> Tombstone:
    """Return what is left of an account."""
    return Tombstone(one.tenant, one.source_id, one.account_id, one.created_at, at)


def note(value: bytes | None, expected_version: int = 0, *, key: str = "n") -> PutDocument:
    """Return the write of a document."""
    return PutDocument("note", key, value, expected_version)


def append(*entries: bytes, journal: str = "trail", at: int | None = None) -> Append:
    """Return entries for a journal that is not the outbox."""
    return Append(journal, entries, at)


def write(storage: Storage, *documents: PutDocument, tenant: str = "acme") -> None:
    """Write documents under no lease."""
    storage.record(tenant, documents=documents)


def claim(storage: Storage, tenant: str = "acme") -> Claim:
    """Claim a tenant at noon for an hour."""
    return storage.claim(tenant, now=NOON, ttl=HOUR)


def contents(storage: Storage, journal: str = OUTBOX, tenant: str = "acme") -> list[bytes]:
    """Return what the entries of a journal hold."""
    return [entry.content for entry in storage.entries(tenant, journal=journal)]


def everything(storage: Storage, tenant: str = "acme") -> tuple[object, ...]:
    """Return what the port tells of a tenant's accounts, in no particular order."""
    heads = storage.heads(tenant)
    loaded = storage.load(tenant, [head.source_id for head in heads])
    stones = storage.tombstones(tenant)
    return storage.tenant(tenant).revision, dict(loaded), {head.source_id: head for head in heads}, set(stones)


def beside(storage: Storage, tenant: str = "acme", *journals: str) -> tuple[object, ...]:
    """Return what the port tells of a tenant's journals and documents."""
    kept: list[tuple[Entry, ...]] = [
        tuple(storage.entries(tenant, journal=one)) for one in (OUTBOX, "trail", *journals)
    ]
    documents: list[Document] = list(storage.documents(tenant))
    record = storage.tenant(tenant)
    return kept, documents, record.position, dict(record.positions)


def paged(read: Callable[..., Any], key: Callable[[Any], object], limit: int) -> Iterator[list[Any]]:
    """Yield the pages of a scan of our tenant, as a caller walks them."""
    after: object = None
    for _ in range(100):
        page = list(read("acme", after=after, limit=limit))
        yield page
        if len(page) < limit:
            return
        after = key(page[-1])


def in_threads(number: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run ``work`` in so many threads that start together, and return what they raised."""
    start = threading.Barrier(number)
    raised: list[BaseException] = []

    def run(place: int) -> None:
        start.wait()
        try:
            work(place)
        except BaseException as error:  # noqa: BLE001 - handed to the clause
            raised.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def many(number: int) -> list[str]:
    """Return so many ids in bytewise order."""
    return [f"{one:06d}" for one in range(number)]


#: As many keys as one call takes.
FULL: Final = tuple(many(KEYS_AT_ONCE))
