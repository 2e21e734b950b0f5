from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageCapability, StorageWorld

THIRD_PARTY = '''
import pytest
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageCapability, StorageConformance, StorageWorld


class MyStorage:
    """Passes everything through, by inheriting nothing."""

    def __init__(self):
        self._storage = MemoryStorage()

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def __enter__(self):
        self._storage.__enter__()
        return self

    def __exit__(self, *about):
        self.close()


class MyWorld(StorageWorld):
    kind = MyStorage

    def __init__(self):
        self.storage = self.kind()

    def open(self):
        return self.storage


class TestSound(StorageConformance):
    @pytest.fixture
    def world(self):
        return MyWorld()


class TestWithoutWorld(StorageConformance):
    pass


class TestWithoutOpen(StorageConformance):
    @pytest.fixture
    def world(self):
        return StorageWorld()


class LessStorage(MyStorage):
    def __getattr__(self, name):
        if name == "trim":
            raise AttributeError(name)
        return super().__getattr__(name)


class LessWorld(MyWorld):
    kind = LessStorage


class TestLess(StorageConformance):
    @pytest.fixture
    def world(self):
        return LessWorld()


class BoastfulWorld(MyWorld):
    capabilities = frozenset({StorageCapability.DURABLE, StorageCapability.INTERRUPTIBLE})

    def interrupt(self):
        """Do nothing."""

    def resum(self):
        """Be misspelt."""


class TestBoastful(StorageConformance):
    @pytest.fixture
    def world(self):
        return BoastfulWorld()


class LyingWorld(MyWorld):
    capabilities = frozenset({StorageCapability.DURABLE})

    def open(self):
        return MyStorage()


class TestLying(StorageConformance):
    @pytest.fixture
    def world(self):
        return LyingWorld()
'''


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that tells what pytest says about the third party's tests, in an interpreter of their own."""
    file = tmp_path / "test_third_party.py"
    file.write_text(THIRD_PARTY, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]

    def told(*arguments: str) -> str:
        done = subprocess.run(
            [*command, str(file), *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        return done.stdout + done.stderr

    return told


@pytest.mark.slow
def test_one_subclass_and_one_fixture_are_enough(run: Callable[..., str]) -> None:
    """A third party's sound backend passes every clause, and what it does not promise is skipped by name."""
    said = run("-k", "TestSound")
    assert "54 passed, 6 skipped" in said
    for absent in ("DURABLE", "ERASES_BYTES", "MULTI_PROCESS", "DURABLE and MULTI_PROCESS", "VERSIONED"):
        assert f"MyWorld does not declare {absent}\n" in said
    assert "MyWorld does not declare INTERRUPTIBLE\n" in said


def test_forgotten_world_is_an_error(run: Callable[..., str]) -> None:
    """A subclass without a world fails every clause with what to do about it; nothing passes by accident."""
    said = run("-k", "TestWithoutWorld")
    assert "60 errors" in said
    assert " passed" not in said
    assert "Override the fixture `world`" in said


def test_world_that_opens_nothing_passes_nothing(run: Callable[..., str]) -> None:
    """A world without a storage passes no clause: each fails, or is skipped because nothing is promised."""
    said = run("-k", "TestWithoutOpen")
    assert "54 failed, 6 skipped" in said
    assert "does not give the hook 'open'" in said


def test_missing_method_is_named(run: Callable[..., str]) -> None:
    """A backend without one of the methods passes no clause, and the method is named."""
    said = run("-k", "TestLess")
    assert "54 failed, 6 skipped" in said
    assert "the storage has no method 'trim' (LessStorage)" in said


def test_promise_without_its_hook_is_an_error(run: Callable[..., str]) -> None:
    """A hook that is misspelt is missed in every clause: what is promised is never skipped."""
    said = run("-k", "TestBoastful")
    assert "60 errors" in said
    assert "does not give the hook 'resume'" in said


def test_broken_promise_fails_and_shows_what_was_compared(run: Callable[..., str]) -> None:
    """A promise that is not kept fails its clause, not skips it, and both values are shown."""
    said = run("-k", "TestLying and ST29")
    assert "1 failed" in said
    assert "TenantRecord(tenant='acme', fence=0" in said


@pytest.mark.parametrize(
    "use",
    [
        lambda world: world.open(),
        lambda world: world.handle(),
        lambda world: world.opener(),
        lambda world: world.content(),
        lambda world: world.interrupt(),
        lambda world: world.resume(),
        lambda world: world.pretend_newer(),
    ],
)
def test_hook_that_is_not_given_raises(use: Callable[[StorageWorld], object]) -> None:
    """A hook that is not given raises: no clause passes because nothing happened."""
    with pytest.raises(UsageError, match="does not give the hook"):
        use(StorageWorld())


@pytest.mark.parametrize(
    "capability", [one for one in StorageCapability if one is not StorageCapability.DURABLE], ids=lambda one: one.name
)
def test_each_promise_needs_its_hook(capability: StorageCapability) -> None:
    """A promise whose hook is not given is refused before any clause."""

    class Promising(StorageWorld):
        capabilities = frozenset({capability})

    with pytest.raises(UsageError, match=f"do not promise {capability.name}"):
        Promising().check()


def test_unknown_capability_is_refused() -> None:
    """What is no capability cannot be declared, so that a slip promises nothing by half."""

    class Wrong(StorageWorld):
        capabilities: Any = frozenset({"durable"})

    with pytest.raises(UsageError, match="knows no capability 'durable'"):
        Wrong().check()


def test_attribute_that_cannot_be_called_is_no_method() -> None:
    """A name that stands for something else than a method is missed as well."""

    class World(StorageWorld):
        def open(self) -> Storage:
            storage: Any = MemoryStorage()
            storage.entries = None
            return storage  # type: ignore[no-any-return]  # what a checker would refuse

    with pytest.raises(UsageError, match="no method 'entries'"):
        World().handle()


def test_handles_are_closed_before_the_world() -> None:
    """The kit closes every handle that it opened, and then lets the world clear away what it made."""
    closed: list[str] = []

    class Handle(MemoryStorage):
        def close(self) -> None:
            closed.append("handle")
            super().close()

    class World(StorageWorld):
        def open(self) -> Storage:
            return Handle()

        def close(self) -> None:
            closed.append("world")

    world = World()
    world.handle()
    world.handle()
    world.end()
    assert closed == ["handle", "handle", "world"]
