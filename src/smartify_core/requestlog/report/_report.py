"""From an engine to a page."""

from __future__ import annotations

from datetime import datetime

from smartify_core.requestlog.analysis import Engine

from ._comparing import Before
from ._gathering import gather
from ._page import page


def report(engine: Engine, *, title: str, now: datetime, before: Before | None = None) -> str:
    """Return the report as one HTML document: about a quarter of a megabyte, the same bytes for the same input.

    It needs no network, holds no script, and may be mailed or kept. Whatever is in the log is escaped.

    Args:
        engine: What answers the questions, such as `smartify_core.requestlog.analysis.duckdb.LogFiles`.
        title: The title of the page, such as the name of the application.
        now: When it is written.
        before: Called with two times, in seconds since the epoch, for the engine that answers for what lies between
            them: a time as long as the report's own, just before it. With it the report tells what changed since then;
            without it, or where the log had not begun then, what changed from the first half of the time to the second.

    Raises:
        UsageError: The engine cannot read the log.
    """
    return page(gather(engine, before, title=title, now=int(now.timestamp())))
