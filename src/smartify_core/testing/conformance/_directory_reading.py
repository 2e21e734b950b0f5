"""How the clauses of the directory kit read a source, and what they look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest
from attrs import field, frozen

from smartify_core.directory import Capability, Certificate, Presence, Reject
from smartify_core.model import Identity, MembershipPath

from ._directory_world import DirectoryWorld

#: People of the clauses: address before the @, first and last name. Rare names, so that one in a text is no chance.
XANTHE = ("Xanthe.Quarmby+desk", "Xanthé", "O’Quarmby")
IGNATZ = ("ignatz_wedrowny", "Ignatz", "Żółć-Wędrowny")
YEVPRAKSIYA = ("yevpraksiya", "Евпраксия", "Ґжицька")
CAST = (XANTHE, IGNATZ, YEVPRAKSIYA)


@frozen
class Reading:
    """One whole read."""

    listed: tuple[Identity, ...] = field(repr=False)
    certificate: Certificate
    rejects: tuple[Reject, ...]
    snapshot_id: str
    answers: dict[str, Presence] = field(factory=dict, repr=False)

    @property
    def people(self) -> dict[str, Identity]:
        """Return the people by id."""
        return {person.source_id: person for person in self.listed}


def read(world: DirectoryWorld, *, asking: Sequence[str] | None = None) -> Reading:
    """Read everything, and then ask about some people if so wanted. Whatever is raised goes through."""
    with world.source.snapshot() as snapshot:
        listed = tuple(snapshot.identities())
        answers = {} if asking is None else dict(snapshot.confirm(asking))
        return Reading(listed, snapshot.certificate, tuple(snapshot.rejects), snapshot.id, answers)


def attempt(world: DirectoryWorld, *, asking: Sequence[str] | None = None) -> Reading | Exception:
    """Read as `read` does, and return what came out: a reading, or the error that ended it."""
    try:
        return read(world, asking=asking)
    except Exception as error:  # noqa: BLE001 - the clauses look at whatever comes out
        return error


def paths(person: Identity) -> dict[str, MembershipPath]:
    """Return the ids of a person's groups and the path to each."""
    return {membership.group.id: membership.path for membership in person.memberships}


def cast(world: DirectoryWorld) -> tuple[str, str, str]:
    """Add the three people of the clauses and return their ids."""
    first, second, third = (
        world.add_person(email=f"{local}@{world.domain}", given_name=given, family_name=family)
        for local, given, family in CAST
    )
    return first, second, third


def crowd(world: DirectoryWorld, number: int) -> list[str]:
    """Add so many people and return their ids."""
    return [
        world.add_person(email=f"crowd{each:03}@{world.domain}", given_name=f"Crowd{each}", family_name="Member")
        for each in range(number)
    ]


def require(world: DirectoryWorld, capability: Capability) -> None:
    """Skip the clause by name unless the source declares the capability."""
    if capability not in world.source.capabilities:
        pytest.skip(f"the source does not declare {capability.name}")


def personal_texts(world: DirectoryWorld) -> Iterator[str]:
    """Yield every text that must not show in an error or repr: names, addresses and the parts before the @."""
    for local, given, family in CAST:
        yield from (local, f"{local}@{world.domain}", given, family)


def found_in(texts: Iterable[str], world: DirectoryWorld) -> list[str]:
    """Return which personal texts show in ``texts``, in whatever case."""
    shown = "\n".join(texts).casefold()
    return [text for text in personal_texts(world) if text.casefold() in shown]


def everything_said(error: BaseException) -> Iterator[str]:
    """Yield all texts that an error and the errors shown with it hold."""
    seen: BaseException | None = error
    while seen is not None:
        yield from (str(seen), repr(seen), repr(vars(seen)), *getattr(seen, "__notes__", ()))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
