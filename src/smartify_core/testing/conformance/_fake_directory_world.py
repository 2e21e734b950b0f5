"""The back door of a fake directory: the worked example of a world, and where our broken sources live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from smartify_core.directory import DirectorySource
from smartify_core.model import Group, Identity
from smartify_core.testing import FakeDirectory
from smartify_core.testing._sample_ids import group_id_of, person_id_of

from ._directory_world import DirectoryWorld

#: A fake's fault happens to so many reads; a world's trouble lasts until it is healed. No clause reads more often.
_LASTING = 50


class FakeDirectoryWorld(DirectoryWorld):
    """The world of a `FakeDirectory`, or of a source of yours that reads one: a cache, a filter, a merger.

    Args:
        directory: The fake directory.
        around: Makes the source under test from it; by default it is the source itself.
    """

    unsupported: ClassVar[Mapping[str, str]] = {"add_outsider": "a fake directory knows nobody from outside"}

    def __init__(
        self,
        directory: FakeDirectory | None = None,
        *,
        around: Callable[[FakeDirectory], DirectorySource] | None = None,
    ) -> None:
        self._directory = directory if directory is not None else FakeDirectory()
        self._source = self._directory if around is None else around(self._directory)
        self._made = 0

    @property
    def source(self) -> DirectorySource:
        """Return the source under test."""
        return self._source

    def add_person(self, *, email: str, given_name: str, family_name: str) -> str:
        """Add a person."""
        source_id = person_id_of(self._handle())
        self._directory.add(Identity(source_id, email, given_name, family_name))
        return source_id

    def rename_person(
        self,
        source_id: str,
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Rename a person."""
        self._directory.rename(source_id, email=email, given_name=given_name, family_name=family_name)

    def delete(self, source_id: str) -> None:
        """Delete a person."""
        self._directory.delete(source_id)

    def suspend(self, source_id: str) -> None:
        """Suspend a person."""
        self._directory.suspend(source_id)

    def archive(self, source_id: str) -> None:
        """Archive a person."""
        self._directory.archive(source_id)

    def restore(self, source_id: str) -> None:
        """Restore a person."""
        self._directory.restore(source_id)

    def add_group(self, *, email: str, name: str) -> str:
        """Add a group."""
        return self._directory.add_group(Group(group_id_of(self._handle()), email, name)).id

    def rename_group(self, group_id: str, *, email: str, name: str) -> None:
        """Rename a group."""
        self._directory.rename_group(group_id, email=email, name=name)

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        self._directory.delete_group(group_id)

    def add_member(self, group_id: str, source_id: str) -> None:
        """Let a group list a person."""
        self._directory.add_member(source_id, group_id)

    def remove_member(self, group_id: str, source_id: str) -> None:
        """Take a person off a group's list."""
        self._directory.remove_member(source_id, group_id)

    def nest(self, group_id: str, into: str) -> None:
        """Nest a group."""
        self._directory.nest(group_id, into)

    def nest_in_circle(self, first: str, second: str) -> None:
        """Nest two groups in each other."""
        self._directory.nest(first, second)
        self._directory.nest(second, first)

    def admit_everyone(self, group_id: str) -> None:
        """Let a group have everybody."""
        self._directory.whole_customer(group_id)

    def cut_people(self) -> None:
        """Cut the listing of people."""
        self._directory.truncate_next("users", times=_LASTING)

    def cut_groups(self) -> None:
        """Cut the listing of members."""
        self._directory.truncate_next("members", times=_LASTING)

    def silence(self) -> None:
        """Fail as a network does."""
        self._directory.fail_next("unavailable", after=1, times=_LASTING)

    def silence_after_listing(self) -> None:
        """Fail when somebody is confirmed."""
        self._directory.fail_next("unavailable", on="confirm", times=_LASTING)

    def refuse(self) -> None:
        """Fail as a refusal does, at once."""
        self._directory.fail_next("rejected", on="open", times=_LASTING)

    def garble(self) -> None:
        """Fail as a broken answer does."""
        self._directory.fail_next("malformed", times=_LASTING)

    def miss(self, source_id: str) -> None:
        """Miss a person."""
        self._directory.miss_next(source_id, times=_LASTING)

    def spoil(self, source_id: str) -> None:
        """Spoil a person's record."""
        self._directory.reject_next(source_id, times=_LASTING)

    def doubt(self, source_id: str) -> None:
        """Delete a person and be uncertain about it."""
        self._directory.delete(source_id)
        self._directory.uncertain_next(source_id, times=_LASTING)

    def heal(self) -> None:
        """Take back all faults."""
        self._directory.recover()

    def _handle(self) -> str:
        self._made += 1
        return f"made-{self._made}"
