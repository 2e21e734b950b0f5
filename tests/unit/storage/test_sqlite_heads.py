"""A page of heads is asked of SQLite in columns; whatever an id holds, it says what the reference in memory says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import AccountState, Batch, InactiveReason, SealedAccount
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]

IDS: Sequence[Sequence[str]] = (
    [""],
    ["", "\n"],
    ["", "a"],
    ["a\nb"],
    ["\n", "\n\n", "a"],
    ["a", "a\0", "a\0b", "b"],
    ["1 2", "1,2", "3"],
    ["\xe4", "\u20ac", "\U0001f600", "a\nb", "z"],
)


@pytest.mark.parametrize("ids", IDS)
def test_ids_that_hold_separators_zeros_or_no_letter_at_all(
    path: Path, account: MakeAccount, put: Callable[..., Batch], ids: Sequence[str]
) -> None:
    """Newlines, which separate the ids of a page, zeros, empty ids and ids of many scripts come back as they were."""
    made = [
        account(one, state=AccountState.INACTIVE, inactive_reason=InactiveReason.DELETED) if at % 2 else account(one)
        for at, one in enumerate(ids)
    ]
    with MemoryStorage() as reference, SQLiteStorage(path) as storage:
        for one in (reference, storage):
            one.commit(one.claim("acme", now=NOON, ttl=HOUR), put(*made))
        for after in (None, *ids):
            for limit in (1, 2, 1000):
                page = storage.heads("acme", after=after, limit=limit)
                assert page == reference.heads("acme", after=after, limit=limit)
                assert page.waiting == reference.heads("acme", after=after, limit=limit).waiting
