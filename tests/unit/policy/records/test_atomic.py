from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.records.conftest import Always, Between, Vendor, die, in_child

from smartify_core.errors import AuditUnavailable, RecordClash, SealBroken, WriteConflict
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy import ACCOUNT_FIELDS, Policy, Purpose
from smartify_core.policy._records import _anew
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage

EVIDENCE = "cd" * 32
Change = Callable[[Policy, str], object]
#: The kind of the record, and the change; each is given the id of a grant that waits, but the two of an emergency.
CHANGES: dict[str, Change] = {
    "employee.added": lambda policy, _: policy.staff.add("e-4", by="admin"),
    "employee.left": lambda policy, _: policy.staff.leave("e-1", by="admin"),
    "agreement.signed": lambda policy, _: policy.staff.bind("e-1", agreement="nda-2", evidence=EVIDENCE, by="admin"),
    "agreement.ended": lambda policy, _: policy.staff.unbind("e-1", agreement="nda-e-1", by="admin"),
    "grant.requested": lambda policy, _: policy.grants.request("e-1", **WANTED, lasts=timedelta(days=1)),
    "grant.emergency": lambda policy, _: policy.grants.break_glass("e-1", **WANTED),
    "grant.approved": lambda policy, waiting: policy.grants.approve(waiting, by="e-2"),
    "grant.revoked": lambda policy, waiting: policy.grants.revoke(waiting, by="e-3"),
    "grant.reviewed": lambda policy, _: policy.grants.review(emergency(policy), by="e-2"),
    "ticket.closed": lambda policy, _: policy.circumstances.close("T-1", by="e-1"),
    "ticket.reopened": lambda policy, _: policy.circumstances.reopen("T-1", by="e-1"),
    "condition.stated": lambda policy, _: policy.circumstances.state("acme", "audited", holds=True, by="e-1"),
}
WANTED: dict[str, Any] = {
    "tenant": "acme",
    "purpose": Purpose.CUSTOMER_CARE,
    "fields": ACCOUNT_FIELDS,
    "reason": "ticket 4711",
}
each_change = pytest.mark.parametrize("kind", CHANGES)


def emergency(policy: Policy) -> str:
    """Return the id of the one emergency."""
    return next(one.id for one in policy.grants.all() if one.emergency)


def documents(vendor: Vendor) -> list[tuple[str, str, int]]:
    """Return what is kept for policy, by version, but for what the trail keeps for itself."""
    kept = vendor.storage.documents(LEDGER)
    return [(one.kind, one.key, one.version) for one in kept if not one.kind.startswith("audit")]


@pytest.fixture
def waiting(vendor: Vendor) -> str:
    """Return the id of a grant that waits for approval, beside an emergency that waits for a review."""
    grant = vendor.grant(approved=False)
    vendor.policy.grants.break_glass("e-3", **WANTED)
    return grant.id


@each_change
def test_a_change_and_its_record_are_one_step(vendor: Vendor, waiting: str, kind: str) -> None:
    """Each change is kept with one record of it; where the record cannot be kept the change is not made."""
    before, size = documents(vendor), vendor.policy.trail.size
    refusing = vendor.policy_of(Always(vendor.storage))
    with pytest.raises(AuditUnavailable):
        CHANGES[kind](refusing, waiting)
    assert (documents(vendor), vendor.policy.trail.size) == (before, size)
    CHANGES[kind](vendor.policy, waiting)
    assert [entry.record.kind for entry in vendor.policy.trail.entries(after=size - 1)] == [kind]
    assert documents(vendor) != before


@each_change
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_leaves_both_or_neither(vendor: Vendor, waiting: str, kind: str, moment: str) -> None:
    """A process that is killed just before or just after the commit leaves the change with its record, or neither."""
    before, size = documents(vendor), vendor.policy.trail.size

    def work() -> None:
        with SQLiteStorage(vendor.file) as storage:
            options: Any = {moment: die}
            CHANGES[kind](vendor.policy_of(Between(storage, **options)), waiting)

    assert in_child(work) == -signal.SIGKILL
    is_kept = moment == "after"
    assert (documents(vendor) != before) is is_kept
    assert vendor.policy.trail.size - size == is_kept


def test_a_change_between_is_seen(vendor: Vendor, waiting: str) -> None:
    """Where somebody revokes a grant while it is being approved, the approval meets the revocation, and is refused."""
    policy = vendor.policy_of(Between(vendor.storage, before=lambda: vendor.policy.grants.revoke(waiting, by="e-3")))
    with pytest.raises(RecordClash):
        policy.grants.approve(waiting, by="e-2")
    held = vendor.policy.grants.get(waiting)
    assert (held.revoked_by, held.approved_by) == ("e-3", None)


def test_the_other_order_keeps_both(vendor: Vendor, waiting: str) -> None:
    """Where somebody approves a grant while it is being revoked, it ends approved and revoked: neither is lost."""
    policy = vendor.policy_of(Between(vendor.storage, before=lambda: vendor.policy.grants.approve(waiting, by="e-2")))
    policy.grants.revoke(waiting, by="e-3")
    held = vendor.policy.grants.get(waiting)
    assert (held.revoked_by, held.approved_by) == ("e-3", "e-2")


def test_who_is_always_late_is_told(vendor: Vendor, waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that meets another one each time ends in an error that says that it may be tried again."""
    tries: list[int] = []

    def conflict(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise WriteConflict("somebody else was faster")

    monkeypatch.setattr(vendor.policy.trail, "append", conflict)
    with pytest.raises(WriteConflict) as error:
        vendor.policy.grants.approve(waiting, by="e-2")
    assert error.value.retryable
    assert len(tries) == _anew._ATTEMPTS


def test_threads_lose_no_agreement(vendor: Vendor) -> None:
    """Eight threads that put an agreement of the same employee on record at once leave all eight."""
    start = threading.Barrier(8)

    def sign(number: int) -> None:
        start.wait(10)
        vendor.policy.staff.bind("e-1", agreement=f"nda-{number}", evidence=EVIDENCE, by="admin")

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    held = vendor.policy.staff.get("e-1")
    assert held is not None
    assert {f"nda-{number}" for number in range(8)} < {one.id for one in held.agreements}


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_processes_approve_and_revoke_at_once(
    vendor: Vendor, where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Where two processes approve and revoke the same grants, each ends revoked; the trail says in which order."""
    if where == "postgresql":
        url, schema = request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema")
        make: Callable[[], Any] = partial(PostgreSQLStorage, url, schema=schema)
    else:
        make = partial(SQLiteStorage, tmp_path / "shared.db")
    with make() as storage:
        policy = vendor.policy_of(storage)
        for name in ("e-1", "e-2", "e-3"):
            policy.staff.add(name, by="admin", may_approve=name == "e-2")
            policy.staff.bind(name, agreement=f"nda-{name}", evidence=EVIDENCE, by="admin")
        wanted = {**WANTED, "lasts": timedelta(days=1)}
        grants = [policy.grants.request("e-1", **wanted).id for _ in range(10)]

    def approve() -> None:
        with make() as storage:
            for grant in grants:
                with suppress(RecordClash):
                    vendor.policy_of(storage).grants.approve(grant, by="e-2")

    def revoke() -> None:
        with make() as storage:
            for grant in grants:
                vendor.policy_of(storage).grants.revoke(grant, by="e-3")

    other = threading.Thread(target=lambda: codes.append(in_child(approve)))
    codes: list[int] = []
    other.start()
    codes.append(in_child(revoke))
    other.join(60)
    assert codes == [0, 0]
    with make() as storage:
        policy = vendor.policy_of(storage)
        kinds = [(e.record.kind, e.record.facts["grant"]) for e in policy.trail.entries() if "grant" in e.record.facts]
        for grant in policy.grants.all():
            its = [kind for kind, which in kinds if which == grant.id]
            assert grant.revoked_by == "e-3"
            assert its == ["grant.requested", *(["grant.approved"] if grant.approved_by else []), "grant.revoked"]


def test_a_damaged_grant_opens_nothing(vendor: Vendor) -> None:
    """A grant whose bytes were altered stops the decision, whatever else was granted; the error names it."""
    first, _ = vendor.grant(), vendor.grant()
    held = next(one for one in vendor.storage.documents(LEDGER, "grant") if one.key.endswith(first.id))
    for value in (held.value[:-1] + bytes([held.value[-1] ^ 1]), b"", held.value[:20]):
        now = vendor.storage.document(LEDGER, "grant", held.key)
        assert now is not None
        vendor.storage.record(LEDGER, documents=[PutDocument("grant", held.key, value, now.version)])
        with pytest.raises(SealBroken, match=first.id):
            vendor.policy.gate.open(**vendor.ask())


def test_a_grant_that_was_moved_opens_nothing(vendor: Vendor) -> None:
    """The bytes of one grant under the key of another person's, or of another tenant, are refused."""
    grant = vendor.grant()
    held = next(one for one in vendor.storage.documents(LEDGER, "grant") if one.key.endswith(grant.id))
    for key, ask in (
        (held.key.replace("e-1/", "e-3/"), {"employee": "e-3"}),
        (held.key.replace("4:acme", "6:globex"), {"tenant": "globex"}),
    ):
        vendor.storage.record(LEDGER, documents=[PutDocument("grant", key, held.value, 0)])
        with pytest.raises(SealBroken, match=grant.id):
            vendor.policy.gate.open(**vendor.ask(**ask))
