"""What a line becomes: an event, a note, or one more that nobody can read. SQL that every engine understands. Pure.

A value of another type than its field's counts as absent, and so does a number out of its range. A line that then lacks
what every event must have is unreadable. An engine hands over the relation ``@lines``, a row for each line that is not
empty, with the columns of `COLUMNS`; what it cannot read at all is a row of nulls.
"""

from __future__ import annotations

from typing import Final

from smartify_core.requestlog._event._schema import DURATIONS_MS, FIELDS, NOTE_FIELDS, NOTES, RANGES

#: The columns of a line and what they hold, from the one declaration of the schema: events first, then notes.
COLUMNS: Final[dict[str, str]] = {one.name: one.kind for one in (*FIELDS, *NOTE_FIELDS)}

#: The kind of a line of the log that is neither event nor note. It is also the kind of a note in packed files, which
#: tells how many of them were left behind.
UNREADABLE: Final = "unreadable"
EVENT: Final = "event"


def number(name: str) -> str:
    """Return the SQL for a column of numbers: null where it is out of range."""
    if name == "ms":
        return f"case when ms in ({', '.join(map(str, DURATIONS_MS))}) then ms end"
    least, most = RANGES[name]
    return f"case when {name} between {least} and {most} then {name} end"


def checked(name: str) -> str:
    """Return the SQL for any column, checked."""
    return number(name) if COLUMNS[name] == "int" else name


def _noted() -> str:
    kinds = ", ".join(f"'{one}'" for one in (*NOTES, UNREADABLE))
    return f"note in ({kinds}) and " + " and ".join(f"{checked(name)} is not null" for name in ("v", "time", "count"))


def kind() -> str:
    """Return the SQL that tells what a row of ``@lines`` is: ``event``, the kind of its note, or ``unreadable``."""
    needed = (f"{checked(one.name)} is not null" for one in FIELDS if one.required)
    return (
        f"case when note is null and {' and '.join(needed)} then '{EVENT}' "
        f"when {_noted()} then note else '{UNREADABLE}' end"
    )


def weight() -> str:
    """Return the SQL that tells how much a row counts: a note as much as it says, everything else once."""
    return f"case when {_noted()} then {checked('count')} else 1 end"
