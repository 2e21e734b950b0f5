"""C8 and C13 to C17: who may see what, and what for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from smartify_core.cli._numbers import are, numbered
from smartify_core.cli._policy_of import Opened
from smartify_core.policy import Concern, PrincipalKind

from ._checkup import Checkup, counted


def of_purposes(_: Opened) -> Iterator[Checkup]:
    yield Checkup("C8", enforced=True, what="Every opening names one of seven purposes; another one is denied.")
    yield Checkup("C15", enforced=True, what="Selling data or insights is a purpose that nobody can be granted.")
    yield Checkup("C16", enforced=True, what="Advertising is a purpose that nobody can be granted.")
    yield Checkup(
        "C17", enforced=True, what="Of provisions that conflict those on confidentiality prevail, and it is recorded."
    )


def of_people(at: Opened) -> Iterator[Checkup]:
    now = at.policy.trail.now()
    staff = [one for one in at.policy.staff.all() if one.employee.is_employed(now)]
    unbound = [
        one.employee.id
        for one in staff
        if one.employee.kind is PrincipalKind.EMPLOYEE and not any(paper.binds(now) for paper in one.agreements)
    ]
    if unbound:
        yield Checkup(
            "C14",
            enforced=False,
            what=f"No confidentiality agreement binds {counted(unbound)}; nothing opens to them.",
            cure="Have them sign one, and record it: smartify employee bind.",
        )
    soon = _ending_soon(at, now)
    if soon:
        yield Checkup(
            "C14",
            enforced=False,
            what=f"The agreements of {counted(soon)} end within 30 days.",
            cure="Have new ones signed, and record them.",
        )
    bound = len(staff) - len(unbound)
    yield Checkup("C14", enforced=True, what=f"{bound} of {len(staff)} on record may be let in. Nobody else can be.")


def _ending_soon(at: Opened, now: datetime) -> list[str]:
    soon = now + timedelta(days=30)
    return [
        one.employee.id
        for one in at.policy.staff.all()
        if one.employee.is_employed(now)
        and any(paper.binds(now) for paper in one.agreements)
        and not any(paper.binds(soon) for paper in one.agreements)
    ]


def of_grants(at: Opened) -> Iterator[Checkup]:
    findings = list(at.policy.hygiene())
    for concern in Concern:
        if about := [one.grant for one in findings if one.concern is concern]:
            yield Checkup(
                "C13",
                enforced=False,
                what=f"Grants are {concern.value}: {counted(about)}.",
                cure="See `smartify grant report`.",
            )
    now = at.policy.trail.now()
    live = sum(
        1
        for grant in at.policy.grants.all()
        if grant.revoked_at is None and grant.not_before <= now < grant.expires_at and grant.approved_by is not None
    )
    yield Checkup(
        "C13", enforced=True, what=f"Names open through the gate only; {numbered(live, 'grant')} {are(live)} live."
    )
