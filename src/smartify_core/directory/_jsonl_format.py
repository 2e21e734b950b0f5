"""The lines of a directory file, one by one: bytes in, values out. Pure. The format: ``docs/reference/jsonl.md``."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from smartify_core.model import Group, Identity, InactiveReason

from ._address import is_address
from ._name_part import name_part

#: The keys of each kind of line; the first set must be there.
_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # An identity without an email is one bad record, not a broken file: it is looked at later.
    "identity": (
        frozenset({"id"}),
        frozenset({"email", "given_name", "family_name", "suspended", "archived"}),
    ),
    "group": (frozenset({"id", "email"}), frozenset({"name", "members", "everyone"})),
    "deleted": (frozenset({"id"}), frozenset()),
    "end": (frozenset({"identities", "groups"}), frozenset()),
}


class BrokenLineError(Exception):
    """Internal: a line that is not in the format. The text says why and quotes nothing. Never leaves the adapter."""


@frozen(order=False)
class IdentityLine:
    """A person; ``identity`` is ``None`` when the record cannot be used, and ``problem`` says why."""

    source_id: str
    identity: Identity | None
    problem: str | None = None


@frozen(order=False)
class GroupLine:
    """A group with the ids of its direct members, people and groups alike."""

    group: Group
    members: tuple[str, ...]
    everyone: bool


@frozen(order=False)
class DeletedLine:
    """A person who was deleted."""

    source_id: str


@frozen(order=False)
class EndLine:
    """The last line: how many identity and group lines come before it."""

    identities: int
    groups: int


Line = IdentityLine | GroupLine | DeletedLine | EndLine


def read_line(raw: bytes) -> Line:
    """Return what a line says. White space around it does not matter.

    Raises:
        BrokenLineError: The line is not in the format.
    """
    record = _record(raw)
    kind = record.pop("kind", None)
    if type(kind) is not str or kind not in _KEYS:
        raise BrokenLineError("has no kind that is known")
    required, optional = _KEYS[kind]
    if not required <= record.keys():
        raise BrokenLineError(f"is a line of kind {kind} and lacks {_first(required - record.keys())!r}")
    if not record.keys() <= required | optional:
        raise BrokenLineError(f"is a line of kind {kind} with a key that is unknown")
    if kind == "identity":
        return _identity(record)
    if kind == "group":
        return _group(record)
    if kind == "deleted":
        return DeletedLine(_id(record["id"]))
    return EndLine(_count(record["identities"]), _count(record["groups"]))


def _record(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise BrokenLineError("is not UTF-8") from None
    try:
        record = _decode(text)
    except (ValueError, RecursionError):
        raise BrokenLineError("is not JSON") from None
    if type(record) is not dict:
        raise BrokenLineError("is not a JSON object")
    return record


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise BrokenLineError("has the same key twice")
    return record


#: One decoder for all lines: making one costs as much as reading a short line.
_decode = json.JSONDecoder(object_pairs_hook=_unambiguous).decode


def _identity(record: dict[str, Any]) -> IdentityLine:
    source_id = _id(record["id"])
    given_name, family_name = _name(record, "given_name"), _name(record, "family_name")
    suspended, archived = _flag(record, "suspended"), _flag(record, "archived")
    reason = None
    if suspended or archived:
        reason = InactiveReason.SUSPENDED if suspended else InactiveReason.ARCHIVED
    email = record.get("email")
    if type(email) is not str or not is_address(email):
        problem = "email is missing" if email is None else "email is not an email address"
        return IdentityLine(source_id, None, problem)
    if not (_is_unicode(given_name) and _is_unicode(family_name)):
        return IdentityLine(source_id, None, "a name part is not valid Unicode")
    return IdentityLine(source_id, Identity(source_id, email, name_part(given_name), name_part(family_name), reason))


def _group(record: dict[str, Any]) -> GroupLine:
    group_id, email, name = _id(record["id"]), record["email"], _name(record, "name")
    if type(email) is not str or not is_address(email):
        raise BrokenLineError("is a group whose 'email' is not an email address")
    if not _is_unicode(name):
        raise BrokenLineError("is a group whose 'name' is not valid Unicode")
    members = record.get("members", [])
    if type(members) is not list:
        raise BrokenLineError("is a group whose 'members' is not a list")
    return GroupLine(Group(group_id, email, name), tuple(map(_id, members)), _flag(record, "everyone"))


def _id(value: object) -> str:
    """Return an id: text that is not empty, prints, and holds no space; no address, as ids are kept in the open."""
    if type(value) is not str or not value or not value.isprintable() or " " in value:
        raise BrokenLineError("has an id that is not a text of visible characters")
    if "@" in value:
        raise BrokenLineError("has an address where an id belongs; give ids that say nothing about people or groups")
    return value


def _name(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        raise BrokenLineError(f"has a {key!r} that is not a text")
    return value


def _flag(record: dict[str, Any], key: str) -> bool:
    value = record.get(key, False)
    if type(value) is not bool:
        raise BrokenLineError(f"has a {key!r} that is neither true nor false")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise BrokenLineError("is an end line whose counts are not whole numbers")
    return value


def _is_unicode(text: str) -> bool:
    """Return whether ``text`` can be written as UTF-8: JSON can spell lone surrogates, which nothing can store."""
    return text.isprintable() or not any("\ud800" <= character <= "\udfff" for character in text)


def _first(keys: frozenset[str]) -> str:
    return min(keys)
