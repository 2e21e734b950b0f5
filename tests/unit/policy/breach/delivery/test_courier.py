from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.delivery._host import (
    ACCEPTED,
    GONE,
    INCIDENT_ID,
    REFUSED,
    RULES,
    TRY_AGAIN,
    Host,
    Scripted,
    mail,
    notice_of,
)

from smartify_core.errors import IncidentInvalid, UnknownIncident, UsageError
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.breach import (
    AttemptVerdict,
    DeliveryState,
    Hearing,
    IncidentState,
    Phase,
    Reply,
    Round,
    RoundState,
)
from smartify_core.policy.breach._places import INCIDENT, NOTICE, ROUND, numbered, of_tenant


@pytest.fixture
def host() -> Host:
    """Return a host with two customers that are each told by mail, and a round for both."""
    made = Host()
    for tenant in ("acme", "globex"):
        made.customer(tenant, mail(tenant))
    made.release("acme", "globex")
    return made


def test_every_tenant_gets_its_own_notice(host: Host) -> None:
    """A released round reaches every customer, each with its own text and id, and is then spread."""
    channel = Scripted()
    run = host.courier(channel).run_once()
    assert (run.spread, run.accepted, run.later) == (2, 2, 0)
    for tenant in ("acme", "globex"):
        (parcel,) = [one for one in channel.parcels if one.address == f"mail@{tenant}.example"]
        notice = notice_of(tenant)
        assert (parcel.id, parcel.subject, parcel.text) == (notice.id, notice.subject, notice.text)
        assert (parcel.kind, parcel.attempt) == ("breach.notice.first", 1)
        assert parcel.payload["tenant"] == tenant
    assert host.held(ROUND, numbered(INCIDENT_ID, 1), Round).state is RoundState.SPREAD


def test_what_came_of_it_is_on_record(host: Host) -> None:
    """A delivery ends with its evidence, its hearing with the time, and the trail with one entry for each step."""
    host.courier(Scripted(), worker="w-1").run_once()
    delivery = host.deliveries()["acme", "mail", 1]
    assert (delivery.state, delivery.worker, delivery.next_at) == (DeliveryState.COMPLETED, None, None)
    (attempt,) = delivery.attempts
    assert (attempt.verdict, attempt.code, attempt.reference) == ("accepted", "250", "m-1")
    assert attempt.content_sha256 == "ab" * 32
    assert host.hearing("acme").delivered_at == host.clock()
    assert host.kinds("acme") == ["notice.queued", "notice.accepted"]
    entry = [one.record for one in host.trail.entries() if one.record.tenant == "acme"][-1]
    assert entry.actor == "w-1"
    assert entry.facts == {
        "attempt": 1,
        "channel": "mail",
        "code": "250",
        "contact": "mail",
        "incident": INCIDENT_ID,
        "notice": notice_of("acme").id,
        "round": 1,
    }


def test_running_again_does_nothing(host: Host) -> None:
    """What was delivered stays delivered: another run sends nothing, and writes nothing into the trail."""
    channel = Scripted()
    host.courier(channel).run_once()
    size = host.trail.size
    assert not any(host.courier(channel).run_once().counts.values())
    assert (len(channel.parcels), host.trail.size) == (2, size)


def test_a_failed_attempt_is_made_again_under_the_same_id(host: Host) -> None:
    """After a 500 it waits as the channel says, and then the same message goes out as attempt 2."""
    channel = Scripted(answers={"mail@acme.example": [TRY_AGAIN, ACCEPTED]})
    courier = host.courier(channel)
    assert courier.run_once().failed == 1
    assert courier.run_once().later == 1
    host.clock.advance(seconds=59)
    assert courier.run_once().accepted == 0
    host.clock.advance(seconds=1)
    assert courier.run_once().accepted == 1
    ours = [one for one in channel.parcels if one.address == "mail@acme.example"]
    assert [one.attempt for one in ours] == [1, 2]
    assert channel.got()["mail@acme.example"] == {notice_of("acme").id}
    assert [one.verdict for one in host.deliveries()["acme", "mail", 1].attempts] == ["try-again", "accepted"]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (timedelta(seconds=1), timedelta(minutes=1)),
        (timedelta(hours=3), timedelta(hours=3)),
        (timedelta(days=400), timedelta(days=1)),
    ],
)
def test_retry_after_is_honoured_within_reason(host: Host, asked: timedelta, waited: timedelta) -> None:
    """Whoever asks to be left alone is, if that is later than we would come, and for a day at the most."""
    channel = Scripted(answers={"mail@acme.example": [evolve(TRY_AGAIN, retry_after=asked)]})
    host.courier(channel).run_once()
    assert host.deliveries()["acme", "mail", 1].next_at == host.clock() + waited


def test_the_last_failure_is_visible_and_somebody_calls(host: Host) -> None:
    """After every attempt has failed the delivery is a failed one, and where nobody else is left a person calls."""
    calls: list[Hearing] = []
    courier = host.courier(Scripted(answers={"mail@acme.example": [TRY_AGAIN]}), on_call=calls.append)
    courier.run_once()
    host.clock.advance(minutes=1)
    courier.run_once()
    host.clock.advance(minutes=10)
    run = courier.run_once()
    assert (run.exhausted, run.calls) == (1, 1)
    delivery = host.deliveries()["acme", "mail", 1]
    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.FAILED, 3)
    hearing = host.hearing("acme")
    assert (hearing.call, hearing.call_since, hearing.delivered_at) == ("e-9", host.clock(), None)
    assert calls == [hearing]
    assert host.kinds("acme")[-2:] == ["notice.exhausted", "notice.call"]


@pytest.mark.parametrize(("reply", "kind"), [(REFUSED, "notice.refused"), (GONE, "notice.gone")])
def test_a_refusal_is_final(host: Host, reply: Reply, kind: str) -> None:
    """A recipient that is refused, or gone, is not tried again, and what is known of the contact says so."""
    run = host.courier(Scripted(answers={"mail@acme.example": [reply]})).run_once()
    assert (run.refused + run.gone, run.calls, run.later) == (1, 1, 0)
    assert host.deliveries()["acme", "mail", 1].state is DeliveryState.FAILED
    assert host.kinds("acme") == ["notice.queued", kind, "notice.call"]
    reach = host.reach("acme")
    assert reach is not None
    assert (reach.contacts["mail"].verdict, reach.contacts["mail"].code) == (reply.verdict.value, reply.code)


def test_nothing_is_sent_to_a_contact_that_is_gone() -> None:
    """Where a contact said that it wants nothing more, the next notice goes to the next one at once."""
    host = Host()
    host.customer("acme", mail("acme", name="hook"), mail("acme", name="desk", tier=2))
    host.release("acme")
    channel = Scripted(answers={"hook@acme.example": [GONE]})
    host.courier(channel).run_once()
    host.release("acme", number=2, phase=Phase.UPDATE)
    run = host.courier(channel).run_once()
    assert (run.accepted, run.escalated) == (1, 0)
    assert [one.address for one in channel.parcels] == [
        "hook@acme.example",
        "desk@acme.example",
        "desk@acme.example",
    ]
    assert host.hearing("acme", 2).tier == 2


def test_the_next_tier_is_told_when_all_of_one_failed() -> None:
    """Those of the second tier are told in the same run in which the last of the first was refused, and not before."""
    host = Host()
    host.customer("acme", mail("acme", name="a"), mail("acme", name="b"), mail("acme", name="c", tier=2))
    host.release("acme")
    channel = Scripted(answers={"a@acme.example": [REFUSED], "b@acme.example": [TRY_AGAIN, REFUSED]})
    courier = host.courier(channel)
    assert courier.run_once().escalated == 0
    host.clock.advance(minutes=1)
    run = courier.run_once()
    assert (run.refused, run.escalated, run.accepted, run.calls) == (1, 1, 1, 0)
    assert host.hearing("acme").tier == 2
    assert host.kinds("acme")[-3:] == ["notice.refused", "notice.escalated", "notice.accepted"]


def test_the_next_tier_is_told_when_time_is_over() -> None:
    """After the rules' time the next tier is told, while the first is tried on; what arrives settles the call."""
    host = Host()
    host.customer("acme", mail("acme", name="a"), mail("acme", name="b", tier=2))
    host.release("acme")
    waits = (timedelta(minutes=50), timedelta(hours=5))
    channel = Scripted(
        answers={"a@acme.example": [TRY_AGAIN, TRY_AGAIN, ACCEPTED], "b@acme.example": [TRY_AGAIN]}, waits=waits
    )
    courier = host.courier(channel)
    courier.run_once()
    host.clock.advance(minutes=59)
    assert courier.run_once().escalated == 0
    host.clock.advance(minutes=1)
    assert courier.run_once().escalated == 1
    host.clock.advance(hours=1)
    assert courier.run_once().calls == 1
    host.clock.advance(hours=5)
    assert host.hearing("acme").call_since is not None
    assert courier.run_once().accepted == 1
    assert (host.hearing("acme").call_since, host.kinds("acme").count("notice.call")) == (None, 1)


def test_a_refused_one_beside_an_accepted_one_is_a_failure_and_no_escalation() -> None:
    """One of two recipients that is refused is counted and on record, and nobody else has to be told."""
    host = Host()
    host.customer("acme", mail("acme", name="a"), mail("acme", name="b"), mail("acme", name="c", tier=2))
    host.release("acme")
    run = host.courier(Scripted(answers={"a@acme.example": [REFUSED]})).run_once()
    assert (run.accepted, run.refused, run.escalated, run.calls) == (1, 1, 0, 0)
    states = {one.contact: one.state for one in host.deliveries().values()}
    assert states == {"a": DeliveryState.FAILED, "b": DeliveryState.COMPLETED}


@pytest.mark.parametrize("known", [True, False])
def test_a_customer_without_a_contact_is_called(known: bool) -> None:
    """Where nobody said how to reach a customer, somebody has to call, from the instant of queuing on."""
    host = Host()
    if known:
        host.customer("acme", call="e-4")
    host.release("acme")
    calls: list[Hearing] = []
    run = host.courier(Scripted(), on_call=calls.append).run_once()
    hearing = host.hearing("acme")
    assert (run.spread, run.calls, [hearing]) == (1, 1, calls)
    assert (hearing.call, hearing.tier, hearing.call_since) == ("e-4" if known else "e-9", 0, host.clock())
    assert host.kinds("acme") == ["notice.queued", "notice.call"]


def test_silence_that_police_asked_for_stops_and_ends(host: Host) -> None:
    """A hold that comes after the release stops what is not out, and its end lets that go."""
    channel = Scripted(answers={"mail@acme.example": [TRY_AGAIN, ACCEPTED]})
    courier = host.courier(channel)
    courier.run_once()
    host.release("acme", "globex", number=2, phase=Phase.UPDATE)
    host.hold(days=2)
    host.clock.advance(days=1)
    run = courier.run_once()
    assert (run.spread, run.accepted, run.held, run.calls, run.escalated) == (0, 0, 1, 0, 0)
    host.clock.advance(days=1)
    run = courier.run_once()
    assert (run.spread, run.accepted, run.held, run.not_needed) == (2, 2, 0, 1)


@pytest.mark.parametrize("state", [IncidentState.CLOSED, IncidentState.NEAR_MISS])
def test_nothing_leaves_once_the_incident_is_over(host: Host, state: IncidentState) -> None:
    """An incident that was closed, or dismissed, sends nothing more."""
    host.put(INCIDENT, INCIDENT_ID, host.incident(state=state, rounds=1))
    channel = Scripted()
    assert host.courier(channel).run_once().spread == 0
    assert channel.parcels == []


def test_a_channel_that_is_not_there_waits_and_escalates() -> None:
    """Without its notifier a delivery waits for a courier that has it; after a while the next ones are told."""
    host = Host()
    host.customer("acme", mail("acme", channel="fax"), mail("acme", name="b", tier=2))
    host.release("acme")
    courier = host.courier(Scripted())
    assert courier.run_once().stranded == 1
    host.clock.advance(hours=1)
    run = courier.run_once()
    assert (run.escalated, run.accepted) == (1, 1)
    assert host.courier(Scripted(), Scripted("fax")).run_once().accepted == 1


@pytest.mark.parametrize("error", [LookupError, SystemExit])
def test_a_notifier_that_raises_is_tried_again(host: Host, error: type[BaseException]) -> None:
    """Whatever a host's notifier raises is a failed attempt by the name of its class, and the others get theirs."""

    def raising(parcel: Any) -> Reply:
        raise error(parcel.address)

    run = host.courier(Scripted(answers={"mail@acme.example": [raising]})).run_once()
    assert (run.failed, run.accepted) == (1, 1)
    assert host.deliveries()["acme", "mail", 1].attempts[0].code == f"error:{error.__name__}"


def test_a_code_that_is_a_text_is_not_kept_as_one(host: Host) -> None:
    """What a notifier puts where a code belongs goes into the trail only if it can be nothing else."""
    reply = Reply(AttemptVerdict.REFUSED, "<ada@acme.example>: unknown")
    host.courier(Scripted(answers={"mail@acme.example": [reply]})).run_once()
    assert host.deliveries()["acme", "mail", 1].attempts[0].code == "other"


def test_a_later_notice_makes_an_earlier_one_superfluous(host: Host) -> None:
    """Once a contact has the update, what it still has not got of the first notice is not sent any more."""
    channel = Scripted(answers={"mail@acme.example": [TRY_AGAIN, ACCEPTED]})
    courier = host.courier(channel)
    courier.run_once()
    host.release("acme", "globex", number=2, phase=Phase.UPDATE)
    run = courier.run_once()
    assert (run.accepted, run.not_needed) == (2, 1)
    assert host.deliveries()["acme", "mail", 1].state is DeliveryState.NOT_NEEDED
    host.clock.advance(days=2)
    assert courier.run_once().calls == 0
    assert "notice.not-needed" in host.kinds("acme")


def test_an_earlier_notice_that_fails_after_a_later_one_arrived_ends(host: Host) -> None:
    """The first notice is not tried on where the update overtook it while it was being sent."""
    courier = host.courier(Scripted())

    def overtaken(_: Any) -> Reply:
        host.release("acme", number=2, phase=Phase.UPDATE)
        assert courier.run_once().accepted == 1
        return TRY_AGAIN

    run = host.courier(Scripted(answers={"mail@acme.example": [overtaken]})).run_once()
    assert (run.failed, run.not_needed) == (1, 1)
    assert host.deliveries()["acme", "mail", 1].state is DeliveryState.NOT_NEEDED


def test_an_acknowledgement_settles_a_call() -> None:
    """Once the customer said on the phone that it knows, nobody has to call, and the trail has no word of it."""
    host = Host()
    host.release("acme")
    courier = host.courier(Scripted())
    courier.run_once()
    at = host.clock()
    host.clock.advance(hours=1)
    hearing = courier.acknowledge(INCIDENT_ID, "acme", by="e-4", heard_by="Ada Lovelace", how="by phone", at=at)
    assert (hearing.call_since, hearing.acknowledged_at, hearing.acknowledged_by) == (None, at, "e-4")
    assert (hearing.heard_by, hearing.how) == ("Ada Lovelace", "by phone")
    assert host.hearing("acme") == hearing
    entry = list(host.trail.entries())[-1].record
    assert (entry.kind, entry.tenant, entry.actor) == ("notice.acknowledged", "acme", "e-4")
    assert "Ada" not in str(entry)
    assert "Ada" not in repr(hearing)
    again = courier.acknowledge(INCIDENT_ID, "acme", by="e-5", heard_by="Bob", how="by mail")
    assert again == hearing


def test_a_code_acknowledges_the_notice_that_it_is_of(host: Host) -> None:
    """Whoever has a notice's code has read it: of that tenant and round, once; any other code is of none."""
    courier = host.courier(Scripted(answers={"mail@acme.example": [TRY_AGAIN]}))
    courier.run_once()
    hearing = courier.acknowledge_by_code(notice_of("acme").code)
    assert (hearing.tenant, hearing.acknowledged_by, hearing.heard_by) == ("acme", "code", None)
    assert courier.acknowledge_by_code(notice_of("acme").code) == hearing
    assert host.kinds().count("notice.acknowledged") == 1
    host.clock.advance(hours=2)
    assert courier.run_once().calls == 0
    for wrong in ("", "code-", notice_of("initech").code, "x" * 5_000):
        with pytest.raises(UnknownIncident):
            courier.acknowledge_by_code(wrong)


def test_a_code_is_taken_however_it_was_typed(host: Host) -> None:
    """Blanks, hyphens and small letters make no other code; whoever only looks at the notice acknowledges nothing."""
    courier = host.courier(Scripted())
    courier.run_once()
    code = notice_of("acme").code
    typed = f" {code[:3]} {code[3:].swapcase()}\n"
    assert courier.notice_by_code(typed).tenant == "acme"
    assert host.hearing("acme").acknowledged_at is None
    assert courier.acknowledge_by_code(typed).tenant == "acme"
    wrong: Any = None
    for ask in (courier.notice_by_code, courier.acknowledge_by_code):
        with pytest.raises(UnknownIncident):
            ask(wrong)


def test_an_acknowledgement_is_of_the_latest_notice(host: Host) -> None:
    """Without a round it is the latest that the tenant has; with one it is that one."""
    courier = host.courier(Scripted())
    host.release("acme", number=2, phase=Phase.UPDATE)
    courier.run_once()
    said: dict[str, Any] = {"by": "e-4", "heard_by": "them", "how": "by phone"}
    assert courier.acknowledge(INCIDENT_ID, "acme", **said).round == 2
    assert courier.acknowledge(INCIDENT_ID, "globex", **said).round == 1
    assert courier.acknowledge(INCIDENT_ID, "acme", **said, round=1).round == 1


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"tenant": "initech"}, UnknownIncident),
        ({"incident_id": "inc-20300101-ffffffff"}, UnknownIncident),
        ({"round": 7}, UnknownIncident),
        ({"by": "no id"}, UsageError),
        ({"heard_by": " "}, IncidentInvalid),
        ({"how": "x" * 5_000}, IncidentInvalid),
        ({"at": "yesterday"}, IncidentInvalid),
    ],
)
def test_a_wrong_acknowledgement_changes_nothing(host: Host, wrong: dict[str, Any], error: type[Exception]) -> None:
    """What is misshapen, or of no notice, is refused, and nothing is written."""
    courier = host.courier(Scripted())
    courier.run_once()
    size = host.trail.size
    said = {"incident_id": INCIDENT_ID, "tenant": "acme", "by": "e-4", "heard_by": "them", "how": "by phone", **wrong}
    with pytest.raises(error):
        courier.acknowledge(**said)
    assert host.trail.size == size


def test_a_customer_cannot_have_heard_in_the_future(host: Host) -> None:
    """A time that has not come is none at which somebody has heard."""
    courier = host.courier(Scripted())
    courier.run_once()
    at = host.clock() + timedelta(seconds=1)
    with pytest.raises(IncidentInvalid):
        courier.acknowledge(INCIDENT_ID, "acme", by="e-4", heard_by="them", how="by phone", at=at)


def test_an_off_boarded_tenant_is_told_all_the_same(host: Host) -> None:
    """Nothing of a tenant need be left in the store: what happened before is told to its contacts."""
    claim = host.storage.claim("acme", now=host.clock(), ttl=timedelta(minutes=1))
    host.storage.erase_tenant(claim)
    assert host.courier(Scripted()).run_once().accepted == 2


def test_a_stopped_run_sends_nothing_more(host: Host) -> None:
    """Once it is to stop nothing leaves; what was taken is given back, without an attempt that never was."""
    stop = threading.Event()

    def stopping(_: Any) -> Reply:
        stop.set()
        return ACCEPTED

    channel = Scripted(answers={"mail@acme.example": [stopping], "mail@globex.example": [stopping]})
    run = host.courier(channel, threads=1).run_once(stop=stop)
    assert (run.accepted, run.unsent, len(channel.parcels)) == (1, 1, 1)
    left = next(one for one in host.deliveries().values() if one.state.is_open)
    assert (left.attempts, left.worker, left.state) == ((), None, DeliveryState.PLANNED)
    assert host.courier(channel).run_once().accepted == 1


def test_a_call_back_that_raises_hurts_nobody() -> None:
    """Whatever the host's function does, the call is on record and the run goes on."""
    host = Host()
    host.customer("globex", mail("globex"))
    host.release("acme", "globex")

    def raising(_: Hearing) -> None:
        raise RuntimeError

    run = host.courier(Scripted(), on_call=raising).run_once()
    assert (run.accepted, run.calls) == (1, 1)


def test_nothing_is_lost_among_many_batches() -> None:
    """Of more tenants than one step takes each gets its notice, once, and has one entry of queuing."""
    host = Host()
    tenants = [f"t-{number:04}" for number in range(1_050)]
    for tenant in tenants:
        host.customer(tenant, mail(tenant))
    host.release(*tenants)
    channel = Scripted()
    run = host.courier(channel).run_once()
    assert (run.spread, run.accepted) == (1_050, 1_050)
    assert channel.got() == {f"mail@{one}.example": {notice_of(one).id} for one in tenants}
    assert host.kinds().count("notice.queued") == host.kinds().count("notice.accepted") == 1_050
    assert host.kinds().count("notice.spread") == 1


def test_a_round_without_notices_is_spread() -> None:
    """Where nobody is to be told a round is done at once."""
    host = Host()
    host.release()
    host.courier(Scripted()).run_once()
    assert host.kinds() == ["notice.spread"]


@pytest.mark.parametrize(
    "wrong",
    [{"worker": "no id"}, {"threads": 0}, {"threads": 1_000}, {"lease": timedelta(0)}, {"lease": timedelta(days=2)}],
)
def test_a_courier_has_sensible_options(wrong: dict[str, Any]) -> None:
    """What no courier can run with is refused when it is made."""
    with pytest.raises(UsageError):
        Host().courier(Scripted(), **wrong)


@pytest.mark.parametrize("notifiers", [[Scripted(), Scripted()]])
def test_a_channel_has_one_notifier(notifiers: Sequence[Any]) -> None:
    """Two notifiers of one channel are refused."""
    with pytest.raises(UsageError):
        Host().courier(*notifiers, rules=RULES)


def test_nothing_personal_is_logged(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong is logged by class and channel: no address, no name and nothing of the notice."""

    def raising(parcel: Any) -> Reply:
        raise LookupError(parcel.address)

    def told(_: Hearing) -> None:
        raise LookupError("globex.example")

    channel = Scripted(answers={"mail@acme.example": [raising], "mail@globex.example": [REFUSED]})
    with caplog.at_level("DEBUG"):
        host.courier(channel, on_call=told).run_once()
    assert len(caplog.records) == 2
    for record in caplog.records:
        assert ".example" not in str(record.__dict__)


def test_what_is_broken_holds_nobody_else_up(host: Host) -> None:
    """A notice that was altered is counted, and its round is not spread; the others of it go out, and other rounds."""
    host.release("acme", number=2, phase=Phase.UPDATE)
    key = of_tenant(INCIDENT_ID, 1, "acme")
    held = host.storage.document(LEDGER, NOTICE, key)
    assert held is not None
    broken = bytes([held.value[0], *(one ^ 1 for one in held.value[1:])])
    host.storage.record(LEDGER, documents=[PutDocument(NOTICE, key, broken, held.version)])
    run = host.courier(Scripted()).run_once()
    assert (run.stuck, run.spread, run.accepted) == (1, 2, 2)
