"""What single headers say, as far as the clause lets it be kept. Each function takes hostile text and never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._languages import LANGUAGES, REPLACED
from smartify_core.requestlog._event._names import IP, OTHER, OWN, is_public_origin
from smartify_core.requestlog._event._parts import Language, Referrer, Zone

_LONGEST_LANGUAGES: Final = 512
_MOST_LANGUAGES: Final = 20
_LONGEST_REFERRER: Final = 4_096
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

# RFC 9110, section 12.5.4: a tag, and perhaps its weight.
_weighted = re.compile(
    r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]{0,60})?\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.ASCII
).fullmatch
# The parts of a URI (RFC 3986, appendix B). Browsers read a backslash as a slash.
_url = re.compile(r"([A-Za-z][A-Za-z0-9+-]{0,15})://([^/\\?#]*)([^?#]*)", re.ASCII).match
_ip_like = re.compile(r"\[.*\]|[0-9.]+|0x[0-9a-f.x]*", re.ASCII).fullmatch


def language_of(accept_language: str, most: int = 1) -> Language | None:
    """Return the ``most`` preferred languages of an Accept-Language header, by primary tag; None where none is known.

    Equal weights count in the order of the header. A tag that is not of ISO 639, ``*``, or a weight of 0 is passed
    over.
    """
    weighed: list[tuple[float, str]] = []
    for item in accept_language[:_LONGEST_LANGUAGES].split(",")[:_MOST_LANGUAGES]:
        match = _weighted(item)
        if match is None:
            continue
        tag = match[1].lower()
        tag = REPLACED.get(tag, tag)
        weight = 1.0 if match[2] is None else float(match[2])
        if tag in LANGUAGES and 0 < weight <= 1:
            weighed.append((-weight, tag))
    tags = dict.fromkeys(tag for _, tag in sorted(weighed, key=lambda one: one[0]))
    return Language(",".join(list(tags)[:most])) if tags else None


def zone_of(text: str, source: Literal["app", "cdn"]) -> Zone | None:
    """Return the time zone that a header names; None unless it is one of the IANA database."""
    try:
        return Zone(text.strip(), source) if 0 < len(text) <= 64 else None  # noqa: PLR2004 - the longest name has 32
    except UsageError:
        return None


def opted_out(gpc: str, dnt: str) -> bool:
    """Return whether the sender asked not to be followed: ``Sec-GPC: 1`` (Global Privacy Control) or ``DNT: 1``."""
    # Of several lines that a server joined, any counts.
    return any(one.strip() == "1" for one in (*gpc.split(","), *dnt.split(",")))


def referrer_of(
    referer: str, host: str, is_own: Callable[[str], bool], template_of: Callable[[str], str | None]
) -> Referrer | None:
    """Return what may be kept of a Referer header.

    Args:
        referer: The header.
        host: The Host header of the same request: a page of the same host is our own.
        is_own: Whether a host's name (lower case, without port) is one that the host application declared.
        template_of: The known route of a path of ours.

    Returns:
        For a page of ours its route's template, or ``(own)``. For a foreign one its origin, ``(ip)`` where its host is
        an address, ``(other)`` where it is no public name. None where the header is no URL.
    """
    match = _url(referer.strip()[:_LONGEST_REFERRER])
    if match is None:
        return None
    scheme, place, path = match.groups()
    place = place.rpartition("@")[2].lower()
    scheme = scheme.lower()
    name = place[: place.find("]") + 1] if place.startswith("[") else place.partition(":")[0]
    if scheme in _DEFAULT_PORTS and place and (_plain(place) == _plain(host.lower()) or is_own(name.rstrip("."))):
        template = template_of(path)
        return _OWN if template is None else Referrer(template)
    if _ip_like(name):
        return _IP
    default = _DEFAULT_PORTS.get(scheme)
    origin = f"{scheme}://{(place.removesuffix(default) if default else place).removesuffix('.')}"
    return Referrer(origin) if is_public_origin(origin) else _OTHER


def _plain(place: str) -> str:
    """Return a host without a port that goes without saying, and without the dot of the root."""
    for port in _DEFAULT_PORTS.values():
        place = place.removesuffix(port)
    return place.removesuffix(".")


_OWN: Final = Referrer(OWN)
_IP: Final = Referrer(IP)
_OTHER: Final = Referrer(OTHER)
