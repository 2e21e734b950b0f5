"""The commands about what ends, and what must not yet."""

from __future__ import annotations

from datetime import datetime

import click

from . import _ending as ending
from . import _holding as holding
from ._command_line import Asked, as_instant, as_whom, group, shared, why

_tenant = click.option("--tenant", metavar="T", required=True, help="The customer.")
_person = click.option("--source-id", metavar="ID", help="Only this person; the whole customer when not given.")


@group
def hold() -> None:
    """Legal holds: what is under one is not erased, by whatever way it would end."""


@hold.command()
@_tenant
@_person
@as_whom
@why
@click.option("--until", metavar="TIME", callback=as_instant, help="When it ends by itself; when released otherwise.")
@shared
@click.pass_obj
def place(asked: Asked, *, tenant: str, source_id: str | None, by: str, reason: str, until: datetime | None) -> None:
    """Forbid that a person's account ends, or any of the customer's."""
    asked.action = lambda output, config: holding.place(
        output, config, tenant, source_id, by=by, reason=reason, until=until
    )


@hold.command()
@_tenant
@_person
@as_whom
@why
@shared
@click.pass_obj
def release(asked: Asked, *, tenant: str, source_id: str | None, by: str, reason: str) -> None:
    """End a hold: what waited ends with the next run."""
    asked.action = lambda output, config: holding.release(output, config, tenant, source_id, by=by, reason=reason)


@hold.command("list")
@click.option("--tenant", metavar="T", help="Only this customer's.")
@shared
@click.pass_obj
def list_holds(asked: Asked, *, tenant: str | None) -> None:
    """Print the holds: of whom, since when and until when."""
    asked.action = lambda output, config: holding.listing(output, config, tenant)


@click.command()
@click.option("--tenant", metavar="T", help="Only this tenant; all of them when not given.")
@shared
@click.pass_obj
def settle(asked: Asked, *, tenant: str | None) -> None:
    """Write a receipt for every account that has ended, and enter it into the register of endings."""
    asked.action = lambda output, config: ending.settle(output, config, tenant)


@click.command("off-board")
@_tenant
@as_whom
@why
@shared
@click.pass_obj
def off_board(asked: Asked, *, tenant: str, by: str, reason: str) -> None:
    """Erase all that is held of a customer who leaves, for good."""
    asked.action = lambda output, config: ending.off_board(output, config, tenant, by=by, reason=reason)


@click.command()
@as_whom
@why
@shared
@click.pass_obj
def reshred(asked: Asked, *, by: str, reason: str) -> None:
    """After an older store was restored: end again whoever has ended since."""
    asked.action = lambda output, config: ending.reshred(output, config, by=by, reason=reason)


COMMANDS = (hold, settle, off_board, reshred)
