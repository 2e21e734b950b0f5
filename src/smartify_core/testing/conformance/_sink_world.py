"""What the author of a sink gives to the kit: how a sink is opened, what it promises, and what its target holds."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Sink


class SinkCapability(enum.Enum):
    """What a sink promises beyond the clauses that all must keep. Declared by the world, never detected."""

    #: The target can be slow without end; the world can make it so.
    STICKS = "sticks"
    #: The target can fail and come back; the world can make it so.
    FAILS = "fails"
    #: A process may fork while the sink is in use, and both go on with it.
    FORKS = "forks"
    #: A process that ends without closing the sink loses nothing.
    EXITS = "exits"
    #: Several processes may write to the same target at once, each through a sink of its own.
    SHARED = "shared"


_HOOKS: Final[Mapping[SinkCapability, tuple[str, ...]]] = {
    SinkCapability.STICKS: ("stick", "release"),
    SinkCapability.FAILS: ("fail", "mend"),
    SinkCapability.FORKS: (),
    SinkCapability.EXITS: ("opener",),
    SinkCapability.SHARED: ("opener",),
}


class SinkWorld:
    """One empty target, for one clause: how a sink for it is opened, and how it is looked at behind the sink's back.

    Give ``open`` and ``written``, say in ``capabilities`` what the sink promises, and give the hooks that these
    promises need. A promise whose hook is missing is an error in every clause.

    Attributes:
        capabilities: What the sink promises.
        bound: How many records the sinks that the world opens keep at most while nothing can be written, what is just
            being written included. Make it small: the kit puts four times as many.
        patience: Seconds after which something that should have happened has not. No clause waits for them when all is
            well.
    """

    capabilities: frozenset[SinkCapability] = frozenset()
    bound: int = 1_000
    patience: float = 60.0

    # --- to be given ------------------------------------------------------------------------------------------------

    def open(self) -> Sink:
        """Open a sink for the target. The kit closes it."""
        self._missing("open", "Override it and return a sink.")

    def written(self) -> Sequence[Mapping[str, Any]]:
        """Return what the target holds, in order: the items of each record, as ``as_dict`` gives them."""
        self._missing("written", "Override it and read back what was written.")

    def opener(self) -> Callable[[], Sink]:
        """Return what a child process opens a sink for the same target with. Needed for ``EXITS`` and ``SHARED``.

        It is pickled, so it is a function of a module, or a `functools.partial` of one: no lambda, nothing local.
        """
        self._missing("opener", "Override it, or do not promise EXITS and SHARED.")

    def stick(self) -> None:
        """Have whoever writes to the target wait until `release`. Needed for ``STICKS``."""
        self._missing("stick", "Override it, or do not promise STICKS.")

    def release(self) -> None:
        """Let everybody write on. Needed for ``STICKS``; called at the end of a clause, too."""
        if SinkCapability.STICKS in self.capabilities:
            self._missing("release", "Override it, or do not promise STICKS.")

    def fail(self) -> None:
        """Have every attempt to write fail until `mend`. Needed for ``FAILS``."""
        self._missing("fail", "Override it, or do not promise FAILS.")

    def mend(self) -> None:
        """Let attempts to write succeed again. Needed for ``FAILS``."""
        self._missing("mend", "Override it, or do not promise FAILS.")

    def close(self) -> None:
        """Clear away what the world made. Called once, after all sinks are closed."""

    # --- for the kit ------------------------------------------------------------------------------------------------

    def sink(self) -> Sink:
        """Open a sink that is closed when the clause has ended.

        Raises:
            UsageError: What was opened lacks a method of the port.
        """
        sink: object = self.open()
        if not isinstance(sink, Sink):
            raise UsageError(
                "the sink lacks a method of the port",
                where=type(sink).__name__,
                cure="Give it put, flush and close, as smartify_core.requestlog.Sink has them.",
            )
        self._opened().append(sink)
        return sink

    def require(self, *capabilities: SinkCapability) -> None:
        """Skip the clause, by name, unless the sink promises all of these."""
        absent = [one.name for one in SinkCapability if one in capabilities and one not in self.capabilities]
        if absent:
            pytest.skip(f"{type(self).__name__} does not declare {' and '.join(absent)}")

    def check(self) -> None:
        """Raise `UsageError` unless what is promised is known, and all that it needs is given."""
        for capability in self.capabilities:
            if not isinstance(capability, SinkCapability):
                raise UsageError(
                    f"the kit knows no capability {capability!r}",
                    where=f"{type(self).__name__}.capabilities",
                    cure=f"It knows: {', '.join(one.name for one in SinkCapability)}.",
                )
            for hook in _HOOKS[capability]:
                if inspect.getattr_static(type(self), hook) is vars(SinkWorld)[hook]:
                    self._missing(hook, f"Override it, or do not promise {capability.name}.")

    def end(self) -> None:
        """Close every sink, and then the world."""
        try:
            self.release()
            for sink in self._opened():
                sink.close()
        finally:
            self._opened().clear()
            self.close()

    def _opened(self) -> list[Sink]:
        # Made when it is needed: a world need not call `super().__init__()`.
        opened: list[Sink] = self.__dict__.setdefault("_sinks", [])
        return opened

    def _missing(self, hook: str, cure: str) -> NoReturn:
        raise UsageError(f"the world does not give the hook {hook!r}", where=type(self).__name__, cure=cure)
