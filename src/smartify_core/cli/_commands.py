"""The command line: what may be said, and which action it stands for.

Parsing does nothing; `run` then does the one thing asked for.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from smartify_core.errors import OutputFailed, SmartifyError, UsageError
from smartify_core.errors import Stopped as StoppedError

from . import _actions as actions
from . import _commands_of_audit as audit
from . import _commands_of_breach as breach
from . import _commands_of_communications as communications
from . import _commands_of_endings as endings
from . import _commands_of_keys as keys
from . import _commands_of_logs as logs
from . import _commands_of_operations as operations
from . import _commands_of_policy as policy
from . import _commands_of_storage as storage
from . import _commands_of_vendors as vendors
from . import _doctoring as doctoring
from . import _exit_codes as exit_codes
from . import _showing as showing
from ._command_line import Asked, command_line, shared
from ._logs import set_up
from ._output import STDOUT, Output
from ._signals import Stopped, stoppable

__all__ = ["command_line", "run"]

for _command in (
    *operations.COMMANDS,
    storage.storage,
    logs.logs,
    policy.employee,
    policy.grant,
    audit.audit,
    vendors.vendors,
    communications.communications,
    keys.keys,
    *endings.COMMANDS,
    breach.breach,
):
    command_line.add_command(_command)


@command_line.command()
@click.option("--people", type=click.IntRange(min=20), metavar="N", help="How many people the sample directory has.")
@shared
@click.pass_obj
def demo(asked: Asked, people: int | None) -> None:
    """Play the whole story on a sample directory, offline, in the current folder."""
    asked.action = lambda output, _: actions.demo(output, people)


@command_line.command()
@shared
@click.pass_obj
def init(asked: Asked) -> None:
    """Write a configuration that explains itself, and a key file."""
    asked.action = actions.init


@command_line.command()
@click.option("--tenant", metavar="T", required=True, help="The tenant to look at.")
@click.option(
    "--record", metavar="FILE", type=click.Path(path_type=Path), help="Keep what was read, sealed, to be replayed."
)
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path), help="Keep the plan, sealed, to be applied.")
@shared
@click.pass_obj
def plan(asked: Asked, tenant: str, record: Path | None, save: Path | None) -> None:
    """Show what a sync would do, and why. Writes nothing to the store."""
    asked.action = lambda output, config: actions.plan(output, config, tenant, record=record, save=save)


@command_line.command()
@click.option("--tenant", metavar="T", help="The tenant to sync; all of them when not given.")
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep what was read, sealed, to be replayed; needs --tenant.",
)
@shared
@click.pass_obj
def sync(asked: Asked, tenant: str | None, record: Path | None) -> None:
    """Bring accounts in step with their directory."""
    if record is not None and tenant is None:
        raise click.UsageError("One tenant is recorded at a time: --record needs --tenant.")
    asked.action = lambda output, config: actions.sync(output, config, tenant, record=record)


@command_line.command()
@click.option("--tenant", metavar="T", required=True, help="The tenant whose accounts to print.")
@click.option("--as", "employee", metavar="EMPLOYEE", required=True, help="The id of the employee who looks.")
@click.option("--purpose", metavar="P", required=True, help="What for, such as ServiceProvision.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept sealed in the audit trail.")
@click.option("--fields", metavar="F", multiple=True, help="Only these, such as email,groups; repeatable.")
@click.option("--source-id", "people", metavar="ID", multiple=True, help="Only this person; repeatable.")
@shared
@click.pass_obj
def accounts(
    asked: Asked,
    *,
    tenant: str,
    employee: str,
    purpose: str,
    reason: str,
    fields: tuple[str, ...],
    people: tuple[str, ...],
) -> None:
    """Print the accounts of a tenant, opened, to an employee who may see them."""
    asked.action = lambda output, config: showing.accounts(
        output, config, tenant, employee=employee, purpose=purpose, reason=reason, fields=fields, people=people
    )


@command_line.command()
@shared
@click.pass_obj
def doctor(asked: Asked) -> None:
    """Say, sentence by sentence of the clause, what is enforced here, what is not, and the cure."""
    asked.action = doctoring.doctor


def run(arguments: Sequence[str]) -> int:
    """Do what the command line ``arguments`` ask for and return the exit code.

    Says whatever there is to say, also about failures.
    """
    # Looked for by hand, because a mistake in the command line itself must be reported the way that was asked for.
    output = Output(as_json="--json" in arguments)
    try:
        with stoppable():
            try:
                code = _run(output, arguments)
            except Stopped as stopped:  # within, so that a second signal does not cut off what there is to say
                output.fail(StoppedError("stopped on request", cure="What was committed stays; run it again to go on."))
                code = stopped.exit_code
            output.flush()
            return code
    except BrokenPipeError:
        _leave_stdout_alone()
        return exit_codes.BROKEN_PIPE
    except OutputFailed as error:
        _leave_stdout_alone()
        output.lament(error)
        return exit_codes.FAILED
    except Stopped as stopped:  # just before the others, with everything said
        return stopped.exit_code


def _without_values(message: str) -> str:
    """Return a message of the parser in one line, without what was typed: it may be a name, or a reason unquoted."""
    line = " ".join(message.split()).rstrip(".")
    line = re.sub(r"(unexpected extra arguments?) \(.*\)", r"\1", line)
    return re.sub(r"(Invalid value for [^:]+: )'.*?' is not", r"\1what was given is not", line)


def _leave_stdout_alone() -> None:
    """See to it that Python does not complain once more about a stream that takes nothing, while it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(output: Output, arguments: Sequence[str]) -> int:
    asked = Asked(output.as_json)
    try:
        code = command_line.main(list(arguments), prog_name="smartify", standalone_mode=False, obj=asked)
        if asked.action is None:
            return int(code or exit_codes.DONE)
        set_up(verbose=asked.verbose)
        return asked.action(output, asked.config)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "smartify"
        failure: SmartifyError = UsageError(
            _without_values(error.format_message()), where="command line", cure=f"See: {command} --help"
        )
    except OutputFailed as error:
        if error.where == STDOUT:
            raise
        failure = error  # a file that a command was to write: that can still be told
    except SmartifyError as error:
        failure = error
    output.fail(failure)
    return exit_codes.of_error(failure)
