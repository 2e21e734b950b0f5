"""`JsonLinesFile`: the sink that writes files."""

from __future__ import annotations

import functools
import os
from datetime import timedelta

import attrs

from smartify_core.model import Clock
from smartify_core.requestlog._sinks._pump import Pump

from ._settings import Keys, Settings, absolute, utc_now
from ._target import FileTarget


class JsonLinesFile(Pump):
    """Writes events as lines of JSON into files of one directory, which any number of processes may share.

    A request only ever appends to a queue. One thread a process, started by the first event, writes what waits: each
    ``flush_every`` seconds, or when the queue is half full, with one system call for up to 64 kB. Where nothing can be
    written, because a disk is full, fails, or may only be read, events wait in the queue; what does not fit is dropped,
    counted, and told in the next line that is written. The host's log hears of it once a minute.

    Each process writes to a file of its own, which only it appends to: ``requests-20261129T225223Z-PID-N.jsonl``. That
    somebody renamed, deleted or truncated it is noticed at the next write. A process that is killed loses what it had
    not written, at most the last ``flush_every`` seconds; one that ends in any other way, a recycled worker or SIGTERM
    included, loses nothing. After a fork the child begins with an empty queue; the parent writes its own.

    Finished files are compressed (gzip), those that dead processes left included, and deleted when they are too old;
    `expire` says how. The same is done in any process that writes, once an hour.

    Args:
        directory: Where the files are; made where it is not there, readable by its owner and group.
        rotate_bytes: From which size on a new file is begun; at least 4,096.
        rotate_every: A new file is begun when one such period ends, counted from 1970 UTC: by default at each midnight.
        keep: A file is deleted so long after it was begun: no event is kept longer. Not shorter than ``rotate_every``.
        keep_bytes: How large all files may become together before the oldest are deleted earlier; None for any size.
        compress: Whether finished files are compressed.
        mode: The files' mode: 0o640, or 0o600 for the owner alone. The umask can only make it narrower.
        queue: How many events may wait.
        flush_every: Seconds between two writings, at most 60.
        keys: Under which names values are written: ``smartify``, the names that the analysis reads; ``ecs``, Elastic
            Common Schema; ``otel``, OpenTelemetry semantic conventions.
        now: The clock, for names, rotation and retention; the system's when not given.
        on_sigterm: Whether to write what waits before SIGTERM ends the process, by a handler that calls the one before.

    Raises:
        UsageError: An argument makes no sense, or the directory cannot be written to.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        rotate_bytes: int = 64 * 1024 * 1024,
        rotate_every: timedelta = timedelta(days=1),
        keep: timedelta = timedelta(days=30),
        keep_bytes: int | None = None,
        compress: bool = True,
        mode: int = 0o640,
        queue: int = 10_000,
        flush_every: float = 1.0,
        keys: Keys = "smartify",
        now: Clock = utc_now,
        on_sigterm: bool = True,
    ) -> None:
        settings = Settings(
            directory=absolute(directory),
            rotate_bytes=rotate_bytes,
            rotate_every=rotate_every,
            keep=keep,
            keep_bytes=keep_bytes,
            compress=compress,
            mode=mode,
            queue=queue,
            flush_every=flush_every,
            keys=keys,
            now=now,
        )
        self._settings = settings
        super().__init__(FileTarget(settings), limit=queue, flush_every=flush_every, now=now, on_sigterm=on_sigterm)

    def tidy(self, timeout: float = 60.0) -> bool:
        """Do now what else is done once an hour: compress, take up what dead processes left, expire.

        Returns:
            Whether all of it, and a flush, was done within ``timeout`` seconds.
        """
        return self._tidy(timeout)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what it was made with: another process gets a sink of its own into the same directory."""
        given = attrs.asdict(self._settings, recurse=False)
        directory = given.pop("directory")
        return (functools.partial(type(self), directory, on_sigterm=self._on_sigterm, **given), ())
