"""The commands about the request log: what is in it, whether it is sound, and what is too old.

What they do is imported when they do it, so that no other command waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ._command_line import Asked, shared
from ._log_times import LogPeriod, When, as_offset, as_when
from ._output import Output

_directory = click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the log is; the configured directory when not given.",
)
_offset = click.option(
    "--offset",
    metavar="OFFSET",
    default="UTC",
    callback=as_offset,
    help="By which clock days and hours are told, such as +01:00; UTC when not given.",
)


def _period(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a log and a time of it; the command is handed them as one."""

    @wraps(command)
    def collected(
        *,
        directory: Path | None,
        since: When | None,
        until: When | None,
        offset: int,
        **others: Any,  # noqa: ANN401 - whatever else the command takes
    ) -> Any:  # noqa: ANN401 - and returns
        return command(log=LogPeriod(directory, since, until, offset), **others)

    since = click.option("--since", metavar="WHEN", callback=as_when, help="Only from then on: a day, a time, or 7d.")
    until = click.option("--until", metavar="WHEN", callback=as_when, help="Only before then.")
    for option in (_offset, until, since, _directory):
        collected = option(collected)
    return collected


@click.group(invoke_without_command=True)
@shared
@click.pass_context
def logs(context: click.Context) -> None:
    """Look into the request log, check it, and let go of what is too old."""
    if context.invoked_subcommand is None:
        if context.obj.as_json:
            raise click.UsageError("No command is given.")
        click.echo(context.get_help())


@logs.command()
@_period
@shared
@click.pass_obj
def summary(asked: Asked, log: LogPeriod) -> None:
    """Tell what is in the log: trends, features, errors, browsers, and what is missing."""

    def act(output: Output, config: Path) -> int:
        from . import _requestlogs as requestlogs  # noqa: PLC0415 - see above

        return requestlogs.summary(output, config, log)

    asked.action = act


@logs.command()
@click.option(
    "--output",
    "path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the report; one that is there is replaced.",
)
@click.option("--title", metavar="TEXT", default="Requests", help="The title of the report.")
@_period
@shared
@click.pass_obj
def report(asked: Asked, log: LogPeriod, path: Path, title: str) -> None:
    """Write a report with charts: one HTML file that needs no network and no script."""

    def act(output: Output, config: Path) -> int:
        from . import _requestlogs as requestlogs  # noqa: PLC0415 - see above

        return requestlogs.report(output, config, log, path=path, title=title)

    asked.action = act


@logs.command()
@click.option("-n", "count", metavar="N", type=click.IntRange(0, 1_000_000), default=10, help="How many; 10.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until stopped.")
@_directory
@_offset
@shared
@click.pass_obj
def tail(asked: Asked, count: int, follow: bool, directory: Path | None, offset: int) -> None:  # noqa: FBT001 - click's signature
    """Print the last requests, by time, over all files."""

    def act(output: Output, config: Path) -> int:
        from . import _tailing as tailing  # noqa: PLC0415 - see above

        return tailing.tail(output, config, directory, count=count, follow=follow, offset=offset)

    asked.action = act


@logs.command()
@_directory
@shared
@click.pass_obj
def check(asked: Asked, directory: Path | None) -> None:
    """Read every line strictly, and tell of each that is no line of the log: file and line, never its content."""

    def act(output: Output, config: Path) -> int:
        from . import _checking_logs as checking  # noqa: PLC0415 - see above

        return checking.check(output, config, directory)

    asked.action = act


@logs.command()
@_directory
@shared
@click.pass_obj
def pack(asked: Asked, directory: Path | None) -> None:
    """Pack the days that are over into files a twentieth of the size, which are much quicker to ask."""

    def act(output: Output, config: Path) -> int:
        from . import _keeping_logs as keeping  # noqa: PLC0415 - see above

        return keeping.pack(output, config, directory)

    asked.action = act


@logs.command()
@click.option(
    "--keep-days", metavar="N", type=click.IntRange(1, 36_500), help="How long to keep a file; as configured."
)
@click.option("--cells", is_flag=True, help="Keep the trends of what goes: sums, without addresses.")
@click.option("--plan-only", is_flag=True, help="Only say what would be deleted.")
@_directory
@shared
@click.pass_obj
def expire(asked: Asked, *, keep_days: int | None, cells: bool, plan_only: bool, directory: Path | None) -> None:
    """Delete files that have been kept long enough, and note what they held."""
    keep = None if keep_days is None else timedelta(days=keep_days)

    def act(output: Output, config: Path) -> int:
        from . import _keeping_logs as keeping  # noqa: PLC0415 - see above

        return keeping.expire(output, config, directory, keep=keep, cells=cells, plan_only=plan_only)

    asked.action = act
