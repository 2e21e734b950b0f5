"""How early an entry of the trail may really have happened: its own instant may be later than the truth. Pure.

`Trail.append` raises an instant to that of the entry before it, so that time never runs back. While one clock runs
ahead, every other process's entries bear its instant until the world has caught up. And before a ``clock.reset`` there
may be instants that are years ahead. What is not known never makes a customer safe: such an entry has a span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from ._matching import EARLIEST, Parts, instant_of, instant_text

#: The place of an entry in the trail, its bytes, its parts, and the earliest instant at which it may have happened.
Read: TypeAlias = tuple[int, bytes, Parts, bytes]

#: How far a clock may be behind the trail and still write: `Trail.now` refuses beyond.
_BEHIND_AT_MOST: Final = timedelta(days=1)
#: How many entries one commit has at most, and so how many of a run are held back.
_HELD_AT_MOST: Final = 1_000


def spanned(entries: Iterable[Read]) -> Iterator[Read]:
    """Yield every entry, which was read with its own instant, with the earliest at which it may have happened.

    An entry whose instant is neither that of the entry before it nor that of the one behind it bears what its own
    process's clock said. A run of equal instants may have begun right after the entry before the run. Where several
    processes wrote the run, or more than one commit did, clocks disagreed: then it may have begun a day earlier than
    it says, since by then the entry before may have borne a wrong instant as well.
    """
    run: list[Read] = []
    at, before, lower = b"", EARLIEST, None
    for one in entries:
        now = one[2][1]
        if now != at:
            if lower is None and len(run) == 1:
                yield run[0]
            else:
                yield from _ended(run, at, before)
            before, at, lower = at or EARLIEST, now, None
            run = [one]
        elif lower is None:
            run.append(one)
            if one[2][6] != run[0][2][6] or len(run) > _HELD_AT_MOST:
                lower = min(before, _a_day_before(at))
                for each in run:
                    yield *each[:3], lower
                run = []
        else:
            yield *one[:3], lower
    yield from _ended(run, at, before)


def _ended(run: Sequence[Read], at: bytes, before: bytes) -> Iterator[Read]:
    if len(run) == 1:
        yield run[0]
    elif run:
        # After a reset the entry before bears a later instant, and so tells nothing.
        lower = before if before < at else _a_day_before(at)
        for each in run:
            yield *each[:3], lower


def brought_back(entries: Iterable[Read], resets: Sequence[tuple[int, bytes]]) -> Iterator[Read]:
    """Yield the entries of `spanned`, and widen those that a later ``clock.reset`` shows to be ahead of their time.

    Such an entry happened after the last one that bears no later instant than the reset does, and that one by a clock
    that may have been a day ahead.

    Args:
        entries: What `spanned` yields.
        resets: The place and the instant of each reset, in order of place.
    """
    ahead = list(resets)
    for number in range(len(ahead) - 2, -1, -1):
        # A later reset that goes farther back tells of what was before the earlier one, too.
        ahead[number] = ahead[number][0], min(ahead[number][1], ahead[number + 1][1])
    ahead.reverse()
    floor = EARLIEST
    for one in entries:
        while ahead and ahead[-1][0] <= one[0]:
            ahead.pop()
        at = one[2][1]
        if not ahead or at <= ahead[-1][1]:
            floor = at
            yield one
        else:
            yield *one[:3], min(one[3], _a_day_before(floor))


def _a_day_before(at: bytes) -> bytes:
    if at == EARLIEST:
        return EARLIEST
    try:
        return instant_text(instant_of(at) - _BEHIND_AT_MOST)
    except OverflowError:
        return instant_text(datetime.min.replace(tzinfo=instant_of(at).tzinfo))
