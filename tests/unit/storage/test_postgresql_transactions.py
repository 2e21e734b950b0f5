"""Others in the way, time limits, how long a write is waited for, and whose tables they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import NewerSchema, SmartifyError, StorageBroken, StorageBusy, StorageUnavailable
from smartify_core.model import Append, Batch, Claim, Put, PutDocument, SealedAccount
from smartify_core.storage._postgresql import _lent as lending
from smartify_core.storage._postgresql._schema import MIGRATIONS
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def storage(postgresql_url: str, schema: str) -> Iterator[PostgreSQLStorage]:
    """Give a store that waits a short while for others."""
    with PostgreSQLStorage(postgresql_url, schema=schema, lock_timeout=0.2) as made:
        yield made


@pytest.fixture
def claim(storage: PostgreSQLStorage) -> Claim:
    """Return the claim of a tenant."""
    return storage.claim("acme", now=NOON, ttl=HOUR)


@pytest.fixture
def writes(claim: Claim, account: MakeAccount) -> dict[str, Callable[[PostgreSQLStorage], object]]:
    """Return a call for every method that writes."""
    return {
        "claim": lambda storage: storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR),
        "claim_due": lambda storage: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
        "renew": lambda storage: storage.renew(claim, now=NOON, ttl=HOUR),
        "release": lambda storage: storage.release(claim, due_at=NOON),
        "schedule": lambda storage: storage.schedule({"acme": NOON}),
        "schedule new": lambda storage: storage.schedule({"acme": NOON}, only_new=True),
        "commit": lambda storage: storage.commit(claim, Batch((Put(account(), 0),))),
        "record": lambda storage: storage.record("acme", appends=[Append("audit", (b"x",))]),
        "trim": lambda storage: storage.trim("acme", through=1),
        "erase_tenant": lambda storage: storage.erase_tenant(claim),
    }


def test_nothing_is_written_to_tables_that_were_migrated_meanwhile(
    storage: PostgreSQLStorage, postgresql_url: str, schema: str, writes: dict[str, Callable[..., object]]
) -> None:
    """Every method that writes refuses with `NewerSchema`, and leaves everything as it is."""
    before = dumped(postgresql_url, schema)
    newer = len(MIGRATIONS) + 1
    postgresql.run(postgresql_url, f"insert into {schema}.smartify_schema values ({newer}, now(), 'later')")
    for write in writes.values():
        with pytest.raises(NewerSchema):
            write(storage)
    with pytest.raises(NewerSchema):
        storage.record("never heard of", appends=[Append("audit", (b"x",))])
    assert dumped(postgresql_url, schema) == before


def test_a_migration_waits_for_writers_and_writers_see_it(
    storage: PostgreSQLStorage, postgresql_url: str, schema: str, claim: Claim, put: MakeBatch, account: MakeAccount
) -> None:
    """Who writes while the tables are being migrated waits, and then refuses."""
    with psycopg.connect(postgresql_url) as other:
        other.execute(f"lock table {schema}.tenant in access exclusive mode".encode())
        other.execute(f"insert into {schema}.smartify_schema values ({len(MIGRATIONS) + 1}, now(), 'later')".encode())
        with PostgreSQLStorage(postgresql_url, schema=schema, lock_timeout=60, migrate=True) as patient:
            raised: list[BaseException] = []
            threads = [
                threading.Thread(target=caught, args=(raised, write, patient))
                for write in (
                    lambda one: one.commit(claim, put(account())),
                    lambda one: one.renew(claim, now=NOON, ttl=HOUR),
                )
            ]
            for thread in threads:
                thread.start()
            waiting(postgresql_url, schema, len(threads))
            other.commit()
            for thread in threads:
                thread.join()
    assert [type(one) for one in raised] == [NewerSchema, NewerSchema]


def test_a_table_that_is_gone_is_no_puzzle(storage: PostgreSQLStorage, postgresql_url: str, schema: str) -> None:
    """The error says that the tables are not as they were made; a newer version is named where it is the reason."""
    postgresql.run(postgresql_url, f"alter table {schema}.account rename to people")
    with pytest.raises(StorageBroken):
        storage.heads("acme")
    newer = len(MIGRATIONS) + 1
    postgresql.run(postgresql_url, f"insert into {schema}.smartify_schema values ({newer}, now(), 'later')")
    with pytest.raises(NewerSchema):
        storage.heads("acme")
    postgresql.drop_schema(postgresql_url, schema)
    with pytest.raises(StorageBroken):
        storage.heads("acme")


@pytest.mark.parametrize("method", ["claim", "renew", "release", "schedule", "commit", "record", "erase_tenant"])
def test_a_lock_that_others_hold_is_waited_for_no_longer_than_allowed(
    storage: PostgreSQLStorage, postgresql_url: str, schema: str, writes: dict[str, Callable[..., object]], method: str
) -> None:
    """Then it is `StorageBusy`, which may be tried again, and nothing was written."""
    with psycopg.connect(postgresql_url) as other:
        other.execute(f"select * from {schema}.tenant for update".encode())
        with pytest.raises(StorageBusy) as caught:
            writes[method](storage)
    assert caught.value.retryable
    writes[method](storage)


def test_claims_of_what_is_due_wait_for_nobody(storage: PostgreSQLStorage, postgresql_url: str, schema: str) -> None:
    """A tenant whose row somebody holds is passed over."""
    storage.schedule(dict.fromkeys("abc", NOON))
    with psycopg.connect(postgresql_url) as other:
        other.execute(f"select * from {schema}.tenant where name = 'a' for update".encode())
        assert [one.tenant for one in storage.claim_due(now=NOON, ttl=HOUR, limit=9)] == ["b", "c"]
    assert [one.tenant for one in storage.claim_due(now=NOON, ttl=HOUR, limit=9)] == ["a"]


def test_a_statement_takes_no_longer_than_allowed(
    postgresql_url: str, schema: str, writes: dict[str, Callable[..., object]]
) -> None:
    """Reading and writing alike; and the limit is the transaction's, not the session's."""
    with (
        PostgreSQLStorage(postgresql_url, schema=schema, statement_timeout=0.2, lock_timeout=None) as limited,
        psycopg.connect(postgresql_url) as other,
    ):
        other.execute(f"lock table {schema}.tenant in access exclusive mode".encode())
        reads: list[Callable[..., object]] = [lambda one: one.tenant("acme"), lambda one: one.heads("acme")]
        for call in (*writes.values(), *reads):
            with pytest.raises(StorageBusy, match="longer than the time allowed"):
                call(limited)
        other.rollback()
        assert limited.tenant("acme").fence == 1
        assert settings(limited) == settings_of_a_new_connection(postgresql_url)


@pytest.mark.parametrize("times", [1, 3])
def test_a_transaction_that_others_were_in_the_way_of_is_done_again(
    storage: PostgreSQLStorage, claim: Claim, put: MakeBatch, account: MakeAccount, times: int, monkeypatch: Any
) -> None:
    """A deadlock or a failed serialization is not seen by the caller, and the work is done once."""
    failures = iter([psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure] * times)
    commit = lending.Lent.commit

    def failing(lent: lending.Lent) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        commit(lent)

    monkeypatch.setattr(lending.Lent, "commit", failing)
    storage.commit(claim, put(account("a"), account("b")))
    assert storage.tenant("acme").accounts == 2
    assert storage.tenant("acme").revision == 1
    assert next(failures, None) is None


def test_it_is_not_tried_for_ever(
    storage: PostgreSQLStorage, claim: Claim, put: MakeBatch, account: MakeAccount, monkeypatch: Any
) -> None:
    """After a few times it is `StorageBusy`, with nothing written."""
    tries: list[int] = []

    def failing(_: lending.Lent) -> None:
        tries.append(1)
        raise psycopg.errors.DeadlockDetected

    with monkeypatch.context() as patched:
        patched.setattr(lending.Lent, "commit", failing)
        with pytest.raises(StorageBusy):
            storage.commit(claim, put(account()))
    assert 1 < len(tries) < 20
    assert storage.tenant("acme").accounts == 0


def test_a_real_deadlock_is_got_over(postgresql_url: str, schema: str) -> None:
    """Two who want the same two rows crosswise: one of them is told to step back, and both get through."""
    with PostgreSQLStorage(postgresql_url, schema=schema, lock_timeout=30) as storage:
        storage.schedule({"a": NOON, "b": NOON})
        with psycopg.connect(postgresql_url) as other:
            other.execute("set deadlock_timeout = '20s'")  # so that ours finds it, and is the one to step back
            other.execute(f"update {schema}.tenant set batch = 'x' where name = 'b'".encode())
            done = threading.Thread(target=storage.schedule, args=({"a": NOON + HOUR, "b": NOON + HOUR},), daemon=True)
            done.start()
            waiting(postgresql_url, schema, 1)
            other.execute(f"update {schema}.tenant set batch = 'x' where name = 'a'".encode())
            other.commit()
            done.join(30)
        assert not done.is_alive()
        assert [one.due_at for one in storage.tenants()] == [NOON + HOUR] * 2


@pytest.mark.parametrize("isolation", ["serializable", "repeatable read"])
def test_whatever_isolation_the_role_is_set_to(
    postgresql_url: str, schema: str, isolation: str, everything_done: Callable[[PostgreSQLStorage], None]
) -> None:
    """All of the port works, and threads that claim and commit at once do not disturb one another."""
    url = postgresql.with_parts(
        postgresql_url, options=f"-c default_transaction_isolation={isolation.replace(' ', chr(92) + ' ')}"
    )
    with PostgreSQLStorage(url, schema=schema) as storage:
        everything_done(storage)
        storage.schedule({f"t{number}": NOON for number in range(40)} | {"acme": None, "umbrella": None})
        taken: list[str] = []

        def work() -> None:
            while some := storage.claim_due(now=NOON, ttl=HOUR, limit=3):
                taken.extend(one.tenant for one in some)
                for one in some:
                    storage.release(one, due_at=NOON + HOUR)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == sorted(f"t{number}" for number in range(40))


def test_what_was_answered_is_kept_whatever_the_role_is_set_to(
    postgresql_url: str, schema: str, monkeypatch: Any, writes: dict[str, Callable[..., object]]
) -> None:
    """Every write waits for the disk but a release, which waits for nobody's."""
    url = postgresql.with_parts(postgresql_url, options="-c synchronous_commit=off")
    seen: dict[str, str] = {}
    with PostgreSQLStorage(url, schema=schema) as storage:
        run, commit = lending.Lent.run, lending.Lent.commit

        def noting(lent: lending.Lent, statement: str, values: Any = ()) -> Any:
            if statement.startswith("with given") and not lent.connection.info.transaction_status:
                # Alone, it would be over before it could be asked.
                lent.connection.execute("begin")
                answer = run(lent, statement, values)
                seen[method] = lent.connection.execute("show synchronous_commit").fetchall()[0][0]
                lent.connection.execute("commit")
                return answer
            return run(lent, statement, values)

        def noting_commit(lent: lending.Lent) -> None:
            lent.run("select 1")
            seen[method] = lent.connection.execute("show synchronous_commit").fetchall()[0][0]
            commit(lent)

        monkeypatch.setattr(lending.Lent, "run", noting)
        monkeypatch.setattr(lending.Lent, "commit", noting_commit)
        order = [*(name for name in writes if name not in {"claim", "release"}), "claim", "release"]
        order.remove("erase_tenant")
        for method in order:
            writes[method](storage)
    assert seen == {method: "off" if method == "release" else "on" for method in order}


def test_a_server_that_takes_no_writes_says_so(postgresql_url: str, schema: str, claim: Claim) -> None:
    """A standby or a database that is set to read only can be read."""
    url = postgresql.with_parts(postgresql_url, options="-c default_transaction_read_only=on")
    with PostgreSQLStorage(url, schema=schema) as storage:
        assert storage.tenant("acme").fence == 1
        with pytest.raises(StorageUnavailable, match="takes no writes"):
            storage.claim("umbrella", now=NOON, ttl=HOUR)


def test_the_longest_ids_fit_into_every_index(
    storage: PostgreSQLStorage, claim: Claim, put: MakeBatch, erase: MakeBatch, account: MakeAccount
) -> None:
    """Ids that cannot be packed, and those of which every other character is stored as two."""
    for long in (
        "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(666)),
        "".join(f"\0{chr(0x4E00 + number * 7919 % 20000)}" for number in range(400)),
    ):
        one = account(long, account_id=long)
        storage.commit(claim, Batch(put(one).writes, id=long))
        storage.commit(claim, erase(one))
        assert list(storage.tombstones_of("acme", [long])) == [long]
        half = long[: len(long) // 2]
        storage.record("acme", documents=[PutDocument(half, half, b"", 0)], appends=[Append(long, (b"",))])
        storage.schedule({long: NOON})
        assert long in {one.tenant for one in storage.tenants()}


def caught(
    raised: list[BaseException], call: Callable[[PostgreSQLStorage], object], storage: PostgreSQLStorage
) -> None:
    """Make a call, and keep what it raises."""
    try:
        call(storage)
    except SmartifyError as error:
        raised.append(error)


def waiting(url: str, schema: str, number: int) -> None:
    """Wait until as many others wait for a lock on the tenants."""
    event = threading.Event()
    while True:
        ((found,),) = postgresql.run(
            url,
            "select count(distinct pid) from pg_locks where not granted and pid in"
            f" (select pid from pg_locks where relation = '{schema}.tenant'::regclass or not granted)",
        )
        if found >= number:
            return
        event.wait(0.01)


def dumped(url: str, schema: str) -> list[Any]:
    """Return all rows of all tables that hold anything of tenants."""
    tables = ("tenant", "account", "tombstone", "journal", "journal_position", "document")
    return [sorted(map(repr, postgresql.run(url, f"select * from {schema}.{table}"))) for table in tables]


def settings(storage: PostgreSQLStorage) -> list[Any]:
    """Return what a connection of the store's pool is set to between transactions."""
    with storage._connections.lent() as lent:
        rows = lent.connection.execute("select name, setting from pg_settings where source in ('session', 'client')")
        return sorted(row for row in rows if row[0] not in {"application_name", "client_encoding"})


def settings_of_a_new_connection(url: str) -> list[Any]:
    """Return what a connection is set to by itself."""
    rows = postgresql.run(url, "select name, setting from pg_settings where source in ('session', 'client')")
    return sorted(row for row in rows if row[0] not in {"application_name", "client_encoding"})
