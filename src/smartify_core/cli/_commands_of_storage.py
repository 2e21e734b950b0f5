"""The commands that look after a store as a whole: moving it, checking it, backing it up."""

from __future__ import annotations

from pathlib import Path

import click

from . import _storing as storing
from ._command_line import Asked, shared


@click.group(invoke_without_command=True)
@shared
@click.pass_context
def storage(context: click.Context) -> None:
    """Move, check and back up the store itself."""
    if context.invoked_subcommand is None:
        if context.obj.as_json:
            raise click.UsageError("No command is given.")
        click.echo(context.get_help())


@storage.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@shared
@click.pass_obj
def copy(asked: Asked, source: str, target: str) -> None:
    """Copy a whole store into another, and compare the two: storage URLs, such as sqlite:///FILE."""
    asked.action = lambda output, _: storing.copy(output, source, target)


@storage.command()
@click.argument("url", required=False)
@shared
@click.pass_obj
def check(asked: Asked, url: str | None) -> None:
    """Look for damage and for what contradicts itself: in the store of this URL, or in the configured one."""
    asked.action = lambda output, config: storing.check(output, config, url)


@storage.command()
@click.argument("path", type=click.Path(path_type=Path))
@shared
@click.pass_obj
def backup(asked: Asked, path: Path) -> None:
    """Copy the configured store, as it is at one moment, to a new file, while others use it."""
    asked.action = lambda output, config: storing.backup(output, config, path)
