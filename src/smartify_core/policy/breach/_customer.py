"""Whom a customer wants to be told, how, and by when at the latest. Pure values, strictly checked."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from smartify_core.errors import ContactInvalid

from ._vocabulary import Phase

#: The most contacts and limits of one customer.
MOST_CONTACTS: Final = 32
_LONGEST: Final = 2_000
_channel_like: Final = re.compile(r"[a-z][a-z0-9-]{0,31}").fullmatch
_id_like: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}").fullmatch
_tag_like: Final = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}").fullmatch


def is_language_tag(text: object) -> bool:
    """Return whether ``text`` can be a language's tag, such as ``de-AT`` (RFC 5646)."""
    return isinstance(text, str) and _tag_like(text) is not None


def is_contact_id(text: object) -> bool:
    """Return whether ``text`` can be a contact's id."""
    return isinstance(text, str) and _id_like(text) is not None


@enum.unique
class ClockStart(enum.Enum):
    """From which instant a time runs."""

    FIRST_SIGNAL = "first-signal"
    AWARENESS = "awareness"
    CONFIRMATION = "confirmation"
    #: The notice before it: for updates.
    LAST_NOTICE = "last-notice"


@enum.unique
class LimitKind(enum.Enum):
    """What sets a time."""

    #: The host's own promise.
    TARGET = "target"
    CONTRACT = "contract"
    LAW = "law"


@frozen(order=False)
class TimeLimit:
    """The latest time for a notice, and where that is written.

    Args:
        phase: Which notice.
        within: How long after the clock's start.
        start: Where the clock starts.
        kind: What sets it.
        citation: Where it is written: ``DPA of 2026-01-15, section 7.2``, or ``GDPR 33(2)``.

    Raises:
        ContactInvalid: A value is misshapen.
    """

    phase: Phase
    within: timedelta
    start: ClockStart
    kind: LimitKind
    citation: str

    def __attrs_post_init__(self) -> None:
        if not timedelta(0) < self.within <= timedelta(days=3653):
            raise ContactInvalid(
                "a time for a notice is not between nothing and ten years", where="time limit", cure='Give "24h" or so.'
            )
        if not _is_text(self.citation):
            raise ContactInvalid(
                "a time for a notice cites nothing",
                where="time limit",
                cure="Say where it is written.",
            )


@frozen(order=False)
class Contact:
    """One way to tell a customer.

    Args:
        id: What it is called within the customer: ``privacy-mail``.
        channel: The `Notifier.channel` that reaches it: ``mail``, ``webhook`` or a host's own.
        address: Where: an address, or a URL. Checked by the notifier of its channel when it is registered.
        tier: 1 for those that are told at once; those of a higher tier are told where no lower one was reached.
        key_id: Which of the host's signing keys a webhook is signed with; ``None`` for the only one.

    Raises:
        ContactInvalid: A value is misshapen. Never says the address.
    """

    id: str
    channel: str
    address: str = field(repr=False)
    tier: int = 1
    key_id: str | None = None

    @property
    def way(self) -> tuple[str, str, str | None]:
        """Where something goes that is sent to it: channel, address and key. It says an address: for comparing only."""
        return self.channel, self.address, self.key_id

    def __attrs_post_init__(self) -> None:
        if not is_contact_id(self.id):
            raise ContactInvalid(
                "that is no id of a contact", where="contact", cure="Give up to 64 of a-z, 0-9, '.', '_' and '-'."
            )
        if not _is_like(_channel_like, self.channel):
            raise ContactInvalid(
                "that is no channel", where=f"contact {self.id}", cure="Give mail, webhook, or your notifier's channel."
            )
        if not _is_text(self.address):
            raise ContactInvalid(
                "the address of a contact is none", where=f"contact {self.id}", cure="Give an address or a URL."
            )
        if type(self.tier) is not int or not 1 <= self.tier <= MOST_CONTACTS:
            raise ContactInvalid("that is no tier", where=f"contact {self.id}", cure="Give 1 for the first to be told.")


def _is_text(text: object) -> bool:
    return isinstance(text, str) and len(text.strip()) > 0 and len(text) <= _LONGEST and text.isprintable()


def _is_like(pattern: Callable[[str], object], text: object) -> bool:
    return isinstance(text, str) and pattern(text) is not None


def _contacts(values: Iterable[Contact]) -> tuple[Contact, ...]:
    return tuple(sorted(values, key=lambda one: (one.tier, one.id)))


@frozen(order=False)
class Customer:
    """How one tenant is to be told.

    Args:
        tenant: The tenant.
        contacts: Whom to tell, those of the first tier first.
        limits: What contracts and laws say of times, beyond the host's own targets.
        locale: The language of its notices.
        call: Who of the host's people takes the phone when nothing else reached the customer: an employee's id; the
            rules' one where it is ``None``.
        annex_certificate: The customer's X.509 certificate (RSA, in PEM), under which lists of people are encrypted.

    Raises:
        ContactInvalid: A value is misshapen. Never says an address.
    """

    tenant: str
    contacts: tuple[Contact, ...] = field(default=(), converter=_contacts)
    limits: tuple[TimeLimit, ...] = ()
    locale: str = "en"
    call: str | None = None
    annex_certificate: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        where = f"customer {self.tenant}"
        if len(self.contacts) > MOST_CONTACTS or len(self.limits) > MOST_CONTACTS:
            raise ContactInvalid(
                f"there are more than {MOST_CONTACTS} contacts or times", where=where, cure="Give fewer."
            )
        if len({one.id for one in self.contacts}) != len(self.contacts):
            raise ContactInvalid("two contacts have one id", where=where, cure="Name each otherwise.")
        if not is_language_tag(self.locale):
            raise ContactInvalid("that is no language tag", where=where, cure="Give one of RFC 5646, such as en or de.")

    def contact(self, contact_id: str) -> Contact | None:
        """Return the contact of this id, if there is one."""
        return next((one for one in self.contacts if one.id == contact_id), None)


@frozen(order=False)
class ContactChange:
    """That the contacts of a customer are others than before: what is on its way to it may have to go elsewhere.

    Args:
        tenant: The customer's tenant.
    """

    tenant: str
