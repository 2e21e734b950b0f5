"""The watch: every alarm once, on record before anybody hears of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.breach.incidents._house import HOUR, Counting, House

from smartify_core.errors import (
    AuditUnavailable,
    IncidentClash,
    IncidentInvalid,
    SealBroken,
    StorageUnavailable,
    UnknownIncident,
)
from smartify_core.errors import UsageError as Misused
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.breach import (
    Alarm,
    AlarmKind,
    BreachRules,
    ClockStart,
    DeadlineState,
    LimitKind,
    Phase,
    RoundState,
    TimeLimit,
    Watch,
)
from smartify_core.policy.breach import _watch as watching
from smartify_core.policy.breach._incident import CANARY_ACTOR
from smartify_core.policy.breach._places import CUSTOMER, HEARING, INCIDENT, of_tenant
from smartify_core.policy.breach._said import Said

LAW = TimeLimit(Phase.FIRST, timedelta(days=60), ClockStart.FIRST_SIGNAL, LimitKind.LAW, "45 CFR 164.410(b)")


def told(alarms: tuple[Alarm, ...]) -> list[tuple[str, float | None, int]]:
    """Return what alarms say: the kind, how many hours before, and how many notices they are about."""
    return [(one.kind.value, None if one.before is None else one.before / HOUR, one.count) for one in alarms]


def missed_of(house: House, incident_id: str) -> Counter[tuple[str, Phase | None, int]]:
    """Return how often each miss is on record."""
    return Counter(
        (tenant, record.said.phase, record.said.number)
        for record in house.watch.records(incident_id)
        if record.said.kind is AlarmKind.MISSED
        for tenant in record.said.tenants or ("",)
    )


def test_a_deadline_is_warned_of_and_then_missed(house: House) -> None:
    """An alarm is raised 12, 4 and 1 hour before a deadline and once it was missed, each once, and all on record.

    A day later the miss is said again: nobody has heard, and nobody has said why.
    """
    incident = house.assessed("acme", "globex")
    assert house.watch.look() == ()
    for hours, expected in (
        (11, []),
        (1, [12]),
        (7, []),
        (1, [4]),
        (3, [1]),
        (1, []),
        (0.001, [None]),
        (23, []),
        (1, [None]),
    ):
        house.clock.advance(hours=hours)
        found = house.watch.look()
        assert [before for _, before, _ in told(found)] == expected
        assert house.watch.look() == ()
        assert all((one.tenants, one.count, one.phase) == (("acme", "globex"), 2, Phase.FIRST) for one in found)
    assert [one.kind for one in house.alarms] == [AlarmKind.NEAR] * 3 + [AlarmKind.MISSED] * 2
    assert house.kinds()[-5:] == ["deadline.alarmed"] * 3 + ["deadline.missed"] * 2
    assert [record.number for record in house.watch.records(incident.id)] == [1, 2, 3, 4, 5]
    (due,) = {one.due_at for one in house.alarms}
    assert due is not None
    entry = [*house.trail.entries()][-1].record
    assert (entry.tenant, entry.actor, entry.subjects) == (None, "watch", ())
    assert entry.facts == {
        "before_seconds": None, "count": 2, "due_at": due.isoformat(), "held_until": None,
        "incident": incident.id, "number": 1, "phase": "first", "record": 5,
    }  # fmt: skip


def test_a_jump_of_the_clock_gives_the_latest_warning_only(house: House) -> None:
    """A clock that jumps over two warnings gives the later one; one that jumps over the deadline gives the miss."""
    house.assessed("acme")
    house.clock.advance(hours=21)
    assert told(house.watch.look()) == [("near", 4, 1)]
    house.clock.advance(hours=1)
    assert house.watch.look() == ()
    house.clock.advance(days=9)
    assert told(house.watch.look()) == [("missed", None, 1)]
    assert house.watch.look() == ()


def test_a_clock_that_runs_back_says_nothing_anew(house: House) -> None:
    """A clock that was set back raises no alarm again: the trail's time never runs back."""
    house.assessed("acme")
    house.clock.advance(hours=25)
    assert len(house.watch.look()) == 1
    house.clock.advance(hours=-20)
    assert house.watch.look() == ()
    assert house.watch.look(house.now()) == ()


def test_a_notice_that_arrived_late_is_on_record_as_missed(house: House) -> None:
    """A deadline that was missed while nobody watched is on record, though the customer has heard meanwhile."""
    incident = house.assessed("acme")
    house.clock.advance(hours=30)
    house.send(incident.id, Phase.FIRST, ["acme"])
    assert told(house.watch.look()) == [("missed", None, 1)]
    assert missed_of(house, incident.id) == {("acme", Phase.FIRST, 1): 1}


def test_what_arrived_in_time_is_not_spoken_of(house: House) -> None:
    """Whoever has heard is not warned of; the next update is, in its time."""
    incident = house.assessed("acme", "globex")
    house.clock.advance(hours=20)
    house.send(incident.id, Phase.FIRST, ["acme"])
    assert [one.tenants for one in house.watch.look()] == [("globex",)]
    house.clock.advance(hours=61)
    assert [(one.kind, one.phase, one.tenants) for one in house.watch.look()] == [
        (AlarmKind.MISSED, Phase.FIRST, ("globex",)),
        (AlarmKind.NEAR, Phase.UPDATE, ("acme",)),
    ]


def test_before_the_assessment_one_alarm_stands_for_all(house: House) -> None:
    """While nobody knows who is affected an alarm is about the incident; afterwards each customer is spoken of."""
    house.customer("acme", LAW)
    incident = house.aware()
    house.clock.advance(hours=25)
    (alarm,) = house.watch.look()
    assert (alarm.kind, alarm.tenants, alarm.count) == (AlarmKind.MISSED, (), 1)
    house.assess(incident.id, ["acme"])
    (alarm,) = house.watch.look()
    assert (alarm.kind, alarm.tenants) == (AlarmKind.MISSED, ("acme",))


def test_a_suspected_incident_has_the_clock_of_diligence(house: House) -> None:
    """Weeks after the first signal a limit that counts from it is warned of, though nobody has decided anything."""
    house.customer("acme", LAW)
    house.opened()
    house.clock.advance(days=59, hours=13)
    undecided, alarm = house.watch.look()
    assert undecided.kind is AlarmKind.UNDECIDED
    assert (alarm.kind, alarm.citation, alarm.tenants) == (AlarmKind.NEAR, LAW.citation, ())


def test_what_nobody_decides_on_is_said_every_day(house: House) -> None:
    """A suspected incident is spoken of after a day, and again every day, until somebody decides or dismisses it."""
    incident = house.opened()
    other = house.opened()
    for hours, expected in ((23, 0), (1, 2), (23, 0), (1, 2)):
        house.clock.advance(hours=hours)
        found = house.watch.look()
        assert [one.kind for one in found] == [AlarmKind.UNDECIDED] * expected
        assert all(one.due_at == incident.opened_at for one in found)
        assert house.watch.look() == ()
    house.incidents.become_aware(incident.id, by="e-2", reason="the log shows it")
    house.incidents.dismiss(other.id, by="e-2", reason="a test")
    house.clock.advance(hours=25)
    assert AlarmKind.UNDECIDED not in {one.kind for one in house.watch.look()}
    assert house.kinds().count("incident.undecided") == 4


def test_what_a_decoy_opened_is_spoken_of_at_once(house: House) -> None:
    """An incident that a canary opened is told of by the next look, whoever found it, and again every day."""
    house.opened(by=CANARY_ACTOR)
    assert [one.kind for one in house.watch.look()] == [AlarmKind.UNDECIDED]
    assert house.watch.look() == ()
    house.clock.advance(days=1)
    assert [one.kind for one in house.watch.look()] == [AlarmKind.UNDECIDED]


def test_a_miss_is_said_every_day_until_somebody_does_something(house: House) -> None:
    """A miss that was explained, or that the customer heard of since, is not said again; the others are."""
    incident = house.assessed("acme", "globex", "initech")
    house.clock.advance(hours=25)
    assert told(house.watch.look()) == [("missed", None, 3)]
    house.watch.explain(incident.id, phase=Phase.FIRST, by="e-2", reason="a storm", tenant="acme")
    house.send(incident.id, Phase.FIRST, ["globex"])
    house.clock.advance(hours=24)
    (again,) = [one for one in house.watch.look() if one.kind is AlarmKind.MISSED]
    assert (again.tenants, again.phase) == (("initech",), Phase.FIRST)
    assert house.watch.look() == ()


def test_what_is_over_has_no_clock(house: House) -> None:
    """An incident that was dismissed raises no alarm."""
    incident = house.assessed("acme")
    house.incidents.dismiss(incident.id, by="e-2", reason="a test of ours")
    house.clock.advance(days=3)
    assert house.watch.look() == ()


def test_ten_thousand_make_few_alarms(house: House) -> None:
    """Customers whose times lie in one hour are one alarm; what is kept of it is in parts of at most 200 each."""
    tenants = [f"t-{number:03}" for number in range(450)]
    incident = house.assessed(*tenants)
    house.clock.advance(hours=12)
    (alarm,) = house.watch.look()
    assert (alarm.tenants, alarm.count) == (tuple(tenants), 450)
    assert house.alarms == [alarm]
    assert [len(one.said.tenants) for one in house.watch.records(incident.id)] == [200, 200, 50]
    assert house.kinds().count("deadline.alarmed") == 3


def test_updates_that_fall_into_one_hour_are_one_alarm(house: House) -> None:
    """Notices that were delivered within an hour have their updates warned of together, at the earliest of them."""
    tenants = [f"t-{number:02}" for number in range(50)]
    incident = house.assessed(*tenants)
    number = house.send(incident.id, Phase.FIRST, tenants, delivered=False)
    start = house.now()
    for minute, tenant in enumerate(tenants):
        house.hear(incident.id, number, tenant, delivered_at=start + timedelta(minutes=minute))
    house.clock.advance(hours=60)
    assert told(house.watch.look()) == [("near", 12, 50)]
    house.clock.advance(hours=1)
    assert house.watch.look() == ()


def test_a_hold_moves_the_alarm_and_its_end_is_told(house: House) -> None:
    """Under a hold the deadline rests; when it ends with notices waiting that is said once, and the deadline again."""
    incident = house.assessed("acme")
    house.clock.advance(hours=13)
    assert told(house.watch.look()) == [("near", 12, 1)]
    house.incidents.hold(incident.id, until=house.now() + 48 * HOUR, ordered_by="police", by="e-2", reason="asked")
    house.send(incident.id, Phase.FIRST, ["acme"], state=RoundState.RELEASED)
    house.clock.advance(hours=20)
    assert house.watch.look() == ()
    house.clock.advance(hours=28)
    assert told(house.watch.look()) == [("near", 1, 1), ("hold-ended", None, 1)]
    assert house.watch.look() == ()
    assert house.kinds()[-1] == "incident.hold-ended"


def test_a_hold_that_ended_with_nothing_waiting_is_not_spoken_of(house: House) -> None:
    """Notices that were sent after a hold do not wait for it, and those that arrived do not either."""
    incident = house.assessed("acme", "globex")
    number = house.send(incident.id, Phase.FIRST, ["acme"])
    house.incidents.hold(incident.id, until=house.now() + HOUR, ordered_by="police", by="e-2", reason="asked")
    house.clock.advance(hours=2)
    house.send(incident.id, Phase.FIRST, ["globex"], state=RoundState.RELEASED)
    assert house.watch.look() == ()
    house.hear(incident.id, number, "acme", delivered_at=None)
    assert told(house.watch.look()) == [("hold-ended", None, 1)]


def test_open_calls_are_told_once(house: House) -> None:
    """A customer that somebody has to call is spoken of once; one that has read a notice is not."""
    incident = house.assessed("acme", "globex")
    number = house.send(incident.id, Phase.FIRST, ["acme", "globex"], call_since=house.now())
    house.hear(incident.id, number, "globex", acknowledged_at=house.now())
    (alarm,) = house.watch.look()
    assert (alarm.kind, alarm.tenants, alarm.number) == (AlarmKind.CALL, ("acme",), number)
    assert house.watch.look() == ()
    assert house.kinds()[-1] == "notice.call-open"


def test_an_alarm_that_nobody_takes_is_on_record(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What the host's own code raises is logged without its words; the alarm is on record and not repeated."""
    house.assessed("acme")
    house.clock.advance(hours=25)

    def fail(alarm: Alarm) -> None:
        raise RuntimeError("ada@acme.example")

    watch = Watch(house.storage, house.sealer, house.trail, rules=house.rules, on_alarm=fail)
    assert len(watch.look()) == 1
    assert "RuntimeError" in repr([vars(one) for one in caplog.records])
    assert "acme.example" not in repr([vars(one) for one in caplog.records])
    assert house.watch.look() == ()


def test_an_alarm_is_on_record_before_it_is_heard(house: House) -> None:
    """When the host hears of an alarm it is in the trail already; one that cannot be recorded is raised later."""
    house.assessed("acme")
    house.clock.advance(hours=25)
    sizes: list[int] = []
    before = house.trail.size

    class Away(Counting):
        def record(self, *args: Any, **options: Any) -> None:
            raise StorageUnavailable("away")

    with pytest.raises(AuditUnavailable):
        house.watch_of(Away(house.storage)).look()
    assert house.alarms == []

    def hear(alarm: Alarm) -> None:
        sizes.append(house.trail.size)

    Watch(house.storage, house.sealer, house.trail, rules=house.rules, on_alarm=hear).look()
    assert sizes == [before + 1]


def test_what_was_kept_is_raised_where_the_rest_could_not_be(house: House) -> None:
    """A store that goes away in the midst of an alarm leaves its first part on record and heard; the rest follows."""
    tenants = [f"t-{number:03}" for number in range(450)]
    incident = house.assessed(*tenants)
    house.clock.advance(hours=25)

    class Tired(Counting):
        def record(self, *args: Any, **options: Any) -> None:
            self.calls["record"] += 1
            if self.calls["record"] > 1:
                raise StorageUnavailable("away")
            house.storage.record(*args, **options)

    with pytest.raises(AuditUnavailable):
        house.watch_of(Tired(house.storage)).look()
    assert [one.count for one in house.alarms] == [200]
    house.watch.look()
    assert [one.count for one in house.alarms] == [200, 250]
    assert missed_of(house, incident.id) == {(tenant, Phase.FIRST, 1): 1 for tenant in tenants}


def test_two_watches_say_it_once(house: House) -> None:
    """Where another watch looks between reading and writing, each miss is on record once, and heard once."""
    tenants = [f"t-{number:03}" for number in range(450)]
    incident = house.assessed(*tenants)
    house.clock.advance(hours=25)

    class Overtaken(Counting):
        def record(self, *args: Any, **options: Any) -> None:
            self.calls["record"] += 1
            if self.calls["record"] == 2:
                house.watch.look()
            house.storage.record(*args, **options)

    house.watch_of(Overtaken(house.storage)).look()
    assert missed_of(house, incident.id) == {(tenant, Phase.FIRST, 1): 1 for tenant in tenants}
    heard = Counter(tenant for alarm in house.alarms for tenant in alarm.tenants)
    assert heard == dict.fromkeys(tenants, 1)


def test_a_damaged_incident_stops_no_other_clock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident that cannot be read is told at the end; the others are looked at, before it and after it."""
    some = [house.assessed("acme").id for _ in range(3)]
    broken = sorted(some)[1]
    house.clock.advance(hours=25)
    of = house.watch._dossiers.of

    def damaged(incident: Any) -> Any:
        if incident.id == broken:
            raise StorageUnavailable("away")
        return of(incident)

    monkeypatch.setattr(house.watch._dossiers, "of", damaged)
    with pytest.raises(StorageUnavailable):
        house.watch.look()
    assert {one.incident for one in house.alarms} == {*some} - {broken}


def damage(house: House, kind: str, key: str) -> None:
    """Change the last bytes of a document."""
    held = house.storage.document(LEDGER, kind, key)
    assert held is not None
    house.storage.record(LEDGER, documents=[PutDocument(kind, key, held.value[:-3] + b"xyz", held.version)])


@pytest.mark.parametrize(("kind", "which"), [(CUSTOMER, "globex"), (INCIDENT, "another"), (HEARING, "another's")])
def test_a_document_that_does_not_open_stops_nobody_else(
    house: House, kind: str, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another tenant's customer, or another incident, that was damaged keeps no clock from being looked at.

    It is told at the end, named by `unreadable`, and the standing of whatever opens is known.
    """
    house.customer("globex")
    other = house.assessed("globex")
    house.send(other.id, Phase.FIRST, ["globex"])
    mine = house.assessed("acme")
    key = {CUSTOMER: which, INCIDENT: other.id, HEARING: of_tenant(other.id, 1, "globex")}[kind]
    assert house.watch.unreadable() == ()
    damage(house, kind, key)
    house.clock.advance(hours=25)
    with pytest.raises(SealBroken):
        house.watch.look()
    assert mine.id in {one.incident for one in house.alarms}
    assert house.watch.status(mine.id)[0].id == mine.id
    assert mine.id in {one.id for one in house.watch.status()}
    (named,) = house.watch.unreadable()
    assert named.startswith(f"{kind} {key}")
    assert {getattr(one, "code", None) for one in caplog.records} >= {SealBroken.code}


def test_what_ends_during_a_look_is_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident that is dismissed after a look began is not spoken of; a watch that nobody listens to records."""
    incident = house.assessed("acme")
    house.clock.advance(hours=25)
    watch = Watch(house.storage, house.sealer, house.trail, rules=house.rules)
    customers = watch._dossiers.customers

    def meanwhile(trouble: Any) -> Any:
        house.incidents.dismiss(incident.id, by="e-2", reason="a test of ours")
        return customers(trouble)

    with monkeypatch.context() as patch:
        patch.setattr(watch._dossiers, "customers", meanwhile)
        assert watch.look() == ()
    other = house.assessed("acme")
    house.clock.advance(hours=25)
    assert [one.incident for one in watch.look()] == [other.id]


# --- reasons ----------------------------------------------------------------------------------------------------------


def test_a_delay_has_its_reason(house: House) -> None:
    """Why notices were late is on record, sealed, for all of them or for one; a later miss needs one of its own."""
    incident = house.assessed("acme", "globex")
    with pytest.raises(IncidentClash, match="no deadline"):
        house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a storm")
    house.clock.advance(hours=25)
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a storm", tenant="acme") == 1
    assert [one.kind for one in house.alarms] == [AlarmKind.MISSED]
    (unexplained,) = house.watch.status(incident.id)[0].unexplained
    assert (unexplained.tenants, unexplained.count) == (("globex",), 1)
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a flood") == 1
    assert house.watch.status(incident.id)[0].unexplained == ()
    event = [*house.incidents.timeline(incident.id)][-1]
    assert (event.kind, event.text, event.tenant) == ("deadline.explained", "a flood", None)
    assert [one.reason for one in house.watch.records(incident.id)] == [None, "a storm", "a flood"]
    assert not any(b"storm" in document.value for document in house.storage.documents(LEDGER))
    house.assess(incident.id, ["acme", "globex", "initech"])
    (unexplained,) = house.watch.status(incident.id)[0].unexplained
    assert unexplained.tenants == ("initech",)
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="found later") == 1
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="all in all") == 3


def test_a_reason_of_the_whole_incident(house: House) -> None:
    """A deadline that was missed before anybody was assessed is explained as the one deadline that it is."""
    incident = house.aware()
    house.clock.advance(hours=25)
    assert house.watch.explain(incident.id, phase=Phase.FIRST, by="e-1", reason="a storm") == 1
    assert house.watch.status(incident.id)[0].unexplained == ()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"reason": " "}, IncidentInvalid),
        ({"phase": "first"}, IncidentInvalid),
        ({"tenant": "nobody"}, IncidentClash),
        ({"phase": Phase.UPDATE}, IncidentClash),
        ({"by": "ada@acme.example"}, Misused),
    ],
)
def test_a_reason_that_is_none_is_refused(house: House, options: dict[str, Any], error: type[Exception]) -> None:
    """A reason has words, somebody who gives it, and a deadline that was missed; otherwise nothing is explained."""
    incident = house.assessed("acme")
    house.clock.advance(hours=25)
    wanted: dict[str, Any] = {"phase": Phase.FIRST, "by": "e-1", "reason": "a storm"}
    with pytest.raises(error):
        house.watch.explain(incident.id, **{**wanted, **options})
    assert len(house.watch.status(incident.id)[0].unexplained) == 1
    with pytest.raises(UnknownIncident):
        house.watch.explain("inc-20300101-00000000", **wanted)


def test_a_look_is_at_an_instant(house: House) -> None:
    """A look at an instant without a time zone is refused."""
    with pytest.raises(IncidentInvalid):
        house.watch.look(datetime(2030, 1, 1))  # noqa: DTZ001 - it is the lack of a zone that is refused


# --- laws -------------------------------------------------------------------------------------------------------------

steps = st.one_of(
    st.integers(min_value=-30, max_value=200).map(lambda hours: ("jump", hours)),
    st.sampled_from([Phase.FIRST, Phase.UPDATE, Phase.UPDATE, Phase.FINAL]).map(lambda phase: ("send", phase)),
    st.just(("look", None)),
)


def jumps(some: list[tuple[str, Any]]) -> None:
    """Check that after any jumps and sendings each miss is on record, and again no sooner than a day later.

    And that no warning came twice or grew longer.
    """
    house = House(rules=BreachRules(update_every=48 * HOUR))
    house.know("acme")
    incident = house.assessed("acme")
    for kind, what in some:
        if kind == "jump":
            # No clock goes back by more than a day without somebody who says so: the trail would refuse.
            house.clock.advance(hours=max(what, (house.trail.head().at - house.now()) / HOUR - 20))
        elif kind == "send":
            house.send(incident.id, what, ["acme"])
        else:
            house.watch.look()
    house.watch.look()
    failed = {("acme", one.phase, one.number) for one in house.watch.deadlines(incident.id) if one.state.is_failed}
    assert missed_of(house, incident.id).keys() == failed
    said: dict[Any, list[datetime]] = {}
    for alarm in house.alarms:
        if alarm.kind is AlarmKind.MISSED:
            said.setdefault((alarm.phase, alarm.number), []).append(alarm.at)
    for instants in said.values():
        assert all(later - sooner >= timedelta(days=1) for sooner, later in pairwise(instants))
    near: dict[Any, list[timedelta]] = {}
    for alarm in house.alarms:
        if alarm.before is not None:
            near.setdefault((alarm.phase, alarm.number), []).append(alarm.before)
    assert all(some == sorted(set(some), reverse=True) for some in near.values())
    assert len(house.alarms) == sum(kind.startswith("deadline.") for kind in house.kinds())


@given(st.lists(steps, max_size=12))
def test_every_miss_is_on_record_once_a_day(some: list[tuple[str, Any]]) -> None:
    """However the clock jumps, forwards over many warnings or back, each miss is on record, and at most once a day."""
    jumps(some)


# --- broken builds ----------------------------------------------------------------------------------------------------


def forgetful(patch: pytest.MonkeyPatch) -> None:
    """Say it at every look."""
    patch.setattr(Said, "add", lambda self, record: setattr(self, "number", record.number))


def only_what_runs(patch: pytest.MonkeyPatch) -> None:
    """Overlook what arrived late."""
    patch.setattr(DeadlineState, "is_failed", property(lambda self: self is DeadlineState.MISSED))


def all_in_one(patch: pytest.MonkeyPatch) -> None:
    """Keep all customers in one record."""
    patch.setattr(watching, "_TOGETHER", 100_000)


def heard_first(patch: pytest.MonkeyPatch) -> None:
    """Raise an alarm before it is on record."""

    def look(self: Watch, now: datetime | None = None) -> tuple[Alarm, ...]:
        self._raise(Alarm("inc-20300101-00000000", AlarmKind.MISSED, self._recorded.now()))
        return real(self, now)

    real = Watch.look
    patch.setattr(Watch, "look", look)


@pytest.mark.parametrize(
    ("build", "check"),
    [
        (forgetful, test_a_deadline_is_warned_of_and_then_missed),
        (only_what_runs, test_a_notice_that_arrived_late_is_on_record_as_missed),
        (all_in_one, test_ten_thousand_make_few_alarms),
        (heard_first, test_an_alarm_is_on_record_before_it_is_heard),
    ],
)
def test_a_broken_watch_is_noticed(monkeypatch: pytest.MonkeyPatch, build: Any, check: Any) -> None:
    """Each broken watch fails the check that is named beside it, which the sound one passes."""

    def checked() -> None:
        house = House()
        house.know("acme", "globex")
        check(house)

    checked()
    build(monkeypatch)
    with pytest.raises(AssertionError):
        checked()
