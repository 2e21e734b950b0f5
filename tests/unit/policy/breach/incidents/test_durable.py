"""Incidents in the stores that hosts have."""

from __future__ import annotations

from tests.unit.policy.breach.incidents._house import HOUR, House

from smartify_core.policy.breach import AlarmKind, IncidentState, Phase
from smartify_core.storage import Storage


def test_an_incident_lives_in_every_store(durable_store: Storage) -> None:
    """From the first signal to the close, with a hold, an alarm and a reason, in a file and on a server."""
    house = House(durable_store)
    incident = house.assessed(*[f"t-{number:03}" for number in range(250)])
    house.incidents.hold(incident.id, until=house.now() + 30 * HOUR, ordered_by="police", by="e-2", reason="asked")
    house.clock.advance(hours=32)
    assert [(one.kind, one.count) for one in house.watch.look()] == [(AlarmKind.MISSED, 250)]
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a storm") == 250
    assert house.watch.status(incident.id)[0].unexplained == ()
    for phase in (Phase.FIRST, Phase.FINAL):
        house.send(incident.id, phase, [f"t-{number:03}" for number in range(250)])
    assert house.incidents.close(incident.id, by="e-2", reason="done").state is IncidentState.CLOSED
    house.clock.advance(days=9)
    other = house.watch_of(durable_store)
    assert other.look() == ()
    (status,) = other.status()
    assert (status.owed, status.queued, status.delivered, status.unexplained) == (250, 250, 250, ())
