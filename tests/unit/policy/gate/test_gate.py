from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.policy.gate.conftest import ADA, BOB, Vendor

from smartify_core.errors import (
    AccessDenied,
    AuditUnavailable,
    GrantInvalid,
    PermitSpent,
    StorageUnavailable,
    UnknownRecord,
    UsageError,
)
from smartify_core.model import LEDGER, AccountState, PutDocument
from smartify_core.policy import ACCOUNT_FIELDS, AccessRequest, Disclosed, PersonalField, Policy, PrincipalKind, Purpose
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import ManualClock


def denied(vendor: Vendor, **options: Any) -> tuple[str, ...]:
    """Return what is missing for an opening."""
    with pytest.raises(AccessDenied) as error:
        vendor.policy.gate.open(**vendor.ask(**options))
    return error.value.missing


def test_one_call_opens_one_person(vendor: Vendor) -> None:
    """Whoever has a live grant sees the fields that they ask for, and no others."""
    vendor.grant()
    person = vendor.policy.gate.open(**vendor.ask())
    assert (person.email, person.given_name, person.family_name, person.groups) == (ADA.email, None, None, None)
    whole = vendor.policy.gate.open(**vendor.ask(fields=ACCOUNT_FIELDS, source_id=None, email=ADA.email.upper()))
    assert (whole.given_name, whole.family_name) == (ADA.given_name, ADA.family_name)
    assert whole.groups == tuple(sorted(one.group.email for one in ADA.memberships))
    assert (whole.source_id, whole.state, whole.pseudonymous) == (ADA.source_id, AccountState.ACTIVE, False)


def test_one_with_shows_many(vendor: Vendor) -> None:
    """A view yields every live account of the tenant, in order, and can be asked for some of them."""
    vendor.grant()
    asked = vendor.ask()
    del asked["source_id"]
    with vendor.policy.gate.view(**asked) as view:
        assert [one.source_id for one in view] == sorted([ADA.source_id, BOB.source_id])
        assert [one.email for one in view.of(["nobody", BOB.source_id])] == [BOB.email]
    with pytest.raises(PermitSpent):
        list(view)
    with vendor.policy.gate.view(**asked, source_ids=[BOB.source_id]) as view:
        assert [one.email for one in view] == [BOB.email]


def test_the_record_comes_first(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a field opens, the trail says so already: who, whom, which fields, what for, by which grant."""
    grant = vendor.grant()
    seen: list[str] = []
    opening = Sealer.open

    def look(self: Sealer, account: Any) -> Any:
        seen.extend(entry.record.kind for entry in vendor.policy.trail.entries(after=before))
        return opening(self, account)

    before = vendor.policy.trail.size - 1
    monkeypatch.setattr(Sealer, "open", look)
    person = vendor.policy.gate.open(**vendor.ask(facts={"session": "s-1"}))
    assert seen == ["access.granted"]
    record = vendor.policy.trail.entry(before + 1).record
    assert (record.tenant, record.actor, record.subjects) == ("acme", "e-1", (person.account_id,))
    facts = dict(record.facts)
    assert facts.pop("reason") != "she cannot sign in"
    assert facts == {
        "purpose": "CommunicationForCustomerCare",
        "fields": ("email",),
        "grant": grant.id,
        "ticket": None,
        "provisions": ("C9",),
        "overrides": (),
        "pseudonymous": False,
        "reason_about": "subject",
        "session": "s-1",
    }


class Full:
    """A store whose disk takes nothing more."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.is_full = False

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise StorageUnavailable("the disk is full")

        return refuse if self.is_full and name in {"record", "commit"} else getattr(self._storage, name)


def test_no_record_no_access(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail cannot keep the record, no field is opened: not for one person, and not for a view."""
    vendor.grant()
    full: Any = Full(vendor.storage)
    gate = vendor.policy_of(full).gate
    assert gate.open(**vendor.ask()).email == ADA.email
    asked = vendor.ask()
    del asked["source_id"]
    view = gate.view(**asked).__enter__()
    full.is_full = True
    monkeypatch.setattr(Sealer, "open", lambda *_: pytest.fail("a field was opened"))
    with pytest.raises(AuditUnavailable):
        gate.open(**vendor.ask())
    with pytest.raises(AuditUnavailable):
        list(view)
    with pytest.raises(AuditUnavailable):
        gate.open(**vendor.ask(employee="nobody"))


def test_a_store_that_is_read_only_opens_nothing(vendor: Vendor) -> None:
    """Over a store that takes no writes no record can be made, so nothing opens, and the error says so."""
    vendor.grant()
    with SQLiteStorage(vendor.file, read_only=True) as storage, pytest.raises(AuditUnavailable):
        vendor.policy_of(storage).gate.open(**vendor.ask())


def test_nobody_sees_without_a_grant(vendor: Vendor) -> None:
    """Without a grant nothing opens; the denial names what is missing, and is in the trail."""
    assert denied(vendor) == ("no-grant",)
    assert denied(vendor, employee="stranger") == ("employee-unknown", "no-agreement", "no-grant")
    assert vendor.kinds()[-2:] == ["access.denied"] * 2
    vendor.grant(approved=False)
    assert denied(vendor) == ("grant-not-approved",)


@pytest.mark.parametrize("who", ["ada@acme.example", "Ada Lovelace", "", "\ud800", "x" * 3000])
def test_what_is_no_id_is_denied_and_not_kept(vendor: Vendor, who: str) -> None:
    """An address or a name in place of an id is a stranger, and stands neither in the error nor in the trail."""
    with pytest.raises(AccessDenied) as error:
        vendor.policy.gate.open(**vendor.ask(employee=who))
    assert not who or who not in str(error.value)
    entry = vendor.policy.trail.entry(vendor.policy.trail.size - 1)
    assert entry.record.actor is None


@pytest.mark.parametrize(
    "purpose",
    ["SellDataToThirdParties", "SellInsightsFromData", "Advertising", "Marketing", "", "ServiceProvision ", "Service"],
)
def test_other_purposes_open_nothing(vendor: Vendor, purpose: str) -> None:
    """A prohibited, unknown, misspelt, narrower or wider purpose is denied, whatever was granted."""
    vendor.grant()
    assert denied(vendor, purpose=purpose)[0] in {"purpose-prohibited", "purpose-unknown"}


def test_a_grant_is_for_one_purpose_tenant_and_person(vendor: Vendor) -> None:
    """What is granted to one employee for one purpose and tenant opens nothing to others, for others, or elsewhere."""
    vendor.grant()
    assert denied(vendor, purpose=Purpose.PAYMENT_MANAGEMENT) == ("no-grant",)
    assert denied(vendor, tenant="globex") == ("no-grant",)
    assert denied(vendor, employee="e-3") == ("no-grant",)
    assert denied(vendor, tenant="unheard-of") == ("tenant-unknown", "no-grant")
    assert denied(vendor, tenant=LEDGER)[0] == "tenant-unknown"


def test_a_grant_for_some_accounts_opens_those(vendor: Vendor) -> None:
    """A grant that names an account opens that one, and neither another nor a view of everybody."""
    vendor.grant()
    ada = vendor.policy.gate.open(**vendor.ask())
    vendor.policy.grants.revoke(next(vendor.policy.grants.all()).id, by="e-2")
    vendor.grant(subjects=[ada.account_id])
    assert vendor.policy.gate.open(**vendor.ask()).email == ADA.email
    assert denied(vendor, source_id=BOB.source_id) == ("grant-other-subjects",)
    asked = vendor.ask()
    del asked["source_id"]
    with pytest.raises(AccessDenied), vendor.policy.gate.view(**asked):
        pass
    with vendor.policy.gate.view(**asked, source_ids=[ADA.source_id]) as view:
        assert [one.email for one in view] == [ADA.email]


def test_the_tracker_is_asked_once_for_each_issue_that_matters(vendor: Vendor) -> None:
    """It is asked for the issues of grants for the purpose that stand; for those that are over only where none does."""
    asked: list[str] = []

    def is_open(ticket: str) -> bool:
        asked.append(ticket)
        return True

    policy = vendor.policy_of(vendor.storage, ticket_is_open=is_open)
    vendor.grant(ticket="over", lasts=timedelta(hours=1))
    revoked = vendor.grant(ticket="revoked")
    policy.grants.revoke(revoked.id, by="e-3")
    vendor.clock.advance(hours=1)
    vendor.grant(ticket="other", purpose=Purpose.SERVICE_PROVISION)
    with pytest.raises(AccessDenied) as shut:
        policy.gate.open(**vendor.ask())
    assert (asked, shut.value.missing) == (["over", "revoked"], ("grant-expired",))
    for _ in range(2):
        vendor.grant(ticket="live")
    vendor.grant(ticket="waits", approved=False, fields=[PersonalField.GIVEN_NAME], subjects=["b" * 32])
    asked.clear()
    assert policy.gate.open(**vendor.ask()).email == ADA.email
    assert asked == ["live", "waits"]
    asked.clear()
    policy.gate.open(**vendor.ask(purpose=Purpose.SERVICE_PROVISION))
    assert asked == ["other"]
    policy.staff.add("s-1", by="admin", kind=PrincipalKind.SERVICE, owner="e-1")
    vendor.grant(employee="s-1", ticket="live")
    asked.clear()
    policy.gate.open(**vendor.ask("s-1"))
    assert asked == ["live", "waits"]


def test_leaving_an_ended_agreement_a_closed_ticket_and_revoking_shut_at_once(vendor: Vendor) -> None:
    """Each of them shuts the gate at that instant, also to a view that is being read."""
    policy = vendor.policy
    vendor.grant(ticket="T-1")
    assert policy.gate.open(**vendor.ask()).email == ADA.email
    policy.circumstances.close("T-1", by="e-3")
    assert denied(vendor) == ("ticket-closed",)
    policy.circumstances.reopen("T-1", by="e-3")
    asked = vendor.ask()
    del asked["source_id"]
    with policy.gate.view(**asked) as view:
        assert [one.email for one in view.of([ADA.source_id])] == [ADA.email]
        policy.staff.unbind("e-1", agreement="nda-e-1", by="admin")
        with pytest.raises(AccessDenied):
            list(view)
    assert denied(vendor) == ("agreement-ended",)
    policy.staff.bind("e-1", agreement="nda-2", evidence="cd" * 32, by="admin")
    policy.staff.leave("e-1", by="admin")
    assert denied(vendor) == ("not-employed-any-more",)
    vendor.clock.advance(timedelta(seconds=1))
    policy.staff.add("e-1", by="admin")
    assert denied(vendor) == ("grant-revoked",)
    anew = vendor.grant()
    assert policy.gate.open(**vendor.ask()).email == ADA.email
    policy.grants.revoke(anew.id, by="e-3")
    assert denied(vendor) == ("grant-revoked",)


def test_expiry_is_exact_and_a_clock_that_goes_back_brings_nothing_back(vendor: Vendor) -> None:
    """A grant opens until a microsecond before its end; once that is on record, an earlier clock is not believed."""
    grant = vendor.grant(lasts=timedelta(hours=1))
    vendor.clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
    assert vendor.policy.gate.open(**vendor.ask()).email == ADA.email
    vendor.clock.advance(timedelta(microseconds=1))
    assert vendor.clock() == grant.expires_at
    assert denied(vendor) == ("grant-expired",)
    vendor.clock.advance(timedelta(microseconds=1))
    assert denied(vendor) == ("grant-expired",)
    vendor.clock.advance(-timedelta(minutes=30))
    assert denied(vendor) == ("grant-expired",)
    assert (
        vendor.policy_of(vendor.storage)
        .gate.decide(AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, ["email"], "again"))
        .allowed
        is False
    )


def test_a_permit_opens_once_for_what_it_was_given(vendor: Vendor) -> None:
    """A permit, its copy and its pickle open once between them, within a minute, and only the accounts it names."""
    vendor.grant()
    gate, storage = vendor.policy.gate, vendor.storage
    accounts = storage.load("acme", [ADA.source_id, BOB.source_id])
    ada, bob = accounts[ADA.source_id], accounts[BOB.source_id]
    request = AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, ["email"], "why", [ada.account_id])
    permit = gate.permit(request)
    twin = copy.copy(permit)
    assert [one.email for one in gate.disclose(permit, [ada])] == [ADA.email]
    for again in (permit, twin, pickle.loads(pickle.dumps(permit))):
        with pytest.raises(PermitSpent):
            gate.disclose(again, [ada])
    with pytest.raises(PermitSpent):
        gate.disclose(gate.permit(request), [bob])
    with pytest.raises(PermitSpent):
        vendor.policy_of(storage).gate.disclose(gate.permit(request), [ada])
    late = gate.permit(request)
    vendor.clock.advance(timedelta(minutes=1))
    with pytest.raises(PermitSpent):
        gate.disclose(late, [ada])
    stranger = storage.load("globex", storage.heads("globex").source_ids)
    with pytest.raises(PermitSpent):
        gate.disclose(
            gate.permit(AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, ["email"], "why")), [*stranger.values()]
        )
    replayed = gate.permit(request)
    vendor.policy.grants.revoke(next(vendor.policy.grants.all()).id, by="e-2")
    with pytest.raises(AccessDenied):
        gate.disclose(replayed, [ada])


def test_research_sees_pseudonyms(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """For research and improvement nothing is opened: pseudonyms stand for people and groups, by purpose."""
    for purpose in (Purpose.RESEARCH, Purpose.IMPROVE_SERVICES):
        vendor.grant(purpose=purpose)
    monkeypatch.setattr(Sealer, "open", lambda *_: pytest.fail("a field was opened"))
    asked = {**vendor.ask(fields=ACCOUNT_FIELDS)}
    del asked["source_id"]

    def seen(purpose: Purpose) -> list[Disclosed]:
        with vendor.policy.gate.view(**{**asked, "purpose": purpose}) as view:
            return list(view)

    people = seen(Purpose.RESEARCH)
    assert people == seen(Purpose.RESEARCH)
    assert all(one.pseudonymous for one in people)
    assert sorted(len(one.groups or ()) for one in people) == [0, len(ADA.memberships)]
    texts = {text for one in people for text in (one.email, one.given_name, one.family_name, one.source_id)}
    assert len(texts) == len(people)
    assert texts.isdisjoint(one.email for one in seen(Purpose.IMPROVE_SERVICES))
    hidden = (ADA.email, ADA.given_name, ADA.family_name, ADA.source_id, "eng")
    assert not any(secret in str(one) for one in people for secret in hidden)


def test_nobody_is_told_whose_a_pseudonym_is(vendor: Vendor) -> None:
    """Whoever may see pseudonyms only cannot name a person in any way, and a view has them in an order of their own."""
    vendor.grant(purpose=Purpose.RESEARCH)
    gate = vendor.policy.gate
    for named in ({"source_id": ADA.source_id}, {"source_id": None, "email": ADA.email}, {"source_id": "nobody"}):
        with pytest.raises(UsageError, match="pseudonym"):
            gate.open(**vendor.ask(purpose=Purpose.RESEARCH, **named))
    asked = vendor.ask(purpose=Purpose.RESEARCH)
    del asked["source_id"]
    with pytest.raises(UsageError, match="pseudonym"), gate.view(**asked, source_ids=[ADA.source_id]):
        pass
    with gate.view(**asked) as view:
        shown = [one.account_id for one in view]
        assert shown == sorted(shown)
        with pytest.raises(UsageError, match="pseudonym"):
            list(view.of([ADA.source_id]))
    permit = gate.permit(AccessRequest("e-1", "acme", Purpose.RESEARCH, ["email"], "why"))
    with pytest.raises(UsageError, match="pseudonym"):
        gate.disclose(permit, [*vendor.storage.load("acme", [ADA.source_id]).values()])


def test_what_is_taken_back_before_the_record_opens_nothing(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant that is revoked between the decision and its record opens nothing, and the trail says that it did not."""
    grant, other = vendor.grant(ticket="T-1"), vendor.policy_of(vendor.storage)
    asked: list[str] = []

    def revoke(ticket: str) -> bool:
        if not asked:
            other.grants.revoke(grant.id, by="e-2")
        asked.append(ticket)
        return True

    monkeypatch.setattr(Sealer, "open", lambda *_: pytest.fail("a field was opened"))
    with pytest.raises(AccessDenied) as error:
        vendor.policy_of(vendor.storage, ticket_is_open=revoke).gate.open(**vendor.ask())
    assert "grant-revoked" in error.value.missing
    assert vendor.kinds()[-3:] == ["grant.revoked", "access.granted", "access.stopped"]


def test_a_view_that_has_ended_shows_nobody_more(vendor: Vendor) -> None:
    """Not even the rest of a page that was opened; and a view that was asked for by ids has nobody else."""
    vendor.grant()
    asked = vendor.ask()
    del asked["source_id"]
    with vendor.policy.gate.view(**asked) as view:
        people = iter(view)
        next(people)
    with pytest.raises(PermitSpent):
        next(people)
    with vendor.policy.gate.view(**asked, source_ids=[ADA.source_id]) as view:
        assert list(view.of([BOB.source_id])) == []


def test_a_denial_of_any_size_is_recorded(vendor: Vendor) -> None:
    """However much is asked for, a denial is an entry: with a hundred ids at most, and how many there were."""
    strange = {f"a-{number}" for number in range(3_000)} | {"Ada Lovelace", "\ud800", ADA.email}
    request = AccessRequest(
        "e-1", "acme", Purpose.CUSTOMER_CARE, [f"x{number}" for number in range(9_000)], "why", strange
    )
    with pytest.raises(AccessDenied):
        vendor.policy.gate.require(request)
    record = vendor.policy.trail.entry(vendor.policy.trail.size - 1).record
    assert (record.kind, record.facts["asked_about"], record.facts["fields"]) == ("access.denied", 3_003, ("unknown",))
    assert len(record.subjects) == 100
    assert all(one.startswith("a-") for one in record.subjects)
    with pytest.raises(AccessDenied):
        vendor.policy.gate.open(**vendor.ask(tenant="Ada Lovelace"))
    assert vendor.policy.trail.entry(vendor.policy.trail.size - 1).record.tenant is None


def test_looking_for_somebody_who_is_not_there_is_recorded(vendor: Vendor) -> None:
    """Whoever has a grant and tries addresses leaves a trace of each try, without the address."""
    vendor.grant()
    with pytest.raises(UnknownRecord):
        vendor.policy.gate.open(**vendor.ask(source_id=None, email="nobody@acme.example"))
    assert vendor.kinds()[-1] == "access.missed"


@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "\u2060\t"])
def test_a_reason_can_be_seen(vendor: Vendor, reason: str) -> None:
    """White space and characters without a shape are no reason."""
    vendor.grant()
    assert denied(vendor, reason=reason) == ("no-reason",)


def test_identified_research_is_the_grants_to_say(vendor: Vendor) -> None:
    """A grant that says so shows names for research, and the record says that they were."""
    vendor.grant(purpose=Purpose.RESEARCH, identified=True)
    person = vendor.policy.gate.open(**vendor.ask(purpose=Purpose.RESEARCH))
    assert (person.email, person.pseudonymous) == (ADA.email, False)
    assert vendor.policy.trail.entry(vendor.policy.trail.size - 1).record.facts["pseudonymous"] is False


def test_who_is_there_is_not_told_without_a_grant(vendor: Vendor) -> None:
    """Without a grant an unknown person and a known one are denied alike; with one, the unknown is named so."""
    assert denied(vendor, source_id="nobody") == denied(vendor) == ("no-grant",)
    vendor.grant()
    with pytest.raises(UnknownRecord):
        vendor.policy.gate.open(**vendor.ask(source_id="nobody"))
    with pytest.raises(UsageError):
        vendor.policy.gate.open(**vendor.ask(email=ADA.email))


def test_no_message_holds_a_name(vendor: Vendor) -> None:
    """Neither denials, nor `repr`, nor any byte of the store and its logs hold a name, an address or a reason."""
    vendor.grant()
    person = vendor.policy.gate.open(**vendor.ask(fields=ACCOUNT_FIELDS, reason="Ada Lovelace rang"))
    request = AccessRequest("e-1", "acme", "nonsense", ["shoe size"], "Ada Lovelace rang")
    texts = [
        repr(person),
        repr(request),
        repr(vendor.policy.gate.decide(request)),
        vendor.policy.gate.decide(request).explanation(),
    ]
    vendor.storage.close()
    texts += [file.read_bytes().decode("latin-1") for file in vendor.file.parent.iterdir()]
    for secret in (ADA.email, ADA.family_name, "Lovelace", "shoe size", "cannot sign in"):
        assert not any(secret in text for text in texts), secret


def test_off_boarded_tenants_open_nothing(vendor: Vendor) -> None:
    """After a tenant is off-boarded no grant for it opens anything, although one is still on record."""
    vendor.grant()
    vendor.storage.record(LEDGER, documents=[PutDocument("tenant standing", "acme", b"x", 0)])
    assert denied(vendor) == ("tenant-off-boarded",)


def test_fields_beyond_the_grant_are_denied(vendor: Vendor) -> None:
    """A grant for the address does not open the name; the denial says what the grant is for."""
    vendor.grant(fields=[PersonalField.EMAIL])
    with pytest.raises(AccessDenied, match="is for email only"):
        vendor.policy.gate.open(**vendor.ask(fields=["email", "given_name"]))


def test_facts_that_cannot_be_read_open_nothing(vendor: Vendor) -> None:
    """Where the facts cannot be read nothing is decided, and nothing opens."""
    vendor.grant()
    full: Any = Full(vendor.storage)
    gate = vendor.policy_of(full).gate

    def fail(*_: Any, **__: Any) -> None:
        raise StorageUnavailable("away")

    full.document = fail
    with pytest.raises(StorageUnavailable):
        gate.open(**vendor.ask())


def test_a_host_whose_clock_is_behind_lets_nobody_back_in(vendor: Vendor) -> None:
    """What has ended on record has ended for every process, also for one whose clock is behind."""
    waiting = vendor.grant(approved=False)
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    place = vendor.policy.trail.size - 1
    behind = Policy(vendor.storage, vendor.sealer, clock=ManualClock(vendor.clock()))
    assert behind.trail.now() == vendor.clock()
    vendor.clock.advance(timedelta(hours=1))
    vendor.policy.staff.leave("e-2", by="admin")
    with pytest.raises(GrantInvalid):
        behind.grants.approve(waiting.id, by="e-2")
    with pytest.raises(AccessDenied):
        behind.gate.reason("e-2", place)
