"""What a source of somebody's own may yield by mistake: set aside one by one, never kept in the open, never fatal."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from attrs import evolve

from smartify_core.directory import Presence, Present, Reject
from smartify_core.lifecycle import Counts, Reconciler, Verdict
from smartify_core.lifecycle._sorting import Memory
from smartify_core.lifecycle._usable import is_id, why_unusable
from smartify_core.model import Group, Identity, Membership, MembershipPath
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import

HALF = "half \ud800"
ODD_IDS = ["", "private.person@acme.example", HALF, "half " * 500]


class OddDirectory(FakeDirectory):
    """Yields people as they are in `odd` instead of how the directory has them, and whoever else is there."""

    def __init__(self, *people: Identity) -> None:
        super().__init__(*people)
        self.odd: list[Identity] = []
        self.spoiled: list[Reject] = []

    def snapshot(self, *, progress: Any = None) -> Any:
        snapshot: Any = super().snapshot(progress=progress)
        read, found = snapshot.read, snapshot.found
        odd = {person.source_id for person in self.odd}
        snapshot.read = lambda: (*self.odd, *(person for person in read() if person.source_id not in odd))
        snapshot.found = lambda: evolve(found(), rejects=tuple(self.spoiled))
        return snapshot

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        odd = {person.source_id: Present(person) for person in self.odd}
        return {**super().look_up(source_ids), **{one: odd[one] for one in source_ids if one in odd}}


def staffed(world: World, number: int = 3) -> tuple[list[Identity], OddDirectory]:
    """Settle a tenant, and have its directory be an odd one from then on."""
    people = world.staffed(number, groups=["eng"])
    directory = OddDirectory(*world.directory.truth())
    world.directory = directory
    world.reconciler = world.worker()
    return people, directory


def everything_kept(world: World) -> str:
    """Return whatever the store holds in the open."""
    entries = world.storage.entries(TENANT)
    return repr((world.state(), world.storage.document(TENANT, "run", "state"), entries, world.storage.heads(TENANT)))


@pytest.mark.parametrize("source_id", ODD_IDS, ids=["empty", "address", "half a pair", "too long"])
@pytest.mark.parametrize("memory", get_args(Memory))
def test_id_that_cannot_be_kept_is_set_aside(
    world: World, caplog: pytest.LogCaptureFixture, source_id: str, memory: Memory
) -> None:
    """Everybody else is brought in step, who is gone goes, and the id stands nowhere but as a keyed hash."""
    caplog.set_level(logging.DEBUG)
    (one, two, _), directory = staffed(world)
    directory.rename(one, given_name="New")
    directory.delete(two)
    odd = evolve(identity("odd"), source_id=source_id)
    directory.odd = [odd, evolve(odd, given_name="Twin")]
    reconciler = Reconciler({TENANT: directory}, world.storage, world.sealer, clock=world.clock, memory=memory)
    run = reconciler.run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.DEGRADED, Counts(updated=1, deleted=1, unchanged=1, quarantined=1))
    (aside,) = run.quarantined
    assert aside.source_id.startswith("unusable-")
    assert "private" not in f"{everything_kept(world)}{run}{caplog.text}"
    assert "half" not in f"{aside.source_id}{caplog.text}"
    again = reconciler.run(TENANT)
    assert again.quarantined == run.quarantined
    (record,) = world.state().quarantine
    assert record.attempts == 2
    directory.odd = []
    assert reconciler.run(TENANT).verdict is Verdict.COMPLETE
    assert world.state().quarantine == ()


@pytest.mark.parametrize("source_id", ODD_IDS, ids=["empty", "address", "half a pair", "too long"])
def test_reject_whose_id_cannot_be_kept_is_set_aside_likewise(world: World, source_id: str) -> None:
    """A source's own rejects are not believed to have better ids."""
    _, directory = staffed(world)
    directory.spoiled = [Reject(source_id, "no email", "page 1")]
    (aside,) = world.run().quarantined
    assert (aside.source_id.startswith("unusable-"), aside.reason) == (True, "no email (page 1)")
    assert "private" not in everything_kept(world)


def grouped(person: Identity, *group_ids: str) -> Identity:
    """Return the person in such groups."""
    groups = (Group(one, "list@acme.example", "List") for one in group_ids)
    return evolve(person, memberships=tuple(Membership(group, MembershipPath.DIRECT) for group in groups))


def impossible(person: Identity) -> dict[str, Identity]:
    """Return the person as nobody can be, by what is wrong with them."""
    return {
        "no email": evolve(person, email=""),
        "no address": evolve(person, email="private.person"),
        "long address": evolve(person, email="p" * 309 + "@acme.example"),
        "half a pair": evolve(person, family_name=HALF),
        "long name": evolve(person, given_name="n" * 1_001),
        "group known by address": grouped(person, "private.list@acme.example"),
        "group without id": grouped(person, ""),
        "group with a long id": grouped(person, "private" * 300),
        "group with half a pair": grouped(person, HALF),
        "too many groups": grouped(person, *(f"g{number:05}" for number in range(10_001))),
    }


@pytest.mark.parametrize("wrong", list(impossible(identity("any"))))
def test_impossible_person_is_set_aside_and_their_account_left(world: World, wrong: str) -> None:
    """Listed, confirmed or looked up: the account keeps what it had, and a newcomer gets none."""
    (one, two, _), directory = staffed(world)
    before = world.live()
    newcomer = identity("newcomer")
    directory.rename(two, given_name="New")
    directory.odd = [impossible(one)[wrong], impossible(newcomer)[wrong]]
    run = world.run()
    assert (run.verdict, run.counts) == (Verdict.DEGRADED, Counts(updated=1, unchanged=1, quarantined=2))
    assert {aside.source_id for aside in run.quarantined} == {one.source_id, newcomer.source_id}
    for person in (one, newcomer):
        assert world.refresh(person).counts == Counts(quarantined=1)
    assert world.live()[one.source_id] == before[one.source_id]
    assert newcomer.source_id not in world.live()
    assert "private" not in everything_kept(world)


def test_longest_person_is_let_in(world: World) -> None:
    """What is just within the bounds is somebody like anybody else."""
    _, directory = staffed(world)
    longest = evolve(identity("longest"), email="p" * 307 + "@acme.example", given_name="n" * 1_000, family_name="")
    directory.odd = [grouped(longest, *(f"g{number:05}" for number in range(10_000)))]
    assert world.run().counts == Counts(provisioned=1, unchanged=3)


def test_ids_in_any_script_are_ids() -> None:
    """An id is any text but an empty one, an address, and one that no store takes."""
    assert all(is_id(text) for text in ("1", "ω", "𝒳", "a b"))
    assert not any(is_id(text) for text in ODD_IDS)
    assert [is_id("ω" * number) for number in (1_000, 1_001)] == [True, False]
    assert why_unusable(identity("ada", groups=["eng"])) is None
