"""Which items of a log entry may stand in a log that knows only what a request's header says. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._browsers import BROWSERS, DEVICES, SYSTEMS
from smartify_core.requestlog._event._names import check_error_name
from smartify_core.requestlog._event._note import Note
from smartify_core.requestlog._event._parts import Address, Feature, Language, Referrer, Zone
from smartify_core.requestlog._event._schema import DURATIONS_MS, METHODS, NOTES, OTHER_METHOD, PHASES, VERSION

from ._mappings import own_names, to_ours
from ._shapes import suspicion

#: What a key may hold: one of these values, or what a function says True to.
Bounds = Container[object] | Callable[[object], bool]

_plain = re.compile(r"[A-Za-z_@][A-Za-z0-9_.@-]{0,59}", re.ASCII).fullmatch
_instant = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII).fullmatch
_module = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}(?:\.[A-Za-z_][A-Za-z0-9_]{0,40}){0,9}", re.ASCII).fullmatch
_LEVELS: Final = ("debug", "info", "warning", "warn", "error", "critical", "exception", "notset")
_MOST_REFUSED: Final = 1_000
_LATEST: Final = 1 << 33  # in seconds: the year 2242


def _makes(make: Callable[[str], object]) -> Callable[[object], bool]:
    """Return a check for the texts that a part of an event can be made of."""

    def check(value: object) -> bool:
        try:
            make(value)  # type: ignore[arg-type] # refuses what is no text
        except (UsageError, TypeError, AttributeError):
            return False
        return type(value) is str

    return check


def _texts(match: Callable[[str], object], value: object) -> bool:
    return type(value) is str and match(value) is not None


def _is_time(value: object) -> bool:
    return (type(value) in {int, float} and 0 <= value < _LATEST) or _texts(_instant, value)  # type: ignore[operator] # a number by then


#: What a record of ours may hold, by our names.
_RECORD: Final[Mapping[str, Bounds]] = {
    "v": (VERSION,),
    "time": range(_LATEST),
    "note": NOTES,
    "count": range(1 << 62),
    "day": _makes(lambda day: Note(0, "expired", 0, day)),
    "feature": _makes(Feature),
    "method": (*METHODS, OTHER_METHOD),
    "status": range(100, 600),
    "ms": DURATIONS_MS,
    "error": _makes(check_error_name),
    "failed": PHASES,
    "ip": _makes(Address),
    "ip_from": ("forwarded", "withheld"),
    "browser": BROWSERS,
    "version": range(10_000),
    "os": SYSTEMS,
    "device": DEVICES,
    "ua_from": ("hints",),
    "language": _makes(Language),
    "referrer": _makes(Referrer),
    "zone": _makes(Zone),
    "zone_from": ("cdn",),
}
#: What only a record of ours may hold: in other entries these numbers could stand for anything.
_RECORD_ONLY: Final = {"v", "time", "note", "count", "day"}
#: What loggers add.
_LOGGERS: Final[Mapping[str, Bounds]] = {
    "level": _LEVELS,
    "log_level": _LEVELS,
    "log.level": _LEVELS,
    "timestamp": _is_time,
    "logger": partial(_texts, _module),
    "refused": range(1, _MOST_REFUSED),
}


@frozen(order=False)
class AllowList:
    """The keys that an entry may have, each with its bounds.

    Args:
        allow: Keys beyond those of the schema, which are always allowed, under any of their names. A key maps to all
            values that it may have (a set, a range), or to a function that says True to a value.

    Raises:
        UsageError: A key is no text, or its bounds are none.
    """

    allow: Mapping[str, Bounds] = {}

    def __attrs_post_init__(self) -> None:
        allow: object = self.allow
        if not isinstance(allow, Mapping):
            raise UsageError(
                "an allow-list says for each key which values it may have",
                where="allow",
                cure='Give a mapping, as {"event": {"request finished"}, "attempt": range(10)}.',
            )
        for key, bounds in allow.items():
            if not isinstance(key, str) or isinstance(bounds, (str, bytes)) or not _bounded(bounds):
                raise UsageError(
                    f"the key {key!r} is given no bounds" if isinstance(key, str) else "a key is no text",
                    where="allow",
                    cure="Give all values that it may have, as a set or a range, or a function that checks one.",
                )

    def refusals(self, entry: Mapping[str, object]) -> dict[str, str]:
        """Return for each key of ``entry`` that may not stand there, why not. The value is never told."""
        try:
            ours = to_ours(entry)
        except (ValueError, KeyError, TypeError, OverflowError):
            return dict.fromkeys(entry, "belongs to no record that this library wrote")
        wrong = {name: why for name, value in ours.items() if (why := self._refusal(name, value, "v" in ours))}
        return {key: wrong[name] for key in entry if (name := own_names(entry).get(key, key)) in wrong}

    def _refusal(self, name: str, value: object, record: bool) -> str | None:  # noqa: FBT001 - one of two kinds
        if name in self.allow:
            return _outside(self.allow[name], value)
        if name in _RECORD and (record or name not in _RECORD_ONLY):
            return None if _is_within(_RECORD[name], value) else "has a value that the schema does not know"
        if name in _LOGGERS:
            return None if _is_within(_LOGGERS[name], value) else "has a value that no logger gives it"
        found = suspicion(value) if isinstance(value, str) else None
        return "is not allowed" if found is None else f"is not allowed, and holds {found}"


def _outside(bounds: Bounds, value: object) -> str | None:
    if not _is_within(bounds, value):
        return "has a value that was not allowed"
    # A list of values was read by somebody; a function may have let more through than was meant.
    found = suspicion(value) if isinstance(value, str) and not isinstance(bounds, Container) else None
    return None if found is None else f"holds {found}"


def told_key(key: object) -> str:
    """Return a key as it may be told: one that is no plain name may itself be somebody's data."""
    if isinstance(key, str) and _plain(key) and suspicion(key) is None:
        return f"key {key!r}"
    return "a key that is no plain name"


def _bounded(bounds: object) -> bool:
    return callable(bounds) or isinstance(bounds, Container)


def _is_within(bounds: Bounds, value: object) -> bool:
    if not isinstance(bounds, Container):
        return bounds(value) is True
    with suppress(TypeError):  # a list is in no set
        if value not in bounds:
            return False
        if not isinstance(value, (int, float)):
            return True
        # True equals 1, and 1.0 does: a number has to be of the kind that was allowed.
        if isinstance(bounds, range):
            return type(value) is int
        return isinstance(bounds, Iterable) and any(type(one) is type(value) and one == value for one in bounds)
    return False
