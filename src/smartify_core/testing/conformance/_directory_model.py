"""A run of chance changes to a world, and what they must amount to. The model shares no code with any source."""

from __future__ import annotations

import random

from attrs import define, field

from smartify_core.model import InactiveReason, MembershipPath

from ._directory_reading import Reading, paths
from ._directory_world import DirectoryWorld

#: What is compared of a person: address, names, why inactive, and the path to each group.
Facts = tuple[str, str, str, InactiveReason | None, dict[str, MembershipPath]]


@define
class _Person:
    email: str
    given_name: str
    family_name: str
    suspended: bool = False


@define
class Walk:
    """Changes a world step by step, always the same way, and keeps count. Leaves ``bystanders`` alone."""

    world: DirectoryWorld
    bystanders: set[str]
    steps: list[str] = field(factory=list)
    _chance: random.Random = field(factory=lambda: random.Random(20))  # noqa: S311 - repeatable, no secret
    _people: dict[str, _Person] = field(factory=dict)
    _listed: dict[str, set[str]] = field(factory=dict)
    _inner: dict[str, set[str]] = field(factory=dict)
    _order: list[str] = field(factory=list)
    _count: int = 0

    def stroll(self, steps: int) -> None:
        """Take so many steps."""
        choices = ["add", "add", "rename", "suspend", "restore", "delete", "group", "join", "join", "join", "leave"]
        choices += ["nest"] if self.world.supports("nest") else []
        for _ in range(steps):
            step = self._chance.choice(choices)
            getattr(self, f"_{step}")()

    def expected(self) -> dict[str, Facts]:
        """Return what a read must see of the people who were added."""
        return {
            source_id: (
                person.email,
                person.given_name,
                person.family_name,
                InactiveReason.SUSPENDED if person.suspended else None,
                self._paths(source_id),
            )
            for source_id, person in self._people.items()
        }

    def seen(self, reading: Reading) -> dict[str, Facts]:
        """Return what a read saw of everybody but the bystanders."""
        return {
            person.source_id: (
                person.email,
                person.given_name,
                person.family_name,
                person.inactive_reason,
                paths(person),
            )
            for person in reading.listed
            if person.source_id not in self.bystanders
        }

    def _paths(self, source_id: str) -> dict[str, MembershipPath]:
        found = {group: MembershipPath.DIRECT for group, people in self._listed.items() if source_id in people}
        grown = True
        while grown:
            around = {group for group, inner in self._inner.items() if inner & found.keys()} - found.keys()
            found |= dict.fromkeys(around, MembershipPath.NESTED)
            grown = bool(around)
        return found

    # --- the steps --------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        self._count += 1
        person = _Person(f"Walk{self._count}@{self.world.domain}", f"Ш{self._count}", f"Ünal {self._count}")
        source_id = self.world.add_person(
            email=person.email, given_name=person.given_name, family_name=person.family_name
        )
        self._people[source_id] = person
        self.steps.append(f"add {source_id}")

    def _rename(self) -> None:
        for source_id in self._somebody():
            self._count += 1
            person = self._people[source_id]
            person.email, person.family_name = f"Walk{self._count}@{self.world.domain}", f"Öz {self._count}"
            self.world.rename_person(source_id, email=person.email, family_name=person.family_name)
            self.steps.append(f"rename {source_id}")

    def _suspend(self) -> None:
        for source_id in self._somebody():
            self._people[source_id].suspended = True
            self.world.suspend(source_id)
            self.steps.append(f"suspend {source_id}")

    def _restore(self) -> None:
        for source_id in self._somebody():
            self._people[source_id].suspended = False
            self.world.restore(source_id)
            self.steps.append(f"restore {source_id}")

    def _delete(self) -> None:
        for source_id in self._somebody():
            del self._people[source_id]
            for people in self._listed.values():
                people.discard(source_id)
            self.world.delete(source_id)
            self.steps.append(f"delete {source_id}")

    def _group(self) -> None:
        self._count += 1
        group = self.world.add_group(email=f"walk{self._count}@{self.world.domain}", name=f"Walk {self._count}")
        self._listed[group], self._inner[group] = set(), set()
        self._order.append(group)
        self.steps.append(f"group {group}")

    def _join(self) -> None:
        for source_id in self._somebody():
            for group in self._some_group():
                if source_id not in self._listed[group]:
                    self._listed[group].add(source_id)
                    self.world.add_member(group, source_id)
                    self.steps.append(f"join {group} {source_id}")

    def _leave(self) -> None:
        for group in self._some_group():
            for source_id in sorted(self._listed[group])[:1]:
                self._listed[group].remove(source_id)
                self.world.remove_member(group, source_id)
                self.steps.append(f"leave {group} {source_id}")

    def _nest(self) -> None:
        """Nest a group in an earlier one, so that there is no circle."""
        if len(self._order) > 1:
            outer = self._chance.randrange(len(self._order) - 1)
            inner = self._order[self._chance.randrange(outer + 1, len(self._order))]
            if inner not in self._inner[self._order[outer]]:
                self._inner[self._order[outer]].add(inner)
                self.world.nest(inner, into=self._order[outer])
                self.steps.append(f"nest {inner} into {self._order[outer]}")

    def _somebody(self) -> list[str]:
        return [self._chance.choice(sorted(self._people))] if self._people else []

    def _some_group(self) -> list[str]:
        return [self._chance.choice(self._order)] if self._order else []
