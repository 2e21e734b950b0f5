"""HTML that cannot be broken out of: a text becomes markup in `element` alone, and is escaped there. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

#: Characters that steer what is around them: controls, surrogates, and those that turn the direction of writing.
_STEERING: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
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
    """Return a text as markup shows it, with U+FFFD for each character that would steer its surroundings."""
    return html.escape(_unusual.sub(_harmless, text.replace("\r\n", "\n")), quote=True)


def _harmless(found: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(found[0]) in _STEERING else found[0]
