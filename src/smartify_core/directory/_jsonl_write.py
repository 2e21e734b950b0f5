"""Writing a directory file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeGuard

from attrs import define, field

from smartify_core.errors import UsageError
from smartify_core.model import Group, Identity, InactiveReason, MembershipPath


class PersonEntry(Protocol):
    """A person to be written, as `SamplePerson` is one."""

    @property
    def source_id(self) -> str:
        """Return the id."""

    @property
    def email(self) -> str:
        """Return the address."""

    @property
    def given_name(self) -> str:
        """Return the first name."""

    @property
    def family_name(self) -> str:
        """Return the last name."""

    @property
    def suspended(self) -> bool:
        """Return whether the person is suspended."""

    @property
    def archived(self) -> bool:
        """Return whether the person is archived."""


class GroupEntry(Protocol):
    """A group to be written, as `SampleGroup` is one."""

    @property
    def source_id(self) -> str:
        """Return the id."""

    @property
    def email(self) -> str:
        """Return the address."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def member_ids(self) -> Sequence[str]:
        """Return the ids of the people whom the group lists."""

    @property
    def child_group_ids(self) -> Sequence[str]:
        """Return the ids of the groups that are nested in it."""

    @property
    def whole_customer(self) -> bool:
        """Return whether everybody is a member."""


class Contents(Protocol):
    """A whole directory to be written, as `Sample` is one."""

    @property
    def people(self) -> Sequence[PersonEntry]:
        """Return everybody."""

    @property
    def groups(self) -> Sequence[GroupEntry]:
        """Return the groups."""

    @property
    def deleted(self) -> Sequence[PersonEntry]:
        """Return who was deleted lately."""


def write_jsonl(
    path: str | os.PathLike[str], contents: Contents | Iterable[Identity], *, deleted: Iterable[str] = ()
) -> None:
    """Write a complete directory file, whole or not at all: the old file stays until the new one is on the disk.

    The file is readable for its owner only, for it holds names. Identities are written as they come: any number fits.

    Args:
        path: Where to write.
        contents: A directory such as `make_sample` gives, or identities such as a snapshot yields. Identities say which
            groups they are in but not how groups are nested, so that nested memberships are written as direct ones.
        deleted: Ids of people who were deleted.

    Raises:
        UsageError: An id comes twice or is an address, or the file cannot be written.
    """
    target = Path(path)
    lines = _lines(contents, deleted)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as failed:
        raise _unwritable(target, failed) from None
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, lines)
        Path(name).replace(target)
    except OSError as failed:
        raise _unwritable(target, failed) from None
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)


def _write(file: BinaryIO, lines: Iterable[dict[str, Any]]) -> None:
    """Write the lines and the end line, down to the disk."""
    seen: set[str] = set()
    counts = {"identity": 0, "group": 0, "deleted": 0}
    for line in lines:
        if any("@" in each for each in (line["id"], *line.get("members", ()))):
            raise UsageError(
                "an id is an address", where="write_jsonl", cure="Give ids that say nothing about people or groups."
            )
        if line["id"] in seen:
            raise UsageError("the same id comes twice", where=line["id"], cure="Write each person and group once.")
        seen.add(line["id"])
        counts[line["kind"]] += 1
        file.write(_encoded(line))
    file.write(_encoded({"kind": "end", "identities": counts["identity"], "groups": counts["group"]}))
    file.flush()
    os.fsync(file.fileno())


def _encoded(line: dict[str, Any]) -> bytes:
    try:
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        raise UsageError("a text is not valid Unicode", where=line.get("id"), cure="Mend it in its source.") from None


def _lines(contents: Contents | Iterable[Identity], deleted: Iterable[str]) -> Iterator[dict[str, Any]]:
    if _is_contents(contents):
        return _contents_lines(contents, deleted)
    if isinstance(contents, Iterable):
        return _identity_lines(contents, deleted)
    raise UsageError("neither a directory nor identities", where="write_jsonl", cure="Give a Sample or identities.")


def _is_contents(contents: Contents | Iterable[Identity]) -> TypeGuard[Contents]:
    return all(hasattr(contents, part) for part in ("people", "groups", "deleted"))


def _contents_lines(contents: Contents, deleted: Iterable[str]) -> Iterator[dict[str, Any]]:
    for person in contents.people:
        yield _person(
            person.source_id,
            person.email,
            person.given_name,
            person.family_name,
            suspended=person.suspended,
            archived=person.archived,
        )
    for group in contents.groups:
        members = [*group.member_ids, *group.child_group_ids]
        yield _group(group.source_id, group.email, group.name, members, everyone=group.whole_customer)
    for source_id in (*(person.source_id for person in contents.deleted), *deleted):
        yield {"kind": "deleted", "id": source_id}


def _identity_lines(identities: Iterable[Identity], deleted: Iterable[str]) -> Iterator[dict[str, Any]]:
    rosters: dict[str, _Roster] = {}
    for identity in identities:
        yield _person(
            identity.source_id,
            identity.email,
            identity.given_name,
            identity.family_name,
            suspended=identity.inactive_reason is InactiveReason.SUSPENDED,
            archived=identity.inactive_reason is InactiveReason.ARCHIVED,
        )
        for membership in identity.memberships:
            roster = rosters.setdefault(membership.group.id, _Roster(membership.group))
            if membership.path is MembershipPath.WHOLE_CUSTOMER:
                roster.everyone = True
            else:
                roster.members.append(identity.source_id)
    for _, roster in sorted(rosters.items()):
        group = roster.group
        yield _group(group.id, group.email, group.name, roster.members, everyone=roster.everyone)
    for source_id in deleted:
        yield {"kind": "deleted", "id": source_id}


@define
class _Roster:
    """Who turned out to be in a group."""

    group: Group
    members: list[str] = field(factory=list)
    everyone: bool = False


def _person(
    source_id: str, email: str, given_name: str, family_name: str, *, suspended: bool, archived: bool
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "kind": "identity",
        "id": source_id,
        "email": email,
        "given_name": given_name,
        "family_name": family_name,
    }
    if suspended:
        line["suspended"] = True
    if archived:
        line["archived"] = True
    return line


def _group(source_id: str, email: str, name: str, members: list[str], *, everyone: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": "group", "id": source_id, "email": email, "name": name, "members": members}
    if everyone:
        line["everyone"] = True
    return line


def _unwritable(target: Path, failed: OSError) -> UsageError:
    return UsageError(
        f"the file cannot be written: {type(failed).__name__}",
        where=target.name,
        cure="Check that the folder is there, has room, and may be written to by this process.",
    )
