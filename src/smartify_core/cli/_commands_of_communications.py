"""The commands about what was said to people."""

from __future__ import annotations

import click

from . import _communicating as communicating
from ._command_line import Asked, as_whom, group, shared, why

_tenant = click.option("--tenant", metavar="T", required=True, help="The customer.")
_person = click.option("--source-id", metavar="ID", help="Only this person; the whole customer when not given.")


@group
def communications() -> None:
    """What was said to people, kept for a while to help them: its end, and who does not want it."""


@communications.command()
@click.option("--tenant", metavar="T", help="Only this customer; all of them when not given.")
@shared
@click.pass_obj
def sweep(asked: Asked, *, tenant: str | None) -> None:
    """Remove the texts whose time is over. To be run every day."""
    asked.action = lambda output, config: communicating.sweep(output, config, tenant)


@communications.command("opt-out")
@_tenant
@_person
@as_whom
@click.option("--remove", is_flag=True, help="Remove what is kept already, too.")
@shared
@click.pass_obj
def opt_out(asked: Asked, *, tenant: str, source_id: str | None, by: str, remove: bool) -> None:
    """Put on record that a customer, or one person, does not want anything kept."""
    asked.action = lambda output, config: communicating.opt_out(
        output, config, tenant, source_id=source_id, by=by, remove=remove
    )


@communications.command("opt-in")
@_tenant
@_person
@as_whom
@shared
@click.pass_obj
def opt_in(asked: Asked, *, tenant: str, source_id: str | None, by: str) -> None:
    """Take that back."""
    asked.action = lambda output, config: communicating.opt_in(output, config, tenant, source_id=source_id, by=by)


@communications.command()
@_tenant
@click.option("--source-id", metavar="ID", required=True, help="The person's id in the directory.")
@click.option("--as", "employee", metavar="EMPLOYEE", required=True, help="The id of the employee who reads.")
@why
@shared
@click.pass_obj
def read(asked: Asked, *, tenant: str, source_id: str, employee: str, reason: str) -> None:
    """Print what was said to one person, to an employee who has a grant to help them."""
    asked.action = lambda output, config: communicating.read(
        output, config, tenant, source_id=source_id, employee=employee, reason=reason
    )
