"""The commands about vendors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click
from attrs import fields

from smartify_core.policy.vendors import Commitment, ExportForm

from . import _exporting as exporting
from . import _vending as vending
from ._command_line import Asked, as_duration, as_instant, as_whom, group, shared, why

_vendor = click.argument("vendor", metavar="VENDOR")
_path = click.Path(path_type=Path)
_commitments = ", ".join(one.value for one in Commitment)


@group
def vendors() -> None:
    """Who else gets data, what they promised in turn, and the one way in which it goes to them."""


@vendors.command("list")
@shared
@click.pass_obj
def list_vendors(asked: Asked) -> None:
    """Print every vendor with its checklist of commitments."""
    asked.action = vending.listing


@vendors.command()
@click.argument("path", metavar="FILE", type=_path)
@as_whom
@shared
@click.pass_obj
def register(asked: Asked, *, path: Path, by: str) -> None:
    """Keep the vendors of a TOML or JSON file: new ones and changed ones."""
    asked.action = lambda output, config: vending.register(output, config, path, by=by)


@vendors.command()
@_vendor
@as_whom
@click.option(
    "--commitment",
    "commitments",
    metavar="C",
    multiple=True,
    required=True,
    help=f"What it promised; repeatable. One of {_commitments}, or all.",
)
@click.option("--paper", type=_path, metavar="FILE", help="The document that says so; its SHA-256 is kept.")
@click.option("--evidence", metavar="SHA256", help="Or its SHA-256.")
@click.option("--since", metavar="TIME", callback=as_instant, help="From when on (ISO 8601); now when not given.")
@click.option("--until", metavar="TIME", callback=as_instant, required=True, help="The first instant it does not hold.")
@shared
@click.pass_obj
def undertake(
    asked: Asked,
    *,
    vendor: str,
    by: str,
    commitments: tuple[str, ...],
    paper: Path | None,
    evidence: str | None,
    since: datetime | None,
    until: datetime,
) -> None:
    """Put commitments on record that a vendor gave."""
    asked.action = lambda output, config: vending.undertake(
        output,
        config,
        vendor,
        commitments=commitments,
        evidence=evidence,
        paper=paper,
        since=since,
        until=until,
        by=by,
    )


@vendors.command()
@_vendor
@as_whom
@click.option("--commitment", metavar="C", required=True, help=f"What it does not keep: one of {_commitments}.")
@shared
@click.pass_obj
def withdraw(asked: Asked, *, vendor: str, by: str, commitment: str) -> None:
    """Take a commitment out of the register that a vendor does not keep: its exports close."""
    asked.action = lambda output, config: vending.withdraw(output, config, vendor, commitment=commitment, by=by)


@vendors.command()
@_vendor
@as_whom
@click.option("--at", metavar="TIME", callback=as_instant, help="When (ISO 8601); now when not given.")
@shared
@click.pass_obj
def end(asked: Asked, *, vendor: str, by: str, at: datetime | None) -> None:
    """Part with a vendor: nothing goes to it from then on."""
    asked.action = lambda output, config: vending.end(output, config, vendor, ends_at=at, by=by)


@vendors.command()
@_vendor
@as_whom
@click.option("--tenant", "tenants", metavar="T", multiple=True, help="Who was told; repeatable. All when not given.")
@click.option("--at", metavar="TIME", callback=as_instant, help="When (ISO 8601); now when not given.")
@click.option("--agreed", is_flag=True, help="They have agreed, as in a contract that names it: no notice period runs.")
@shared
@click.pass_obj
def announce(
    asked: Asked, *, vendor: str, by: str, tenants: tuple[str, ...], at: datetime | None, agreed: bool
) -> None:
    """Put on record that customers were told of a vendor."""
    asked.action = lambda output, config: vending.announce(
        output, config, vendor, tenants=tenants, told_at=at, agreed=agreed, by=by
    )


@vendors.command("object")
@_vendor
@as_whom
@click.option("--tenant", metavar="T", required=True, help="The customer.")
@shared
@click.pass_obj
def object_to(asked: Asked, *, vendor: str, by: str, tenant: str) -> None:
    """Put on record that a customer objects to a vendor: its exports stay closed for it."""
    asked.action = lambda output, config: vending.objected(output, config, vendor, tenant=tenant, by=by)


@vendors.command()
@click.option("--tenant", "tenants", metavar="T", multiple=True, help="Only this customer; repeatable.")
@shared
@click.pass_obj
def duties(asked: Asked, *, tenants: tuple[str, ...]) -> None:
    """Print which customers have to be told of which vendors, and until when; exit with 1 where that has passed."""
    asked.action = lambda output, config: vending.duties(output, config, tenants=tenants)


@vendors.command()
@click.option(
    "--within", metavar="TIME", callback=as_duration, default="60d", help="How far to look ahead; 60d by default."
)
@shared
@click.pass_obj
def lapses(asked: Asked, *, within: timedelta) -> None:
    """Print which commitments do not hold, or lapse soon; exit with 1 where one does not hold."""
    asked.action = lambda output, config: vending.lapses(output, config, ahead=within)


def _wanted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what shall go to whom."""
    options = (
        _vendor,
        click.option("--tenant", metavar="T", required=True, help="Whose people."),
        click.option("--purpose", metavar="P", required=True, help="What for, such as ServiceProvision."),
        click.option("--fields", metavar="F", multiple=True, required=True, help="Such as email,groups; repeatable."),
        click.option(
            "--consideration",
            type=click.Choice(exporting.CONSIDERATIONS),
            required=True,
            help="What you get for it. Anything but none is a sale, and denied.",
        ),
        click.option(
            "--form",
            type=click.Choice([one.value for one in ExportForm]),
            default=ExportForm.PLAIN.value,
            help="What you make of the fields before they leave; no form needs less than another.",
        ),
    )
    names = [one.name for one in fields(exporting.Wanted)]

    @wraps(command)
    def gathering(**given: object) -> object:
        parts: dict[str, Any] = {name: given.pop(name) for name in names}
        return command(**given, wanted=exporting.Wanted(**parts))

    found: Callable[..., Any] = gathering
    for option in reversed(options):
        found = option(found)
    return found


@vendors.command("why")
@_wanted
@shared
@click.pass_obj
def why_not(asked: Asked, wanted: exporting.Wanted) -> None:
    """Say whether an export would be open, and if not, all that is missing. Opens and records nothing."""
    asked.action = lambda output, config: exporting.why(output, config, wanted)


@vendors.command()
@_wanted
@click.option("--as", "employee", metavar="EMPLOYEE", required=True, help="The id of the employee who exports.")
@why
@click.option("--to", type=_path, metavar="FILE", required=True, help="The file to write.")
@click.option("--source-id", "people", metavar="ID", multiple=True, help="Only this person; repeatable.")
@shared
@click.pass_obj
def export(
    asked: Asked, *, employee: str, reason: str, to: Path, people: tuple[str, ...], wanted: exporting.Wanted
) -> None:
    """Write the fields that a vendor gets, as JSON Lines: whole, or not at all."""
    asked.action = lambda output, config: exporting.export(
        output, config, wanted, employee=employee, reason=reason, to=to, people=people
    )
