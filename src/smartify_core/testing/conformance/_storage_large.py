"""The clause about a large store: it is scanned in the memory of a page."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from smartify_core.model import Batch, Claim, Erase, Put
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._storage_values import account, claim, stone
from ._storage_world import StorageWorld

#: How many accounts, tombstones and entries there are, at first and then.
_SMALL: Final = 2_000
_LARGE: Final = 40_000
_PAGE: Final = 250
#: What two measures of the same thing may differ by, in bytes: caches that fill, a buffer that is larger now.
_LEEWAY: Final = 256 * 1024


class LargeClauses:
    """ST-54."""

    def test_ST54_a_scan_holds_one_page(self, world: StorageWorld) -> None:
        """Scanning twenty times as many heads, tombstones and entries takes no more memory than scanning the few."""
        storage = world.handle()
        taken = claim(storage)
        _grow(storage, taken, 0, _SMALL)
        few = _peaks(storage)
        _grow(storage, taken, _SMALL, _LARGE)
        for scan, (counted, peak) in _peaks(storage).items():
            assert counted == _LARGE, scan
            assert peak <= few[scan][1] + _LEEWAY, f"{scan}: {few[scan][1]} bytes at the peak became {peak}"


def _grow(storage: Storage, taken: Claim, start: int, end: int) -> None:
    """Add accounts, ended accounts and entries, so many of each."""
    for first in range(start, end, KEYS_AT_ONCE):
        numbers = range(first, min(first + KEYS_AT_ONCE, end))
        puts = [Put(account(f"{number:06d}"), 0) for number in numbers]
        ended = [Erase(stone(account(f"x{number:06d}")), 0) for number in numbers]
        storage.commit(taken, Batch((*puts, *ended), tuple(b"entry %d" % number for number in numbers)))


def _peaks(storage: Storage) -> dict[str, tuple[int, int]]:
    """Return, of each scan, how many it found and how many bytes it held at its peak."""
    scans: dict[str, Callable[[], int]] = {
        "heads": lambda: _count(partial(storage.heads, "acme"), lambda head: head.source_id, None),
        "tombstones": lambda: _count(partial(storage.tombstones, "acme"), lambda one: one.account_id, None),
        "entries": lambda: _count(partial(storage.entries, "acme"), lambda one: one.position, 0),
    }
    found = {}
    for name, scan in scans.items():
        gc.collect()
        tracing = tracemalloc.is_tracing()
        if not tracing:
            tracemalloc.start()
        try:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            counted = scan()
            found[name] = counted, tracemalloc.get_traced_memory()[1] - before
        finally:
            if not tracing:
                tracemalloc.stop()
    return found


def _count(read: Callable[..., Sequence[Any]], key: Callable[[Any], object], after: object) -> int:
    """Walk a scan by pages and return how many it told."""
    counted = 0
    while page := read(after=after, limit=_PAGE):
        counted += len(page)
        after = key(page[-1])
    return counted
