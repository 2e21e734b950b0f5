"""Notices and their way to each recipient, as values. Pure."""

from __future__ import annotations

import enum
from datetime import datetime

from attrs import field, frozen

from ._vocabulary import DeliveryState, Outcome, Phase


@enum.unique
class RoundState(enum.Enum):
    """How far a round of notices has come."""

    #: Its notices are being written; what is there of it is incomplete.
    DRAFTING = "drafting"
    #: All of its notices can be read, and nothing was sent.
    DRAFTED = "drafted"
    #: It is to go out. That is kept for good before anything goes.
    RELEASED = "released"
    #: Every notice of it is on its way, or arrived, or failed for everybody to see.
    SPREAD = "spread"
    #: A later draft took its place before it was sent.
    DISCARDED = "discarded"

    @property
    def is_out(self) -> bool:
        """Whether somebody released it: what it says may have been heard."""
        return self in {RoundState.RELEASED, RoundState.SPREAD}


@frozen(order=False)
class Round:
    """The notices of one phase, to every tenant that is owed one: drafted, read, and then sent as they were read.

    Args:
        incident: The incident.
        number: Which round it is, from 1.
        phase: Which notice.
        state: How far it has come.
        statement_revision: What was stated by then.
        impact_revision: What the impact was by then.
        drafted_at: When it was drafted.
        drafted_by: Who had it drafted.
        notices: How many notices it has.
        digest: The SHA-256 over the digests of its notices in order of their key, in hexadecimal digits: who releases
            it names what they have read.
        open_fields: The values of `NoticeField` that at least one of its notices does not know yet.
        spread_after: The key of the last notice whose deliveries exist; ``""`` before the first.
        passed_over: The keys of the notices before that one whose deliveries do not exist, as they, or their customers,
            could not be opened.
        released_at: When it was sent.
        released_by: Who sent it.
        released_before: The rounds that were out when it was drafted: whom they told, it does not tell a second time.
        said: How many records there were of what was said of deadlines when it was drafted.
        keeps_until: From when on something that it says of times may not be so any more: the earliest time of any of
            its notices that lay ahead. ``None`` where none did.
    """

    incident: str
    number: int
    phase: Phase
    state: RoundState
    statement_revision: int
    impact_revision: int
    drafted_at: datetime
    drafted_by: str
    notices: int = 0
    digest: str = ""
    open_fields: tuple[str, ...] = ()
    spread_after: str = ""
    passed_over: tuple[str, ...] = ()
    released_at: datetime | None = None
    released_by: str | None = None
    released_before: tuple[int, ...] = ()
    said: int = 0
    keeps_until: datetime | None = None


@frozen(order=False)
class Notice:
    """What one tenant is told in one round: its own data and nobody else's.

    Args:
        id: Its id in every attempt, on every channel: ``ntc-`` and 32 hexadecimal digits, made from incident, round and
            tenant, so that a repeat is one.
        incident: The incident.
        round: The round.
        phase: Which notice.
        tenant: Who is told.
        outcome: What may have been done to its data.
        locale: The language that it is written in.
        subject: Its subject.
        text: Its text.
        html: The same as HTML.
        payload: The same for machines: a JSON object as text.
        code: By what it is acknowledged: whoever has it has read the notice.
        open_fields: The values of `NoticeField` that it does not know yet.
        annex: The list of individuals, encrypted under the customer's certificate (CMS, in PEM); ``None`` without one.
        sha256: The SHA-256 of subject, text, html and payload, in hexadecimal digits.
        drafted_at: When it was written.
    """

    id: str
    incident: str
    round: int
    phase: Phase
    tenant: str
    outcome: Outcome
    locale: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    payload: str = field(repr=False)
    code: str = field(repr=False)
    open_fields: tuple[str, ...]
    annex: str | None = field(repr=False)
    sha256: str
    drafted_at: datetime


@frozen(order=False)
class Attempt:
    """One attempt at a delivery, as evidence.

    Args:
        number: Which one, from 1.
        at: When it was begun.
        verdict: The value of `AttemptVerdict`; ``None`` where the worker did not live to say what came of it.
        code: The short answer.
        detail: What the other side said.
        reference: A Message-ID, or a webhook's id.
        content_sha256: The SHA-256 of the bytes that went over the wire.
    """

    number: int
    at: datetime
    verdict: str | None = None
    code: str = ""
    detail: str | None = field(default=None, repr=False)
    reference: str | None = None
    content_sha256: str | None = None


@frozen(order=False)
class Delivery:
    """A notice on its way to one recipient.

    Args:
        notice: The notice's id.
        incident: The incident.
        round: The round.
        tenant: The tenant.
        contact: The contact's id.
        channel: Its channel.
        address: Its address when the notice was queued.
        tier: Its tier.
        state: How far it has come.
        queued_at: When it was queued.
        next_at: When it is tried next; ``None`` where nothing is to be done any more.
        attempts: What was tried, the first first.
        worker: Who tries it now; ``None`` where nobody does.
        leased_until: Until when.
        key_id: Which signing key.
    """

    notice: str
    incident: str
    round: int
    tenant: str
    contact: str
    channel: str
    address: str = field(repr=False)
    tier: int
    state: DeliveryState
    queued_at: datetime
    next_at: datetime | None
    attempts: tuple[Attempt, ...] = ()
    worker: str | None = None
    leased_until: datetime | None = None
    key_id: str | None = None


@frozen(order=False)
class Hearing:
    """Whether one tenant has heard of one notice. One for each notice that was queued, kept beside its deliveries.

    Args:
        notice: The notice's id.
        incident: The incident.
        round: The round.
        tenant: The tenant.
        phase: Which notice.
        queued_at: When it was queued.
        tier: The highest tier that was told so far.
        escalated_at: When a higher tier, or a contact that was corrected, was told for the last time.
        delivered_at: When the first recipient's server took it; ``None`` until then.
        call_since: Since when somebody of the host's has to call; ``None`` where nobody has to.
        call: Who.
        acknowledged_at: When the customer said that it has read it.
        acknowledged_by: Who of the host's put that on record; ``code`` where the notice's code did.
        heard_by: Who of the customer's said so, in words.
        how: How: by phone, by the notice's page, in a mail.
    """

    notice: str
    incident: str
    round: int
    tenant: str
    phase: Phase
    queued_at: datetime
    tier: int = 1
    escalated_at: datetime | None = None
    delivered_at: datetime | None = None
    call_since: datetime | None = None
    call: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    heard_by: str | None = field(default=None, repr=False)
    how: str | None = field(default=None, repr=False)

    @property
    def heard_at(self) -> datetime | None:
        """When the customer heard of it: a recipient's server took it, or somebody said that they read it."""
        return min((one for one in (self.delivered_at, self.acknowledged_at) if one is not None), default=None)

    @property
    def has_heard(self) -> bool:
        """Whether nobody else has to be told: it was delivered, or the customer says that it knows."""
        return self.heard_at is not None

    @property
    def is_on_its_way(self) -> bool:
        """Whether it has neither arrived nor been given up."""
        return not self.has_heard and self.call_since is None
