"""What a request leaves behind: a value that has no place for a path, a query, a body, a header's text or a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Self, cast

from ._parts import Address, Client, Failure, Feature, Language, Referrer, Zone, is_within, refuse
from ._schema import DURATIONS_MS, METHODS, OTHER_METHOD, RANGES, VERSION

_DURATIONS: Final = frozenset(DURATIONS_MS)
_METHODS: Final = METHODS | {OTHER_METHOD}
#: The statuses of RFC 9110, section 15, each by whatever equals it.
STATUSES: Final[Mapping[object, int]] = {
    status: status for status in range(RANGES["status"][0], RANGES["status"][1] + 1)
}
# What lines are made of, ready to be joined.
BEGINNING: Final = f'{{"v":{VERSION},"time":'
_STATUS_PIECES: Final[Mapping[int | None, str]] = {None: ""} | {one: f',"status":{one}' for one in STATUSES.values()}
_MS_PIECES: Final = {ms: f',"ms":{ms}' for ms in DURATIONS_MS}


class _Values(NamedTuple):
    """The values of an event, at their places."""

    time: int
    feature: Feature
    method: str
    status: int | None
    ms: int
    client: Client
    address: Address | None
    failure: Failure | None
    language: Language | None
    referrer: Referrer | None
    zone: Zone | None


class RequestEvent(_Values):
    """One request, as the clause lets it be kept. Nothing else has a place in it: no tenant, no user, no path.

    It is a tuple and no attrs class: one is made for each request, and a tuple is made in a quarter of the time.

    Args:
        time: When it came in, in whole seconds since 1970 UTC ("analyse trends").
        feature: What was used ("features accessed").
        method: A method of `METHODS`, or ``OTHER`` ("features accessed").
        status: The response's status, 100 to 599; None where no response began ("errors").
        ms: The duration's bucket, one of `DURATIONS_MS`, in milliseconds ("administer").
        client: The program that asked ("browser type", "operating system").
        address: Where from ("ip"); None where hidden or unknown.
        failure: How it failed ("errors"); None where it did not.
        language: The preferred language ("browser language").
        referrer: The page that led here ("referring URL").
        zone: The time zone that a header told ("time zone").

    Raises:
        UsageError: A value is of another type, or not of its list.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0917 - by place: names cost a request a microsecond
        cls,
        time: int,
        feature: Feature,
        method: str,
        status: int | None,
        ms: int,
        client: Client,
        address: Address | None = None,
        failure: Failure | None = None,
        language: Language | None = None,
        referrer: Referrer | None = None,
        zone: Zone | None = None,
    ) -> Self:
        """Make an event of values that are checked."""
        # Types are compared themselves: a subclass could bring a piece of its own.
        if (
            not is_within("time", time)
            or type(feature) is not Feature
            or method not in _METHODS
            or (status is not None and not is_within("status", status))
            or ms not in _DURATIONS
            or type(client) is not Client
            or (address is not None and type(address) is not Address)
            or (failure is not None and type(failure) is not Failure)
            or (language is not None and type(language) is not Language)
            or (referrer is not None and type(referrer) is not Referrer)
            or (zone is not None and type(zone) is not Zone)
        ):
            refuse("a value of an event is of another type or not of its list")
        return tuple.__new__(
            cls, (time, feature, method, status, ms, client, address, failure, language, referrer, zone)
        )

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override] # typeshed keeps two old parameters
        """Make an event of all of its values; `_replace` comes by here, so that it checks as well."""
        return cls(*iterable)

    @property
    def status_class(self) -> int | None:
        """The first digit of the status: 2 for all that went well."""
        return None if self.status is None else self.status // 100

    def line(self) -> bytes:
        """Return the event as one line of ASCII JSON, with its line feed."""
        time, feature, method, status, ms, client, address, failure, language, referrer, zone = self
        return (
            f'{BEGINNING}{time}{feature.piece},"method":"{method}"{_STATUS_PIECES[status]}{_MS_PIECES[ms]}'
            f"{'' if failure is None else failure.piece}{'' if address is None else address.piece}"
            f"{client.piece}{'' if language is None else language.piece}"
            f"{'' if referrer is None else referrer.piece}{'' if zone is None else zone.piece}}}\n"
        ).encode()

    def as_dict(self) -> dict[str, str | int]:
        """Return the keys and values of the line, in its order."""
        return items_of(self.line())


#: Makes an event of parts that the collector made itself, and of a status that `checked_status` knows, unchecked.
event_of_parts: Final = cast("Callable[[type[RequestEvent], tuple[object, ...]], RequestEvent]", tuple.__new__)


def checked_status(status: object) -> int:
    """Return a response's status as a plain number: frameworks hand over members of `http.HTTPStatus`, and text.

    Raises:
        UsageError: It is none.
    """
    known = STATUSES.get(int(status) if isinstance(status, str) and status.isdecimal() else status)
    if known is None:
        refuse("a status is 100 to 599")
    return known


def items_of(line: bytes) -> dict[str, str | int]:
    """Return the keys and values of a line that was made here, in its order."""
    items: dict[str, str | int] = json.loads(line)
    return items
