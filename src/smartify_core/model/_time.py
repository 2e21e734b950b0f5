"""How time and progress are handed in, so that no decision reads a clock of its own."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime

#: Returns the present instant, aware and in UTC.
Clock = Callable[[], datetime]


@enum.unique
class Stage(enum.Enum):
    """What a progress report counts."""

    USERS_READ = "users read"
    GROUPS_READ = "groups read"
    APPLIED = "applied"


#: Called with the stage, how many are done, and how many there are to do (``None`` while unknown). Never called by
#: two threads at once.
ProgressSink = Callable[[Stage, int, int | None], None]
