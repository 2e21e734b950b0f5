"""What a request leaves behind: a value that has no place for a path, a query, a body, a header's text or a person.

Every part checks itself when it is made: it is one of a closed list, or fits a grammar too narrow for anything else.
Each keeps its piece of the line, made once, so that writing an event joins pieces and quotes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Final, Literal, NamedTuple, NoReturn, Self, cast
from zoneinfo import available_timezones

from attrs import field, frozen

from smartify_core.errors import UsageError

from ._browsers import BROWSERS, DEVICES, SYSTEMS
from ._languages import LANGUAGES
from ._names import check_error_name, check_feature, check_referrer
from ._schema import DURATIONS_MS, METHODS, NOTES, OTHER_METHOD, PHASES, VERSION, NoteKind, Phase

#: The largest number of a line: 63 bits, as every engine has them.
_LARGEST: Final = 2**63 - 1
_DURATIONS: Final = frozenset(DURATIONS_MS)
_METHODS: Final = METHODS | {OTHER_METHOD}
#: The statuses of RFC 9110, section 15, each by whatever equals it.
STATUSES: Final[Mapping[object, int]] = {status: status for status in range(100, 600)}
# What lines are made of, ready to be joined.
_BEGINNING: Final = f'{{"v":{VERSION},"time":'
_STATUS_PIECES: Final[Mapping[int | None, str]] = {None: ""} | {one: f',"status":{one}' for one in STATUSES.values()}
_MS_PIECES: Final = {ms: f',"ms":{ms}' for ms in DURATIONS_MS}
_day_like = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", re.ASCII).fullmatch
_language_like = re.compile(r"[a-z]{2,3}(?:,[a-z]{2,3}){0,2}", re.ASCII).fullmatch


def _piece(**items: str | int | None) -> str:
    """Return ``,"key":value`` for each item that is not None, in ASCII."""
    return "".join(f',"{key}":{json.dumps(value)}' for key, value in items.items() if value is not None)


def _made(instance: object, **items: str | int | None) -> None:
    object.__setattr__(instance, "piece", _piece(**items))


def _refuse(what: str, cure: str = "Hand over what the schema of the request log allows.") -> NoReturn:
    raise UsageError(what, where="a part of a request's event", cure=cure)


@frozen(order=False)
class Feature:
    """What was used: the template of a route, or a name that the host gives. Serves "features accessed".

    Raises:
        UsageError: The name is empty, longer than 200 characters, unprintable, or holds what looks like a value: an
            address, a number of nine digits, a UUID, a token, a query, a percent escape.
    """

    name: str
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_feature(self.name)
        _made(self, feature=self.name)


@frozen(order=False)
class Failure:
    """How a request failed: where, and with an exception of which class. Serves "errors".

    ``phase`` is ``before_start`` (no response had begun), ``streaming`` (it had), ``cancelled`` (the client was gone),
    ``after_end`` (in work that followed a whole response) or None, where the host turned the exception into a response.

    Raises:
        UsageError: The name is no class name of at most 80 ASCII characters, or the phase is another one.
    """

    error: str | None
    phase: Phase | None = None
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.error is not None:
            check_error_name(self.error)
        if self.phase not in {None, *PHASES} or (self.error is None and self.phase is None):
            _refuse("a failure has a class name, a known phase, or both")
        _made(self, error=self.error, failed=self.phase)

    @classmethod
    def of(cls, error: type[BaseException] | None, phase: Phase | None) -> Failure:
        """Return the failure with an exception of class ``error``.

        A class counts by its name only where its own module knows it by that name: a class made at run time may be
        named after anything. Of such a one the nearest base that is known is told.
        """
        return _failure(None if error is None else _known_name(error), phase)


@lru_cache(maxsize=1_024)
def _failure(error: str | None, phase: Phase | None) -> Failure:
    return Failure(error, phase)


def _known_name(error: type[BaseException]) -> str:
    for kind in error.__mro__:
        found: object = sys.modules.get(kind.__module__)
        for name in kind.__qualname__.split("."):
            found = getattr(found, name, None)
        if found is kind and _is_class_name(kind.__name__):
            return kind.__name__
    return BaseException.__name__


def _is_class_name(name: str) -> bool:
    try:
        check_error_name(name)
    except UsageError:
        return False
    return True


@frozen(order=False)
class Address:
    """Where a request came from. Serves "ip".

    Args:
        ip: A network (``203.0.113.0/24``, ``2001:db8:12::/48``) or, where the host chose so, an address; None where it
            is withheld.
        source: ``peer`` (the connection itself), ``forwarded`` (a trusted proxy said so), ``withheld`` (the sender
            asked not to be followed, and the host honours that).

    Raises:
        UsageError: The text is no network and no address in its shortest form.
    """

    ip: str | None
    source: Literal["peer", "forwarded", "withheld"] = "peer"
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.source not in {"peer", "forwarded", "withheld"} or (self.ip is None) != (self.source == "withheld"):
            _refuse("an address is withheld, or comes from the peer or a proxy")
        if self.ip is not None and not _is_address(self.ip):
            _refuse("an ip is no network and no address in its shortest form")
        _made(self, ip=self.ip, ip_from=None if self.source == "peer" else self.source)


def _is_address(text: str) -> bool:
    try:
        return str(ip_network(text) if "/" in text else ip_address(text)) == text and "%" not in text
    except ValueError:
        return False


@frozen(order=False)
class Client:
    """The program that asked. Serves "browser type" and "operating system".

    Args:
        browser: A family of the closed list, else ``Other``.
        version: Its major version, 0 to 9999.
        os: A family of the closed list, else ``Other``. Never a version: the User-Agent header tells none that is true.
        device: ``desktop``, ``mobile``, ``tablet``, ``bot`` or ``other``.
        source: ``user-agent``, or ``hints`` where client hints told.

    Raises:
        UsageError: A value is not of its list.
    """

    browser: str
    version: int | None
    os: str
    device: str
    source: Literal["user-agent", "hints"] = "user-agent"
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.browser not in BROWSERS or self.os not in SYSTEMS or self.device not in DEVICES:
            _refuse("a browser, operating system or device is not of the closed list")
        if self.version is not None and not (type(self.version) is int and 0 <= self.version <= 9_999):  # noqa: PLR2004 - said above
            _refuse("a browser's major version is 0 to 9999")
        if self.source not in {"user-agent", "hints"}:
            _refuse("what is known of a client comes from the User-Agent header or from hints")
        told = None if self.source == "user-agent" else self.source
        _made(self, browser=self.browser, version=self.version, os=self.os, device=self.device, ua_from=told)


@frozen(order=False)
class Language:
    """The language that the browser prefers, by its primary tag: ``de``, or up to three, as ``de,en``.

    Serves "browser language".

    Raises:
        UsageError: A tag is not of the closed list (ISO 639).
    """

    tags: str
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not _language_like(self.tags) or not LANGUAGES.issuperset(self.tags.split(",")):
            _refuse("a language is one to three primary tags of ISO 639")
        _made(self, language=self.tags)


@frozen(order=False)
class Referrer:
    """The page that led here: the origin of a foreign one, a route's template of our own. Serves "referring URL".

    Raises:
        UsageError: It is neither, nor one of ``(own)``, ``(ip)``, ``(other)``.
    """

    text: str
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_referrer(self.text)
        _made(self, referrer=self.text)


@frozen(order=False)
class Zone:
    """The sender's time zone, by IANA name, as a header said that the host named. Serves "time zone".

    Args:
        name: A name of the time zone database.
        source: ``app`` (the host's own page sent it) or ``cdn`` (a proxy derived it from the address).

    Raises:
        UsageError: The database has no such name.
    """

    name: str
    source: Literal["app", "cdn"] = "app"
    piece: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.name not in time_zones() or self.source not in {"app", "cdn"}:
            _refuse("a time zone has a name of the IANA database, and comes from the app or a cdn")
        _made(self, zone=self.name, zone_from=None if self.source == "app" else self.source)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of the time zone database: read from hundreds of files at the first call."""
    return frozenset(available_timezones())


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
            type(time) is not int
            or not 0 <= time <= _LARGEST
            or type(feature) is not Feature
            or method not in _METHODS
            or (status is not None and (type(status) is not int or not 100 <= status <= 599))  # noqa: PLR2004 - RFC 9110, section 15
            or ms not in _DURATIONS
            or type(client) is not Client
            or (address is not None and type(address) is not Address)
            or (failure is not None and type(failure) is not Failure)
            or (language is not None and type(language) is not Language)
            or (referrer is not None and type(referrer) is not Referrer)
            or (zone is not None and type(zone) is not Zone)
        ):
            _refuse("a value of an event is of another type or not of its list")
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
            f'{_BEGINNING}{time}{feature.piece},"method":"{method}"{_STATUS_PIECES[status]}{_MS_PIECES[ms]}'
            f"{'' if failure is None else failure.piece}{'' if address is None else address.piece}"
            f"{client.piece}{'' if language is None else language.piece}"
            f"{'' if referrer is None else referrer.piece}{'' if zone is None else zone.piece}}}\n"
        ).encode()

    def as_dict(self) -> dict[str, str | int]:
        """Return the keys and values of the line, in its order."""
        return _as_dict(self.line())


#: Makes an event of parts that the collector made itself, and of a status that `checked_status` knows, unchecked.
event_of_parts: Final = cast("Callable[[type[RequestEvent], tuple[object, ...]], RequestEvent]", tuple.__new__)


def checked_status(status: object) -> int:
    """Return a response's status as a plain number: frameworks hand over members of `http.HTTPStatus` as well.

    Raises:
        UsageError: It is none.
    """
    known = STATUSES.get(status)
    if known is None:
        _refuse("a status is 100 to 599")
    return known


@frozen(order=False)
class Note:
    """A line of the log about the log itself.

    Args:
        time: When it was noted, in whole seconds since 1970 UTC.
        kind: ``dropped`` (events that could not be kept), ``folded`` (requests whose feature went to ``(other)``),
            ``recovered`` (bytes of a torn line, cut off), ``expired`` (events that retention deleted).
        count: How many.
        day: The day that expired, as ``YYYY-MM-DD``.

    Raises:
        UsageError: A value is of another type, or not of its list.
    """

    time: int
    kind: NoteKind
    count: int
    day: str | None = None

    def __attrs_post_init__(self) -> None:
        numbers = all(type(number) is int and 0 <= number <= _LARGEST for number in (self.time, self.count))
        day = self.day is None or (type(self.day) is str and _day_like(self.day) is not None)
        if not numbers or not day or self.kind not in NOTES:
            _refuse("a note has a known kind, a time and a count of 0 or more, and perhaps a day")

    def line(self) -> bytes:
        """Return the note as one line of ASCII JSON, with its line feed."""
        rest = _piece(time=self.time, note=self.kind, count=self.count, day=self.day)
        return f'{{"v":{VERSION}{rest}}}\n'.encode("ascii")

    def as_dict(self) -> dict[str, str | int]:
        """Return the keys and values of the line, in its order."""
        return _as_dict(self.line())


#: What a sink takes.
Record = RequestEvent | Note


def _as_dict(line: bytes) -> dict[str, str | int]:
    items: dict[str, str | int] = json.loads(line)
    return items
