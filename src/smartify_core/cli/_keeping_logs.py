"""What the commands do that make the request log smaller: packing what is finished, and ending what is too old."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from smartify_core.lifecycle import utc_now
from smartify_core.requestlog.files import Expired, overdue
from smartify_core.requestlog.files import expire as expire_files
from smartify_core.requestlog.files._packed import PACKED

from . import _exit_codes as exit_codes
from . import _text_of_logs as text
from ._config_logs import LogSettings
from ._output import Output
from ._progress import progress_of_log
from ._requestlogs import settings_of


def expire(
    output: Output, file: Path, directory: Path | None, *, keep: timedelta | None, cells: bool, plan_only: bool
) -> int:
    """Delete what has been kept long enough, or say what that is."""
    settings, now = settings_of(file, directory), utc_now()
    keep = settings.keep if keep is None else keep
    # Whoever packs has the engine that makes cells, and wants trends.
    cells = cells or (settings.directory / PACKED).is_dir()
    if plan_only:
        gone = Expired(overdue(settings.directory, keep=keep, now=now))
    else:
        gone = _expired(settings, keep, now, cells=cells)
    output.document(
        {
            "directory": str(settings.directory),
            "plan_only": plan_only,
            "keep_days": keep // timedelta(days=1),
            "cells": cells,
            "files": list(gone.files),
            "days": None if plan_only else dict(gone.days),
            "events": None if plan_only else gone.events,
        }
    )
    for line in text.of_expired(gone, plan_only=plan_only):
        output.line(line)
    return exit_codes.DONE


def pack(output: Output, file: Path, directory: Path | None) -> int:
    """Pack the days that are over."""
    from smartify_core.requestlog.analysis.packing import pack as packing  # noqa: PLC0415 - the extra may be missing

    settings = settings_of(file, directory)
    with progress_of_log():
        done = packing(settings.directory, now=utc_now())
    output.document(
        {
            "directory": str(settings.directory),
            "files": [path.relative_to(settings.directory).as_posix() for path in done.files],
            "days": dict(done.days),
            "removed": list(done.removed),
            "left": list(done.left),
        }
    )
    for line in text.of_packed(done.days, removed=done.removed, left=done.left):
        output.line(line)
    return exit_codes.DONE


def _expired(settings: LogSettings, keep: timedelta, now: datetime, *, cells: bool) -> Expired:
    if not cells:
        return expire_files(settings.directory, keep=keep, now=now)
    from smartify_core.requestlog.analysis.cells import expire_with_cells  # noqa: PLC0415 - the extra may be missing

    with progress_of_log():
        return expire_with_cells(settings.directory, keep=keep, now=now, k=settings.k)
