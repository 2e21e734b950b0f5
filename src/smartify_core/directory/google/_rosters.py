"""Who is in a group: reading one group's members, through the groups that vanish, hide or belong to somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ._cures import rejected
from ._listing import NOTHING_READ, Extent, read_listing
from ._retry import DeclinedError, wait_before
from ._verdict import Kind, Trouble
from ._wire import GROUP, MEMBERS, MemberType, read_member

if TYPE_CHECKING:
    from ._limits import Limits
    from ._transport import Transport

#: How often a group that Google still knows, and whose members it says it does not, is asked again. A group made
#: seconds ago behaves so.
_FRESH_ATTEMPTS = 3


@define
class Roster:
    """The members of one group as read."""

    group_id: str
    people: set[str] = field(factory=set)
    groups: set[str] = field(factory=set)
    everyone: bool = False
    #: Nested groups that do not say which they are. They occur in the field and tell nothing about anybody.
    nameless: int = 0
    #: People who do not say who they are: anybody whom the group seems to have lost may be one of them.
    faceless: int = 0
    extent: Extent = NOTHING_READ
    #: Whether the group was deleted while the directory was being read.
    vanished: bool = False
    #: Why the members could not all be read.
    problem: str | None = None
    #: Something worth knowing that is no problem.
    note: str | None = None

    def take(self, records: list[Any], page: int) -> None:
        """Take in one page."""
        for record in records:
            member = read_member(record)
            if member is None and isinstance(record, dict) and record.get("type") == "GROUP":
                self.nameless += 1
            elif member is None:
                self.faceless += 1
            elif member[0] is MemberType.CUSTOMER:
                self.everyone = True
            elif member[0] is MemberType.GROUP:
                self.groups.add(member[1])
            else:
                self.people.add(member[1])
        self.extent = Extent(page, self.extent.records + len(records))

    def judge(self, *, ours: bool) -> None:
        """Conclude what a whole reading of the group's members is good for."""
        if not ours:
            # Everybody of the customer whose group that is, who are not the people of this account.
            self.everyone = False
        if self.faceless:
            self.problem = f"{self.faceless} of its members do not say who they are"

    def forget(self) -> None:
        """Drop what was read: the listing begins again, and a member removed in between must not stay."""
        self.people.clear()
        self.groups.clear()
        self.everyone = False
        self.nameless = 0
        self.faceless = 0
        self.extent = NOTHING_READ


def read_roster(transport: Transport, group_id: str, limits: Limits, *, ours: bool) -> Roster:
    """Read the members of one group.

    Args:
        transport: The wire.
        group_id: Which group.
        limits: How long to wait for a group that is too fresh.
        ours: Whether the account's listing named the group. One that it did not name is another customer's, or gone: it
            leads onward only if it can be read.

    Raises:
        SourceError: As `Transport.get` raises them; and `SourceRejected` when it is the credentials that lack a scope.
    """
    roster = Roster(group_id)
    for attempt in range(1, _FRESH_ATTEMPTS + 1):
        try:
            read_listing(transport, MEMBERS, roster.take, on_restart=roster.forget, groupKey=group_id)
        except DeclinedError as declined:
            if declined.verdict.trouble in {Trouble.SCOPE_MISSING, Trouble.API_DISABLED}:
                raise rejected(declined.verdict, MEMBERS.name) from None
            if not ours:
                roster.note = f"a nested group outside this account's list was passed over ({declined.verdict.text})"
                return roster
            if declined.verdict.kind is not Kind.MISSING:
                roster.problem = declined.verdict.text
                return roster
            roster.problem = _whether_gone(transport, roster)
            if roster.vanished or roster.problem is not None:
                return roster
        else:
            roster.judge(ours=ours)
            return roster
        roster.forget()
        if attempt < _FRESH_ATTEMPTS:
            transport.pause(wait_before(attempt, limits, 0.0))
    roster.problem = "HTTP 404 although the group is there"
    return roster


def _whether_gone(transport: Transport, roster: Roster) -> str | None:
    """Ask for the group itself and mark the roster as vanished when it is gone.

    Returns what the answer was if it was neither yes nor no.
    """
    try:
        transport.get(GROUP, dict, groupKey=roster.group_id)
    except DeclinedError as declined:
        if declined.verdict.kind is not Kind.MISSING:
            return declined.verdict.text
        roster.vanished = True
        roster.note = "a group vanished while its members were about to be read"
    return None
