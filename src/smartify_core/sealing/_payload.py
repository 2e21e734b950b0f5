"""The personal fields as bytes, before they are sealed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import Group, Membership, MembershipPath, PersonalFields

_VERSION: Final = 1
#: Sealed lengths come in steps of this many bytes, so that a length says little about a name.
_STEP: Final = 64
#: Memberships that are at hand at most, about 400 bytes each.
_MEMBERSHIPS_AT_HAND: Final = 1 << 9
#: A group's id, address and name, and the path.
_Key = tuple[str, str, str, str]

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


def decode(content: bytes, *, where: str, at_hand: dict[_Key, Membership] | None = None) -> PersonalFields:
    """Return the fields in ``content``, which was opened and is therefore as somebody with the key wrote it.

    Args:
        content: What `encode` returned.
        where: What an error names.
        at_hand: Memberships that were met before. All who are opened with it share one value for each.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is not in this format.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        version = document.pop("v")
        if version == _VERSION:
            return _fields(document, {} if at_hand is None else at_hand)
        newer = isinstance(version, int) and version > _VERSION
    # Whatever reading it raises, its message may quote the fields.
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


# By hand, and each membership once: a converter takes four times as long, and whatever changes is opened first.
def _fields(document: dict[str, Any], at_hand: dict[_Key, Membership]) -> PersonalFields:
    texts = document.pop("email"), document.pop("given_name"), document.pop("family_name")
    memberships: list[Membership] = []
    for entry in document.pop("memberships"):
        group, path = entry.pop("group"), entry.pop("path")
        key = group.pop("id"), group.pop("email"), group.pop("name"), path
        if group or entry:
            raise ValueError
        membership = at_hand.get(key)
        if membership is None:
            _require_texts(key)
            if len(at_hand) >= _MEMBERSHIPS_AT_HAND:
                at_hand.clear()
            membership = at_hand[key] = Membership(Group(*key[:3]), MembershipPath(path))
        memberships.append(membership)
    if document:
        raise ValueError
    _require_texts(texts)
    return PersonalFields(*texts, tuple(memberships))


def _require_texts(values: tuple[object, ...]) -> None:
    if {*map(type, values)} != {str}:
        raise TypeError
