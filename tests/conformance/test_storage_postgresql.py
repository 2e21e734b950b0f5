"""PostgreSQL keeps the storage contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from tests import _postgresql as postgresql

from smartify_core.storage import Storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.testing.conformance import StorageCapability, StorageConformance, StorageWorld


def open_schema(url: str, schema: str) -> PostgreSQLStorage:
    """Open a store, in whichever process."""
    return PostgreSQLStorage(url, schema=schema, pool_size=4)


class PostgreSQLWorld(StorageWorld):
    """A schema in a database that lets nobody in for as long as it is interrupted."""

    capabilities = frozenset(StorageCapability) - {StorageCapability.ERASES_BYTES}

    def __init__(self, database: postgresql.Database) -> None:
        self._database = database
        self._schema = postgresql.fresh_name()

    def open(self) -> Storage:
        """Open the schema."""
        return self.opener()()

    def opener(self) -> Callable[[], Storage]:
        """Return what opens the schema."""
        return partial(open_schema, self._database.url, self._schema)

    def interrupt(self) -> None:
        """Throw everybody out, and let nobody in."""
        self._database.shut()

    def resume(self) -> None:
        """Let everybody in."""
        self._database.unshut()

    def pretend_newer(self) -> None:
        """Note a migration that we do not know."""
        row = f"select max(version) + 1, now(), 'a newer one' from {self._schema}.smartify_schema"
        self._database.run(f"insert into {self._schema}.smartify_schema (version, applied_at, library) {row}")

    def close(self) -> None:
        """Remove the schema."""
        postgresql.drop_schema(self._database.url, self._schema)


@pytest.fixture(scope="module")
def database(postgresql_url: str) -> Iterator[postgresql.Database]:
    """Give a database of the module's own."""
    made = postgresql.Database(postgresql_url)
    yield made
    made.drop()


class TestPostgreSQLStorage(StorageConformance):
    """Erased bytes stay in dead rows and in the log until the server clears them away, so that is not declared."""

    @pytest.fixture
    def world(self, database: postgresql.Database) -> PostgreSQLWorld:
        """Return a fresh schema."""
        return PostgreSQLWorld(database)
