"""The one loop that looks after breaches: each of its steps is taken, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.policy.breach.delivery._host import ACCEPTED, TRY_AGAIN, Scripted

from smartify_core.errors import StorageUnavailable, UsageError
from smartify_core.policy import Policy
from smartify_core.policy.breach import Breaches, BreachRules, Contact, Customer, Tended
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

STEPS = ("canaries", "courier", "watch", "rehearsals")
DUE = BreachRules(organisation="Vendor", rehearse_by="svc-night")


class Desk:
    """Breaches over a store in memory, with a channel that answers as told."""

    def __init__(self, rules: BreachRules = DUE, answers: Sequence[Any] = (ACCEPTED,)) -> None:
        self.clock = ManualClock("2030-01-01")
        self.channel = Scripted(answers={"privacy@acme.example": answers})
        self.policy = Policy(
            MemoryStorage(), Sealer(MemoryKeyRing()), clock=self.clock, breach=rules, notifiers=[self.channel]
        )
        self.breaches: Breaches = self.policy.breaches
        contact = Contact("privacy", "mail", "privacy@acme.example")
        self.breaches.customers.register(Customer("acme", (contact,)), by="e-1", also_unknown=True)

    def break_down(self, monkeypatch: pytest.MonkeyPatch, *steps: str) -> list[str]:
        """Have these steps fail, and return a list of the steps that are taken from now on."""
        taken: list[str] = []
        rooms = {"canaries": "look", "courier": "run_once", "watch": "look", "rehearsals": "rehearse"}
        for step, call in rooms.items():
            room = getattr(self.breaches, step)
            usual = getattr(room, call)

            def step_of(*args: Any, _step: str = step, _usual: Any = usual, **options: Any) -> Any:
                taken.append(_step)
                if _step in steps:
                    raise StorageUnavailable(f"{_step}: the store is away")
                return _usual(*args, **options)

            monkeypatch.setattr(room, call, step_of)
        return taken


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_taken_whatever_becomes_of_the_others(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one step fails the others are taken all the same, and its error is raised in the end."""
    desk = Desk()
    taken = desk.break_down(monkeypatch, step)
    with pytest.raises(StorageUnavailable, match=step):
        desk.breaches.tend()
    assert taken == list(STEPS)


def test_the_first_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several steps fail the first error is the one that is raised."""
    desk = Desk()
    taken = desk.break_down(monkeypatch, "watch", "courier")
    with pytest.raises(StorageUnavailable, match="courier"):
        desk.breaches.tend()
    assert taken == list(STEPS)


def test_the_loop_outlives_a_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails in one round is told and logged by its code, and tried again in the next one, until told to stop."""
    desk = Desk()
    stop, rounds = threading.Event(), list[Tended]()
    taken = desk.break_down(monkeypatch, "courier")

    def told(tended: Tended) -> None:
        rounds.append(tended)
        if len(rounds) == 3:
            stop.set()

    desk.breaches.run(stop, every=timedelta(0), on_round=told)
    assert [len(one.trouble) for one in rounds] == [1, 1, 1]
    assert [getattr(one.trouble[0], "code", None) for one in rounds] == [StorageUnavailable.code] * 3
    assert taken.count("courier") == taken.count("watch") == 3
    logged = [vars(one) for one in caplog.records]
    assert [(one["step"], one["code"]) for one in logged] == [("courier", StorageUnavailable.code)] * 3
    assert "the store is away" not in str(logged)


def test_the_loop_outlives_a_mistake_in_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is nobody's outcome ends no worker: notices still leave when nobody is there to start it again."""
    desk = Desk()
    stop = threading.Event()

    def mistaken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.breaches.canaries, "look", mistaken)
    rounds: list[Tended] = []

    def told(tended: Tended) -> None:
        rounds.append(tended)
        stop.set()

    desk.breaches.run(stop, every=timedelta(0), on_round=told)
    assert [type(one) for one in rounds[0].trouble] == [ZeroDivisionError]
    assert rounds[0].rehearsal is not None


def test_the_loop_ends_when_told() -> None:
    """A loop whose end was told before it began does nothing."""
    desk = Desk()
    stop = threading.Event()
    stop.set()
    desk.breaches.run(stop)
    assert desk.channel.parcels == []


def test_exercises_leave_on_a_schedule() -> None:
    """What is due is sent in the name that the rules give: at first, and once the proof is half as old as it may be."""
    desk = Desk()
    first = desk.breaches.tend().rehearsal
    assert first is not None
    assert (first.tried, first.accepted) == (1, 1)
    desk.clock.advance(DUE.rehearse_every / 2)
    again = desk.breaches.tend().rehearsal
    assert again is not None
    assert again.accepted == 1
    entries = [one.record for one in desk.policy.trail.entries() if one.record.kind == "contact.rehearsed"]
    assert [one.actor for one in entries] == ["svc-night", "svc-night"]


def test_exercises_are_looked_at_once_an_hour() -> None:
    """Whatever the worker's pace, a contact that is not there is asked once an hour, and no more."""
    desk = Desk(answers=[TRY_AGAIN])
    desk.breaches.tend()
    desk.clock.advance(minutes=59)
    assert desk.breaches.tend().rehearsal is None
    desk.clock.advance(minutes=1)
    assert desk.breaches.tend().rehearsal is not None
    assert len(desk.channel.parcels) == 2


def test_no_exercise_leaves_where_nobody_is_named() -> None:
    """Without a name for the trail nothing is rehearsed by itself."""
    desk = Desk(BreachRules())
    assert desk.breaches.tend().rehearsal is None
    assert desk.channel.parcels == []


def test_no_exercise_leaves_while_there_is_a_breach() -> None:
    """A message that says that nothing has happened waits while somebody knows that something did."""
    desk = Desk()
    incident = desk.breaches.incidents.open(by="e-1", signal="a strange sign-in")
    desk.breaches.incidents.become_aware(incident.id, by="e-1", reason="it was somebody else")
    assert desk.breaches.tend().rehearsal is None
    desk.breaches.incidents.dismiss(incident.id, by="e-1", reason="it was a test")
    desk.clock.advance(hours=1)
    assert desk.breaches.tend().rehearsal is not None


@pytest.mark.parametrize("name", ["", "two words", "a\nb"])
def test_who_rehearses_has_an_id(name: str) -> None:
    """A name that the trail would refuse is refused when the rules are made."""
    with pytest.raises(UsageError, match="rehearse_by"):
        BreachRules(rehearse_by=name)
