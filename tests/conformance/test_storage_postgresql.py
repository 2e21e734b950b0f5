"""PostgreSQL keeps the storage contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from tests import _postgresql as postgresql

from smartify_core.storage import Storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.testing.conformance import StorageCapability, StorageConformance, StorageWorld


class PostgreSQLWorld(StorageWorld):
    """A schema of its own, reached through a wire that can be cut. Erased bytes stay in dead rows until a vacuum."""

    capabilities = frozenset(StorageCapability) - {StorageCapability.ERASES_BYTES}

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = postgresql.fresh_name()
        self.wire = postgresql.Wire(url)

    def open(self) -> Storage:
        """Connect through the wire."""
        return PostgreSQLStorage(self.wire.url, schema=self.schema)

    def opener(self) -> Callable[[], Storage]:
        """Return what connects as well."""
        return partial(PostgreSQLStorage, self.wire.url, schema=self.schema)

    def interrupt(self) -> None:
        """Break every connection, and take no more."""
        self.wire.close()

    def resume(self) -> None:
        """Take connections again."""
        self.wire.reopen()

    def pretend_newer(self) -> None:
        """Note one more migration than we know."""
        row = "select max(version) + 1, now(), 'a newer one' from"
        postgresql.run(self.url, f"insert into {self.schema}.smartify_schema {row} {self.schema}.smartify_schema")

    def close(self) -> None:
        """Remove the schema."""
        self.wire.close()
        postgresql.drop_schema(self.url, self.schema)


class TestPostgreSQLStorage(StorageConformance):
    @pytest.fixture
    def world(self, postgresql_url: str) -> PostgreSQLWorld:
        """Return a fresh schema."""
        return PostgreSQLWorld(postgresql_url)
