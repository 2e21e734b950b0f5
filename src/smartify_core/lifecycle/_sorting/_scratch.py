"""A place for what a run cannot keep in memory: a file without a name, whose content nobody else can read."""

from __future__ import annotations

import marshal
import os
import tempfile
from array import array
from typing import Any, BinaryIO, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import StorageUnavailable

_NONCE_BYTES: Final = 12


class Scratch:
    """Holds plain values (texts, bytes, numbers, and tuples and lists of them), each put once and read at will.

    The first ones stay in memory, the rest go to a temporary file that no folder lists. Personal data never lie in the
    open there: each value is encrypted (AES-256-GCM) under a key that lives and dies with this object, and under a
    nonce that is its number, so that none is used twice.

    Args:
        in_memory: How much weight stays in memory, in the unit of `put`.
    """

    def __init__(self, in_memory: int) -> None:
        self._room = in_memory
        self._values: list[Any] = []
        self._file: BinaryIO | None = None
        #: Where each value in the file begins, and at the end where the next one will.
        self._offsets = array("Q", [0])
        self._cipher = AESGCM(os.urandom(32))

    def put(self, value: Any, *, weight: int | None = None) -> int:  # noqa: ANN401 - whatever `marshal` takes
        """Keep ``value`` and return its place. Without a weight it goes to the file.

        Raises:
            StorageUnavailable: The temporary folder cannot take it.
        """
        # Once there is a file everything goes there, so that places in memory come first.
        if weight is not None and weight <= self._room and self._file is None:
            self._room -= weight
            self._values.append(value)
            return len(self._values) - 1
        start = self._offsets[-1]
        sealed = self._cipher.encrypt(self._nonce(start), marshal.dumps(value), None)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="smartify-", buffering=0)  # noqa: SIM115 - lives until `close`
            self._file.seek(start)
            written = 0
            while written < len(sealed):
                written += self._file.write(memoryview(sealed)[written:])
        except OSError as error:
            _refuse(error)
        self._offsets.append(start + len(sealed))
        return len(self._values) + len(self._offsets) - 2

    def get(self, place: int) -> Any:  # noqa: ANN401 - whatever was put there
        """Return the value at ``place``.

        Raises:
            StorageUnavailable: The temporary file cannot be read, or somebody wrote to it.
        """
        number = place - len(self._values)
        if number < 0:
            return self._values[place]
        start, end = self._offsets[number], self._offsets[number + 1]
        try:
            assert self._file is not None  # noqa: S101 - tells the type checker what `put` has seen to
            self._file.seek(start)
            sealed = self._file.read(end - start)
            content = self._cipher.decrypt(self._nonce(start), sealed, None)
        except OSError as error:
            _refuse(error)
        except InvalidTag:
            raise StorageUnavailable(
                "a temporary file of the run was altered", cure="Find out what writes there, and run again."
            ) from None
        return marshal.loads(content)  # noqa: S302 - authenticated: only this object can have written it

    def close(self) -> None:
        """Let go of everything; the file is gone with it."""
        self._values = []
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _nonce(offset: int) -> bytes:
        return offset.to_bytes(_NONCE_BYTES, "big")


def _refuse(error: OSError) -> NoReturn:
    reason = os.strerror(error.errno) if error.errno else "unknown"
    raise StorageUnavailable(
        f"a temporary file of the run cannot be used: {reason}",
        cure="Make room in the temporary folder, or name another one (TMPDIR).",
    ) from None
