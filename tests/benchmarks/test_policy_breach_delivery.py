"""What it costs to tell ten thousand customers: the courier beside bare loops that only send the same messages.

Run with ``nox -s benchmarks -- -k breach_delivery``.

The bare loops are `smtplib` and `http.client` in as many threads as the courier has, each with one connection that it
keeps, and with messages that were made before: no store, no trail, no evidence. The receivers are bare as well, in a
process of their own, so that both sides have a core where there are two.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.policy.breach.delivery._host import INCIDENT_ID, Host, notice_of

from smartify_core.model import LEDGER
from smartify_core.policy.breach import AttemptVerdict, Contact, Customer, Notice, Notifier, Parcel, Reply
from smartify_core.policy.breach._places import CUSTOMER, NOTICE, of_tenant
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier
from smartify_core.storage.sqlite import SQLiteStorage

TENANTS, THREADS, BATCH = 10_000, 8, 200
SENDER = "security@vendor.example"
#: How much more of this process's CPU a notice costs than a message of the bare loop, at most.
MOST = 12.0


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


def in_threads(work: Callable[[Sequence[bytes]], None], messages: Sequence[bytes]) -> tuple[float, float]:
    """Return the seconds, and those of this process's CPU, that it takes to send messages in threads."""
    threads = [threading.Thread(target=work, args=(messages[one::THREADS],)) for one in range(THREADS)]
    started, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, time.process_time() - cpu


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


def drafted(path: Path, contact: Contact) -> Host:
    """Return a host with a round for ten thousand customers that is to go out."""
    host = Host(SQLiteStorage(path))
    customers, notices = host.shelf(CUSTOMER, Customer), host.shelf(NOTICE, Notice)
    tenants = [f"tenant-{number:05}" for number in range(TENANTS)]
    for start in range(0, TENANTS, BATCH):
        some = tenants[start : start + BATCH]
        documents = [customers.put(one, Customer(one, (contact,)), over=0) for one in some]
        documents += [notices.put(of_tenant(INCIDENT_ID, 1, one), notice_of(one), over=0) for one in some]
        host.storage.record(LEDGER, documents=documents)
    host.release()
    return host


class Bare:
    """A channel that does as the bare loop does: the same calls, and the same message that was made before."""

    waits = (timedelta(minutes=1),)

    def __init__(self, channel: str, port: int, content: bytes) -> None:
        self.channel = channel
        self._port = port
        self._content = content

    def check(self, address: str) -> None:
        """Take whatever there is."""

    @contextmanager
    def opened(self) -> Iterator[Bare]:
        """Open a way out of one thread, which is an object of its own."""
        way = Bare(self.channel, self._port, self._content)
        if self.channel == "mail":
            with smtplib.SMTP("127.0.0.1", self._port) as way.mail:
                yield way
        else:
            way.web = http.client.HTTPConnection("127.0.0.1", self._port)
            yield way
            way.web.close()

    mail: smtplib.SMTP
    web: http.client.HTTPConnection

    def send(self, parcel: Parcel) -> Reply:
        """Send as the bare loop does."""
        if self.channel == "mail":
            assert not self.mail.sendmail(SENDER, ["mail@customer.example"], self._content)
            return Reply(AttemptVerdict.ACCEPTED, "250")
        self.web.request("POST", "/hook", self._content, {"Content-Type": "application/json"})
        answer = self.web.getresponse()
        answer.read()
        return Reply(AttemptVerdict.ACCEPTED, f"http {answer.status}")


def shipped(channel: str, port: int) -> Notifier:
    """Return the channel that this library ships."""
    if channel == "mail":
        return SmtpNotifier("localhost", port, sender=SENDER, security="none")
    return WebhookNotifier({"only": WebhookKey.generate()}, allow_private=True, allow_http=True)


def delivered(path: Path, contact: Contact, notifier: Notifier) -> tuple[float, float]:
    """Return the seconds, and those of this process's CPU, that spreading and delivering takes."""
    host = drafted(path, contact)
    started, cpu = time.perf_counter(), time.process_time()
    run = host.courier(notifier, threads=THREADS, lease=timedelta(hours=1)).run_once()
    spent = time.perf_counter() - started, time.process_time() - cpu
    host.storage.close()
    assert (run.spread, run.accepted) == (TENANTS, TENANTS)
    return spent


@pytest.mark.parametrize("channel", ["mail", "webhook"])
def test_delivery(tmp_path: Path, channel: str) -> None:
    """With its record, evidence and retries a notice costs at most twelve times the CPU of sending it barely.

    That is the courier by itself, with a channel that does as the bare loop does: from a drafted round to 10,000
    hearings on record. Speeds are printed beside it, and that of the courier with the channel that is shipped: they
    depend on how many cores the receivers leave to it.
    """
    with receiver(channel) as port:
        notice = notice_of("tenant-00001")
        if channel == "mail":
            contact, bare = Contact("mail", "mail", "mail@customer.example"), bare_mail(port)
            content = f"Subject: {notice.subject}\r\n\r\n{notice.text}{notice.html}".encode()
        else:
            contact, bare = Contact("hook", "webhook", f"http://127.0.0.1:{port}/hook"), bare_web(port)
            content = json.dumps({"type": "breach.notice.first", "data": json.loads(notice.payload)}).encode()
        bare_spent, bare_cpu = in_threads(bare, [content] * TENANTS)
        ours, cpu = delivered(tmp_path / "bare.db", contact, Bare(channel, port, content))
        whole, whole_cpu = delivered(tmp_path / "shipped.db", contact, shipped(channel, port))
    figures = {
        "channel": channel,
        "notices": TENANTS,
        "bare loop, messages/s": round(TENANTS / bare_spent),
        "bare loop, CPU microseconds a message": round(bare_cpu / TENANTS * 1e6),
        "courier, notices/s": round(TENANTS / ours),
        "courier, CPU microseconds a notice": round(cpu / TENANTS * 1e6),
        "courier with the shipped channel, notices/s": round(TENANTS / whole),
        "courier with the shipped channel, CPU microseconds a notice": round(whole_cpu / TENANTS * 1e6),
        "courier / bare loop, CPU": round(cpu / bare_cpu, 1),
        "courier / bare loop, speed": round(bare_spent / ours, 2),
    }
    print(json.dumps(figures, indent=2))
    assert cpu / bare_cpu <= MOST, figures
