"""The support desk in Flask: what is shown, what is refused and with which words, and what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask_support import make_app
from werkzeug.test import TestResponse

from smartify_core.errors import AuditUnavailable
from smartify_core.lifecycle import Reconciler
from smartify_core.policy import PersonalField, Policy, Purpose
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

ADA = identity("ada")


@pytest.fixture
def policy(tmp_path: Path) -> Iterator[Policy]:
    """Return policy over a store with Acme's people, and two employees who are bound by confidentiality."""
    with SQLiteStorage(tmp_path / "smartify.db") as storage:
        sealer = Sealer(MemoryKeyRing())
        directory = FakeDirectory(ADA, identity("bob"))
        assert Reconciler({"acme": directory}, storage, sealer).run("acme").error is None
        made = Policy(storage, sealer)
        for employee in ("e-17", "e-2"):
            made.staff.add(employee, by="hr", may_approve=employee == "e-2")
            made.staff.bind(employee, agreement=f"nda-{employee}", evidence="ab" * 32, by="hr")
        yield made


def grant(policy: Policy) -> None:
    """Let the employee see addresses for a day."""
    asked = policy.grants.request(
        "e-17",
        tenant="acme",
        purpose=Purpose.CUSTOMER_CARE,
        fields=[PersonalField.EMAIL],
        reason="cannot sign in",
        lasts=timedelta(days=1),
    )
    policy.grants.approve(asked.id, by="e-2")


def ask(
    policy: Policy, person: str = ADA.source_id, *, by: str | None = "e-17", reason: str = "issue 4711"
) -> TestResponse:
    """Ask the desk for somebody's address."""
    client = make_app(policy, lambda: by).test_client()
    return client.post(f"/support/acme/people/{person}/email", data={"reason": reason})


def kinds(policy: Policy) -> list[str]:
    """Return what is on record of looking."""
    every = [entry.record.kind for entry in policy.trail.entries()]
    return [kind for kind in every if kind.startswith("access.")]


def test_who_needs_to_know_sees_the_address(policy: Policy) -> None:
    """With a grant the address is shown, kept by no cache, and on record."""
    grant(policy)
    answer = ask(policy)
    assert (answer.status_code, answer.json) == (200, {"email": ADA.email})
    assert answer.headers["Cache-Control"] == "no-store"
    assert kinds(policy) == ["access.granted"]


def test_what_is_missing_is_told_and_nothing_else(policy: Policy) -> None:
    """Without a grant the answer is 403 with the codes and the cure; it is on record, and names nobody."""
    answer = ask(policy)
    assert answer.status_code == 403
    assert "<li>no-grant</li>" in answer.text
    assert "smartify grant request" in answer.text
    assert ADA.email not in answer.text
    grant(policy)
    assert "<li>no-reason</li>" in ask(policy, reason="").text
    assert kinds(policy) == ["access.denied", "access.denied"]


def test_an_unknown_employee_is_refused(policy: Policy) -> None:
    """An id that nobody has is refused as unknown, and nobody at all is asked to sign in."""
    answer = ask(policy, by="e-99")
    assert answer.status_code == 403
    assert "<li>employee-unknown</li>" in answer.text
    assert ask(policy, by=None).status_code == 401


def test_whoever_is_not_there_is_not_found(policy: Policy) -> None:
    """Who may look learns that there is no such person; who may not learns nothing."""
    assert ask(policy, "zoe").status_code == 403
    grant(policy)
    assert ask(policy, "zoe").status_code == 404


def test_no_record_no_address(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trail that cannot keep the record opens nothing: 503, to be tried again."""
    grant(policy)

    def full(*_: Any, **__: Any) -> Any:
        raise AuditUnavailable("the disk is full")

    monkeypatch.setattr(policy.trail, "append", full)
    answer = ask(policy)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert ADA.email not in answer.text
