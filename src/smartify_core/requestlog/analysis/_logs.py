"""Asking and answering, whatever runs the SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from threading import RLock
from types import TracebackType
from typing import Any, Final, Self

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._schema import RANGES

from ._answers import FEW, Answer, Coverage, Row
from ._asked import Asked
from ._dimensions import APPLICATION
from ._floor import checked_floor, whole_number
from ._lines import UNREADABLE
from ._questions import QUESTIONS, Question
from ._sql import filled, named
from ._steps import cell_day

#: No clock is further ahead of UTC, or behind it, in minutes.
_MOST_AHEAD: Final = 18 * 60

_TOLD: Final = """
select kind, sum(n) from (select kind, n from @told union all select value, n from @cells where kind = 'note') as a
group by kind"""
_ROLLED: Final = "select sum(n), count(distinct $day), min(start), max(last) from @cells where kind = 'use'"


class Logs(ABC):
    """A request log that can be asked. The log is read once, at the first question; all answers are of that state."""

    def __init__(
        self, *, k: int, since: int | datetime | None, until: int | datetime | None, offset: int, prefix: str = ""
    ) -> None:
        self.k: Final[int] = checked_floor(k)
        self.offset: Final[int] = whole_number("offset", offset, -_MOST_AHEAD, _MOST_AHEAD)
        self.since: Final[int | None] = _time("since", since)
        self.until: Final[int | None] = _time("until", until)
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise UsageError("the period is empty", where="since, until", cure="Let it end after it begins.")
        self._prefix = prefix
        self._lock = RLock()
        self._coverage: Coverage | None = None
        self._closed = False

    def __enter__(self) -> Self:
        """Return the engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that was read. Safe to call twice."""

    @abstractmethod
    def _read(self) -> tuple[int, int, int]:
        """Make the relations that questions read.

        Returns:
            How many files were read, how many events of the period expired, and how many lines of the ledger of that
            are unreadable.
        """

    @abstractmethod
    def _rows(self, query: str) -> Sequence[Row]:
        """Run a query."""

    def _sql(self, query: str) -> str:
        """Return a query with the relations' own names in it."""
        return named(query, lambda name: f"{self._prefix}{name}")

    def ask(self, name: str, **parameters: Any) -> Answer:  # noqa: ANN401 - every question has its own; they are checked
        """Answer a question. See `Engine.ask`."""
        question = QUESTIONS.get(name)
        if question is None:
            raise UsageError(
                "there is no such question", where="ask", cure=f"Ask one of {', '.join(sorted(QUESTIONS))}."
            )
        if unknown := sorted(parameters.keys() - set(question.parameters)):
            raise UsageError(
                f"the question takes no {unknown[0]!r}",
                where=name,
                cure=f"It takes {', '.join(question.parameters) or 'nothing'}.",
            )
        is_personal = question.personal and parameters.get("of") not in APPLICATION
        with self._lock:
            coverage = self.coverage()
            asked = Asked(name, parameters, self.k, self.offset, self.since, self.until, coverage.last)
            rows = tuple(self._rows(self._sql(question.make(asked))))
            if question.finish is not None:
                rows = question.finish(rows, asked)
            return Answer(
                name,
                question.columns,
                rows,
                _folded(question, rows) if is_personal else 0,
                self._floor(is_personal=is_personal),
                self._notes(question, coverage),
            )

    def coverage(self) -> Coverage:
        """Return what the answers rest on, and what they miss."""
        with self._lock:
            if self._closed:
                raise UsageError("it was closed", where=type(self).__name__, cure="Open the log again.")
            if self._coverage is None:
                self._coverage = self._covered(*self._read())
            return self._coverage

    def _covered(self, files: int, expired: int, unreadable: int) -> Coverage:
        ((events, first, last),) = self._rows(self._sql("select sum(n), min(first), max(last) from @uses"))
        told = {str(kind): int(n or 0) for kind, n in self._rows(self._sql(_TOLD))}
        query = filled(_ROLLED, day=cell_day(self.offset))
        ((rolled, days, cells_first, cells_last),) = self._rows(self._sql(query))
        return Coverage(
            events=int(events or 0),
            first=_one_of(min, first, cells_first),
            last=_one_of(max, last, cells_last),
            dropped=told.get("dropped", 0),
            folded=told.get("folded", 0),
            unreadable=told.get(UNREADABLE, 0) + unreadable,
            expired=told.get("expired", 0) + expired,
            files=files,
            rolled=int(rolled or 0),
            cell_days=int(days or 0),
        )

    def _floor(self, *, is_personal: bool) -> str:
        if not is_personal:
            return "No floor: nothing here is about the sender's equipment."
        if self.k == 1:
            return "No floor was asked for (k = 1): a value may point at one person."
        return (
            f"A value seen from fewer than {self.k} networks is counted in {FEW}, "
            "and so is what would follow from the rest."
        )

    def _notes(self, question: Question, coverage: Coverage) -> tuple[str, ...]:
        if not coverage.cell_days or question.name in {"spikes", "networks"}:
            return ()
        days = "1 day is" if coverage.cell_days == 1 else f"{coverage.cell_days} days are"
        return (f"{days} told from cells, whose events have expired.",)


def _folded(question: Question, rows: Sequence[Row]) -> int:
    return sum(
        sum(
            int(one or 0)
            for name, one in zip(question.columns, row, strict=True)
            if name in {"requests", "before", "after"}
        )
        for row in rows
        if FEW in row
    )


def _one_of(which: Any, *times: Any) -> int | None:  # noqa: ANN401 - min or max, of what an engine returned
    known = [int(time) for time in times if time is not None]
    return which(known) if known else None


def _time(name: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UsageError(
                f"{name} says no time zone", where=name, cure="Give an aware datetime, or seconds since 1970 UTC."
            )
        value = int(value.timestamp())
    return whole_number(name, value, 0, RANGES["time"][1] + 1)
