"""Readable templates of routes that frameworks write as regular expressions. Pure functions of what a developer wrote.

Nothing of a request comes in here: a pattern is part of the application's code.
"""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = re.compile(r"\?P<(\w+)>(.*)", re.DOTALL)
_BACK: Final = re.compile(r"\?P=(\w+)")
_LOOKING: Final = re.compile(r"\?(?:<?[=!]|#)")
_FLAGS: Final = re.compile(r"\?[aiLmsux-]+(:?)(.*)", re.DOTALL)
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_CONVERTER: Final = re.compile(r"<[^<>()]*>")
_ANY: Final = "{}"
_CLASSES: Final = "dDwWsS"
_PLACES: Final = "AbBZ"


def template_of_regex(pattern: str) -> str:
    r"""Return a regular expression of paths as a template: ``^articles/(?P<year>\d{4})/$`` is ``articles/{year}/``.

    A named group becomes its name in braces, whatever else stands for varying text becomes ``{}``; anchors,
    quantifiers and look-arounds go. Converters in angle brackets, as of Django's ``path``, stay as they are.
    """
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        quantifier = _QUANTIFIER.match(pattern, at)
        if quantifier is not None:
            at = quantifier.end()
        if not (piece == _ANY and pieces and pieces[-1] == _ANY):
            pieces.append(piece)
    return "".join(pieces)


def _piece(pattern: str, at: int) -> tuple[str, int]:
    """Return what the pattern at ``at`` reads as, and where it goes on."""
    sign = pattern[at]
    if sign == "(":
        end = _end_of_group(pattern, at)
        return _group(pattern[at + 1 : end]), end + 1
    if sign == "[":
        return _ANY, _end_of_set(pattern, at) + 1
    if sign == "\\":
        escaped = pattern[at + 1 : at + 2]
        return _ANY if escaped in _CLASSES and escaped else "" if escaped in _PLACES else escaped, at + 2
    if sign == "<":
        converter = _CONVERTER.match(pattern, at)
        return (sign, at + 1) if converter is None else (converter[0], converter.end())
    if sign == "." and _QUANTIFIER.match(pattern, at + 1):
        return _ANY, at + 1
    return "" if sign in "^$" else sign, at + 1


def _group(inner: str) -> str:
    named, back, flags = _NAMED.match(inner), _BACK.match(inner), _FLAGS.match(inner)
    if named is not None or back is not None:
        return f"{{{(named or back)[1]}}}"  # type: ignore[index]  # one of them matched
    if _LOOKING.match(inner):
        return ""
    if inner.startswith("?:") or flags is not None:
        text = inner[2:] if flags is None else flags[2] if flags[1] else ""
        return _ANY if _has_alternatives(text) else template_of_regex(text)
    return _ANY


def _has_alternatives(pattern: str) -> bool:
    at = 0
    while at < len(pattern):
        if pattern[at] == "|":
            return True
        _, at = _piece(pattern, at)
    return False


def _end_of_group(pattern: str, at: int) -> int:
    """Return where the group that opens at ``at`` closes; the pattern's last place where it never does."""
    depth = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif sign == "[":
            at = _end_of_set(pattern, at)
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if not depth:
                return at
        at += 1
    return at


def _end_of_set(pattern: str, at: int) -> int:
    # A bracket that comes first, also after ^, is one of the set.
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at


def without_regexes(pattern: str) -> str:
    r"""Return a pattern of Pyramid's without the expressions of its parameters: ``{year:\d{4}}`` is ``{year}``."""
    kept: list[str] = []
    depth = 0
    skipping = False
    for sign in pattern:
        depth += (sign == "{") - (sign == "}")
        if depth == 1 and sign == ":":
            skipping = True
        elif not depth:
            skipping = False
        if not skipping:
            kept.append(sign)
    return "".join(kept)
