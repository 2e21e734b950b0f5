"""What is on record around one incident: whom it concerns, what they heard, and what was said of times. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from ._impact import Impact
from ._incident import Incident
from ._notice import Hearing, Round
from ._said import Said
from ._vocabulary import Phase


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
        outdated: Notices by round and tenant that the latest impact made untrue: it finds otherwise of that tenant.
    """

    incident: Incident
    impact: Impact | None
    owed: tuple[str, ...] | None
    hearings: Mapping[str, Sequence[Hearing]]
    rounds: tuple[Round, ...]
    said: Said
    outdated: frozenset[tuple[int, str]] = frozenset()

    @property
    def is_assessed(self) -> bool:
        """Whether the impact was computed for the scopes that the incident has now."""
        return self.impact is not None and self.impact.is_present(self.incident)

    @property
    def counted(self) -> Mapping[str, Sequence[Hearing]]:
        """The notices by tenant as they count for the clocks: a final one that is not the last word is an update."""
        if not self.outdated:
            return self.hearings
        return {
            tenant: [
                evolve(one, phase=Phase.UPDATE) if one.phase is Phase.FINAL and not self._holds_from(some, one) else one
                for one in some
            ]
            for tenant, some in self.hearings.items()
        }

    def has_last_word(self, tenant: str) -> bool:
        """Return whether a customer was sent a final notice, and from it on nothing that is not so."""
        some = self.hearings.get(tenant, ())
        return any(one.phase is Phase.FINAL and self._holds_from(some, one) for one in some)

    def _holds_from(self, some: Iterable[Hearing], first: Hearing) -> bool:
        """Return whether no notice from a round on says to a customer what is not so."""
        return not any(one.round >= first.round and (one.round, one.tenant) in self.outdated for one in some)

    def each_hearing(self) -> Iterator[Hearing]:
        """Yield every notice that was queued."""
        for some in self.hearings.values():
            yield from some
