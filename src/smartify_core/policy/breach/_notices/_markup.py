"""Texts of any origin on their way into a notice: what steers is taken out, and markup is shown as text. Pure.

Two laws: a text becomes HTML by `escaped` and in no other way; and no character passes that changes how what is around
it is read, such as one that turns the direction of writing.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from html import escape
from textwrap import wrap
from typing import Final

#: How wide a line of text is at most.
WIDTH: Final = 76
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
#: Format characters that words of Persian, of languages of India and emoji are written with.
_JOINERS: Final = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})


def _harmless(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if one not in _JOINERS and unicodedata.category(one) in _HIDDEN else one
        for one in text.replace("\t", " ")
    )


@lru_cache(maxsize=1_024)
def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text, whichever character breaks them, without what steers; empty ones are left out."""
    return tuple(kept for line in text.splitlines() if (kept := _harmless(line).strip()))


def one_line(text: str) -> str:
    """Return a text as one line, without what steers: for a subject."""
    return " ".join(" ".join(lines_of(text)).split())


@lru_cache(maxsize=1_024)
def wrapped(text: str, lead: str = "", indent: str = "") -> str:
    """Return a text in lines of at most `WIDTH` characters.

    Args:
        text: The text. Where it breaks lines, they stay broken.
        lead: What the first line begins with.
        indent: What every other line begins with.
    """
    made: list[str] = []
    for line in lines_of(text):
        first = indent if made else lead
        if len(first) + len(line) <= WIDTH:
            made.append(first + line)  # most lines are short, and `wrap` is slow
        else:
            made += wrap(line, WIDTH, initial_indent=first, subsequent_indent=indent)
    return "\n".join(made)


@lru_cache(maxsize=1_024)
def escaped(text: str) -> str:
    """Return the HTML of a text: every character of it is shown, none of it is markup."""
    return "<br>".join(escape(line, quote=True) for line in lines_of(text))
