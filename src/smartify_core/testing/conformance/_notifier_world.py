"""What the author of a channel gives to the kit: a receiver, what it can be made to do, and what arrived there."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NoReturn

import pytest
from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.policy.breach import Notifier, Parcel


class NotifierCapability(enum.Enum):
    """What a channel's receiver can do beyond taking a message. Declared by the world, never detected."""

    #: It can refuse a recipient for good.
    REFUSES = "refuses"
    #: It can say that a recipient is gone, and wants nothing more.
    GONE = "gone"
    #: It can say that a recipient is elsewhere.
    REDIRECTS = "redirects"
    #: It can say when it will be ready again.
    RETRY_AFTER = "retry-after"
    #: It is on the other end of a line: it can fall silent, dribble, go away and come back.
    REMOTE = "remote"


_HOOKS: Final[Mapping[NotifierCapability, tuple[str, ...]]] = {
    NotifierCapability.REFUSES: ("refuse",),
    NotifierCapability.GONE: ("leave",),
    NotifierCapability.REDIRECTS: ("redirect",),
    NotifierCapability.RETRY_AFTER: ("be_busy_for",),
    NotifierCapability.REMOTE: ("fall_silent", "dribble", "vanish", "come_back"),
}


@frozen(order=False)
class Arrival:
    """One message as the receiver has it.

    Args:
        id: By what the receiver knows a repeat.
        recipients: Whom it is for, as the receiver was told.
        texts: What it says, by the names of `Parcel`'s fields: ``subject``, ``text``, ``html`` or ``payload``; those
            that the channel carries.
        sha256: The SHA-256 of what arrived, in hexadecimal digits.
    """

    id: str
    recipients: tuple[str, ...]
    texts: Mapping[str, object] = field(repr=False)
    sha256: str


class NotifierWorld:
    """A receiver of its own, for one clause: how it is reached, and what it is made to do.

    Give ``notifier``, ``address``, ``arrived`` and ``fail``, say in ``capabilities`` what the receiver can do, and give
    the hooks that these need. A promise whose hook is missing is an error in every clause.

    Attributes:
        capabilities: What the receiver can do.
        nonsense: What can be no address of the channel, beyond what is none of any.
    """

    capabilities: frozenset[NotifierCapability] = frozenset()
    nonsense: tuple[str, ...] = ()

    # --- to be given ------------------------------------------------------------------------------------------------

    def notifier(self) -> Notifier:
        """Return the channel; with a second or so for an attempt, once the receiver is silent or dribbles."""
        self._missing("notifier", "Override it and return your notifier.")

    def address(self, number: int) -> str:
        """Return the address of the ``number``-th recipient whom the receiver knows. It names him in some way."""
        self._missing("address", "Override it and return an address that your receiver knows.")

    def arrived(self) -> Sequence[Arrival]:
        """Return what the receiver accepted, in order."""
        self._missing("arrived", "Override it and return what your receiver accepted.")

    def fail(self) -> None:
        """Have the receiver fail once, at the next message, so that it can be tried again."""
        self._missing("fail", "Override it: every receiver fails at times.")

    def refuse(self, address: str) -> None:
        """Have the receiver refuse a recipient for good. Needed for ``REFUSES``."""
        self._missing("refuse", "Override it, or do not promise REFUSES.")

    def leave(self, address: str) -> None:
        """Have the receiver say that a recipient is gone. Needed for ``GONE``."""
        self._missing("leave", "Override it, or do not promise GONE.")

    def redirect(self, address: str, other: str) -> None:
        """Have the receiver say once that a recipient is now another. Needed for ``REDIRECTS``."""
        self._missing("redirect", "Override it, or do not promise REDIRECTS.")

    def be_busy_for(self, seconds: int) -> None:
        """Have the receiver say once that it wants to be left alone for so long. Needed for ``RETRY_AFTER``."""
        self._missing("be_busy_for", "Override it, or do not promise RETRY_AFTER.")

    def fall_silent(self) -> None:
        """Have the receiver take messages in and answer nothing from now on. Needed for ``REMOTE``."""
        self._missing("fall_silent", "Override it, or do not promise REMOTE.")

    def dribble(self) -> None:
        """Have the receiver answer a byte at a time from now on, and never to the end. Needed for ``REMOTE``."""
        self._missing("dribble", "Override it, or do not promise REMOTE.")

    def vanish(self) -> None:
        """Take the receiver away: every connection is cut, and nobody listens. Needed for ``REMOTE``."""
        self._missing("vanish", "Override it, or do not promise REMOTE.")

    def come_back(self) -> None:
        """Put the receiver back where it was. Needed for ``REMOTE``."""
        self._missing("come_back", "Override it, or do not promise REMOTE.")

    def close(self) -> None:
        """Clear away what the world made. Called once, at the end of a clause."""

    # --- for the kit ------------------------------------------------------------------------------------------------

    def parcel(self, number: int = 0, *, to: int = 0, attempt: int = 1) -> Parcel:
        """Return the ``number``-th parcel, for the recipient of a number."""
        return Parcel(
            id=f"ntc-conformance-{number:04}",
            attempt=attempt,
            at=datetime(2026, 3, 4, 5, 6, attempt, tzinfo=UTC),
            address=self.address(to),
            kind="breach.notice.first",
            subject=f"Sicherheitsvorfall № {number}: was wir wissen",
            text=f"Grüße aus Łódź, 東京 und Αθήνα.\n\n.Ein Punkt.\n{'Ein langer Absatz. ' * 30}\n({number})\n",
            html=f"<p>Grüße aus Łódź, 東京 &amp; Αθήνα.</p>\n<p>({number})</p>\n",
            locale="de",
            payload={
                "type": "breach.notice.first",
                "data": {"incident": "inc-1", "title": "Grüße – 東京", "n": number},
            },
            key_id=None,
        )

    def require(self, *capabilities: NotifierCapability) -> None:
        """Skip the clause, by name, unless the receiver can do all of these."""
        absent = [one.name for one in NotifierCapability if one in capabilities and one not in self.capabilities]
        if absent:
            pytest.skip(f"{type(self).__name__} does not declare {' and '.join(absent)}")

    def check(self) -> None:
        """Raise `UsageError` unless what is promised is known, and all that it needs is given."""
        for capability in self.capabilities:
            if not isinstance(capability, NotifierCapability):
                raise UsageError(
                    f"the kit knows no capability {capability!r}",
                    where=f"{type(self).__name__}.capabilities",
                    cure=f"It knows: {', '.join(one.name for one in NotifierCapability)}.",
                )
            for hook in _HOOKS[capability]:
                if inspect.getattr_static(type(self), hook) is vars(NotifierWorld)[hook]:
                    self._missing(hook, f"Override it, or do not promise {capability.name}.")

    def _missing(self, hook: str, cure: str) -> NoReturn:
        raise UsageError(f"the world does not give the hook {hook!r}", where=type(self).__name__, cure=cure)
