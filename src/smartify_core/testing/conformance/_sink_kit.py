"""The sink kit: every clause of the contract, to be run against a sink of yours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartify_core.errors import UsageError

from ._sink_flushing import FlushingClauses
from ._sink_processes import SinkProcessClauses
from ._sink_stuck import StuckClauses
from ._sink_world import SinkWorld
from ._sink_writing import WritingClauses


# The last comes first: pytest runs what is inherited from it first, so that clauses run in order of their numbers.
class SinkConformance(SinkProcessClauses, StuckClauses, FlushingClauses, WritingClauses):
    """Proves a `Sink`.

    Subclass it in a test module, with a name that pytest collects, and give it a world::

        class TestMySink(SinkConformance):
            @pytest.fixture
            def world(self, tmp_path):
                return MyWorld(tmp_path)

    Each test is one clause of ``docs/reference/sink-contract.md`` and takes nothing but a fresh world, that is, one
    empty target. What a world does not promise is skipped by name; all else passes or fails.
    """

    @pytest.fixture
    def world(self) -> SinkWorld:
        """Return a fresh world for one clause. To be overridden."""
        raise UsageError(
            "the kit was given no world",
            where=type(self).__name__,
            cure="Override the fixture `world` and return a SinkWorld of your own.",
        )

    @pytest.fixture(autouse=True)
    def _checked_and_ended(self, world: SinkWorld) -> Iterator[None]:
        """Hold the world to what it promises before a clause, and close it afterwards."""
        world.check()
        yield
        world.end()
