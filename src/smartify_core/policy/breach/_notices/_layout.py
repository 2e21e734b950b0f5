"""A page of a notice as a value, and its two forms: text and HTML. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from attrs import frozen

from ._markup import escaped_lines, wrapped

#: Of a page that is read in a mail: no script, no form, nothing that is loaded from elsewhere. The colours have a
#: contrast of 7 to 1 and more, by day and by night (WCAG 2.2, 1.4.6).
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;background:#f3f4f6;color:#1a1d21;font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "main{max-width:42rem;margin:0 auto;padding:1.25rem;background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.35rem;line-height:1.3;margin:.25rem 0 1rem}"
    "h2{font-size:1.1rem;line-height:1.35;margin:1.75rem 0 .5rem;padding-top:.75rem;border-top:1px solid #c9ced6}"
    "dl{margin:0}dt{font-weight:600;margin-top:.75rem}dd{margin:.1rem 0 0}"
    "p,ul{margin:.6rem 0}ul{padding-left:1.25rem}"
    "code{font:600 1.05em/1.4 ui-monospace,Consolas,monospace}a{color:#0b4a8f}"
    ".mark{border:2px solid #8a1c1c;color:#8a1c1c;padding:.6rem .8rem;font-weight:700}"
    "@media(prefers-color-scheme:dark){body{background:#0f1114;color:#eceff3}main{background:#171a1f}"
    "h2{border-color:#3c434d}a{color:#9ecbff}.mark{border-color:#ffb4ab;color:#ffb4ab}}"
)


@frozen(order=False)
class Paragraph:
    """Some sentences. A marked one is what a reader must not overlook."""

    text: str
    marked: bool = False


@frozen(order=False)
class Listing:
    """Several short texts, one below the other."""

    items: tuple[str, ...]


@frozen(order=False)
class Entry:
    """A short text with what it is called; a code, or an address to follow, where that is said."""

    label: str
    text: str
    code: bool = False
    link: bool = False


# With its hash kept: its two forms are looked up by it.
@frozen(order=False, cache_hash=True)
class Section:
    """A heading and what belongs under it."""

    name: str
    heading: str
    parts: tuple[Paragraph | Listing | Entry, ...]


Block = Paragraph | Section


def text_of(blocks: Iterable[Block]) -> str:
    """Return the text of a page: lines of at most 76 characters, but for an address to follow, which is kept whole."""
    return "\n\n".join(made for block in blocks if (made := _text(block))) + "\n"


@lru_cache(maxsize=1_024)
def _text(block: Block | Listing | Entry) -> str:
    match block:
        case Paragraph():
            return wrapped(block.text, "*** " if block.marked else "")
        case Listing():
            return "\n".join(wrapped(one, "- ", "  ") for one in block.items)
        case Entry(link=True):
            return f"{wrapped(f'{block.label}:')}\n{block.text}"
        case Entry():
            return f"{wrapped(f'{block.label}:')}\n{wrapped(block.text, '  ', '  ')}"
        case Section():
            heading = wrapped(block.heading)
            rule = "-" * max(map(len, heading.splitlines()), default=0)
            return "\n\n".join([f"{heading}\n{rule}", *map(_text, block.parts)])


def html_of(title: str, tag: str, blocks: Iterable[Block]) -> str:
    """Return a page as a complete HTML document in the language of ``tag``."""
    inner = "\n".join(_html(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="{escaped_lines(tag)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped_lines(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1 dir="auto">{escaped_lines(title)}</h1>\n{inner}\n</main>\n</body>\n</html>\n'
    )


@lru_cache(maxsize=256)
def _html(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _paragraph(block)
    made = [f'<section id="{escaped_lines(block.name)}">\n<h2>{escaped_lines(block.heading)}</h2>']
    entries: list[str] = []
    for part in block.parts:
        if isinstance(part, Entry):
            entries.append(_entry(part))
            continue
        made += _definitions(entries)
        entries = []
        made.append(_paragraph(part) if isinstance(part, Paragraph) else _listing(part))
    return "\n".join([*made, *_definitions(entries), "</section>"])


def _paragraph(block: Paragraph) -> str:
    return f'<p dir="auto"{" class=mark" if block.marked else ""}>{escaped_lines(block.text)}</p>'


def _listing(block: Listing) -> str:
    return f"<ul>{''.join(f'<li>{escaped_lines(one)}</li>' for one in block.items)}</ul>"


def _definitions(entries: list[str]) -> list[str]:
    return [f"<dl>\n{chr(10).join(entries)}\n</dl>"] if entries else []


@lru_cache(maxsize=1_024)
def _entry(entry: Entry) -> str:
    value = escaped_lines(entry.text)
    if entry.link and entry.text.startswith(("https://", "http://")):
        value = f'<a href="{value}">{value}</a>'
    elif entry.code:
        value = f"<code>{value}</code>"
    return f'<dt>{escaped_lines(entry.label)}</dt>\n<dd dir="auto">{value}</dd>'
