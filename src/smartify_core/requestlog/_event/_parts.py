"""The parts of a request's event: who asked, from where, for what, and how it went wrong.

Every part checks itself when it is made: it is one of a closed list, or fits a grammar too narrow for anything else.
Each keeps its piece of the line, made once, so that writing an event joins pieces and quotes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Literal, NoReturn
from zoneinfo import available_timezones

from attrs import field, frozen

from smartify_core.errors import UsageError

from ._browsers import BROWSERS, DEVICES, SYSTEMS
from ._languages import LANGUAGES
from ._names import check_error_name, check_feature, check_referrer
from ._schema import PHASES, RANGES, Phase

_language_like = re.compile(r"[a-z]{2,3}(?:,[a-z]{2,3}){0,2}", re.ASCII).fullmatch


def piece_of(**items: str | int | None) -> str:
    """Return ``,"key":value`` for each item that is not None, in ASCII."""
    return "".join(f',"{key}":{json.dumps(value)}' for key, value in items.items() if value is not None)


def _made(instance: object, **items: str | int | None) -> None:
    object.__setattr__(instance, "piece", piece_of(**items))


def is_within(name: str, number: object) -> bool:
    """Return whether ``number`` is a whole number that the field ``name`` may have."""
    least, most = RANGES[name]
    return type(number) is int and least <= number <= most


def refuse(what: str, cure: str = "Hand over what the schema of the request log allows.") -> NoReturn:
    """Raise `UsageError`."""
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
            refuse("a failure has a class name, a known phase, or both")
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
            # Not by getattr: a module may make up whatever it is asked for.
            found = getattr(found, "__dict__", {}).get(name)
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
            refuse("an address is withheld, or comes from the peer or a proxy")
        if self.ip is not None and not _is_address(self.ip):
            refuse("an ip is no network and no address in its shortest form")
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
        version: Its major version, 0 to 999.
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
            refuse("a browser, operating system or device is not of the closed list")
        if self.version is not None and not is_within("version", self.version):
            refuse("a browser's major version is 0 to 999")
        if self.source not in {"user-agent", "hints"}:
            refuse("what is known of a client comes from the User-Agent header or from hints")
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
            refuse("a language is one to three primary tags of ISO 639")
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
            refuse("a time zone has a name of the IANA database, and comes from the app or a cdn")
        _made(self, zone=self.name, zone_from=None if self.source == "app" else self.source)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of the time zone database: read from hundreds of files at the first call."""
    return frozenset(available_timezones())
