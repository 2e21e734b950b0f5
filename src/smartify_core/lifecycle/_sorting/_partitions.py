"""The fingerprints of one side of a comparison, cut into parts by their first bits, in memory that does not grow."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from ._columns import FINGERPRINT_BYTES, fingerprints_in
from ._scratch import Scratch

_BYTE: Final = 1 << 8


class Partitions:
    """Add everything, close it, and iterate over it: each part is the list of the fingerprints with one prefix.

    Args:
        scratch: What takes the parts.
        number: How many parts there are: a power of two, at most 2^16.
        in_partition: Four times as many fingerprints are held before their parts are written.
    """

    def __init__(self, scratch: Scratch, number: int, in_partition: int) -> None:
        self._scratch = scratch
        self._at_once = 4 * in_partition
        self._held = 0
        self._parts: list[list[bytes]] = [[] for _ in range(number)]
        self._places = [array("Q") for _ in range(number)]
        # Where a fingerprint goes, by its first byte, or its first two where one does not tell the parts apart. Both
        # sides of a comparison take the bytes in the same order, whichever that is.
        self._wide = number > _BYTE
        appends = [part.append for part in self._parts]
        self._append = appends * ((_BYTE**2 if self._wide else _BYTE) // number)

    def add(self, whole: bytes) -> None:
        """Take some fingerprints, joined."""
        prefixes: Sequence[int]
        if self._wide:
            prefixes = memoryview(whole).cast("H")[:: FINGERPRINT_BYTES // 2].tolist()
        else:
            prefixes = whole[::FINGERPRINT_BYTES]
        append = self._append
        for prefix, fingerprint in zip(prefixes, fingerprints_in(whole), strict=True):
            append[prefix](fingerprint)
        self._held += len(prefixes)
        if self._held >= self._at_once:
            self._write()

    def close(self) -> None:
        """Hold nothing any longer."""
        self._write()
        self._append.clear()

    def __iter__(self) -> Iterator[list[bytes]]:
        for places in self._places:
            yield fingerprints_in(b"".join(map(self._scratch.get, places)))

    def _write(self) -> None:
        for part, places in zip(self._parts, self._places, strict=True):
            if part:
                places.append(self._scratch.put(b"".join(part), weight=len(part)))
                part.clear()
        self._held = 0
