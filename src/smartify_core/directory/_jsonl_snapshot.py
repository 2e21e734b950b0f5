"""One read of a directory file."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import define, field

from smartify_core.errors import SnapshotMisused, SourceMalformed, SourceUnavailable
from smartify_core.model import Group, Identity, ProgressSink, Stage

from ._expansion import Expansion, GroupMembers, expand
from ._jsonl_format import BrokenLineError, DeletedLine, EndLine, GroupLine, read_line
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


class JsonLinesSnapshot:
    """One read of a directory file; see `Snapshot`. The file is opened once and read to its end, if replaced or not."""

    def __init__(self, path: Path, *, progress: ProgressSink | None) -> None:
        self._id = f"jsonl-{uuid.uuid4().hex}"
        self._path = path
        self._progress = progress
        self._begun = False
        self._closed = False
        self._contents = _Contents()
        self._expansion: Expansion | None = None
        self._certificate: Certificate | None = None

    def __repr__(self) -> str:
        """Return the snapshot's id."""
        return f"<JsonLinesSnapshot {self._id}>"

    @property
    def id(self) -> str:
        """Return a unique, impersonal name of this read."""
        return self._id

    @property
    def requests(self) -> int:
        """Return 0: nothing is sent."""
        return 0

    def identities(self) -> Iterator[Identity]:
        """Yield everybody in the order of the file, once all of it has been read. See `Snapshot.identities`."""
        self._refuse_closed()
        if self._begun:
            raise SnapshotMisused("a snapshot is read only once", where=self._id, cure="Take another snapshot.")
        self._begun = True
        return self._read()

    def _read(self) -> Iterator[Identity]:
        self._refuse_closed()
        contents = self._contents
        self._take_lines()
        expansion = self._expansion = contents.expansion()
        for identity in contents.people.values():
            yield _with_groups(identity, expansion)
            self._refuse_closed()
        self._certificate = contents.certificate()

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
                self._report(Stage.USERS_READ, len(contents.people) + len(contents.rejects), None)
        people, groups = len(contents.people) + len(contents.rejects), len(contents.groups)
        self._report(Stage.USERS_READ, people, people)
        self._report(Stage.GROUPS_READ, groups, groups)

    @property
    def certificate(self) -> Certificate:
        """Return what the file vouches for: the listings ``identities`` and ``groups``."""
        if self._certificate is None:
            raise SnapshotMisused(
                "the snapshot has not been read to its end", where=self._id, cure="Read identities() to the end first."
            )
        return self._certificate

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the people whose line has no usable email or name, with their line numbers."""
        _ = self.certificate
        return tuple(self._contents.rejects.values())

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Say of each id what the file says. See `Snapshot.confirm`."""
        complete = self.certificate.complete
        self._refuse_closed()
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

    def close(self) -> None:
        """Let go of what was read."""
        self._closed = True

    def __enter__(self) -> Self:
        """Return the snapshot itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the snapshot."""
        self.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise SnapshotMisused(
                "the snapshot is closed", where=self._id, cure="Read it inside its with block, or take another one."
            )

    def _report(self, stage: Stage, done: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)


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
