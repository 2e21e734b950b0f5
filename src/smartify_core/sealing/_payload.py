"""The personal fields as bytes, before they are sealed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import Membership, MembershipPath, PersonalFields

if TYPE_CHECKING:
    from cattrs import Converter

_VERSION: Final = 1
#: Sealed lengths come in steps of this many bytes, so that a length says little about a name.
_STEP: Final = 64


#: Texts as JSON in ASCII. Payloads are built around this by hand: a converter takes four times as long, and sealing is
#: what bounds a first load.
_text: Final = encode_basestring_ascii
_PATHS: Final = {path: _text(path.value) for path in MembershipPath}


def encode(fields: PersonalFields) -> bytes:
    """Return ``fields`` as compact JSON with its format version, padded with blanks to a multiple of 64 bytes."""
    memberships = map(encode_membership, fields.memberships)
    return encode_parts(fields.email, fields.given_name, fields.family_name, memberships)


def encode_parts(email: str, given_name: str, family_name: str, memberships: Iterable[str]) -> bytes:
    """Return the bytes that `encode` returns, with memberships that `encode_membership` encoded before."""
    content = (
        f'{{"v":{_VERSION},"email":{_text(email)},"given_name":{_text(given_name)},"family_name":{_text(family_name)}'
        f',"memberships":[{",".join(memberships)}]}}'
    ).encode("ascii")
    return content.ljust(-(-len(content) // _STEP) * _STEP)


def encode_membership(membership: Membership) -> str:
    """Return one membership as JSON, as a payload holds it."""
    group = membership.group
    return (
        f'{{"group":{{"id":{_text(group.id)},"email":{_text(group.email)},"name":{_text(group.name)}}}'
        f',"path":{_PATHS[membership.path]}}}'
    )


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
    except Exception:  # noqa: BLE001 - its message may quote the fields, whatever it is called
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
    # Imported at first use: it takes a third of the time that importing the whole engine may take, and only
    # opening needs it.
    from cattrs import Converter  # noqa: PLC0415 - a third of what importing the engine may take

    return Converter(forbid_extra_keys=True, detailed_validation=False)
