"""The deadlines of an incident as evidence: as the clocks have them, with the reasons that are on record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import field, frozen

from smartify_core.policy.breach._clocks import Deadline
from smartify_core.policy.breach._said import Said


@frozen(order=False)
class EvidencedDeadline:
    """One deadline, and what was said of it.

    Args:
        deadline: The deadline.
        reason: Why it was late or missed, in the host's words.
    """

    deadline: Deadline
    reason: str | None = field(default=None, repr=False)


def evidenced(deadlines: Iterable[Deadline], said: Said) -> Iterator[EvidencedDeadline]:
    """Yield deadlines as evidence, each with the latest reason that was given for it."""
    for one in deadlines:
        yield EvidencedDeadline(one, said.reason_of(one))
