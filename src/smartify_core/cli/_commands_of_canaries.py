"""The commands about decoys: whoever touches one opens an incident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from . import _planting as planting
from ._command_line import Asked, as_whom, group, shared


@group
def canary() -> None:
    """Decoys that nobody has a reason to open: their use opens a suspected incident by itself."""


def _decoy(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--employee", metavar="ID", help="Or an employee or service who is nobody."),
        click.option("--grant", metavar="ID", help="Or a grant that nobody has a reason to use."),
        click.option("--account", metavar="ID", help="The account id of a person that nobody has a reason to open."),
        click.option("--tenant", metavar="T", help="The tenant of a decoy account."),
    ):
        command = option(command)
    return command


@canary.command()
@_decoy
@click.option("--note", metavar="TEXT", default="", help="What it is for; kept sealed.")
@as_whom
@shared
@click.pass_obj
def plant(
    asked: Asked,
    *,
    tenant: str | None,
    account: str | None,
    grant: str | None,
    employee: str | None,
    note: str,
    by: str,
) -> None:
    """Make something a decoy."""
    named = planting.Named(tenant, account, grant, employee)
    asked.action = lambda output, config: planting.plant(output, config, named, note=note, by=by)


@canary.command()
@_decoy
@as_whom
@shared
@click.pass_obj
def remove(
    asked: Asked, *, tenant: str | None, account: str | None, grant: str | None, employee: str | None, by: str
) -> None:
    """Let a decoy be none any more."""
    named = planting.Named(tenant, account, grant, employee)
    asked.action = lambda output, config: planting.remove(output, config, named, by=by)


@canary.command("list")
@shared
@click.pass_obj
def list_decoys(asked: Asked) -> None:
    """Print the decoys. Whoever reads that knows how to walk around them."""
    asked.action = planting.listing
