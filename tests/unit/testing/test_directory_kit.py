from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from smartify_core.errors import UsageError
from smartify_core.testing.conformance import DirectoryWorld, FakeDirectoryWorld

THIRD_PARTY = '''
import pytest
from smartify_core.testing import FakeDirectory
from smartify_core.testing.conformance import DirectoryConformance, FakeDirectoryWorld


class Wrapper:
    def __init__(self, directory):
        self._directory = directory

    @property
    def capabilities(self):
        return self._directory.capabilities

    def snapshot(self, *, progress=None):
        return self._directory.snapshot(progress=progress)

    def look_up(self, source_ids):
        return self._directory.look_up(source_ids)


class TestSound(DirectoryConformance):
    @pytest.fixture
    def world(self):
        return FakeDirectoryWorld(around=Wrapper)


class TestWithoutWorld(DirectoryConformance):
    pass


class HalfWorld(FakeDirectoryWorld):
    def suspend(self, source_id):
        """Forget to suspend."""


class TestHalf(DirectoryConformance):
    @pytest.fixture
    def world(self):
        return HalfWorld()
'''


def run(folder: Path, *arguments: str) -> str:
    """Return what pytest says about the third party's tests, run in an interpreter of their own."""
    file = folder / "test_third_party.py"
    file.write_text(THIRD_PARTY, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(file),
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout + done.stderr


def test_one_subclass_and_one_fixture_are_enough(tmp_path: Path) -> None:
    """A third party's sound source passes every clause, and what is unsupported is skipped with its reason."""
    said = run(tmp_path, "-k", "TestSound")
    assert "55 passed, 1 skipped" in said
    assert "add_outsider is unsupported: a fake directory knows nobody from outside" in said


def test_failing_clause_shows_what_it_compared(tmp_path: Path) -> None:
    """The asserts of the kit are rewritten, so that a failing clause shows both values."""
    said = run(tmp_path, "-k", "TestHalf and DS05")
    assert "1 failed" in said
    assert "assert None is <InactiveReason.SUSPENDED" in said


def test_forgotten_world_is_an_error(tmp_path: Path) -> None:
    """A subclass without a world fails every clause with what to do about it; nothing passes by accident."""
    said = run(tmp_path, "-k", "TestWithoutWorld")
    assert "56 errors" in said
    assert " passed" not in said
    assert "Override the fixture `world`" in said


@pytest.mark.parametrize(
    "use",
    [
        lambda world: world.source,
        lambda world: world.add_person(email="a@b", given_name="", family_name=""),
        lambda world: world.rename_person("1", email="a@b"),
        lambda world: world.delete("1"),
        lambda world: world.suspend("1"),
        lambda world: world.archive("1"),
        lambda world: world.restore("1"),
        lambda world: world.add_group(email="a@b", name=""),
        lambda world: world.rename_group("1", email="a@b", name=""),
        lambda world: world.delete_group("1"),
        lambda world: world.add_member("1", "2"),
        lambda world: world.remove_member("1", "2"),
        lambda world: world.nest("1", into="2"),
        lambda world: world.nest_in_circle("1", "2"),
        lambda world: world.admit_everyone("1"),
        lambda world: world.add_outsider("1", "a@b"),
        lambda world: world.cut_people(),
        lambda world: world.cut_groups(),
        lambda world: world.silence(),
        lambda world: world.silence_after_listing(),
        lambda world: world.refuse(),
        lambda world: world.garble(),
        lambda world: world.miss("1"),
        lambda world: world.spoil("1"),
        lambda world: world.doubt("1"),
        lambda world: world.heal(),
    ],
)
def test_hook_that_is_not_given_raises(use: Callable[[DirectoryWorld], object]) -> None:
    """A hook that is neither given nor listed as unsupported raises: no clause passes because nothing happened."""
    with pytest.raises(UsageError, match="does not give the hook"):
        use(DirectoryWorld())


def test_hook_that_is_listed_skips() -> None:
    """A hook that is listed as unsupported skips its clause with the reason."""

    class Flat(DirectoryWorld):
        unsupported: ClassVar = {"nest": "there are no nested groups"}

    assert not Flat().supports("nest")
    with pytest.raises(pytest.skip.Exception, match="nest is unsupported: there are no nested groups"):
        Flat().nest("1", into="2")


@pytest.mark.parametrize("name", ["nests", "supports", "_missing", "domain", "source"])
def test_misspelt_hook_is_refused(name: str) -> None:
    """A name that is no hook cannot be listed as unsupported, so that a slip skips nothing."""
    with pytest.raises(UsageError, match="no hook"):
        type("Wrong", (DirectoryWorld,), {"unsupported": {name: "because"}})


def test_hook_both_given_and_listed_is_refused() -> None:
    """A hook that is given cannot be listed as unsupported."""
    with pytest.raises(UsageError, match="both given and listed"):
        type("Wrong", (FakeDirectoryWorld,), {"unsupported": {"nest": "because"}})
