"""What a value looks like that has no business in a log: addresses, numbers of people, tokens, queries. Pure.

These are nets under the schema, for lines that are not of its making. They find what is shaped like data; a first name
has no shape, so nothing but a list of allowed values finds that.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

_IP_ENDS: Final = "[]()<>\"',;"

_mail = re.compile(r"[^\s/@:]@[^\s/@]+\.[^\s/@]|%40", re.IGNORECASE)
_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-|\b[0-9a-f]{32}\b", re.IGNORECASE)
_query = re.compile(r"(?<!\()[?&;][\w.%\[\]-]{1,64}=|%[0-9a-f]{2}", re.IGNORECASE)
_token = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_signed = re.compile(
    r"\beyJ[A-Za-z0-9_-]{8,}|\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|ya29)[_.-]?[A-Za-z0-9]{12,}|\bBearer\s|\bBasic\s"
)
_digits = re.compile(r"(?<![\d.:T-])\+?\d(?:[ -]?\d){6,}")
_day = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z?)?")
_url = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/]+/[^\s]", re.IGNORECASE)
_TOKEN_DIGITS: Final = 4
_TOKEN_CASES: Final = 3


def suspicion(text: str) -> str | None:
    """Return what ``text`` looks like, if that is something that a header-only log never holds.

    Returns:
        ``a control character``, ``no ASCII``, ``an e-mail address``, ``a UUID``, ``a token``, ``a query``,
        ``a full network address``, ``a URL with a path`` or ``a long number``; None for what looks harmless.
    """
    if not text.isascii():
        return "no ASCII"
    if not text.isprintable():
        return "a control character"
    for what, found in (
        ("an e-mail address", _mail.search(text)),
        ("a UUID", _uuid.search(text)),
        ("a token", _signed.search(text) or any(map(_token_like, _token.findall(text)))),
        ("a full network address", any(map(_is_address, text.split()))),
        ("a URL with a path", _url.search(text)),
        ("a query", _query.search(text)),
        ("a long number", _digits.search(_day.sub("", text))),
    ):
        if found:
            return what
    return None


def _token_like(word: str) -> bool:
    """Return whether a long word is no word: letters and digits mixed as only a machine mixes them."""
    pieces = [piece for piece in re.split(r"[/_-]", word.rstrip("=")) if piece]
    longest = max(pieces, key=len, default="")
    digits = sum(character.isdigit() for character in longest)
    if len(longest) < 16 or digits == len(longest):  # noqa: PLR2004 - as in the pattern
        return False
    # From a small letter to a large one and back is a hump of CamelCase; from a letter to a digit and back is none.
    turns = len(re.findall(r"\d[A-Za-z]|[A-Za-z]\d", longest))
    return digits >= _TOKEN_DIGITS and turns >= _TOKEN_CASES


def _is_address(word: str) -> bool:
    word = word.strip(_IP_ENDS)
    bare, colon, port = word.rpartition(":")
    for candidate in (word, bare.strip("[]") if colon and port.isdigit() else ""):
        try:
            ip_address(candidate)
        except ValueError:
            continue
        return True
    return False
