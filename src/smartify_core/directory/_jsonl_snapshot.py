"""One read of a directory file."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define, field

from smartify_core.errors import SourceMalformed, SourceUnavailable
from smartify_core.model import Group, Identity, ProgressSink, Stage

from ._expansion import Expansion, GroupMembers, expand
from ._jsonl_format import BrokenLineError, DeletedLine, EndLine, GroupLine, read_line
from ._reading import Findings, SnapshotLife
from ._source import Certificate, Gone, Listing, Presence, Present, Reject, Uncertain

_BOM = b"\xef\xbb\xbf"
#: How many people are read between two reports of progress.
_STRIDE = 1000


@define
class _Contents:
    """What a file said."""

    people: dict[str, Identity] = field(factory=dict, repr=False)
    rejects: dict[str, Reject] = field(factory=dict)
    groups: dict[str, GroupLine] = field(factory=dict, repr=False)
    deleted: set[str] = field(factory=set)
    end: EndLine | None = None

    def take(self, raw: bytes, place: str) -> None:
        """Take in one line.

        Raises:
            BrokenLineError: The line is not in the format, or says something that another line said already.
        """
        if self.end is not None:
            raise BrokenLineError("comes after the end line")
        line = read_line(raw)
        if isinstance(line, EndLine):
            self.end = line
            return
        source_id = line.group.id if isinstance(line, GroupLine) else line.source_id
        if (
            source_id in self.people
            or source_id in self.rejects
            or source_id in self.groups
            or source_id in self.deleted
        ):
            raise BrokenLineError("has the id of an earlier line")
        if isinstance(line, GroupLine):
            self.groups[source_id] = line
        elif isinstance(line, DeletedLine):
            self.deleted.add(source_id)
        elif line.identity is None:
            self.rejects[source_id] = Reject(source_id, line.problem or "the record cannot be used", place)
        else:
            self.people[source_id] = line.identity

    def certificate(self) -> Certificate:
        """Return what the file vouches for: as many lines as its end line counts."""
        counts = (("identities", len(self.people) + len(self.rejects)), ("groups", len(self.groups)))
        listings = []
        for name, there in counts:
            problem = None
            if self.end is None:
                problem = "the end line is missing, so the file may be cut short"
            elif (counted := self.end.identities if name == "identities" else self.end.groups) != there:
                problem = f"the end line counts {counted}, and there are {there}"
            listings.append(Listing(name, 1, there, problem))
        return Certificate(tuple(listings))

    def expansion(self) -> Expansion:
        """Return who is in which group. Members that name nobody are from outside."""
        groups: dict[str, Group] = {group_id: line.group for group_id, line in self.groups.items()}
        members = {
            group_id: GroupMembers(
                [member for member in line.members if member in self.people],
                [member for member in line.members if member in groups],
                line.everyone,
            )
            for group_id, line in self.groups.items()
        }
        return expand(groups, members)


class JsonLinesSnapshot(SnapshotLife):
    """One read of a directory file; see `Snapshot`. The file is opened once and read to its end, if replaced or not.

    Its certificate has the listings ``identities`` and ``groups``. Rejects are the people whose line has no usable
    email or name, with their line numbers.
    """

    def __init__(self, path: Path, *, progress: ProgressSink | None) -> None:
        super().__init__(f"jsonl-{uuid.uuid4().hex}", progress)
        self._path = path
        self._contents = _Contents()
        self._expansion: Expansion | None = None

    def read(self) -> Iterator[Identity]:
        """Yield everybody in the order of the file, once all of it has been read."""
        self._take_lines()
        expansion = self._expansion = self._contents.expansion()
        for identity in self._contents.people.values():
            yield _with_groups(identity, expansion)

    def found(self) -> Findings:
        """Return what the end line vouches for."""
        return Findings(self._contents.certificate(), tuple(self._contents.rejects.values()))

    def _lines(self) -> Iterator[bytes]:
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise SourceUnavailable(
                    "the directory file is no regular file",
                    where=self._path.name,
                    cure="Name a file that has a beginning and an end.",
                )
            with self._path.open("rb") as file:
                yield from file
        except (OSError, ValueError) as failed:  # a path with a null character is a ValueError
            raise SourceUnavailable(
                f"the directory file cannot be read: {type(failed).__name__}",
                where=self._path.name,
                cure="Check that the path names a file and that this process may read it.",
            ) from None

    def _take_lines(self) -> None:
        contents, name = self._contents, self._path.name
        for number, line in enumerate(self._lines(), 1):
            raw = line.removeprefix(_BOM) if number == 1 else line
            if not raw.strip():
                continue
            place = f"{name} line {number}"
            try:
                contents.take(raw, place)
            except BrokenLineError as broken:
                raise SourceMalformed(
                    f"the line {broken}", where=place, cure="Mend the line; docs/reference/jsonl.md shows the format."
                ) from None
            if number % _STRIDE == 0:
                self.report(Stage.USERS_READ, len(contents.people) + len(contents.rejects), None)
        people, groups = len(contents.people) + len(contents.rejects), len(contents.groups)
        self.report(Stage.USERS_READ, people, people)
        self.report(Stage.GROUPS_READ, groups, groups)

    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Say of each id what the file says."""
        complete = self.certificate.complete
        return {source_id: self._presence(source_id, complete=complete) for source_id in source_ids}

    def _presence(self, source_id: str, *, complete: bool) -> Presence:
        contents = self._contents
        identity = contents.people.get(source_id)
        if identity is not None:
            return Present(identity if self._expansion is None else _with_groups(identity, self._expansion))
        if source_id in contents.deleted:
            return Gone("deleted line")
        if source_id in contents.rejects:
            return Uncertain(f"{contents.rejects[source_id].place} cannot be used")
        if not complete:
            return Uncertain("the file is not complete")
        return Gone("not in the complete file")


def _with_groups(person: Identity, expansion: Expansion) -> Identity:
    """Return the person with all groups. Spelled out because it is done for everybody, and `attrs.evolve` is slow."""
    return Identity(
        person.source_id,
        person.email,
        person.given_name,
        person.family_name,
        person.inactive_reason,
        expansion.memberships_of(person.source_id),
    )
