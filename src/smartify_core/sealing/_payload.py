"""The personal fields as bytes, before they are sealed."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import PersonalFields

if TYPE_CHECKING:
    from cattrs import Converter

_VERSION: Final = 1
#: Sealed lengths come in steps of this many bytes, so that a length says little about a name.
_STEP: Final = 64


def encode(fields: PersonalFields) -> bytes:
    """Return ``fields`` as compact JSON with its format version, padded with blanks to a multiple of 64 bytes."""
    document = {"v": _VERSION, **_converter().unstructure(fields)}
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    return content.ljust(-(-len(content) // _STEP) * _STEP)


def decode(content: bytes, *, where: str) -> PersonalFields:
    """Return the fields in ``content``, which was opened and is therefore as somebody with the key wrote it.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is not in this format.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        version = document.pop("v")
        if version == _VERSION:
            return _converter().structure(document, PersonalFields)
        newer = isinstance(version, int) and version > _VERSION
    # Whatever a structuring error is called, its message may quote the fields.
    except Exception:  # noqa: BLE001
        newer = False
    if newer:
        raise NewerSchema(
            f"a sealed account has format {version}; this version of the library knows {_VERSION}",
            where=where,
            cure="Upgrade smartify-core.",
        ) from None
    raise SealBroken(
        "an opened account is not in a format of this library", where=where, cure="Restore the account from a backup."
    ) from None


@cache
def _converter() -> Converter:
    # Imported at first use: it takes a third of the time that importing the whole engine may take, and only sealing and
    # opening need it.
    from cattrs import Converter  # noqa: PLC0415

    return Converter(forbid_extra_keys=True, detailed_validation=False)
