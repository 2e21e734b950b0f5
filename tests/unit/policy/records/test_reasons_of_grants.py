"""Why grants were asked for: sealed, read by those who may, and gone with the person or the customer."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.gate.conftest import ADA
from tests.unit.policy.records.conftest import Between, Vendor, die, in_child

from smartify_core.errors import AccessDenied, AuditUnavailable, GrantInvalid, SealBroken, UnknownRecord
from smartify_core.model import LEDGER
from smartify_core.policy import Grant, PersonalField, PrincipalKind, Purpose
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._records import _grants as granting
from smartify_core.policy.shredding import EndingsFile
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.walks import every_document, every_tenant

WORD = "Zyxwvutania rang twice"


@pytest.fixture(params=["person", "customer"])
def about(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what a grant is confined to: one person, whose key seals its reason, or nobody."""
    return {"source_id": ADA.source_id} if request.param == "person" else {}


def left(vendor: Vendor) -> set[str]:
    """Return the ids of all grants that are kept."""
    return {one.id for one in vendor.policy.grants.all(also_past=True)}


def test_those_who_may_read_why_and_it_is_recorded(vendor: Vendor, about: dict[str, Any]) -> None:
    """The holder, whoever asked and an approver who is bound read it, each after a record of it; `repr` has no word."""
    grant = vendor.grant(approved=False, by="e-3", reason=WORD, **about)
    assert WORD not in repr(grant) + repr(vendor.policy.grants.get(grant.id))
    for who in ("e-1", "e-3", "e-2"):
        assert vendor.policy.grants.reason(grant.id, by=who) == WORD
        *_, last = vendor.policy.trail.entries()
        assert (last.record.kind, last.record.actor, last.record.tenant) == ("reason.read", who, "acme")
        assert dict(last.record.facts) == {"grant": grant.id}
        assert set(last.record.subjects) == set(grant.subjects)


@pytest.mark.parametrize("who", ["e-3", "contractor", "unbound", "stranger", "ada@acme.example"])
def test_others_do_not_and_that_is_recorded(vendor: Vendor, about: dict[str, Any], who: str) -> None:
    """Whoever may not approve, is not bound or not on record reads none; the denial is on record, no address."""
    staff = vendor.policy.staff
    staff.add("contractor", by="admin", kind=PrincipalKind.CONTRACTOR, may_approve=True)
    staff.add("unbound", by="admin", may_approve=True)
    grant = vendor.grant(reason=WORD, **about)
    with pytest.raises(AccessDenied) as denied:
        vendor.policy.grants.reason(grant.id, by=who)
    assert WORD not in str(denied.value)
    *_, last = vendor.policy.trail.entries()
    assert last.record.kind == "access.denied"
    assert "@" not in repr(last)


def test_whoever_has_left_reads_none_of_their_own(vendor: Vendor) -> None:
    """A holder who has left is a stranger to their grants."""
    grant = vendor.grant(reason=WORD)
    vendor.policy.staff.leave("e-1", by="admin")
    with pytest.raises(AccessDenied):
        vendor.policy.grants.reason(grant.id, by="e-1")


def test_without_a_record_nobody_reads_why(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail keeps nothing the reason stays shut."""
    grant = vendor.grant(reason=WORD)

    def refuse(*_: Any, **__: Any) -> None:
        raise AuditUnavailable("full")

    monkeypatch.setattr(vendor.policy.trail, "append", refuse)
    monkeypatch.setattr(Reasons, "opened", lambda *_, **__: pytest.fail("opened without a record"))
    with pytest.raises(AuditUnavailable):
        vendor.policy.grants.reason(grant.id, by="e-1")


def test_one_person_is_named_by_their_id(vendor: Vendor) -> None:
    """A grant for a source id is confined to the account of that person; one who has none is told so."""
    account = vendor.storage.load("acme", [ADA.source_id])[ADA.source_id]
    same = {"source_id": ADA.source_id, "subjects": [account.account_id]}
    for named in ({"source_id": ADA.source_id}, same):
        grant = vendor.grant(**named)
        assert (set(grant.subjects), grant.reason_about) == ({account.account_id}, account.account_id)
    for nobody in ("nobody", "", 7):
        with pytest.raises(UnknownRecord):
            vendor.grant(source_id=nobody)


def test_a_customer_without_accounts_is_granted_for(vendor: Vendor) -> None:
    """The key for reasons is made for a customer who has nobody yet, and the gate knows no more of them by that."""
    grant = vendor.grant(tenant="initech", reason=WORD)
    assert vendor.policy.grants.reason(grant.id, by="e-1") == WORD
    with pytest.raises(AccessDenied) as denied:
        vendor.policy.gate.open(**vendor.ask(tenant="initech"))
    assert denied.value.missing == ("tenant-unknown",)


def test_a_reason_that_was_moved_does_not_open(vendor: Vendor) -> None:
    """The ciphertext of one customer's reason opens for no other's, and what is none is called broken."""
    mine, theirs = vendor.grant(reason=WORD), vendor.grant(tenant="globex")
    reasons = Reasons(vendor.storage, vendor.sealer)
    vendor.grant(tenant="globex")
    for sealed in (mine.sealed_reason, "", "no base64"):
        with pytest.raises(SealBroken):
            reasons.opened(theirs.tenant, sealed, subject=None)


def everything_said(vendor: Vendor) -> bytes:
    """Return all bytes of all files, all that opens under the keys of the host, and every answer about grants."""
    said = [file.read_bytes() for file in vendor.file.parent.iterdir()]
    for record in every_tenant(vendor.storage, with_ledger=True):
        for one in every_document(vendor.storage, record.tenant):
            try:
                said.append(vendor.sealer.open_document(record.tenant, one.kind, one.key, one.value))
            except SealBroken:
                said.append(one.value)
    said += [repr(entry).encode() for entry in vendor.policy.trail.entries()]
    for grant in vendor.policy.grants.all(also_past=True):
        said += [repr(vendor.policy.grants.reason(grant.id, by=who)).encode() for who in ("e-1", "e-2")]
    return b"\n".join(said)


def test_a_reason_goes_with_the_person(vendor: Vendor) -> None:
    """After the deletion of the one person the planted word is in no byte, no opened document and no answer."""
    grant = vendor.grant(reason=WORD, source_id=ADA.source_id)
    assert WORD.encode() in everything_said(vendor)
    vendor.directory.delete(ADA)
    vendor.sync()
    assert WORD.encode() not in everything_said(vendor)
    assert vendor.policy.grants.reason(grant.id, by="e-2") is None


def off_board(vendor: Vendor, storage: Any = None) -> None:
    """Off-board Acme."""
    policy = vendor.policy if storage is None else vendor.policy_of(storage)
    policy.shredder.off_board("acme", by="e-2", reason="the contract ended")


def test_a_reason_goes_with_the_customer(vendor: Vendor, about: dict[str, Any]) -> None:
    """After an off-boarding the grants are gone from both shelves, and the planted word from everywhere."""
    old = vendor.grant(reason=WORD, **about)
    vendor.clock.advance(days=40)
    new, other = vendor.grant(reason=WORD, **about), vendor.grant(tenant="globex")
    assert left(vendor) == {old.id, new.id, other.id}
    assert len(vendor.storage.documents(LEDGER, "grant past")) == 1
    off_board(vendor)
    assert left(vendor) == {other.id}
    assert WORD.encode() not in everything_said(vendor)
    for grant in (old, new):
        with pytest.raises(UnknownRecord):
            vendor.policy.grants.reason(grant.id, by="e-2")
    (erased,) = (one.record for one in vendor.policy.trail.entries() if one.record.kind == "grant.erased")
    assert (erased.tenant, dict(erased.facts)) == ("acme", {"grants": 2})
    for ask in (vendor.grant, partial(vendor.policy.grants.break_glass, "e-1", **WANTED)):
        with pytest.raises(GrantInvalid, match="gone"):
            ask()


WANTED: dict[str, Any] = {
    "tenant": "acme",
    "purpose": Purpose.CUSTOMER_CARE,
    "fields": [PersonalField.EMAIL],
    "reason": WORD,
}


def test_no_grant_of_another_customer_goes(vendor: Vendor) -> None:
    """Customers whose names begin or end alike keep theirs."""
    others = {vendor.grant(tenant=name).id for name in ("acm", "acme2", "acme/", "4:acme", "x/4:acme/y")}
    vendor.grant()
    off_board(vendor)
    assert left(vendor) == others


def test_many_grants_go_in_several_steps(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """More grants than go in one step all go, and the counts on record say how many."""
    from smartify_core.policy._records import _erased_grants

    monkeypatch.setattr(_erased_grants, "_AT_ONCE", 3)
    for _ in range(7):
        vendor.grant(approved=False)
    off_board(vendor)
    assert left(vendor) == set()
    told = [one.record.facts for one in vendor.policy.trail.entries() if one.record.kind == "grant.erased"]
    assert [dict(facts) for facts in told] == [{"grants": 3}, {"grants": 3}, {"grants": 1}]


def test_a_grant_that_changes_meanwhile_goes_too(vendor: Vendor) -> None:
    """Somebody who approves a grant just while it is erased keeps nobody from erasing it."""
    grant = vendor.grant(approved=False)
    approved: list[Grant] = []

    class Approving(Between):
        def record(self, tenant: str, **options: Any) -> None:
            if not approved and any(one.kind == "grant" for one in options.get("documents", ())):
                approved.append(vendor.policy.grants.approve(grant.id, by="e-2"))
            super().record(tenant, **options)

    off_board(vendor, Approving(vendor.storage))
    assert approved
    assert left(vendor) == set()


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_leaves_the_rest_to_the_next_call(vendor: Vendor, where: str) -> None:
    """Killed just before or after the grants are erased, the off-boarding is finished by calling it again."""
    vendor.grant(reason=WORD)

    class Mortal(Between):
        def record(self, tenant: str, **options: Any) -> None:
            erases = any(one.kind == "grant" and one.value is None for one in options.get("documents", ()))
            if erases and where == "before":
                die()
            super().record(tenant, **options)
            if erases:
                die()

    def work() -> None:
        with SQLiteStorage(vendor.file) as storage:
            off_board(vendor, Mortal(storage))

    assert in_child(work) == -signal.SIGKILL
    assert bool(left(vendor)) is (where == "before")
    vendor.clock.advance(days=1)
    off_board(vendor)
    assert left(vendor) == set()
    assert sum(one.record.kind == "tenant.off-boarded" for one in vendor.policy.trail.entries()) == 1


def test_who_asks_while_the_customer_goes_leaves_nothing(vendor: Vendor) -> None:
    """A grant that comes just after all of them were erased is taken back by whoever asked for it."""
    gone: list[bool] = []

    class Late(Between):
        def record(self, tenant: str, **options: Any) -> None:
            if tenant == LEDGER and not gone:
                gone.append(True)
                off_board(vendor)
            super().record(tenant, **options)

    policy = vendor.policy_of(Late(vendor.storage))
    with pytest.raises(GrantInvalid, match="gone"):
        policy.grants.break_glass("e-1", **WANTED)
    assert left(vendor) == set()


def test_the_next_off_boarding_erases_what_a_killed_one_asked_for(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks meanwhile and is killed before they take it back leaves it to the next call."""
    with monkeypatch.context() as careless:
        careless.setattr(granting.Grants, "_require_served", lambda *_: None)
        off_board(vendor)
        vendor.grant(approved=False, reason=WORD)
    assert len(left(vendor)) == 1
    off_board(vendor)
    assert left(vendor) == set()
    assert not vendor.storage.documents("acme")


def test_a_restored_store_loses_them_again(vendor: Vendor, tmp_path: Path) -> None:
    """A store from before the off-boarding, put back, has no grant of the customer's after a reshredding."""
    register = EndingsFile.create(tmp_path / "endings.jsonl")
    vendor.grant(reason=WORD)
    policy = vendor.policy_of(vendor.storage, register=register)
    policy.shredder.settle()
    backup = tmp_path / "backup.db"
    with SQLiteStorage(backup):
        pass
    vendor.storage.close()
    backup.write_bytes(vendor.file.read_bytes())
    with SQLiteStorage(vendor.file) as storage:
        vendor.policy_of(storage, register=register).shredder.off_board("acme", by="e-2", reason="it ended")
    with SQLiteStorage(backup) as storage:
        again = vendor.policy_of(storage, register=register)
        assert len(list(again.grants.all())) == 1
        assert again.shredder.reshred(by="e-2", reason="the disk failed").tenants == 1
        assert list(again.grants.all()) == []


# --- broken builds ----------------------------------------------------------------------------------------------------


def test_a_shredder_that_leaves_grants_is_noticed(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the grants not erased with the customer, the test of the planted word would say so."""
    from smartify_core.policy.shredding import _shredder

    monkeypatch.setattr(_shredder, "erase_grants", lambda *_, **__: None)
    with pytest.raises(AssertionError):
        test_a_reason_goes_with_the_customer(vendor, {})


def test_a_reason_that_is_only_encoded_is_noticed(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the reason of a grant for one person sealed under the tenant's key, the planted word would still open."""
    monkeypatch.setattr(
        granting.Grants, "_sealed", lambda self, tenant, _, reason: self._reasons.about_many(tenant, reason)
    )
    monkeypatch.setattr(
        Reasons,
        "opened",
        lambda self, tenant, sealed, subject, opened=Reasons.opened: opened(self, tenant, sealed, subject=None),
    )
    with pytest.raises(AssertionError):
        test_a_reason_goes_with_the_person(vendor)
