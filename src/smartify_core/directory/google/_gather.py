"""One read of the whole account: people, groups and members, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field

from smartify_core.directory import Certificate, Listing
from smartify_core.model import Group, ProgressSink, Stage

from ._crew import Act, Crew
from ._listing import NOTHING_READ, Extent, read_listing, refusal
from ._retry import DeclinedError
from ._rosters import Roster, read_roster
from ._wire import GROUPS, USERS, Method, People, read_group

if TYPE_CHECKING:
    from ._limits import Limits
    from ._transport import Transport


def _silent(_: Stage, __: int, ___: int | None) -> None:
    return


@define
class Gathering:
    """What a read has found so far.

    Everything but ``people`` is touched by the owner's thread only, and ``people`` by the one task that fills it.
    """

    transport: Transport
    crew: Crew
    customer: str
    limits: Limits
    progress: ProgressSink = _silent
    people: People = field(factory=People)
    groups: dict[str, Group] = field(factory=dict)
    rosters: dict[str, Roster] = field(factory=dict)
    #: What was passed over, without being a problem; impersonal.
    notes: list[str] = field(factory=list)
    _children: set[str] = field(factory=set, init=False)
    _users_extent: Extent = field(default=NOTHING_READ, init=False)
    _groups_extent: Extent | None = field(default=None, init=False)
    _unusable_groups: int = field(default=0, init=False)
    _groups_read: int = field(default=0, init=False)

    def run(self) -> None:
        """Read everything. The members of a group are read as soon as the page that names the group is here.

        Raises:
            SourceError: Some part cannot be read.
        """
        self.crew.submit(self._read_users)
        self.crew.submit(self._read_groups)
        self.crew.attend()

    def _whole(self, method: Method, on_page: Callable[[list[Any], int], None]) -> Extent:
        try:
            return read_listing(self.transport, method, on_page, customer=self.customer)
        except DeclinedError as declined:
            raise refusal(declined.verdict, method, self.customer) from None

    # --- people ---

    def _read_users(self) -> Act:
        def on_page(records: list[Any], page: int) -> None:
            self.people.add(records, f"users.list, page {page}")
            self.crew.post(partial(self.progress, Stage.USERS_READ, self.people.count, None))

        return partial(self._end_users, self._whole(USERS, on_page))

    def _end_users(self, extent: Extent) -> None:
        self._users_extent = extent
        self.progress(Stage.USERS_READ, self.people.count, self.people.count)

    # --- groups, and who is in them ---

    def _read_groups(self) -> Act:
        def on_page(records: list[Any], _: int) -> None:
            self.crew.post(partial(self._take_groups, [read_group(record) for record in records]))

        return partial(self._end_groups, self._whole(GROUPS, on_page))

    def _take_groups(self, groups: Iterable[Group | None]) -> None:
        for group in groups:
            if group is None:
                self._unusable_groups += 1
                continue
            known = group.id in self.groups
            self.groups[group.id] = group
            if not known:
                self.crew.submit(partial(self._read_roster, group.id, ours=True))

    def _end_groups(self, extent: Extent) -> None:
        self._groups_extent = extent
        self._look_behind()

    def _read_roster(self, group_id: str, *, ours: bool) -> Act:
        return partial(self._take_roster, read_roster(self.transport, group_id, self.limits, ours=ours), ours=ours)

    def _take_roster(self, roster: Roster, *, ours: bool) -> None:
        self.rosters[roster.group_id] = roster
        if roster.note is not None:
            self.notes.append(roster.note)
        if roster.nameless:
            self.notes.append("a member of a group does not say who it is")
        self._children |= roster.groups
        if ours:
            self._groups_read += 1
        self._look_behind()

    def _look_behind(self) -> None:
        """Follow nested groups that the account's listing does not name, once it is at its end.

        They are passages to people who may be ours.
        """
        if self._groups_extent is None:
            return
        for child in sorted(self._children):
            if child not in self.groups and child not in self.rosters:
                self.rosters[child] = Roster(child)
                self.crew.submit(partial(self._read_roster, child, ours=False))
        self._children.clear()
        self.progress(Stage.GROUPS_READ, self._groups_read, len(self.groups))

    # --- what may be vouched for ---

    def certificate(self) -> Certificate:
        """Return what this read vouches for."""
        return Certificate((self._users_listing(), self._groups_listing(), self._members_listing()))

    def _users_listing(self) -> Listing:
        problem = None
        if self.people.nameless:
            problem = f"{self.people.nameless} of the records have no usable id"
        elif not self.people.count:
            # The administrator for whom the credentials act is a user of the account, so that a true listing is never
            # empty.
            problem = "nobody was listed, although at least the administrator must be"
        return Listing("users", self._users_extent.pages, self._users_extent.records, problem)

    def _groups_listing(self) -> Listing:
        extent = self._groups_extent or NOTHING_READ
        problem = None
        if self._unusable_groups:
            problem = f"{self._unusable_groups} of the records have no usable id or address"
        return Listing("groups", extent.pages, extent.records, problem)

    def _members_listing(self) -> Listing:
        pages = sum(roster.extent.pages for roster in self.rosters.values())
        records = sum(roster.extent.records for roster in self.rosters.values())
        problems = sorted(
            (roster.group_id, roster.problem) for roster in self.rosters.values() if roster.problem is not None
        )
        problem = None
        if problems:
            first, reason = problems[0]
            problem = f"{len(problems)} of {len(self.groups)} groups could not be read, such as {first}: {reason}"
        return Listing("members", pages, records, problem)
