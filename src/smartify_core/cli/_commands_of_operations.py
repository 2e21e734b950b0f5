"""The commands with which a person or a service keeps many tenants going."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from . import _adopting as adopting
from . import _applying as applying
from . import _decisions as decisions
from . import _replaying as replaying
from . import _resetting as resetting
from . import _watching as watching
from . import _working as working
from ._command_line import Asked, as_duration, as_instant, shared

_plan_hash = click.option("--plan", "plan_hash", metavar="HASH", required=True, help="The hash of the held plan.")
_by = click.option("--as", "by", metavar="NAME", required=True, help="Who decides; kept sealed with the plan.")
_reason = click.option("--reason", metavar="TEXT", required=True, help="Why; kept sealed with the plan.")
_owner = click.option("--tenant", metavar="T", help="Whose plan it is; found by the hash when not given.")


@click.command()
@_plan_hash
@_by
@_reason
@_owner
@shared
@click.pass_obj
def approve(asked: Asked, plan_hash: str, by: str, reason: str, tenant: str | None) -> None:
    """Do what a held plan says, if the directory still calls for all of it."""
    asked.action = lambda output, config: decisions.approve(
        output, config, tenant, plan_hash=plan_hash, by=by, reason=reason
    )


@click.command()
@_plan_hash
@_by
@_reason
@_owner
@shared
@click.pass_obj
def reject(asked: Asked, plan_hash: str, by: str, reason: str, tenant: str | None) -> None:
    """Drop a held plan. What the directory still calls for is held anew by the next run."""
    asked.action = lambda output, config: decisions.reject(
        output, config, tenant, plan_hash=plan_hash, by=by, reason=reason
    )


@click.command()
@click.option("--tenant", metavar="T", help="Whose plans to list; everybody's when not given.")
@click.option("--plan", "plan_hash", metavar="HASH", help="Show this one, change by change.")
@shared
@click.pass_obj
def held(asked: Asked, tenant: str | None, plan_hash: str | None) -> None:
    """List the plans that guards hold, or show one: ids and reasons only."""
    asked.action = lambda output, config: decisions.held(output, config, tenant, plan_hash=plan_hash)


@click.command()
@click.option("--tenant", metavar="T", required=True, help="Whose history to print.")
@click.option("--account", "account_id", metavar="ID", help="Only what happened to this account.")
@click.option(
    "--since", metavar="TIME", callback=as_instant, help="Only what happened at this time (ISO 8601) or later."
)
@shared
@click.pass_obj
def history(asked: Asked, tenant: str, account_id: str | None, since: datetime | None) -> None:
    """Print every change that was applied, with its evidence: ids and names of fields only."""
    asked.action = lambda output, config: watching.history(output, config, tenant, account_id=account_id, since=since)


@click.command()
@click.option("--tenant", metavar="T", help="The tenant to look at; all of them when not given.")
@click.option(
    "--not-converged-for",
    "limit",
    metavar="TIME",
    callback=as_duration,
    help="Exit with 1 when a tenant has not been in step for longer, such as 24h.",
)
@shared
@click.pass_obj
def status(asked: Asked, tenant: str | None, limit: timedelta | None) -> None:
    """Show each tenant's last run, when it is due next, and what waits for a person."""
    asked.action = lambda output, config: watching.status(output, config, tenant, limit=limit)


@click.command("dead-letters")
@click.option("--tenant", metavar="T", help="Whose events to list; everybody's when not given.")
@click.option("--consumer", metavar="C", help="Only those of this consumer.")
@shared
@click.pass_obj
def dead_letters(asked: Asked, tenant: str | None, consumer: str | None) -> None:
    """List the events that a consumer could not handle and that were given up: ids only."""
    asked.action = lambda output, config: watching.dead_letters(output, config, tenant, consumer=consumer)


@click.command()
@click.option("--every", metavar="TIME", callback=as_duration, help="How often each tenant runs, such as 15m.")
@click.option("--workers", metavar="N", type=click.IntRange(1, 1000), default=4, help="How many tenants at once; 4.")
@click.option("--once", is_flag=True, help="Run what is due now, and stop.")
@shared
@click.pass_obj
def run(asked: Asked, every: timedelta | None, workers: int, once: bool) -> None:  # noqa: FBT001 - click's signature
    """Keep all tenants in step, each when it is due, until told to stop. Any number of hosts may share a store."""
    asked.action = lambda output, config: working.run(output, config, every=every, workers=workers, once=once)


@click.command()
@click.option("--tenant", metavar="T", required=True, help="Whose directory it is.")
@click.option("--source-id", metavar="ID", required=True, help="The person's id in the directory.")
@shared
@click.pass_obj
def refresh(asked: Asked, tenant: str, source_id: str) -> None:
    """Bring one person in step, by asking the directory for them alone."""
    asked.action = lambda output, config: working.refresh(output, config, tenant, source_id)


@click.command()
@click.option("--tenant", metavar="T", required=True, help="Whose people they are.")
@click.option(
    "--users",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help='The users whom the host has: JSON Lines, each {"id": ..., "email": ...}.',
)
@click.option("--domain", "domains", metavar="D", required=True, multiple=True, help="A verified domain; repeatable.")
@click.option("--plan-only", is_flag=True, help="Only say what would be done.")
@shared
@click.pass_obj
def adopt(asked: Asked, tenant: str, users: Path, domains: Sequence[str], plan_only: bool) -> None:  # noqa: FBT001 - click's signature
    """Run a tenant whose people the host knows already, and link them by address."""
    asked.action = lambda output, config: adopting.adopt(output, config, tenant, users, domains, plan_only=plan_only)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tenant", metavar="T", required=True, help="Whose recording it is.")
@shared
@click.pass_obj
def replay(asked: Asked, file: Path, tenant: str) -> None:
    """Show the plan that a recorded read leads to, against the store as it is. Writes nothing."""
    asked.action = lambda output, config: replaying.replay(output, config, tenant, file)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tenant", metavar="T", required=True, help="Whose plan it is.")
@shared
@click.pass_obj
def apply(asked: Asked, file: Path, tenant: str) -> None:
    """Do exactly what a plan says that was saved, if the store has not changed since."""
    asked.action = lambda output, config: applying.apply(output, config, tenant, file)


@click.command("reset-clock")
@click.option("--tenant", metavar="T", required=True, help="The tenant to bring back.")
@click.option("--as", "by", metavar="NAME", required=True, help="Who decides; kept sealed.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept sealed.")
@shared
@click.pass_obj
def reset_clock(asked: Asked, tenant: str, by: str, reason: str) -> None:
    """Bring back to now what a worker whose clock ran ahead left on record."""
    asked.action = lambda output, config: resetting.reset_clock(output, config, tenant, by=by, reason=reason)


#: Every command of this page.
COMMANDS: Final = (
    apply,
    approve,
    reject,
    held,
    history,
    status,
    dead_letters,
    run,
    refresh,
    adopt,
    replay,
    reset_clock,
)
