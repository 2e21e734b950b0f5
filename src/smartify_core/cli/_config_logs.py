"""The request log as a configuration file writes of it. The commands about it need no other part of the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.errors import ConfigInvalid

from ._config_table import Table, parse

#: The keys of ``[logs]``.
LOGS: Final = frozenset({"directory", "keep_days", "k"})
_DIRECTORY: Final = "logs"
_LONGEST: Final = 36_500
_LARGEST_FLOOR: Final = 1_000_000


@frozen(order=False)
class LogSettings:
    """Where the request log is, how long it is kept, and how rare a value may be that a report names.

    Attributes:
        directory: The directory that it is written to, absolute.
        keep: How long a file is kept.
        k: From how many networks a value of the sender's equipment must have been seen.
    """

    directory: Path
    keep: timedelta = timedelta(days=30)
    k: int = 5


def load_logs(file: Path, *, needed: bool) -> LogSettings:
    """Read what the configuration at ``file`` says of the request log, and nothing else of it.

    Args:
        file: The configuration.
        needed: Whether there must be one. Where there is none, the defaults hold, in the file's folder.

    Raises:
        ConfigInvalid: It is missing though needed, unreadable, not TOML, or its table ``[logs]`` is wrong.
    """
    if not needed and not file.exists():
        return LogSettings(file.absolute().parent / _DIRECTORY)
    return logs_of(Table(parse(file), file, ()))


def logs_of(document: Table) -> LogSettings:
    """Return what a whole configuration says of the request log.

    Raises:
        ConfigInvalid: Its table ``[logs]`` has an unknown key, or a value of the wrong kind or out of its range.
    """
    directory = document.file.absolute().parent / _DIRECTORY
    table = document.optional("logs", document.table)
    if table is None:
        return LogSettings(directory)
    table.only(LOGS)
    return LogSettings(
        table.given("directory", table.path, directory),
        timedelta(days=_within(table, "keep_days", 30, _LONGEST)),
        _within(table, "k", 5, _LARGEST_FLOOR),
    )


def _within(table: Table, key: str, default: int, most: int) -> int:
    value = table.given(key, table.count, default)
    if value > most:
        raise _too_much(table, key, most)
    return value


def _too_much(table: Table, key: str, most: int) -> ConfigInvalid:
    return table.wrong("a number is out of its range", f"It must be from 1 to {most}.", key)
