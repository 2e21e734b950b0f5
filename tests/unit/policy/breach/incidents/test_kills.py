"""A process that dies in a step of an incident leaves all of the step, or nothing of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.breach.incidents._house import ACTOR, HOUR, House
from tests.unit.policy.records.conftest import Between, die, in_child

from smartify_core.policy.breach import AlarmKind, Incidents, Phase, Watch
from smartify_core.storage.sqlite import SQLiteStorage

Step = Callable[[Incidents, Watch, str], object]
STEPS: dict[str, Step] = {
    "incident.opened": lambda incidents, _, __: incidents.open(by="e-1", signal="another sign", scopes=[ACTOR]),
    "incident.aware": lambda incidents, _, one: incidents.become_aware(one, by="e-2", reason="seen"),
    "incident.extended": lambda incidents, _, one: incidents.extend(one, ACTOR, by="e-2", reason="seen"),
    "incident.held": lambda incidents, _, one: incidents.hold(
        one, until=incidents.get(one).opened_at + 50 * HOUR, ordered_by="police", by="e-2", reason="asked"
    ),
    "incident.noted": lambda incidents, _, one: incidents.note(one, by="e-2", text="seen"),
    "incident.dismissed": lambda incidents, _, one: incidents.dismiss(one, by="e-2", reason="a test of ours"),
}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[House]:
    """Return a host whose store is a file."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        yield House(storage)


def seen(house: House) -> tuple[Any, ...]:
    """Return all that is on record of incidents: what they are, their timelines, what was said, and the trail."""
    every = [*house.incidents.all()]
    return (
        every,
        [[*house.incidents.timeline(one.id)] for one in every],
        [[*house.watch.records(one.id)] for one in every],
        house.kinds(),
    )


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_leaves_a_step_or_nothing(kept: House, tmp_path: Path, kind: str, moment: str) -> None:
    """Killed just before or after its one commit, a step is there with its event and entry, or there is none of it."""
    incident = kept.opened()
    before = seen(kept)

    def work() -> None:
        with SQLiteStorage(tmp_path / "store.db") as storage:
            options: Any = {moment: die}
            between: Any = Between(storage, **options)
            STEPS[kind](kept.incidents_of(between), kept.watch_of(between), incident.id)

    assert in_child(work) == -signal.SIGKILL
    after = seen(kept)
    if moment == "before":
        assert after == before
    else:
        assert after[3] == [*before[3], kind]
        assert sum(map(len, after[1])) == sum(map(len, before[1])) + 1
        changed = kept.incidents.get(incident.id)
        assert len([*kept.incidents.timeline(incident.id)]) == changed.events


@pytest.mark.parametrize("write", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_watch_that_dies_is_followed_by_another(kept: House, tmp_path: Path, write: int, moment: str) -> None:
    """Killed at any write of an alarm about 450 customers, what it said is on record; the next one says the rest."""
    tenants = [f"t-{number:03}" for number in range(450)]
    incident = kept.assessed(*tenants)
    kept.clock.advance(hours=25)

    def work() -> None:
        class Dying(Between):
            count = 0

            def record(self, *args: Any, **options: Any) -> None:
                self.count += 1
                if (self.count, moment) == (write, "before"):
                    die()
                self._storage.record(*args, **options)
                if (self.count, moment) == (write, "after"):
                    die()

        with SQLiteStorage(tmp_path / "store.db") as storage:
            dying: Any = Dying(storage)
            kept.watch_of(dying).look()

    assert in_child(work) == -signal.SIGKILL
    already = write - (moment == "before")
    assert len([*kept.watch.records(incident.id)]) == already
    kept.watch.look()
    records = [*kept.watch.records(incident.id)]
    assert [record.number for record in records] == [1, 2, 3]
    assert {record.said.kind for record in records} == {AlarmKind.MISSED}
    assert sorted(tenant for record in records for tenant in record.said.tenants) == tenants
    assert kept.kinds().count("deadline.missed") == 3


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reason_is_there_or_not(kept: House, tmp_path: Path, moment: str) -> None:
    """Killed around the commit of a reason, it is there for all 450 customers with its event, or for none."""
    incident = kept.assessed(*[f"t-{number:03}" for number in range(450)])
    kept.clock.advance(hours=25)
    kept.watch.look()

    def work() -> None:
        with SQLiteStorage(tmp_path / "store.db") as storage:
            options: Any = {moment: die}
            between: Any = Between(storage, **options)
            kept.watch_of(between).explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a storm")

    before = seen(kept)
    assert in_child(work) == -signal.SIGKILL
    (status,) = kept.watch.status(incident.id)
    if moment == "before":
        assert seen(kept) == before
        assert sum(one.count for one in status.unexplained) == 450
    else:
        assert status.unexplained == ()
        assert [event.kind for event in kept.incidents.timeline(incident.id)][-1] == "deadline.explained"
