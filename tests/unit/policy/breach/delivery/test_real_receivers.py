"""The courier on real ways: a mail server and a web server on loopback that refuse, fall silent and go away."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests._receivers import Answer, HttpReceiver, MailServer, http_receiver, mail_server
from tests.unit.policy.breach.delivery._host import INCIDENT_ID, Host, mail, notice_of

from smartify_core.policy.breach import Contact, Delivery, DeliveryState, Notifier
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier, verify_webhook

#: Time enough for whatever ends, and little where the other side never ends.
PLENTY, LITTLE = timedelta(seconds=30), timedelta(milliseconds=300)
KEY = WebhookKey.generate()


@pytest.fixture
def post() -> Iterator[MailServer]:
    """Return a mail server."""
    with mail_server(encryption="starttls") as server:
        yield server


@pytest.fixture
def web() -> Iterator[HttpReceiver]:
    """Return a receiver of webhooks."""
    with http_receiver(tls=True) as receiver:
        yield receiver


def by_mail(server: MailServer, *, timeout: timedelta = PLENTY) -> Notifier:
    """Return the channel that leads to a mail server."""
    sender = "Vendor <security@vendor.example>"
    return SmtpNotifier("localhost", server.port, sender=sender, context=server.trust, timeout=timeout)


def by_web(receiver: HttpReceiver, *, timeout: timedelta = PLENTY) -> Notifier:
    """Return the channel that leads to a web server."""
    return WebhookNotifier({"only": KEY}, timeout=timeout, context=receiver.trust, allow_private=True)


def hook(receiver: HttpReceiver, *, tier: int = 1) -> Contact:
    """Return a contact at a web server."""
    return Contact("hook", "webhook", receiver.url, tier)


def last_code(delivery: Delivery) -> str:
    """Return the short answer of the latest attempt."""
    return delivery.attempts[-1].code


def test_both_channels_bring_one_notice(post: MailServer, web: HttpReceiver) -> None:
    """A customer gets the same notice by mail and as a signed webhook, under one id, and both answers are kept."""
    host = Host()
    host.customer("acme", mail("acme"), hook(web))
    host.release("acme")
    assert host.courier(by_mail(post), by_web(web)).run_once().accepted == 2
    notice = notice_of("acme")
    (letter,), (posted,) = post.arrived, web.accepted
    assert letter.recipients == ("mail@acme.example",)
    assert str(letter.message["Subject"]) == notice.subject
    assert notice.id in str(letter.message["Message-ID"])
    assert posted.id == notice.id
    assert verify_webhook(posted.headers, posted.body, [KEY.public], now=host.clock()) == notice.id
    deliveries = host.deliveries()
    assert last_code(deliveries["acme", "hook", 1]) == "http 204"
    assert deliveries["acme", "mail", 1].attempts[0].content_sha256 is not None


def test_a_500_is_tried_again_and_a_busy_one_left_alone(web: HttpReceiver) -> None:
    """After a 500 it comes again; who says how long it is busy is left alone for so long; all under one id."""
    host = Host()
    host.customer("acme", hook(web))
    host.release("acme")
    web.answers.extend([Answer(500), Answer(503, {"Retry-After": "7200"})])
    courier = host.courier(by_web(web))
    assert courier.run_once().failed == 1
    host.clock.advance(minutes=10)
    assert courier.run_once().failed == 1
    host.clock.advance(minutes=119)
    assert courier.run_once().accepted == 0
    host.clock.advance(minutes=1)
    assert courier.run_once().accepted == 1
    assert {one.id for one in web.arrived} == {notice_of("acme").id}
    codes = [one.code for one in host.deliveries()["acme", "hook", 1].attempts]
    assert codes == ["http 500", "http 503", "http 204"]


def test_who_is_gone_is_told_another_way(post: MailServer, web: HttpReceiver) -> None:
    """A 410 ends the webhook, and in the same run the customer is told by mail."""
    host = Host()
    host.customer("acme", hook(web), mail("acme", tier=2))
    host.release("acme")
    web.always = Answer(410)
    run = host.courier(by_mail(post), by_web(web)).run_once()
    assert (run.gone, run.escalated, run.accepted) == (1, 1, 1)
    assert len(post.arrived) == 1
    assert host.deliveries()["acme", "hook", 1].state is DeliveryState.FAILED


def test_one_refused_of_two_is_seen(post: MailServer) -> None:
    """Of two recipients at one server the one that it refuses is a failure, and the other has the notice."""
    host = Host()
    host.customer("acme", mail("acme", name="a"), mail("acme", name="b"))
    host.release("acme")
    post.refused["a@acme.example"] = "550 5.1.1 no such user"
    run = host.courier(by_mail(post)).run_once()
    assert (run.refused, run.accepted, run.calls) == (1, 1, 0)
    delivery = host.deliveries()["acme", "a", 1]
    assert (delivery.state, last_code(delivery)) == (DeliveryState.FAILED, "550 5.1.1")
    assert [one.recipients for one in post.arrived] == [("b@acme.example",)]


def test_a_server_without_an_answer_takes_no_longer_than_told(post: MailServer, web: HttpReceiver) -> None:
    """Silence is a failed attempt after the channel's time, and the other channel brings the notice meanwhile."""
    host = Host()
    host.customer("acme", hook(web), mail("acme"))
    host.release("acme")
    web.always = Answer(way="silent")
    run = host.courier(by_mail(post), by_web(web, timeout=LITTLE)).run_once()
    assert (run.failed, run.accepted) == (1, 1)
    assert last_code(host.deliveries()["acme", "hook", 1]) == "timeout"
    web.released.set()
    web.always = Answer()
    host.clock.advance(hours=1)
    assert host.courier(by_mail(post), by_web(web)).run_once().accepted == 1


def test_a_server_that_was_away_gets_it_later(post: MailServer) -> None:
    """A mail server that nobody reaches, or that is too busy, has the notice once it is back."""
    host = Host()
    host.customer("acme", mail("acme"))
    host.release("acme")
    courier = host.courier(by_mail(post))
    post.stop()
    assert courier.run_once().failed == 1
    post.start()
    post.replies["DATA"] = deque(["451 4.3.0 come back later"])
    host.clock.advance(minutes=1)
    assert courier.run_once().failed == 1
    host.clock.advance(minutes=5)
    assert courier.run_once().accepted == 1
    assert len(post.arrived) == 1


def test_a_name_that_nobody_knows_ends_with_a_call(web: HttpReceiver) -> None:
    """Where the DNS knows no such host it is tried to the end, and long before that a person is asked to call."""
    host = Host()
    host.customer("acme", Contact("hook", "webhook", "https://nowhere.invalid/hook"))
    host.release("acme")
    courier = host.courier(by_web(web))
    assert courier.run_once().failed == 1
    assert last_code(host.deliveries()["acme", "hook", 1]) == "dns"
    host.clock.advance(hours=1)
    assert courier.run_once().calls == 1
    for _ in range(12):
        host.clock.advance(days=1)
        courier.run_once()
    assert host.deliveries()["acme", "hook", 1].state is DeliveryState.FAILED
    assert host.kinds().count("notice.call") == 1
    assert host.kinds().count("notice.exhausted") == 1


def test_nothing_is_told_to_whoever_has_another_certificate() -> None:
    """A server under another name than its certificate's is told nothing, by mail or otherwise."""
    host = Host()
    with (
        http_receiver(tls=True, name="other.example") as web,
        mail_server(encryption="starttls", name="other.example") as post,
    ):
        host.customer("acme", hook(web), mail("acme"))
        host.release("acme")
        assert host.courier(by_mail(post), by_web(web)).run_once().failed == 2
        assert (web.arrived, post.arrived) == ([], [])
    codes = {last_code(one) for one in host.courier().deliveries(INCIDENT_ID)}
    assert codes == {"tls"}
