"""Reading answers by the names of their columns, each value as what it must be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from smartify_core.requestlog.analysis import Answer

Value = str | int | float | None


@frozen
class Row:
    """One row of an answer."""

    values: Mapping[str, Value]

    def count(self, name: str) -> int:
        """Return a whole number that must be there."""
        found = self.values[name]
        if found is None:
            raise TypeError(f"no {name}")
        return int(found)

    def maybe(self, name: str) -> int | None:
        """Return a whole number, or None."""
        found = self.values[name]
        return None if found is None else int(found)

    def number(self, name: str) -> float | None:
        """Return a number, or None."""
        found = self.values[name]
        return None if found is None else float(found)

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        return str(self.values[name])

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None."""
        found = self.values[name]
        return None if found is None else str(found)


def rows_of(answer: Answer) -> Iterator[Row]:
    """Give each row of an answer."""
    for values in answer.rows:
        yield Row(dict(zip(answer.columns, values, strict=True)))
