"""A directory as pages of JSON in a file, the way an API hands them over, and a source that reads them.

Nothing of the people is in memory before a clock starts: decoding and checking them is part of every figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from smartify_core.directory import Capability, Certificate, Gone, Listing, Presence
from smartify_core.directory._address import is_address
from smartify_core.directory._name_part import name_part
from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath, ProgressSink

PAGE = 500
GROUPS_EACH = 5


def write_pages(path: Path, number: int, *, changed: bool = False) -> None:
    """Write ``number`` people with five groups each, in order of address as Google lists them.

    ``changed`` gives half a percent of them another family name, leaves a quarter of a percent out, and adds as many.
    """
    span = max(number // 50, GROUPS_EACH)
    groups = [[f"g{one:06}", f"group{one}@acme.example", f"Group {one}"] for one in range(span)]
    numbers = [one for one in range(number) if not (changed and one % 400 == 11)]
    if changed:
        numbers += range(number, number + number // 400)
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(groups) + "\n")
        for start in range(0, len(numbers), PAGE):
            page = [user(one, span, renamed=changed and one % 200 == 7) for one in numbers[start : start + PAGE]]
            file.write(json.dumps(page) + "\n")


def user(one: int, span: int, *, renamed: bool) -> dict[str, object]:
    """Return one person's record."""
    return {
        "id": f"{(one * 7919) % 999_983:09}{one:012}",
        "primaryEmail": f"person{one:07}@acme.example",
        "name": {"givenName": f"Given{one % 997}", "familyName": f"Family{one % 1009}" + "x" * renamed},
        "suspended": False,
        "archived": False,
        "groups": [f"g{place:06}" for place in sorted({(one + step * 31) % span for step in range(GROUPS_EACH)})],
    }


class Pages:
    """A directory in a file of pages: source and snapshot in one. The groups are read when it is made."""

    capabilities = frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE})
    id = "pages"
    rejects = ()
    requests = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            rows = json.loads(file.readline())
        self._memberships = {row[0]: Membership(Group(*row), MembershipPath.DIRECT) for row in rows}
        self._people = 0

    def snapshot(self, *, progress: ProgressSink | None = None) -> Pages:
        return self

    def identities(self) -> Iterator[Identity]:
        """Yield everybody: decoded, checked, normalised."""
        self._people = 0
        memberships = self._memberships
        with self._path.open("rb") as file:
            file.readline()
            for line in file:
                page = json.loads(line)
                for record in page:
                    yield identity(record, memberships)
                self._people += len(page)

    @property
    def certificate(self) -> Certificate:
        return Certificate((Listing("users", self._people // PAGE + 1, self._people),))

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return {one: Gone("deleted list") for one in source_ids}

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...


def identity(record: dict[str, Any], memberships: Mapping[str, Membership]) -> Identity:
    """Return a record as the engine takes it, held to the rules that every source of ours keeps."""
    email = record["primaryEmail"]
    if type(email) is not str or not is_address(email):
        raise ValueError
    name = record["name"]
    reason = None
    if record["suspended"]:
        reason = InactiveReason.SUSPENDED
    elif record["archived"]:
        reason = InactiveReason.ARCHIVED
    return Identity(
        record["id"],
        email,
        name_part(name["givenName"]),
        name_part(name["familyName"]),
        reason,
        tuple([memberships[group] for group in sorted(record["groups"])]),
    )
