"""The worlds of our own key rings: in a file, in memory, and behind a KMS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests import _kms

from smartify_core.sealing import FileKeyRing, KeyRing
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing.conformance import KeyRingCapability, KeyRingWorld

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROTATES_AND_RETIRES = frozenset({KeyRingCapability.ROTATES, KeyRingCapability.RETIRES})


class FileWorld(KeyRingWorld):
    """A key file in a folder, which must be empty."""

    capabilities = ROTATES_AND_RETIRES | {KeyRingCapability.DURABLE}

    def __init__(self, folder: Path) -> None:
        self.path = folder / "smartify.keys"
        FileKeyRing.create(self.path)

    def open(self) -> KeyRing:
        return FileKeyRing(self.path)

    def stranger(self) -> KeyRing:
        return FileKeyRing.create(self.path.with_name("another.keys"))

    def rotate(self, tenant: str) -> None:
        FileKeyRing.rotate(self.path)

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        FileKeyRing.retire(self.path, key_id, uses=uses)


class MemoryWorld(KeyRingWorld):
    """Keys in this process."""

    capabilities = ROTATES_AND_RETIRES

    def __init__(self) -> None:
        self.keys = MemoryKeyRing()

    def open(self) -> KeyRing:
        return self.keys

    def stranger(self) -> KeyRing:
        return MemoryKeyRing()

    def rotate(self, tenant: str) -> None:
        self.keys.rotate()

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        self.keys.retire(key_id, uses=uses)


class GoogleKmsWorld(KeyRingWorld):
    """A key file that a KMS on this machine guards."""

    capabilities = frozenset(KeyRingCapability)

    def __init__(self, folder: Path) -> None:
        self.path = folder / "smartify.kms-keys"
        self.stack = ExitStack()
        self.kms = self.stack.enter_context(_kms.running())
        GoogleKmsKeyRing.create(_kms.KEY, self.path)

    def opened(self, path: Path) -> GoogleKmsKeyRing:
        """Open a ring whose clock stands still, and that tries again at once."""
        return GoogleKmsKeyRing(
            _kms.KEY, path, endpoint=self.kms.url, clock=lambda: NOON, timeout=30, pause=lambda _: None
        )

    def open(self) -> KeyRing:
        return self.opened(self.path)

    def stranger(self) -> KeyRing:
        path = self.path.with_name("another.kms-keys")
        GoogleKmsKeyRing.create(_kms.KEY, path)
        return self.opened(path)

    def rotate(self, tenant: str) -> None:
        self.opened(self.path).rotate(tenant)

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        self.opened(self.path).retire(tenant, key_id, uses=uses)

    def forget(self, tenant: str) -> None:
        self.opened(self.path).forget(tenant)

    def interrupt(self) -> None:
        self.kms.away = True

    def resume(self) -> None:
        self.kms.away = False

    def close(self) -> None:
        self.stack.close()
