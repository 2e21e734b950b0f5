"""What the author of a key ring gives to the kit: how a ring is opened, what it promises, and what operators do."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import pytest

from smartify_core.errors import UsageError
from smartify_core.sealing import KeyRing, RotatingKeyRing


class KeyRingCapability(enum.Enum):
    """What a ring promises beyond the clauses that all must keep. Declared by the world, never detected."""

    #: What was wrapped opens when the ring is opened again.
    DURABLE = "durable"
    #: The ring is a `RotatingKeyRing`, and its keys can be rotated.
    ROTATES = "rotates"
    #: Old keys can be taken out.
    RETIRES = "retires"
    #: The keys of a tenant can be destroyed.
    FORGETS = "forgets"
    #: The ring asks something that can fail and come back, such as a KMS.
    INTERRUPTIBLE = "interruptible"


_HOOKS: Final[Mapping[KeyRingCapability, tuple[str, ...]]] = {
    KeyRingCapability.DURABLE: (),
    KeyRingCapability.ROTATES: ("rotate",),
    KeyRingCapability.RETIRES: ("rotate", "retire"),
    KeyRingCapability.FORGETS: ("forget",),
    KeyRingCapability.INTERRUPTIBLE: ("interrupt", "resume"),
}
_METHODS: Final = ("wrap", "unwrap", "fingerprint_key", "index_key")


class KeyRingWorld:
    """One fresh ring, for one clause: how it is opened, and what is done to it.

    Give ``open`` and ``stranger``, say in ``capabilities`` what the ring promises, and give the hooks that these
    promises need. A promise whose hook is missing is an error in every clause.

    Attributes:
        capabilities: What the ring promises.
    """

    capabilities: frozenset[KeyRingCapability] = frozenset()

    # --- to be given ------------------------------------------------------------------------------------------------

    def open(self) -> KeyRing:
        """Open the ring: another handle on the same keys at every call, where the ring has handles."""
        self._missing("open", "Override it and return a key ring.")

    def stranger(self) -> KeyRing:
        """Return another ring of the same kind, which has no key in common with this one."""
        self._missing("stranger", "Override it and return a ring with other keys.")

    def rotate(self, tenant: str) -> None:
        """Have the ring wrap under a new key for ``tenant`` from now on. Needed for ``ROTATES`` and ``RETIRES``."""
        self._missing("rotate", "Override it, or do not promise ROTATES and RETIRES.")

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        """Take out the key of this name, as an operator does. Needed for ``RETIRES``.

        ``uses`` tells how much is wrapped under a key of a name; hand it to your ring's way of retiring.
        """
        self._missing("retire", "Override it, or do not promise RETIRES.")

    def forget(self, tenant: str) -> None:
        """Destroy every key of ``tenant``. Needed for ``FORGETS``."""
        self._missing("forget", "Override it, or do not promise FORGETS.")

    def interrupt(self) -> None:
        """Take away what the ring asks, as an outage does. Needed for ``INTERRUPTIBLE``."""
        self._missing("interrupt", "Override it, or do not promise INTERRUPTIBLE.")

    def resume(self) -> None:
        """End the outage. Needed for ``INTERRUPTIBLE``."""
        self._missing("resume", "Override it, or do not promise INTERRUPTIBLE.")

    def close(self) -> None:
        """Clear away what the world made. Called once, at the end of a clause."""

    # --- for the kit ------------------------------------------------------------------------------------------------

    def ring(self) -> KeyRing:
        """Open a handle.

        Raises:
            UsageError: What was opened lacks a method of the port.
        """
        ring = self.open()
        for method in _METHODS:
            if not callable(getattr(ring, method, None)):
                raise UsageError(
                    f"the ring has no method {method!r}",
                    where=type(ring).__name__,
                    cure="Give it every method of smartify_core.sealing.KeyRing.",
                )
        return ring

    def rotating(self) -> RotatingKeyRing:
        """Open a handle that tells which key wrapped.

        Raises:
            UsageError: It does not.
        """
        ring = self.ring()
        if not isinstance(ring, RotatingKeyRing):
            raise UsageError(
                "the ring does not tell which key wrapped",
                where=type(ring).__name__,
                cure="Give it current_key and key_of, or do not promise ROTATES and RETIRES.",
            )
        return ring

    def require(self, *capabilities: KeyRingCapability) -> None:
        """Skip the clause, by name, unless the ring promises all of these."""
        absent = [one.name for one in KeyRingCapability if one in capabilities and one not in self.capabilities]
        if absent:
            pytest.skip(f"{type(self).__name__} does not declare {' and '.join(absent)}")

    def check(self) -> None:
        """Raise `UsageError` unless what is promised is known, and all that it needs is given."""
        for capability in self.capabilities:
            if not isinstance(capability, KeyRingCapability):
                raise UsageError(
                    f"the kit knows no capability {capability!r}",
                    where=f"{type(self).__name__}.capabilities",
                    cure=f"It knows: {', '.join(one.name for one in KeyRingCapability)}.",
                )
            for hook in _HOOKS[capability]:
                if inspect.getattr_static(type(self), hook) is vars(KeyRingWorld)[hook]:
                    self._missing(hook, f"Override it, or do not promise {capability.name}.")

    def _missing(self, hook: str, cure: str) -> NoReturn:
        raise UsageError(f"the world does not give the hook {hook!r}", where=type(self).__name__, cure=cure)
