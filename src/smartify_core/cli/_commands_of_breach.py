"""The commands about breaches: the life of an incident, and what it may have done."""

from __future__ import annotations

from datetime import datetime

import click

from smartify_core.policy.breach import Nature

from . import _breaching as breaching
from ._command_line import Asked, as_instant, as_whom, group, shared, why
from ._commands_of_canaries import canary
from ._commands_of_notices import COMMANDS as NOTICES
from ._scoping import Scoped, scoped

_incident = click.argument("incident", metavar="INCIDENT")
_natures = ", ".join(one.value for one in Nature)


@group
def breach() -> None:
    """From the first signal of a breach to the proof that every affected customer has heard."""


@breach.command("open")
@as_whom
@click.option("--signal", metavar="TEXT", required=True, help="What was noticed; kept sealed.")
@click.option(
    "--at", metavar="TIME", callback=as_instant, help="When it was noticed first (ISO 8601); now if not given."
)
@click.option(
    "--nature",
    "natures",
    type=click.Choice([one.value for one in Nature]),
    multiple=True,
    help=f"What may be violated; repeatable. One of {_natures}; confidentiality when not given.",
)
@scoped
@shared
@click.pass_obj
def open_incident(
    asked: Asked, *, by: str, signal: str, at: datetime | None, natures: tuple[str, ...], scoped: Scoped
) -> None:
    """Put a breach on record, or what may be one: a suspicion is enough."""
    asked.action = lambda output, config: breaching.open_incident(
        output, config, by=by, signal=signal, noticed_at=at, natures=natures, scopes=scoped.scopes()
    )


@breach.command()
@_incident
@as_whom
@why
@click.option("--at", metavar="TIME", callback=as_instant, help="When that was decided (ISO 8601); now when not given.")
@shared
@click.pass_obj
def aware(asked: Asked, *, incident: str, by: str, reason: str, at: datetime | None) -> None:
    """Decide that it is a breach, or may well be one: the clocks of notices run from then."""
    asked.action = lambda output, config: breaching.aware(output, config, incident, by=by, reason=reason, decided_at=at)


@breach.command()
@_incident
@as_whom
@why
@click.option("--instead", is_flag=True, help="In place of what was in scope before, and not beside it.")
@scoped
@shared
@click.pass_obj
def scope(asked: Asked, *, incident: str, by: str, reason: str, instead: bool, scoped: Scoped) -> None:
    """Say where else it may have reached. Assess it again then."""
    asked.action = lambda output, config: breaching.scope(
        output, config, incident, by=by, reason=reason, instead=instead, scopes=scoped.scopes()
    )


@breach.command()
@_incident
@as_whom
@shared
@click.pass_obj
def assess(asked: Asked, *, incident: str, by: str) -> None:
    """Find out from the store and the audit trail who may be affected, and who is not."""
    asked.action = lambda output, config: breaching.assess(output, config, incident, by=by)


@breach.command()
@_incident
@click.option("--also-unaffected", is_flag=True, help="Those who are not affected as well.")
@click.option("--subjects", metavar="T", help="The accounts of this tenant that may be concerned, by id.")
@shared
@click.pass_obj
def impact(asked: Asked, *, incident: str, also_unaffected: bool, subjects: str | None) -> None:
    """Print tenant by tenant what the latest assessment found."""
    asked.action = lambda output, config: breaching.impact(
        output, config, incident, also_unaffected=also_unaffected, subjects=subjects
    )


@breach.command()
@_incident
@as_whom
@why
@shared
@click.pass_obj
def confirm(asked: Asked, *, incident: str, by: str, reason: str) -> None:
    """Confirm the impact that was assessed."""
    asked.action = lambda output, config: breaching.confirm(output, config, incident, by=by, reason=reason)


@breach.command()
@_incident
@as_whom
@why
@click.option("--until", metavar="TIME", callback=as_instant, help="Until when notices wait.")
@click.option("--ordered-by", metavar="TEXT", help="Which authority asked for it, and its reference.")
@click.option("--lift", is_flag=True, help="The authority has lifted it.")
@shared
@click.pass_obj
def hold(
    asked: Asked,
    *,
    incident: str,
    by: str,
    reason: str,
    until: datetime | None,
    ordered_by: str | None,
    lift: bool,
) -> None:
    """Let notices wait because law enforcement asked for it, until a day."""
    asked.action = lambda output, config: breaching.hold(
        output, config, incident, by=by, reason=reason, until=until, ordered_by=ordered_by, lift=lift
    )


@breach.command()
@_incident
@as_whom
@click.option("--text", metavar="TEXT", required=True, help="What is to be known; kept sealed.")
@click.option("--tenant", metavar="T", help="Which customer it is about, if it is about one.")
@shared
@click.pass_obj
def note(asked: Asked, *, incident: str, by: str, text: str, tenant: str | None) -> None:
    """Add something to the timeline."""
    asked.action = lambda output, config: breaching.note(output, config, incident, by=by, text=text, tenant=tenant)


@breach.command()
@_incident
@as_whom
@why
@click.option("--phase", type=click.Choice(["first", "update", "final"]), required=True, help="Whose time was missed.")
@click.option("--tenant", metavar="T", help="Only for this customer; for all of them when not given.")
@shared
@click.pass_obj
def explain(asked: Asked, *, incident: str, by: str, reason: str, phase: str, tenant: str | None) -> None:
    """Say why a notice was late."""
    asked.action = lambda output, config: breaching.explain(
        output, config, incident, by=by, reason=reason, phase=phase, tenant=tenant
    )


@breach.command()
@_incident
@as_whom
@why
@shared
@click.pass_obj
def dismiss(asked: Asked, *, incident: str, by: str, reason: str) -> None:
    """Decide that it was none, or reached nobody: it stays on record as a near miss."""
    asked.action = lambda output, config: breaching.dismiss(output, config, incident, by=by, reason=reason)


@breach.command()
@_incident
@as_whom
@why
@click.option("--despite", is_flag=True, help="Although somebody could not be reached; the reason says why.")
@shared
@click.pass_obj
def close(asked: Asked, *, incident: str, by: str, reason: str, despite: bool) -> None:
    """End an incident, once every customer has had its final notice."""
    asked.action = lambda output, config: breaching.close(
        output, config, incident, by=by, reason=reason, despite=despite
    )


@breach.command()
@click.argument("incident", metavar="[INCIDENT]", required=False)
@shared
@click.pass_obj
def status(asked: Asked, *, incident: str | None) -> None:
    """Print what is due when, what was missed, and who has heard."""
    asked.action = lambda output, config: breaching.status(output, config, incident)


for _command in (*NOTICES, canary):
    breach.add_command(_command)
