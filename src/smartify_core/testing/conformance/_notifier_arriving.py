"""Clauses about what arrives, at whom, and what is told of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest

from smartify_core.errors import ContactInvalid
from smartify_core.policy.breach import AttemptVerdict

from ._notifier_world import NotifierWorld

#: What is no address of any channel.
_NONSENSE: Final = ("", " ", "\r\n", "a\nb", "a\0b", "two words", "x" * 5_000)
_channel_like = re.compile(r"[a-z][a-z0-9-]{0,31}").fullmatch
_code_like = re.compile(r"[a-z0-9][a-z0-9. -]{0,31}").fullmatch


class ArrivingClauses:
    """NO-01 to NO-08."""

    def test_NO01_channel_has_a_name_and_waits(self, world: NotifierWorld) -> None:
        """The channel has a name that contacts can give, and waits that never end before a day or go backwards."""
        notifier = world.notifier()
        assert _channel_like(notifier.channel)
        assert notifier.waits
        assert all(type(one) is timedelta and one >= timedelta(0) for one in notifier.waits)
        assert notifier.waits == world.notifier().waits
        assert list(notifier.waits) == sorted(notifier.waits)

    def test_NO02_nonsense_is_no_address(self, world: NotifierWorld) -> None:
        """What can be no address is `ContactInvalid`, which never says it; what can be one is taken."""
        notifier = world.notifier()
        for number in range(3):
            notifier.check(world.address(number))
        for bad in (*_NONSENSE, *world.nonsense):
            with pytest.raises(ContactInvalid) as caught:
                notifier.check(bad)
            shown = str(caught.value) + repr(caught.value)
            assert len(bad.strip()) <= len("https://") or bad not in shown

    def test_NO03_accepted_means_arrived_once(self, world: NotifierWorld) -> None:
        """A parcel that was accepted arrived, once."""
        with world.notifier().opened() as sender:
            for number in range(3):
                assert sender.send(world.parcel(number)).verdict is AttemptVerdict.ACCEPTED
                assert len(world.arrived()) == number + 1
        assert len({one.id for one in world.arrived()}) == 3

    def test_NO04_id_is_the_same_in_every_attempt(self, world: NotifierWorld) -> None:
        """The receiver knows a repeat by its id, which is the same in every attempt and no other parcel's."""
        with world.notifier().opened() as sender:
            for number, attempt in ((1, 1), (1, 2), (2, 1), (1, 9)):
                sender.send(world.parcel(number, attempt=attempt))
        first, again, other, last = [one.id for one in world.arrived()]
        assert first == again == last != other

    def test_NO05_each_recipient_has_a_message_alone(self, world: NotifierWorld) -> None:
        """A message goes to its recipient, and to nobody else whom the sender wrote to before."""
        with world.notifier().opened() as sender:
            for number in range(3):
                sender.send(world.parcel(number, to=number))
        assert [one.recipients for one in world.arrived()] == [(world.address(number),) for number in range(3)]

    def test_NO06_texts_arrive_unchanged(self, world: NotifierWorld) -> None:
        """What the channel carries arrives as it was given, in whatever script."""
        parcel = world.parcel()
        with world.notifier().opened() as sender:
            sender.send(parcel)
        (arrival,) = world.arrived()
        assert arrival.texts
        for name, value in arrival.texts.items():
            assert value == getattr(parcel, name), name

    def test_NO07_evidence_is_of_what_arrived(self, world: NotifierWorld) -> None:
        """The digest in the reply is that of what arrived, and the same when the same parcel is sent again."""
        with world.notifier().opened() as sender:
            replies = [sender.send(world.parcel()) for _ in range(2)]
        digests = {one.sha256 for one in world.arrived()}
        assert len(digests) == 1
        assert {one.content_sha256 for one in replies} == digests
        assert all(one.reference for one in replies)

    def test_NO08_nothing_personal_is_shown(self, world: NotifierWorld) -> None:
        """The short form of an answer is impersonal, and no reply, sender or notifier shows an address or a text."""
        notifier = world.notifier()
        parcel = world.parcel()
        with notifier.opened() as sender:
            replies = [sender.send(parcel)]
            world.fail()
            replies.append(sender.send(parcel))
            shown = [repr(notifier), repr(sender), *(repr(one) for one in replies)]
        for reply in replies:
            assert _code_like(reply.code), "a code is short and lower-case"
            assert reply.detail is None or len(reply.detail) <= 1_000
        for secret in (parcel.address, parcel.subject, parcel.text):
            assert not any(secret in text for text in (*shown, *(one.code for one in replies)))
