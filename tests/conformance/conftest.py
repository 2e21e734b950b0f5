"""The storage kit as a function: which of its clauses a backend fails."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping

import pytest
from hypothesis import Phase, settings

from smartify_core.testing.conformance import StorageConformance, StorageWorld

CLAUSES: Mapping[str, Callable[[StorageConformance, StorageWorld], None]] = {
    f"ST-{match[1]}": test
    for name, test in inspect.getmembers(StorageConformance, inspect.isfunction)
    if (match := re.match(r"test_ST(\d\d)_", name))
}


@pytest.fixture(scope="session")
def broken_by() -> Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]:
    """Return a function that tells which clauses fail, each tried in a fresh world; some may be left out."""

    class Searching(StorageConformance):
        """The kit, with more histories, none of which is made shorter when it fails."""

        histories = settings(StorageConformance.histories, max_examples=150, phases=[Phase.generate])

    def tell(fresh: Callable[[], StorageWorld], left_out: Collection[str]) -> set[str]:
        failed = set()
        for number, clause in CLAUSES.items():
            if number in left_out:
                continue
            world = fresh()
            try:
                world.check()
                clause(Searching(), world)
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception):  # noqa: BLE001  # any way of failing is one
                failed.add(number)
            finally:
                world.end()
        return failed

    return tell
