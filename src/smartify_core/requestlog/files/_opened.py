"""Open files of a process: never through a link, never inherited by a program, and let go of by the child of a fork."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Whether this system can tell a file that is in use from one that a dead process left.
CAN_LOCK: Final = fcntl is not None
_ALWAYS: Final = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) if CAN_LOCK else 0
#: The mode that every file of a log has at least: its owner has to be able to take it up again.
_LEAST: Final = 0o600
#: What file systems say that know no locks.
_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_CHUNK: Final = 1 << 16


class Opened:
    """An open file.

    Attributes:
        fd: Its descriptor; -1 once it is closed.
        path: Under which name it was opened.
    """

    __slots__ = ("_shelf", "fd", "path")

    def __init__(self, fd: int, path: Path, shelf: set[Opened]) -> None:
        self.fd = fd
        self.path = path
        self._shelf = shelf
        shelf.add(self)

    def close(self) -> None:
        """Close it, and with it give up its lock. Safe to call twice."""
        fd, self.fd = self.fd, -1
        self._shelf.discard(self)
        if fd >= 0:
            os.close(fd)

    def forget(self) -> None:
        """Close the copy that a fork made: the lock stays with the parent."""
        fd, self.fd = self.fd, -1
        with suppress(OSError):
            os.close(fd)

    def is_in_place(self) -> bool:
        """Return whether the file's name still leads to it: nobody renamed or deleted it."""
        ours = os.fstat(self.fd)
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def size(self) -> int:
        """Return how many bytes it holds."""
        return os.fstat(self.fd).st_size

    def lock(self, *, unless_known: bool) -> bool:
        """Take the lock that says that the file is in use; False where somebody else has it.

        On a file system that knows no locks, the answer is ``unless_known``.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return unless_known
        return True

    def wait_for_lock(self) -> None:
        """Take the lock, and wait for whoever has it. On a file system that knows no locks nobody is waited for."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def be_usable(self) -> None:
        """Let the owner read and write it, should the umask have taken that."""
        found = stat.S_IMODE(os.fstat(self.fd).st_mode)
        if found & _LEAST != _LEAST:
            os.fchmod(self.fd, found | _LEAST)

    def give_to(self, other: os.stat_result) -> None:
        """Give it to the owner of something else, where root made it for them."""
        if os.geteuid() == 0 and other.st_uid != 0:
            os.fchown(self.fd, other.st_uid, other.st_gid)

    def write(self, data: bytes) -> None:
        """Write all of ``data``, however many calls that takes."""
        view = memoryview(data)
        while view:
            view = view[_write(self.fd, view) :]


class Shelf:
    """All files that a writer has open."""

    def __init__(self) -> None:
        self._opened: set[Opened] = set()

    def create(self, path: Path, mode: int) -> Opened:
        """Create a file that is not there, of ``mode`` less what the umask takes from others than the owner.

        Raises:
            FileExists: Something has that name: a file, a link.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _ALWAYS
        opened = Opened(os.open(path, flags, mode), path, self._opened)
        opened.be_usable()
        return opened

    def open(self, path: Path, flags: int = os.O_RDWR, mode: int = _LEAST) -> Opened:
        """Open a regular file; make it with ``mode`` where ``flags`` say so and it is not there.

        Raises:
            OSError: It cannot be opened; ``ELOOP`` where it is a link or no regular file.
        """
        # Without O_NONBLOCK a pipe of that name would have us wait for its other end.
        opened = Opened(os.open(path, flags | os.O_NONBLOCK | _ALWAYS, mode), path, self._opened)
        if not stat.S_ISREG(os.fstat(opened.fd).st_mode):
            opened.close()
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if flags & os.O_CREAT:
            opened.be_usable()
        return opened

    def forget(self) -> None:
        """Let go of everything in the child of a fork."""
        for opened in tuple(self._opened):
            opened.forget()
        self._opened.clear()


def _write(fd: int, view: memoryview) -> int:
    written = os.write(fd, view)
    if not written:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return written


def is_regular(path: Path) -> bool:
    """Return whether there is a file of that name, which is no link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def sync_directory(path: Path) -> None:
    """Have the names in a directory survive a power failure, where the file system can promise that."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)


def whole_bytes(opened: Opened) -> int:
    """Return up to where a file is made of whole lines."""
    end = opened.size()
    while end > 0:
        start = max(0, end - _CHUNK)
        found = os.pread(opened.fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
