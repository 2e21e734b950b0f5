"""A plan on its way to the store: what was decided, and the changes it comes to, made some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

from attrs import evolve, frozen

from ._plan import Change, Counts, Plan
from ._transitions import ChangeKind


class Changes(Protocol):
    """Changes in the order in which they are to be applied."""

    def __len__(self) -> int:
        """Return how many there are."""

    def kinds(self) -> Mapping[ChangeKind, int]:
        """Return how many there are of each kind."""

    def take(self, number: int) -> Sequence[Change]:
        """Return the next ones, so many at most. Each is given once."""


class _Made:
    """Changes that are made already."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._left = iter(changes)

    def __len__(self) -> int:
        return len(self._changes)

    def kinds(self) -> Mapping[ChangeKind, int]:
        return Counter(change.kind for change in self._changes)

    def take(self, number: int) -> Sequence[Change]:
        return list(islice(self._left, number))


@frozen(order=False)
class Draft:
    """A plan whose changes may still have to be sealed. It is used up by what is done with it.

    Args:
        plan: The plan. Its own ``changes`` are empty where ``work`` still has to make them.
        work: The changes.
        frugal: Whether whoever carries it out should take little memory.
    """

    plan: Plan
    work: Changes
    frugal: bool = False

    @classmethod
    def of(cls, plan: Plan) -> Draft:
        """Return the draft of a plan that was sealed before."""
        return cls(plan, _Made(plan.changes))

    @property
    def counts(self) -> Counts:
        """Return how many accounts it concerns."""
        return Counts.of(
            self.work.kinds(),
            unchanged=self.plan.unchanged,
            quarantined=len(self.plan.quarantined),
            held=len(self.plan.held),
        )

    def sealed(self) -> Plan:
        """Return the plan with all of its changes.

        Raises:
            StorageError: The store could not be read.
        """
        return evolve(self.plan, changes=tuple(change for some in self.batches(len(self.work)) for change in some))

    def batches(self, size: int) -> Iterator[Sequence[Change]]:
        """Yield the changes in lists of at most ``size``; those that hand addresses over stand together in the first.

        Raises:
            StorageError: The store could not be read.
        """
        number, done = self.plan.indivisible or size, 0
        while some := self.work.take(number):
            yield some
            number, done = size, done + len(some)
        if done != len(self.work):
            what = "this draft was used before, and what it had to do is gone"
            raise RuntimeError(what)
