"""Notices follow their customers, stop when they must, and are not stopped by what is broken beside them."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.delivery._host import (
    ACCEPTED,
    GONE,
    INCIDENT_ID,
    REFUSED,
    TRY_AGAIN,
    Host,
    Scripted,
    mail,
)

from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.breach import (
    Contact,
    Customer,
    Customers,
    DeliveryState,
    Hearing,
    Incident,
    IncidentState,
    Reply,
    Round,
    RoundState,
)
from smartify_core.policy.breach._places import (
    CHANGED,
    CUSTOMER,
    HEARING,
    INCIDENT,
    NOTICE,
    REACH,
    ROUND,
    numbered,
    of_tenant,
)
from smartify_core.policy.breach._reach import Reach


@pytest.fixture
def host() -> Host:
    """Return a host in the middle of a breach."""
    return Host()


def customers_of(host: Host) -> Customers:
    """Return the room of customers."""
    return Customers(host.storage, host.sealer, host.trail, notifiers=[Scripted()])


def correct(host: Host, *contacts: Contact) -> None:
    """Have somebody put the contacts of acme on record."""
    customers_of(host).register(Customer("acme", contacts), by="e-2", also_unknown=True)


WRONG = Contact("c1", "mail", "mail@globex.example")
RIGHT = Contact("c1", "mail", "right@acme.example")
OTHER = Contact("c2", "mail", "right@acme.example")


@pytest.mark.parametrize("corrected", [RIGHT, OTHER])
def test_a_contact_that_was_corrected_gets_the_notice_and_the_wrong_one_no_more(host: Host, corrected: Contact) -> None:
    """What failed at first goes to the right address next, never again to the wrong one; both are on record."""
    correct(host, WRONG)
    host.release("acme")
    channel = Scripted(answers={WRONG.address: [TRY_AGAIN, ACCEPTED]})
    host.courier(channel).run_once()
    correct(host, corrected)
    run = host.courier(channel).run_once()
    assert (run.not_needed, run.redirected, run.accepted, run.calls) == (1, 1, 1, 0)
    assert [(one.address, one.attempt) for one in channel.parcels] == [(WRONG.address, 1), (corrected.address, 1)]
    ended, told = list(host.courier().deliveries(INCIDENT_ID))
    assert (ended.state, ended.address) == (DeliveryState.NOT_NEEDED, WRONG.address)
    assert (told.state, told.address) == (DeliveryState.COMPLETED, corrected.address)
    assert host.kinds("acme")[-3:] == ["notice.not-needed", "notice.redirected", "notice.accepted"]
    assert host.hearing("acme").delivered_at is not None


def test_what_is_due_never_goes_to_a_contact_that_is_another_by_now(host: Host) -> None:
    """Also where nothing but the customer's own document says so, as a write from elsewhere may."""
    host.customer("acme", WRONG)
    host.release("acme")
    channel = Scripted(answers={WRONG.address: [TRY_AGAIN, ACCEPTED]})
    host.courier(channel).run_once()
    host.customer("acme", RIGHT)
    host.clock.advance(minutes=5)
    run = host.courier(channel).run_once()
    assert (run.not_needed, run.redirected, run.accepted) == (1, 1, 1)
    assert [one.address for one in channel.parcels] == [WRONG.address, RIGHT.address]


def test_a_customer_that_is_removed_is_called(host: Host) -> None:
    """Nothing goes to an address that was taken off the record; somebody calls."""
    correct(host, WRONG)
    host.release("acme")
    channel = Scripted(answers={WRONG.address: [TRY_AGAIN, ACCEPTED]})
    host.courier(channel).run_once()
    customers_of(host).remove("acme", by="e-2")
    run = host.courier(channel).run_once()
    assert (run.not_needed, run.calls, len(channel.parcels)) == (1, 1, 1)
    assert host.hearing("acme").call == "e-9"


@pytest.mark.parametrize("reply", [REFUSED, GONE, None])
def test_a_contact_that_comes_late_gets_the_notice_and_settles_the_call(host: Host, reply: Reply | None) -> None:
    """Refused, gone, or none at all: once a contact is put on record the notice goes there, and nobody has to call."""
    if reply is not None:
        correct(host, WRONG)
    host.release("acme")
    channel = Scripted(answers={} if reply is None else {WRONG.address: [reply]})
    assert host.courier(channel).run_once().calls == 1
    assert host.hearing("acme").call_since is not None
    correct(host, RIGHT)
    run = host.courier(channel).run_once()
    assert (run.redirected, run.accepted, run.calls) == (1, 1, 0)
    hearing = host.hearing("acme")
    assert (hearing.call_since, hearing.call, hearing.delivered_at) == (None, None, host.clock())
    assert host.courier(channel).run_once().redirected == 0
    assert channel.parcels[-1].address == RIGHT.address


def test_a_call_stays_open_until_the_corrected_contact_is_reached(host: Host) -> None:
    """That a notice is queued again is no reason not to call."""
    host.release("acme")
    channel = Scripted(answers={RIGHT.address: [TRY_AGAIN]})
    host.courier(channel).run_once()
    correct(host, RIGHT)
    run = host.courier(channel).run_once()
    assert (run.redirected, run.failed, run.calls) == (1, 1, 0)
    assert host.hearing("acme").call_since is not None


def test_whoever_has_heard_is_not_told_again(host: Host) -> None:
    """A new contact of a customer that has heard gets nothing, and the note of the change is gone."""
    correct(host, WRONG)
    host.release("acme")
    channel = Scripted()
    host.courier(channel).run_once()
    correct(host, RIGHT)
    assert host.storage.document(LEDGER, CHANGED, "acme") is not None
    run = host.courier(channel).run_once()
    assert (run.redirected, run.not_needed, len(channel.parcels)) == (0, 0, 1)
    assert host.storage.document(LEDGER, CHANGED, "acme") is None


def test_a_correction_waits_for_the_police(host: Host) -> None:
    """While they ask for silence nothing is queued and nobody is called; afterwards it is."""
    host.release("acme")
    channel = Scripted()
    host.courier(channel).run_once()
    host.hold(hours=2)
    correct(host, RIGHT)
    assert host.courier(channel).run_once().redirected == 0
    host.clock.advance(hours=3)
    run = host.courier(channel).run_once()
    assert (run.redirected, run.accepted) == (1, 1)


@pytest.mark.parametrize("state", [None, IncidentState.CLOSED, IncidentState.NEAR_MISS])
def test_nothing_leaves_once_silence_or_the_end_is_on_record(host: Host, state: IncidentState | None) -> None:
    """In the middle of a run: the next message does not leave, without an attempt on record that never was."""
    tenants = ["acme", "globex", "initech"]
    for tenant in tenants:
        host.customer(tenant, mail(tenant))
    host.release(*tenants)

    def answer(_: Any) -> Reply:
        if state is None:
            host.hold(days=3)
        else:
            found = host.held(INCIDENT, INCIDENT_ID, Incident)
            host.put(INCIDENT, INCIDENT_ID, host.incident(rounds=found.rounds, state=state))
        return ACCEPTED

    channel = Scripted(answers={f"mail@{tenant}.example": [answer] for tenant in tenants})
    run = host.courier(channel, threads=1).run_once()
    assert (len(channel.parcels), run.accepted, run.unsent, run.failed) == (1, 1, 2, 0)
    waiting = [one for one in host.courier().deliveries(INCIDENT_ID) if one.state is DeliveryState.PLANNED]
    assert [(one.attempts, one.worker) for one in waiting] == [((), None)] * 2
    if state is None:
        host.clock.advance(days=4)
        assert host.courier(Scripted()).run_once().accepted == 2


def _break(host: Host, kind: str, key: str) -> bytes:
    held = host.storage.document(LEDGER, kind, key)
    assert held is not None
    broken = held.value[:-3] + bytes(one ^ 1 for one in held.value[-3:])
    host.storage.record(LEDGER, documents=[PutDocument(kind, key, broken, held.version)])
    return held.value


_OLD = "inc-20290101-0000abcd"


@pytest.mark.parametrize("kind", [ROUND, INCIDENT, NOTICE, CUSTOMER, REACH, HEARING])
def test_one_broken_document_holds_nobody_else_up(host: Host, kind: str) -> None:
    """Whatever cannot be opened of one customer or an old incident is counted, and the other customer is told."""
    for tenant in ("acme", "globex"):
        correct_ = Customer(tenant, (mail(tenant),))
        customers_of(host).register(correct_, by="e-2", also_unknown=True)
    host.put(REACH, "acme", Reach("acme"))
    host.put(INCIDENT, _OLD, host.incident(id=_OLD, rounds=1))
    host.release("acme", "globex")
    present = host.held(ROUND, numbered(INCIDENT_ID, 1), Round)
    host.put(ROUND, numbered(_OLD, 1), evolve(present, incident=_OLD, state=RoundState.SPREAD))
    twice: list[Any] = [TRY_AGAIN, ACCEPTED]
    channel = Scripted(answers={"mail@acme.example": twice, "mail@globex.example": twice})
    if kind == HEARING:
        host.courier(channel).run_once()
        host.clock.advance(minutes=5)
    key = {
        ROUND: numbered(_OLD, 1),
        INCIDENT: _OLD,
        NOTICE: of_tenant(INCIDENT_ID, 1, "acme"),
        HEARING: of_tenant(INCIDENT_ID, 1, "acme"),
    }.get(kind, "acme")
    _break(host, kind, key)
    first = host.courier(channel).run_once()
    host.clock.advance(minutes=5)
    second = host.courier(channel).run_once()
    assert first.stuck == 1
    assert second.stuck <= 1
    assert host.courier().run_once().accepted == 0
    heard = host.shelf(HEARING, Hearing).get(of_tenant(INCIDENT_ID, 1, "globex"))[0]
    assert heard is not None
    assert heard.delivered_at is not None


@pytest.mark.parametrize("kind", [NOTICE, CUSTOMER])
def test_whoever_was_passed_over_is_told_once_that_can_be_read(host: Host, kind: str) -> None:
    """A round stays released while one of its notices waits for a backup; nobody of it is forgotten or told twice."""
    for tenant in ("acme", "globex"):
        host.customer(tenant, mail(tenant))
    host.release("acme", "globex")
    key = of_tenant(INCIDENT_ID, 1, "acme") if kind == NOTICE else "acme"
    whole = _break(host, kind, key)
    channel = Scripted()
    for _ in range(3):
        run = host.courier(channel).run_once()
        assert run.stuck == 1
    size = len(list(host.trail.entries()))
    assert set(channel.got()) == {"mail@globex.example"}
    assert host.held(ROUND, numbered(INCIDENT_ID, 1), Round).state is RoundState.RELEASED
    document = host.storage.document(LEDGER, kind, key)
    assert document is not None
    host.storage.record(LEDGER, documents=[PutDocument(kind, key, whole, document.version)])
    run = host.courier(channel).run_once()
    assert (run.stuck, run.spread, run.accepted, len(channel.parcels)) == (0, 1, 1, 2)
    assert host.held(ROUND, numbered(INCIDENT_ID, 1), Round).state is RoundState.SPREAD
    assert len(list(host.trail.entries())) == size + 3
