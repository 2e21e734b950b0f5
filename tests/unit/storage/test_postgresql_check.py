"""What the check of a PostgreSQL store finds, and that a copy is the server's affair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import UsageError
from smartify_core.model import Append, Batch, PutDocument, SealedAccount
from smartify_core.storage import Maintained
from smartify_core.storage._postgresql import _check as checks
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.soundness import check_storage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def storage(
    postgresql_url: str, schema: str, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> Iterator[PostgreSQLStorage]:
    """Give a store with something of everything, a tenant of an empty name among it."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as made:
        for name in ("", "acme"):
            claim = made.claim(name, now=NOON, ttl=HOUR)
            people = [account(one, tenant=name) for one in ("", "a", "b\0", "c")]
            made.commit(claim, put(*people))
            made.commit(claim, erase(people[1]))
            for _ in range(3):
                made.commit(claim, Batch(entries=(b"1", b"2")))
                made.record(name, documents=[], appends=[Append("audit", (b"1",))])
            made.trim(name, through=3)
            made.record(name, documents=[PutDocument("k", "n", b"", 0)], appends=[Append("copied", (), 7)])
        yield made


def test_a_sound_store_has_no_findings(storage: PostgreSQLStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where accounts are read in several pages, and after a tenant was erased."""
    assert isinstance(storage, Maintained)
    assert storage.check() == []
    monkeypatch.setattr(checks, "_PAGE", 2)
    assert storage.check() == []
    storage.erase_tenant(storage.claim("", now=NOON + 2 * HOUR, ttl=HOUR))
    assert storage.check() == []


@pytest.mark.parametrize(
    ("damage", "what", "where"),
    [
        ("delete from @account where source_id = 'c'", "2 accounts are there, and 3 are told", "tenant acme"),
        ("update @account set fingerprint = sha256('x')::bytea", "17", ""),
        (
            "update @account set fingerprint = substr(sha256('x'), 1, 16)",
            "the digest is not that of the accounts",
            "tenant acme",
        ),
        ("delete from @tombstone", "0 tombstones where 1 are counted", "tenant acme"),
        (
            "update @tombstone set account_id = 'account of c'",
            "an account is live that has ended",
            "tenant acme, account account of c",
        ),
        ("update @account set version = 0", "3 accounts that no version", "tenant acme"),
        (
            "delete from @journal where first = 5",
            "the last entry has position 4, and 6 is told",
            "tenant acme, journal",
        ),
        (
            "delete from @journal where name = 'audit' and first = 2",
            "position 3 follows 1",
            "tenant acme, journal audit",
        ),
        ("update @journal set entries = 0 where name = 'audit'", "a journal is damaged", "tenant acme, journal audit"),
        (
            "update @journal_position set trimmed = 9 where name = 'audit'",
            "trimmed beyond",
            "tenant acme, journal audit",
        ),
        (
            "update @tenant set position = 9 where name = 'acme'",
            "the last entry has position 6, and 9 is told",
            "tenant acme, journal outbox",
        ),
        ("delete from @tenant where name = 'acme'", "rows of a tenant that there is not", "table account"),
        ("delete from @tenant where name = 'acme'", "rows of a tenant that there is not", "table document"),
    ],
)
def test_what_contradicts_itself_is_found(
    storage: PostgreSQLStorage, postgresql_url: str, schema: str, damage: str, what: str, where: str
) -> None:
    """Each with its place; and a store that is put right again is sound."""
    postgresql.run(postgresql_url, damage.replace("@", f"{schema}."))
    found = storage.check()
    assert any(what in one.what and one.where.startswith(where) for one in found) or (
        what.isdigit() and any("no version of this library writes" in one.what for one in found)
    )


@pytest.mark.parametrize(
    "damage",
    [
        "update @tenant set accounts = 7",
        "update @account set fingerprint = substr(sha256('x'), 1, 16)",
        "update @tombstone set account_id = 'account of c', source_id = 'c'",
        "delete from @journal where first in (2, 5)",
        "update @tenant set position = 9",
        "update @journal_position set position = 9 where name = 'audit'",
    ],
)
def test_both_looks_say_the_same_in_the_same_words(
    storage: PostgreSQLStorage, postgresql_url: str, schema: str, damage: str
) -> None:
    """What the tables tell is also what the port tells, so that nobody reads one fact twice."""
    postgresql.run(postgresql_url, damage.replace("@", f"{schema}."))
    found = storage.check()
    assert found
    assert set(found) <= set(check_storage(storage))


def test_a_check_sees_one_state_while_others_write(
    storage: PostgreSQLStorage, account: MakeAccount, put: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit in the middle of it is no finding."""
    monkeypatch.setattr(checks, "_PAGE", 1)
    claim = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
    versions = iter(range(1, 100))
    accounts = checks._accounts

    def between(lent: object, tenant: int) -> tuple[int, int, int]:
        storage.commit(claim, put(account(f"new {next(versions)}")))
        return accounts(lent, tenant)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(checks, "_accounts", between)
    assert storage.check() == []
    assert storage.tenant("acme").accounts > 3


def test_a_copy_is_made_with_the_servers_tools(storage: PostgreSQLStorage, schema: str, tmp_path: Path) -> None:
    """The refusal names the command, with the schema and without a password."""
    with pytest.raises(UsageError, match=f"pg_dump --format=custom --schema={schema}"):
        storage.backup(tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
