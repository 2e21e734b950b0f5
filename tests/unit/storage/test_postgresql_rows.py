"""Ids as PostgreSQL can hold them, pages in columns, damaged rows, and plans that do not read a whole tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import _postgresql as postgresql

from smartify_core.errors import StorageBroken
from smartify_core.model import AccountState, Batch, Head, HeadPage, InactiveReason, Put, PutDocument, SealedAccount
from smartify_core.storage._postgresql import _accounts as accounts
from smartify_core.storage._postgresql import _commit as commits
from smartify_core.storage._postgresql._rows import blobs, in_columns, read, texts, written
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]

#: Mostly what has to be written otherwise, and what stands beside it in the order.
ids = st.text(st.sampled_from("\0\1\2\3a\n") | st.characters(codec="utf-8"), max_size=8)


@pytest.fixture
def storage(postgresql_url: str, schema: str) -> Iterator[PostgreSQLStorage]:
    """Give a store."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as made:
        yield made


@given(ids, ids)
def test_ids_are_written_without_null_characters_in_the_same_order(one: str, other: str) -> None:
    """Every id is read back as it was, no two are written alike, and what is ordinary is written as it is."""
    assert read(written(one)) == one
    assert "\0" not in written(one)
    assert (one < other) == (written(one).encode() < written(other).encode())
    assert (written(one) == one) is not bool({"\0", "\1"} & {*one})


def test_pages_hold_any_id_in_order(storage: PostgreSQLStorage, account: MakeAccount, put: MakeBatch) -> None:
    """Ids with line breaks, null characters and neighbours of both come in bytewise order, whole or page by page."""
    ends = ["", "\0", "\0\0", "\0\1", "\1", "\1\1", "\1\2", "\2", "\n", "\nb", "\uffff", "\U00010000"]
    names = sorted([*ends, *(f"a{end}" for end in ends)], key=str.encode)
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, put(*(account(name) for name in reversed(names))))
    assert [head.source_id for head in storage.heads("acme")] == names
    assert storage.heads("acme").source_ids == tuple(names)
    for limit in (1, 2, 3):
        found: list[str] = []
        while page := storage.heads("acme", after=found[-1] if found else None, limit=limit):
            found.extend(page.source_ids)
        assert found == names
    assert {*storage.load("acme", names)} == {*names}


def test_pages_tell_of_every_state_and_reason(storage: PostgreSQLStorage, account: MakeAccount) -> None:
    """The columns tell the same as the heads, with any version."""
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    made = [
        account(f"{state.value} {reason}", 1 + place * 2**58, state=state, inactive_reason=reason)
        for place, (state, reason) in enumerate(
            (state, reason)
            for state in (AccountState.ACTIVE, AccountState.INACTIVE)
            for reason in (None, *InactiveReason)
        )
    ]
    storage.commit(claim, Batch(tuple(Put(one, 0) for one in made)))
    expected = HeadPage.of(
        Head(one.source_id, one.fingerprint, one.state, one.version, one.inactive_reason)
        for one in sorted(made, key=lambda one: one.source_id)
    )
    page = storage.heads("acme")
    assert page == expected
    assert page.waiting == expected.waiting
    assert len(page.waiting) == 2


@pytest.mark.parametrize(
    "damage",
    [
        "state = 2",
        "state = 9",
        "state = 256",
        "state = 257",
        "state = -1",
        "inactive_reason = 4",
        "inactive_reason = -1",
        "inactive_reason = 64",
        "inactive_reason = 256",
        "inactive_reason = -16384",
        r"fingerprint = '\x00'",
        r"fingerprint = fingerprint || '\x00'",
    ],
)
def test_a_damaged_row_is_told(
    storage: PostgreSQLStorage,
    account: MakeAccount,
    put: MakeBatch,
    postgresql_url: str,
    schema: str,
    damage: str,
) -> None:
    """Reading its head or the account says which tenant it is of; the check finds it."""
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, put(account("a"), account("b")))
    assert storage.check() == []
    postgresql.run(postgresql_url, f"update {schema}.account set {damage} where source_id = 'a'")
    with pytest.raises(StorageBroken, match="tenant acme"):
        list(storage.heads("acme"))
    with pytest.raises(StorageBroken, match="tenant acme"):
        storage.load("acme", ["a"])
    assert {finding.where for finding in storage.check()} == {"tenant acme"}
    assert [*storage.load("acme", ["b"])] == ["b"]


def test_a_damaged_journal_is_told(storage: PostgreSQLStorage, postgresql_url: str, schema: str) -> None:
    """A record that is cut short does not pass for a shorter one."""
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, Batch(entries=(b"one", b"two")))
    postgresql.run(postgresql_url, f"update {schema}.journal set record = substr(record, 1, 12)")
    with pytest.raises(StorageBroken, match="journal is damaged"):
        storage.entries("acme")


def test_large_values_come_back_whole(storage: PostgreSQLStorage, account: MakeAccount, put: MakeBatch) -> None:
    """Payloads, entries and documents of megabytes are kept apart by the server, and are whole."""
    large = bytes(range(256)) * 20_000
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    one = account(payload=large, wrapped_key=b"", group_indexes=tuple(bytes([n]) * 16 for n in range(256)))
    storage.commit(claim, put(one))
    storage.commit(claim, Batch(entries=(large, b"", large), documents=(PutDocument("k", "n", large, 0),)))
    assert storage.load("acme", ["s1"]) == {"s1": one}
    assert [entry.content for entry in storage.entries("acme")] == [large, b"", large]
    document = storage.document("acme", "k", "n")
    assert document is not None
    assert document.value == large


@pytest.mark.parametrize("analyzed", [False, True])
def test_no_question_reads_a_whole_tenant(
    storage: PostgreSQLStorage,
    account: MakeAccount,
    put: MakeBatch,
    postgresql_url: str,
    schema: str,
    analyzed: bool,
) -> None:
    """Whether the server knows the table or not, keys and pages are looked up in an index."""
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    for start in range(0, 5000, 1000):
        storage.commit(claim, put(*(account(f"{number:05}") for number in range(start, start + 1000))))
    if analyzed:
        postgresql.run(postgresql_url, f"vacuum analyze {schema}.account")
    some = [f"{number:05}" for number in range(0, 5000, 10)]
    page = f"{accounts._HEADS} and source_id > $3 order by source_id limit $2"
    questions = {
        f"{accounts._COLUMNS} from ({page}) page": ("acme", 100, "02500"),
        accounts._BY_SOURCE_ID: ("acme", texts(some)),
        accounts._BY_EMAIL: ("acme", blobs([account(one).email_index for one in some])),
        commits._LIVE: (1, texts(some)),
        commits._AMONG_LIVE: (1, texts([f"account of {one}" for one in some])),
        commits._ERASE: (1, texts(some)),
        commits._UPDATE: (1, *in_columns([account(one, 2) for one in some])),
    }
    with storage._connections.lent() as lent:
        for question, values in questions.items():
            lent.run("begin")
            lent.run(lent.place.settings)
            plan = "\n".join(row[0] for row in lent.run(f"explain (analyze, costs off) {question}", values))
            lent.run("rollback")
            assert "rows=5000" not in plan, plan
            assert "Rows Removed by" not in plan, plan
            assert "Seq Scan on account" not in plan, plan
            assert re.search("Index (Only )?Scan using account|Bitmap Index Scan on account", plan), plan
