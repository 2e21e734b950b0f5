"""Which accounts of which tenants: in memory while they are few, and in a file that has no name when they are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from types import TracebackType
from typing import Final, Self, TypeAlias

#: A tenant's number, an account as it stands in the trail, a cause's number, and fields as bits.
Pair: TypeAlias = tuple[int, bytes, int, int]

#: How many are held in memory.
_HELD: Final = 200_000


class Pairs:
    """Accounts that may be concerned, each with why and with which fields. Closed, nothing of them is left.

    What does not fit into memory goes to a temporary database of SQLite: it is opened without a name, so that no other
    process finds it, and SQLite removes it when it is closed. It holds ids and numbers.

    Args:
        held: How many are held in memory.
    """

    def __init__(self, *, held: int = _HELD) -> None:
        self._held = held
        self._count = 0
        #: By tenant and cause: accounts with their fields. They are emptied when they go to the file, and stay.
        self._groups: dict[tuple[int, int], dict[bytes, int]] = {}
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        """Return them."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget all of them."""
        self.forget()

    def forget(self) -> None:
        """Forget all of them, to begin anew."""
        self._count = 0
        self._groups.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def has_spilled(self) -> bool:
        """Whether some did not fit into memory."""
        return self._file is not None

    def group(self, tenant: int, cause: int) -> dict[bytes, int]:
        """Return where accounts of a tenant are noted for one cause: their fields as bits. Tell `grew` of each."""
        return self._groups.setdefault((tenant, cause), {})

    def grew(self) -> None:
        """Say that one account was noted in a group that was not in it."""
        self._count += 1
        if self._count >= self._held:
            self._spill()

    def add(self, tenant: int, account: bytes, cause: int, fields: int) -> None:
        """Note an account, unless it is noted; fields come together."""
        group = self.group(tenant, cause)
        before = group.get(account)
        if before is None:
            group[account] = fields
            self.grew()
        else:
            group[account] = before | fields

    def each(self) -> Iterator[tuple[int, Iterator[Pair]]]:
        """Yield the tenants' numbers in order, each with its accounts in order; one that is noted twice comes twice."""
        yield from groupby(self._sorted(), key=lambda one: one[0])

    def _sorted(self) -> Iterator[Pair]:
        if self._file is None:
            yield from sorted(self._pairs())
            return
        self._spill()
        with closing(self._file.execute("select tenant, account, cause, fields from pair order by 1, 2, 3")) as rows:
            yield from rows

    def _spill(self) -> None:
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.execute("pragma journal_mode = off").fetchone()
            self._file.execute("pragma synchronous = off")
            self._file.execute("create table pair (tenant integer, account blob, cause integer, fields integer)")
        self._file.execute("begin")
        self._file.executemany("insert into pair values (?, ?, ?, ?)", self._pairs())
        self._file.execute("commit")
        for group in self._groups.values():
            group.clear()
        self._count = 0

    def _pairs(self) -> Iterator[Pair]:
        for (tenant, cause), group in self._groups.items():
            for account, fields in group.items():
                yield tenant, account, cause, fields
