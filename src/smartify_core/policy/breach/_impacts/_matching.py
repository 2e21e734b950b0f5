"""Reading entries of the audit trail by their bytes: most of them are looked at and never parsed. Pure.

An entry is JSON in the canonical form of RFC 8785: its fields come in one order and without blanks, and a quotation
mark inside of a text is always escaped. So what is looked for here cannot stand inside of a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Final, TypeAlias

from smartify_core.policy._vocabulary import ACCOUNT_FIELDS, PersonalField
from smartify_core.policy.audit._entries import AuditEntry

#: An entry's actor, instant, facts, kind, subjects, tenant and writer, as they stand there.
Parts: TypeAlias = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]

#: What stands where nobody, or no tenant, is named.
NOBODY: Final = b"null"

_BITS: Final = {one.value: 1 << number for number, one in enumerate(PersonalField)}
#: All fields: what is not known may be any.
EVERY_FIELD: Final = (1 << len(_BITS)) - 1
#: What a directory tells of a person.
FIELDS_OF_ACCOUNTS: Final = sum(_BITS[one.value] for one in ACCOUNT_FIELDS)
#: What was said to a person.
COMMUNICATION: Final = _BITS[PersonalField.COMMUNICATION.value]
_FIELDS: Final = b'"fields":['
#: How many bytes an instant has, and the end of an entry behind its tenant: with ``"v":1`` and the writer.
_INSTANT: Final = 27
_END: Final = b',"v":1,"writer":"'
_ENDING: Final = len(_END) + 10
#: Before and after every instant that an entry has.
EARLIEST: Final = b"0"
LATEST: Final = b"~"


#: An entry as nearly all of them are: no backslash in an id, and no brace within its facts.
plain_entry: Final = re.compile(
    rb'\{"actor":("[^"\\]*"|null),"at":"([^"]{27})","facts":\{([^}]*)\},"kind":"([^"]*)","of_tenant":'
    rb'(?:null|\{[^}]*\}),"place":[0-9]+,"subjects":\[([^\]\\]*)\],"tenant":("[^"\\]*"|null),"v":1,"writer":"'
    rb'([^"]{8})"\}'
).fullmatch


def parts_of(content: bytes) -> Parts:
    """Return the parts of an entry: actor, instant, facts, kind, subjects, tenant, writer. Texts keep their marks.

    Each part is found by what stands around it, from the one end or the other: inside of a text none of these marks
    would stand without a backslash, and between texts they stand where they do in no other place. Facts are neither
    objects nor lists of lists; they may have the names that fields have, and so the kind is looked for with the brace
    before it, and the tenant from the end.

    Raises:
        ValueError: It is no entry of this format.
    """
    plain = plain_entry(content)
    return _parts_of_any(content) if plain is None else plain.groups()  # type: ignore[return-value] # seven groups


def _parts_of_any(content: bytes) -> Parts:
    """Return the parts of an entry that holds anything. Raises what `parts_of` does."""
    at = content.index(b',"at":"') + 7
    facts = at + _INSTANT + 11
    kind = content.index(b'},"kind":"', facts - 1) + 10
    kind_ends = content.index(b'"', kind)
    subjects = content.index(b',"subjects":[', kind_ends) + 13
    tenant = content.rindex(b'],"tenant":', subjects) + 11
    if (
        content[facts - 11 : facts] != b'","facts":{'
        or content[-_ENDING:-10] != _END
        or not content.startswith(b'{"actor":')
    ):
        raise ValueError
    return (
        content[9 : at - 7],
        content[at : at + _INSTANT],
        content[facts : kind - 10],
        content[kind:kind_ends],
        content[subjects : tenant - 11],
        content[tenant:-_ENDING],
        content[-10:-2],
    )


def raw(text: str) -> bytes:
    """Return a text as it stands in an entry, with its quotation marks."""
    return _quoted(text).encode()


def text_of(part: bytes) -> str:
    """Return the text that a part of an entry stands for."""
    if part[:1] == b'"' and b"\\" not in part:
        return part[1:-1].decode()
    found = json.loads(part)
    if not isinstance(found, str):
        raise TypeError
    return found


def instant_text(at: datetime) -> bytes:
    """Return an instant as entries have it: their order as bytes is their order in time."""
    return (at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z").encode()


def instant_of(part: bytes) -> datetime:
    """Return the instant of a part of an entry."""
    return datetime.fromisoformat(part.decode())


def fact(facts: bytes, name: bytes) -> bytes | None:
    """Return a fact that is a text, with its quotation marks; ``None`` where there is none, or it is no text.

    Args:
        facts: The part of the entry.
        name: The fact's name as it stands there: ``b'"grant":"'``.
    """
    start = facts.find(name)
    if start < 0:
        return None
    start += len(name) - 1
    end = facts.find(b'"', start + 1)
    while facts[end - 1 : end] == b"\\" and _is_escaped(facts, end):
        end = facts.find(b'"', end + 1)
    return facts[start : end + 1]


def _is_escaped(facts: bytes, place: int) -> bool:
    """Return whether the quotation mark at a place belongs to the text: an odd number of backslashes stands before."""
    before = facts[:place]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def fields_in(facts: bytes) -> int:
    """Return which fields an entry names, as bits; all of them where it names one that is not known."""
    start = facts.find(_FIELDS)
    if start < 0:
        return 0
    return bits_of(_names(facts[start + len(_FIELDS) : facts.find(b"]", start)]))


def _names(listed: bytes) -> Iterable[str]:
    try:
        return [one for one in json.loads(b"[" + listed + b"]") if isinstance(one, str)]
    except ValueError:
        return ["unknown"]  # a name that has a bracket in it is none of ours


def bits_of(names: Iterable[str]) -> int:
    """Return fields as bits; a name that is not known stands for all of them."""
    found = 0
    for one in names:
        found |= _BITS.get(one, EVERY_FIELD)
    return found


@lru_cache(1024)
def names_of(bits: int) -> tuple[str, ...]:
    """Return the names of the fields that some bits stand for, in order."""
    return tuple(sorted(name for name, bit in _BITS.items() if bits & bit))


def subjects_in(listed: bytes) -> list[bytes]:
    """Return the accounts of an entry, each with its quotation marks."""
    if not listed:
        return []
    if b"\\" in listed:
        return [raw(one) for one in json.loads(b"[" + listed + b"]")]
    if b"," not in listed:
        return [listed]
    return [b'"' + one + b'"' for one in listed[1:-1].split(b'","')]


def entry_of(content: bytes) -> AuditEntry:
    """Return an entry, parsed whole. Raises `RecordInvalid` for what is none."""
    return AuditEntry.of_content(content)
