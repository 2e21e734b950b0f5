"""Addresses are found by a few bits of their index, of which there are more in a larger tenant."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from smartify_core.model import Batch, Put, SealedAccount
from smartify_core.storage._sqlite import _rows as _sqlite_rows
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(("accounts", "bits"), [(0, 12), (65_535, 12), (65_536, 14), (262_143, 14), (262_144, 16)])
def test_a_bucket_is_shared_by_some_sixteen(accounts: int, bits: int) -> None:
    """The number of bits follows the size of the tenant, so that no bucket gets crowded, and none is one person's."""
    assert _sqlite_rows.bucket_bits(accounts) == bits


def test_an_address_is_found_whatever_size_the_tenant_had(
    path: Path, monkeypatch: pytest.MonkeyPatch, account: Callable[..., SealedAccount]
) -> None:
    """Whoever was written into a small tenant, a larger one or a very large one is found, also after a move."""
    monkeypatch.setattr(_sqlite_rows, "_BUCKET_BITS", ((0, 12), (2, 14), (4, 16)))
    indexes = [bytes([0xFF, number, *range(14)]) for number in range(8)]
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=timedelta(minutes=1))
        accounts = [
            account(f"s{number}", account_id=f"a{number}", email_index=index) for number, index in enumerate(indexes)
        ]
        for one in accounts:
            storage.commit(claim, Batch((Put(one, 0),)))
        for index, one in zip(indexes, accounts, strict=True):
            assert storage.find_by_email("acme", [index]) == [one]
        assert storage.find_by_email("acme", indexes) == accounts
        same = evolve(accounts[0], version=2)
        moved = evolve(accounts[1], version=2, email_index=bytes(16))
        storage.commit(claim, Batch((Put(same, 1), Put(moved, 1))))
        assert storage.find_by_email("acme", [indexes[0]]) == [same]
        assert storage.find_by_email("acme", [indexes[1]]) == []
        assert storage.find_by_email("acme", [bytes(16)]) == [moved]
    with sqlite3.connect(path) as connection:
        rows = connection.execute("select source_id, email_bucket from account order by source_id").fetchall()
    connection.close()
    assert [max(12, bucket.bit_length() - 1) for _, bucket in rows] == [12, 16, 14, 14, 16, 16, 16, 16]
