"""What a message costs in the channels that are shipped, beside bare clients that send bytes which are ready.

Run with ``nox -s benchmarks -- -k breach_senders``.

One thread, one connection that is kept, and a receiver in a process of its own. Rounds take turns, and the least of
each counts: what else the machine does makes all of them slower, and none faster.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest
from attrs import evolve
from tests.benchmarks.test_policy_breach_delivery import SENDER, bare_mail, bare_web, receiver, shipped
from tests.unit.policy.breach.channels._parcels import parcel

from smartify_core.policy.breach import AttemptVerdict, Parcel
from smartify_core.policy.breach.smtp._mail import Sending, written
from smartify_core.policy.breach.smtp._mailbox import Mailbox

EACH, ROUNDS = 500, 5
#: How much more of this process's CPU a message costs than one of the bare client, at most.
MOST = 3.0
TEXT = "Grüße. Something happened to data that we hold for you: this is what we know of it now.\n\n" * 20


def parcels(channel: str, port: int) -> list[Parcel]:
    """Return parcels to different recipients of one receiver."""
    address = "privacy-{}@customer.example" if channel == "mail" else f"http://127.0.0.1:{port}/{{}}"
    one = parcel(text=TEXT, html=f"<p>{TEXT}</p>", payload={"type": "breach.notice.first", "data": {"text": TEXT}})
    return [evolve(one, id=f"ntc-{number:05}", address=address.format(number)) for number in range(EACH)]


def content_of(one: Parcel, channel: str) -> bytes:
    """Return what goes over the wire for a parcel."""
    if channel == "mail":
        mailbox = Mailbox.of(SENDER)
        return written(one, Mailbox.of(one.address), Sending("", mailbox, mailbox.domain)).content
    return json.dumps(one.payload, ensure_ascii=False).encode()


def spent(work: Callable[[], None]) -> float:
    """Return the CPU seconds that something takes of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def rounds(channel: str, port: int, sent: Sequence[Parcel]) -> Iterator[tuple[float, float]]:
    """Yield what a round costs barely, and in the channel."""
    bare = (bare_mail if channel == "mail" else bare_web)(port)
    contents = [content_of(one, channel) for one in sent]
    with ExitStack() as stack:
        sender = stack.enter_context(shipped(channel, port).opened())

        def ours() -> None:
            assert all(sender.send(one).verdict is AttemptVerdict.ACCEPTED for one in sent)

        ours()
        for _ in range(ROUNDS):
            yield spent(lambda: bare(contents)), spent(ours)


@pytest.mark.parametrize("channel", ["mail", "webhook"])
def test_sending(channel: str) -> None:
    """A message in a shipped channel, written and signed, costs at most three times the CPU of bytes that are ready."""
    with receiver(channel) as port:
        measured = list(rounds(channel, port, parcels(channel, port)))
    bare, ours = (min(one[number] for one in measured) for number in range(2))
    figures = {
        "channel": channel,
        "bare client, CPU microseconds a message": round(bare / EACH * 1e6),
        "shipped channel, CPU microseconds a message": round(ours / EACH * 1e6),
        "shipped channel / bare client, CPU": round(ours / bare, 2),
    }
    print(json.dumps(figures, indent=2))
    assert ours / bare <= MOST, figures
