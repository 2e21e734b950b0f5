"""Texts of any origin on their way into a notice, line by line: what steers is taken out of them. Pure."""

from __future__ import annotations

from functools import lru_cache
from textwrap import wrap
from typing import Final

from smartify_core.policy.breach._markup import escaped, harmless

#: How wide a line of text is at most.
WIDTH: Final = 76


@lru_cache(maxsize=1_024)
def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text, whichever character breaks them, without what steers; empty ones are left out."""
    return tuple(kept for line in text.splitlines() if (kept := harmless(line.replace("\t", " ")).strip()))


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
def escaped_lines(text: str) -> str:
    """Return the HTML of a text: every character of it is shown, none of it is markup, and lines stay broken."""
    return "<br>".join(map(escaped, lines_of(text)))
