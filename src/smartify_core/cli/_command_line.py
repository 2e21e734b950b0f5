"""What every command of the command line shares: what was asked for, and the options that any of them takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from attrs import define

from smartify_core.errors import UsageError

from . import _exit_codes as exit_codes
from ._config import DEFAULT_FILE
from ._config_table import duration_of
from ._output import Output

_id_like = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch

Action = Callable[[Output, Path], int]


@define
class Asked:
    """What the command line asked for."""

    as_json: bool
    config: Path = DEFAULT_FILE
    verbose: bool = False
    action: Action | None = None


def as_duration(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    """Return what a text such as ``90s``, ``15m``, ``6h`` or ``20d`` means: a callback of options."""
    if value is None:
        return None
    found = duration_of(value)
    if found is None:
        raise click.BadParameter("Write a duration such as 90s, 15m, 6h or 20d.")
    return found


def as_instant(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Return the day or instant in ISO 8601 that a text names, UTC where it names no offset: a callback of options."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("Write a day or time such as 2030-01-31 or 2030-01-31T12:00:00Z.") from None


def as_id(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return an id that can be none of a person's name or address: a callback of options."""
    if value is not None and _id_like(value) is None:
        raise UsageError(
            f"{parameter.opts[0]} takes an id",
            where=parameter.opts[0],
            cure="Use letters, digits and . _ : - only, at most 128, and never a name or an address.",
        )
    return value


def as_reason(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return a reason that says something: a callback of options."""
    if not value.strip():
        raise click.BadParameter("Say why.")
    return value


#: Who does it; whatever changes something asks for it.
as_whom = click.option("--as", "by", metavar="NAME", required=True, callback=as_id, help="The id of whoever does it.")
#: Why it is done, where that is kept.
why = click.option(
    "--reason", metavar="TEXT", required=True, callback=as_reason, help="Why; kept sealed, never shown here again."
)


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that may stand before the command as well as after it."""
    options = (
        click.option(
            "--json",
            is_flag=True,
            expose_value=False,
            help="Print exactly one JSON document on stdout; all else goes to stderr.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(path_type=Path),
            callback=_note_config,
            expose_value=False,
            help=f"The configuration file; {DEFAULT_FILE} by default.",
        ),
        click.option(
            "--verbose",
            "-v",
            is_flag=True,
            callback=_note_verbose,
            expose_value=False,
            help="Log what is done to stderr: ids and counts only.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def group(described: Callable[[], None]) -> click.Group:
    """Make a group of commands with the name and the words of a function. Named alone, it prints its help."""

    def alone(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            if context.obj.as_json:
                raise click.UsageError("No command is given.")
            click.echo(context.get_help())

    alone.__doc__ = described.__doc__
    named = click.group(described.__name__, invoke_without_command=True)
    return named(shared(click.pass_context(alone)))


def _note_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    context.obj.config = value or context.obj.config


def _note_verbose(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    context.obj.verbose = value or context.obj.verbose


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        context.obj.action = _show_version
        context.exit()


@click.group(name="smartify", invoke_without_command=True, context_settings={"help_option_names": ["--help", "-h"]})
@click.option(
    "--version", is_flag=True, is_eager=True, callback=_version, expose_value=False, help="Show the version and stop."
)
@shared
@click.pass_context
def command_line(context: click.Context) -> None:
    """Keep accounts in step with the directories of your customers, and nothing more."""
    if context.invoked_subcommand is None:
        if context.obj.as_json:
            raise click.UsageError("No command is given.")
        click.echo(context.get_help())


def _show_version(output: Output, _: Path) -> int:
    try:
        number = version("smartify-core")
    except PackageNotFoundError:
        number = "unknown: the package is not installed"
    output.line(f"smartify {number}")
    output.document({"version": number})
    return exit_codes.DONE
