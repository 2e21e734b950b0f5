from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import AuditUnavailable, RecordInvalid, StorageUnavailable, UsageError, WriteConflict
from smartify_core.model import LEDGER, Append, PutDocument
from smartify_core.policy.audit import AuditEntry, AuditRecord, Frontier, Trail
from smartify_core.policy.audit._state import node_position, nodes_of
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import ManualClock

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
OPENED = AuditRecord(
    kind="access.granted", at=NOON, tenant="acme", actor="e-7", subjects=("a" * 32,), facts={"grant": "g-1", "count": 1}
)


def test_what_is_appended_is_read_again() -> None:
    """Records come out as they went in, at the places that were told, each tenant's own numbered and linked."""
    trail = Trail(MemoryStorage())
    other = AuditRecord(kind="grant.approved", at=NOON, actor="e-8")
    assert trail.append(OPENED, other) == (0, 1)
    assert trail.append(OPENED) == (2,)
    entries = [*trail.entries()]
    assert [one.record for one in entries] == [OPENED, other, OPENED]
    assert [(one.place, one.number, one.previous) for one in entries] == [(0, 1, None), (1, None, None), (2, 2, 0)]
    assert [*trail.of_tenant("acme")] == [entries[2], entries[0]]
    assert [*trail.of_tenant("umbrella")] == []
    assert trail.entry(1) == entries[1]
    assert [*trail.entries(after=1)] == entries[2:]
    assert trail.size == 3


def test_the_head_is_that_of_the_tree_over_the_entries() -> None:
    """What is kept beside the entries is what RFC 9162 makes of their bytes, each node at the place it is read from."""
    trail = Trail(MemoryStorage())
    for number in range(1, 6):
        trail.append(*[OPENED] * number)
    frontier, made = Frontier().append(*(one.content for one in trail.contents()))
    assert trail.head().frontier == frontier
    node_of = trail.nodes()
    assert all(node_of(one.level, one.index) == one.hash for one in made)
    assert [node_position(one.level, one.index) for one in made] == [*range(1, nodes_of(trail.size) + 1)]


def test_an_entry_has_one_form() -> None:
    """The bytes are canonical JSON: names in order, no spaces, characters as they are."""
    record = AuditRecord(
        kind="a.b",
        at=NOON.astimezone(timezone(timedelta(hours=2))),
        tenant='t\u00e9"\n\x01',
        facts={"b": None, "a": True, "c": ["x", "y"], "d": -1},
    )
    entry = AuditEntry(7, record, 3, 5, "0011aabb")
    assert entry.content.decode() == (
        '{"actor":null,"at":"2026-05-04T12:00:00.000000Z","facts":{"a":true,"b":null,"c":["x","y"],"d":-1},"kind":"a.b",'
        '"of_tenant":{"number":3,"previous":5},"place":7,"subjects":[],"tenant":"t\u00e9\\"\\n\\u0001","v":1,'
        '"writer":"0011aabb"}'
    )
    assert AuditEntry.of_content(entry.content) == entry


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
RECORDS = st.builds(
    AuditRecord,
    kind=st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9})?", fullmatch=True),
    at=st.datetimes(timezones=st.just(UTC)),
    tenant=st.none() | TEXTS,
    actor=st.none() | TEXTS,
    subjects=st.lists(TEXTS, max_size=3),
    facts=st.dictionaries(
        st.from_regex(r"[a-z]{1,9}", fullmatch=True),
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS | st.lists(TEXTS, max_size=3),
        max_size=4,
    ),
)


@given(RECORDS, st.integers(0, 2**53 - 1), st.data())
def test_entries_survive_their_bytes(record: AuditRecord, place: int, data: st.DataObject) -> None:
    """Every entry is read from its bytes again, and no other bytes are read as that entry."""
    number = None if record.tenant is None else 1
    entry = AuditEntry(place, record, number, None, "00000000")
    content = entry.content
    assert AuditEntry.of_content(content) == entry
    at = data.draw(st.integers(0, len(content) - 1))
    broken = content[:at] + data.draw(st.sampled_from([b"", b" ", b"0", b'"', b"\\", b"{", b"1.0"])) + content[at + 1 :]
    try:
        read = AuditEntry.of_content(broken)
    except RecordInvalid:
        return
    assert (read == entry) == (broken == content)


@given(st.binary(max_size=50) | st.recursive(st.none() | st.integers(), st.lists).map(lambda one: str(one).encode()))
def test_what_is_no_entry_is_refused(content: bytes) -> None:
    """No bytes are too strange to be called none."""
    with pytest.raises(RecordInvalid, match="no entry"):
        AuditEntry.of_content(content)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Access"},
        {"kind": ""},
        {"kind": None},
        {"at": datetime(2026, 5, 4)},  # noqa: DTZ001  # the point
        {"tenant": ""},
        {"tenant": "\ud800"},
        {"actor": 7},
        {"subjects": (None,)},
        {"subjects": "abc"},
        {"facts": {"a": 1.5}},
        {"facts": {"a": 2**53}},
        {"facts": {"a": {"b": 1}}},
        {"facts": {"a": (1,)}},
        {"facts": {"a": "\udfff"}},
        {"facts": {"A": 1}},
        {"facts": {7: 1}},
    ],
)
def test_what_cannot_stand_in_the_trail_is_refused(wrong: dict[str, Any]) -> None:
    """Fractions, large numbers, half characters and nameless things are refused when the record is made."""
    with pytest.raises(RecordInvalid):
        AuditRecord(**{"kind": "a", "at": NOON, **wrong})


def test_a_record_that_is_too_long_is_refused() -> None:
    """A record that would not fit is refused before anything is written, and the trail goes on."""
    trail = Trail(MemoryStorage())
    with pytest.raises(RecordInvalid, match=r"longer than 65,536 bytes"):
        trail.append(AuditRecord(kind="a", at=NOON, facts={"a": "x" * 65_536}))
    with pytest.raises(UsageError, match="nothing is appended"):
        trail.append()
    assert trail.append(OPENED) == (0,)


def test_time_never_runs_back_in_a_trail() -> None:
    """An instant before the latest entry's is raised to it, and so is the trail's clock."""
    storage, clock = MemoryStorage(), ManualClock(NOON)
    trail = Trail(storage, clock=clock)
    assert trail.now() == NOON
    trail.append(AuditRecord(kind="a", at=NOON))
    clock.advance(hours=-1)
    trail.append(AuditRecord(kind="b", at=clock()))
    assert [one.record.at for one in trail.entries()] == [NOON, NOON]
    assert trail.now() == Trail(storage, clock=clock).now() == NOON
    clock.advance(hours=2)
    assert trail.now() == NOON + timedelta(hours=1)


def test_documents_are_written_with_the_entry_or_neither_is() -> None:
    """A document that is not at its version fails its caller only, and nothing of that caller's is kept."""
    storage = MemoryStorage()
    trail = Trail(storage)
    trail.append(OPENED, documents=[PutDocument("grant", "g", b"1", 0)])
    with pytest.raises(WriteConflict, match="document is not as"):
        trail.append(OPENED, documents=[PutDocument("grant", "g", b"2", 0)])
    assert trail.size == 1
    assert trail.append(OPENED, documents=[PutDocument("grant", "g", b"2", 1)]) == (1,)
    found = storage.document(LEDGER, "grant", "g")
    assert found is not None
    assert found.value == b"2"
    with pytest.raises(UsageError, match="audit trail's own"):
        trail.append(OPENED, documents=[PutDocument("audit", "head", b"", 0)])


class Gated(MemoryStorage):
    """A store whose writes wait until they are let through; counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.let, self.begun, self.writes = threading.Event(), threading.Event(), 0

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Wait, then write."""
        self.begun.set()
        assert self.let.wait(60)
        self.writes += 1
        super().record(tenant, documents=documents, appends=appends)


def test_callers_that_wait_share_a_commit() -> None:
    """All that arrive while a commit is under way are kept by the next one; one that conflicts fails alone."""
    storage = Gated()
    trail = Trail(storage)
    told: dict[int, object] = {}

    def call(number: int) -> None:
        wrong = [PutDocument("grant", str(number), b"", 9 if number == 3 else 0)]
        try:
            told[number] = trail.append(OPENED, OPENED, documents=wrong)
        except WriteConflict as error:
            told[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(9)]
    threads[0].start()
    assert storage.begun.wait(60)
    for thread in threads[1:]:
        thread.start()
    line = trail._pen().line
    for _ in iter(lambda: len(line._seats), 8):
        pass
    storage.let.set()
    for thread in threads:
        thread.join()
    assert isinstance(told.pop(3), WriteConflict)
    places = sorted(place for kept in told.values() for place in kept)  # type: ignore[attr-defined]
    assert places == [*range(16)] == [one.place for one in trail.entries()]
    # The first one's, the refused one of all, and the one of all but the one in the wrong.
    assert storage.writes == 3


def test_without_a_store_nothing_is_kept(tmp_path: Path) -> None:
    """A store that is closed or read-only is an audit trail that keeps nothing, which denies access."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        trail = Trail(storage)
        trail.append(OPENED)
    with pytest.raises(AuditUnavailable, match="cannot be asked") as caught:
        trail.append(OPENED)
    assert caught.value.retryable
    with SQLiteStorage(tmp_path / "store.db", read_only=True) as storage:
        with pytest.raises(AuditUnavailable, match="nothing was kept"):
            Trail(storage).append(OPENED)
        assert Trail(storage).size == 1


class Mute(MemoryStorage):
    """A store whose answers get lost: some writes are kept before that, and others are not."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps: list[bool] = []
        self.gone = False

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write, or do not, and say nothing."""
        if not self.keeps:
            return super().record(tenant, documents=documents, appends=appends)
        if self.keeps.pop(0):
            super().record(tenant, documents=documents, appends=appends)
        self.gone = not self.keeps and self.gone
        raise StorageUnavailable("the connection was lost")

    def document(self, tenant: str, kind: str, key: str) -> Any:
        """Return a document, unless the store is away."""
        if self.gone and not self.keeps:
            raise StorageUnavailable("the server is away")
        return super().document(tenant, kind, key)


def test_a_lost_answer_is_looked_up() -> None:
    """What was kept is told as kept, and what was not as not, each exactly once in the trail."""
    storage = Mute()
    trail = Trail(storage)
    trail.append(OPENED)
    storage.keeps = [True]
    assert trail.append(OPENED, OPENED) == (1, 2)
    storage.keeps = [False]
    with pytest.raises(AuditUnavailable, match="nothing was kept"):
        trail.append(OPENED)
    assert trail.append(OPENED) == (3,)
    assert trail.size == 4


def test_an_answer_that_cannot_be_looked_up_is_called_unknown() -> None:
    """Where the store cannot be asked, nobody claims that it kept the record, or that it did not."""
    storage = Mute()
    trail = Trail(storage)
    trail.append(OPENED)
    storage.keeps, storage.gone = [True], True
    with pytest.raises(AuditUnavailable, match="did not say whether it kept"):
        trail.append(OPENED)
    storage.gone = False
    assert trail.append(OPENED) == (2,)
