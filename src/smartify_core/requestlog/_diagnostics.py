"""What this room says of its own troubles: event names, class names and counts, through the host's own logging."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

#: The least time between two messages of one kind, in seconds: trouble that every request meets would drown the log.
EVERY: Final = 60.0


@cache
def log() -> BoundLogger:
    """Return the logger: the host's own logging decides what is shown."""
    import structlog  # noqa: PLC0415 - costs a start-up that many a process never needs

    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger("smartify_core.requestlog"),
            wrapper_class=structlog.stdlib.BoundLogger,
            processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        ),
    )


class Troubles:
    """Warnings that are said once a minute at most, each with how often it happened since."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._said: dict[str, float] = {}

    def warn(self, event: str, **impersonal: str | int) -> None:
        """Say ``event`` with its count, unless it was said within a minute; never raises."""
        count = self._counts.get(event, 0) + 1
        now = time.monotonic()
        if now - self._said.get(event, -EVERY) < EVERY:
            self._counts[event] = count
            return
        self._counts[event] = 0
        self._said[event] = now
        # A host's logging that fails must not fail a request, and cannot be told.
        with suppress(Exception):
            log().warning(event, count=count, **impersonal)
