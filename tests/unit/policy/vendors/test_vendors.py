from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.vendors._host import Host
from tests.unit.policy.vendors._making import DAY, EVIDENCE, MIDNIGHT, NOW, request, undertakings, vendor

from smartify_core.errors import AuditUnavailable, UnknownVendor, UsageError, VendorInvalid, WrongKey
from smartify_core.model import LEDGER
from smartify_core.policy.vendors import Barrier, Commitment, Lapse, Undertaking, Vendors
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage


@pytest.fixture
def host(durable_store: Storage) -> Host:
    """Return a host on each store."""
    return Host(durable_store)


def test_what_is_registered_is_kept_sealed_and_recorded(host: Host) -> None:
    """A vendor comes back as it went in, for another process too; its name is in no stored byte and no record."""
    full = vendor(sub_vendors=["cloud"], ended_at=MIDNIGHT)
    assert host.vendors.register(full, vendor("cloud"), by="e-2") == (full, vendor("cloud"))
    other = Vendors(host.storage, host.sealer, host.policy.trail)
    assert other.get("mailer") == full
    assert [one.id for one in other.all()] == ["cloud", "mailer"]
    kept = host.storage.document(LEDGER, "vendor", "mailer")
    assert kept is not None
    assert b"Mailer" not in kept.value
    first, _ = host.records("vendor.registered")
    assert (first.actor, first.tenant) == ("e-2", None)
    assert first.facts["vendor"] == "mailer"
    assert first.facts["fields"] == ("email", "given_name")
    assert f"never-sold 2029-01-01T12:00:00+00:00 {MIDNIGHT.isoformat()} {EVIDENCE}" in first.facts["undertakings"]  # type: ignore[operator]
    assert "Mailer" not in repr(first.facts)


def test_registering_the_same_again_writes_nothing(host: Host) -> None:
    """A register may be read every day: only what differs is written and recorded."""
    host.vendors.register(vendor(), by="e-2")
    before = host.documents(LEDGER)
    assert host.vendors.register(vendor(), by="e-2") == ()
    assert host.documents(LEDGER) == before
    narrower = vendor(purposes=[])
    assert host.vendors.register(narrower, by="e-2") == (narrower,)
    assert [one.kind for one in host.records("vendor")] == ["vendor.registered", "vendor.changed"]


def test_undertakings_come_and_go(host: Host) -> None:
    """An undertaking opens what it was missing for, withdrawing it closes; expired ones leave with the next."""
    old = Undertaking(Commitment.PROTECTION, NOW - 9 * DAY, NOW - 8 * DAY, EVIDENCE)
    most = undertakings(set(Commitment) - {Commitment.PROTECTION})
    host.vendors.register(vendor(undertakings=(*most, old)), by="e-2")
    host.vendors.record_announcement("mailer", ["acme"], by="e-2", agreed=True)
    assert not host.vendors.decide(request()).allowed
    held = host.vendors.undertake("mailer", *undertakings([Commitment.PROTECTION]), by="e-2")
    assert old not in held.undertakings
    assert host.vendors.decide(request()).allowed
    host.vendors.withdraw("mailer", Commitment.NEVER_SOLD, by="e-2")
    assert host.vendors.decide(request()).missing[0].commitment is Commitment.NEVER_SOLD
    kinds = [one.kind for one in host.records("vendor")]
    assert kinds == ["vendor.registered", "vendor.announced", "vendor.undertook", "vendor.withdrew"]


def test_who_has_ended_stays_ended(host: Host) -> None:
    """No later registration, undertaking or second end brings a vendor back; an end ahead may still be moved."""
    host.vendors.register(vendor(), by="e-2")
    assert host.vendors.end("mailer", by="e-2", at=NOW + DAY).ended_at == NOW + DAY
    assert host.vendors.end("mailer", by="e-2").ended_at == NOW
    for change in (
        lambda: host.vendors.register(vendor(), by="e-2"),
        lambda: host.vendors.undertake("mailer", *undertakings(), by="e-2"),
        lambda: host.vendors.withdraw("mailer", Commitment.NEVER_SOLD, by="e-2"),
        lambda: host.vendors.end("mailer", by="e-2"),
    ):
        with pytest.raises(VendorInvalid, match="the vendor has ended"):
            change()
    host.clock.advance(days=-1)
    assert host.vendors.decide(request()).missing[0].barrier is Barrier.ENDED


def test_customers_are_told_once_and_the_notice_runs_from_then(host: Host) -> None:
    """The first telling counts; exports open when the notice period is over, to the microsecond."""
    host.vendors.register(vendor(), by="e-2")
    assert host.vendors.record_announcement("mailer", ["globex", "acme", "acme"], by="e-2") == ("acme", "globex")
    host.clock.advance(days=3)
    assert host.vendors.record_announcement("mailer", ["acme"], by="e-2") == ()
    host.clock.advance(days=27, microseconds=-1)
    assert [one.barrier for one in host.vendors.decide(request()).missing] == [Barrier.NOTICE_RUNNING]
    host.clock.advance(microseconds=1)
    assert host.vendors.decide(request()).allowed
    assert [one.tenant for one in host.records("vendor.announced")] == ["acme", "globex"]


def test_an_objection_closes_until_it_is_settled(host: Host) -> None:
    """A customer that objects closes its own exports only, and opens them again by agreeing."""
    host.vendors.register(vendor(), by="e-2")
    host.vendors.record_announcement("mailer", ["acme", "globex"], by="e-2", agreed=True)
    host.vendors.record_objection("mailer", "acme", by="e-2")
    host.vendors.record_objection("mailer", "acme", by="e-2")
    assert [one.barrier for one in host.vendors.decide(request()).missing] == [Barrier.OBJECTED]
    assert host.vendors.decide(request(tenant="globex")).allowed
    assert host.vendors.record_announcement("mailer", ["acme"], by="e-2") == ()
    assert host.vendors.record_announcement("mailer", ["acme"], by="e-2", agreed=True) == ("acme",)
    assert host.vendors.decide(request()).allowed
    assert len(host.records("vendor.objected")) == 1


def test_a_customer_that_was_never_told_may_object(host: Host) -> None:
    """An objection needs no announcement before it."""
    host.vendors.register(vendor(), by="e-2")
    host.vendors.record_objection("mailer", "acme", by="e-2")
    assert [one.barrier for one in host.vendors.decide(request()).missing] == [Barrier.OBJECTED]


def test_telling_is_a_scheduled_duty(host: Host) -> None:
    """Every customer with accounts has to be told of every vendor by a day, and what is late is said so."""
    host.vendors.register(vendor(starts_at=NOW + 40 * DAY), vendor("cloud", starts_at=NOW + 10 * DAY), by="e-2")
    host.vendors.record_announcement("mailer", ["acme"], by="e-2")
    duties = [(one.vendor, one.tenant, one.until, one.overdue) for one in host.vendors.duties()]
    assert duties == [
        ("cloud", "acme", NOW - 20 * DAY, True),
        ("cloud", "globex", NOW - 20 * DAY, True),
        ("mailer", "globex", NOW + 10 * DAY, False),
    ]
    host.clock.advance(days=10)
    assert [one.overdue for one in host.vendors.duties(["globex"]) if one.vendor == "mailer"] == [False]
    host.clock.advance(microseconds=1)
    assert [one.overdue for one in host.vendors.duties(["globex"]) if one.vendor == "mailer"] == [True]
    host.vendors.end("cloud", by="e-2")
    assert {one.vendor for one in host.vendors.duties()} == {"mailer"}


def test_lapses_are_told_ahead_of_time(host: Host) -> None:
    """What holds for less than sixty days, or does not hold, is named; what is renewed in time is not."""
    soon = Undertaking(Commitment.PROTECTION, NOW - DAY, NOW + 60 * DAY, EVIDENCE)
    rest = undertakings(set(Commitment) - {Commitment.PROTECTION, Commitment.NEVER_SOLD})
    host.vendors.register(vendor(undertakings=(*rest, soon)), vendor("past", ended_at=NOW, undertakings=()), by="e-2")
    assert host.vendors.lapses() == (
        Lapse("mailer", Commitment.NEVER_SOLD, None),
        Lapse("mailer", Commitment.PROTECTION, NOW + 60 * DAY),
    )
    renewal = Undertaking(Commitment.PROTECTION, NOW + 60 * DAY, NOW + 500 * DAY, EVIDENCE)
    host.vendors.undertake("mailer", renewal, by="e-2")
    assert host.vendors.lapses(timedelta(0)) == (Lapse("mailer", Commitment.NEVER_SOLD, None),)


@pytest.mark.parametrize("name", ["nobody", "ada@acme.example", ""])
def test_who_is_not_registered_is_unknown(host: Host, name: str) -> None:
    """Every call that names a vendor says so where there is none, and repeats no text that is no id."""
    for call in (
        lambda: host.vendors.get(name),
        lambda: host.vendors.undertake(name, by="e-2"),
        lambda: host.vendors.withdraw(name, Commitment.PROTECTION, by="e-2"),
        lambda: host.vendors.end(name, by="e-2"),
        lambda: host.vendors.record_announcement(name, ["acme"], by="e-2"),
        lambda: host.vendors.record_objection(name, "acme", by="e-2"),
    ):
        with pytest.raises(UnknownVendor) as refused:
            call()
        assert "@" not in str(refused.value)


def test_misuse_is_refused_before_anything_is_written(host: Host) -> None:
    """An address in place of an employee, one text in place of tenants, a telling ahead, a notice below nothing."""
    host.vendors.register(vendor(), by="e-2")
    before = host.documents(LEDGER), len(host.records("vendor"))
    for call in (
        lambda: host.vendors.register(vendor("cloud"), by="eve@host.example"),
        lambda: host.vendors.record_announcement("mailer", "acme", by="e-2"),
        lambda: host.vendors.record_announcement("mailer", ["acme"], by="e-2", at=NOW + DAY),
        lambda: host.vendors.record_announcement("mailer", ["acme"], by=""),
        lambda: host.vendors.record_announcement("mailer", ["acme"], by="e-2", at=NOW.replace(tzinfo=None)),
        lambda: host.vendors.end("mailer", by="e-2", at=NOW.replace(tzinfo=None)),
        lambda: host.vendors.undertake("mailer", "never-sold", by="e-2"),  # type: ignore[arg-type]
        lambda: Vendors(host.storage, host.sealer, host.policy.trail, notice=-DAY),
    ):
        with pytest.raises(UsageError):
            call()
    assert (host.documents(LEDGER), len(host.records("vendor"))) == before


def test_no_record_no_change(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail cannot keep the record, the register stays as it is."""
    host.vendors.register(vendor(), by="e-2")

    def full(*_: Any, **__: Any) -> Any:
        raise AuditUnavailable("the disk is full")

    monkeypatch.setattr(host.policy.trail, "append", full)
    for call in (
        lambda: host.vendors.register(vendor("cloud"), by="e-2"),
        lambda: host.vendors.end("mailer", by="e-2"),
        lambda: host.vendors.record_announcement("mailer", ["acme"], by="e-2", agreed=True),
    ):
        with pytest.raises(AuditUnavailable):
            call()
    assert host.vendors.all() == (vendor(),)
    assert len(host.vendors.duties()) == 2


def test_changes_made_at_once_are_all_kept(host: Host) -> None:
    """Seven threads that each add another undertaking lose none of them."""
    host.vendors.register(vendor(undertakings=()), by="e-2")
    gate = threading.Barrier(len(Commitment))

    def add(commitment: Commitment) -> None:
        gate.wait()
        host.vendors.undertake("mailer", *undertakings([commitment]), by="e-2")

    threads = [threading.Thread(target=add, args=(one,)) for one in Commitment]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {one.commitment for one in host.vendors.get("mailer").undertakings} == set(Commitment)


def test_a_register_under_other_keys_opens_nothing(host: Host) -> None:
    """A store whose keys are lost has no vendor, so that no export opens by mistake."""
    host.vendors.register(vendor(), by="e-2")
    stranger = Vendors(host.storage, Sealer(MemoryKeyRing()), host.policy.trail)
    with pytest.raises(WrongKey):
        stranger.decide(request())


def test_vendors_outlive_a_customer(host: Host) -> None:
    """Erasing a tenant takes nothing from the register."""
    host.vendors.register(vendor(), by="e-2")
    host.storage.erase_tenant(host.storage.claim("acme", now=NOW + DAY, ttl=DAY))
    assert host.vendors.get("mailer") == vendor()
    assert {one.tenant for one in host.vendors.duties()} == {"globex"}


def test_an_undertaking_too_many_is_refused(host: Host) -> None:
    """A register stays small: sixty-four undertakings of one vendor, and no more."""
    many = [Undertaking(Commitment.PROTECTION, NOW, NOW + number * DAY, EVIDENCE) for number in range(1, 65)]
    host.vendors.register(evolve(vendor(), undertakings=many), by="e-2")
    with pytest.raises(VendorInvalid, match="more than 64"):
        host.vendors.undertake("mailer", *undertakings([Commitment.NEVER_SOLD]), by="e-2")
