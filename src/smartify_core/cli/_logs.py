"""The library's log on stderr, when it is asked for."""

from __future__ import annotations

import logging
import sys

import structlog

_render = structlog.stdlib.ProcessorFormatter(
    foreign_pre_chain=[
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ],
    processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "logger", "event"]),
    ],
)


class _Stderr(logging.Handler):
    """Writes to what is stderr at that moment, so that a progress bar can make room."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(f"{self.format(record)}\n")


def set_up(*, verbose: bool) -> None:
    """Show what this library logs, which is ids and counts, or nothing.

    What other libraries log is never shown: it may hold addresses.
    """
    # Without any handler, logging would print their warnings to stderr by itself.
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    ours = logging.getLogger("smartify_core")
    for handler in [one for one in ours.handlers if isinstance(one, _Stderr)]:
        ours.removeHandler(handler)
    ours.propagate = False
    ours.setLevel(logging.INFO if verbose else logging.CRITICAL)
    if verbose:
        handler = _Stderr()
        handler.setFormatter(_render)
        ours.addHandler(handler)
