"""What analysis answers with: values. Pure."""

from __future__ import annotations

from typing import Final

from attrs import frozen

#: The value of the row that holds everything too rare to be told apart.
FEW: Final = "(few)"

#: One value of a row.
Cell = str | int | float | None
Row = tuple[Cell, ...]


@frozen
class Answer:
    """The answer to one question.

    Attributes:
        question: The question's name.
        columns: The names of the columns.
        rows: The rows, in a fixed order that the question tells. Counts are exact integers; times are whole seconds
            since 1970 UTC; None stands for a value that the requests do not have.
        folded: How many requests the floor hid in ``(few)``.
        floor: What the floor did, in one sentence.
        notes: What else a reader must know, a sentence each: which days are answered from cells.
    """

    question: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: int = 0
    floor: str = ""
    notes: tuple[str, ...] = ()


@frozen(kw_only=True)
class Coverage:
    """What the answers rest on, and what they miss.

    Attributes:
        events: Events that were read.
        first: When the first of them came in, in seconds since 1970 UTC; None where there is none.
        last: When the last of them came in.
        dropped: Events that the log lost, by its own notes.
        folded: Requests whose feature went to ``(other)``, by the log's notes.
        unreadable: Lines that are no events and no notes: torn, no JSON, or without what every event has.
        expired: Events that retention deleted, by the log's notes.
        files: Files that were read.
        rolled: Requests that are known from the cells of expired days only.
        cell_days: How many days that are.
    """

    events: int
    first: int | None
    last: int | None
    dropped: int = 0
    folded: int = 0
    unreadable: int = 0
    expired: int = 0
    files: int = 0
    rolled: int = 0
    cell_days: int = 0
