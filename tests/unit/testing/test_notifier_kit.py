"""What the notifier kit says to an author whose world is not complete."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from smartify_core.errors import UsageError
from smartify_core.policy.breach import Notifier
from smartify_core.testing import MemoryNotifier
from smartify_core.testing.conformance import Arrival, NotifierCapability, NotifierContract, NotifierWorld

HOOKS = {
    "notifier": (),
    "address": (0,),
    "arrived": (),
    "fail": (),
    "refuse": ("a",),
    "leave": ("a",),
    "redirect": ("a", "b"),
    "be_busy_for": (1,),
    "fall_silent": (),
    "dribble": (),
    "vanish": (),
    "come_back": (),
}


class Plain(NotifierWorld):
    """A world that gives what every world must, and promises nothing."""

    def notifier(self) -> Notifier:
        return MemoryNotifier()

    def address(self, number: int) -> str:
        return f"recipient-{number}"

    def arrived(self) -> Sequence[Arrival]:
        return []

    def fail(self) -> None:
        """Fail never."""


@pytest.mark.parametrize("hook", list(HOOKS))
def test_a_missing_hook_is_named(hook: str) -> None:
    """A hook that is not given says so when it is needed, with what to do."""
    with pytest.raises(UsageError, match=f"hook '{hook}'") as caught:
        getattr(NotifierWorld(), hook)(*HOOKS[hook])
    assert caught.value.cure


@pytest.mark.parametrize("capability", list(NotifierCapability))
def test_a_promise_needs_its_hooks(capability: NotifierCapability) -> None:
    """A capability that is declared without the hooks that it needs is an error, and no skip."""

    class Promising(Plain):
        capabilities = frozenset({capability})

    with pytest.raises(UsageError, match=f"do not promise {capability.name}"):
        Promising().check()


def test_an_unknown_promise_is_an_error() -> None:
    """A capability that the kit does not know is named with those that it knows."""

    class Wrong(Plain):
        capabilities = frozenset({"gone"})  # type: ignore[arg-type]  # the mistake

    with pytest.raises(UsageError, match="REFUSES, GONE, REDIRECTS, RETRY_AFTER, REMOTE"):
        Wrong().check()


def test_what_is_not_promised_is_skipped_by_name() -> None:
    """The reason of a skip names the world and what it does not declare, and nothing is skipped beside it."""
    world = Plain()
    world.check()
    world.require()
    with pytest.raises(pytest.skip.Exception, match="Plain does not declare GONE and REMOTE"):
        world.require(NotifierCapability.REMOTE, NotifierCapability.GONE)


def test_a_kit_without_a_world_says_so() -> None:
    """A subclass that does not override the fixture is told to."""
    fixture = NotifierContract.__dict__["world"]
    with pytest.raises(UsageError, match="no world"):
        getattr(fixture, "__wrapped__", fixture)(NotifierContract())
