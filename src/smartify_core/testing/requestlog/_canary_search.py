"""Looking for pieces of secrets in what was written, in every form that a log might give them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.requestlog import read_line

from ._canary_secrets import DIGITS, PIECE, Secret, pieces_of

#: How many characters of base64 and of hexadecimal digits a piece has at least.
_BASE64: Final = 6
_HEX: Final = 2 * PIECE
# JSON inside of JSON has its backslashes escaped once more.
_escape = re.compile(r"\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", re.IGNORECASE)
_time = re.compile(r'"time": ?\d+')


@frozen
class Found:
    """A piece of a secret that was found: where it had been planted, and under which key it stands now."""

    place: str
    key: str | None


class Search:
    """Finds pieces of secrets in lines. Letters count in either case, and words backwards as well.

    Args:
        secrets: What to look for.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._by_length: dict[int, dict[str, str]] = {}
        self._exact: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        for secret in secrets:
            self._add(secret)

    def _add(self, secret: Secret) -> None:
        texts, encoded = forms(secret)
        for text in texts:
            for way in (text, text[::-1]):
                if secret.kind == "number":
                    self._digits.update(dict.fromkeys(pieces_of(way), secret.place))
                    self._at(DIGITS).update(dict.fromkeys(pieces_of(way, DIGITS), secret.place))
                else:
                    self._at(PIECE).update(dict.fromkeys(pieces_of(way), secret.place))
        for data in encoded:
            digits = data.hex()
            steps = range(0, len(digits) - _HEX + 1, 2)
            self._at(_HEX).update({digits[at : at + _HEX]: secret.place for at in steps})
            self._exact.update(dict.fromkeys(_base64_pieces(data), secret.place))

    def _at(self, length: int) -> dict[str, str]:
        return self._by_length.setdefault(length, {})

    def find(self, line: bytes | str | Mapping[str, Any]) -> Found | None:
        """Return the first piece of a secret that a line holds; None where it holds none."""
        text = _text_of(line)
        place = self._in(text)
        if place is None and isinstance(line, (bytes, bytearray)):
            place = self._in(_as_utf8(bytes(line)))
        # A text without an escape says what its items say; they are looked at for the key then, and otherwise for all.
        if place is not None or "\\" in text:
            for key, value in _items_of(line):
                inside = self._in(value) or self._in(key)
                if inside is not None:
                    return Found(inside, key if self._in(key) is None else None)
        if place is None and _is_record(line):
            # The time is a whole number, which was checked; no other number of a record has so many digits.
            place = _first(_time.sub("", text), self._digits, PIECE)
        return None if place is None else Found(place, None)

    def _in(self, text: str) -> str | None:
        for form in readings(text):
            for length, pieces in self._by_length.items():
                place = _first(form.lower(), pieces, length)
                if place is not None:
                    return place
            place = _first(form, self._exact, _BASE64)
            if place is not None:
                return place
        return None


def forms(secret: Secret) -> tuple[set[str], set[bytes]]:
    """Return a secret as the texts, and as the bytes, that it may be written as."""
    data = secret.text.encode("latin-1") if secret.kind == "bytes" else secret.text.encode("utf-8", "surrogatepass")
    texts = {secret.text, data.decode("latin-1"), data.decode("utf-8", "surrogateescape")}
    return texts, {data}


def _base64_pieces(data: bytes) -> Iterator[str]:
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode("ascii")
        # What the bytes before and the padding had a part in is left out.
        inner = whole[(before * 8 + 5) // 6 : -4]
        for text in (inner, inner.replace("+", "-").replace("/", "_")):
            yield from (text[at : at + _BASE64] for at in range(len(text) - _BASE64 + 1))


def readings(text: str) -> Iterator[str]:
    """Yield a text, and what it says once escapes of two kinds are read."""
    yield text
    if "\\" in text:
        yield _escape.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    if "%" in text:
        for _ in range(2):
            text = unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("latin-1")
            yield text


def _first(text: str, pieces: Mapping[str, str], length: int) -> str | None:
    if pieces:
        for at in range(len(text) - length + 1):
            place = pieces.get(text[at : at + length])
            if place is not None:
                return place
    return None


def _text_of(line: bytes | str | Mapping[str, Any]) -> str:
    if isinstance(line, Mapping):
        return json.dumps(line, default=repr, ensure_ascii=False)
    return line.decode("latin-1") if isinstance(line, (bytes, bytearray)) else line


def _as_utf8(line: bytes) -> str:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogateescape")


def _items_of(line: bytes | str | Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of an entry, as text; nothing where the line is no entry."""
    entry: object = line
    if not isinstance(line, Mapping):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return
    if isinstance(entry, Mapping):
        for key, value in entry.items():
            # What is no text is a number, or holds further entries.
            yield str(key), value if isinstance(value, str) else json.dumps(value, default=repr, ensure_ascii=False)


def _is_record(line: bytes | str | Mapping[str, Any]) -> bool:
    try:
        read_line(_text_of(line).encode("ascii"))
    except (UsageError, UnicodeEncodeError):
        return False
    return True
