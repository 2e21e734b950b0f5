"""The channel ``webhook``."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from smartify_core.errors import UsageError
from smartify_core.policy.breach._notifier import Sender

from ._endpoint import Outside, endpoint_of
from ._signatures import Signer
from ._webhook_sender import WebhookSender

#: The schedule that Standard Webhooks 1.0 gives as its example, three days in all.
_WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=one) for one in (2, 5, 10, 14, 20, 24)),
)


class WebhookNotifier:
    """Sends notices to URLs, signed by Standard Webhooks 1.0.

    It calls no machine in an inner network, whatever a URL or the DNS says: it looks up a name once, refuses it where
    one of its addresses is not public, and connects to an address that it looked at. It follows no redirect and uses
    no proxy of the environment.

    Args:
        keys: What notices are signed with, by the name that contacts give as their ``key_id``: one key, or during a
            rotation several, with all of which is signed. A contact that names none is served where there is one name.
        timeout: How long one attempt may take in all.
        context: What TLS trusts; the system's certificates unless told otherwise.
        allow_private: ``True`` for every inner network, or those that are allowed: ``["10.1.0.0/16"]``.
        allow_http: Whether URLs may do without TLS, as on a developer's machine.
        user_agent: What we call ourselves.

    Raises:
        UsageError: A value is misshapen.
    """

    def __init__(
        self,
        keys: Mapping[str, Signer | Sequence[Signer]],
        *,
        timeout: timedelta = timedelta(seconds=20),
        context: ssl.SSLContext | None = None,
        allow_private: bool | Sequence[str] = False,
        allow_http: bool = False,
        user_agent: str = "smartify-core",
    ) -> None:
        if timeout <= timedelta(0):
            raise _misused("an attempt has no time", "Give a timeout above zero.")
        if not user_agent.isascii() or not user_agent.isprintable():
            raise _misused("that is no name of a client", "Give printable ASCII.")
        try:
            self._outside = Outside.of(allow_private)
        except ValueError:
            raise _misused("what is allowed is no network", "Give networks such as 10.1.0.0/16.") from None
        if context is None:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
        self._keys = keys
        self._context = context
        self._timeout = timeout
        self._allow_http = allow_http
        self._user_agent = user_agent

    @property
    def channel(self) -> str:
        """``webhook``."""
        return "webhook"

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """How long to wait after each failed attempt: from 5 seconds to a day, over three days in all."""
        return _WAITS

    def check(self, address: str) -> None:
        """Check that something can be the URL of a webhook, without asking anybody.

        Raises:
            ContactInvalid: It cannot. Never says it.
            PrivateAddress: It leads into an inner network by what it says itself.
        """
        self._outside.check(endpoint_of(address, allow_http=self._allow_http))

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        """Open a way out for one thread, which keeps the latest connection for the next message."""
        sender = WebhookSender(
            self._keys,
            seconds=self._timeout.total_seconds(),
            context=self._context,
            outside=self._outside,
            allow_http=self._allow_http,
            user_agent=self._user_agent,
        )
        try:
            yield sender
        finally:
            sender.close()


def _misused(what: str, cure: str) -> UsageError:
    return UsageError(what, where="WebhookNotifier", cure=cure)
