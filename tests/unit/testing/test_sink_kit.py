"""What the sink kit says to an author whose world is not complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Sink
from smartify_core.testing.conformance import SinkCapability, SinkConformance, SinkWorld
from smartify_core.testing.requestlog import MemorySink


class Plain(SinkWorld):
    def open(self) -> Sink:
        return MemorySink()

    def written(self) -> Sequence[Any]:
        return []


@pytest.mark.parametrize("hook", ["open", "written", "opener", "stick", "fail", "mend"])
def test_a_missing_hook_is_named(hook: str) -> None:
    """A hook that is not given says so when it is needed, with what to do."""
    with pytest.raises(UsageError, match=f"hook '{hook}'"):
        getattr(SinkWorld(), hook)()


@pytest.mark.parametrize("capability", [one for one in SinkCapability if one is not SinkCapability.FORKS])
def test_a_promise_needs_its_hooks(capability: SinkCapability) -> None:
    """A capability that is declared without the hooks that it needs is an error, and no skip."""

    class Promising(Plain):
        capabilities = frozenset({capability})

    with pytest.raises(UsageError, match=f"do not promise {capability.name}"):
        Promising().check()


def test_an_unknown_promise_is_an_error() -> None:
    """A capability that the kit does not know is named with those that it knows."""

    class Wrong(Plain):
        capabilities = frozenset({"sticks"})  # type: ignore[arg-type] # the mistake

    with pytest.raises(UsageError, match="STICKS, FAILS, FORKS, EXITS, SHARED"):
        Wrong().check()


def test_what_is_not_promised_is_skipped_by_name() -> None:
    """The reason of a skip names the world and what it does not declare."""
    with pytest.raises(pytest.skip.Exception, match="Plain does not declare STICKS and FAILS"):
        Plain().require(SinkCapability.FAILS, SinkCapability.STICKS)


def test_what_is_no_sink_is_an_error() -> None:
    """A sink without a method of the port is told at once."""

    class Half(Plain):
        def open(self) -> Sink:
            return "a sink"  # type: ignore[return-value] # the mistake

    with pytest.raises(UsageError, match="lacks a method"):
        Half().sink()


def test_a_kit_without_a_world_says_so() -> None:
    """A subclass that does not override the fixture is told to."""
    fixture = SinkConformance.__dict__["world"]
    with pytest.raises(UsageError, match="no world"):
        getattr(fixture, "__wrapped__", fixture)(SinkConformance())


def test_sinks_are_closed_at_the_end() -> None:
    """What the kit opened it closes, and the world after it."""
    world = Plain()
    sink = world.sink()
    assert isinstance(sink, MemorySink)
    world.end()
    sink.put(None)  # type: ignore[arg-type] # dropped either way
    assert sink.dropped == 1
