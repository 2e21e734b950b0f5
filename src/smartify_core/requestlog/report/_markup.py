"""HTML and SVG as values. Pure.

Laws of this file:

1. Text becomes markup in `render` and nowhere else, and is escaped there: no value is ever joined to markup by hand.
2. Elements and attributes are of closed lists. There is none among them that runs, loads or submits anything, and an
   address can only be a place in the same page.
3. No character passes that steers what is around it: controls, surrogates, and format characters such as those that
   turn the direction of writing. Each is shown as U+FFFD.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from attrs import frozen

HTML: Final = frozenset(
    """
    a bdi body caption code dd details div dl dt em figcaption figure footer h1 h2 h3 head header html li main meta nav
    p section small span strong style summary table tbody td tfoot th thead time title tr ul wbr
    """.split()  # noqa: SIM905 - a page of words, where a list would be a column of forty lines
)
SVG: Final = frozenset({"circle", "desc", "g", "line", "path", "rect", "svg", "text", "tspan"})
ATTRIBUTES: Final = frozenset(
    """
    aria-hidden aria-label aria-labelledby aria-describedby charset class content cx cy d datetime dx focusable height
    href http-equiv id lang name preserveAspectRatio r role rx scope tabindex text-anchor viewBox width x x1 x2 y y1 y2
    """.split()  # noqa: SIM905 - as above
)
_VOID: Final = frozenset({"meta", "wbr"})
#: Elements of SVG that have nothing inside; in foreign content HTML lets them close themselves.
_LEAVES: Final = frozenset({"circle", "line", "path", "rect"})
#: Elements that begin a line, so that a change of the page can be read in a diff.
_LINES: Final = frozenset(
    """
    body details dl dt figure footer h1 h2 h3 head header li main meta nav p section style svg table tbody td th thead
    title tr ul
    """.split()  # noqa: SIM905 - as above
)
#: Python cannot say these as names of parameters.
_NAMES: Final = {"class_": "class", "viewbox": "viewBox", "preserve": "preserveAspectRatio"}
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_place = re.compile(r"#[a-z][a-z0-9-]*").fullmatch
_plain = re.compile(r"[ -~]*").fullmatch


@frozen(order=False)
class Element:
    """One element. Made by `element`, which looks at the names."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Element | str, ...]


Node = Element | str


def element(tag: str, *children: Node | None, **attributes: str | float | None) -> Element:
    """Return an element.

    Args:
        tag: Its name, of those that there are here.
        children: What is inside; ``None`` is nothing.
        attributes: By name, with underscores for hyphens and ``class_`` for ``class``; ``None`` leaves one out.
            A number with a fraction is written with two digits at most.

    Raises:
        ValueError: The name is not of the closed list, or the address leads out of the page: a fault of this package.
    """
    if tag not in HTML and tag not in SVG:
        raise ValueError(f"no element {tag}")
    given = tuple(
        (_checked(_NAMES.get(name, name.replace("_", "-")), value), _written(value))
        for name, value in attributes.items()
        if value is not None
    )
    return Element(tag, given, tuple(child for child in children if child is not None))


def harmless(text: str) -> str:
    """Return ``text`` with U+FFFD for each character that would steer its surroundings or cannot be written."""
    if _plain(text):
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in _HIDDEN else one for one in text)


def render(node: Node) -> str:
    """Return the markup of a node and all that is inside."""
    return "".join(_parts(node))


def _parts(node: Node) -> Iterator[str]:
    if isinstance(node, str):
        yield _escaped(node)
        return
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in node.attributes)
    lead = "\n" if node.tag in _LINES else ""
    if node.tag in _LEAVES and not node.children:
        yield f"<{node.tag}{attributes}/>"
        return
    yield f"{lead}<{node.tag}{attributes}>"
    if node.tag in _VOID:
        return
    if node.tag == "style":
        yield from _stylesheet(node)
    else:
        for child in node.children:
            yield from _parts(child)
    yield f"</{node.tag}>"


def _stylesheet(node: Element) -> Iterator[str]:
    """Give the text of a style sheet as it is: nothing is escaped in there, so nothing may end it."""
    for child in node.children:
        if not isinstance(child, str) or "<" in child:
            raise ValueError("a style sheet holds text alone, and no angle bracket")
        yield child


def _checked(name: str, value: str | float) -> str:
    if name not in ATTRIBUTES:
        raise ValueError(f"no attribute {name}")
    if name == "href" and not _place(str(value)):
        raise ValueError("an address is a place in the page")
    return name


def _written(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _escaped(text: str) -> str:
    shown = harmless(text)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
