"""When absence from a read must not be looked into any further."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.directory import Capability, Certificate, Listing
from smartify_core.lifecycle import Counts, Guards, Reconciler, Rules
from smartify_core.lifecycle._guards import (
    why_absence_proves_nothing,
    why_the_directory_is_a_stranger,
    why_the_directory_shrank,
)
from smartify_core.testing import FakeDirectory, identity

World = Any  # the class is in conftest.py, which importlib mode does not let tests import

WHOLE = Certificate((Listing("users", 1, 10),))
ABLE = frozenset({Capability.IMMUTABLE_IDS, Capability.SINGLE_READ})


def test_certified_read_lets_absence_be_confirmed() -> None:
    """A complete read by a source that can be asked gives no reason to hold anybody."""
    assert why_absence_proves_nothing(WHOLE, ABLE) is None


@pytest.mark.parametrize(
    "certificate",
    [Certificate(()), Certificate((Listing("users", 1, 10), Listing("members", 1, 3, "cut short")))],
    ids=["vouches for nothing", "one listing cut short"],
)
def test_uncertified_read_proves_nothing(certificate: Certificate) -> None:
    """One listing that is not whole, or no listing at all, is enough to hold everybody."""
    reason = why_absence_proves_nothing(certificate, ABLE)
    assert reason is not None
    assert "certified" in reason


def test_source_that_cannot_be_asked_removes_nobody() -> None:
    """Without a way to confirm one person, absence stays a rumour."""
    able = frozenset({Capability.IMMUTABLE_IDS, Capability.PUSH})
    assert why_absence_proves_nothing(WHOLE, able) is not None


@pytest.mark.parametrize("known", [1, 2, 40])
def test_empty_directory_is_not_believed(known: int) -> None:
    """A directory that shows nobody is taken for a fault, even for a customer of one."""
    assert why_the_directory_shrank(Guards(), known=known, absent=known, people_read=0) is not None


def test_empty_directory_of_a_customer_without_accounts_is_no_fault() -> None:
    """Where nobody is known nobody is missing."""
    assert why_the_directory_shrank(Guards(), known=0, absent=0, people_read=0) is None


@pytest.mark.parametrize(
    ("known", "absent", "believed"), [(100, 50, True), (100, 51, False), (6, 5, True), (7, 6, False)]
)
def test_shrunken_directory_is_not_believed(known: int, absent: int, *, believed: bool) -> None:
    """Half of the known people may be missing, or five of a small customer; with one more nobody is asked for."""
    reason = why_the_directory_shrank(Guards(), known=known, absent=absent, people_read=known - absent)
    assert (reason is None) is believed


@pytest.mark.parametrize("known", [1, 2, 40])
def test_directory_of_strangers_is_recognised(known: int) -> None:
    """A directory that shows none of the people known here is taken for somebody else's, however few they are."""
    assert why_the_directory_is_a_stranger(known=known, absent=known, people_read=50) is not None
    assert why_the_directory_is_a_stranger(known=known, absent=known - 1, people_read=50) is None


def test_first_run_knows_nobody_and_is_no_stranger() -> None:
    """A tenant without accounts has nobody to recognise the directory by."""
    assert why_the_directory_is_a_stranger(known=0, absent=0, people_read=50) is None


def test_waiting_accounts_are_known_where_nobody_else_is(world: World) -> None:
    """When all accounts wait for their retention, a directory that shows none of them lets nobody in, or go."""
    world.obey(Rules(retain_for=timedelta(days=30)))
    people = world.staffed(3)
    for person in people:
        world.directory.delete(person)
    world.run()
    world.approve(world.waiting_plan())
    strangers = [identity("stranger-1"), identity("stranger-2")]
    wrong = Reconciler({"acme": FakeDirectory(*strangers)}, world.storage, world.sealer, clock=world.clock)
    assert wrong.run("acme").counts == Counts(held=2, unchanged=3)
    world.clock.advance(timedelta(days=31))
    assert wrong.run("acme").counts.changes == 0
    assert set(world.live()) == {person.source_id for person in people}


def test_one_waiting_person_who_returns_makes_the_directory_known(world: World) -> None:
    """Where one of them is seen again the directory is the right one, and newcomers are let in with them."""
    world.obey(Rules(retain_for=timedelta(days=30)))
    one, *others = world.staffed(3)
    for person in (one, *others):
        world.directory.delete(person)
    world.run()
    world.approve(world.waiting_plan())
    world.directory.undelete(one)
    world.directory.add(identity("newcomer"))
    assert world.run().counts == Counts(provisioned=1, reactivated=1, unchanged=2)
