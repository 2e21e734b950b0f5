"""The commands about keys."""

from __future__ import annotations

from datetime import datetime

import click

from . import _keying as keying
from ._command_line import Asked, as_instant, as_whom, group, shared

_tenant = click.option("--tenant", metavar="T", help="Only this tenant; all of them, and policy, when not given.")


@group
def keys() -> None:
    """The keys that everything is sealed under: which there are, new ones, and taking old ones out."""


@keys.command()
@shared
@click.pass_obj
def create(asked: Asked) -> None:
    """Make the file that [keys] names: a key file, or the one of the keys that a KMS guards."""
    asked.action = keying.create


@keys.command("list")
@shared
@click.pass_obj
def list_keys(asked: Asked) -> None:
    """Print the names of the keys, which of them wraps, and how much is under each."""
    asked.action = keying.listing


@keys.command()
@click.option("--tenant", metavar="T", help="With a KMS, only this tenant's key. A key file has one for all.")
@as_whom
@shared
@click.pass_obj
def rotate(asked: Asked, *, tenant: str | None, by: str) -> None:
    """Add a key that wraps from now on. What was wrapped before still opens."""
    asked.action = lambda output, config: keying.rotate(output, config, tenant, by=by)


@keys.command()
@_tenant
@as_whom
@shared
@click.pass_obj
def rewrap(asked: Asked, *, tenant: str | None, by: str) -> None:
    """Move everything to the newest key. Stopped, it goes on where it was when it is run again."""
    asked.action = lambda output, config: keying.rewrap(output, config, tenant, by=by)


@keys.command()
@_tenant
@as_whom
@click.option(
    "--before",
    metavar="TIME",
    callback=as_instant,
    help="What was last written before (ISO 8601); now when not given.",
)
@shared
@click.pass_obj
def reseal(asked: Asked, *, tenant: str | None, by: str, before: datetime | None) -> None:
    """Seal everything anew under fresh data keys: for when one may have become known."""
    asked.action = lambda output, config: keying.reseal(output, config, tenant, before=before, by=by)


@keys.command()
@click.argument("key", metavar="KEY")
@as_whom
@shared
@click.pass_obj
def retire(asked: Asked, *, key: str, by: str) -> None:
    """Take an old key out, so that nothing opens under it again. Refused while anything is under it."""
    asked.action = lambda output, config: keying.retire(output, config, key, by=by)
