"""Servers that go away and come back, connections that break, pools, threads and forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import StorageBusy, StorageUnavailable
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def own() -> Iterator[postgresql.OwnServer]:
    """Give a server that may be stopped and crashed."""
    server = postgresql.OwnServer()
    yield server
    server.remove()


@pytest.fixture
def wire(postgresql_url: str) -> Iterator[postgresql.Wire]:
    """Give a wire to the server that may be cut."""
    with postgresql.wire(postgresql_url) as made:
        yield made


def in_threads(number: int, work: Callable[[int], object]) -> list[BaseException]:
    """Do ``work`` in as many threads at once, and return what was raised."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(number)

    def run(place: int) -> None:
        try:
            barrier.wait()
            work(place)
        except BaseException as error:  # noqa: BLE001 - told to whoever asked
            raised.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_server_that_was_away_is_found_again(own: postgresql.OwnServer, how: str) -> None:
    """While it is away every call says so; once it is back every call works, reading or writing, whoever is first."""
    with PostgreSQLStorage(own.url) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        in_threads(4, lambda _: storage.tenants())  # so that several connections are idle
        for call in (
            lambda: storage.tenant("acme"),
            lambda: storage.renew(claim, now=NOON, ttl=HOUR),
            lambda: storage.commit(claim, Batch(entries=(b"x",))),
            lambda: storage.release(claim),
        ):
            getattr(own, how)()
            for _ in range(2):
                with pytest.raises(StorageUnavailable) as caught:
                    storage.tenant("acme")
                assert caught.value.retryable
            own.start()
            call()
        assert storage.tenant("acme").position == 1
        assert storage.tenant("acme").expires_at is None


def test_what_was_answered_outlives_a_crash_of_the_server(
    own: postgresql.OwnServer, put: MakeBatch, account: MakeAccount
) -> None:
    """The server is set to answer before the disk does, and has to wait for it all the same."""
    postgresql.run(own.url, "alter system set synchronous_commit = off", "select pg_reload_conf()")
    with PostgreSQLStorage(own.url) as storage:
        for fence in range(1, 4):
            claim = storage.claim("acme", now=NOON + fence * HOUR, ttl=HOUR)
            storage.commit(claim, put(account(f"s{fence}")))
            own.crash()
            own.start()
            record = storage.tenant("acme")
            assert (record.fence, record.accounts, record.revision) == (fence, fence, fence)


def test_connections_that_the_server_ended_are_not_noticed(postgresql_url: str, schema: str) -> None:
    """An administrator ends them while they are idle: the next calls use others, writes as well."""
    url = postgresql.with_parts(postgresql_url, application_name=schema)
    with PostgreSQLStorage(url, schema=schema) as storage:
        for number in range(1, 4):
            in_threads(3, lambda _: storage.tenants())
            postgresql.run(
                postgresql_url,
                f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = '{schema}'",
            )
            claim = storage.claim("acme", now=NOON + number * HOUR, ttl=HOUR)
            assert claim.fence == number


def test_a_read_is_asked_again_when_its_connection_breaks(wire: postgresql.Wire, schema: str) -> None:
    """Nobody sees that the first question was lost."""
    with PostgreSQLStorage(wire.url, schema=schema) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
        lost: list[int] = []

        def cut(_: bytes) -> None:
            if not lost:
                lost.append(1)
                wire.cut()

        wire.on_sent = cut
        assert storage.tenant("acme").fence == 1
        assert lost == [1]


def test_a_read_is_not_asked_for_ever(wire: postgresql.Wire, schema: str) -> None:
    """Twice cut, it is told."""
    with PostgreSQLStorage(wire.url, schema=schema) as storage:
        wire.on_sent = lambda _: wire.cut()
        with pytest.raises(StorageUnavailable):
            storage.heads("acme")


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_whose_answer_was_lost_may_be_repeated(
    wire: postgresql.Wire, schema: str, put: MakeBatch, account: MakeAccount, kept: bool
) -> None:
    """The error says that nobody knows whether it was kept; under the id of its batch it is applied once."""
    with PostgreSQLStorage(wire.url, schema=schema) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        batch = Batch(put(account()).writes, (b"event",), id="one")

        def cut(data: bytes) -> None:
            if b"commit\0" in data:
                wire.on_sent = None
                if kept:
                    wire.deaf = True  # the server gets it, and its answer goes nowhere
                else:
                    wire.cut()

        wire.on_sent = cut
        with pytest.raises(StorageUnavailable, match="before it said whether the write was kept"):
            storage.commit(claim, batch)
        wire.deaf = False
        assert storage.commit(claim, batch).revision == 1
        record = storage.tenant("acme")
        assert (record.accounts, record.position, record.revision) == (1, 1, 1)


def test_a_connection_that_breaks_while_a_batch_is_written_leaves_nothing(
    wire: postgresql.Wire, schema: str, put: MakeBatch, account: MakeAccount
) -> None:
    """The error does not claim that it may have been kept."""
    with PostgreSQLStorage(wire.url, schema=schema) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)

        def cut(data: bytes) -> None:
            if b"copy " in data:
                wire.on_sent = None
                wire.cut()

        wire.on_sent = cut
        with pytest.raises(StorageUnavailable) as caught:
            storage.commit(claim, put(account()))
        assert caught.value.what == "the connection to the server was lost"
        assert storage.tenant("acme").accounts == 0
        storage.commit(claim, put(account()))


def test_no_more_connections_than_allowed_are_made(postgresql_url: str, schema: str) -> None:
    """More threads than connections wait for one another, and get through."""
    url = postgresql.with_parts(postgresql_url, application_name=schema)
    seen: list[int] = []
    with PostgreSQLStorage(url, schema=schema, pool_size=2) as storage:

        def work(_: int) -> None:
            for _ in range(5):
                storage.tenants()
                ((number,),) = postgresql.run(
                    postgresql_url, f"select count(*) from pg_stat_activity where application_name = '{schema}'"
                )
                seen.append(number)

        assert in_threads(6, work) == []
        assert 1 <= max(seen) <= 2
    ((left,),) = postgresql.run(
        postgresql_url,
        f"select count(*) from pg_stat_activity where application_name = '{schema}' and state <> 'idle'",
    )
    assert left == 0


def test_a_pool_that_does_not_come_free_says_so(postgresql_url: str, schema: str) -> None:
    """The one connection is in use for longer than anybody may wait."""
    with PostgreSQLStorage(postgresql_url, schema=schema, pool_size=1, lock_timeout=0.05) as storage:
        with storage._connections.lent(), pytest.raises(StorageBusy, match="all 1 connections were in use"):
            storage.tenants()
        assert storage.tenants() == []


def test_closing_lets_go_of_every_connection(postgresql_url: str, schema: str) -> None:
    """Also of one that is in use at that moment, as soon as it comes back."""
    url = postgresql.with_parts(postgresql_url, application_name=schema)
    storage = PostgreSQLStorage(url, schema=schema)
    in_threads(3, lambda _: storage.tenants())
    with storage._connections.lent() as lent:
        storage.close()
        connection = lent.connection
        assert connection.execute("select 1").fetchall() == [(1,)]
    assert connection.closed
    with pytest.raises(StorageUnavailable, match="closed"):
        storage.tenants()


def test_an_exception_of_the_callers_gives_the_connection_back_clean(postgresql_url: str, schema: str) -> None:
    """Whatever comes up inside a transaction rolls it back."""
    with PostgreSQLStorage(postgresql_url, schema=schema, pool_size=1) as storage:

        def work(lent: object) -> None:
            lent.run("insert into @tenant (name) values ('half')")  # type: ignore[attr-defined]  # a `Lent`
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            storage._connections.write(work)
        assert storage.tenants() == []


def test_a_child_uses_connections_of_its_own(
    postgresql_url: str, schema: str, spawn: Callable[..., int], status: Callable[[int], int]
) -> None:
    """Parent and children go on at once after a fork, and none disturbs another; the parent's outlive the children."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
        in_threads(2, lambda _: storage.tenants())

        def work() -> int:
            for number in range(20):
                name = f"{os.getpid()}-{number}"
                storage.release(storage.claim(name, now=NOON, ttl=HOUR))
                assert storage.tenant(name).fence == 1
            storage.close()
            return 0

        children = [spawn(work) for _ in range(3)]
        for number in range(20):
            assert storage.claim(f"own {number}", now=NOON, ttl=HOUR).fence == 1
        assert [status(child) for child in children] == [0, 0, 0]
        assert storage.tenant("acme").fence == 1
        assert len(storage.tenants()) == 1 + 20 + 3 * 20


def test_a_child_that_ends_leaves_the_parents_connections_alone(
    postgresql_url: str, schema: str, spawn: Callable[..., int], status: Callable[[int], int]
) -> None:
    """Also when it never used the store, or only closed it."""
    url = postgresql.with_parts(postgresql_url, application_name=schema)
    with PostgreSQLStorage(url, schema=schema) as storage:
        query = f"select pid from pg_stat_activity where application_name = '{schema}' order by pid"
        before = postgresql.run(postgresql_url, query)
        assert before
        assert status(spawn(storage.close)) == 0
        assert status(spawn(lambda: None)) == 0
        assert storage.tenants() == []
        assert postgresql.run(postgresql_url, query) == before
