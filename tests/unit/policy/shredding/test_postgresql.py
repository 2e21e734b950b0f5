"""Shredding over a server that several hosts share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import StalePlan, UnderLegalHold
from smartify_core.model import SUBJECT_KEY
from smartify_core.storage.postgresql import PostgreSQLStorage

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def shared(in_memory: World, postgresql_url: str, schema: str) -> Iterator[World]:
    """Return a tenant over a server."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        in_memory.storage = storage
        yield in_memory


def test_holds_receipts_and_off_boarding_are_as_over_any_store(shared: World, postgresql_url: str, schema: str) -> None:
    """Over PostgreSQL holds hold, endings are settled once, and after an off-boarding nothing sealed is in the rows."""
    world = shared
    world.staffed("ada", "bob", "carl")
    world.seal("ada")
    account = world.account("ada")
    world.directory.delete("ada")
    plan = world.reconciler().plan(TENANT)
    world.hold("ada")
    with pytest.raises(StalePlan):
        world.reconciler().apply(plan)
    assert world.run().counts.deactivated == 1
    with pytest.raises(UnderLegalHold):
        world.shredder.off_board(TENANT, by="olga", reason="it ended")
    world.release("ada")
    assert world.run().counts.deleted == 1
    assert not world.storage.documents(TENANT, SUBJECT_KEY)
    assert (world.shredder.settle(), world.shredder.settle()) == (1, 0)
    assert [one.account_id for one in world.register.endings()] == [account.account_id]
    bob = world.account("bob")
    world.seal("bob")
    (key,) = world.storage.documents(TENANT, SUBJECT_KEY)
    world.shredder.off_board(TENANT, by="olga", reason="it ended")
    world.shredder.check_restored()
    assert world.storage.tenant(TENANT).accounts == 0
    names = [
        row[0]
        for row in postgresql.run(postgresql_url, f"select tablename from pg_tables where schemaname = '{schema}'")
    ]
    for name in names:
        (content,) = postgresql.run(postgresql_url, f"select string_agg(t::text, '|') from {schema}.\"{name}\" t")[0]
        for trace in (account.payload, account.wrapped_key, bob.payload, bob.wrapped_key, key.value):
            assert trace.hex() not in (content or "")
