"""A vendor as the register knows it, and what customers were told of it. Pure values, strictly checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from attrs import field, frozen

from smartify_core.errors import VendorInvalid
from smartify_core.policy._vocabulary import PROHIBITED, PersonalField, Purpose

from ._commitments import Commitment, Undertaking, in_utc

#: The most undertakings, and the most sub-vendors, that one vendor may have.
MOST: Final = 64
_LONGEST_NAME: Final = 200
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_One = TypeVar("_One", Purpose, PersonalField)


def is_vendor_id(text: object) -> bool:
    """Return whether ``text`` can be a vendor's id: lower-case letters, digits, and ``.``, ``_``, ``-`` after one."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _is_name(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and len(text) <= _LONGEST_NAME


def _utc(instant: datetime) -> datetime:
    return in_utc(instant, "vendor")


def _utc_or_none(instant: datetime | None) -> datetime | None:
    return None if instant is None else in_utc(instant, "vendor")


def _listed(values: Iterable[_One]) -> tuple[_One, ...]:
    """Return what is in a list once, by value, so that two registers that say the same are equal."""
    found = tuple(values)
    for one in found:
        if not isinstance(one, Purpose | PersonalField):
            raise VendorInvalid("that is no purpose or field", where="vendor", cure="Give members of the enumeration.")
    return tuple(sorted(set(found), key=lambda one: one.value))


def _purposes(values: Iterable[Purpose]) -> tuple[Purpose, ...]:
    return _listed(values)


def _fields(values: Iterable[PersonalField]) -> tuple[PersonalField, ...]:
    return _listed(values)


def _ids(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise VendorInvalid("sub_vendors is one text, not several ids", where="vendor", cure="Give a list of ids.")
    return tuple(sorted(set(values)))


def _undertakings(values: Iterable[Undertaking]) -> tuple[Undertaking, ...]:
    found = dict.fromkeys(values)
    if not all(isinstance(one, Undertaking) for one in found):
        raise VendorInvalid("that is no undertaking", where="vendor, undertakings", cure="Give Undertaking(...).")
    return tuple(sorted(found, key=lambda one: (one.commitment.value, one.given_at, one.expires_at)))


def _spans_of(undertakings: Iterable[Undertaking]) -> Mapping[Commitment, tuple[tuple[datetime, datetime], ...]]:
    """Return when each commitment is kept; undertakings that meet or overlap are one span. They come by their begin."""
    found: dict[Commitment, list[tuple[datetime, datetime]]] = {}
    for one in undertakings:
        if one.evidence is not None:
            spans = found.setdefault(one.commitment, [])
            if spans and one.given_at <= spans[-1][1]:
                begin, end = spans.pop()
                spans.append((begin, max(end, one.expires_at)))
            else:
                spans.append((one.given_at, one.expires_at))
    return {commitment: tuple(spans) for commitment, spans in found.items()}


@frozen(order=False)
class Vendor:
    """A sub-processor of the host: what it may receive, what for, and what it promised.

    Args:
        id: What everything calls it: up to 64 of a-z, 0-9, ``.``, ``_`` and ``-``.
        name: Its name in words.
        affiliated: Whether it belongs to the host's own group of companies.
        purposes: What it may use data for.
        fields: Which fields it may receive.
        starts_at: When it is to receive data for the first time. Customers are told a notice period earlier.
        undertakings: The commitments that it gave.
        sub_vendors: The ids of the vendors that it passes data on to in turn.
        ended_at: When the host parts with it; ``None`` while that is not known.

    Raises:
        VendorInvalid: A value is misshapen, or a purpose is one that nobody can be granted. Names vendor and key.
    """

    id: str
    name: str
    affiliated: bool
    purposes: tuple[Purpose, ...] = field(converter=_purposes)
    fields: tuple[PersonalField, ...] = field(converter=_fields)
    starts_at: datetime = field(converter=_utc)
    undertakings: tuple[Undertaking, ...] = field(default=(), converter=_undertakings)
    sub_vendors: tuple[str, ...] = field(default=(), converter=_ids)
    ended_at: datetime | None = field(default=None, converter=_utc_or_none)
    #: Worked out once: a decision asks for every commitment of every vendor that data reaches.
    _spans: Mapping[Commitment, tuple[tuple[datetime, datetime], ...]] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_spans", _spans_of(self.undertakings))
        if not is_vendor_id(self.id):
            raise VendorInvalid("that is no id of a vendor", where="vendor, id", cure=_ID_CURE)
        if not _is_name(self.name):
            raise self._wrong("name", "the name is empty or too long", f"Give 1 to {_LONGEST_NAME} characters.")
        if not isinstance(self.affiliated, bool):
            raise self._wrong("affiliated", "whether it is affiliated is not said", "Say true or false.")
        if not PROHIBITED.isdisjoint(self.purposes):
            raise self._wrong("purposes", "a purpose is prohibited to everybody", "Leave out selling and advertising.")
        if not all(map(is_vendor_id, self.sub_vendors)):
            raise self._wrong("sub_vendors", "one is no id of a vendor", _ID_CURE)
        if self.id in self.sub_vendors:
            raise self._wrong("sub_vendors", "the vendor is named as its own", "Leave it out.")
        if len(self.sub_vendors) > MOST or len(self.undertakings) > MOST:
            raise self._wrong("sub_vendors or undertakings", f"there are more than {MOST}", "Leave out old ones.")

    def _wrong(self, key: str, what: str, cure: str) -> VendorInvalid:
        return VendorInvalid(what, where=f"vendor {self.id}, {key}", cure=cure)

    def kept_until(self, commitment: Commitment, now: datetime) -> datetime | None:
        """Return until when the vendor keeps ``commitment``, as of ``now``; ``None`` where it does not at all.

        A promise that is renewed without a gap is kept until the end of the renewal.
        """
        for begin, end in self.spans(commitment):
            if begin <= now < end:
                return end
        return None

    def spans(self, commitment: Commitment) -> tuple[tuple[datetime, datetime], ...]:
        """Return from when until when ``commitment`` is kept, with evidence: spans with gaps between them, in order."""
        return self._spans.get(commitment, ())

    def has_ended(self, now: datetime) -> bool:
        """Return whether the host has parted with the vendor."""
        return self.ended_at is not None and self.ended_at <= now


_ID_CURE: Final = "Give up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."


@frozen(order=False)
class Announcement:
    """That one customer was told of one vendor.

    Args:
        at: When.
        agreed: Whether the customer has agreed, as in a contract that names the vendor. Then no notice period runs.
        objected_at: When the customer objected; ``None`` where it did not.
    """

    at: datetime = field(converter=_utc)
    agreed: bool = False
    objected_at: datetime | None = field(default=None, converter=_utc_or_none)
