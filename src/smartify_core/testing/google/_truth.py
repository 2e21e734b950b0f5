"""The server's own truth, found by searching the membership graph and never by asking the API."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from smartify_core.testing.google._records import GroupRecord, MemberKind, MemberRecord, UserRecord

#: Code points that print nothing: a name made of these and white space is no name.
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")


def truth_of(
    users: Iterable[UserRecord],
    deleted: Iterable[UserRecord],
    groups: Mapping[str, GroupRecord],
    members: Mapping[str, Mapping[str, MemberRecord]],
) -> dict[str, Any]:
    """Return who is in the directory, in which state and in which groups, by whatever path.

    Returns:
        ``{"people": [{"id", "email", "given_name", "family_name", "state", "groups"}], "deleted": [ids]}``. ``state``
        is ``active`` or ``inactive`` (suspended, archived or both). ``groups`` are the addresses of all groups,
        sorted. A name part that is missing, or that prints nothing, is the empty string.
    """
    parents: dict[str, list[str]] = {}
    of_user: dict[str, list[str]] = {}
    of_everybody: list[str] = []
    for group_id in groups:
        for member in members.get(group_id, {}).values():
            if member.kind is MemberKind.GROUP:
                parents.setdefault(member.id, []).append(group_id)
            elif member.kind is MemberKind.USER:
                of_user.setdefault(member.id, []).append(group_id)
            elif member.kind is MemberKind.CUSTOMER:
                of_everybody.append(group_id)
    shared = _upwards(of_everybody, parents)
    people = []
    for user in sorted(users, key=lambda each: each.id):
        reached = shared | _upwards(of_user.get(user.id, ()), parents)
        inactive = user.suspended_at is not None or user.archived_at is not None
        people.append(
            {
                "id": user.id,
                "email": user.email,
                "given_name": _printed(user.given_name),
                "family_name": _printed(user.family_name),
                "state": "inactive" if inactive else "active",
                "groups": sorted(groups[group_id].email for group_id in reached),
            }
        )
    return {"people": people, "deleted": sorted(user.id for user in deleted)}


def _upwards(starts: Iterable[str], parents: Mapping[str, list[str]]) -> set[str]:
    """Return the groups in ``starts`` and every group above them, however the links run."""
    reached: set[str] = set()
    waiting = deque(starts)
    while waiting:
        group_id = waiting.popleft()
        if group_id not in reached:
            reached.add(group_id)
            waiting.extend(parents.get(group_id, ()))
    return reached


def _printed(part: str | None) -> str:
    if part is None or all(character in _INVISIBLE or character.isspace() for character in part):
        return ""
    return part
