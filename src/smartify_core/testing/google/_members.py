"""Which member is in which group: the direct links only."""

from __future__ import annotations

from collections.abc import Mapping

from smartify_core.errors import UsageError
from smartify_core.testing.google._records import MemberKind, MemberRecord


class Memberships:
    """The direct members of every group, by group id and member id."""

    def __init__(self) -> None:
        self.by_group: dict[str, dict[str, MemberRecord]] = {}
        self._groups_of: dict[str, set[str]] = {}

    def of(self, group_id: str) -> Mapping[str, MemberRecord]:
        """Return the direct members of a group by id, in no order."""
        return self.by_group.get(group_id, {})

    def groups_of(self, member_id: str) -> set[str]:
        """Return the ids of the groups that list ``member_id`` directly."""
        return set(self._groups_of.get(member_id, ()))

    def put(self, group_id: str, record: MemberRecord, *, allow_cycle: bool = False) -> None:
        """Add or replace a member.

        Raises:
            UsageError: The group would come to contain itself, which Google refuses ("Cyclic memberships not allowed").
        """
        if not allow_cycle and record.kind is MemberKind.GROUP and self._reaches(record.id, group_id):
            raise UsageError(
                "a group cannot come to contain itself", where=f"{record.id} in {group_id}", cure="Break the cycle."
            )
        self.by_group.setdefault(group_id, {})[record.id] = record
        self._groups_of.setdefault(record.id, set()).add(group_id)

    def remove(self, group_id: str, member_id: str) -> None:
        """Take a direct member out.

        Raises:
            UsageError: There is no such direct member.
        """
        if member_id not in self.by_group.get(group_id, {}):
            raise UsageError(
                "no such direct member", where=f"{member_id} in {group_id}", cure="Name a direct member's id."
            )
        del self.by_group[group_id][member_id]
        self._groups_of[member_id].discard(group_id)

    def drop_group(self, group_id: str) -> None:
        """Forget a group: its members, and itself as a member."""
        for member_id in list(self.by_group.pop(group_id, {})):
            self._groups_of[member_id].discard(group_id)
        for parent_id in self._groups_of.pop(group_id, set()):
            del self.by_group[parent_id][group_id]

    def _reaches(self, start: str, goal: str) -> bool:
        """Return whether ``goal`` is ``start`` or lies below it."""
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if here == goal:
                return True
            if here not in seen:
                seen.add(here)
                waiting.extend(each.id for each in self.of(here).values() if each.kind is MemberKind.GROUP)
        return False
