"""Reading every line of the request log strictly, and telling where something is that is no line of it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from attrs import define, field, frozen

from smartify_core.errors import MissingExtra, UsageError
from smartify_core.requestlog import Note, read_line
from smartify_core.requestlog.files import LogFile
from smartify_core.requestlog.files._packed import PackedFile, packed_files

from . import _exit_codes as exit_codes
from ._output import Output
from ._requestlogs import readable, settings_of
from ._text_of_logs import counted

#: A line of the log has a few hundred bytes. What is longer than this is none, and is passed over in pieces.
LONGEST: Final = 65_536
#: So many findings of one file are told one by one; the others are counted.
_MOST: Final = 20


@frozen(order=False)
class Finding:
    """What is wrong in a file, and at which line: never what it says there."""

    file: str
    line: int
    what: str


@define
class Checked:
    """What was found in one file.

    Attributes:
        file: Its name.
        events: Lines that are events.
        notes: Lines that are notes.
        bad: Lines that are neither.
        torn: Whether it ends in the middle of a line: a process was killed there, or is just writing it.
        findings: The first of what is wrong.
    """

    file: str
    events: int = 0
    notes: int = 0
    bad: int = 0
    torn: bool = False
    findings: list[Finding] = field(factory=list)

    @classmethod
    def of(cls, file: LogFile) -> Checked:
        """Read a file."""
        found = cls(file.path.name)
        try:
            with opened(file) as content:
                for number, line in lines_of(content):
                    found.add(number, line, may_be_torn=not file.compressed)
        except FileNotFoundError:
            # Compressed or expired in the meantime, by whoever writes the log.
            return found
        except (OSError, EOFError, zlib.error) as error:
            found.note(
                found.events + found.notes + found.bad + 1, f"the file cannot be read on ({type(error).__name__})"
            )
        return found

    def add(self, number: int, line: bytes, *, may_be_torn: bool) -> None:
        """Count a line."""
        if may_be_torn and not line.endswith(b"\n") and len(line) < LONGEST:
            self.torn = True
            return
        try:
            record = read_line(line)
        except UsageError as error:
            self.note(number, error.what if error.where is None else f"{error.what} ({error.where})")
            return
        if isinstance(record, Note):
            self.notes += 1
        else:
            self.events += 1

    def note(self, number: int, what: str) -> None:
        """Count a line that is none."""
        self.bad += 1
        if len(self.findings) < _MOST:
            self.findings.append(Finding(self.file, number, what))


def check(output: Output, file: Path, directory: Path | None) -> int:
    """Read every line, and tell of each that is outside of the schema."""
    settings = settings_of(file, directory)
    checked = [Checked.of(one) for one in readable(settings.directory)]
    days, broken = _packed(settings.directory)
    findings = [finding for one in checked for finding in one.findings]
    bad = sum(one.bad for one in checked)
    output.document(
        {
            "directory": str(settings.directory),
            "sound": not bad and not broken,
            "files": len(checked),
            "events": sum(one.events for one in checked),
            "notes": sum(one.notes for one in checked),
            "bad": bad,
            "packed": len(days),
            "packed_events": sum(one.events or 0 for one in days),
            "packed_broken": None if broken is None else list(broken),
            "torn": [one.file for one in checked if one.torn],
            "findings": [{"file": one.file, "line": one.line, "what": one.what} for one in findings],
        }
    )
    for one in checked:
        for finding in one.findings:
            output.line(f"{finding.file}:{finding.line}: {finding.what}")
        if one.bad > len(one.findings):
            output.line(f"{one.file}: {one.bad - len(one.findings):,} more")
        if one.torn:
            output.line(f"{one.file}: its last line is not whole yet; the log mends that by itself")
    if days:
        whole = "not checked: that takes the extra [analysis]" if broken is None else f"{len(broken):,} broken"
        output.line(f"{counted(len(days), 'packed file')} of {sum(one.events or 0 for one in days):,} events, {whole}")
    for name in broken or ():
        output.line(f"{name}: the packed file cannot be read whole, or holds other events than were packed")
    events, notes = sum(one.events for one in checked), sum(one.notes for one in checked)
    sums = ((len(checked), "file"), (events, "event"), (notes, "note"), (bad, "line"))
    output.line(f"{', '.join(counted(*one) for one in sums)} outside of the schema")
    return exit_codes.FAILED if bad or broken else exit_codes.DONE


def _packed(directory: Path) -> tuple[list[PackedFile], tuple[str, ...] | None]:
    """Return the packed files, and the names of those that are broken; None where nobody can tell."""
    days = packed_files(directory)
    try:
        from smartify_core.requestlog.analysis.packing import unsound  # noqa: PLC0415 - the extra may be missing
    except MissingExtra:
        return days, None if days else ()
    return days, unsound(directory) if days else ()


def opened(file: LogFile) -> IO[bytes]:
    """Open a file, compressed or not."""
    return gzip.open(file.path, "rb") if file.compressed else file.path.open("rb")  # type: ignore[return-value]  # a reader


def lines_of(content: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give each line with its number. Of one that is too long only the first piece is given."""
    number = 0
    while line := content.readline(LONGEST):
        number += 1
        yield number, line
        while not line.endswith(b"\n") and len(line) == LONGEST and (line := content.readline(LONGEST)):
            continue
