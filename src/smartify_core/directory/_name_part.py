"""Whether a name part says anything: the one answer for every source. Pure."""

from __future__ import annotations

import unicodedata

#: Letters, marks and signs that print nothing although their category says letter, mark or symbol: the grapheme joiner,
#: Hangul fillers, Khmer inherent vowels, Mongolian and general variation selectors, the empty Braille cell.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
#: Unicode categories that print nothing: controls, formats (zero-width characters among them) and separators.
#: Characters that this Python does not know yet count as seen, so that an upgrade never turns one name into another.
_SILENT = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def name_part(text: str) -> str:
    """Return ``text``, or the empty string when no character of it can be seen.

    A directory that insists on two name parts gets U+200B for the one that a person does not have.
    """
    for character in text:
        if character not in _BLANK and unicodedata.category(character) not in _SILENT:
            return text
    return ""
