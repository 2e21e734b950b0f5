"""The clocks of notices: what is due when, by whose word, and what a police hold moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.breach.incidents._house import HOUR

from smartify_core.policy.breach import (
    BreachRules,
    ClockStart,
    Customer,
    Deadline,
    DeadlineState,
    Hearing,
    Incident,
    IncidentState,
    LimitKind,
    Phase,
    PoliceHold,
    TimeLimit,
)
from smartify_core.policy.breach import _clocks as clocks
from smartify_core.policy.breach._clocks import AFTER_HOLD, OWN_TARGET, after_holds, deadlines_of

START = datetime(2030, 1, 1, tzinfo=UTC)
DPA = TimeLimit(Phase.FIRST, 12 * HOUR, ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA of 2026-01-15, section 7.2")
HIPAA = TimeLimit(Phase.FIRST, timedelta(days=60), ClockStart.FIRST_SIGNAL, LimitKind.LAW, "45 CFR 164.410(b)")


def incident(**options: Any) -> Incident:
    """Return an incident that was noticed at the start, and of which somebody became aware two hours later."""
    wanted: dict[str, Any] = {"state": IncidentState.AWARE, "aware_at": START + 2 * HOUR}
    return Incident(
        "inc-20300101-00000000", opened_at=START, opened_by="e-1", signal="odd", first_signal_at=START,
        **{**wanted, **options},
    )  # fmt: skip


def hold(at: float, until: float) -> PoliceHold:
    """Return a hold that was put on record some hours after the start, until some others."""
    return PoliceHold(START + until * HOUR, "police", "e-1", "asked", START + at * HOUR)


def heard(*at: tuple[Phase, float | None]) -> tuple[Hearing, ...]:
    """Return what one customer heard, some hours after the start; ``None`` for what has not arrived."""
    return tuple(
        Hearing(
            f"ntc-{number}", "inc-20300101-00000000", number, "acme", phase, START,
            delivered_at=None if hours is None else START + hours * HOUR,
        )
        for number, (phase, hours) in enumerate(at, start=1)
    )  # fmt: skip


def of_acme(
    hours: float, *limits: TimeLimit, one: Incident | None = None, told: Sequence[Hearing] = ()
) -> list[Deadline]:
    """Return the deadlines of a customer, some hours after the start."""
    now = START + hours * HOUR
    hearings = {"acme": told} if told else {}
    customers = {"acme": Customer("acme", limits=tuple(limits))}
    return [*deadlines_of(one or incident(), ["acme"], customers, hearings, rules=BreachRules(), now=now)]


def hours_of(deadlines: Sequence[Deadline]) -> list[tuple[str, int, float, str]]:
    """Return what counts of deadlines: phase, number, hours after the start, and state."""
    return [(one.phase.value, one.number, (one.due_at - START) / HOUR, one.state.value) for one in deadlines]


def test_the_host_has_a_target_of_its_own() -> None:
    """A customer of whom nothing is known is told within a day from awareness."""
    (one,) = deadlines_of(incident(), ["acme"], {}, {}, rules=BreachRules(), now=START)
    assert (one.tenant, one.phase, one.number, one.due_at) == ("acme", Phase.FIRST, 1, START + 26 * HOUR)
    assert (one.kind, one.citation, one.start) == (LimitKind.TARGET, OWN_TARGET, ClockStart.AWARENESS)
    assert one.state is DeadlineState.RUNNING


def test_the_earliest_of_target_contract_and_law_counts() -> None:
    """Of all that binds, the earliest counts, by its citation; the others are listed behind it."""
    (one,) = of_acme(3, HIPAA, DPA)
    assert (one.due_at, one.citation, one.kind) == (START + 14 * HOUR, DPA.citation, LimitKind.CONTRACT)
    assert [each.citation for each in one.bindings] == [DPA.citation, OWN_TARGET, HIPAA.citation]
    assert one.bindings[-1].due_at == START + timedelta(days=60)


def test_of_two_at_once_the_law_is_named() -> None:
    """A law and a contract that fall together with the target: the law is what is cited."""
    same = [
        TimeLimit(Phase.FIRST, 24 * HOUR, ClockStart.AWARENESS, kind, kind.value)
        for kind in (LimitKind.CONTRACT, LimitKind.LAW)
    ]
    (one,) = of_acme(3, *same)
    assert [each.kind for each in one.bindings] == [LimitKind.LAW, LimitKind.CONTRACT, LimitKind.TARGET]


def test_the_clock_of_diligence_runs_before_anybody_decides() -> None:
    """While an incident is suspected, only what counts from the first signal runs, and it runs."""
    suspected = incident(state=IncidentState.SUSPECTED, aware_at=None)
    (one,) = of_acme(1, HIPAA, DPA, one=suspected)
    assert (one.due_at, one.start) == (START + timedelta(days=60), ClockStart.FIRST_SIGNAL)
    assert of_acme(1, DPA, one=suspected) == []
    (late,) = of_acme(24 * 61, HIPAA, one=suspected)
    assert late.state is DeadlineState.MISSED


def test_what_counts_from_confirmation_runs_from_then() -> None:
    """A limit from confirmation binds nobody before the impact was confirmed."""
    limit = TimeLimit(Phase.FINAL, 48 * HOUR, ClockStart.CONFIRMATION, LimitKind.CONTRACT, "DPA, 7.4")
    assert hours_of(of_acme(3, limit)) == [("first", 1, 26, "running")]
    confirmed = incident(state=IncidentState.CONFIRMED, confirmed_at=START + 5 * HOUR)
    assert hours_of(of_acme(3, limit, one=confirmed)) == [("first", 1, 26, "running"), ("final", 1, 53, "running")]


@pytest.mark.parametrize(
    ("now", "delivered", "state"),
    [
        (26, None, DeadlineState.RUNNING),
        (26.001, None, DeadlineState.MISSED),
        (90, 26, DeadlineState.MET),
        (90, 26.001, DeadlineState.LATE),
    ],
)
def test_a_deadline_is_kept_to_its_last_instant(now: float, delivered: float | None, state: DeadlineState) -> None:
    """What is delivered at the deadline is in time; an instant later it is late, and without it the deadline missed."""
    one = of_acme(now, told=heard((Phase.FIRST, delivered)))[0]
    assert (one.state, one.state.is_failed) == (state, state in {DeadlineState.LATE, DeadlineState.MISSED})


def test_whoever_was_called_has_heard() -> None:
    """A customer that no server took a notice for has heard once it said so on the phone."""
    (called,) = heard((Phase.FIRST, None))
    called = evolve(called, call_since=START + 4 * HOUR, acknowledged_at=START + 5 * HOUR)
    first, update = of_acme(6, told=[called])
    assert (first.state, first.heard_at) == (DeadlineState.MET, START + 5 * HOUR)
    assert update.due_at == START + 77 * HOUR


def test_updates_follow_each_notice_until_the_final_one() -> None:
    """Each notice that arrived starts the clock of the next one; the final one ends it, early or late."""
    told = heard((Phase.FIRST, 10), (Phase.UPDATE, 80), (Phase.UPDATE, 160))
    assert hours_of(of_acme(200, told=told)) == [
        ("first", 1, 26, "met"),
        ("update", 1, 82, "met"),
        ("update", 2, 152, "late"),
        ("update", 3, 232, "running"),
    ]
    told = heard((Phase.FIRST, 10), (Phase.FINAL, 90))
    assert hours_of(of_acme(999, told=told)) == [("first", 1, 26, "met"), ("update", 1, 82, "late")]
    assert hours_of(of_acme(999, told=heard((Phase.FINAL, 10)))) == [("first", 1, 26, "met")]


def test_limits_of_updates_and_of_the_final_notice() -> None:
    """A limit of updates that counts from awareness binds the first of them; one of the final notice runs beside it."""
    limits = [
        TimeLimit(Phase.UPDATE, 40 * HOUR, ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA, 7.3"),
        TimeLimit(Phase.UPDATE, 48 * HOUR, ClockStart.LAST_NOTICE, LimitKind.CONTRACT, "DPA, 7.3"),
        TimeLimit(Phase.FINAL, 30 * 24 * HOUR, ClockStart.LAST_NOTICE, LimitKind.CONTRACT, "DPA, 7.4"),
        TimeLimit(Phase.FIRST, HOUR, ClockStart.LAST_NOTICE, LimitKind.CONTRACT, "there is no notice before the first"),
    ]
    told = heard((Phase.FIRST, 10), (Phase.UPDATE, 40))
    assert hours_of(of_acme(60, *limits, told=told)) == [
        ("first", 1, 26, "met"),
        ("update", 1, 42, "met"),
        ("update", 2, 88, "running"),
        ("final", 1, 760, "running"),
    ]


def test_whoever_was_told_once_is_told_the_end() -> None:
    """A customer that was told and is not affected any more is owed the next notice all the same."""
    told = {"acme": heard((Phase.FIRST, 10))}
    found = [*deadlines_of(incident(), [], {}, told, rules=BreachRules(), now=START + 20 * HOUR)]
    assert hours_of(found) == [("first", 1, 26, "met"), ("update", 1, 82, "running")]


def test_while_nobody_knows_who_is_affected_the_strictest_customer_counts() -> None:
    """Before an impact is known one deadline stands for all: the target, or what the strictest customer has."""
    customers = {
        tenant: Customer(tenant, limits=(evolve(DPA, within=hours * HOUR, citation=tenant), HIPAA))
        for tenant, hours in (("acme", 9), ("globex", 5), ("initech", 7))
    }
    (one,) = deadlines_of(incident(), None, customers, {}, rules=BreachRules(), now=START)
    assert (one.tenant, one.due_at, one.citation) == (None, START + 7 * HOUR, "globex")
    assert [each.citation for each in one.bindings] == ["globex", OWN_TARGET, HIPAA.citation]
    suspected = incident(state=IncidentState.SUSPECTED, aware_at=None)
    assert [*deadlines_of(suspected, None, {}, {}, rules=BreachRules(), now=START)] == []


def test_once_it_is_known_only_those_affected_count() -> None:
    """After the assessment a customer that is not affected has no deadline, however strict its contract is."""
    customers = {"acme": Customer("acme", limits=(DPA,))}
    assert [*deadlines_of(incident(), [], customers, {}, rules=BreachRules(), now=START)] == []


def test_nothing_is_due_after_the_end() -> None:
    """What was still running when an incident was closed is not due any more; what was missed before stays missed."""
    told = heard((Phase.FIRST, 30), (Phase.UPDATE, 40))
    closed = incident(state=IncidentState.CLOSED, closed_at=START + 100 * HOUR)
    assert hours_of(of_acme(999, one=closed, told=told)) == [("first", 1, 26, "late"), ("update", 1, 102, "met")]
    assert hours_of(of_acme(999, one=closed)) == [("first", 1, 26, "missed")]
    dismissed = incident(state=IncidentState.NEAR_MISS, closed_at=START + 100 * HOUR)
    assert of_acme(999, HIPAA, one=dismissed) == []


# --- police holds -----------------------------------------------------------------------------------------------------


def test_a_hold_moves_what_falls_into_it() -> None:
    """A deadline within a hold moves behind its end, and says so; what is due later than that stays."""
    held = incident(hold=hold(5, 50))
    (one,) = of_acme(40, one=held)
    assert (one.due_at, one.held_until) == (START + 50 * HOUR + AFTER_HOLD, START + 50 * HOUR)
    assert one.bindings[0].due_at == START + 26 * HOUR
    (one,) = of_acme(10, one=incident(hold=hold(5, 20)))
    assert (one.due_at, one.held_until) == (START + 26 * HOUR, None)


def test_a_hold_heals_no_miss() -> None:
    """A hold that came after the deadline leaves it missed."""
    (one,) = of_acme(40, one=incident(hold=hold(27, 50)))
    assert (one.due_at, one.held_until, one.state) == (START + 26 * HOUR, None, DeadlineState.MISSED)


def test_holds_follow_one_another() -> None:
    """A hold that was prolonged moves the deadline to its last end; one that came later, after a gap, does not."""
    prolonged = incident(past_holds=(hold(5, 45),), hold=hold(45, 80))
    assert hours_of(of_acme(90, one=prolonged)) == [("first", 1, 81, "missed")]
    again = incident(past_holds=(hold(5, 50),), hold=hold(60, 80))
    assert hours_of(of_acme(60, one=again)) == [("first", 1, 51, "missed")]


# --- laws -------------------------------------------------------------------------------------------------------------

spans = st.integers(min_value=1, max_value=24 * 90).map(lambda hours: hours * HOUR)
moments = st.integers(min_value=0, max_value=24 * 90)
limits = st.builds(
    TimeLimit, st.sampled_from(Phase), spans, st.sampled_from(ClockStart), st.sampled_from(LimitKind), st.just("§")
)
holds = st.tuples(moments, moments).map(lambda pair: hold(min(pair), max(pair) + 1))


def incidents() -> st.SearchStrategy[Incident]:
    """Draw incidents of every state before the end, with and without holds."""
    return st.builds(
        lambda aware, confirmed, past, last: incident(
            state=IncidentState.SUSPECTED if aware is None else IncidentState.AWARE,
            aware_at=None if aware is None else START + aware * HOUR,
            confirmed_at=None if aware is None or confirmed is None else START + (aware + confirmed) * HOUR,
            past_holds=tuple(past),
            hold=last,
        ),
        st.none() | moments,
        st.none() | moments,
        st.lists(holds, max_size=2),
        st.none() | holds,
    )


def hearings() -> st.SearchStrategy[tuple[Hearing, ...]]:
    """Draw what a customer heard, in any order."""
    return st.lists(st.tuples(st.sampled_from(Phase), st.none() | moments), max_size=5).map(lambda some: heard(*some))


def law(one: Incident, limit: list[TimeLimit], told: tuple[Hearing, ...], now: int) -> None:
    """Check that no deadline is later than anything that binds it, but by a hold, and that its state is right."""
    for each in of_acme(now, *limit, one=one, told=told):
        earliest = min(binding.due_at for binding in each.bindings)
        every = (*one.past_holds, *([one.hold] if one.hold else []))
        if each.held_until is None:
            assert each.due_at == earliest
        else:
            assert each.held_until in {hold.until for hold in every}
            assert each.due_at == each.held_until + AFTER_HOLD
            assert any(hold.at <= earliest for hold in every)
        if each.phase is Phase.FIRST and one.aware_at is not None:
            targets = [limit.within + START for limit in limit if (limit.phase, limit.start) == (Phase.FIRST, FROM)]
            assert earliest <= min([one.aware_at + 24 * HOUR, *targets])
        if each.heard_at is not None:
            assert (each.state is DeadlineState.MET) is (each.heard_at <= each.due_at)
        else:
            assert (each.state is DeadlineState.MISSED) is (START + now * HOUR > each.due_at)


FROM = ClockStart.FIRST_SIGNAL


@given(incidents(), st.lists(limits, max_size=6), hearings(), moments)
def test_no_deadline_is_later_than_what_binds_it(
    one: Incident, limit: list[TimeLimit], told: tuple[Hearing, ...], now: int
) -> None:
    """An effective deadline is the earliest of target and limits, and later only by a police hold, which it names."""
    law(one, limit, told, now)


@given(st.lists(holds, max_size=4), moments)
def test_holds_move_forwards_only(some: list[PoliceHold], at: int) -> None:
    """Holds never bring a deadline forwards, whatever order they are given in; one that begins later moves nothing."""
    due_at = START + at * HOUR
    moved, until = after_holds(due_at, some)
    assert moved >= due_at
    assert (moved, until) == after_holds(due_at, reversed(some)) or len({one.at for one in some}) < len(some)
    assert after_holds(due_at, [one for one in some if one.at > due_at]) == (due_at, None)


# --- broken builds ----------------------------------------------------------------------------------------------------


def latest_counts(patch: pytest.MonkeyPatch) -> None:
    """Let the latest of all limits count."""
    patch.setattr(clocks, "_strictness", lambda one: (-one.due_at.timestamp(), 0, one.citation))


def hold_heals(patch: pytest.MonkeyPatch) -> None:
    """Let a hold move a deadline that was over when it came."""

    def moved(due_at: datetime, some: Any) -> tuple[datetime, datetime | None]:
        ends = [one.until for one in some if due_at < one.until]
        return (max(ends) + AFTER_HOLD, max(ends)) if ends else (due_at, None)

    patch.setattr(clocks, "after_holds", moved)


def deaf_to_the_phone(patch: pytest.MonkeyPatch) -> None:
    """Take no notice of calls."""
    patch.setattr(Hearing, "heard_at", property(lambda one: one.delivered_at))


def signal_is_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let no clock run before somebody decides."""
    bindings = clocks._Clock._bindings
    patch.setattr(
        clocks._Clock,
        "_bindings",
        lambda self, some, phase, starts: [
            one for one in bindings(self, some, phase, starts) if one.start is not ClockStart.FIRST_SIGNAL
        ],
    )


@pytest.mark.parametrize(
    ("build", "check"),
    [
        (latest_counts, test_the_earliest_of_target_contract_and_law_counts),
        (latest_counts, lambda: law(incident(), [DPA, HIPAA], (), 3)),
        (hold_heals, test_a_hold_heals_no_miss),
        (deaf_to_the_phone, test_whoever_was_called_has_heard),
        (signal_is_nothing, test_the_clock_of_diligence_runs_before_anybody_decides),
    ],
)
def test_a_broken_clock_is_noticed(monkeypatch: pytest.MonkeyPatch, build: Any, check: Any) -> None:
    """Each broken clock fails the check that is named beside it, which the sound one passes."""
    check()
    build(monkeypatch)
    with pytest.raises((AssertionError, ValueError)):
        check()
