"""What the histories of the storage kit are drawn from: few ids of everything, so that steps meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Erase,
    InactiveReason,
    Put,
    PutDocument,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage.memory import MemoryStorage

START: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
#: Some of the ids that only a bytewise order puts right.
SOURCE_IDS: Final = ("a", "B", "a\0", "\uffff", "\U00010000")
ACCOUNT_IDS: Final = ("\ud7ff", "\U0001f600", *map(str, range(10)))
EMAILS: Final = (*(bytes([number]) * 16 for number in range(3)), bytes([0]) * 15 + b"\1")
KINDS: Final = ("run", "note")
KEYS: Final = ("a", "\uffff", "\U00010000")
JOURNALS: Final = (OUTBOX, "trail", "\0")

source_ids = st.sampled_from(SOURCE_IDS)
account_ids = st.sampled_from(ACCOUNT_IDS)
indexes = st.sampled_from(EMAILS)
payloads = st.integers(0, 1500).map(lambda length: b"p" * length) | st.binary(max_size=20)
#: The clock goes forward most of the time, and sometimes back.
seconds = st.integers(-15, 90).map(lambda number: timedelta(seconds=number))
lengths = st.integers(0, 90).map(lambda number: timedelta(seconds=number))
due_times = st.none() | st.integers(-60, 120).map(lambda number: START + timedelta(seconds=number))
journals = st.sampled_from(JOURNALS)
batch_ids = st.none() | st.sampled_from("xy")
entries = st.lists(st.binary(max_size=5), max_size=4)
seldom = st.integers(0, 9).map(lambda number: number == 9)


@st.composite
def writes(draw: st.DrawFn, tenant: str, model: MemoryStorage, now: datetime) -> Put | Erase:
    """Draw a write that mostly fits what the model holds, and sometimes does not."""
    source_id = draw(source_ids)
    live = model.load(tenant, [source_id]).get(source_id)
    taken = {one.account_id for one in model.load(tenant, SOURCE_IDS).values()}
    taken |= {one.account_id for one in model.tombstones(tenant)}
    free = [one for one in ACCOUNT_IDS if one not in taken]
    account_id = live.account_id if live else draw(st.sampled_from(free or ["0"]))
    expected = live.version if live else 0
    if draw(seldom):
        account_id = draw(account_ids)
    if draw(seldom):
        expected = draw(st.integers(0, 2))
    if draw(st.booleans()) if live else draw(seldom):
        return Erase(Tombstone(tenant, source_id, account_id, START, now), expected)
    account = SealedAccount(
        tenant=tenant,
        source_id=source_id,
        account_id=account_id,
        state=draw(st.sampled_from([AccountState.ACTIVE, AccountState.INACTIVE])),
        inactive_reason=draw(st.none() | st.sampled_from(InactiveReason)),
        fingerprint=draw(indexes),
        email_index=draw(indexes),
        group_indexes=tuple(draw(st.lists(indexes, max_size=3))),
        wrapped_key=draw(payloads),
        payload=draw(payloads),
        version=expected + 1 if expected else draw(st.integers(1, 2)),
        created_at=START,
        updated_at=now,
        predecessor=draw(st.none() | account_ids),
        adopted=draw(st.booleans()),
    )
    return Put(account, expected)


@st.composite
def documents(draw: st.DrawFn, tenant: str, model: MemoryStorage) -> PutDocument:
    """Draw the write of a document that mostly fits what the model holds, and sometimes does not."""
    kind, key = draw(st.sampled_from(KINDS)), draw(st.sampled_from(KEYS))
    there = model.document(tenant, kind, key)
    expected = there.version if there else 0
    if draw(seldom):
        expected = draw(st.integers(0, 2))
    return PutDocument(kind, key, draw(st.none() | payloads if expected else payloads), expected)


@st.composite
def appends(draw: st.DrawFn, tenant: str, model: MemoryStorage) -> Append:
    """Draw an append that mostly fits what the model holds, and sometimes does not."""
    journal = draw(journals)
    record = model.tenant(tenant)
    position = record.position if journal == OUTBOX else record.positions.get(journal, 0)
    expected = draw(st.none() | st.just(position))
    if draw(seldom):
        expected = draw(st.integers(0, 5))
    return Append(journal, tuple(draw(entries)), expected)


@st.composite
def batches(draw: st.DrawFn, tenant: str, model: MemoryStorage, now: datetime) -> Batch:
    """Draw a batch that names nothing twice."""
    drawn = draw(st.lists(writes(tenant, model, now), max_size=4, unique_by=named))
    beside = draw(st.lists(documents(tenant, model), max_size=2, unique_by=lambda one: (one.kind, one.key)))
    appended = draw(st.lists(appends(tenant, model), max_size=2, unique_by=lambda one: one.journal))
    told = () if any(one.journal == OUTBOX for one in appended) else tuple(draw(entries))
    revision = draw(st.integers(0, 6)) if draw(seldom) else 0
    return Batch(tuple(drawn), told, tuple(beside), draw(batch_ids), tuple(appended), revision)


def named(write: Put | Erase) -> str:
    """Return the source id that a write names."""
    return write.account.source_id if isinstance(write, Put) else write.tombstone.source_id
