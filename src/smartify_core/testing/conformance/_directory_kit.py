"""The directory kit: every clause of the contract, to be run against a source of yours."""

from __future__ import annotations

import pytest

from smartify_core.errors import UsageError

from ._directory_confirming import ConfirmingClauses
from ._directory_groups import GroupClauses
from ._directory_looking_up import LookingUpClauses
from ._directory_people import PeopleClauses
from ._directory_snapshots import SnapshotClauses
from ._directory_trouble import TroubleClauses
from ._directory_world import DirectoryWorld


class DirectoryConformance(
    PeopleClauses, GroupClauses, TroubleClauses, ConfirmingClauses, SnapshotClauses, LookingUpClauses
):
    """Proves a `DirectorySource`.

    Subclass it in a test module, with a name that pytest collects, and give it a world::

        class TestMySource(DirectoryConformance):
            @pytest.fixture
            def world(self, tmp_path):
                return MyWorld(tmp_path)

    Each test is one clause of ``docs/reference/directory-contract.md`` and takes nothing but a fresh world. What a
    source does not declare, and what a world lists as unsupported, is skipped by name; all else passes or fails.
    """

    @pytest.fixture
    def world(self) -> DirectoryWorld:
        """Return a fresh world for one clause. To be overridden."""
        raise UsageError(
            "the kit was given no world",
            where=type(self).__name__,
            cure="Override the fixture `world` and return a DirectoryWorld of your own.",
        )
