"""Reading what proxies wrote: the hops of ``Forwarded`` (RFC 7239) and ``X-Forwarded-For``, from the nearest one on.

Every proxy adds its own peer at the right. What stands left of the first hop that no trusted proxy wrote is the
sender's own writing, so everything here reads from the right and looks at nothing further left than it must: no quote,
comma, length or count that the sender writes can change what is read to the right of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

#: The most hops that are looked at, and the most characters, counted from the right over all lines.
MOST_HOPS: Final = 32
MOST_CHARACTERS: Final = 2_048
#: A hop that tells no address.
UNKNOWN: Final = ""
_SPACE: Final = " \t"

_is_port = re.compile(r":(?:[0-9]{1,5}|_[A-Za-z0-9._-]{1,64})", re.ASCII).fullmatch
_name = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# A value without quotes may hold the colons and brackets that RFC 7239 wants quoted: some proxies forget to.
_pair = re.compile(
    rf'[ \t]*(?:(?P<name>{_name})=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^",;\s]+)))?[ \t]*(?:;|\Z)', re.ASCII
).match
_escape = re.compile(r"\\(.)")


def forwarded_for(lines: Sequence[str]) -> Iterator[str]:
    """Yield the hops of ``X-Forwarded-For``, the nearest first. One that cannot be read is `UNKNOWN`, and the last."""
    return _hops(lines, lambda line: reversed(line.split(",")), hop_listed)


def forwarded(lines: Sequence[str]) -> Iterator[str]:
    """Yield the hops of ``Forwarded``, the nearest first. One that cannot be read is `UNKNOWN`, and the last."""
    return _hops(lines, _elements, hop_of_element)


def _hops(
    lines: Sequence[str], parts_of: Callable[[str], Iterable[str]], hop_of: Callable[[str], str]
) -> Iterator[str]:
    """Yield the hop of each part of each line, from the right, until something cannot be read."""
    room, hops = MOST_CHARACTERS, 0
    for line in reversed(lines):
        left = len(line)
        # Of a line that is cut, the left-most part may be half of one.
        whole = left <= room
        if not whole:
            line, left = line[left - room :], room  # noqa: PLW2901 - the line, as far as it is looked at
        room -= left
        for part in parts_of(line):
            left -= len(part) + 1
            hops += 1
            hop = hop_of(part) if hops <= MOST_HOPS and (whole or left > 0) else UNKNOWN
            yield hop
            if not hop:
                return


def _elements(line: str) -> Iterator[str]:
    """Yield the elements of a list whose items may hold quoted strings, the right-most first.

    From the right, the first quote is the end of a quoted string. Its beginning is the next quote further left that no
    odd number of backslashes precedes; commas in between are part of it.
    """
    end, quoted = len(line), False
    for at in range(len(line) - 1, -1, -1):
        character = line[at]
        if character == '"':
            before = line[:at]
            if not quoted or (at - len(before.rstrip("\\"))) % 2 == 0:
                quoted = not quoted
        elif character == "," and not quoted:
            yield line[at + 1 : end]
            end = at
    yield line[:end]


def hop_of_element(element: str) -> str:
    """Return the hop that one element of ``Forwarded`` tells of."""
    if '"' in element:
        return _hop_of_quoted(element)
    hop = None
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip(_SPACE).lower() == "for":
            if hop is not None:
                return UNKNOWN
            hop = value.strip(_SPACE)
    return UNKNOWN if hop is None else (_node(hop) if ":" in hop else hop)


def _hop_of_quoted(element: str) -> str:
    at, hop = 0, None
    while at < len(element):
        match = _pair(element, at)
        if match is None:
            return UNKNOWN
        at = match.end()
        if (match["name"] or "").lower() == "for":
            if hop is not None:
                return UNKNOWN
            hop = match["bare"] if match["quoted"] is None else _escape.sub(r"\1", match["quoted"])
    return UNKNOWN if hop is None else _node(hop)


def hop_listed(text: str) -> str:
    """Return the hop that one item of ``X-Forwarded-For`` tells of; some proxies quote it as RFC 7239 would."""
    text = text.strip(_SPACE)
    if '"' in text:
        text = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else UNKNOWN
    return _node(text) if ":" in text else text


def _node(text: str) -> str:
    """Return the address of a node without its brackets and port, or `UNKNOWN`. Whether it is one is not asked."""
    if text.startswith("["):
        address, closed, port = text[1:].partition("]")
        return address if closed and ":" in address and (not port or _is_port(port)) else UNKNOWN
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address if _is_port(f":{port}") else UNKNOWN
    return text
