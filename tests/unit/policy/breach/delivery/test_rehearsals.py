from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.delivery._host import ACCEPTED, GONE, REFUSED, RULES, TRY_AGAIN, Host, Scripted, mail

from smartify_core.errors import UnknownRecord, UsageError
from smartify_core.policy.breach import Contact, Customer, Customers, Parcel, ReachConcern, Rehearsals, Reply
from smartify_core.policy.breach._notices import rehearsal_message

EVERY = RULES.rehearse_every


@pytest.fixture
def host() -> Host:
    """Return a host with two customers: one with two contacts on two channels, and one with one."""
    made = Host()
    made.customer("acme", mail("acme"), mail("acme", name="hook", channel="webhook"))
    made.customer("globex", mail("globex"))
    return made


def rehearsals(host: Host, *notifiers: Any) -> Rehearsals:
    """Return the exercises of a host."""
    rules = evolve(RULES, organisation="Vendor")
    return Rehearsals(host.storage, host.sealer, host.trail, notifiers, rules=rules, message=rehearsal_message)


def concerns(host: Host, *notifiers: Any) -> list[tuple[str, str, str | None]]:
    """Return what is wrong with the ways to customers."""
    found = rehearsals(host, *notifiers).findings(host.clock())
    return [(one.tenant, one.concern.value, one.contact) for one in found]


def test_an_exercise_reaches_every_contact(host: Host) -> None:
    """Every contact of every customer gets a message that says that it is an exercise, and the proof is kept."""
    post, hook = Scripted(), Scripted("webhook")
    report = rehearsals(host, post, hook).rehearse(by="e-1")
    assert (report.customers, report.tried, report.accepted, report.unreached) == (2, 3, 3, ())
    for parcel in (*post.parcels, *hook.parcels):
        assert parcel.kind == "breach.rehearsal"
        assert "EXERCISE" in parcel.subject
        assert "EXERCISE" in parcel.text
        assert "EXERCISE" in parcel.html
        assert parcel.payload == {"type": "breach.rehearsal", "data": {"exercise": True, "code": parcel.id}}
    reach = rehearsals(host).reach("acme")
    assert {one: known.proven_at for one, known in reach.contacts.items()} == {
        "mail": host.clock(),
        "hook": host.clock(),
    }
    assert host.kinds() == ["contact.rehearsed", "contact.rehearsed"]
    entry = next(iter(host.trail.entries())).record
    assert (entry.tenant, entry.actor, entry.facts) == ("acme", "e-1", {"accepted": 2, "unreached": ()})


def test_only_what_is_due_is_sent(host: Host) -> None:
    """A fresh proof is left alone for half of its time, unless somebody insists; what failed is tried each time."""
    post, hook = Scripted(), Scripted("webhook", {"hook@acme.example": [TRY_AGAIN, ACCEPTED]})
    made = rehearsals(host, post, hook)
    assert made.rehearse(by="e-1").accepted == 2
    assert (made.rehearse(by="e-1").tried, made.rehearse(by="e-1").tried) == (1, 0)
    assert made.rehearse(by="e-1", force=True).tried == 3
    host.clock.advance(EVERY / 2 - timedelta(seconds=1))
    assert made.rehearse(by="e-1").not_due == 3
    host.clock.advance(seconds=1)
    assert made.rehearse(by="e-1").tried == 3


def test_what_is_gone_is_left_alone(host: Host) -> None:
    """A contact that wants nothing more gets no exercise either, until it is changed or somebody insists."""
    post = Scripted(answers={"mail@globex.example": [GONE, ACCEPTED]})
    made = rehearsals(host, post, Scripted("webhook"))
    made.rehearse(by="e-1")
    host.clock.advance(days=300)
    assert made.rehearse(by="e-1", tenants=["globex"]).tried == 0
    assert made.rehearse(by="e-1", tenants=["globex"], force=True).accepted == 1


def test_what_was_not_reached_is_reported(host: Host) -> None:
    """The report and the trail name the contacts that did not take it, and no address."""
    post = Scripted(answers={"mail@globex.example": [REFUSED]})
    report = rehearsals(host, post, Scripted("webhook")).rehearse(by="e-1")
    (finding,) = report.unreached
    assert (finding.tenant, finding.contact, finding.concern, finding.code) == (
        "globex",
        "mail",
        ReachConcern.REFUSED,
        "550 5.1.1",
    )
    entry = list(host.trail.entries())[-1].record
    assert entry.facts == {"accepted": 0, "unreached": ("mail",)}
    assert "@" not in repr(report)


def test_every_concern_is_found(host: Host) -> None:
    """Who has no contact, none that was tried, none that answers, or only one channel, is found before a breach."""
    host.storage.schedule({"initech": host.clock(), "acme": host.clock()})
    host.customer("umbrella")
    assert set(concerns(host)) == {
        ("acme", "never-rehearsed", "hook"),
        ("acme", "never-rehearsed", "mail"),
        ("globex", "never-rehearsed", "mail"),
        ("globex", "single-channel", None),
        ("umbrella", "no-contact", None),
        ("initech", "no-customer", None),
    }
    post = Scripted(answers={"mail@globex.example": [REFUSED]})
    hook = Scripted("webhook", {"hook@acme.example": [GONE]})
    rehearsals(host, post, hook).rehearse(by="e-1")
    host.clock.advance(EVERY + timedelta(seconds=1))
    assert set(concerns(host)) == {
        ("acme", "stale", "mail"),
        ("acme", "gone", "hook"),
        ("acme", "single-channel", None),
        ("globex", "refused", "mail"),
        ("globex", "single-channel", None),
        ("umbrella", "no-contact", None),
        ("initech", "no-customer", None),
    }


def test_a_contact_that_cannot_be_reached_now_is_found(host: Host) -> None:
    """What may pass is a concern as well: a breach does not wait."""
    rehearsals(host, Scripted(answers={"mail@acme.example": [TRY_AGAIN]}), Scripted("webhook")).rehearse(by="e-1")
    assert ("acme", "unreachable", "mail") in concerns(host)


def test_a_contact_without_a_notifier_is_counted(host: Host) -> None:
    """A channel that is not set up sends nothing, and the report says of how many contacts."""
    report = rehearsals(host, Scripted()).rehearse(by="e-1")
    assert (report.tried, report.stranded) == (2, 1)


def test_an_exercise_that_was_overtaken_proves_nothing(host: Host) -> None:
    """What came of an old address is not kept for a contact that got another one meanwhile."""
    customers = Customers(host.storage, host.sealer, host.trail, notifiers=[Scripted()])

    def changing(_: Parcel) -> Reply:
        customers.register(
            Customer("globex", (Contact("mail", "mail", "new@globex.example"),)), by="admin", also_unknown=True
        )
        return ACCEPTED

    post = Scripted(answers={"mail@globex.example": [changing]})
    rehearsals(host, post, Scripted("webhook")).rehearse(by="e-1")
    assert host.reach("globex") is None
    assert rehearsals(host).reach("globex").contacts == {}


def test_a_wrong_call_sends_nothing(host: Host) -> None:
    """A tenant that is no customer, or somebody who is no id, stops it before the first message."""
    post = Scripted()
    made = rehearsals(host, post, Scripted("webhook"))
    with pytest.raises(UnknownRecord):
        made.rehearse(by="e-1", tenants=["globex", "initech"])
    with pytest.raises(UsageError):
        made.rehearse(by="no id")
    assert post.parcels == []


def test_a_stopped_exercise_keeps_what_it_found(host: Host) -> None:
    """Once it is to stop nothing more leaves, and what came of the others is kept."""
    stop = threading.Event()

    def stopping(_: Parcel) -> Reply:
        stop.set()
        return ACCEPTED

    hook = Scripted("webhook", {"hook@acme.example": [stopping]})
    made = Rehearsals(
        *(host.storage, host.sealer, host.trail, [Scripted(), hook]), rules=RULES, message=rehearsal_message, threads=1
    )
    report = made.rehearse(by="e-1", stop=stop)
    assert (report.tried, report.accepted) == (1, 1)
    assert set(made.reach("acme").contacts) == {"hook"}


def test_repeats_of_one_day_have_one_id(host: Host) -> None:
    """Who is written to twice on one day knows a repeat by its id; another day it is another message."""
    post = Scripted()
    made = rehearsals(host, post, Scripted("webhook"))
    for _ in range(2):
        made.rehearse(by="e-1", tenants=["globex"], force=True)
    host.clock.advance(days=1)
    made.rehearse(by="e-1", tenants=["globex"], force=True)
    first, second, third = (one.id for one in post.parcels)
    assert first == second != third
