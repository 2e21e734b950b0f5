"""The command line: what may be said, and which action it stands for.

Parsing does nothing; `run` then does the one thing asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from attrs import define

from smartify_core.errors import SmartifyError, UsageError

from . import _actions as actions
from . import _exit_codes as exit_codes
from ._config import DEFAULT_FILE
from ._logs import set_up
from ._output import Output
from ._signals import Stopped, stoppable

_Action = Callable[[Output, Path], int]


@define
class _Asked:
    """What the command line asked for."""

    as_json: bool
    config: Path = DEFAULT_FILE
    verbose: bool = False
    action: _Action | None = None


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
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
@_shared
@click.pass_context
def command_line(context: click.Context) -> None:
    """Keep accounts in step with the directories of your customers, and nothing more."""
    if context.invoked_subcommand is None:
        if context.obj.as_json:
            raise click.UsageError("No command is given.")
        click.echo(context.get_help())


@command_line.command()
@click.option("--people", type=click.IntRange(min=20), metavar="N", help="How many people the sample directory has.")
@_shared
@click.pass_obj
def demo(asked: _Asked, people: int | None) -> None:
    """Play the whole story on a sample directory, offline, in the current folder."""
    asked.action = lambda output, _: actions.demo(output, people)


@command_line.command()
@_shared
@click.pass_obj
def init(asked: _Asked) -> None:
    """Write a configuration that explains itself, and a key file."""
    asked.action = actions.init


@command_line.command()
@click.option("--tenant", metavar="T", required=True, help="The tenant to look at.")
@_shared
@click.pass_obj
def plan(asked: _Asked, tenant: str) -> None:
    """Show what a sync would do, and why. Writes nothing."""
    asked.action = lambda output, config: actions.plan(output, config, tenant)


@command_line.command()
@click.option("--tenant", metavar="T", help="The tenant to sync; all of them when not given.")
@_shared
@click.pass_obj
def sync(asked: _Asked, tenant: str | None) -> None:
    """Bring accounts in step with their directory."""
    asked.action = lambda output, config: actions.sync(output, config, tenant)


@command_line.command()
@click.option("--tenant", metavar="T", required=True, help="The tenant whose accounts to print.")
@_shared
@click.pass_obj
def accounts(asked: _Asked, tenant: str) -> None:
    """Print the accounts of a tenant, opened."""
    asked.action = lambda output, config: actions.accounts(output, config, tenant)


def run(arguments: Sequence[str]) -> int:
    """Do what the command line ``arguments`` ask for and return the exit code.

    Says whatever there is to say, also about failures.
    """
    # Looked for by hand, because a mistake in the command line itself must be reported the way that was asked for.
    output = Output(as_json="--json" in arguments)
    try:
        with stoppable():
            code = _run(output, arguments)
            output.flush()
            return code
    except BrokenPipeError:
        # Whoever read stdout has had enough. Python would complain once more while it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.BROKEN_PIPE
    except Stopped as stopped:
        output.fail(SmartifyError("stopped on request", cure="What was committed stays; run it again to go on."))
        output.flush()
        return stopped.exit_code


def _run(output: Output, arguments: Sequence[str]) -> int:
    asked = _Asked(output.as_json)
    try:
        code = command_line.main(list(arguments), prog_name="smartify", standalone_mode=False, obj=asked)
        if asked.action is None:
            return int(code or exit_codes.DONE)
        set_up(verbose=asked.verbose)
        return asked.action(output, asked.config)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "smartify"
        failure: SmartifyError = UsageError(
            error.format_message().rstrip("."), where="command line", cure=f"See: {command} --help"
        )
    except SmartifyError as error:
        failure = error
    output.fail(failure)
    return exit_codes.of_error(failure)


def _show_version(output: Output, _: Path) -> int:
    try:
        number = version("smartify-core")
    except PackageNotFoundError:
        number = "unknown: the package is not installed"
    output.line(f"smartify {number}")
    output.document({"version": number})
    return exit_codes.DONE
