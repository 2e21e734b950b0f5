"""Secrets that are planted: made so that no honest text of a log can hold a piece of one by chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from smartify_core.errors import UsageError

#: What a secret looks like.
Kind = Literal["token", "email", "uuid", "number", "script", "bytes", "surrogates", "host part"]

#: How long the shortest piece of a secret is that counts, in characters. A number's counts from `DIGITS` on where other
#: numbers stand, as times do.
PIECE: Final = 4
DIGITS: Final = 6

# No word of English, no name of a browser or a language and no key of a line is written with these letters and digits
# only: four of them in a row, two of them letters, come from a secret. The hexadecimal ones are for what has to be
# hexadecimal. Of digits, 0 and 1 are left out: durations and networks are full of them.
_STRONG: Final = 2
_LETTERS: Final = "jkqvxz"
_HEXADECIMAL: Final = "bdf"
_DIGITS: Final = "23456789"
_SCRIPT: Final = "ЖЩЪЫЭЮЯП"
_NO_TEXT: Final = "".join(map(chr, range(0xC0, 0xDF)))


@frozen
class Secret:
    """What was planted in one place, as text. Bytes that are no text stand for themselves in latin-1."""

    place: str
    text: str
    kind: Kind


class Secrets:
    """Makes secrets, no two of which share a piece.

    Args:
        seed: Other seeds make other secrets.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing is kept safe by them
        self._pieces: set[str] = set()
        self._kinds: dict[str, Callable[[], str]] = {
            "token": lambda: self._word(20),
            "email": self._email,
            "uuid": self._uuid,
            "number": lambda: self._word(16, "", _DIGITS),
            "script": lambda: self._word(12, _SCRIPT, ""),
            "bytes": lambda: f"\xff{self._word(12, _NO_TEXT, '')}",
            "surrogates": lambda: f"\ud83d{self._word(10)}\udcff",
            "host part": self._host_part,
        }

    def made(self, place: str, kind: Kind) -> Secret:
        """Return a new secret for a place; `UsageError` where there is no such kind."""
        make = self._kinds.get(kind)
        if make is None:
            raise UsageError(
                "a secret has no such kind", where="Canary.plant", cure=f"Name one of: {', '.join(self._kinds)}."
            )
        return Secret(place, make(), kind)

    def _email(self) -> str:
        return f"{self._word(10)}@{self._word(8)}.{self._word(PIECE)}"

    def _uuid(self) -> str:
        digits = self._word(30, _HEXADECIMAL)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-b{digits[15:18]}-{digits[18:]}"

    def _host_part(self) -> str:
        digits = self._word(16, _HEXADECIMAL)
        return ":".join(digits[at : at + 4] for at in range(0, 16, 4))

    def _word(self, length: int, letters: str = _LETTERS, digits: str = _DIGITS) -> str:
        """Return a word each of whose pieces is new, backwards too, and has two letters where there are any."""
        word = ""
        mine: set[str] = set()
        while len(word) < length:
            following = [sign for sign in letters + digits if self._is_new((word + sign)[-PIECE:], mine, letters)]
            if following:
                word += self._random.choice(following)
                mine |= pieces_of(word[-PIECE:]) | pieces_of(word[-PIECE:][::-1])
            else:
                word, mine = "", set()
        self._pieces |= mine
        return word

    def _is_new(self, piece: str, mine: set[str], letters: str) -> bool:
        piece = piece.lower()
        return len(piece) < PIECE or (
            piece not in self._pieces
            and piece not in mine
            and piece != piece[::-1]
            and (not letters or sum(sign in letters.lower() for sign in piece) >= _STRONG)
        )


def pieces_of(text: str, length: int = PIECE) -> set[str]:
    """Return every piece of ``text``, in lower case."""
    lowered = text.lower()
    return {lowered[at : at + length] for at in range(len(lowered) - length + 1)}
