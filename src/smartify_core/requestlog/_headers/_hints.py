"""User-agent client hints: what Chromium browsers say of themselves in ``Sec-CH-UA``, ``-Mobile`` and ``-Platform``.

The headers are structured fields (RFC 9651): a list of strings with a parameter ``v``, a boolean and a string. A header
that does not keep to that was not made by a browser, and counts for nothing. Browsers put a brand of random letters
among theirs, so that nobody relies on a fixed list (GREASE); here only known brands count, so any other is passed over.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from smartify_core.requestlog._event._browsers import OTHER, brand_named, system_named
from smartify_core.requestlog._event._schema import RANGES

_LONGEST: Final = 512
_MOST_BRANDS: Final = 16
#: The last version that is told.
LAST_VERSION: Final = RANGES["version"][1]

_string = r'"((?:[ !\x23-\x5b\x5d-\x7e]|\\["\\])*)"'
_bare = rf"(?:{_string}|\?[01]|-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*)"
_brand = re.compile(rf"{_string}((?:; *[a-z*][a-z0-9_\-.*]*(?:={_bare})?)*)", re.ASCII).match
_parameter = re.compile(rf"; *([a-z*][a-z0-9_\-.*]*)(?:=({_bare}))?", re.ASCII)
_next = re.compile(r"[ \t]*(?:\Z|,[ \t]*(?!\Z))").match
_whole_string = re.compile(_string, re.ASCII).fullmatch
_version_like = re.compile(r'"([0-9]{1,4})(?:\.[0-9.]*)?"', re.ASCII).fullmatch
_escape = re.compile(r"\\(.)")
_MOBILE: Final = {"": None, "?1": True, "?0": False}


@frozen(order=False)
class Hints:
    """What client hints say.

    Args:
        browser: The most specific brand that is known.
        version: Its major version; None beyond `LAST_VERSION`.
        engine: The major version of Chromium; None where that brand is missing.
        os: The operating system; None where it is not told, ``Other`` where it is none that is known.
        mobile: Whether the browser wants pages for small screens; None where it is not told.
    """

    browser: str
    version: int | None
    engine: int | None
    os: str | None
    mobile: bool | None


def hints_of(ch_ua: str, mobile: str, platform: str) -> Hints | None:
    """Return what the three headers say; None where there are none, one is malformed or no brand is known."""
    if not ch_ua or mobile not in _MOBILE or len(ch_ua) > _LONGEST or len(platform) > _LONGEST:
        return None
    brands = _brands(ch_ua)
    system = _whole_string(platform) if platform else None
    if not brands or (platform and system is None):
        return None
    known = [(*named, version) for name, version in brands if (named := brand_named(name)) is not None]
    if not known:
        return None
    _, browser, version = min(known)
    name = None if system is None else _escape.sub(r"\1", system[1])
    return Hints(
        browser,
        version if version <= LAST_VERSION else None,
        next((number for _, family, number in known if family == "Chromium"), None),
        None if name in {None, "", "Unknown"} else system_named(name or OTHER),
        _MOBILE[mobile],
    )


def _brands(ch_ua: str) -> list[tuple[str, int]] | None:
    """Return each brand with its major version, None unless the header is a list of strings that all have one."""
    brands: list[tuple[str, int]] = []
    at = 0
    while at < len(ch_ua):
        match = _brand(ch_ua, at)
        if match is None or len(brands) >= _MOST_BRANDS:
            return None
        parameters = {found[1]: found[2] for found in _parameter.finditer(ch_ua, match.end(1) + 1, match.end())}
        version = _version_like(parameters.get("v") or "")
        separator = _next(ch_ua, match.end())
        if version is None or separator is None:
            return None
        brands.append((_escape.sub(r"\1", match[1]), int(version[1])))
        at = separator.end()
    return brands
