"""What a notice says of times is what the clocks say: the customer's limits, the delays, and the reasons for them."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.model import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import (
    Certainty,
    ClockStart,
    Customer,
    DeadlineState,
    Hearing,
    LimitKind,
    NoticeField,
    Phase,
    TimeLimit,
    Watch,
    known,
)
from smartify_core.policy.breach._dossiers import Dossiers
from smartify_core.policy.breach._places import HEARING, of_tenant

from .conftest import ID, STATED, World, affected

HOUR = timedelta(hours=1)
ON_TIME = "within the time that we promise"
#: Not late by the host's own target, and late by the contract.
CONTRACT = TimeLimit(Phase.FIRST, 12 * HOUR, ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA, section 7")
UPDATES = TimeLimit(Phase.UPDATE, 24 * HOUR, ClockStart.LAST_NOTICE, LimitKind.CONTRACT, "DPA, section 8")


def bound(*limits: TimeLimit) -> World:
    """Return a world with one affected customer that these limits bind, and everything stated but the delay."""
    world = World()
    world.register(Customer("acme", limits=limits))
    world.assess(affected("acme"))
    world.notices.state(ID, STATED, by="e-1")
    return world


def watch(world: World) -> Watch:
    """Return the watch over a world."""
    return Watch(world.storage, world.sealer, world.policy.trail, rules=world.rules)


def heard(world: World) -> None:
    """Put on record that the customer heard of the latest round now."""
    notice = world.notices.notice(ID, "acme")
    shelf = Shelf(world.storage, world.sealer, HEARING, Hearing)
    one = Hearing(notice.id, ID, notice.round, "acme", notice.phase, world.clock(), delivered_at=world.clock())
    world.storage.record(LEDGER, documents=[shelf.put(of_tenant(ID, notice.round, "acme"), one, over=0)])


def told(world: World, phase: Phase) -> None:
    """Send a round, and have it arrive."""
    world.told(phase)
    heard(world)


def drafted(world: World, phase: Phase) -> tuple[str, bool, str | None]:
    """Draft a round: the notice's text, whether the reason of a delay is open, and when the next notice comes."""
    world.notices.draft(ID, phase, by="e-1")
    notice = world.notices.notice(ID, "acme")
    open_ = NoticeField.DELAY_REASON.value in notice.open_fields
    return " ".join(notice.text.split()), open_, json.loads(notice.payload)["data"]["next_update_at"]


def test_a_contract_makes_a_notice_late() -> None:
    """Drafted 15 hours after awareness, a notice that a contract wants in 12 says that its delay has no reason yet."""
    world = bound(CONTRACT)
    world.clock.advance(hours=14)
    (alarm,) = [one for one in watch(world).look() if one.kind.value == "missed"]
    assert alarm.citation == CONTRACT.citation
    text, is_open, _ = drafted(world, Phase.FIRST)
    assert (ON_TIME in text, is_open) == (False, True)


def test_a_notice_in_time_says_so() -> None:
    """A minute before the contract's end it is in time, and the law that binds nobody here changes nothing."""
    world = bound(CONTRACT)
    world.clock.advance(hours=10, minutes=59)
    text, is_open, _ = drafted(world, Phase.FIRST)
    assert (ON_TIME in text, is_open) == (True, False)


def test_an_update_that_is_late_says_so() -> None:
    """An update that comes 200 hours after the first notice is 128 late by the host's own target."""
    world = bound()
    told(world, Phase.FIRST)
    world.clock.advance(hours=200)
    text, is_open, _ = drafted(world, Phase.UPDATE)
    assert (ON_TIME in text, is_open) == (False, True)


def test_the_next_notice_comes_as_the_contract_says() -> None:
    """A contract of 24 hours between notices is what the notice promises, and not the host's own 72."""
    _, _, at = drafted(bound(UPDATES), Phase.FIRST)
    assert at == "2030-01-02T08:00:00Z"


def test_a_limit_that_is_over_promises_nothing() -> None:
    """Where a contract wanted an update already, the next one is promised by the time that still lies ahead."""
    limit = TimeLimit(Phase.UPDATE, 2 * HOUR, ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA, section 9")
    world = bound(limit)
    assert drafted(world, Phase.FIRST)[2] == "2030-01-01T09:00:00Z"
    world.clock.advance(hours=3)
    assert drafted(world, Phase.FIRST)[2] == "2030-01-04T11:00:00Z"


def test_a_final_notice_is_the_last_one() -> None:
    """Nothing is promised after a final notice."""
    world = bound(UPDATES)
    told(world, Phase.FIRST)
    assert drafted(world, Phase.FINAL)[2] is None


def test_a_reason_is_of_the_one_delay_that_it_was_given_for() -> None:
    """The reason of the first update is printed there, and neither with an update in time nor with one late again."""
    world = bound(UPDATES)
    told(world, Phase.FIRST)
    world.clock.advance(hours=25)
    watch(world).explain(ID, phase=Phase.UPDATE, by="e-1", reason="we were short of hands")
    text, is_open, _ = drafted(world, Phase.UPDATE)
    assert ("we were short of hands" in text, is_open) == (True, False)
    told(world, Phase.UPDATE)
    world.clock.advance(hours=1)
    text, is_open, _ = drafted(world, Phase.UPDATE)
    assert ("short of hands" in text, ON_TIME in text, is_open) == (False, True, False)
    world.clock.advance(hours=25)
    text, is_open, _ = drafted(world, Phase.UPDATE)
    assert ("short of hands" in text, ON_TIME in text, is_open) == (False, False, True)


def test_a_reason_that_was_given_before_anybody_was_named_counts_for_each() -> None:
    """A delay that is explained before the impact is known is explained to everybody whom it is then owed to."""
    world = World()
    world.register(Customer("acme", limits=(CONTRACT,)))
    world.clock.advance(hours=14)
    watch(world).explain(ID, phase=Phase.FIRST, by="e-1", reason="the trail had to be restored first")
    world.assess(affected("acme"))
    world.notices.state(ID, STATED, by="e-1")
    text, is_open, _ = drafted(world, Phase.FIRST)
    assert ("the trail had to be restored first" in text, is_open) == (True, False)
    assert watch(world).status(ID)[0].unexplained == ()


def test_a_reason_that_was_given_too_early_excuses_nothing_later() -> None:
    """Whose time ran on when a delay was explained to all has another one, which needs a reason of its own."""
    world = World()
    world.register(Customer("acme"), Customer("globex", limits=(CONTRACT,)))
    world.clock.advance(hours=14)
    watch(world).explain(ID, phase=Phase.FIRST, by="e-1", reason="the trail had to be restored first")
    world.clock.advance(hours=20)
    world.assess(affected("acme"))
    text, is_open, _ = drafted(world, Phase.FIRST)
    assert ("restored" in text, is_open) == (False, True)


def test_every_delay_of_a_notice_has_its_reason() -> None:
    """A final notice that is late as an update and as a final one is complete once both delays have their reasons."""
    final = TimeLimit(Phase.FINAL, 48 * HOUR, ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA, section 10")
    world = bound(UPDATES, final)
    told(world, Phase.FIRST)
    world.clock.advance(hours=60)
    watch(world).explain(ID, phase=Phase.UPDATE, by="e-1", reason="no update was ready")
    assert drafted(world, Phase.FINAL)[1]
    watch(world).explain(ID, phase=Phase.FINAL, by="e-1", reason="the report took longer")
    text, is_open, _ = drafted(world, Phase.FINAL)
    assert ("no update was ready" in text, "the report took longer" in text, is_open) == (True, True, False)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.builds(
            TimeLimit,
            st.sampled_from([Phase.FIRST, Phase.UPDATE]),
            st.integers(1, 100).map(lambda hours: hours * HOUR),
            st.sampled_from([ClockStart.AWARENESS, ClockStart.FIRST_SIGNAL]),
            st.just(LimitKind.CONTRACT),
            st.just("DPA"),
        ),
        max_size=3,
    ),
    st.lists(st.integers(0, 120), min_size=1, max_size=3),
)
def test_a_notice_is_late_where_the_clocks_say_so(limits: list[TimeLimit], waits: list[int]) -> None:
    """Whatever binds a customer, however long it waits: a reason is open where a deadline was missed, only there."""
    world = bound(*limits)
    phase = Phase.FIRST
    for wait in waits:
        world.clock.advance(hours=wait)
        dossiers = Dossiers(world.storage, world.sealer, world.rules)
        found = dossiers.deadlines(dossiers.of(world.incident), dossiers.customers(), world.clock())
        missed = any(one.state is DeadlineState.MISSED and one.phase in {Phase.FIRST, phase} for one in found)
        text, is_open, at = drafted(world, phase)
        assert (is_open, ON_TIME in text) == (missed, not missed)
        assert at is not None
        assert at > f"{world.clock():%Y-%m-%dT%H:%M:%SZ}"
        # Known, so that the round may go out whatever it says; what is stated counts for every customer alike.
        told(world, phase)
        phase = Phase.UPDATE


def test_what_is_stated_goes_before_the_clocks() -> None:
    """A reason that the host states to every customer is what the notice says."""
    world = bound(CONTRACT)
    world.clock.advance(hours=14)
    world.notices.state(ID, {NoticeField.DELAY_REASON: known("we looked into it first")}, by="e-1")
    text, is_open, _ = drafted(world, Phase.FIRST)
    assert ("we looked into it first" in text, is_open) == (True, False)
    assert world.notices.statement(ID).answers["delay_reason"].certainty is Certainty.KNOWN
