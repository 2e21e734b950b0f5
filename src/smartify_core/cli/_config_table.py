"""Reading TOML tables, every mistake named by file and key.

Values are never quoted: one may be an address or a secret.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from attrs import frozen

from smartify_core.errors import ConfigInvalid

T = TypeVar("T")

_A_MISTAKE_STAYS_SHORT: Final = 60
_position = re.compile(r"\((at line \d+, column \d+|at end of document)\)").search
_duration = re.compile(r"([0-9]{1,9})([smhd])").fullmatch
_UNITS: Final[Mapping[str, timedelta]] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigInvalid(
            "there is no configuration file",
            where=str(file),
            cure="Write one with `smartify init`, or name another with --config FILE.",
        ) from None
    except OSError as error:
        raise ConfigInvalid(
            f"the configuration file cannot be read ({type(error).__name__})",
            where=str(file),
            cure="Name a readable file.",
        ) from None
    except UnicodeDecodeError:
        raise ConfigInvalid(
            "the configuration file is not UTF-8 text", where=str(file), cure="Save it as UTF-8."
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Of the parser's message only the position is kept: the rest may quote the file.
        position = _position(str(error))
        where = f"{file}, {position[1].removeprefix('at ')}" if position else str(file)
        raise ConfigInvalid("the configuration file is not TOML", where=where, cure="Correct it there.") from None


def duration_of(text: str) -> timedelta | None:
    """Return what a text such as ``90s``, ``15m``, ``6h`` or ``20d`` means, or ``None`` for any other text."""
    found = _duration(text)
    try:
        return None if found is None else int(found[1]) * _UNITS[found[2]]
    except OverflowError:
        return None


@frozen(order=False)
class Table:
    """One table of the file, and the way to it."""

    content: Mapping[str, Any]
    file: Path
    way: tuple[str, ...]

    def wrong(self, what: str, cure: str, *key: str) -> ConfigInvalid:
        way = ".".join((*self.way, *key))
        return ConfigInvalid(what, where=f"{self.file}: {way}" if way else str(self.file), cure=cure)

    def only(self, known: Collection[str]) -> None:
        for key in self.content:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                valid = ", ".join(sorted(known))
                hint = f"Did you mean {near[0]!r}? Valid here: {valid}." if near else f"Valid here: {valid}."
                raise self.wrong("there is no such key", hint, key[:_A_MISTAKE_STAYS_SHORT])

    @property
    def quoted_folder(self) -> str:
        """Return the folder of the file, percent-encoded: its name need not be UTF-8."""
        return quote(os.fsencode(self.file.absolute().parent))

    def table(self, key: str) -> Table:
        content = self._value(key, f"Add a table [{'.'.join((*self.way, key))}].")
        if not isinstance(content, dict):
            raise self._kind(key, "a table")
        return Table(content, self.file, (*self.way, key))

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            raise self._kind(key, "a text that is not empty")
        return value

    def path(self, key: str) -> Path:
        text = self.text(key)
        if "\0" in text:
            raise self._kind(key, "the path of a file")
        return self.file.absolute().parent / text

    def count(self, key: str) -> int:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._kind(key, "a whole number of 1 or more")
        return value

    def seconds(self, key: str) -> float:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self._kind(key, "a number of seconds above 0")
        return float(value)

    def duration(self, key: str) -> timedelta:
        value = self._value(key)
        found = duration_of(value) if isinstance(value, str) else None
        if found is None:
            raise self._kind(key, 'a duration such as "90s", "15m", "6h" or "20d"')
        return found

    def switch(self, key: str) -> bool:
        value = self._value(key)
        if not isinstance(value, bool):
            raise self._kind(key, "true or false")
        return value

    def number(self, key: str) -> float:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise self._kind(key, "a number of 0 or more")
        return float(value)

    def whole(self, key: str) -> int:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._kind(key, "a whole number of 0 or more")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self._kind(key, "a list of texts that are not empty")
        return tuple(value)

    def given(self, key: str, read: Callable[[str], T], default: T) -> T:
        return read(key) if key in self.content else default

    def optional(self, key: str, read: Callable[[str], T]) -> T | None:
        return read(key) if key in self.content else None

    def _value(self, key: str, cure: str | None = None) -> object:
        if key not in self.content:
            raise self.wrong("a key is missing", cure or f"Add {key} = ....", key)
        return self.content[key]

    def _kind(self, key: str, expected: str) -> ConfigInvalid:
        return self.wrong("a value is of the wrong kind", f"It must be {expected}.", key)
