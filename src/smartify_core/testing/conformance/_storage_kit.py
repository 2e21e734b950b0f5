"""The storage kit: every clause of the contract, to be run against a backend of yours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartify_core.errors import UsageError

from ._storage_claims import ClaimClauses
from ._storage_documents import DocumentClauses
from ._storage_due import DueClauses
from ._storage_ending import EndingClauses
from ._storage_history import HistoryClauses
from ._storage_journals import JournalClauses
from ._storage_large import LargeClauses
from ._storage_life import LifeClauses
from ._storage_lifecycle import LifecycleClauses
from ._storage_processes import ProcessClauses
from ._storage_races import RaceClauses
from ._storage_reading import ReadingClauses
from ._storage_repeats import RepeatClauses
from ._storage_shapes import ShapeClauses
from ._storage_sizes import SizeClauses
from ._storage_threads import ThreadClauses
from ._storage_trouble import TroubleClauses
from ._storage_world import StorageWorld
from ._storage_writing import WritingClauses


# The last comes first: pytest runs what is inherited from it first, so that clauses run in order of their numbers.
class StorageConformance(
    SizeClauses,
    RaceClauses,
    LifecycleClauses,
    HistoryClauses,
    LargeClauses,
    TroubleClauses,
    ProcessClauses,
    RepeatClauses,
    EndingClauses,
    DocumentClauses,
    JournalClauses,
    DueClauses,
    LifeClauses,
    ThreadClauses,
    ShapeClauses,
    WritingClauses,
    ReadingClauses,
    ClaimClauses,
):
    """Proves a `Storage`.

    Subclass it in a test module, with a name that pytest collects, and give it a world::

        class TestMyStorage(StorageConformance):
            @pytest.fixture
            def world(self, tmp_path):
                return MyWorld(tmp_path)

    Each test is one clause of ``docs/reference/storage-contract.md`` and takes nothing but a fresh world, that is, one
    empty store. What a world does not promise is skipped by name; all else passes or fails.
    """

    @pytest.fixture
    def world(self) -> StorageWorld:
        """Return a fresh world for one clause. To be overridden."""
        raise UsageError(
            "the kit was given no world",
            where=type(self).__name__,
            cure="Override the fixture `world` and return a StorageWorld of your own.",
        )

    @pytest.fixture(autouse=True)
    def _checked_and_ended(self, world: StorageWorld) -> Iterator[None]:
        """Hold the world to what it promises before a clause, and close it afterwards."""
        world.check()
        yield
        world.end()
