"""What the author of a storage backend gives to the kit: how a store is opened, its promises and its back doors."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import pytest

from smartify_core.errors import UsageError
from smartify_core.storage import Storage


class StorageCapability(enum.Enum):
    """What a backend promises beyond the clauses that all must keep. Declared by the world, never detected.

    A promise is held to its clauses. What is not promised is skipped, and the skip names the promise.
    """

    #: What was committed is there when the store is opened again.
    DURABLE = "durable"
    #: Several processes may hold the same store open at once.
    MULTI_PROCESS = "multi-process"
    #: What is erased leaves no byte in what the store keeps outside the process.
    ERASES_BYTES = "erases-bytes"
    #: The store is reached through something that can fail and come back, such as a server.
    INTERRUPTIBLE = "interruptible"
    #: The store knows which version of its schema it has.
    VERSIONED = "versioned"


_HOOKS: Final[Mapping[StorageCapability, tuple[str, ...]]] = {
    StorageCapability.DURABLE: (),
    StorageCapability.MULTI_PROCESS: ("opener",),
    StorageCapability.ERASES_BYTES: ("content",),
    StorageCapability.INTERRUPTIBLE: ("interrupt", "resume"),
    StorageCapability.VERSIONED: ("pretend_newer",),
}
#: What the port asks for, by name.
METHODS: Final = tuple(
    name
    for name, member in vars(Storage).items()
    if inspect.isfunction(member) and (not name.startswith("_") or name in {"__enter__", "__exit__"})
)


class StorageWorld:
    """One empty store, for one clause: how it is opened, and what can be done to it behind its back.

    Give ``open``, say in ``capabilities`` what the backend promises, and give the hooks that these promises need. A
    promise whose hook is missing is an error in every clause: nothing is left out because a name was misspelt.

    Attributes:
        capabilities: What the backend promises.
    """

    capabilities: frozenset[StorageCapability] = frozenset()

    # --- to be given ------------------------------------------------------------------------------------------------

    def open(self) -> Storage:
        """Open the store: another handle on the same store at every call, where the backend has handles.

        A store that lives in the process and has but one handle returns it each time. The kit closes what it opened.
        """
        self._missing("open", "Override it and return a storage.")

    def opener(self) -> Callable[[], Storage]:
        """Return what a child process opens the same store with. Needed for ``MULTI_PROCESS``.

        It is pickled, so it is a function of a module, or a `functools.partial` of one: no lambda, nothing local.
        """
        self._missing("opener", "Override it, or do not promise MULTI_PROCESS.")

    def content(self) -> bytes:
        """Return every byte that the store keeps outside the process, as somebody who takes the disk would find them.

        Needed for ``ERASES_BYTES``. A server writes its files at a checkpoint: make one first.
        """
        self._missing("content", "Override it, or do not promise ERASES_BYTES.")

    def interrupt(self) -> None:
        """Take away what the store is reached through, as an outage does. Needed for ``INTERRUPTIBLE``."""
        self._missing("interrupt", "Override it, or do not promise INTERRUPTIBLE.")

    def resume(self) -> None:
        """End the outage and return when the store can be reached again. Needed for ``INTERRUPTIBLE``."""
        self._missing("resume", "Override it, or do not promise INTERRUPTIBLE.")

    def pretend_newer(self) -> None:
        """Make the store look as if a newer version of the backend had migrated it. Needed for ``VERSIONED``."""
        self._missing("pretend_newer", "Override it, or do not promise VERSIONED.")

    def close(self) -> None:
        """Clear away what the world made. Called once, after all handles are closed."""

    # --- for the kit ------------------------------------------------------------------------------------------------

    def handle(self) -> Storage:
        """Open a handle that is closed when the clause has ended.

        Raises:
            UsageError: What was opened lacks a method of the port.
        """
        storage: Storage = self.open()
        for method in METHODS:
            if not callable(getattr(storage, method, None)):
                raise UsageError(
                    f"the storage has no method {method!r}",
                    where=type(storage).__name__,
                    cure="Give it every method of smartify_core.storage.Storage.",
                )
        self._opened().append(storage)
        return storage

    def require(self, *capabilities: StorageCapability) -> None:
        """Skip the clause, by name, unless the backend promises all of these."""
        absent = [one.name for one in StorageCapability if one in capabilities and one not in self.capabilities]
        if absent:
            pytest.skip(f"{type(self).__name__} does not declare {' and '.join(absent)}")

    def check(self) -> None:
        """Raise `UsageError` unless what is promised is known, and all that it needs is given."""
        for capability in self.capabilities:
            if not isinstance(capability, StorageCapability):
                raise UsageError(
                    f"the kit knows no capability {capability!r}",
                    where=f"{type(self).__name__}.capabilities",
                    cure=f"It knows: {', '.join(one.name for one in StorageCapability)}.",
                )
            for hook in _HOOKS[capability]:
                if getattr(type(self), hook) is vars(StorageWorld)[hook]:
                    self._missing(hook, f"Override it, or do not promise {capability.name}.")

    def end(self) -> None:
        """Close every handle, and then the world."""
        try:
            for storage in self._opened():
                storage.close()
        finally:
            self._opened().clear()
            self.close()

    def _opened(self) -> list[Storage]:
        # Made when it is needed: a world need not call `super().__init__()`.
        opened: list[Storage] = self.__dict__.setdefault("_handles", [])
        return opened

    def _missing(self, hook: str, cure: str) -> NoReturn:
        raise UsageError(f"the world does not give the hook {hook!r}", where=type(self).__name__, cure=cure)
