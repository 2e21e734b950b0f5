"""The worlds of our own channels: in memory, by mail, and by webhook, with real servers behind the latter two."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from attrs import evolve
from tests._receivers import Answer, HttpReceiver, MailServer

from smartify_core.policy.breach import AttemptVerdict, Notifier, Reply
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier
from smartify_core.testing import MemoryNotifier, parcel_digest
from smartify_core.testing.conformance import Arrival, NotifierCapability, NotifierWorld

#: Time enough for whatever ends, on however busy a machine; and little where the receiver never ends.
PLENTY, LITTLE = timedelta(seconds=30), timedelta(milliseconds=500)


class MemoryWorld(NotifierWorld):
    """A notifier that is its own receiver."""

    capabilities = frozenset(NotifierCapability) - {NotifierCapability.REMOTE}
    kind: type[MemoryNotifier] = MemoryNotifier

    def __init__(self) -> None:
        self.channel = self.kind()

    def notifier(self) -> Notifier:
        return self.channel

    def address(self, number: int) -> str:
        return f"recipient-{number}"

    def arrived(self) -> Sequence[Arrival]:
        return [
            Arrival(
                one.id,
                (one.address,),
                {name: getattr(one, name) for name in ("subject", "text", "html", "payload")},
                parcel_digest(one),
            )
            for one in self.channel.arrived
        ]

    def fail(self) -> None:
        self.channel.answer(AttemptVerdict.TRY_AGAIN)

    def refuse(self, address: str) -> None:
        self.channel.answer_always(AttemptVerdict.REFUSED, address=address)

    def leave(self, address: str) -> None:
        self.channel.answer_always(AttemptVerdict.GONE, address=address)

    def redirect(self, address: str, other: str) -> None:
        self.channel.answer(Reply(AttemptVerdict.TRY_AGAIN, "elsewhere"))

    def be_busy_for(self, seconds: int) -> None:
        granted = min(timedelta(seconds=seconds), timedelta(days=1))
        self.channel.answer(Reply(AttemptVerdict.TRY_AGAIN, "busy", retry_after=granted))


class MailWorld(NotifierWorld):
    """A mail server, encrypted or not."""

    capabilities = frozenset({NotifierCapability.REFUSES, NotifierCapability.REMOTE})
    nonsense = ("nobody", "@", "a@", "@x.example", "a@b@x.example", "A <a@x.example>", "a@x..example", "a@1.2.3.4")
    encryption = "none"
    kind: type[SmtpNotifier] = SmtpNotifier

    def __init__(self) -> None:
        self.limit = PLENTY
        self.server = MailServer(encryption=self.encryption)
        self.server.start()

    def notifier(self) -> Notifier:
        return self.kind(
            "localhost",
            self.server.port,
            sender="Sicherheit Müller <security@vendor.example>",
            security=self.encryption,  # type: ignore[arg-type]  # one of the three in every world
            context=self.server.trust,
            timeout=self.limit,
        )

    def address(self, number: int) -> str:
        return f"recipient-{number}@customer.example"

    def arrived(self) -> Sequence[Arrival]:
        return [
            Arrival(
                str(one.message["Message-ID"]),
                one.recipients,
                {
                    "subject": str(one.message["Subject"]),
                    "text": one.text(),
                    "html": one.text("html"),
                    "locale": str(one.message["Content-Language"]),
                },
                sha256(one.content).hexdigest(),
            )
            for one in list(self.server.arrived)
        ]

    def fail(self) -> None:
        self.server.replies["DATA"] = deque(["451 4.3.0 come back later"])

    def refuse(self, address: str) -> None:
        self.server.refused[address] = "550 5.1.1 nobody of that name"

    def fall_silent(self) -> None:
        self.limit = LITTLE
        self.server.fall_silent()

    def dribble(self) -> None:
        self.limit = LITTLE
        self.server.dribble()

    def vanish(self) -> None:
        self.server.stop()

    def come_back(self) -> None:
        self.server.start()

    def close(self) -> None:
        self.server.stop()


class StartTlsWorld(MailWorld):
    """A mail server that is encrypted once somebody asks."""

    encryption = "starttls"


class TlsWorld(MailWorld):
    """A mail server that is encrypted from the start."""

    encryption = "tls"


class WebhookWorld(NotifierWorld):
    """A web server that takes webhooks, without TLS."""

    capabilities = frozenset(NotifierCapability) - {NotifierCapability.REFUSES}
    nonsense = (
        "nobody",
        "https://",
        "ftp://x.example/",
        "https://a@x.example/",
        "https://x.example/#f",
        "https://0x7f.1/",
    )
    tls = False
    kind: type[WebhookNotifier] = WebhookNotifier

    def __init__(self) -> None:
        self.limit = PLENTY
        self.server = HttpReceiver(tls=self.tls)
        self.server.start()
        self.key = WebhookKey.generate()

    def notifier(self) -> Notifier:
        return self.kind(
            {"only": self.key},
            timeout=self.limit,
            context=self.server.trust,
            allow_private=["127.0.0.0/8", "::1/128"],
            allow_http=not self.tls,
        )

    def address(self, number: int) -> str:
        return f"{self.server.url}/recipient-{number}"

    def arrived(self) -> Sequence[Arrival]:
        return [
            Arrival(
                one.id,
                (f"{self.server.url.removesuffix('/hook')}{one.path}",),
                {"payload": json.loads(one.body)},
                sha256(one.body).hexdigest(),
            )
            for one in list(self.server.accepted)
        ]

    def fail(self) -> None:
        self.server.answers.append(Answer(500, body=b"a stack trace"))

    def leave(self, address: str) -> None:
        self.server.always = Answer(410)

    def redirect(self, address: str, other: str) -> None:
        self.server.answers.append(Answer(307, {"Location": other}))

    def be_busy_for(self, seconds: int) -> None:
        self.server.answers.append(Answer(503, {"Retry-After": str(seconds)}))

    def fall_silent(self) -> None:
        self.limit = LITTLE
        self.server.always = evolve(self.server.always, way="silent")

    def dribble(self) -> None:
        self.limit = LITTLE
        self.server.always = evolve(self.server.always, status=200, way="dribble")

    def vanish(self) -> None:
        self.server.stop()

    def come_back(self) -> None:
        self.server.start()

    def close(self) -> None:
        self.server.stop()


class SecureWebhookWorld(WebhookWorld):
    """A web server that takes webhooks by TLS."""

    tls = True
