"""The last records of the request log, and those that come: over all files, whatever becomes of them."""

from __future__ import annotations

import heapq
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from attrs import define

from smartify_core.errors import UsageError
from smartify_core.requestlog import Record, read_line
from smartify_core.requestlog.files import LogFile, log_files

from . import _exit_codes as exit_codes
from . import _text_of_logs as text
from ._checking_logs import LONGEST, lines_of, opened
from ._output import Listing, Output
from ._requestlogs import readable, settings_of
from ._signals import until_stopped

#: How often is looked for more, in seconds.
_PAUSE: Final = 0.25
_BLOCK: Final = 65_536

Tell = Callable[[bytes], None]


def tail(output: Output, file: Path, directory: Path | None, *, count: int, follow: bool, offset: int) -> int:
    """Print the last records, and with ``follow`` whatever comes after them until told to stop."""
    settings = settings_of(file, directory)
    readable(settings.directory)
    listing: AbstractContextManager[Listing | None] = output.listing({}, "records") if output.as_json else nullcontext()
    with listing as document:

        def tell(line: bytes) -> None:
            _tell(output, document, line, offset)

        following = Following(settings.directory)

        def begin() -> None:
            for line in last_lines(settings.directory, count, following):
                tell(line)

        if follow:
            until_stopped(
                lambda stop, _: _follow(following, stop, begin, tell, output),
                stop=threading.Event(),
                abandon=threading.Event(),
                note=lambda _: None,
            )
        else:
            begin()
    return exit_codes.DONE


def _follow(following: Following, stop: threading.Event, begin: Callable[[], None], tell: Tell, output: Output) -> None:
    begin()
    while not stop.is_set():
        output.flush()
        stop.wait(_PAUSE)
        for line in following.lines():
            tell(line)


def _tell(output: Output, document: Listing | None, line: bytes, offset: int) -> None:
    try:
        record: Record = read_line(line)
    except UsageError as error:
        if document is not None:
            document.add({"unreadable": error.what})
        output.line(f"{'':19}  -- no line of the log: {error.what}")
        return
    if document is not None:
        document.add(record.as_dict())
    output.line(text.of_record(record, offset))


def last_lines(directory: Path, count: int, following: Following) -> list[bytes]:
    """Return the last lines by time over all files, and let ``following`` go on where each file ends now.

    A file can be passed over, with all that were begun earlier, once so many lines were found that came in after it was
    last written to.
    """
    best: list[tuple[int, int, bytes]] = []
    files = log_files(directory)
    order = 0
    for file in files:
        if not file.compressed:
            following.begin(file)
    for file in reversed(files):
        if len(best) == count and count and _written(file) < best[0][0]:
            continue
        for line in following.last(file, count):
            order += 1
            entry = (_time(line, default=int(file.started.timestamp())), -order, line)
            if len(best) < count:
                heapq.heappush(best, entry)
            elif count:
                heapq.heappushpop(best, entry)
    return [line for _, _, line in sorted(best, key=lambda one: (one[0], -one[1]))]


def _written(file: LogFile) -> float:
    try:
        return file.path.stat().st_mtime
    except OSError:
        return 0.0


def _time(line: bytes, default: int) -> int:
    try:
        return read_line(line).time
    except UsageError:
        return default


@define
class _Followed:
    """A file that is being read. It stays open, so that what was written last is read even after it is gone."""

    handle: int
    #: Where the first line begins that was not told of. Half a line is read anew each time: it may be cut off again.
    position: int = 0

    def more(self) -> Iterator[bytes]:
        """Give each whole line that was written since."""
        self.position = min(self.position, os.fstat(self.handle).st_size)
        rest = b""
        while block := os.pread(self.handle, _BLOCK, self.position + len(rest)):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > LONGEST:
                # No line of the log is so long: it is told of in pieces, none of which is one.
                lines, rest = [*lines, rest], b""
                self.position -= 1
            self.position += sum(map(len, lines)) + len(lines)
            yield from lines


class Following:
    """Reads what is added to a log: to the files that are there, and in files that come.

    Args:
        directory: The directory of the log.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, _Followed] = {}
        self._done: set[str] = set()

    def begin(self, file: LogFile) -> None:
        """Keep a file open, to be read from its beginning."""
        try:
            self._open[_origin(file)] = _Followed(os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except OSError:
            # Compressed a moment ago, or another user's: if it is there in another form, that is read.
            return

    def last(self, file: LogFile, count: int) -> Iterator[bytes]:
        """Give the last lines of a file; reading goes on after them."""
        name = _origin(file)
        if name in self._open:
            return iter(deque(self._open[name].more(), maxlen=count))
        self._done.add(name)
        return iter(deque(_all(file), maxlen=count))

    def lines(self) -> Iterator[bytes]:
        """Give every line that was added since, file by file."""
        for file in log_files(self._directory):
            name = _origin(file)
            if name in self._open or name in self._done:
                continue
            if file.compressed:
                self._done.add(name)
                yield from _all(file)
            else:
                self.begin(file)
        for name, followed in list(self._open.items()):
            # Looked at before it is read: whatever a writer added before it let go of the file is read then.
            gone = os.fstat(followed.handle).st_nlink == 0
            yield from followed.more()
            if gone:
                os.close(followed.handle)
                del self._open[name]
                self._done.add(name)


def _origin(file: LogFile) -> str:
    return file.path.name.removesuffix(".gz")


def _all(file: LogFile) -> Iterator[bytes]:
    try:
        with opened(file) as content:
            for _, line in lines_of(content):
                yield line.rstrip(b"\n")
    except (OSError, EOFError):
        return
