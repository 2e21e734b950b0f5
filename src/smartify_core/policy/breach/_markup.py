"""Texts of any origin on their way into HTML, for notices and evidence alike. Pure.

Two laws: a text becomes HTML by `escaped` and in no other way, so that all of it is shown and none of it is markup; and
no character passes that changes how what is around it is read, such as one that turns the direction of writing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

#: Characters that steer what is around them: controls, surrogates, and those that turn the direction of writing.
_STEERING: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
#: Format characters that words of Persian, of languages of India and emoji are written with.
_JOINERS: Final = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})
_unusual: Final = re.compile(r"[^ -~\n\t]")
_VOID: Final = frozenset({"meta"})


class Markup(str):
    """Text that is markup already. Only `element` and `joined` make it."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | None) -> Markup:
    """Return an element.

    Args:
        tag: Its name.
        children: What is inside: `Markup` as it is, any other text escaped; ``None`` is nothing.
        attributes: By name, with underscores for hyphens and ``class_`` for ``class``; ``None`` leaves one out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{given}>")
    inside = "".join(one if isinstance(one, Markup) else escaped(one) for one in children if one is not None)
    return Markup(f"<{tag}{given}>{inside}</{tag}>")


def joined(*parts: Markup | None) -> Markup:
    """Return several pieces of markup as one."""
    return Markup("\n".join(one for one in parts if one is not None))


def escaped(text: str) -> str:
    """Return a text as markup shows it, its line breaks as they are: harmless, and none of it markup."""
    return html.escape(harmless(text), quote=True)


def harmless(text: str) -> str:
    """Return a text with U+FFFD for each character that would steer its surroundings."""
    return _unusual.sub(_shown, text.replace("\r\n", "\n"))


def _shown(found: re.Match[str]) -> str:
    is_steering = found[0] not in _JOINERS and unicodedata.category(found[0]) in _STEERING
    return "\N{REPLACEMENT CHARACTER}" if is_steering else found[0]
