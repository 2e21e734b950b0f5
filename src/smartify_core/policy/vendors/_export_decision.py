"""Whether data may go to a vendor: decided from the register alone. Pure.

What is compared are sets: the promises that are needed with those that hold, the fields asked for with those that the
vendor may receive. Whatever is missing, unknown or of another type denies.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from smartify_core.policy._vocabulary import PROHIBITED, PersonalField, Purpose

from ._commitments import Commitment
from ._register import Announcement, Vendor, is_vendor_id


@enum.unique
class Consideration(enum.Enum):
    """What the host gets for the data. Anything but nothing is a sale (clause C15)."""

    NONE = "none"
    MONEY = "money"
    OTHER_VALUE = "other value"


@enum.unique
class ExportForm(enum.Enum):
    """What the host makes of the fields before they leave. No form needs less than another."""

    PLAIN = "plain"
    HASHED = "hashed"
    PSEUDONYMOUS = "pseudonymous"
    AGGREGATED = "aggregated"


@enum.unique
class Barrier(enum.Enum):
    """The kinds of things that keep an export closed."""

    PROHIBITED = "prohibited purpose"
    CONSIDERATION = "consideration"
    FORM = "form"
    UNREGISTERED = "unregistered"
    ENDED = "ended"
    PURPOSE = "purpose"
    FIELDS = "fields"
    COMMITMENT = "commitment"
    NOT_STARTED = "not started"
    NOT_ANNOUNCED = "not announced"
    NOTICE_RUNNING = "notice running"
    OBJECTED = "objected"


def _purpose(given: Purpose | str) -> Purpose | str:
    return given if isinstance(given, Purpose) else _PURPOSES.get(given, given)


def _fields(given: Collection[PersonalField | str]) -> frozenset[PersonalField | str]:
    return frozenset([_FIELDS.get(one, one) if isinstance(one, str) else one for one in given])


def _consideration(given: Consideration | str) -> Consideration | str:
    return given if isinstance(given, Consideration) else _CONSIDERATIONS.get(given, given)


def _form(given: ExportForm | str) -> ExportForm | str:
    return given if isinstance(given, ExportForm) else _FORMS.get(given, given)


_PURPOSES: Final = {name: one for one in Purpose for name in (one.value, one.iri)}
_FIELDS: Final = {one.value: one for one in PersonalField}
_CONSIDERATIONS: Final = {one.value: one for one in Consideration}
_FORMS: Final = {one.value: one for one in ExportForm}


@frozen(order=False)
class ExportRequest:
    """Which data shall go where, and what for. What does not exist is kept as it was given, and denied.

    Args:
        vendor: The id of the vendor that receives the data.
        tenant: The customer whose people it concerns.
        purpose: What for: a `Purpose`, its DPV local name, or its IRI.
        fields: Which fields: `PersonalField` values or their names.
        consideration: What the host gets for the data. It has no default: who exports says so.
        form: What the host makes of the fields before they leave.
    """

    vendor: str
    tenant: str
    purpose: Purpose | str = field(converter=_purpose)
    fields: frozenset[PersonalField | str] = field(converter=_fields)
    consideration: Consideration | str = field(converter=_consideration)
    form: ExportForm | str = field(default=ExportForm.PLAIN, converter=_form)


@frozen(order=False)
class ExportFacts:
    """What is known when an export is decided.

    Args:
        vendors: The vendor, and all vendors that it passes data on to, by id. Whoever is absent is not registered.
        announcements: Of which of them the customer was told, by id.
        notice: How long before a vendor's first data a customer has to be told.
    """

    vendors: Mapping[str, Vendor] = field(hash=False)
    announcements: Mapping[str, Announcement] = field(hash=False)
    notice: timedelta


@frozen(order=False)
class Gap:
    """One thing that is missing, so that an export is closed.

    Args:
        barrier: Of which kind it is.
        sentence: The sentence of the clause that asks for it.
        detail: What is missing, in words.
        cure: The smallest change that removes it; ``None`` where nobody can.
        vendor: The vendor whose thing it is: that of the export, or one that it passes data on to.
        commitment: The promise that does not hold, where it is one.
    """

    barrier: Barrier
    sentence: str
    detail: str
    cure: str | None
    vendor: str | None = None
    commitment: Commitment | None = None

    @property
    def fact(self) -> str:
        """The thing in ids and codes, as the audit trail keeps it: ``commitment/cloud/never-sold``."""
        parts = (self.barrier.value, self.vendor, self.commitment and self.commitment.value)
        return "/".join(part for part in parts if part)


@frozen(order=False)
class ExportDecision:
    """Whether an export is open, and why.

    Args:
        request: What was asked.
        decided_at: The instant it was decided for.
        missing: All that keeps it closed, the gravest first. Nothing: it is open.
        until: Where it is open: the first instant at which something that it rests on ends. ``None``: nothing does.
    """

    request: ExportRequest
    decided_at: datetime
    missing: tuple[Gap, ...]
    until: datetime | None = None

    @property
    def allowed(self) -> bool:
        """Whether the export is open."""
        return not self.missing

    @property
    def cures(self) -> tuple[str, ...]:
        """The smallest changes that together would open it; none where it is open, or where nothing can."""
        cures = dict.fromkeys(one.cure for one in self.missing)
        return () if None in cures else tuple(cure for cure in cures if cure is not None)

    def explanation(self) -> str:
        """Return the reasons in words, a line each, without personal data."""
        if self.allowed:
            return f"Open to {self.request.vendor}" + (
                f" until {self.until:%Y-%m-%d %H:%M:%SZ}." if self.until else "."
            )
        return "\n".join(f"{one.detail} [{one.sentence}]. {one.cure or 'Nobody can allow it.'}" for one in self.missing)


#: A prohibition cites the sentence that it keeps.
_PROHIBITED_BY: Final = {Purpose.ADVERTISING: "C16", Purpose.SELL_DATA: "C15", Purpose.SELL_INSIGHTS: "C15"}


def decide_export(request: ExportRequest, facts: ExportFacts, now: datetime) -> ExportDecision:
    """Return whether ``request`` is open at ``now``.

    Every vendor of the chain, which is the one that receives the data and all that it passes data on to, has to be
    registered, not ended, announced to the customer for a whole notice period or agreed by it, and bound by every
    `Commitment` at this instant (``given_at <= now < expires_at``, with evidence). The purpose and the fields have to
    be the receiving vendor's, and nothing may be given for the data.
    """
    chain, unknown = _chain(request.vendor, facts.vendors)
    missing = [
        *_of_the_request(request, facts.vendors.get(request.vendor)),
        *(_unregistered(one, request.vendor) for one in unknown),
        *(one for vendor in chain for one in _of_the_vendor(vendor, now)),
        *(one for vendor in chain for one in _of_the_notice(vendor, facts, now)),
    ]
    until = None if missing else min(_ends(chain, now), default=None)
    return ExportDecision(request, now, tuple(missing), until)


def _chain(first: str, vendors: Mapping[str, Vendor]) -> tuple[tuple[Vendor, ...], tuple[str, ...]]:
    """Return the vendors that data reaches, the first one first, and the ids among them that nobody registered."""
    order: dict[str, Vendor | None] = {}
    ahead = [first]
    while ahead:
        one = ahead.pop(0)
        if one not in order:
            order[one] = vendors.get(one)
            ahead.extend(sub for vendor in (order[one],) if vendor is not None for sub in vendor.sub_vendors)
    known = tuple(vendor for vendor in order.values() if vendor is not None)
    return known, tuple(one for one, vendor in order.items() if vendor is None)


def _of_the_request(request: ExportRequest, vendor: Vendor | None) -> Iterator[Gap]:
    purpose = request.purpose
    if isinstance(purpose, Purpose) and purpose in PROHIBITED:
        whom = "an unaffiliated recipient" if vendor is None or not vendor.affiliated else "anybody"
        detail = f"{purpose.value} is prohibited: data goes to {whom} for it in no form"
        yield Gap(Barrier.PROHIBITED, _PROHIBITED_BY[purpose], detail, None)
    if request.consideration is not Consideration.NONE:
        known = isinstance(request.consideration, Consideration)
        detail = "something is given for the data" if known else "it is not said what is given for the data"
        cure = None if known else "Say Consideration.NONE where nothing is."
        yield Gap(Barrier.CONSIDERATION, "C15", detail, cure)
    if not isinstance(request.form, ExportForm):
        yield Gap(Barrier.FORM, "C11", "there is no such form", "Name one of ExportForm.")
    if vendor is not None and purpose not in PROHIBITED and purpose not in vendor.purposes:
        name = purpose.value if isinstance(purpose, Purpose) else "what is asked for"
        cure = f"Register {name} as a purpose of {vendor.id}, if its contract covers it."
        yield Gap(Barrier.PURPOSE, "C8", f"{name} is none of the vendor's purposes", cure, vendor.id)
    if not request.fields:
        yield Gap(Barrier.FIELDS, "C13", "no field is named", "Name the fields that the vendor needs.")
    if vendor is not None and (beyond := request.fields.difference(vendor.fields)):
        names = _names(beyond)
        yield Gap(Barrier.FIELDS, "C13", f"the vendor may not receive {names}", f"Leave out {names}.", vendor.id)


def _names(fields: Iterable[object]) -> str:
    return ", ".join(sorted(one.value if isinstance(one, PersonalField) else "what is no field" for one in fields))


def _unregistered(vendor: str, first: str) -> Gap:
    named = vendor if is_vendor_id(vendor) else None
    detail = f"{named or 'the recipient'} is not registered as a vendor"
    cure = (
        f"Register {named} with its commitments, and announce it." if named else "Name a registered vendor by its id."
    )
    if vendor != first:
        detail, cure = f"{detail}, and receives data from {first} or beyond it", f"{cure[:-1]}; or end its part."
    return Gap(Barrier.UNREGISTERED, "C11", detail, cure, named)


def _of_the_vendor(vendor: Vendor, now: datetime) -> Iterator[Gap]:
    if vendor.has_ended(now):
        detail = f"{vendor.id} ended at {vendor.ended_at}"
        yield Gap(Barrier.ENDED, "C11", detail, "Export to another vendor.", vendor.id)
    for commitment in Commitment:
        if vendor.kept_until(commitment, now) is None:
            detail = f"{vendor.id} is not bound by {commitment.value}: {_why_not_bound(vendor, commitment, now)}"
            cure = f"Have {vendor.id} undertake {commitment.value}, with evidence."
            yield Gap(Barrier.COMMITMENT, commitment.sentence, detail, cure, vendor.id, commitment)


def _why_not_bound(vendor: Vendor, commitment: Commitment, now: datetime) -> str:
    given = [one for one in vendor.undertakings if one.commitment is commitment]
    ahead = [one.given_at for one in given if one.given_at > now]
    if not given:
        return "it never undertook it"
    if any(one.given_at <= now < one.expires_at for one in given):
        return "there is no evidence of it"
    if ahead:
        return f"that begins at {min(ahead).isoformat()}"
    return f"that expired at {max(one.expires_at for one in given).isoformat()}"


def _of_the_notice(vendor: Vendor, facts: ExportFacts, now: datetime) -> Iterator[Gap]:
    who = vendor.id
    if now < vendor.starts_at:
        detail = f"{who} begins at {vendor.starts_at.isoformat()}"
        yield Gap(Barrier.NOT_STARTED, "C11", detail, f"Wait until {vendor.starts_at.isoformat()}.", who)
    told = facts.announcements.get(who)
    if told is None or told.at > now:
        detail, cure = (
            f"the customer was not told of {who}",
            f"Announce {who} to it, and wait for {facts.notice.days} days.",
        )
        yield Gap(Barrier.NOT_ANNOUNCED, "C11", detail, cure, who)
    elif told.objected_at is not None:
        cure = "Settle it with the customer, and record that it has agreed."
        yield Gap(Barrier.OBJECTED, "C11", f"the customer objected to {who}", cure, who)
    elif not told.agreed and now < told.at + facts.notice:
        end = (told.at + facts.notice).isoformat()
        yield Gap(Barrier.NOTICE_RUNNING, "C11", f"the notice of {who} runs until {end}", f"Wait until {end}.", who)


def _ends(chain: Iterable[Vendor], now: datetime) -> Iterator[datetime]:
    for vendor in chain:
        if vendor.ended_at is not None:
            yield vendor.ended_at
        for commitment in Commitment:
            end = vendor.kept_until(commitment, now)
            if end is not None:
                yield end
