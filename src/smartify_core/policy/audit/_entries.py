"""What an entry of the audit trail is: a record, where it stands, and its one form as bytes. Pure.

The bytes are JSON in the canonical form of RFC 8785, so that whoever writes the same entry gets the same hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from smartify_core.errors import RecordInvalid

#: What a fact may be: an id, a code, a count, an instant as text, base64 of something sealed, or several texts.
Fact: TypeAlias = str | int | bool | tuple[str, ...] | None

#: The kind of the one entry that may bear an earlier instant than the one before it: see `Trail.reset_clock`.
CLOCK_RESET: Final = "clock.reset"
#: The most bytes that an entry has.
LONGEST_ENTRY: Final = 65_536
#: What an entry has beside the pieces of its record, at most: an instant, three numbers and a writer.
_BESIDE: Final = 150
#: The largest whole number that every reader of JSON takes as it is (RFC 8785, appendix D).
LARGEST_NUMBER: Final = 2**53 - 1
_FORMAT: Final = 1
_FIELDS: Final = ["actor", "at", "facts", "kind", "of_tenant", "place", "subjects", "tenant", "v", "writer"]
_kind_like = re.compile(r"[a-z][a-z0-9_-]{0,63}(\.[a-z][a-z0-9_-]{0,63}){0,7}").fullmatch
_name_like = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch
_writer_like = re.compile(r"[0-9a-f]{8}").fullmatch
_instant_like = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII).fullmatch


def _facts(given: Mapping[str, Any]) -> Mapping[str, Fact]:
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in sorted(given.items(), key=lambda item: str(item[0]))
    }


def _ids(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise _refused("the subjects of a record are one text, not several", "Give them as a tuple.")
    return tuple(given)


@frozen(order=False)
class AuditRecord:
    """Something that happened, to be kept in the audit trail.

    It holds ids, codes and counts, and never a name or an address: it is kept for good, and customers are handed it.

    Args:
        kind: What happened, in lower-case words with dots: ``access.granted``.
        at: When, aware and in UTC.
        tenant: The tenant whose people it concerns; ``None`` for what is the vendor's own affair.
        actor: The id of the employee, the service or the process that did it.
        subjects: The ids of the accounts that it is about.
        facts: What else is to be known. Names are lower-case words with underscores; a value is a text, a whole number
            of at most 53 bits, a truth value, nothing, or several texts.

    Raises:
        RecordInvalid: A value cannot stand in the trail.
    """

    kind: str
    at: datetime
    tenant: str | None = None
    actor: str | None = None
    subjects: tuple[str, ...] = field(default=(), converter=_ids)
    facts: Mapping[str, Fact] = field(factory=dict, converter=_facts, hash=False)

    def __attrs_post_init__(self) -> None:
        texts: tuple[object, ...] = (self.kind, self.tenant, self.actor, *self.subjects)  # types are no promise
        if not isinstance(texts[0], str) or _kind_like(texts[0]) is None:
            raise _refused("the kind of a record is lower-case words with dots", "Name it as access.granted.")
        if self.at.tzinfo is None:
            raise _refused("the instant of a record has no time zone", "Pass an aware time in UTC.", self.kind)
        for number, text in enumerate(texts):
            named = text is not None or number not in {1, 2}
            if named and not (isinstance(text, str) and text and _is_text(text)):
                raise _refused("an id in a record is no text", "Give each id as text.", self.kind)
        for name, value in self.facts.items():
            if _name_like(str(name)) is None:
                raise _refused(
                    "the name of a fact is lower-case words with underscores", "Name it as grant_id.", self.kind
                )
            if not _is_fact(value):
                raise _refused(
                    f"the fact {name} is neither a text, a whole number of 53 bits, a truth value, nothing, nor texts",
                    "Write an instant or a fraction as text.",
                    self.kind,
                )


@frozen(order=False)
class AuditEntry:
    """A record where it stands in the trail.

    Args:
        place: Its place in the trail, counted from 0.
        record: What happened. Its instant is never before that of the entry in front of it.
        number: The how-manieth entry of its tenant it is, counted from 1; ``None`` where no tenant is concerned.
        previous: The place of the tenant's entry before it; ``None`` for the first one.
        writer: Which open trail wrote it: eight hexadecimal digits that were drawn when it was opened.
    """

    place: int
    record: AuditRecord
    number: int | None
    previous: int | None
    writer: str

    @property
    def content(self) -> bytes:
        """The bytes of the entry: what the tree is made over."""
        record = self.record
        return written(
            pieces_of(record),
            at=record.at,
            place=self.place,
            number=self.number,
            previous=self.previous,
            writer=self.writer,
        )

    @classmethod
    def of_content(cls, content: bytes) -> AuditEntry:
        """Return the entry that these bytes are.

        Raises:
            RecordInvalid: They are none, or not in the one form that an entry has.
        """
        try:
            entry = _entry(json.loads(content.decode()))
            if len(content) <= LONGEST_ENTRY and entry.content == content:
                return entry
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            pass
        raise _refused("these bytes are no entry of an audit trail", "Verify the trail.")


def pieces_of(record: AuditRecord) -> tuple[str, str, str]:
    """Return the text of an entry as far as its record makes it: what is around the instant and the numbers.

    Raises:
        RecordInvalid: The entry would be longer than one may be.
    """
    facts = ",".join([f'"{name}":{_written(value)}' for name, value in record.facts.items()])
    pieces = (
        f'{{"actor":{_written(record.actor)},"at":"',
        f'","facts":{{{facts}}},"kind":"{record.kind}","of_tenant":',
        f',"subjects":{_written(record.subjects)},"tenant":{_written(record.tenant)},"v":{_FORMAT},"writer":"',
    )
    if _BESIDE + sum(len(one.encode()) for one in pieces) > LONGEST_ENTRY:
        raise _refused(f"a record is longer than {LONGEST_ENTRY:,} bytes", "Split it, or keep less of it.", record.kind)
    return pieces


def written(
    pieces: tuple[str, str, str], *, at: datetime, place: int, number: int | None, previous: int | None, writer: str
) -> bytes:
    """Return the bytes of an entry: the pieces of its record, and where it stands."""
    before, middle, after = pieces
    of_tenant = "null"
    if number is not None:
        of_tenant = f'{{"number":{number},"previous":{"null" if previous is None else previous}}}'
    return f'{before}{instant(at)}{middle}{of_tenant},"place":{place}{after}{writer}"}}'.encode()


def instant(at: datetime) -> str:
    """Return an instant as entries have it: in UTC, with microseconds."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


def instant_of(text: object) -> datetime:
    """Return the instant of a text that `instant` wrote.

    Raises:
        ValueError: It is not one.
    """
    if not isinstance(text, str) or _instant_like(text) is None:
        raise ValueError
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_number(value: object) -> bool:
    """Return whether something is a whole number that may stand in an entry as a place or a count."""
    return type(value) is int and 0 <= value <= LARGEST_NUMBER


def _entry(held: dict[str, Any]) -> AuditEntry:
    if list(held) != _FIELDS or type(held["v"]) is not int or not is_number(held["place"]):
        raise ValueError
    number = previous = None
    if (of_tenant := held["of_tenant"]) is not None:
        number, previous = of_tenant["number"], of_tenant["previous"]
        if not is_number(number) or not (previous is None or is_number(previous)):
            raise ValueError
    writer = held["writer"]
    if not isinstance(writer, str) or _writer_like(writer) is None or (number is None) != (held["tenant"] is None):
        raise ValueError
    record = AuditRecord(
        kind=held["kind"],
        at=instant_of(held["at"]),
        tenant=held["tenant"],
        actor=held["actor"],
        subjects=held["subjects"],
        facts=held["facts"],
    )
    return AuditEntry(held["place"], record, number, previous, writer)


def _written(value: Fact) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{','.join(map(_quoted, value))}]"
    return str(value).lower()  # a number, True or False


def _is_fact(value: object) -> bool:
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, tuple):
        return all(isinstance(one, str) and _is_text(one) for one in value)
    return value is None or type(value) is bool or (type(value) is int and abs(value) <= LARGEST_NUMBER)


def _is_text(text: str) -> bool:
    """Return whether a text has a form in UTF-8: half a surrogate pair has none."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(what: str, cure: str, kind: str | None = None) -> RecordInvalid:
    return RecordInvalid(what, where="AuditRecord" if kind is None else f"a record of kind {kind}", cure=cure)
