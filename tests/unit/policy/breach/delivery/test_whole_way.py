"""From what is stated to what arrives: rounds as they are drafted and released, by the courier to the customer."""

from __future__ import annotations

import pytest
from tests.unit.policy.breach.delivery._host import mail
from tests.unit.policy.breach.notices.conftest import ID, STATED, World, affected

from smartify_core.policy.breach import Courier, Customer, Phase, Rehearsals, RoundState
from smartify_core.policy.breach._notices._rehearsing import rehearsal_message
from smartify_core.testing import MemoryNotifier


@pytest.fixture
def world() -> World:
    """Return a world with two affected customers: one speaks German, and one has no contact."""
    made = World()
    made.assess(affected("acme"), affected("globex"))
    made.register(Customer("acme", (mail("acme"),), locale="de"), Customer("globex", call="e-4"))
    made.notices.state(ID, STATED, by="e-1")
    return made


def test_what_was_released_arrives_and_is_acknowledged(world: World) -> None:
    """The notice that arrives is the one that was drafted, in the customer's language, and its code acknowledges it."""
    channel = MemoryNotifier("mail")
    courier = Courier(world.storage, world.sealer, world.policy.trail, [channel], rules=world.rules)
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert courier.run_once().spread == 0
    world.notices.send(ID, by="e-1")
    run = courier.run_once()
    assert (run.spread, run.accepted, run.calls) == (2, 1, 1)
    notice = world.notices.notice(ID, "acme")
    (parcel,) = channel.arrived
    assert (parcel.id, parcel.subject, parcel.text, parcel.html, parcel.locale) == (
        notice.id,
        notice.subject,
        notice.text,
        notice.html,
        "de",
    )
    hearing = courier.acknowledge_by_code(notice.code)
    assert (hearing.tenant, hearing.round, hearing.acknowledged_by) == ("acme", 1, "code")
    assert {one.tenant: one.call for one in courier.hearings(ID)} == {"acme": None, "globex": "e-4"}
    assert [one.state for one in world.notices.rounds(ID)] == [RoundState.SPREAD]


def test_an_update_follows_the_first_notice(world: World) -> None:
    """The next round reaches the same customers under ids of its own."""
    channel = MemoryNotifier("mail")
    courier = Courier(world.storage, world.sealer, world.policy.trail, [channel], rules=world.rules)
    world.told(Phase.FIRST)
    courier.run_once()
    world.told(Phase.UPDATE)
    assert courier.run_once().accepted == 1
    assert [one.kind for one in channel.arrived] == ["breach.notice.first", "breach.notice.update"]
    assert len({one.id for one in channel.arrived}) == 2
    assert courier.acknowledge(ID, "acme", by="e-1", heard_by="them", how="by phone").round == 2


def test_an_exercise_speaks_the_customers_language(world: World) -> None:
    """With the message of the room of notices an exercise is written as notices are."""
    channel = MemoryNotifier("mail")
    made = Rehearsals(
        world.storage, world.sealer, world.policy.trail, [channel], rules=world.rules, message=rehearsal_message
    )
    assert made.rehearse(by="e-1").accepted == 1
    (parcel,) = channel.arrived
    assert (parcel.locale, parcel.kind) == ("de", "breach.rehearsal")
    assert "ÜBUNG" in parcel.subject
