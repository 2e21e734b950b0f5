"""What is on record around one incident: whom it concerns, what they heard, and what was said of times. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ._impact import Impact
from ._incident import Incident
from ._notice import Hearing, Round
from ._said import Said


@frozen(order=False)
class Dossier:
    """What is on record around one incident.

    Args:
        incident: The incident.
        impact: The latest impact that is whole; ``None`` for none.
        owed: The tenants that are owed notices by it; ``None`` without one.
        hearings: The notices that were queued, by tenant.
        rounds: The rounds of notices, the first first.
        said: What was said of its deadlines.
    """

    incident: Incident
    impact: Impact | None
    owed: tuple[str, ...] | None
    hearings: Mapping[str, Sequence[Hearing]]
    rounds: tuple[Round, ...]
    said: Said

    @property
    def is_assessed(self) -> bool:
        """Whether the impact was computed for the scopes that the incident has now."""
        return self.impact is not None and self.impact.is_present(self.incident)

    def each_hearing(self) -> Iterator[Hearing]:
        """Yield every notice that was queued."""
        for some in self.hearings.values():
            yield from some
