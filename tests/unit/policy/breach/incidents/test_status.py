"""How incidents stand: counted in one pass, however many customers there are."""

from __future__ import annotations

import pytest
from tests.unit.policy.breach.incidents._house import ACTOR, HOUR, Counting, House

from smartify_core.errors import UnknownIncident
from smartify_core.policy.breach import (
    BreachRules,
    DeliveryState,
    DueNotices,
    IncidentState,
    LimitKind,
    Phase,
    RoundState,
)
from smartify_core.policy.breach._clocks import OWN_TARGET


def test_a_suspected_incident_has_nothing_due(house: House) -> None:
    """A new incident has no impact, no rounds, and nobody knows who is owed anything."""
    incident = house.opened()
    (one,) = house.watch.status()
    assert (one.id, one.state, one.first_signal_at) == (incident.id, IncidentState.SUSPECTED, house.now())
    assert (one.is_assessed, one.impact_revision, one.owed, one.outcomes) == (False, 0, None, {})
    assert (one.rounds, one.due, one.unexplained) == ((), (), ())


def test_what_is_due_next(house: House) -> None:
    """What is due is told with its instant, its citation and to whom, the most pressing first."""
    incident = house.assessed("acme", "globex")
    start = house.now()
    house.clock.advance(hours=1)
    house.send(incident.id, Phase.FIRST, ["acme"])
    one = house.watch.status(incident.id)[0]
    assert one.due == (
        DueNotices(Phase.FIRST, 1, start + 24 * HOUR, LimitKind.TARGET, OWN_TARGET, 1, ("globex",)),
        DueNotices(Phase.UPDATE, 1, start + 73 * HOUR, LimitKind.TARGET, OWN_TARGET, 1, ("acme",)),
    )
    house.clock.advance(hours=24)
    one = house.watch.status(incident.id)[0]
    assert [each.tenants for each in one.unexplained] == [("globex",)]
    assert [each.tenants for each in one.due] == [("acme",)]


def test_an_assessment_ages_with_the_scopes(house: House) -> None:
    """An impact that was computed for other scopes is told as such; a hold is told while it stands."""
    incident = house.assessed("acme")
    assert house.watch.status(incident.id)[0].is_assessed
    house.incidents.extend(incident.id, ACTOR, by="e-1", reason="it was e-9")
    until = house.now() + HOUR
    house.incidents.hold(incident.id, until=until, ordered_by="police", by="e-2", reason="asked")
    one = house.watch.status(incident.id)[0]
    assert (one.is_assessed, one.owed, one.held_until) == (False, 1, until)
    assert one.outcomes == {"affected": 1, "not-affected": 1}
    house.clock.advance(hours=1)
    assert house.watch.status(incident.id)[0].held_until is None


@pytest.mark.parametrize("told", [True, False])
def test_ciphertext_alone_is_owed_a_notice_by_the_rules(told: bool) -> None:
    """A customer of whom only ciphertext is out is owed a notice, unless the host's rules say that it is not."""
    house = House(rules=BreachRules(notify_ciphertext_only=told))
    incident = house.aware()
    house.assess(incident.id, ["acme"], ciphertext=["globex"])
    assert house.watch.status(incident.id)[0].owed == 1 + told


def test_an_impact_that_is_being_written_does_not_count(house: House) -> None:
    """While a newer impact is incomplete the one before it counts."""
    from attrs import evolve

    from smartify_core.policy._shelf import Shelf
    from smartify_core.policy.breach import Impact
    from smartify_core.policy.breach._places import IMPACT, numbered

    incident = house.assessed("acme")
    house.assess(incident.id, ["acme", "globex"])
    held, _ = Shelf(house.storage, house.sealer, IMPACT, Impact).get(numbered(incident.id, 2))
    assert held is not None
    house.put(IMPACT, Impact, {numbered(incident.id, 2): evolve(held, whole=False)})
    one = house.watch.status(incident.id)[0]
    assert (one.impact_revision, one.owed) == (1, 1)


def test_rounds_are_counted_by_customer_and_by_recipient(house: House) -> None:
    """Each customer counts once, as far as it came; one refused recipient beside another is seen in the deliveries."""
    names = ["arrived", "beside", "called", "dead", "read", "under-way"]
    incident = house.assessed(*names)
    number = house.send(incident.id, Phase.FIRST, names, delivered=False)
    at = house.now()
    done, failed, ongoing = DeliveryState.COMPLETED, DeliveryState.FAILED, DeliveryState.ONGOING
    for tenant, states in (
        ("arrived", [done]),
        ("beside", [done, failed]),
        ("called", [failed, failed]),
        ("dead", [failed]),
        ("read", [done]),
        ("under-way", [failed, ongoing]),
    ):
        house.deliver(incident.id, number, tenant, *states)
    for tenant in ("arrived", "beside", "read"):
        house.hear(incident.id, number, tenant, delivered_at=at)
    house.hear(incident.id, number, "read", acknowledged_at=at)
    house.hear(incident.id, number, "called", call_since=at, acknowledged_at=at)
    house.hear(incident.id, number, "dead", call_since=at)
    one = house.watch.status(incident.id)[0]
    assert (one.owed, one.queued, one.delivered, one.acknowledged, one.failed, one.to_call) == (6, 6, 3, 2, 1, 1)
    (first,) = one.rounds
    assert (first.phase, first.state, first.notices) == (Phase.FIRST, RoundState.SPREAD, 6)
    assert (first.queued, first.delivered, first.acknowledged, first.failed, first.to_call) == (6, 3, 2, 1, 1)
    assert first.deliveries == {done.value: 3, failed.value: 5, ongoing.value: 1}
    house.send(incident.id, Phase.UPDATE, ["dead"])
    one = house.watch.status(incident.id)[0]
    assert (one.delivered, one.failed, one.to_call) == (4, 0, 1)
    assert [(each.number, each.queued, each.delivered) for each in one.rounds] == [(1, 6, 3), (2, 1, 1)]


def test_every_incident_is_told(house: House) -> None:
    """Without an id every incident is told, those that are over included, each with its own counts only."""
    first, second = house.assessed("acme"), house.assessed("globex", "initech")
    house.send(first.id, Phase.FIRST, ["acme"])
    house.incidents.dismiss(second.id, by="e-2", reason="a test of ours")
    found = {one.id: one for one in house.watch.status()}
    assert {one: (status.owed, status.queued) for one, status in found.items()} == {
        first.id: (1, 1),
        second.id: (2, 0),
    }
    assert found[second.id].closed_at == house.now()
    with pytest.raises(UnknownIncident):
        house.watch.status("inc-20300101-00000000")


def calls_for(house: House, count: int) -> dict[str, int]:
    """Return what a store is asked for the status of an incident with so many customers, and for a look at it."""
    tenants = [f"t-{number:05}" for number in range(count)]
    incident = house.assessed(*tenants)
    number = house.send(incident.id, Phase.FIRST, tenants, delivered=False)
    for tenant in tenants[:3]:
        house.deliver(incident.id, number, tenant, DeliveryState.ONGOING)
    house.clock.advance(hours=13)
    counting = Counting(house.storage)
    watch = house.watch_of(counting)
    assert watch.status(incident.id)[0].queued == count
    found = {"status": counting.calls.total()}
    counting.calls.clear()
    assert [one.count for one in watch.look()] == [count]
    found["look"] = counting.calls.total()
    return found


def test_ten_thousand_customers_are_counted_in_few_steps() -> None:
    """The status of ten thousand customers takes at most one step for each thousand of each kind, and ten more."""
    few, many = calls_for(House(), 10), calls_for(House(), 10_000)
    # Impacts and hearings are read whole, in pages of a thousand; what else there is lies in one page each.
    assert many["status"] <= few["status"] + 2 * 10 + 2
    assert many["status"] <= 40
    # A look writes one record for each 200 customers, in one step each, which reads what it follows.
    assert many["look"] <= few["look"] + 2 * 10 + 2 + 4 * 50
