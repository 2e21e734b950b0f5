"""The commands about the audit trail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from . import _auditing as auditing
from ._command_line import Asked, as_instant, group, shared

_path = click.Path(path_type=Path)


@group
def audit() -> None:
    """Who opened what, when and why: the record, and the proof of it."""


@audit.command()
@click.option("--anchor", "anchors", type=_path, metavar="NOTE", multiple=True, help="A checkpoint kept elsewhere.")
@shared
@click.pass_obj
def verify(asked: Asked, *, anchors: tuple[Path, ...]) -> None:
    """Work the whole trail out anew, and say how far it is protected, and never more than that."""
    asked.action = lambda output, config: auditing.verified(output, config, anchors=anchors)


@audit.command()
@click.option("--to", type=_path, metavar="NOTE", help="Keep the signed note there: where the store's operator is not.")
@shared
@click.pass_obj
def checkpoint(asked: Asked, *, to: Path | None) -> None:
    """Sign how far the trail has come, and show it to the witnesses. Refused over a broken trail."""
    asked.action = lambda output, config: auditing.checkpoint(output, config, to=to)


@audit.command()
@click.option("--tenant", metavar="T", required=True, help="The customer whose own entries are written.")
@click.option("--to", type=_path, metavar="FILE", required=True, help="The file to write.")
@click.option("--kept", type=_path, metavar="NOTE", help="A checkpoint of an earlier export that the customer has.")
@shared
@click.pass_obj
def export(asked: Asked, *, tenant: str, to: Path, kept: Path | None) -> None:
    """Write a customer's entries with proofs: who opened what of its people, when, and what for."""
    asked.action = lambda output, config: auditing.exported(output, config, tenant, to=to, kept=kept)


@audit.command("list")
@click.option("--tenant", metavar="T", help="Only what concerns this tenant.")
@click.option("--since", metavar="TIME", callback=as_instant, help="Only what happened then (ISO 8601) or later.")
@click.option("--kind", metavar="KIND", help="Only entries of this kind, such as access.denied.")
@shared
@click.pass_obj
def list_entries(asked: Asked, *, tenant: str | None, since: datetime | None, kind: str | None) -> None:
    """Print entries of the trail: ids and codes only."""
    asked.action = lambda output, config: auditing.listing(output, config, tenant=tenant, since=since, kind=kind)


@audit.command()
@click.argument("place", type=click.IntRange(min=0))
@click.option("--as", "by", metavar="EMPLOYEE", required=True, help="Who reads it: somebody who may approve grants.")
@shared
@click.pass_obj
def reason(asked: Asked, *, place: int, by: str) -> None:
    """Print why something was opened, by the place of the opening in the trail."""
    asked.action = lambda output, config: auditing.reason(output, config, place, by=by)


@audit.command("reset-clock")
@click.option("--as", "by", metavar="NAME", required=True, help="The id of whoever does it.")
@shared
@click.pass_obj
def reset_clock(asked: Asked, *, by: str) -> None:
    """Bring the trail's time back to this clock, after another host's ran ahead. Make sure that this one is right."""
    asked.action = lambda output, config: auditing.reset_clock(output, config, by=by)


@audit.command()
@click.option("--rotate", is_flag=True, help="Sign with a new key from now on; the old one vouches for it.")
@shared
@click.pass_obj
def key(asked: Asked, *, rotate: bool) -> None:
    """Print the public key of the trail: give it to customers and witnesses, once."""
    asked.action = lambda output, config: auditing.key(output, config, rotate=rotate)


@audit.command()
@shared
@click.pass_obj
def verifier(asked: Asked) -> None:
    """Print the program with which a customer checks an export offline."""
    asked.action = auditing.verifier
