from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import SmartifyError, StorageBroken
from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    PutDocument,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage import rows
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.rows import Kept, Write
from smartify_core.testing.conformance._storage_drawing import JOURNALS, SOURCE_IDS, START, batches

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

_T = TypeVar("_T")
names = st.text("a\0\x01\uffff\U00010000", max_size=3) | st.text(max_size=4)
#: Any, and some that only a microsecond tells apart.
times = st.datetimes(timezones=st.just(UTC)) | st.integers(0, 3).map(
    lambda number: NOON + number * timedelta.resolution
)


class Rows:
    """A store that knows nothing but keys: what a backend makes of a `Write`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, bytes], bytes] = {}

    def write(self, tenants: list[str], decide: Callable[[Write], _T], met: rows.Keys | None = None) -> _T:
        """Read what a write meets, let it decide, and write what was decided."""
        found: dict[str, Mapping[bytes, bytes]] = {
            kind: {key: self.kept[kind, tenants[0], key] for key in keys if (kind, tenants[0], key) in self.kept}
            for kind, keys in (met or {}).items()
        }
        write = Write({name: self.kept.get(("tenants", "", name.encode())) for name in tenants}, found)
        answer = decide(write)
        if write.clears:
            self.kept = {row: raw for row, raw in self.kept.items() if row[0] not in rows.KINDS or row[1] != tenants[0]}
        for row, value in write.decided().items():
            if value is None:
                del self.kept[row]  # what is told to go was there
            else:
                self.kept[row] = value
        return answer

    def keys(self, kind: str, tenant: str = "") -> list[bytes]:
        """Return the keys of a kind, in order."""
        return sorted(key for there, of, key in self.kept if (there, of) == (kind, tenant))

    def values(self, kind: type[_T], name: str, tenant: str = "") -> list[_T]:
        """Return the values of a kind, in the order of their keys."""
        return [rows.unpacked(kind, self.kept[name, tenant, key]) for key in self.keys(name, tenant)]


def answer(call: Callable[[], object]) -> object:
    """Return what a call returns, or what it refuses with."""
    try:
        return call()
    except SmartifyError as error:
        return str(error)


@given(st.data())
def test_any_batches_leave_rows_that_tell_what_the_reference_tells(data: st.DataObject) -> None:
    """Accounts, tombstones, documents, journals and numbers are the reference's after each batch, errors included."""
    model, store = MemoryStorage(), Rows()
    claim = model.claim("acme", now=START, ttl=HOUR)
    assert store.write(["acme"], lambda write: write.tenant.take(START, HOUR)) == claim
    for _ in range(data.draw(st.integers(1, 5))):
        batch = data.draw(batches("acme", model, START + data.draw(st.integers(0, 3)) * HOUR))
        expected = answer(partial(model.commit, claim, batch))
        decide = partial(Write.commit, claim=claim, batch=batch)
        told = answer(partial(store.write, ["acme"], decide, rows.met_by(batch)))
        assert told == expected
        _same(store, model)
    model.erase_tenant(claim)
    store.write(["acme"], lambda write: write.erase(claim))
    _same(store, model)
    assert {kind for kind, _, _ in store.kept} == {"tenants"}


def _same(store: Rows, model: MemoryStorage) -> None:
    live = model.load("acme", SOURCE_IDS)
    assert [one.as_record() for one in store.values(Kept, "tenants")] == list(model.tenants())
    assert store.values(Head, "heads", "acme") == list(model.heads("acme"))
    assert store.values(SealedAccount, "accounts", "acme") == [live[name] for name in sorted(live)]
    assert store.values(Tombstone, "tombstones", "acme") == list(model.tombstones("acme"))
    ended = model.tombstones_of("acme", SOURCE_IDS)
    assert store.values(Tombstone, "ended", "acme") == [ended[name] for name in sorted(ended)]
    assert store.values(Document, "documents", "acme") == list(model.documents("acme"))
    entries = [one for journal in sorted(JOURNALS) for one in model.entries("acme", journal=journal)]
    assert store.values(Entry, "entries", "acme") == entries
    owners = {key.decode(): store.kept["owners", "acme", key].decode() for key in store.keys("owners", "acme")}
    assert owners == {one.account_id: one.source_id for one in live.values()}
    emails = sorted(rows.email_key(one.email_index, one.source_id) for one in live.values())
    assert store.keys("emails", "acme") == emails


@given(due=st.lists(st.none() | times, min_size=1, max_size=4))
def test_a_tenant_stands_once_among_the_due_or_not_at_all(due: list[datetime | None]) -> None:
    """However often a tenant is scheduled anew, its place is that of the latest time."""
    store = Rows()
    for time in due:
        store.write(["a", "b"], lambda write, time=time: write.tenants[1].schedule(time, only_new=False))  # type: ignore[misc]
    expected = [] if due[-1] is None else [rows.due_key(due[-1], "b")]
    assert store.keys("due") == expected
    assert [rows.due_tenant(key) for key in expected] == ["b"] * len(expected)


def test_what_changes_nothing_writes_nothing() -> None:
    """A refused, repeated or idle write leaves no row; a record without content brings its tenant in."""
    store = Rows()
    store.write(["a"], lambda write: write.tenant.schedule(None, only_new=False))
    store.write(["a"], lambda write: write.tenant.release(Claim("a", 1, NOON, 0), None))
    assert store.kept == {}
    store.write(["a"], lambda write: write.record((), ()))
    assert [one.as_record().tenant for one in store.values(Kept, "tenants")] == ["a"]


def test_the_numbers_tell_of_every_write_beside_them() -> None:
    """What changes a row beside the numbers changes these, so that they never become again what they were."""
    store, seen = Rows(), set[bytes]()
    for version, value in enumerate((b"one", b"two", None, b"one")):
        note = PutDocument("note", "n", value, version % 3)
        store.write(["a"], lambda write, one=note: write.record((one,), ()), rows.met_by_documents((note,)))  # type: ignore[misc]
        seen.add(store.kept["tenants", "", b"a"])
    assert len(seen) == 4


def test_read_entries_can_be_removed() -> None:
    """Entries that are trimmed go, those of other journals stay, and positions are not used again."""
    store = Rows()
    appends = (Append(OUTBOX, (b"1", b"2", b"3")), Append("trail", (b"t",)))
    store.write(["a"], lambda write: write.record((), appends))
    gone = [Entry(1, b"1"), Entry(2, b"2")]
    store.write(["a"], lambda write: write.remove_entries(OUTBOX, gone))
    assert store.values(Entry, "entries", "a") == [Entry(3, b"3"), Entry(1, b"t")]
    store.write(["a"], lambda write: write.record((), (Append(OUTBOX, (b"4",)),)))
    assert store.values(Entry, "entries", "a")[:2] == [Entry(3, b"3"), Entry(4, b"4")]


def test_the_latest_tombstone_of_a_source_id_stays() -> None:
    """A tombstone from elsewhere that is older than the one there is kept, but not told as the latest."""
    store = Rows()
    claim = store.write(["acme"], lambda write: write.tenant.take(NOON, HOUR))
    newer, older = (Tombstone("acme", "s1", name, NOON, NOON + hours * HOUR) for name, hours in (("a", 2), ("b", 1)))
    for stone in (newer, older):
        batch = Batch((Erase(stone, 0),))
        store.write(["acme"], partial(Write.commit, claim=claim, batch=batch), rows.met_by(batch))
    assert store.values(Tombstone, "tombstones", "acme") == [newer, older]
    assert store.values(Tombstone, "ended", "acme") == [newer]


# --- bytes ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(names, names), max_size=8), st.tuples(names, names))
def test_documents_are_ordered_by_kind_then_key(places: list[tuple[str, str]], one: tuple[str, str]) -> None:
    """Keys are in bytewise order of kind and key, whatever both hold, and all of one kind are one range."""
    expected = sorted(places, key=lambda place: (place[0].encode(), place[1].encode()))
    assert sorted(places, key=lambda place: rows.document_key(*place)) == expected
    for kind, key in places:
        start, end = rows.section(one[0]), rows.section(one[0]) + rows.BEYOND
        assert (start <= rows.document_key(kind, key) < end) == (kind == one[0])


@given(st.lists(st.tuples(names, st.integers(1, 10**20 - 1)), max_size=8))
def test_entries_are_ordered_by_journal_then_position(places: list[tuple[str, int]]) -> None:
    """Positions are in order as numbers, far beyond what a floating-point number tells apart."""
    expected = sorted(places, key=lambda place: (place[0].encode(), place[1]))
    assert sorted(places, key=lambda place: rows.entry_key(*place)) == expected


@given(st.lists(st.tuples(times, names), max_size=8))
def test_the_due_are_ordered_by_time_then_name(due: list[tuple[datetime, str]]) -> None:
    """Times are in order to the microsecond, and the name can be read from the key."""
    expected = sorted(due, key=lambda one: (one[0], one[1].encode()))
    assert sorted(due, key=lambda one: rows.due_key(*one)) == expected
    for time, tenant in due:
        assert rows.due_tenant(rows.due_key(time, tenant)) == tenant
        assert rows.due_key(time) <= rows.due_key(time, tenant)


@given(
    st.builds(Entry, st.integers(), st.binary())
    | st.builds(Document, names, names, st.binary(), st.integers())
    | st.builds(Tombstone, names, names, names, times, times)
    | st.builds(Kept, names, positions=st.dictionaries(names, st.integers()), due_at=st.none() | times)
)
def test_values_come_back_whole(value: Any) -> None:
    """What was packed is unpacked as it was: any text, any bytes, any number, times to the microsecond."""
    assert rows.unpacked(type(value), rows.packed(value)) == value


@pytest.mark.parametrize("raw", [b"", b"s3cret", b"{}", b'{"position": "s3cret", "content": 1}', b"\xff"])
def test_damaged_bytes_are_told_and_not_quoted(raw: bytes) -> None:
    """Bytes that nobody packed are an error that tells the kind, a cure and nothing of the bytes."""
    with pytest.raises(StorageBroken, match="a stored Entry is damaged") as raised:
        rows.unpacked(Entry, raw)
    assert "s3cret" not in str(raised.value)
    assert raised.value.cure
