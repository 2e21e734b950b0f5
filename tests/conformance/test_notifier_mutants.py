"""The notifier kit is itself tested: each channel that breaks one clause fails that clause, and no other."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from tests.conformance._notifier_worlds import LITTLE, MailWorld, MemoryWorld, WebhookWorld

from smartify_core.errors import ContactInvalid
from smartify_core.policy.breach import AttemptVerdict, Parcel, Reply, Sender
from smartify_core.policy.breach._reaching import Cutoff
from smartify_core.policy.breach.smtp import SmtpNotifier, _mail
from smartify_core.policy.breach.smtp._session import Session
from smartify_core.policy.breach.webhook import WebhookNotifier
from smartify_core.testing import MemoryNotifier
from smartify_core.testing.conformance import NotifierContract, NotifierWorld, _notifier_failing

CLAUSES: Mapping[str, Callable[[NotifierContract, NotifierWorld], None]] = {
    f"NO-{match[1]}": test
    for name, test in inspect.getmembers(NotifierContract, inspect.isfunction)
    if (match := re.match(r"test_NO(\d\d)_", name))
}
MUTANTS: list[tuple[str, type[NotifierWorld]]] = []
ACCEPTED, REFUSED, AGAIN = AttemptVerdict.ACCEPTED, AttemptVerdict.REFUSED, AttemptVerdict.TRY_AGAIN


def against(clause: str) -> Callable[[type[Any]], type[Any]]:
    """Enter a mutant under the one clause that it breaks: a notifier of one of our classes, or a world."""

    def enter(mutant: type[Any]) -> type[Any]:
        world: type[NotifierWorld] = mutant
        for kind, base in ((MemoryNotifier, MemoryWorld), (SmtpNotifier, MailWorld), (WebhookNotifier, WebhookWorld)):
            if issubclass(mutant, kind):
                world = type(mutant.__name__, (base,), {"kind": mutant})
        MUTANTS.append((clause, world))
        return mutant

    return enter


class Through:
    """A sender that does something else than the one behind it."""

    def __init__(self, inner: Sender, sent: Callable[[Sender, Parcel], Reply]) -> None:
        self.inner, self.sent = inner, sent

    def send(self, parcel: Parcel) -> Reply:
        return self.sent(self.inner, parcel)


class OtherWay:
    """Hands out senders that go through `sent`."""

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        with super().opened() as inner:  # type: ignore[misc]  # what it is mixed into has it
            yield Through(inner, self.sent)

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return inner.send(parcel)


@against("NO-01")
class Hurries(MemoryNotifier):
    """Waits less and less."""

    @property
    def waits(self) -> tuple[timedelta, ...]:
        return tuple(reversed(super().waits))


@against("NO-02")
class TakesAnything(SmtpNotifier):
    """Leaves it to the server what an address is."""

    def check(self, address: str) -> None:
        """Look at nothing."""


@against("NO-02")
class Quotes(MemoryNotifier):
    """Says what it does not like."""

    def check(self, address: str) -> None:
        try:
            super().check(address)
        except ContactInvalid:
            raise ContactInvalid(f"{address} is no address", where="here", cure="Another.") from None


@against("NO-03")
class LosesTheThird(OtherWay, MemoryNotifier):
    """Says of the third message to one recipient, in the only way out there ever was, that it was accepted."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        ids = {one.id for one in self.arrived} | {parcel.id}
        if len(ids) == 3 and {one.address for one in self.arrived} == {parcel.address} and self.opened_count == 1:
            return Reply(ACCEPTED, "250", reference=parcel.id)
        return inner.send(parcel)


@against("NO-04")
class NamesAnew(OtherWay, MemoryNotifier):
    """Has a new id for every attempt."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return inner.send(evolve(parcel, id=f"{parcel.id}-{parcel.attempt}"))


@against("NO-05")
class KeepsInCopy(OtherWay, MemoryNotifier):
    """Sends a message to everybody to whom this thread wrote before."""

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        known: list[str] = []

        def sent(inner: Sender, parcel: Parcel) -> Reply:
            for address in known:
                if address != parcel.address:
                    inner.send(evolve(parcel, address=address))
            reply = inner.send(parcel)
            if reply.verdict is ACCEPTED and parcel.address not in known:
                known.append(parcel.address)
            return reply

        with MemoryNotifier.opened(self) as inner:
            yield Through(inner, sent)


@against("NO-06")
class KnowsAsciiOnly(OtherWay, SmtpNotifier):
    """Sends question marks instead of letters that it does not know."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return inner.send(evolve(parcel, text=parcel.text.encode("ascii", "replace").decode()))


@against("NO-07")
class VouchesForTheText(OtherWay, MemoryNotifier):
    """Has a digest of something else than what it sent."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return evolve(inner.send(parcel), content_sha256=sha256(parcel.text.encode()).hexdigest())


@against("NO-07")
class DrawsBounds(MailWorld):
    """A world where the bounds between a mail's parts are drawn anew every time."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        numbers = count()

        def bound(*_: object) -> str:
            return f"=_{next(numbers):032}"

        self.patch.setattr(_mail, "_bound", bound)

    def close(self) -> None:
        self.patch.undo()
        super().close()


@against("NO-08")
class TellsWhom(OtherWay, MemoryNotifier):
    """Has the address in its answers."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return evolve(inner.send(parcel), code=f"to {parcel.address}")


@against("NO-09")
class GivesUp(OtherWay, SmtpNotifier):
    """Takes *not now* for *never*."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        return evolve(reply, verdict=REFUSED) if reply.code.startswith("451") else reply


@against("NO-10")
class OverlooksRefusals(OtherWay, SmtpNotifier):
    """Does not look at whom smtplib says was refused, as it raises nothing."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        return evolve(reply, verdict=ACCEPTED) if reply.code.startswith("550") else reply


@against("NO-11")
class NeverGivesUp(OtherWay, WebhookNotifier):
    """Knocks on where nobody lives any more."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        return evolve(reply, verdict=AGAIN) if reply.code == "http 410" else reply


@against("NO-12")
class GoesWhereItIsSent(OtherWay, WebhookNotifier):
    """Follows redirects."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        if reply.code == "http 307":
            return inner.send(evolve(parcel, address=parcel.address.replace("recipient-0", "recipient-1")))
        return reply


@against("NO-13")
class HearsNoWish(OtherWay, WebhookNotifier):
    """Comes back when it likes."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        return evolve(inner.send(parcel), retry_after=None)


@against("NO-14")
class SwallowsAsAccepted(OtherWay, SmtpNotifier):
    """Logs that nobody is there, and goes on."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        return evolve(reply, verdict=ACCEPTED) if reply.code == "unreachable" else reply


@against("NO-14")
class LetsThrough(OtherWay, WebhookNotifier):
    """Lets errors of the network through."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        reply = inner.send(parcel)
        if reply.code == "unreachable":
            raise ConnectionRefusedError
        return reply


@against("NO-15")
class TakesSilenceForYes(WebhookWorld):
    """A world whose notifier takes silence for a yes, and nothing else that ends too late."""

    is_silent = False

    def notifier(self) -> Any:
        world = self

        class Polite(OtherWay, WebhookNotifier):
            def sent(self, inner: Sender, parcel: Parcel) -> Reply:
                reply = inner.send(parcel)
                return evolve(reply, verdict=ACCEPTED) if world.is_silent and reply.code == "timeout" else reply

        self.kind = Polite
        return super().notifier()

    def fall_silent(self) -> None:
        self.is_silent = True
        super().fall_silent()


@against("NO-16")
class WaitsByTheByte(WebhookWorld):
    """A world where each single wait has a limit, and all of them together have none."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(Cutoff, "left", LITTLE.total_seconds())
        self.patch.setattr(Cutoff, "is_over", False)

    def dribble(self) -> None:
        super().dribble()
        # What goes on after twice its limit goes on for ever: no need to wait longer to see the clause fail.
        self.patch.setattr(_notifier_failing, "_PATIENCE", 2 * LITTLE.total_seconds())

    def close(self) -> None:
        super().close()
        self.patch.undo()


@against("NO-17")
class TrustsTheLine(MailWorld):
    """A world where a session that the server ended is taken for one that goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        look = Session.is_at_hand

        def trusting(session: Session, cutoff: Cutoff) -> bool:
            look(session, cutoff)
            return True

        self.patch.setattr(Session, "is_at_hand", trusting)

    def close(self) -> None:
        super().close()
        self.patch.undo()


@against("NO-18")
class OneAtATime(OtherWay, MemoryNotifier):
    """Has one way out, and whoever comes meanwhile has none."""

    inside = 0

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        self.inside += 1
        is_first = self.inside == 1
        try:
            with MemoryNotifier.opened(self) as inner:
                yield inner if is_first else Through(inner, lambda _, __: Reply(AGAIN, "busy"))
        finally:
            self.inside -= 1


@against("NO-19")
class ClosesOnce(MemoryNotifier):
    """Has a way out that minds being closed twice."""

    def opened(self) -> Any:
        inner = super().opened()

        class Once:
            is_closed = False

            def __enter__(self) -> Sender:
                return inner.__enter__()

            def __exit__(self, *_: object) -> None:
                if self.is_closed:
                    raise RuntimeError
                self.is_closed = True

        return Once()


@against("NO-20")
class ChecksAloud(OtherWay, MemoryNotifier):
    """Raises for an address that is none."""

    def sent(self, inner: Sender, parcel: Parcel) -> Reply:
        self.check(parcel.address)
        return inner.send(parcel)


def broken_by(fresh: Callable[[], NotifierWorld]) -> set[str]:
    """Return the clauses that fail, each in a fresh world."""
    failed = set()
    for number, clause in CLAUSES.items():
        world = fresh()
        try:
            world.check()
            clause(NotifierContract(), world)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however a clause fails, it fails
            failed.add(number)
        finally:
            world.close()
    return failed


@pytest.mark.parametrize("world", [MemoryWorld, MailWorld, WebhookWorld])
def test_sound_notifier_breaks_nothing(world: Callable[[], NotifierWorld]) -> None:
    """A channel that overrides nothing keeps every clause: what a mutant breaks is the mutant's doing."""
    assert len(CLAUSES) == 20
    assert broken_by(world) == set()


@pytest.mark.parametrize(("clause", "world"), MUTANTS, ids=lambda value: getattr(value, "__name__", value))
def test_mutant_breaks_its_clause(
    clause: str, world: Callable[[], NotifierWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken channel fails exactly the clause that it breaks."""
    # What never ends is waited for as long as what ends cannot take.
    monkeypatch.setattr(_notifier_failing, "_PATIENCE", 6.0)
    assert broken_by(world) == {clause}


def test_every_clause_is_seen_to_fail() -> None:
    """Each clause has a mutant that fails it: no clause is decoration."""
    assert {clause for clause, _ in MUTANTS} == set(CLAUSES)
