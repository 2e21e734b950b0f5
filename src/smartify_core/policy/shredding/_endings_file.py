"""The register of endings: who is gone, in a small file that the host keeps outside of the store's backups.

JSON Lines. The first one names the format. Then come blocks: a line for each account or tenant that ended, and a line
that closes the block with the size of the audit trail and its root then. A block that is not closed was cut short by a
crash; it does not count, and the next writer removes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from attrs import frozen

from smartify_core.errors import EndingsInvalid, EndingsUnavailable, FileExists
from smartify_core.policy.audit import EMPTY_ROOT

try:
    import fcntl
except ImportError:  # pragma: no cover - where there is no such call
    fcntl = None  # type: ignore[assignment]  # asked for wherever it is used

_HEADER: Final = {"format": "smartify-endings", "v": 1}
_OWNER_ONLY: Final = 0o600
_OWNERS_FOLDER: Final = 0o700
#: How many bytes at the end of the file are looked at for its last closed block.
_NEAR_THE_END: Final = 4_096
_CURE: Final = "Restore it from its own backup, or name the right file."


@frozen(order=False)
class Ending:
    """The end of an account, or of a tenant. Ids and instants, and nothing about a person.

    Args:
        tenant: The tenant.
        ended_at: When it ended.
        place: Where in the audit trail that stands.
        account_id: The account; ``None`` where the tenant was off-boarded.
        source_id: The person's id in the directory; ``None`` with ``account_id``.
        created_at: When the account began; ``None`` with ``account_id``.
    """

    tenant: str
    ended_at: datetime
    place: int
    account_id: str | None = None
    source_id: str | None = None
    created_at: datetime | None = None


@frozen(order=False)
class EndingsHead:
    """How far a register has come.

    Args:
        size: How many entries the audit trail had.
        root: The root of its tree then.
    """

    size: int = 0
    root: bytes = EMPTY_ROOT


@frozen(order=False)
class _Closed:
    """Where a block ends in the file, the line that closes it, and what that says."""

    offset: int
    line: bytes
    head: EndingsHead


class EndingsFile:
    """The register in a file. Several processes may add to it.

    Args:
        path: The file, which `create` made.

    Raises:
        EndingsInvalid: There is no such file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        #: Where the latest block that was met ends, how it is closed, and what that says: most of the file is old.
        self._met = _Closed(len(_line(_HEADER)), _line(_HEADER), EndingsHead())
        if not self._path.is_file():
            raise EndingsInvalid(
                "there is no register of endings", where=str(path), cure="Make one once, with EndingsFile.create."
            )

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """Make a new register that only its owner may read, in a folder that is made where there is none; return it.

        Raises:
            FileExists: Something is there already; it was left as it is.
            EndingsUnavailable: The folder cannot be made, or is not writable.
        """
        try:
            # It is told to lie apart from the store, so its folder is often one of its own.
            Path(path).parent.mkdir(mode=_OWNERS_FOLDER, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_line(_HEADER))
                _sync(file)
            _sync_folder(Path(path))
        except FileExistsError as error:
            if not Path(path).is_file():  # it is the folder whose place is taken
                raise _unavailable(Path(path), error) from None
            raise FileExists(
                "a file is there already; it was left as it is", where=str(path), cure="Use it, or name another path."
            ) from None
        except OSError as error:
            raise _unavailable(Path(path), error) from None
        return cls(path)

    def __repr__(self) -> str:
        """Return the register with its path."""
        return f"EndingsFile({str(self._path)!r})"

    def head(self) -> EndingsHead:
        """Return how far it has come: what its last closed block says.

        Only the end of the file is read, however long it is. Damage before that is noticed by whoever reads all of it.

        Raises:
            EndingsInvalid: The file is no register, or damaged.
            EndingsUnavailable: It cannot be read now.
        """
        with self._opened("rb") as file:
            found = self._last(file)
            if found is None:
                file.seek(0)
                found = self._end(file)[0]
            return found

    def endings(self) -> Iterator[Ending]:
        """Yield every ending, in the order in which they were entered. One may stand there twice.

        Raises:
            EndingsInvalid: The file is no register, or damaged.
            EndingsUnavailable: It cannot be read now.
        """
        with self._opened("rb") as file:
            for block, _ in self._blocks(file):
                yield from block

    def add(self, endings: Sequence[Ending], head: EndingsHead, *, after: EndingsHead) -> bool:
        """Enter a block, durably, and return whether it was: not where the register is not as ``after`` any more.

        Raises:
            EndingsInvalid: The file is no register, or damaged.
            EndingsUnavailable: It cannot be written now; nothing of the block counts.
        """
        lines = [_line(_of_ending(one)) for one in endings]
        lines.append(_line({"trail": head.size, "root": head.root.hex()}))
        with self._opened("r+b") as file:
            if fcntl is not None:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            present, offset = self._end(file)
            if present != after:
                return False
            file.seek(offset)
            file.truncate()
            file.write(b"".join(lines))
            _sync(file)
        return True

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, mode: str) -> Iterator[BinaryIO]:
        try:
            with self._path.open(mode) as file:
                yield file  # type: ignore[misc]  # the mode is binary
        except OSError as error:
            raise _unavailable(self._path, error) from None

    def _last(self, file: BinaryIO) -> EndingsHead | None:
        """Return what the last closed block of a long file says, if its last line is near the end."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= _NEAR_THE_END or file.readline() != _line(_HEADER):
            return None
        file.seek(size - _NEAR_THE_END)
        lines = list(map(_read, file.read().splitlines(keepends=True)[1:]))
        while lines and not isinstance(lines[-1], EndingsHead):
            lines.pop()
        if None in lines:
            raise EndingsInvalid("the register of endings is damaged", where=str(self._path), cure=_CURE)
        return lines[-1] if lines and isinstance(lines[-1], EndingsHead) else None

    def _end(self, file: BinaryIO) -> tuple[EndingsHead, int]:
        met = self._met
        file.seek(met.offset - len(met.line))
        if file.read(len(met.line)) != met.line:
            met = _Closed(len(_line(_HEADER)), _line(_HEADER), EndingsHead())
        for _, closed in self._blocks(file, met):
            met = closed
        self._met = met
        return met.head, met.offset

    def _blocks(self, file: BinaryIO, met: _Closed | None = None) -> Iterator[tuple[list[Ending], _Closed]]:
        """Yield every block that is closed, or those beyond one: its endings, and how it is closed."""
        file.seek(0)
        if file.readline() != _line(_HEADER):
            raise EndingsInvalid("the file is no register of endings", where=str(self._path), cure=_CURE)
        offset, block, torn = len(_line(_HEADER)) if met is None else met.offset, list[Ending](), False
        file.seek(offset)
        for line in file:
            offset += len(line)
            read = _read(line)
            if read is None:
                torn = True
            elif isinstance(read, Ending):
                block.append(read)
            elif torn:
                raise EndingsInvalid("the register of endings is damaged", where=str(self._path), cure=_CURE)
            else:
                yield block, _Closed(offset, line, read)
                block = []


def _read(line: bytes) -> Ending | EndingsHead | None:
    """Return what a line says; ``None`` for one that is damaged or cut short."""
    try:
        held: dict[str, Any] = json.loads(line)
        if not line.endswith(b"\n"):
            return None
        if "trail" in held:
            root = bytes.fromhex(held["root"])
            return (
                EndingsHead(held["trail"], root)
                if isinstance(held["trail"], int) and len(root) == len(EMPTY_ROOT)
                else None
            )
        created = held["created"]
        return Ending(
            held["tenant"],
            datetime.fromisoformat(held["ended"]),
            held["place"],
            held["account"],
            held["source"],
            None if created is None else datetime.fromisoformat(created),
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _of_ending(one: Ending) -> dict[str, Any]:
    return {
        "tenant": one.tenant,
        "account": one.account_id,
        "source": one.source_id,
        "created": None if one.created_at is None else one.created_at.isoformat(),
        "ended": one.ended_at.isoformat(),
        "place": one.place,
    }


def _line(held: dict[str, Any]) -> bytes:
    return json.dumps(held, separators=(",", ":")).encode() + b"\n"


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unavailable(path: Path, error: OSError) -> EndingsUnavailable:
    reason = os.strerror(error.errno) if error.errno else "unknown"
    return EndingsUnavailable(
        f"the register of endings cannot be used: {reason}", where=str(path), cure="Check the disk and the permissions."
    )
