"""Clauses about what goes wrong: at the recipient, on the way, and in more threads than one."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Final

from smartify_core.policy.breach import AttemptVerdict, Parcel, Reply, Sender

from ._notifier_world import NotifierCapability, NotifierWorld

#: How long the kit waits for what must end in a second or so: only what never ends is caught by it.
_PATIENCE: Final = 30.0
_THREADS: Final = 4
_EACH: Final = 5
_AGAIN, _TAKEN = AttemptVerdict.TRY_AGAIN, AttemptVerdict.ACCEPTED


class FailingClauses:
    """NO-09 to NO-20."""

    def test_NO09_failure_is_tried_again(self, world: NotifierWorld) -> None:
        """A receiver that fails for now makes it ``TRY_AGAIN``; nothing arrived, and the next attempt arrives."""
        with world.notifier().opened() as sender:
            world.fail()
            assert sender.send(world.parcel()).verdict is _AGAIN
            assert not world.arrived()
            assert sender.send(world.parcel(attempt=2)).verdict is _TAKEN
        assert len(world.arrived()) == 1

    def test_NO10_refused_is_for_good(self, world: NotifierWorld) -> None:
        """A recipient who is refused for good is ``REFUSED``, nothing arrived, and the next recipient is reached."""
        world.require(NotifierCapability.REFUSES)
        world.refuse(world.address(0))
        with world.notifier().opened() as sender:
            assert sender.send(world.parcel(0, to=0)).verdict is AttemptVerdict.REFUSED
            assert not world.arrived()
            assert sender.send(world.parcel(1, to=1)).verdict is _TAKEN

    def test_NO11_gone_is_told_apart(self, world: NotifierWorld) -> None:
        """A recipient who says that it is gone is ``GONE``, and nothing arrived."""
        world.require(NotifierCapability.GONE)
        world.leave(world.address(0))
        with world.notifier().opened() as sender:
            assert sender.send(world.parcel(0, to=0)).verdict is AttemptVerdict.GONE
        assert not world.arrived()

    def test_NO12_nobody_is_sent_elsewhere(self, world: NotifierWorld) -> None:
        """A receiver that points elsewhere is a failure: what is confidential goes where the customer said."""
        world.require(NotifierCapability.REDIRECTS)
        world.redirect(world.address(0), world.address(1))
        with world.notifier().opened() as sender:
            assert sender.send(world.parcel(0, to=0)).verdict is _AGAIN
        assert not world.arrived()

    def test_NO13_wish_to_be_left_alone_is_told(self, world: NotifierWorld) -> None:
        """How long the receiver wants to be left alone is in the reply: a day at most."""
        world.require(NotifierCapability.RETRY_AFTER)
        with world.notifier().opened() as sender:
            for asked, granted in ((90, timedelta(seconds=90)), (10**9, timedelta(days=1))):
                world.be_busy_for(asked)
                reply = sender.send(world.parcel())
                assert (reply.verdict, reply.retry_after) == (_AGAIN, granted)

    def test_NO14_nobody_there_is_a_value(self, world: NotifierWorld) -> None:
        """Where nobody listens it is ``TRY_AGAIN``, and no error; the same sender goes on when somebody does."""
        world.require(NotifierCapability.REMOTE)
        with world.notifier().opened() as sender:
            world.vanish()
            assert sender.send(world.parcel()).verdict is _AGAIN
            world.come_back()
            assert sender.send(world.parcel(attempt=2)).verdict is _TAKEN

    def test_NO15_silence_ends(self, world: NotifierWorld) -> None:
        """A receiver that answers nothing makes it ``TRY_AGAIN``, in bounded time."""
        world.require(NotifierCapability.REMOTE)
        world.fall_silent()
        with world.notifier().opened() as sender:
            assert _ended(sender, world.parcel()).verdict is _AGAIN

    def test_NO16_dribbling_ends(self, world: NotifierWorld) -> None:
        """A receiver that answers a byte at a time makes it ``TRY_AGAIN``, in bounded time."""
        world.require(NotifierCapability.REMOTE)
        world.dribble()
        with world.notifier().opened() as sender:
            assert _ended(sender, world.parcel()).verdict is _AGAIN

    def test_NO17_closed_line_is_no_failure(self, world: NotifierWorld) -> None:
        """A receiver that ended the connection between two messages, as by a restart, fails no attempt."""
        world.require(NotifierCapability.REMOTE)
        with world.notifier().opened() as sender:
            assert sender.send(world.parcel(0)).verdict is _TAKEN
            world.vanish()
            world.come_back()
            assert sender.send(world.parcel(1)).verdict is _TAKEN
        assert len(world.arrived()) == 2

    def test_NO18_threads_have_ways_of_their_own(self, world: NotifierWorld) -> None:
        """Threads that each opened a sender of one notifier get in nobody's way: everything arrives, once."""
        notifier = world.notifier()
        verdicts: list[AttemptVerdict] = []
        together = threading.Barrier(_THREADS)

        def run(first: int) -> None:
            with notifier.opened() as sender:
                together.wait(_PATIENCE)
                parcels = [world.parcel(number, to=first) for number in range(first, first + _EACH)]
                verdicts.extend(sender.send(parcel).verdict for parcel in parcels)

        threads = [threading.Thread(target=run, args=(start * _EACH,), daemon=True) for start in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        assert verdicts == [_TAKEN] * _THREADS * _EACH
        assert len({one.id for one in world.arrived()}) == len(world.arrived()) == _THREADS * _EACH

    def test_NO19_closing_raises_nothing(self, world: NotifierWorld) -> None:
        """A way out can be closed unused, twice, and when the other side is gone; another opens afterwards."""
        notifier = world.notifier()
        with notifier.opened():
            pass
        opened = notifier.opened()
        sender = opened.__enter__()
        sender.send(world.parcel(0))
        if NotifierCapability.REMOTE in world.capabilities:
            world.vanish()
        opened.__exit__(None, None, None)
        opened.__exit__(None, None, None)
        if NotifierCapability.REMOTE in world.capabilities:
            world.come_back()
        with notifier.opened() as sender:
            assert sender.send(world.parcel(1)).verdict is _TAKEN

    def test_NO20_nonsense_is_refused_when_sent(self, world: NotifierWorld) -> None:
        """An address that never was one is ``REFUSED`` when it is written to, without an error."""
        parcel = world.parcel()
        with world.notifier().opened() as sender:
            for bad in ("", "a\nb", "two words"):
                assert sender.send(_readdressed(parcel, bad)).verdict is AttemptVerdict.REFUSED
        assert not world.arrived()


def _readdressed(parcel: Parcel, address: str) -> Parcel:
    values = {name: getattr(parcel, name) for name in Parcel.__match_args__}
    return Parcel(**{**values, "address": address})


def _ended(sender: Sender, parcel: Parcel) -> Reply:
    """Send in another thread, so that what never ends fails the clause instead of holding it up."""
    replies: list[Reply] = []

    def run() -> None:
        with suppress(Exception):
            replies.append(sender.send(parcel))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    assert replies, "the attempt ended, with a reply"
    return replies[0]
