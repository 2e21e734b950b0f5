"""What a host decides about its request log. Every mistake in it is told when it is made, none at a request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from attrs import field, frozen

from smartify_core.errors import UsageError

from ._event._names import check_feature
from ._headers._addresses import TrustedProxies

_token_like = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII).fullmatch
_host_like = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,9}", re.ASCII).fullmatch
_MOST_LANGUAGES: Final = 3
_MOST_FEATURES: Final = 100_000
#: Headers that carry a secret, a person, or what the log has a field for. None of them tells a time zone.
_NEVER: Final = frozenset(
    "authorization cookie set-cookie proxy-authorization user-agent referer host forwarded x-forwarded-for".split()  # noqa: SIM905 - reads as words
)


def _lowered(hosts: Iterable[str]) -> tuple[str, ...]:
    return tuple(host.lower() for host in _texts("own_hosts", hosts))


def _frozen(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(_texts("features", names))


def _texts(name: str, given: object) -> list[str]:
    # A text is a collection of texts as well: its letters.
    texts = None if isinstance(given, str) or not isinstance(given, Iterable) else [*given]
    if texts is None or not all(isinstance(one, str) for one in texts):
        raise _wrong(name, "is a list of texts")
    return texts


@frozen(order=False, kw_only=True)
class Collecting:
    """What is collected, and how much of it.

    Args:
        ip: ``network`` keeps /24 of IPv4 and /48 of IPv6, ``full`` the whole address, ``none`` nothing.
        proxies: The proxies whose word on the client's address is believed; None believes nobody.
        own_hosts: Names of the application's own hosts, as ``app.example.com`` or ``*.example.com``: a page of theirs
            is told by its route, never by its host, which may name a customer. What the Host header names is always
            one.
        referrer: ``origin`` keeps the origin of foreign pages, ``own`` tells pages of the application only, ``none``
            nothing.
        languages: How many of the preferred languages are kept, 1 to 3.
        time_zone_header: The header that tells the client's time zone: one that the application's own page sends, or a
            proxy. Browsers send none by themselves.
        time_zone_from: Who sends that header: ``app``, or ``cdn`` where a proxy derives it from the address.
        opt_out: What ``Sec-GPC: 1`` or ``DNT: 1`` does: ``withhold`` leaves out ip, referrer, language and time zone;
            ``skip`` keeps no line at all; ``ignore`` nothing.
        features: All names that a feature may have; others become ``(other)``. None lets every name in, up to
            ``most_features``.
        most_features: How many names of features are told apart in one day by one process, 1 to 100,000. Others become
            ``(other)`` and are counted in a note.

    Raises:
        UsageError: A value makes no sense; the message names it.
    """

    ip: Literal["network", "full", "none"] = "network"
    proxies: TrustedProxies | None = None
    own_hosts: tuple[str, ...] = field(default=(), converter=_lowered)
    referrer: Literal["origin", "own", "none"] = "origin"
    languages: int = 1
    time_zone_header: str | None = None
    time_zone_from: Literal["app", "cdn"] = "app"
    opt_out: Literal["withhold", "skip", "ignore"] = "withhold"
    features: frozenset[str] | None = field(default=None, converter=_frozen)
    most_features: int = 1_000

    def __attrs_post_init__(self) -> None:
        _one_of("ip", self.ip, "network", "full", "none")
        _one_of("referrer", self.referrer, "origin", "own", "none")
        _one_of("time_zone_from", self.time_zone_from, "app", "cdn")
        _one_of("opt_out", self.opt_out, "withhold", "skip", "ignore")
        if self.proxies is not None and not isinstance(self.proxies, TrustedProxies):
            raise _wrong("proxies", "is a TrustedProxies or None")
        _between("languages", self.languages, _MOST_LANGUAGES)
        _between("most_features", self.most_features, _MOST_FEATURES)
        for number, host in enumerate(self.own_hosts):
            if not _host_like(host):
                raise _wrong(f"own_hosts[{number}]", "is the name of a host, as app.example.com or *.example.com")
        header: object = self.time_zone_header
        if header is not None and not (isinstance(header, str) and _is_own_header(header.lower())):
            raise _wrong("time_zone_header", "is the name of a header of its own, as X-Time-Zone")
        for name in self.features or ():
            check_feature(name)

    def is_own(self, host: str) -> bool:
        """Return whether ``host`` (lower case, without port) is one of the application's own."""
        return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in self.own_hosts)


def _is_own_header(name: str) -> bool:
    return _token_like(name) is not None and name not in _NEVER


def _one_of(name: str, value: object, *allowed: str) -> None:
    if value not in allowed:
        raise _wrong(name, f"is one of {', '.join(allowed)}")


def _between(name: str, value: object, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise _wrong(name, f"is a whole number from 1 to {most:,}")


def _wrong(name: str, rule: str) -> UsageError:
    return UsageError(f"{name} {rule}", where=f"Collecting({name.partition('[')[0]}=…)", cure="Correct the call.")
