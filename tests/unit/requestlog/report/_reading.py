"""A page as what it is made of, read by the standard library's own parser."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from attrs import define, field

from smartify_core.requestlog.report._markup import _VOID

#: Elements whose text goes on with what is around them.
_IN_LINES = {"a", "bdi", "code", "em", "small", "span", "strong", "time", "wbr"}


@define(repr=False)
class Read:
    """One element of a page that was read."""

    tag: str
    attributes: dict[str, str]
    children: list[Read | str] = field(factory=list)

    def all(self, *tags: str) -> Iterator[Read]:
        """Give every element below with one of these names."""
        for child in self.children:
            if isinstance(child, Read):
                if child.tag in tags or not tags:
                    yield child
                yield from child.all(*tags)

    def one(self, name: str) -> Read:
        """Return the element with an id."""
        return next(found for found in self.all() if found.attributes.get("id") == name)

    @property
    def text(self) -> str:
        """All text below, its spaces as one."""
        return " ".join(self._whole.split())

    @property
    def _whole(self) -> str:
        inside = "".join(child if isinstance(child, str) else child._whole for child in self.children)
        return inside if self.tag in _IN_LINES else f" {inside} "

    def rows(self) -> list[list[str]]:
        """Return the cells of the rows below that are no heads."""
        bodies = list(self.all("tbody", "tfoot"))
        return [
            ["" if cell.tag == "td" and not cell.children else _cell(cell) for cell in row.all("th", "td")]
            for body in bodies
            for row in body.all("tr")
        ]


def _cell(cell: Read) -> str:
    leads = [child.text for child in cell.all("span") if child.attributes.get("class") == "lead"]
    return cell.text.removeprefix(leads[0] if leads else "").strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top = Read("", {})
        self._open = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Read(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        if tag not in _VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Read(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"{tag} ends {self._open[-1].tag}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(page: str) -> Read:
    """Return a page; every element in it must end where it may."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader._open == [reader.top]
    return reader.top
