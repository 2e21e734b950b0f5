"""The Redis backend is held to the storage contract on a server that somebody else runs, where one is named."""

from __future__ import annotations

import pytest
from redis_server import given_server
from test_redis_storage import RedisWorld

from smartify_core.testing.conformance import StorageConformance

GIVEN = given_server()
if GIVEN is None:
    pytest.skip("SMARTIFY_TEST_REDIS names no server", allow_module_level=True)


class TestGivenRedis(StorageConformance):
    """Every clause but those for which the server would have to be killed, or be known to be durable."""

    @pytest.fixture
    def world(self) -> RedisWorld:
        """Return an empty store."""
        assert GIVEN is not None
        return RedisWorld(GIVEN)
