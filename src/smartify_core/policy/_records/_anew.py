"""Changes that begin anew where somebody else's came between: what is on record is changed as it is, and never lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from smartify_core.errors import WriteConflict

_Options = ParamSpec("_Options")
_Result = TypeVar("_Result")

#: How often a change is begun before its caller is told that others were faster each time.
_ATTEMPTS: Final = 20


def begun_anew(change: Callable[_Options, _Result]) -> Callable[_Options, _Result]:
    """Return a change that reads and decides once more when what it read was written meanwhile.

    It raises `WriteConflict`, which may be tried again, when that happens again and again.
    """

    @wraps(change)
    def changed(*args: _Options.args, **options: _Options.kwargs) -> _Result:
        for _ in range(_ATTEMPTS - 1):
            with suppress(WriteConflict):
                return change(*args, **options)
        return change(*args, **options)

    return changed
