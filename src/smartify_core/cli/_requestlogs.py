"""What the commands do that read the request log as a whole."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict

from smartify_core.errors import UsageError
from smartify_core.lifecycle import utc_now
from smartify_core.requestlog.analysis import Answer
from smartify_core.requestlog.files import LogFile, log_files

from . import _documents as documents
from . import _exit_codes as exit_codes
from . import _text_of_logs as text
from ._config import DEFAULT_FILE
from ._config_logs import LogSettings, load_logs
from ._log_times import LogPeriod, When
from ._output import Output
from ._progress import progress_of_log

if TYPE_CHECKING:
    from smartify_core.requestlog.analysis.duckdb import LogFiles

#: What a summary asks. Each answer is in its document, and most of them are in its lines.
QUESTIONS = (
    *("features", "errors", "spikes", "statuses", "methods", "browsers", "browser_versions", "systems", "devices"),
    *("languages", "referrers", "zones"),
)
#: Longer times are told by weeks, and shorter ones by hours.
_MOST_DAYS = 62
_FEWEST_DAYS = 2
_MODE = 0o640


def settings_of(file: Path, directory: Path | None) -> LogSettings:
    """Return what is configured of the request log, with the directory that was named instead, if one was."""
    found = load_logs(file, needed=file != DEFAULT_FILE)
    return found if directory is None else LogSettings(directory.absolute(), found.keep, found.k)


def readable(directory: Path) -> tuple[LogFile, ...]:
    """Return the files of a log, in order.

    Raises:
        UsageError: There is no such directory, or a file may not be read.
    """
    files = log_files(directory)
    closed = sum(file.path.exists() and not os.access(file.path, os.R_OK) for file in files)
    if closed:
        raise UsageError(
            f"{closed:,} of {len(files):,} files of the request log may not be read",
            where=str(directory),
            cure="Run as the user that writes the log, or as one of its group.",
        )
    return files


def summary(output: Output, file: Path, asked: LogPeriod) -> int:
    """Tell what is in the log in a few tables."""
    settings, now = settings_of(file, asked.directory), utc_now()
    with _opened(settings, asked, now) as log, progress_of_log():
        coverage, step = log.coverage(), _step(log)
        answers = {"requests": log.ask("requests", by=step)}
        answers |= {name: log.ask(name) for name in QUESTIONS}
    output.document(
        {
            "directory": str(settings.directory),
            "since": log.since,
            "until": log.until,
            "offset": log.offset,
            "coverage": asdict(coverage),
            "answers": {name: _of_answer(answer) for name, answer in answers.items()},
        }
    )
    if not output.as_json:
        for line in text.of_summary(settings.directory, coverage, answers, offset=log.offset, step=step):
            output.line(line if output.has_blocks else text.plain(line))
    return exit_codes.DONE


def report(output: Output, file: Path, asked: LogPeriod, *, path: Path, title: str) -> int:
    """Write the report to a file, whole or not at all."""
    from smartify_core.requestlog.report import report as written  # noqa: PLC0415 - needs no other command's time

    settings, now = settings_of(file, asked.directory), utc_now()
    with ExitStack() as stack:
        log = stack.enter_context(_opened(settings, asked, now))

        def before(since: int, until: int) -> LogFiles:
            return stack.enter_context(_made(settings, since, until, asked.offset))

        with progress_of_log():
            page = written(log, title=title, now=now, before=None if asked.since is None else before).encode()
            events = log.coverage().events
        write_whole(path, page)
    output.document({"report": str(path), "bytes": len(page), "events": events})
    output.line(f"{path}: {len(page):,} bytes, about {events:,} events")
    return exit_codes.DONE


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, over one that is there. Its owner may read and write it, its group read it.

    Raises:
        UsageError: It cannot be written.
    """
    partial: str | None = None
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.absolute().parent)
        with open(handle, "wb") as target:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(target.fileno(), _MODE)
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        Path(partial).replace(path)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written ({errno.errorcode.get(error.errno or 0, type(error).__name__)})",
            where=str(path),
            cure="Name a file in a folder that you may write to, with room for it.",
        ) from None
    finally:
        if partial is not None:
            with suppress(OSError):
                Path(partial).unlink()


def _opened(settings: LogSettings, asked: LogPeriod, now: datetime) -> LogFiles:
    def instant(when: When | None) -> int | None:
        return None if when is None else int(when.at(now, asked.offset).timestamp())

    try:
        since, until = instant(asked.since), instant(asked.until)
    except (OverflowError, ValueError):
        raise UsageError("a time is in no calendar", where="--since, --until", cure="Name a later one.") from None
    return _made(settings, since, until, asked.offset)


def _made(settings: LogSettings, since: int | None, until: int | None, offset: int) -> LogFiles:
    from smartify_core.requestlog.analysis.duckdb import LogFiles  # noqa: PLC0415 - the extra may be missing

    return LogFiles(settings.directory, k=settings.k, since=since, until=until, offset=offset)


def _step(log: LogFiles) -> str:
    coverage = log.coverage()
    first = coverage.first if log.since is None else log.since
    last = coverage.last if log.until is None else log.until
    days = 0 if first is None or last is None else (last - first) / 86_400
    return "hour" if days <= _FEWEST_DAYS else "day" if days <= _MOST_DAYS else "week"


def _of_answer(answer: Answer) -> documents.Document:
    return {
        "columns": list(answer.columns),
        "rows": [list(row) for row in answer.rows],
        "folded": answer.folded,
        "floor": answer.floor,
        "notes": list(answer.notes),
    }
