"""What a fake directory says when it is asked about single people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve, frozen

from smartify_core.directory import Capability, Gone, Presence, Present, Uncertain
from smartify_core.model import Membership

from ._fake_faults import Faults
from ._fake_world import World


@frozen(order=False)
class Answers:
    """Answers with the capabilities that the directory declares, and with what is to go wrong.

    Args:
        world: What is true.
        faults: What goes wrong.
        capabilities: What the directory declares.
        on_deleted_list: Whether the deleted list still knows an id.
    """

    world: World
    faults: Faults
    capabilities: frozenset[Capability]
    on_deleted_list: Callable[[str], bool]

    def to(
        self, source_ids: Sequence[str], memberships_of: Callable[[str], tuple[Membership, ...]]
    ) -> Mapping[str, Presence]:
        """Return what the directory knows now about each id; who is there has the memberships that are given."""
        return {source_id: self._presence(source_id, memberships_of) for source_id in source_ids}

    def _presence(self, source_id: str, memberships_of: Callable[[str], tuple[Membership, ...]]) -> Presence:
        if source_id in self.faults.uncertain:
            return Uncertain(self.faults.uncertain[source_id])
        if source_id in self.faults.rejected:
            return Uncertain("the record cannot be used")
        if Capability.DELETION_EVIDENCE in self.capabilities and self.on_deleted_list(source_id):
            return Gone("deleted list")
        if Capability.SINGLE_READ not in self.capabilities:
            return Uncertain("this source cannot read one person alone")
        person = self.world.living.get(source_id)
        if person is None:
            return Gone("read by id: nobody has it")
        return Present(evolve(person.seen(), memberships=memberships_of(source_id)))
