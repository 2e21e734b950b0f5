"""What it costs to tell ten thousand customers: drafted and delivered, beside loops that only write and send.

Run with ``nox -s benchmarks -- -k breach_delivery``.

The loop beside it is what a careful person writes by hand: each customer's message from a text that is ready, with
`smtplib` or `http.client` and the signature of a webhook, in as many threads as the courier has, each with one
connection that it keeps. It has no store, no trail, no evidence and no second attempt. The receivers are in a process
of their own: aiosmtpd for mail, and the standard library's web server.
"""

from __future__ import annotations

import base64
import http.client
import json
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.policy.breach.notices.conftest import ID, RULES, STATED, World, affected

from smartify_core.policy.breach import Contact, Customer, Notice, Notifier, Phase
from smartify_core.policy.breach._delivery import Courier
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier
from smartify_core.storage.sqlite import SQLiteStorage

TENANTS, THREADS, BATCH = 10_000, 8, 500
SENDER = "security@vendor.example"
#: The least part of the loop's speed that drafting and delivering has.
LEAST = 0.5
_Message = TypeVar("_Message")


@contextmanager
def receiver(kind: str) -> Iterator[int]:
    """Run a bare receiver, and return its port."""
    command = [sys.executable, str(Path(__file__).with_name("_breach_servers.py")), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def in_threads(work: Callable[[Sequence[_Message]], None], messages: Sequence[_Message]) -> float:
    """Return the seconds that it takes to send messages in threads."""
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [messages[one::THREADS] for one in range(THREADS)]))
    return time.perf_counter() - started


def bare_mail(port: int) -> Callable[[Sequence[bytes]], None]:
    """Return the bare loop of mail."""

    def work(messages: Sequence[bytes]) -> None:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            for message in messages:
                assert not connection.sendmail(SENDER, ["mail@customer.example"], message)

    return work


def bare_web(port: int) -> Callable[[Sequence[bytes]], None]:
    """Return the bare loop of webhooks."""

    def work(messages: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for message in messages:
            connection.request("POST", "/hook", message, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204
        connection.close()

    return work


def mail_of(notice: Notice, address: str) -> EmailMessage:
    """Return a notice as a message to an address."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, address, notice.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="vendor.example")
    message.set_content(notice.text)
    message.add_alternative(notice.html, subtype="html")
    return message


def loop_of_mail(port: int, notice: Notice) -> Callable[[Sequence[str]], None]:
    """Return the loop that a careful person writes for mail."""

    def work(addresses: Sequence[str]) -> None:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as connection:
            for address in addresses:
                assert not connection.send_message(mail_of(notice, address))

    return work


def loop_of_web(port: int, notice: Notice) -> Callable[[Sequence[str]], None]:
    """Return the loop that a careful person writes for webhooks."""
    key, payload = Ed25519PrivateKey.generate(), json.loads(notice.payload)

    def work(addresses: Sequence[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number, address in enumerate(addresses):
            body = json.dumps({**payload, "text": notice.text}).encode()
            instant = str(int(time.time()))
            signature = key.sign(f"{number}.{instant}.".encode() + body)
            headers = {
                "Content-Type": "application/json",
                "webhook-id": str(number),
                "webhook-timestamp": instant,
                "webhook-signature": f"v1a,{base64.b64encode(signature).decode()}",
            }
            connection.request("POST", f"/{address.rpartition('/')[2]}", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204
        connection.close()

    return work


def shipped(channel: str, port: int) -> Notifier:
    """Return the channel that this library ships."""
    if channel == "mail":
        return SmtpNotifier("localhost", port, sender=SENDER, security="none")
    return WebhookNotifier({"only": WebhookKey.generate()}, allow_private=True, allow_http=True)


def assessed(path: Path, channel: str, port: int) -> World:
    """Return a host that knows which of its customers an incident concerns: ten thousand."""
    world = World(SQLiteStorage(path))
    tenants = [f"tenant-{number:05}" for number in range(TENANTS)]
    for start in range(0, TENANTS, BATCH):
        some = tenants[start : start + BATCH]
        world.register(*(Customer(one, (Contact("it", channel, address_of(channel, port, one)),)) for one in some))
    world.assess(*(affected(one, subjects=1 + number % 997) for number, one in enumerate(tenants)))
    world.notices.state(ID, STATED, by="e-1")
    return world


def address_of(channel: str, port: int, tenant: str) -> str:
    """Return where a customer is told."""
    return f"it@{tenant}.example" if channel == "mail" else f"http://127.0.0.1:{port}/{tenant}"


@frozen(order=False)
class Told:
    """What it took to draft a round and to deliver it, in seconds, and in seconds of this process's CPU."""

    drafting: float
    drafting_cpu: float
    delivering: float
    delivering_cpu: float
    notice: Notice


def told(world: World, notifier: Notifier) -> Told:
    """Draft a round, release it, spread it and deliver it."""
    started, cpu = time.perf_counter(), time.process_time()
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.notices.send(ID, by="e-1", digest=drafted.digest)
    between, cpu_between = time.perf_counter(), time.process_time()
    courier = Courier(
        world.storage,
        world.sealer,
        world.policy.trail,
        [notifier],
        rules=RULES,
        threads=THREADS,
        lease=timedelta(hours=1),
    )
    run = courier.run_once()
    ended, cpu_ended = time.perf_counter(), time.process_time()
    assert (run.spread, run.accepted) == (TENANTS, TENANTS)
    notice = world.notices.notice(ID, "tenant-00001")
    world.storage.close()
    return Told(between - started, cpu_between - cpu, ended - between, cpu_ended - cpu_between, notice)


@pytest.mark.parametrize("channel", ["mail", "webhook"])
def test_delivery(tmp_path: Path, channel: str) -> None:
    """10,000 notices are drafted and delivered at no less than half of the speed of a loop that only sends them.

    All of it counts: the drafting of every notice, its record, the trail, the delivery and its evidence, in a SQLite
    file. Printed beside it are the speed without drafting, and that of a loop whose messages are bytes already.
    """
    with receiver("aiosmtpd" if channel == "mail" else "web") as port:
        ours = told(assessed(tmp_path / "store.db", channel, port), shipped(channel, port))
        notice = ours.notice
        addresses = [address_of(channel, port, f"tenant-{number:05}") for number in range(TENANTS)]
        loop = in_threads((loop_of_mail if channel == "mail" else loop_of_web)(port, notice), addresses)
        if channel == "mail":
            ready, barely = mail_of(notice, addresses[0]).as_bytes(policy=SMTP), bare_mail(port)
        else:
            ready, barely = notice.payload.encode(), bare_web(port)
        minimal = in_threads(barely, [ready] * TENANTS)
    whole = ours.drafting + ours.delivering
    figures = {
        "channel": channel,
        "notices": TENANTS,
        "loop, messages/s": round(TENANTS / loop),
        "loop of ready bytes, messages/s": round(TENANTS / minimal),
        "drafted and delivered, notices/s": round(TENANTS / whole),
        "delivered, notices/s": round(TENANTS / ours.delivering),
        "drafting, CPU microseconds a notice": round(ours.drafting_cpu / TENANTS * 1e6),
        "delivering, CPU microseconds a notice": round(ours.delivering_cpu / TENANTS * 1e6),
        "drafted and delivered / loop, speed": round(loop / whole, 2),
        "delivered / loop, speed": round(loop / ours.delivering, 2),
        "drafted and delivered / loop of ready bytes, speed": round(minimal / whole, 2),
    }
    print(json.dumps(figures, indent=2))
    assert loop / whole >= LEAST, figures
