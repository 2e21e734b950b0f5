"""What a host decides about its files. Every mistake in it is told when the sink is made, none at a request."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.model import Clock
from smartify_core.requestlog._event._note import Record
from smartify_core.requestlog._sinks._mappings import line_of

from ._opened import CAN_LOCK

#: What a file's mode may say at most, and what it says at least.
WIDEST: Final = 0o640
NARROWEST: Final = 0o600
#: The mode of directories that are made here.
DIRECTORY_MODE: Final = 0o750
_LEAST_BYTES: Final = 4_096
_LONGEST_PAUSE: Final = 60.0
_LEAST_PERIOD: Final = timedelta(minutes=1)
_MOST_WAITING: Final = 1_000_000

Keys = Literal["smartify", "ecs", "otel"]


@frozen(order=False, kw_only=True)
class Settings:
    """The arguments of `JsonLinesFile`, checked."""

    directory: Path
    rotate_bytes: int
    rotate_every: timedelta
    keep: timedelta
    keep_bytes: int | None
    compress: bool
    mode: int
    queue: int
    flush_every: float
    keys: Keys
    now: Clock

    def __attrs_post_init__(self) -> None:
        if not CAN_LOCK:
            raise UsageError(
                "this system cannot tell which log files are in use",
                where="JsonLinesFile",
                cure="Run on a POSIX system, or write a sink of your own.",
            )
        _whole("rotate_bytes", self.rotate_bytes, _LEAST_BYTES)
        _span("rotate_every", self.rotate_every)
        _span("keep", self.keep)
        if self.keep < self.rotate_every:
            raise wrong("keep", "is no shorter than rotate_every, or files would expire while they are written")
        if self.keep_bytes is not None:
            check_keep_bytes(self.keep_bytes, self.rotate_bytes)
        if type(self.compress) is not bool:
            raise wrong("compress", "is True or False")
        check_mode(self.mode)
        _whole("queue", self.queue, 1, _MOST_WAITING)
        pause: object = self.flush_every
        if type(pause) not in {int, float} or not 0 < self.flush_every <= _LONGEST_PAUSE:
            raise wrong("flush_every", f"is more than 0 and at most {_LONGEST_PAUSE:.0f} seconds")
        if self.keys not in {"smartify", "ecs", "otel"}:
            raise wrong("keys", "is one of smartify, ecs, otel")
        check_now(self.now)
        _prepare(self.directory)

    @property
    def line(self) -> Callable[[Record], bytes]:
        """What makes a line of a record, under the keys that were chosen."""
        return line_of(self.keys)

    def period(self, instant: datetime) -> int:
        """Return the number of the period of rotation in which an instant lies, counted from 1970 UTC."""
        return (instant - _EPOCH) // self.rotate_every


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def absolute(directory: str | os.PathLike[str]) -> Path:
    """Return where a directory is, whatever directory the process works in later.

    Raises:
        UsageError: It is no name of a directory.
    """
    given: object = directory
    name: object = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(name, str) or not name or "\0" in name:
        raise wrong("directory", "is the path of a directory")
    return Path(os.path.abspath(name))  # noqa: PTH100 - Path.absolute keeps "..", which a link would lead elsewhere


def check_mode(mode: object) -> None:
    """Raise `UsageError` unless files may have this mode."""
    if type(mode) is not int or mode & ~WIDEST or mode & NARROWEST != NARROWEST:
        raise wrong("mode", f"is {WIDEST:#o} or {NARROWEST:#o}: nobody but the owner writes, others never read")


def check_now(now: object) -> None:
    """Raise `UsageError` unless ``now`` tells aware instants."""
    instant: object = None
    if callable(now):
        with suppress(Exception):  # what is called is the host's
            instant = now()
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise wrong("now", "is a function that returns the present instant, aware and in UTC")


def check_instant(now: object) -> None:
    """Raise `UsageError` unless ``now`` is an aware instant."""
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise wrong("now", "is the present instant, aware, as datetime.now(UTC)")


def check_keep_bytes(keep_bytes: object, least: int) -> None:
    """Raise `UsageError` unless files may be held to so many bytes."""
    _whole("keep_bytes", keep_bytes, least)


def check_keep(keep: object) -> None:
    """Raise `UsageError` unless events may be kept so long."""
    _span("keep", keep)


def _whole(name: str, value: object, least: int, most: int | None = None) -> None:
    if type(value) is not int or value < least or (most is not None and value > most):
        raise wrong(name, f"is a whole number of at least {least:,}{'' if most is None else f' and at most {most:,}'}")


def _span(name: str, value: object) -> None:
    if not isinstance(value, timedelta) or value < _LEAST_PERIOD:
        raise wrong(name, f"is a timedelta of at least {_LEAST_PERIOD.seconds} seconds")


def _prepare(directory: Path) -> None:
    """Make the directory where it is not there, and see that files can be made in it."""
    try:
        make_directory(directory)
    except OSError as error:
        raise UsageError(
            f"the directory of the request log cannot be used: {os.strerror(error.errno or 0)}",
            where=str(directory),
            cure="Name a directory that this process may create, or may write to.",
        ) from None
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(
            "the directory of the request log cannot be written to",
            where=str(directory),
            cure="Give it to the user that the application runs as.",
        )


def make_directory(directory: Path) -> None:
    """Make a directory and those above it, where they are not there.

    Raises:
        OSError: It cannot be made; ``EEXIST`` where it is no directory.
    """
    if directory.is_dir():
        return
    if directory != directory.parent:
        make_directory(directory.parent)
    try:
        directory.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        if not directory.is_dir():  # somebody else made it in the meantime
            raise


def wrong(name: str, rule: str) -> UsageError:
    """Return the error for an argument that makes no sense."""
    return UsageError(f"{name} {rule}", where=f"the files of the request log, {name}", cure="Correct the call.")
