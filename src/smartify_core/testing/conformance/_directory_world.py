"""The back door of the directory kit: how its clauses change what a source will read next."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import ClassVar, NoReturn

import pytest

from smartify_core.directory import DirectorySource
from smartify_core.errors import UsageError


class DirectoryWorld:
    """What the author of a source gives to the kit: the source, and hooks that change the world behind its back.

    A hook acts on the world itself (rows in a table, a server's memory, lines of a file), never through the source.
    What it changes must show in the next snapshot. Give every hook, and list those that make no sense for your source
    in ``unsupported``: the clauses that need them are then skipped by name. A hook that is neither given nor listed
    fails its clauses.

    The world starts with nobody but the people whom the source itself cannot do without, such as an administrator.
    Where a source reads pages, make them small (three people, two groups), so that the clauses cross their borders.

    Attributes:
        unsupported: Name of a hook → why your source cannot have it.
        domain: The domain of the addresses that the clauses make up.
    """

    unsupported: ClassVar[Mapping[str, str]] = {}
    domain: str = "acme.example"

    def __init_subclass__(cls) -> None:
        """Refuse a misspelt name in ``unsupported``, and one of a hook that is given after all."""
        super().__init_subclass__()
        for name in cls.unsupported:
            if name not in _hooks():
                raise UsageError(
                    f"the kit has no hook {name!r}",
                    where=f"{cls.__name__}.unsupported",
                    cure=f"Its hooks: {', '.join(_hooks())}.",
                )
            if getattr(cls, name) is not vars(DirectoryWorld)[name]:
                raise UsageError(
                    f"the hook {name!r} is both given and listed as unsupported",
                    where=f"{cls.__name__}.unsupported",
                    cure="Take it off the list, or remove the method.",
                )

    @property
    def source(self) -> DirectorySource:
        """Return the source under test, the same at every call."""
        self._missing("source")

    # --- people: always needed --------------------------------------------------------------------------------------

    def add_person(self, *, email: str, given_name: str, family_name: str) -> str:
        """Add an active person and return the id that the source will give them."""
        self._missing("add_person")

    def rename_person(
        self,
        source_id: str,
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Change the parts that are given."""
        self._missing("rename_person")

    def delete(self, source_id: str) -> None:
        """Delete a person as the world's own administrator would."""
        self._missing("delete")

    def suspend(self, source_id: str) -> None:
        """Suspend a person."""
        self._missing("suspend")

    def archive(self, source_id: str) -> None:
        """Archive a person."""
        self._missing("archive")

    def restore(self, source_id: str) -> None:
        """Make a person active: neither suspended nor archived."""
        self._missing("restore")

    # --- groups -----------------------------------------------------------------------------------------------------

    def add_group(self, *, email: str, name: str) -> str:
        """Add a group of nobody and return its id."""
        self._missing("add_group")

    def rename_group(self, group_id: str, *, email: str, name: str) -> None:
        """Change a group's address and name."""
        self._missing("rename_group")

    def delete_group(self, group_id: str) -> None:
        """Delete a group; its people stay."""
        self._missing("delete_group")

    def add_member(self, group_id: str, source_id: str) -> None:
        """Let a group list a person."""
        self._missing("add_member")

    def remove_member(self, group_id: str, source_id: str) -> None:
        """Take a person off a group's list."""
        self._missing("remove_member")

    def nest(self, group_id: str, into: str) -> None:
        """Make a group a member of the group ``into``."""
        self._missing("nest")

    def nest_in_circle(self, first: str, second: str) -> None:
        """Make each of two groups a member of the other."""
        self._missing("nest_in_circle")

    def admit_everyone(self, group_id: str) -> None:
        """Make everybody at the customer a member of a group, now and later."""
        self._missing("admit_everyone")

    def add_outsider(self, group_id: str, email: str) -> None:
        """Let a group list somebody from outside."""
        self._missing("add_outsider")

    # --- trouble: each lasts until `heal` ---------------------------------------------------------------------------

    def cut_people(self) -> None:
        """Let the listing of people break off before its end, in the way that is hardest to notice."""
        self._missing("cut_people")

    def cut_groups(self) -> None:
        """Let the listing of groups, or of their members, break off before its end."""
        self._missing("cut_groups")

    def silence(self) -> None:
        """Make the world unreachable: no answer, or none but to come back later."""
        self._missing("silence")

    def silence_after_listing(self) -> None:
        """Let listings be read well, and make the world unreachable for whoever is confirmed afterwards."""
        self._missing("silence_after_listing")

    def refuse(self) -> None:
        """Let the world refuse the source's credentials, or its right to read."""
        self._missing("refuse")

    def garble(self) -> None:
        """Let the world answer something that is not its protocol or format."""
        self._missing("garble")

    def miss(self, source_id: str) -> None:
        """Let a listing that looks whole miss a living person, as one that is renamed behind a cursor is missed."""
        self._missing("miss")

    def spoil(self, source_id: str) -> None:
        """Spoil a person's record so that it cannot be used (no email), and keep its id readable."""
        self._missing("spoil")

    def doubt(self, source_id: str) -> None:
        """Delete a person, and let the question whether they are still there get no clear answer."""
        self._missing("doubt")

    def heal(self) -> None:
        """End all trouble."""
        self._missing("heal")

    # --- for the kit ------------------------------------------------------------------------------------------------

    def supports(self, hook: str) -> bool:
        """Return whether a hook was given."""
        return hook not in self.unsupported

    def _missing(self, hook: str) -> NoReturn:
        if hook in self.unsupported:
            pytest.skip(f"{hook} is unsupported: {self.unsupported[hook]}")
        raise UsageError(
            f"the world does not give the hook {hook!r}",
            where=type(self).__name__,
            cure="Override it, or list it in `unsupported` with the reason.",
        )


def _hooks() -> list[str]:
    """Return the names of what can be listed as unsupported."""
    names = (name for name, member in vars(DirectoryWorld).items() if inspect.isfunction(member))
    return [name for name in names if not name.startswith("_") and name != "supports"]
