"""The log of this room: ids and counts only."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger


@cache
def log() -> BoundLogger:
    """Return the logger: the host's own logging decides what is shown."""
    import structlog  # noqa: PLC0415 - half of this package's import time, and many a process never logs

    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger("smartify_core.policy"),
            wrapper_class=structlog.stdlib.BoundLogger,
            processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        ),
    )
