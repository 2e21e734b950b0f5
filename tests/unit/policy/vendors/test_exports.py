from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
from tests.unit.policy.vendors._host import ADA, BOB, Host
from tests.unit.policy.vendors._making import DAY, undertakings, vendor

from smartify_core.errors import AccessDenied, AuditUnavailable, ExportDenied, ExportSpent, UsageError
from smartify_core.policy import Purpose
from smartify_core.policy.vendors import Commitment, Export, ExportForm
from smartify_core.storage import Storage
from smartify_core.testing import identity


@pytest.fixture
def host(sqlite_store: Storage) -> Host:
    """Return a host whose vendor and employee lack nothing."""
    made = Host(sqlite_store)
    made.vendors.register(vendor(undertakings=undertakings()), by="e-2")
    made.vendors.record_announcement("mailer", ["acme"], by="e-2", agreed=True)
    made.grant()
    return made


def test_an_export_hands_out_what_was_asked_for(host: Host) -> None:
    """Each person comes with the fields of the request and no others, and the trail tells the story in order."""
    with host.export() as export:
        assert export.decision.allowed
        assert [one.kind for one in host.records("export", "access")] == ["export.granted"]
        found = {one.email: (one.given_name, one.groups) for one in export}
    assert found == {ADA.email: (None, None), BOB.email: (None, None)}
    assert (export.count, export.complete) == (2, True)
    granted, opened, ended = host.records("export", "access")
    assert [one.kind for one in (granted, opened, ended)] == ["export.granted", "access.granted", "export.ended"]
    assert {one.facts["export"] for one in (granted, opened, ended)} == {export.id}
    assert {one.facts["vendor"] for one in (granted, opened, ended)} == {"mailer"}
    assert set(opened.subjects) == {host.account(ADA.source_id), host.account(BOB.source_id)}
    assert (granted.tenant, granted.actor) == ("acme", "e-1")
    assert granted.facts["consideration"] == "none"
    assert (ended.facts["accounts"], ended.facts["complete"]) == (2, True)


def test_no_record_holds_a_name_or_the_reason(host: Host) -> None:
    """The trail tells who exported what to whom, and neither a person nor free text."""
    with host.export(reason="a secret reason") as export:
        list(export)
    with suppress(ExportDenied), host.export(vendor="eve@evil.example", purpose="a secret purpose", reason="secret"):
        pass
    told = repr([entry.content for entry in host.policy.trail.entries()])
    for text in (ADA.email, ADA.given_name, "secret", "evil", "Mailer"):
        assert text not in told


def test_an_export_of_some_people(host: Host) -> None:
    """Only those who are named are handed out, and only they are in the record."""
    with host.export(source_ids=[BOB.source_id]) as export:
        assert [one.email for one in export] == [BOB.email]
    assert host.records("access.granted")[0].subjects == (host.account(BOB.source_id),)


def test_an_export_is_read_once(host: Host) -> None:
    """A second reading, one after the block and one that began in it are refused."""
    with host.export() as export:
        begun = iter(export)
        next(begun)
        with pytest.raises(ExportSpent):
            iter(export)
    with pytest.raises(ExportSpent):
        next(begun)
    with pytest.raises(ExportSpent):
        iter(export)
    assert host.records("export.ended")[0].facts["complete"] is False


@pytest.mark.parametrize(
    ("wrong", "missing"),
    [
        ({"vendor": "stranger"}, ("unregistered/stranger",)),
        ({"vendor": "eve@evil.example"}, ("unregistered",)),
        ({"tenant": "globex"}, ("not announced/mailer",)),
        ({"consideration": "money"}, ("consideration",)),
        ({"consideration": "a barrel of oil"}, ("consideration",)),
        ({"purpose": Purpose.ADVERTISING}, ("prohibited purpose",)),
        ({"purpose": Purpose.ADVERTISING, "form": ExportForm.HASHED}, ("prohibited purpose",)),
        ({"purpose": Purpose.SELL_INSIGHTS, "form": ExportForm.AGGREGATED}, ("prohibited purpose",)),
        ({"purpose": "Anything"}, ("purpose/mailer",)),
        ({"fields": ["groups"]}, ("fields/mailer",)),
        ({"fields": []}, ("fields",)),
        ({"form": "smelted"}, ("form",)),
    ],
)
def test_a_denial_is_recorded_and_opens_nothing(host: Host, wrong: dict[str, Any], missing: tuple[str, ...]) -> None:
    """What is missing stands in the error and in the trail, and the gate is not even asked."""
    with pytest.raises(ExportDenied) as denied, host.export(**wrong):
        pytest.fail("it opened")
    assert denied.value.missing == missing
    assert tuple(one.fact for one in denied.value.decision.missing) == missing
    assert "evil" not in str(denied.value)
    (record,) = host.records("export", "access")
    assert record.kind == "export.denied"
    assert record.facts["missing"] == missing


def test_a_denial_crosses_processes_whole(host: Host) -> None:
    """The decision and what was missing come out of pickling again."""
    with pytest.raises(ExportDenied) as denied, host.export(consideration="money"):
        pass
    again = pickle.loads(pickle.dumps(denied.value))
    assert (str(again), again.missing) == (str(denied.value), ("consideration",))
    assert again.decision == denied.value.decision


def test_the_employee_has_to_need_it_too(host: Host) -> None:
    """A sound vendor is not enough: who exports needs a grant for the purpose and every field."""
    with pytest.raises(AccessDenied) as denied, host.export(fields=["email", "given_name"]):
        pytest.fail("it opened")
    assert not isinstance(denied.value, ExportDenied)
    with pytest.raises(AccessDenied), host.export(employee="e-2"):
        pytest.fail("it opened")
    kinds = [one.kind for one in host.records("export", "access")]
    assert kinds == ["access.denied", "export.denied"] * 2
    assert host.records("export.denied")[0].facts["missing"][0] == "need to know"  # type: ignore[index]
    with pytest.raises(UsageError), host.export(employee="eve@host.example"):
        pytest.fail("it opened")


def test_no_record_no_export(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail cannot keep that an export was granted, no field opens."""

    def full(*_: Any, **__: Any) -> Any:
        raise AuditUnavailable("the disk is full")

    opened: list[object] = []
    monkeypatch.setattr(host.policy.trail, "append", full)
    monkeypatch.setattr(host.sealer, "open", opened.append)
    with pytest.raises(AuditUnavailable), host.export() as export:
        list(export)
    with pytest.raises(AuditUnavailable), host.export(consideration="money"):
        pytest.fail("it opened")
    assert opened == []


def test_an_end_that_cannot_be_recorded_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail fails after the fields went out, the caller hears of it; what was handed out is on record."""

    def full(*_: Any, **__: Any) -> Any:
        raise AuditUnavailable("the disk is full")

    def filling(each: Export) -> None:
        list(each)
        monkeypatch.setattr(host.policy.trail, "append", full)

    with pytest.raises(AuditUnavailable), host.export() as export:
        filling(export)
    assert [one.kind for one in host.records("export", "access")] == ["export.granted", "access.granted"]


@pytest.mark.parametrize("stop", ["ended", "withdrawn", "objected", "expired"])
def test_whoever_closes_a_vendor_stops_an_export_under_way(host: Host, stop: str) -> None:
    """After a hundred accounts the vendor is decided on anew, and the rest stays closed."""
    for hundred in (0, 100):
        host.directory.add(*(identity(f"p{number:03}") for number in range(hundred, hundred + 100)))
        host.sync()
    if stop == "expired":
        expiring = undertakings(ends=host.clock() + DAY)
        host.vendors.register(vendor(undertakings=expiring), by="e-2")
    stops: dict[str, Callable[[], object]] = {
        "ended": lambda: host.vendors.end("mailer", by="e-2"),
        "withdrawn": lambda: host.vendors.withdraw("mailer", Commitment.NEVER_SOLD, by="e-2"),
        "objected": lambda: host.vendors.record_objection("mailer", "acme", by="e-2"),
        "expired": lambda: host.clock.advance(days=1),
    }
    with host.export() as export:
        reading = iter(export)
        assert len(list(islice(reading, 50))) == 50
        stops[stop]()
        assert len(list(islice(reading, 50))) == 50
        with pytest.raises(ExportDenied):
            next(reading)
    assert (export.count, export.complete) == (100, False)
    kinds = [one.kind for one in host.records("export")]
    assert kinds == ["export.granted", "export.stopped", "export.ended"]
    assert len(host.records("access.granted")) == 1


def test_an_error_in_the_block_is_the_callers(host: Host) -> None:
    """What a host raises while it exports comes out as it is, and how far it came is recorded."""

    def fail(each: Export) -> None:
        for _ in each:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), host.export() as export:
        fail(export)
    assert [one.facts["accounts"] for one in host.records("export.ended")] == [1]


def test_research_gets_pseudonyms(host: Host) -> None:
    """An export for research carries pseudonyms unless the grant says otherwise, as every view does."""
    host.vendors.register(vendor(purposes=[Purpose.RESEARCH]), by="e-2")
    host.grant(purpose=Purpose.RESEARCH)
    with host.export(purpose="ResearchAndDevelopment", form="pseudonymous") as export:
        found = list(export)
    assert all(one.pseudonymous for one in found)
    assert ADA.email not in repr([one.email for one in found])
