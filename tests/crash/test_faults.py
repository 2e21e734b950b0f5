"""A store that cannot be reached, loses its answers, or is full: the next act finds all in order and does the rest."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.errors import StorageError, StorageUnavailable
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._connections import Connections

Stage = Any  # the class is in conftest.py, which importlib mode does not let tests import
Child = Callable[[Callable[[], object]], int]

pytestmark = pytest.mark.slow
in_memory = pytest.mark.parametrize("history", ["memory"], indirect=True, scope="session")
in_a_file = pytest.mark.parametrize("history", ["sqlite"], indirect=True, scope="session")

#: More calls, or pages, than any step needs.
ENOUGH = 1000
#: The exit status of a child that was told that the store is full.
TOLD = 3


class Faulty:
    """A storage that fails at its n-th call, counted from 0: before the effect or after it, once or from then on."""

    def __init__(self, storage: Storage, call: int, *, after: bool, for_good: bool) -> None:
        self._storage = storage
        self._left = call
        self._after = after
        self._for_good = for_good
        #: The method that failed first.
        self.failed: str | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)

        def call(*values: Any, **named: Any) -> Any:
            self._left -= 1
            fails = self._left == -1 or (self._left < 0 and self._for_good)
            if fails:
                self.failed = self.failed or name
            if fails and not self._after:
                raise StorageUnavailable("the store cannot be reached", cure="Wait.")
            answer = method(*values, **named)
            if fails:
                raise StorageUnavailable("the answer was lost", cure="Ask again.")
            return answer

        return call


@in_memory
@pytest.mark.parametrize(
    ("after", "for_good"), [(False, False), (True, False), (False, True)], ids=["once", "answer lost", "for good"]
)
def test_failure_of_every_call(stage: Stage, after: bool, for_good: bool) -> None:
    """Whichever call fails, the error is the store's own, and the next act does the rest, once.

    A commit is made once more under its own name when its answer is lost, so that losing one answer stops nobody.
    """
    calls: list[str] = []
    for number in range(ENOUGH):
        scene = stage.begin()
        faulty: list[Faulty] = []

        def through(storage: Storage, number: int = number, faulty: list[Faulty] = faulty) -> Any:
            faulty.append(Faulty(storage, number, after=after, for_good=for_good))
            return faulty[0]

        error = _error_of(lambda scene=scene, through=through: stage.perform(scene, through=through))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        failed = faulty[0].failed
        if failed is None:
            break
        assert error is None or type(error) is StorageUnavailable
        if failed in {"commit", "release"} and not for_good:
            assert error is None
        calls.append(failed)
        stage.require_order()
        stage.require_recovery(scene)
    assert {"claim", "commit", "release", "document"} <= set(calls)


def _error_of(work: Callable[[], object]) -> StorageError | None:
    try:
        work()
    except StorageError as error:
        return error
    return None


@in_a_file
def test_full_database_at_every_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages the database may still grow by, it says that it is full, and works again once it is not."""
    connect = Connections._connect
    room: list[int | None] = [None]

    def limited(connections: Connections) -> sqlite3.Connection:
        connection = connect(connections)
        if room[0] is not None:
            (pages,) = connection.execute("pragma page_count").fetchone()
            connection.execute(f"pragma max_page_count = {pages + room[0]}").close()
        return connection

    monkeypatch.setattr(Connections, "_connect", limited)
    failures = 0
    for pages in range(ENOUGH):
        scene = stage.begin()
        room[0] = pages
        error = _error_of(lambda scene=scene: stage.perform(scene))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        room[0] = None
        if error is None:
            break
        assert type(error) is StorageUnavailable
        failures += 1
        stage.require_order()
        stage.require_recovery(scene)
    assert stage.told() == stage.told_after
    assert failures or stage.name != "first load"


@in_a_file
def test_full_disk(stage: Stage, child: Child) -> None:
    """However large its files may still become, a store that cannot write says so, and works again once it can."""
    outcomes = []
    for kilobytes in (1, 5, 13, 33, 97, 4096):
        scene = stage.begin()

        def work(scene: Any = scene, kilobytes: int = kilobytes) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))
            error = _error_of(lambda: stage.perform(scene))
            if error is not None:
                assert type(error) is StorageUnavailable, error
                raise SystemExit(TOLD)

        outcomes.append(child(work))
        stage.require_order()
        stage.require_recovery(scene)
    assert set(outcomes) <= {0, TOLD}
    assert outcomes[-1] == 0
    assert TOLD in outcomes
