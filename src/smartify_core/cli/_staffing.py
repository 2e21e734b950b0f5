"""Employees and their confidentiality agreements."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from smartify_core.errors import UsageError
from smartify_core.policy import PrincipalKind, StaffRecord

from . import _documents_of_policy as documents
from . import _exit_codes as exit_codes
from ._output import Output
from ._policy_of import Opened, opened


def add(
    output: Output,
    file: Path,
    employee: str,
    *,
    by: str,
    kind: str,
    owner: str | None,
    since: datetime | None,
    approver: bool,
) -> int:
    """Put somebody on record."""
    with opened(file) as at:
        at.policy.staff.add(employee, by=by, kind=PrincipalKind(kind), owner=owner, since=since, may_approve=approver)
        return _told(output, at, employee, "is on record")


def bind(
    output: Output,
    file: Path,
    employee: str,
    *,
    agreement: str,
    evidence: str | None,
    paper: Path | None,
    by: str,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Put a confidentiality agreement on record."""
    if (evidence is None) is (paper is None):
        raise UsageError(
            "the evidence is missing" if paper is None else "the evidence is given twice",
            where="command line",
            cure="Give --paper FILE or --evidence SHA256.",
        )
    digest = evidence if paper is None else _digest(paper)
    with opened(file) as at:
        at.policy.staff.bind(employee, agreement=agreement, evidence=digest or "", by=by, since=since, until=until)
        return _told(output, at, employee, f"is bound by {agreement}")


def unbind(output: Output, file: Path, employee: str, *, agreement: str, by: str, at: datetime | None) -> int:
    """Say when an agreement ends."""
    with opened(file) as here:
        here.policy.staff.unbind(employee, agreement=agreement, by=by, at=at)
        return _told(output, here, employee, f"has {agreement} no longer")


def leave(output: Output, file: Path, employee: str, *, by: str, at: datetime | None) -> int:
    """Say when somebody leaves."""
    with opened(file) as here:
        here.policy.staff.leave(employee, by=by, at=at)
        return _told(output, here, employee, "leaves")


def listing(output: Output, file: Path) -> int:
    """Print everybody on record."""
    with opened(file) as at:
        now = at.policy.trail.now()
        everybody = list(at.policy.staff.all())
    output.document({"employees": [documents.of_employee(one, now) for one in everybody]})
    for one in everybody:
        output.line(_line(one, now))
    if not everybody:
        output.note("Nobody is on record. Add somebody with: smartify employee add")
    return exit_codes.DONE


def _told(output: Output, at: Opened, employee: str, what: str) -> int:
    record = at.policy.staff.get(employee)
    if record is not None:
        output.document({"employee": documents.of_employee(record, at.policy.trail.now())})
    output.line(f"{employee} {what}")
    return exit_codes.DONE


def _line(record: StaffRecord, now: datetime) -> str:
    employee = record.employee
    employed = "employed" if employee.is_employed(now) else "not employed"
    bound = "bound" if any(one.binds(now) for one in record.agreements) else "not bound"
    approves = "  may approve" if employee.may_approve else ""
    return f"{employee.id}  {employee.kind.value}  {employed}  {bound}{approves}"


def _digest(paper: Path) -> str:
    try:
        with paper.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(
            f"the signed paper cannot be read ({type(error).__name__})", where=str(paper), cure="Name a file."
        ) from None
