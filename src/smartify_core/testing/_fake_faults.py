"""What is to go wrong in one read of a fake directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from attrs import define, field, frozen

from smartify_core.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable, UsageError

#: The listings that a fake's certificate names.
LISTINGS = ("users", "groups", "members")
ListingName = Literal["users", "groups", "members"]
FailureName = Literal["unavailable", "rejected", "malformed"]
FailureMoment = Literal["open", "read", "confirm"]

_NAMED: dict[str, type[SourceError]] = {
    "unavailable": SourceUnavailable,
    "rejected": SourceRejected,
    "malformed": SourceMalformed,
}
_MOMENTS = ("open", "read", "confirm")


@frozen(order=False)
class Failure:
    """An error, when it comes, and for a read after how many people."""

    error: SourceError
    moment: FailureMoment
    after: int

    @classmethod
    def of(cls, error: SourceError | FailureName, moment: FailureMoment, after: int) -> Failure:
        """Return the failure that is meant.

        Raises:
            UsageError: The error is neither a `SourceError` nor the name of one, or the moment is unknown.
        """
        if isinstance(error, str) and error in _NAMED:
            error = _NAMED[error]("the fake directory was told to fail", cure="This is a test's doing.")
        if not isinstance(error, SourceError):
            raise UsageError(
                "a source fails with a SourceError and nothing else",
                where="fail_next(error)",
                cure=f"Give a SourceError or one of: {', '.join(_NAMED)}.",
            )
        if moment not in _MOMENTS or after < 0:
            raise UsageError(
                "no such moment", where="fail_next(on=..., after=...)", cure=f"Say one of: {', '.join(_MOMENTS)}."
            )
        return cls(error, moment, after)


@define
class Faults:
    """Everything that goes wrong in one read; nothing by default."""

    #: By name of a listing: how many of its records are seen before it is cut; ``None`` for half of them.
    cuts: dict[str, int | None] = field(factory=dict)
    failure: Failure | None = None
    missed: set[str] = field(factory=set)
    rejected: dict[str, str] = field(factory=dict)
    uncertain: dict[str, str] = field(factory=dict)
    #: Done once the listing has been read, before anybody is confirmed.
    afterwards: list[Callable[[], object]] = field(factory=list)

    def fail(self, moment: FailureMoment, *, after: int | None = 0) -> None:
        """Raise the error if its moment has come: after so many people, or at the end (``None``) of a shorter read."""
        failure = self.failure
        if failure is not None and failure.moment == moment and (after is None or after >= failure.after):
            raise failure.error from None


@define
class FaultPlan:
    """The faults of the reads to come, one value a read."""

    _coming: list[Faults] = field(factory=list)

    def next(self, times: int) -> Iterator[Faults]:
        """Yield the faults of the next ``times`` reads, to be added to.

        Raises:
            UsageError: Fewer than one.
        """
        if times < 1:
            raise UsageError("a fault happens at least once", where=f"times={times}", cure="Say 1 or more.")
        while len(self._coming) < times:
            self._coming.append(Faults())
        yield from self._coming[:times]

    def take(self) -> Faults:
        """Return the faults of the read that begins now."""
        return self._coming.pop(0) if self._coming else Faults()

    def clear(self) -> None:
        """Let everything go well from now on."""
        self._coming.clear()
