"""The life of incidents, step by step, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.incidents._house import ACTOR, HOST, HOUR, House

from smartify_core.errors import AuditUnavailable, IncidentClash, IncidentInvalid, StorageUnavailable, UnknownIncident
from smartify_core.errors import UsageError as Misused
from smartify_core.model import LEDGER
from smartify_core.policy._standing import Standings, TenantStanding
from smartify_core.policy.audit import AuditRecord
from smartify_core.policy.breach import (
    BreachScope,
    Incident,
    IncidentState,
    Nature,
    Phase,
    RoundState,
    ScopeKind,
)

Step = Callable[[House, str], Incident]
STEPS: dict[str, Step] = {
    "incident.aware": lambda house, one: house.incidents.become_aware(one, by="e-2", reason="seen"),
    "incident.rescoped": lambda house, one: house.incidents.rescope(one, [ACTOR], by="e-2", reason="seen"),
    "incident.extended": lambda house, one: house.incidents.extend(one, ACTOR, by="e-2", reason="seen"),
    "incident.confirmed": lambda house, one: house.incidents.confirm(one, by="e-2", reason="seen"),
    "incident.held": lambda house, one: house.incidents.hold(
        one, until=house.now() + HOUR, ordered_by="police, 4711", by="e-2", reason="seen"
    ),
    "incident.hold-lifted": lambda house, one: house.incidents.lift_hold(one, by="e-2", reason="seen"),
    "incident.dismissed": lambda house, one: house.incidents.dismiss(one, by="e-2", reason="seen"),
    "incident.closed": lambda house, one: house.incidents.close(one, by="e-2", reason="seen"),
}


# --- the first signal -------------------------------------------------------------------------------------------------


def test_an_incident_is_opened_suspected(house: House) -> None:
    """An incident begins suspected, from its signal, with an id of its day, an event and an entry of the trail."""
    signal_at = house.now() - HOUR
    incident = house.opened(first_signal_at=signal_at, natures=[Nature.INTEGRITY, Nature.INTEGRITY])
    assert incident.id.startswith("inc-20300101-")
    assert (incident.state, incident.first_signal_at, incident.aware_at) == (IncidentState.SUSPECTED, signal_at, None)
    assert (incident.natures, incident.scopes) == ((Nature.INTEGRITY,), (HOST,))
    assert house.incidents.get(incident.id) == incident
    assert [*house.incidents.all()] == [incident]
    (event,) = house.incidents.timeline(incident.id)
    assert (event.kind, event.by, event.text) == ("incident.opened", "e-1", "an odd sign-in")
    (entry,) = house.trail.entries()
    assert entry.record.facts == {
        "event": 1,
        "first_signal_at": signal_at.isoformat(),
        "incident": incident.id,
        "natures": ("integrity",),
        "scope_revision": 1,
        "scopes": ("host",),
    }


def test_the_signal_is_in_utc(house: House) -> None:
    """Whatever zone the first signal was given in, it is kept in UTC."""
    there = datetime(2029, 12, 31, 20, tzinfo=timezone(timedelta(hours=-3)))
    at = house.opened(first_signal_at=there).first_signal_at
    assert (at, at.tzinfo) == (there, UTC)


@pytest.mark.parametrize(
    "options",
    [
        {"signal": "  "},
        {"signal": "x" * 4001},
        {"signal": None},
        {"first_signal_at": datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)},
        {"first_signal_at": datetime(2029, 1, 1)},  # noqa: DTZ001 - it is the lack of a zone that is refused
        {"natures": []},
        {"natures": ["confidentiality"]},
        {"scopes": ["host"]},
        {"scopes": [BreachScope(ScopeKind.HOST, (f"web-{n}",)) for n in range(65)]},
        {"scopes": [BreachScope(ScopeKind.TENANT, ("acme", "nobody@knows.example"))]},
        {"scopes": [BreachScope(ScopeKind.HOST, ("web-1",), tenants=("nobody@knows.example",))]},
        {"scopes": [BreachScope(ScopeKind.TENANT, (LEDGER,))]},
    ],
)
def test_what_is_misshapen_is_refused(house: House, options: dict[str, Any]) -> None:
    """A misshapen incident is refused; nothing is written, and the error says nothing that somebody typed."""
    with pytest.raises(IncidentInvalid) as error:
        house.opened(**options)
    assert "knows.example" not in str(error.value)
    assert not [*house.incidents.all()]
    assert house.kinds() == []


def test_whoever_is_no_id_opens_nothing(house: House) -> None:
    """An address in place of an id is refused, and nothing is written."""
    with pytest.raises(Misused):
        house.opened(by="ada@acme.example")
    assert not [*house.incidents.all()]


def test_a_tenant_is_known_to_the_store_the_trail_or_the_record_of_those_who_left(house: House) -> None:
    """A scope may name a tenant that only the trail knows, or only the record of those that were off-boarded."""
    house.trail.append(AuditRecord("access.denied", house.now(), "of-the-trail"))
    standing = TenantStanding("e-1", "left", house.now(), 0, 0)
    put = Standings(house.storage, house.sealer).put("of-old", standing, over=0)
    house.storage.record(LEDGER, documents=[put])
    scope = BreachScope(ScopeKind.TENANT, ("acme", "of-old", "of-the-trail"))
    assert house.opened(scopes=[scope]).scopes == (scope,)


def test_an_unknown_id_is_told(house: House) -> None:
    """Every step of an incident that is not on record is refused, and so is whatever is no id at all."""
    for step in STEPS.values():
        for one in ("inc-20300101-00000000", "ada@acme.example"):
            with pytest.raises(UnknownIncident) as error:
                step(house, one)
            assert "acme.example" not in str(error.value)
    for read in (house.incidents.get, house.incidents.timeline, house.watch.deadlines, house.watch.records):
        with pytest.raises(UnknownIncident):
            read("inc-20300101-00000000")


# --- awareness, scope, confirmation -----------------------------------------------------------------------------------


def test_awareness_has_an_instant_and_a_name(house: House) -> None:
    """Whoever decides that it is a breach is on record, with the instant that they say, and the clocks run from it."""
    incident = house.opened(first_signal_at=house.now() - 3 * HOUR)
    at = house.now() - HOUR
    aware = house.incidents.become_aware(incident.id, by="e-2", reason="the log shows it", at=at)
    assert (aware.state, aware.aware_at, aware.aware_by) == (IncidentState.AWARE, at, "e-2")
    with pytest.raises(IncidentClash, match="decided already"):
        house.incidents.become_aware(incident.id, by="e-3", reason="once more")
    assert house.incidents.get(incident.id) == aware


@pytest.mark.parametrize("hours", [-4, 1])
def test_awareness_comes_after_the_signal_and_not_ahead(house: House, hours: int) -> None:
    """Nobody was aware before the first signal, and nobody will be."""
    incident = house.opened(first_signal_at=house.now() - 3 * HOUR)
    with pytest.raises(IncidentInvalid):
        house.incidents.become_aware(incident.id, by="e-2", reason="seen", at=house.now() + hours * HOUR)
    assert house.incidents.get(incident.id) == incident


def test_scopes_are_replaced_and_extended(house: House) -> None:
    """Each change of the scopes counts one revision; an extension keeps what there was, without repeats."""
    incident = house.opened()
    after = house.incidents.rescope(incident.id, [ACTOR], by="e-1", reason="it was e-9")
    assert (after.scopes, after.scope_revision) == ((ACTOR,), 2)
    after = house.incidents.extend(incident.id, HOST, ACTOR, by="e-1", reason="from web-1")
    assert (after.scopes, after.scope_revision) == ((ACTOR, HOST), 3)


@pytest.mark.parametrize("scopes", [[], ["host"], [BreachScope(ScopeKind.TENANT, ("nobody",))]])
def test_a_scope_that_is_none_changes_nothing(house: House, scopes: list[Any]) -> None:
    """No scope at all, something else in its place, or an unknown tenant: the incident stays as it was."""
    incident = house.opened()
    with pytest.raises(IncidentInvalid):
        house.incidents.rescope(incident.id, scopes, by="e-1", reason="seen")
    with pytest.raises(IncidentInvalid):
        house.incidents.extend(incident.id, *scopes, by="e-1", reason="seen")
    assert house.incidents.get(incident.id) == incident


def test_scopes_are_not_extended_beyond_their_number(house: House) -> None:
    """An incident has at most 64 scopes, also by extension."""
    scopes = [BreachScope(ScopeKind.HOST, (f"web-{number}",)) for number in range(64)]
    incident = house.opened(scopes=scopes)
    with pytest.raises(IncidentInvalid):
        house.incidents.extend(incident.id, ACTOR, by="e-1", reason="seen")
    assert len(house.incidents.extend(incident.id, *scopes, by="e-1", reason="seen").scopes) == 64


def test_confirmation_follows_awareness_and_an_impact_of_these_scopes(house: House) -> None:
    """An impact is confirmed once somebody is aware of the incident, and it was assessed since its scopes changed."""
    incident = house.opened()
    with pytest.raises(IncidentClash, match="nobody has decided"):
        STEPS["incident.confirmed"](house, incident.id)
    STEPS["incident.aware"](house, incident.id)
    with pytest.raises(IncidentClash, match="not assessed"):
        STEPS["incident.confirmed"](house, incident.id)
    house.assess(incident.id, ["acme"])
    STEPS["incident.extended"](house, incident.id)
    with pytest.raises(IncidentClash, match="not assessed"):
        STEPS["incident.confirmed"](house, incident.id)
    house.assess(incident.id, ["acme"])
    for ahead in (-HOUR, HOUR):
        with pytest.raises(IncidentInvalid):
            house.incidents.confirm(incident.id, by="e-3", reason="seen", at=house.now() + ahead)
    after = house.incidents.confirm(incident.id, by="e-3", reason="seen")
    assert (after.state, after.confirmed_at, after.confirmed_by) == (IncidentState.CONFIRMED, house.now(), "e-3")
    with pytest.raises(IncidentClash, match="already"):
        STEPS["incident.confirmed"](house, incident.id)


# --- silence ----------------------------------------------------------------------------------------------------------


def test_a_hold_stands_until_its_end(house: House) -> None:
    """A police hold forbids notices until its end, and a new one takes its place; the old one is kept as it stood."""
    incident = house.aware()
    start = house.now()
    first = house.incidents.hold(incident.id, until=start + 5 * HOUR, ordered_by="A", by="e-2", reason="asked")
    assert first.is_held(start + 5 * HOUR - timedelta.resolution)
    assert not first.is_held(start + 5 * HOUR)
    house.clock.advance(hours=2)
    second = house.incidents.hold(incident.id, until=start + 9 * HOUR, ordered_by="B", by="e-2", reason="asked")
    assert first.hold is not None
    assert second.past_holds == (evolve(first.hold, until=start + 2 * HOUR),)
    lifted = house.incidents.lift_hold(incident.id, by="e-2", reason="told so")
    assert not lifted.is_held(house.now())
    with pytest.raises(IncidentClash, match="no police hold"):
        house.incidents.lift_hold(incident.id, by="e-2", reason="told so")


@pytest.mark.parametrize(
    ("ahead", "authority", "reason"),
    [
        (timedelta(0), "A", "asked"),
        (-HOUR, "A", "asked"),
        (timedelta(days=180, microseconds=1), "A", "asked"),
        (HOUR, " ", "asked"),
        (HOUR, "A", ""),
    ],
)
def test_a_hold_has_an_end_an_authority_and_a_reason(
    house: House, ahead: timedelta, authority: str, reason: str
) -> None:
    """A hold lies ahead, lasts at most 180 days, and says who asked for it and why; otherwise there is none."""
    incident = house.aware()
    with pytest.raises(IncidentInvalid):
        house.incidents.hold(incident.id, until=house.now() + ahead, ordered_by=authority, by="e-2", reason=reason)
    assert house.incidents.get(incident.id) == incident


def test_a_hold_lasts_180_days_at_most(house: House) -> None:
    """The longest hold is one of 180 days."""
    until = house.now() + timedelta(days=180)
    incident = house.incidents.hold(house.aware().id, until=until, ordered_by="A", by="e-2", reason="asked")
    assert incident.is_held(until - timedelta.resolution)


# --- notes ------------------------------------------------------------------------------------------------------------


def test_a_note_is_sealed_and_may_come_after_the_end(house: House) -> None:
    """A note is in the timeline, about a tenant where it names one, of an incident that is over too."""
    incident = house.opened()
    house.incidents.dismiss(incident.id, by="e-2", reason="a test of ours")
    house.incidents.note(incident.id, by="e-1", text="the report is filed", tenant="acme")
    event = [*house.incidents.timeline(incident.id)][-1]
    assert (event.kind, event.text, event.tenant) == ("incident.noted", "the report is filed", "acme")
    with pytest.raises(IncidentInvalid):
        house.incidents.note(incident.id, by="e-1", text="hm", tenant="nobody")
    with pytest.raises(IncidentInvalid):
        house.incidents.note(incident.id, by="e-1", text="")


def test_nothing_that_was_typed_leaves_the_seal(house: House) -> None:
    """No signal, reason, note or authority is in the trail, in the store's bytes or in a repr."""
    secret = "zzsecretzz"
    incident = house.opened(signal=secret)
    incident = house.incidents.become_aware(incident.id, by="e-1", reason=secret)
    house.incidents.rescope(incident.id, [ACTOR], by="e-1", reason=secret)
    incident = house.incidents.hold(incident.id, until=house.now() + HOUR, ordered_by=secret, by="e-1", reason=secret)
    house.incidents.lift_hold(incident.id, by="e-1", reason=secret)
    house.incidents.note(incident.id, by="e-1", text=secret)
    over = house.incidents.dismiss(incident.id, by="e-1", reason=secret)
    told = [stored.content for stored in house.trail.contents()]
    kept = [document.value for document in house.storage.documents(LEDGER)]
    assert not any(secret.encode() in one for one in (*told, *kept))
    assert secret not in repr([incident, over, *house.incidents.timeline(incident.id), *house.watch.status()])


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["incident.dismissed", "incident.closed"])
@pytest.mark.parametrize("kind", STEPS)
def test_nothing_comes_after_the_end(house: House, end: str, kind: str) -> None:
    """Whatever is over stays as it is: every step is refused, and why notices were late too."""
    incident = house.assessed()
    before = STEPS[end](house, incident.id)
    with pytest.raises(IncidentClash, match="is over"):
        STEPS[kind](house, incident.id)
    with pytest.raises(IncidentClash, match="is over"):
        house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="late")
    assert house.incidents.get(incident.id) == before


def test_a_near_miss_stays_on_record(house: House) -> None:
    """What was no breach is kept with who decided so, and owes nobody anything."""
    incident = house.assessed("acme")
    over = house.incidents.dismiss(incident.id, by="e-2", reason="a test of ours")
    assert (over.state, over.closed_by) == (IncidentState.NEAR_MISS, "e-2")
    house.clock.advance(days=30)
    assert house.watch.look() == ()
    assert [*house.watch.deadlines(incident.id)] == []


@pytest.mark.parametrize("state", RoundState)
def test_nothing_is_dismissed_once_notices_were_sent(house: House, state: RoundState) -> None:
    """After a round was released the incident is a breach to those who heard of it; a draft alone binds nobody."""
    incident = house.assessed("acme")
    house.send(incident.id, Phase.FIRST, ["acme"], state=state)
    if state in {RoundState.RELEASED, RoundState.SPREAD}:
        with pytest.raises(IncidentClash, match="were sent"):
            STEPS["incident.dismissed"](house, incident.id)
    else:
        assert STEPS["incident.dismissed"](house, incident.id).state is IncidentState.NEAR_MISS


def test_the_way_to_the_close(house: House) -> None:
    """The close names what comes first, one thing after the other, until nothing is left."""
    incident = house.opened()

    def refused(match: str) -> None:
        before = house.incidents.get(incident.id)
        with pytest.raises(IncidentClash, match=match) as error:
            STEPS["incident.closed"](house, incident.id)
        assert incident.id in str(error.value)
        assert house.incidents.get(incident.id) == before

    refused("nobody has decided")
    STEPS["incident.aware"](house, incident.id)
    refused("not assessed")
    house.assess(incident.id, ["acme"], ciphertext=["globex"])
    refused("2 customers are owed")
    house.send(incident.id, Phase.FIRST, ["acme", "globex"], state=RoundState.RELEASED)
    refused("still being spread")
    first = house.send(incident.id, Phase.FIRST, ["acme", "globex"])
    house.send(incident.id, Phase.FIRST, ["acme", "globex"], state=RoundState.DISCARDED)
    refused("still being spread")
    house.spread(incident.id, 1)
    refused("final notice")
    house.send(incident.id, Phase.FINAL, ["acme"])
    refused("final notice")
    house.clock.advance(days=4)
    final = house.send(incident.id, Phase.FINAL, ["globex"], delivered=False)
    refused("on their way")
    house.hear(incident.id, final, "globex", delivered_at=house.now())
    refused("1 notices were late")
    assert house.watch.explain(incident.id, phase=Phase.UPDATE, by="e-1", reason="a weekend") == 1
    house.hear(incident.id, first, "acme", call_since=house.now())
    refused("1 calls")
    with pytest.raises(IncidentInvalid):
        house.incidents.close(incident.id, by="e-2", reason="done", despite=" ")
    over = house.incidents.close(incident.id, by="e-2", reason="done", despite="they have no phone")
    assert (over.state, over.closed_at, over.closed_by) == (IncidentState.CLOSED, house.now(), "e-2")
    event = [*house.incidents.timeline(incident.id)][-1]
    assert event.text == "done\n\nOpen calls: they have no phone"
    assert [*house.trail.entries()][-1].record.facts["open_calls"] == 1


def test_one_reason_for_both_stands_once(house: House) -> None:
    """Where the reason of the close is that of the open calls too, as the command line has it, it is said once."""
    incident = house.assessed("acme")
    house.send(incident.id, Phase.FIRST, ["acme"], call_since=house.now())
    house.send(incident.id, Phase.FINAL, ["acme"])
    house.incidents.close(incident.id, by="e-2", reason="nobody answers", despite=" nobody answers ")
    assert [*house.incidents.timeline(incident.id)][-1].text == "nobody answers"


def test_a_call_is_settled_by_what_was_read_later(house: House) -> None:
    """A customer that nothing reached at first, and that has said of a later notice that it read it, needs no call."""
    incident = house.assessed("acme")
    house.send(incident.id, Phase.FIRST, ["acme"], call_since=house.now())
    final = house.send(incident.id, Phase.FINAL, ["acme"])
    with pytest.raises(IncidentClash, match="1 calls"):
        STEPS["incident.closed"](house, incident.id)
    house.hear(incident.id, final, "acme", acknowledged_at=house.now())
    assert STEPS["incident.closed"](house, incident.id).state is IncidentState.CLOSED


def test_an_incident_that_affected_nobody_is_closed_without_notices(house: House) -> None:
    """Where nobody is affected no notice is owed; assessing anew comes first where the scopes have changed."""
    incident = house.assessed()
    STEPS["incident.extended"](house, incident.id)
    with pytest.raises(IncidentClash, match="not assessed"):
        STEPS["incident.closed"](house, incident.id)
    house.assess(incident.id, [])
    assert STEPS["incident.closed"](house, incident.id).state is IncidentState.CLOSED


def test_a_step_that_cannot_be_recorded_is_not_made(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail takes no entry, no step is made."""
    incident = house.assessed()
    STEPS["incident.held"](house, incident.id)
    before = house.incidents.get(incident.id)

    def away(*_: Any, **__: Any) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(house.storage, "record", away)
    for kind, step in STEPS.items():
        if kind != "incident.aware":
            with pytest.raises(AuditUnavailable):
                step(house, incident.id)
    assert house.incidents.get(incident.id) == before


def test_a_change_between_is_seen(house: House) -> None:
    """Where somebody dismisses an incident while another one becomes aware of it, the second meets the end."""
    incident = house.opened()
    record = house.storage.record
    other = house.incidents_of(house.storage)
    first: list[bool] = []

    class Between:
        def __getattr__(self, name: str) -> Any:
            return getattr(house.storage, name)

        def record(self, *args: Any, **options: Any) -> None:
            if not first:
                first.append(True)
                other.dismiss(incident.id, by="e-3", reason="a test of ours")
            record(*args, **options)

    between: Any = Between()
    with pytest.raises(IncidentClash, match="is over"):
        house.incidents_of(between).become_aware(incident.id, by="e-2", reason="seen")
    assert house.incidents.get(incident.id).state is IncidentState.NEAR_MISS


def test_a_window_that_lies_ahead_is_refused(house: House) -> None:
    """A scope whose window has not begun would make everybody safe: a year mistyped is told at once."""
    ahead = BreachScope(ScopeKind.ACTOR, ["e-7"], since=house.now() + timedelta(days=365))
    with pytest.raises(IncidentInvalid, match="lies ahead"):
        house.incidents.open(by="e-1", signal="a laptop is gone", scopes=[ahead])
    incident = house.incidents.open(by="e-1", signal="a laptop is gone")
    with pytest.raises(IncidentInvalid, match="lies ahead"):
        house.incidents.extend(incident.id, ahead, by="e-1", reason="it was worse")
