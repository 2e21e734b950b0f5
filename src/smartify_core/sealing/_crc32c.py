"""CRC-32C (Castagnoli, RFC 3720 appendix B.4): what Google's KMS checks that nothing was damaged on the way with."""

from __future__ import annotations

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
_ALL: Final = 0xFFFFFFFF


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(map(_row, range(256)))


def crc32c(content: bytes) -> int:
    """Return the checksum. For small contents: a byte takes about a tenth of a microsecond."""
    value = _ALL
    for byte in content:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ _ALL
