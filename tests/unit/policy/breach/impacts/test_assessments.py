"""Impacts on record: whole or not there, told apart from one another, and never mixed up by two who write at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from smartify_core.errors import IncidentClash, TrailBroken, UnknownIncident, UsageError
from smartify_core.model import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import BreachScope, Outcome, ScopeKind, TenantImpact
from smartify_core.policy.breach._impacts import _kept_impacts, _passing
from smartify_core.policy.breach._impacts._kept_impacts import Writing
from smartify_core.policy.breach._impacts._pairs import Pairs
from smartify_core.policy.breach._places import TENANT_IMPACT
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.walks import every_document

from ._world import HOUR, INCIDENT, TENANTS, World


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world in which e-1 looked at a person of Acme's and at everybody of Globex's."""
    with World() as made:
        made.grant("e-1", "acme")
        made.grant("e-1", "globex")
        made.open("e-1", "acme", 0)
        made.open("e-1", "globex")
        made.clock.advance(HOUR)
        yield made


STOLEN = BreachScope(ScopeKind.ACTOR, ["e-1"])


def told(world: World) -> list[Any]:
    """Return the facts of every entry that says that an impact was worked out."""
    return [one.record.facts for one in world.policy.trail.entries() if one.record.kind == "incident.assessed"]


def test_an_impact_is_read_as_it_was_returned(world: World) -> None:
    """What is returned, what is on record and what the trail says of it agree."""
    impact = world.assess(STOLEN)
    room = world.assessments
    assert room.get(INCIDENT) == room.get(INCIDENT, 1) == impact
    assert impact.whole
    assert impact.tenants == len(TENANTS)
    assert [one.tenant for one in room.tenants(INCIDENT, also_unaffected=True)][-1] == "initech"
    every = {one.tenant: one.outcome for one in room.tenants(INCIDENT, also_unaffected=True)}
    assert every == {"acme": Outcome.AFFECTED, "globex": Outcome.AFFECTED, "initech": Outcome.NOT_AFFECTED}
    assert room.tenant(INCIDENT, "nobody").outcome is Outcome.NOT_AFFECTED
    globex = room.tenant(INCIDENT, "globex")
    assert globex.fields == ("email", "family_name", "given_name", "groups")
    assert (globex.subjects, globex.records, globex.scopes, globex.chunks) == (4, 1, (0,), 1)
    assert globex.first_at == globex.last_at == world.opened[1].at
    (facts,) = told(world)
    assert (facts["revision"], facts["affected"], facts["not_affected"]) == (1, 2, 1)
    assert (facts["trail_size"], facts["trail_root"]) == (impact.trail_size, impact.trail_root)


def test_the_same_question_has_the_same_answer(world: World) -> None:
    """Another computation with the same scopes is a revision of its own, and finds the same."""
    first = world.assess(STOLEN)
    second = world.assessments.assess(INCIDENT, by="admin")
    assert (second.revision, second.digest, second.counts) == (2, first.digest, first.counts)
    difference = world.assessments.difference(INCIDENT, 1, 2)
    assert (difference.newly, difference.no_longer, difference.changed) == ((), (), ())
    assert (told(world)[1]["newly"], told(world)[1]["no_longer"]) == (0, 0)


def test_other_scopes_have_another_answer(world: World) -> None:
    """What came and what went between two computations is told, in the trail with counts."""
    world.assess(STOLEN)
    world.grant("e-3", "initech")
    world.open("e-3", "initech", 1)
    world.open("e-1", "acme", 3)
    recorded = Recorded(world.storage, world.sealer, world.policy.trail)
    world.incident(
        evolve(STOLEN, tenants=["acme"]), BreachScope(ScopeKind.ACTOR, ["e-3"]), over=recorded.get(INCIDENT)[0]
    )
    world.assessments.assess(INCIDENT, by="admin")
    difference = world.assessments.difference(INCIDENT, 1, 2)
    assert (difference.newly, difference.no_longer, difference.changed) == (("initech",), ("globex",), ("acme",))
    assert (told(world)[1]["newly"], told(world)[1]["no_longer"]) == (1, 1)


def test_what_is_not_there_is_said(world: World) -> None:
    """An incident or a revision that does not exist is an error of its own, and so is an id that is none."""
    room = world.assessments
    with pytest.raises(UnknownIncident):
        room.assess("inc-20300101-ffffffff", by="admin")
    world.incident(STOLEN)
    with pytest.raises(UnknownIncident):
        room.get(INCIDENT)
    with pytest.raises(UnknownIncident):
        list(room.tenants(INCIDENT, 7))
    with pytest.raises(UsageError):
        room.assess(INCIDENT, by="")


def test_an_attempt_that_was_killed_does_not_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any of its steps, a computation leaves nothing that is read; the next one writes over what it left."""
    monkeypatch.setattr(_kept_impacts, "_WRITTEN_AT_ONCE", 1)
    world.incident(STOLEN)
    flush, steps = Writing.flush, [0]

    def killed_at(number: int) -> Any:
        def killed(self: Writing) -> None:
            steps[0] += 1
            if steps[0] == number:
                raise KeyboardInterrupt
            flush(self)

        return killed

    number = 0
    while True:
        number += 1
        steps[0] = 0
        monkeypatch.setattr(Writing, "flush", killed_at(number))
        try:
            impact = world.assessments.assess(INCIDENT, by="admin")
        except KeyboardInterrupt:
            with pytest.raises(UnknownIncident):
                world.assessments.get(INCIDENT)
        else:
            break
    assert number > 4
    assert impact.revision == 1
    assert world.reached() == world.acted("e-1", world.opened[0].at, world.clock())[0]
    kinds = [one.kind for one in every_document(world.storage, LEDGER) if one.kind.startswith("impact")]
    assert kinds == ["impact", *["impact subjects"] * 2, *["impact tenant"] * 2, "impact unaffected"]


def test_an_attempt_with_other_scopes_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants of an attempt that was cut short are not those of the next one at the same revision."""
    world.incident(STOLEN)
    with monkeypatch.context() as patched:
        patched.setattr(Recorded, "change", _killed)
        with pytest.raises(KeyboardInterrupt):
            world.assessments.assess(INCIDENT, by="admin")
    recorded = Recorded(world.storage, world.sealer, world.policy.trail)
    world.incident(evolve(STOLEN, tenants=["acme"]), over=recorded.get(INCIDENT)[0])
    assert world.assessments.assess(INCIDENT, by="admin").revision == 1
    assert [one.tenant for one in world.assessments.tenants(INCIDENT)] == ["acme"]
    assert list(world.assessments.subjects(INCIDENT, "globex")) == []


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_whoever_begins_later_takes_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who compute the same revision the one that began first is refused, and nothing of theirs is mixed in."""
    world.incident(STOLEN)
    run = _passing.Passing.run
    write = Writing.flush
    inside: list[bool] = []

    def interrupted(self: Writing) -> None:
        write(self)
        if not inside:
            inside.append(True)
            monkeypatch.setattr(_passing.Passing, "run", run)
            world.assessments.assess(INCIDENT, by="e-8")

    monkeypatch.setattr(Writing, "flush", interrupted)
    with pytest.raises(IncidentClash):
        world.assessments.assess(INCIDENT, by="admin")
    assert world.assessments.get(INCIDENT).by == "e-8"
    assert world.reached().keys() == {"acme", "globex"}


def test_scopes_that_change_meanwhile_are_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An impact of scopes that are not the incident's any more does not count."""
    world.incident(STOLEN)
    recorded = Recorded(world.storage, world.sealer, world.policy.trail)
    run = _passing.Passing.run

    def changed(self: _passing.Passing, size: int) -> Any:
        monkeypatch.setattr(_passing.Passing, "run", run)
        world.incident(evolve(STOLEN, tenants=["acme"]), over=recorded.get(INCIDENT)[0])
        return run(self, size)

    monkeypatch.setattr(_passing.Passing, "run", changed)
    with pytest.raises(IncidentClash):
        world.assessments.assess(INCIDENT, by="admin")
    with pytest.raises(UnknownIncident):
        world.assessments.get(INCIDENT)


def test_an_entry_that_is_missing_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trail that ends before its head, or has a hole, is broken: nothing is computed from it."""
    world.incident(STOLEN)
    policy = world.policy
    contents = list(policy.trail.contents())
    for wrong in (contents[:-1], [*contents[:3], *contents[4:]], [evolve(contents[0], content=b"{}"), *contents[1:]]):
        with monkeypatch.context() as patched:
            patched.setattr(policy.trail, "contents", lambda wrong=wrong: iter(wrong))
            with pytest.raises(TrailBroken):
                world.assessments.assess(INCIDENT, by="admin")
    assert told(world) == []


def test_many_accounts_are_listed_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists longer than one document come back whole, and so they do where memory held none of them."""
    monkeypatch.setattr("smartify_core.policy.breach._impacts._assessing.AT_ONCE", 3)
    spilling = Pairs.__init__
    monkeypatch.setattr(Pairs, "__init__", lambda self: spilling(self, held=1))
    world.assess(STOLEN)
    assert world.assessments.tenant(INCIDENT, "globex").chunks == 2
    assert world.reached() == world.acted("e-1", world.opened[0].at, world.clock())[0]


def test_nothing_personal_is_in_the_trail_or_in_what_is_shown(world: World) -> None:
    """Neither the entry nor an impact's limits hold a name, an address or a text that somebody typed."""
    impact = world.assess(STOLEN)
    shown = repr(impact) + repr(told(world)) + repr(list(world.assessments.tenants(INCIDENT)))
    for text in ("a signal", "@", "a reason"):
        assert text not in shown


def test_many_tenants_are_read_in_few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages grow where much is read: what a thousand tenants have takes half a dozen pages, and comes back whole."""
    with MemoryStorage() as storage:
        sealer, asked = Sealer(MemoryKeyRing()), list[int]()
        shelf = Shelf(storage, sealer, TENANT_IMPACT, TenantImpact)
        names = [f"tenant-{number:04}" for number in range(1_000)]
        puts = [shelf.put(f"a/{name}", TenantImpact(name, Outcome.AFFECTED), over=0) for name in names]
        others = [shelf.put(f"{key}/x", TenantImpact(key, Outcome.AFFECTED), over=0) for key in "Zb"]
        for start in range(0, len(puts), 100):
            storage.record(LEDGER, documents=puts[start : start + 100])
        storage.record(LEDGER, documents=others)
        documents = storage.documents

        def counted(*args: Any, limit: int, **more: Any) -> Any:
            asked.append(limit)
            return documents(*args, limit=limit, **more)

        monkeypatch.setattr(storage, "documents", counted)
        assert [one.tenant for _, one, _ in shelf.beginning_with("a/")] == names
        assert asked == [32, 64, 128, 256, 512, 1_000]
        asked.clear()
        assert len(list(shelf.beginning_with("Z/"))) == 1
        assert asked == [32]
