"""A line of the log about the log itself."""

from __future__ import annotations

import re

from attrs import frozen

from ._parts import is_within, piece_of, refuse
from ._request_event import RequestEvent, items_of
from ._schema import NOTES, VERSION, NoteKind

_day_like = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", re.ASCII).fullmatch


@frozen(order=False)
class Note:
    """A line of the log about the log itself.

    Args:
        time: When it was noted, in whole seconds since 1970 UTC.
        kind: ``dropped`` (events that could not be kept), ``folded`` (requests whose feature went to ``(other)``),
            ``recovered`` (bytes of a torn line, cut off), ``expired`` (events that retention deleted).
        count: How many.
        day: The day that expired, as ``YYYY-MM-DD``.

    Raises:
        UsageError: A value is of another type, or not of its list.
    """

    time: int
    kind: NoteKind
    count: int
    day: str | None = None

    def __attrs_post_init__(self) -> None:
        numbers = is_within("time", self.time) and is_within("count", self.count)
        day = self.day is None or (type(self.day) is str and _day_like(self.day) is not None)
        if not numbers or not day or self.kind not in NOTES:
            refuse("a note has a known kind, a time and a count of 0 or more, and perhaps a day")

    def line(self) -> bytes:
        """Return the note as one line of ASCII JSON, with its line feed."""
        rest = piece_of(time=self.time, note=self.kind, count=self.count, day=self.day)
        return f'{{"v":{VERSION}{rest}}}\n'.encode("ascii")

    def as_dict(self) -> dict[str, str | int]:
        """Return the keys and values of the line, in its order."""
        return items_of(self.line())


#: What a sink takes.
Record = RequestEvent | Note
