"""The notifier kit: every clause of the contract, to be run against a channel of yours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartify_core.errors import UsageError

from ._notifier_arriving import ArrivingClauses
from ._notifier_failing import FailingClauses
from ._notifier_world import NotifierWorld


# The last comes first: pytest runs what is inherited from it first, so that clauses run in order of their numbers.
class NotifierContract(FailingClauses, ArrivingClauses):
    """Proves a `Notifier`.

    Subclass it in a test module, with a name that pytest collects, and give it a world::

        class TestMyChannel(NotifierContract):
            @pytest.fixture
            def world(self):
                return MyWorld()

    Each test is one clause of ``docs/reference/notifier-contract.md`` and takes nothing but a fresh world, that is, one
    fresh receiver. What a world does not promise is skipped by name; all else passes or fails.
    """

    @pytest.fixture
    def world(self) -> NotifierWorld:
        """Return a fresh world for one clause. To be overridden."""
        raise UsageError(
            "the kit was given no world",
            where=type(self).__name__,
            cure="Override the fixture `world` and return a NotifierWorld of your own.",
        )

    @pytest.fixture(autouse=True)
    def _checked_and_ended(self, world: NotifierWorld) -> Iterator[None]:
        """Hold the world to what it promises before a clause, and clear it away afterwards."""
        world.check()
        yield
        world.close()
