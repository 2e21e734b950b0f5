"""The commands about employees and grants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click
from attrs import fields

from smartify_core.policy import PrincipalKind

from . import _granting as granting
from . import _staffing as staffing
from ._command_line import Asked, as_duration, as_instant, group, shared
from ._command_line import as_whom as _by

_since = click.option(
    "--since", metavar="TIME", callback=as_instant, help="From when on (ISO 8601); now when not given."
)
_id = click.argument("employee", metavar="EMPLOYEE")
_grant_id = click.argument("grant_id", metavar="GRANT")


# --- employees --------------------------------------------------------------------------------------------------------


@group
def employee() -> None:
    """Who is employed, and bound by confidentiality. Nobody else is let in."""


@employee.command()
@_id
@_by
@click.option(
    "--kind", type=click.Choice([one.value for one in PrincipalKind]), default="employee", help="What they are."
)
@click.option("--owner", metavar="E", help="The employee who answers for a service.")
@click.option("--approver", is_flag=True, help="They may approve grants of others.")
@_since
@shared
@click.pass_obj
def add(
    asked: Asked, *, employee: str, by: str, kind: str, owner: str | None, approver: bool, since: datetime | None
) -> None:
    """Put somebody on record, by an id that is no name and no address."""
    asked.action = lambda output, config: staffing.add(
        output, config, employee, by=by, kind=kind, owner=owner, since=since, approver=approver
    )


@employee.command()
@_id
@_by
@click.option("--agreement", metavar="ID", required=True, help="The id of the confidentiality agreement.")
@click.option("--paper", type=click.Path(path_type=Path), metavar="FILE", help="The signed paper; its SHA-256 is kept.")
@click.option("--evidence", metavar="SHA256", help="Or its SHA-256.")
@_since
@click.option("--until", metavar="TIME", callback=as_instant, help="When it ends.")
@shared
@click.pass_obj
def bind(
    asked: Asked,
    *,
    employee: str,
    by: str,
    agreement: str,
    paper: Path | None,
    evidence: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Put somebody's confidentiality agreement on record."""
    asked.action = lambda output, config: staffing.bind(
        output,
        config,
        employee,
        agreement=agreement,
        evidence=evidence,
        paper=paper,
        by=by,
        since=since,
        until=until,
    )


@employee.command()
@_id
@_by
@click.option("--agreement", metavar="ID", required=True, help="The id of the confidentiality agreement.")
@click.option("--at", metavar="TIME", callback=as_instant, help="When it ends (ISO 8601); now when not given.")
@shared
@click.pass_obj
def unbind(asked: Asked, *, employee: str, by: str, agreement: str, at: datetime | None) -> None:
    """Say when an agreement ends: without another one nothing opens to them."""
    asked.action = lambda output, config: staffing.unbind(output, config, employee, agreement=agreement, by=by, at=at)


@employee.command()
@_id
@_by
@click.option("--at", metavar="TIME", callback=as_instant, help="When they leave (ISO 8601); now when not given.")
@shared
@click.pass_obj
def leave(asked: Asked, *, employee: str, by: str, at: datetime | None) -> None:
    """Say when somebody leaves: from then on nothing opens to them."""
    asked.action = lambda output, config: staffing.leave(output, config, employee, by=by, at=at)


@employee.command("list")
@shared
@click.pass_obj
def list_employees(asked: Asked) -> None:
    """Print everybody on record."""
    asked.action = staffing.listing


# --- grants -----------------------------------------------------------------------------------------------------------


def _wanted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what somebody wants to see."""
    options = (
        click.option("--employee", metavar="E", required=True, help="Who is to be let in."),
        click.option("--tenant", metavar="T", required=True, help="Whose people."),
        click.option("--purpose", metavar="P", required=True, help="What for, such as CommunicationForCustomerCare."),
        click.option("--fields", metavar="F", multiple=True, required=True, help="Such as email,groups; repeatable."),
        click.option("--reason", metavar="TEXT", required=True, help="Why; kept sealed."),
        click.option("--ticket", metavar="ID", help="The issue that it is for: closing that ends it."),
        click.option("--source-id", "people", metavar="ID", multiple=True, help="Only this person; repeatable."),
    )
    names = [one.name for one in fields(granting.Wanted)]

    @wraps(command)
    def gathering(**given: object) -> object:
        parts: dict[str, Any] = {name: given.pop(name) for name in names}
        return command(**given, wanted=granting.Wanted(**parts))

    found: Callable[..., Any] = gathering
    for option in reversed(options):
        found = option(found)
    return found


@group
def grant() -> None:
    """Who may open which fields of whom, what for, and how long."""


@grant.command()
@_wanted
@click.option("--for", "lasts", metavar="TIME", required=True, callback=as_duration, help="How long, such as 8h.")
@click.option("--as", "by", metavar="NAME", help="Who asks; the employee themselves when not given.")
@_since
@click.option("--identified", is_flag=True, help="Show names where the purpose would do with pseudonyms.")
@shared
@click.pass_obj
def request(
    asked: Asked, *, lasts: timedelta, by: str | None, since: datetime | None, identified: bool, wanted: granting.Wanted
) -> None:
    """Ask for a grant. It opens nothing until somebody else approves it."""
    asked.action = lambda output, config: granting.request(
        output, config, wanted, lasts=lasts, by=by, since=since, identified=identified
    )


@grant.command("break-glass")
@_wanted
@click.option("--for", "lasts", metavar="TIME", callback=as_duration, help="How long; as long as the rules allow.")
@shared
@click.pass_obj
def break_glass(asked: Asked, *, lasts: timedelta | None, wanted: granting.Wanted) -> None:
    """Take a short grant without approval, in an emergency. It is loud, and has to be reviewed."""
    asked.action = lambda output, config: granting.break_glass(output, config, wanted, lasts=lasts)


@grant.command()
@_grant_id
@_by
@shared
@click.pass_obj
def approve(asked: Asked, *, grant_id: str, by: str) -> None:
    """Approve a grant that somebody else asked for."""
    asked.action = lambda output, config: granting.approve(output, config, grant_id, by=by)


@grant.command()
@_grant_id
@_by
@shared
@click.pass_obj
def revoke(asked: Asked, *, grant_id: str, by: str) -> None:
    """Take a grant back: it opens nothing from now on."""
    asked.action = lambda output, config: granting.revoke(output, config, grant_id, by=by)


@grant.command()
@_grant_id
@_by
@shared
@click.pass_obj
def review(asked: Asked, *, grant_id: str, by: str) -> None:
    """Say that you have looked at what somebody else did in an emergency."""
    asked.action = lambda output, config: granting.review(output, config, grant_id, by=by)


@grant.command()
@_grant_id
@click.option("--as", "by", metavar="EMPLOYEE", required=True, help="Who reads it; that is recorded.")
@shared
@click.pass_obj
def reason(asked: Asked, *, grant_id: str, by: str) -> None:
    """Print why a grant was asked for: to whoever asked or has it, and to those who may approve."""
    asked.action = lambda output, config: granting.reason(output, config, grant_id, by=by)


@grant.command()
@click.argument("name", metavar="TICKET")
@click.option("--closed/--open", "closed", required=True, help="Whether the issue is closed.")
@_by
@shared
@click.pass_obj
def ticket(asked: Asked, *, name: str, closed: bool, by: str) -> None:
    """Say that an issue is closed, which ends the grants for it, or open again."""
    asked.action = lambda output, config: granting.ticket(output, config, name, by=by, closed=closed)


@grant.command("list")
@click.option("--employee", metavar="E", help="Only this employee's.")
@click.option("--tenant", metavar="T", help="Only for this tenant.")
@click.option("--all", "also_over", is_flag=True, help="Those too that are over or revoked.")
@shared
@click.pass_obj
def list_grants(asked: Asked, *, employee: str | None, tenant: str | None, also_over: bool) -> None:
    """Print the grants that are live or waiting."""
    asked.action = lambda output, config: granting.listing(
        output, config, employee=employee, tenant=tenant, also_over=also_over
    )


@grant.command()
@_wanted
@shared
@click.pass_obj
def explain(asked: Asked, wanted: granting.Wanted) -> None:
    """Say whether somebody may see something, and if not, what is missing. Opens and records nothing."""
    asked.action = lambda output, config: granting.explain(output, config, wanted)


@grant.command()
@click.option(
    "--unused-after", metavar="TIME", callback=as_duration, default="7d", help="How long one may go unused; 7d."
)
@shared
@click.pass_obj
def report(asked: Asked, *, unused_after: timedelta) -> None:
    """Print what to look at: grants unused, wider than used, approved by whoever asked, not reviewed."""
    asked.action = lambda output, config: granting.report(output, config, unused_after=unused_after)
