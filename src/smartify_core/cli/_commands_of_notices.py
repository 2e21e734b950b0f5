"""The commands about notices: what is said, to whom, and that it arrived."""

from __future__ import annotations

from pathlib import Path

import click

from smartify_core.policy.breach import Phase

from . import _notifying as notifying
from . import _reaching as reaching
from ._command_line import Asked, as_id, as_whom, group
from ._command_line import shared as shared_options

_incident = click.argument("incident", metavar="INCIDENT")
_path = click.Path(path_type=Path)


@click.command()
@_incident
@as_whom
@click.option("--known", metavar="FIELD=TEXT", multiple=True, help="What is known; repeatable.")
@click.option(
    "--not-applicable", metavar="FIELD=REASON", multiple=True, help="What does not apply, and why; repeatable."
)
@click.option("--unknown", metavar="FIELD", multiple=True, help="What is not known yet after all; repeatable.")
@click.option("--file", "statement", metavar="FILE", type=_path, help="The same as a TOML file.")
@shared_options
@click.pass_obj
def state(
    asked: Asked,
    *,
    incident: str,
    by: str,
    known: tuple[str, ...],
    not_applicable: tuple[str, ...],
    unknown: tuple[str, ...],
    statement: Path | None,
) -> None:
    """State what is known, to every customer alike. Without an option it prints what is stated."""
    asked.action = lambda output, config: notifying.state(
        output,
        config,
        incident,
        by=by,
        known=known,
        not_applicable=not_applicable,
        unknown=unknown,
        statement=statement,
    )


@click.command()
@_incident
@as_whom
@click.option("--phase", type=click.Choice([one.value for one in Phase]), required=True, help="Which notice.")
@click.option("--tenant", "tenants", metavar="T", multiple=True, help="Only to this customer; repeatable.")
@click.option("--individuals", metavar="TEXT", help="Why whoever does it lists the people, for those who may read it.")
@shared_options
@click.pass_obj
def draft(
    asked: Asked, *, incident: str, by: str, phase: str, tenants: tuple[str, ...], individuals: str | None
) -> None:
    """Write the notices of a phase, one for each customer. Nothing is sent."""
    asked.action = lambda output, config: notifying.draft(
        output, config, incident, by=by, phase=phase, tenants=tenants, individuals=individuals
    )


@click.command()
@_incident
@click.option("--tenant", metavar="T", required=True, help="Whose notice.")
@click.option("--html", is_flag=True, help="As HTML.")
@shared_options
@click.pass_obj
def show(asked: Asked, *, incident: str, tenant: str, html: bool) -> None:
    """Print a customer's latest notice."""
    asked.action = lambda output, config: notifying.show(output, config, incident, tenant=tenant, html=html)


@click.command()
@_incident
@as_whom
@click.option("--digest", metavar="SHA256", help="That of the draft that was read; refused if it is another one.")
@click.option("--later", is_flag=True, help="Only release them: `smartify breach work` sends them.")
@shared_options
@click.pass_obj
def send(asked: Asked, *, incident: str, by: str, digest: str | None, later: bool) -> None:
    """Send the notices that were drafted."""
    asked.action = lambda output, config: notifying.send(output, config, incident, by=by, digest=digest, later=later)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
@shared_options
@click.pass_obj
def work(asked: Asked, *, once: bool) -> None:
    """Send what is due, look at decoys, and say which times come near, until it is stopped."""
    asked.action = lambda output, config: notifying.work(output, config, once=once)


@click.command()
@click.argument("incident", metavar="INCIDENT", required=False)
@click.option("--tenant", metavar="T", help="Who has heard.")
@click.option("--as", "by", metavar="NAME", callback=as_id, help="The id of whoever puts it on record.")
@click.option("--heard-by", metavar="TEXT", help="Who of the customer's said so; kept sealed.")
@click.option("--how", metavar="TEXT", help="How: by phone, in a mail.")
@click.option("--code", metavar="CODE", help="Or the code of the notice: whoever has it has read the notice.")
@shared_options
@click.pass_obj
def acknowledge(
    asked: Asked,
    *,
    incident: str | None,
    tenant: str | None,
    by: str | None,
    heard_by: str | None,
    how: str | None,
    code: str | None,
) -> None:
    """Put on record that a customer has heard."""
    asked.action = lambda output, config: notifying.acknowledge(
        output, config, incident, tenant=tenant, by=by, heard_by=heard_by, how=how, code=code
    )


@click.command()
@_incident
@as_whom
@click.option("--folder", metavar="FOLDER", type=_path, required=True, help="Where; it must not be there yet.")
@click.option("--tenant", metavar="T", help="Only what is this customer's, to be handed to it.")
@shared_options
@click.pass_obj
def export(asked: Asked, *, incident: str, by: str, folder: Path, tenant: str | None) -> None:
    """Write the evidence of an incident: a page to read offline, and JSON with proofs."""
    asked.action = lambda output, config: notifying.export(
        output, config, incident, by=by, folder=folder, tenant=tenant
    )


@click.command()
@click.argument("folder", metavar="FOLDER", type=_path)
@click.option("--key", "vkey", metavar="VKEY", required=True, help="The public key of the trail, as you were given it.")
@shared_options
@click.pass_obj
def check(asked: Asked, *, folder: Path, vkey: str) -> None:
    """Check evidence that was handed over, with the public key of the trail and nothing else."""
    asked.action = lambda output, _: notifying.check(output, folder, vkey=vkey)


@click.command()
@as_whom
@click.option("--tenant", "tenants", metavar="T", multiple=True, help="Only this customer; repeatable.")
@click.option("--force", is_flag=True, help="Those too that were reached not long ago.")
@shared_options
@click.pass_obj
def rehearse(asked: Asked, *, by: str, tenants: tuple[str, ...], force: bool) -> None:
    """Prove that every customer can be reached, with a message that says that it is an exercise."""
    asked.action = lambda output, config: reaching.rehearse(output, config, by=by, tenants=tenants, force=force)


@group
def customers() -> None:
    """Whom each customer wants to be told, how, and by when."""


@customers.command("register")
@click.argument("path", metavar="FILE", type=_path)
@as_whom
@shared_options
@click.pass_obj
def register_customers(asked: Asked, *, path: Path, by: str) -> None:
    """Keep the customers of a TOML or JSON file: new ones and changed ones."""
    asked.action = lambda output, config: reaching.register(output, config, path, by=by)


@customers.command("list")
@shared_options
@click.pass_obj
def list_customers(asked: Asked) -> None:
    """Print every customer's contacts by id, and what is known of whether they can be reached."""
    asked.action = reaching.listing


@customers.command("remove")
@click.option("--tenant", metavar="T", required=True, help="The customer.")
@as_whom
@shared_options
@click.pass_obj
def remove_customer(asked: Asked, *, tenant: str, by: str) -> None:
    """Take a customer's contacts out."""
    asked.action = lambda output, config: reaching.remove(output, config, tenant=tenant, by=by)


@click.command("webhook-key")
@click.option("--id", "name", metavar="NAME", default="default", callback=as_id, help="The name that contacts give.")
@click.option("--shared", is_flag=True, help="A secret that the receiver shares, for libraries that know no other.")
@shared_options
@click.pass_obj
def webhook_key(asked: Asked, *, name: str, shared: bool) -> None:
    """Make a key that webhooks are signed with, beside those there are, and print what the receiver needs."""
    asked.action = lambda output, config: reaching.webhook_key(output, config, name=name, shared=shared)


COMMANDS = (state, draft, show, send, work, acknowledge, export, check, rehearse, customers, webhook_key)
