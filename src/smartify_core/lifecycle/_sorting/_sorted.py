"""What becomes of holding a directory's people against the accounts."""

from __future__ import annotations

from attrs import define, field

from smartify_core.model import Identity


@define
class Sorted:
    """A directory's people, held against the accounts by id and fingerprint.

    Attributes:
        fresh: People who have no account.
        changed: People who have one and differ from it.
        absent: The source ids of live accounts whose person was not read.
        waiting: The same, where the person is known to be deleted already, and the account waits for its retention to
            end. They count neither as absent nor as known.
        known: How many accounts there are, without those that wait.
        people: How many people were read.
        unchanged: How many of them are as their account has them.
    """

    fresh: list[Identity] = field(factory=list)
    changed: list[Identity] = field(factory=list)
    absent: list[str] = field(factory=list)
    waiting: list[str] = field(factory=list)
    known: int = 0
    people: int = 0
    unchanged: int = 0
