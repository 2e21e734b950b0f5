"""One read of a Google directory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from smartify_core.directory import Expansion, Findings, GroupMembers, Presence, SnapshotLife, Uncertain, expand
from smartify_core.model import Group, Identity, ProgressSink

from ._confirm import Confirmation
from ._crew import Crew
from ._gather import Gathering
from ._retry import ClosingError

if TYPE_CHECKING:
    from ._limits import Limits
    from ._transport import Transport

#: How long closing waits for threads whose connection cannot be cut, such as one that is still being opened. They end
#: by themselves and keep nothing alive.
_PATIENCE = 2.0


class GoogleSnapshot(SnapshotLife):
    """One read of a Google directory; see `Snapshot`. Threads and connections are its own, and end with it.

    It yields everybody once the groups are known. `confirm` asks for the deleted list first, then for each person; an
    error ends the snapshot.
    """

    def __init__(self, transport: Transport, *, customer: str, limits: Limits, progress: ProgressSink | None) -> None:
        super().__init__(f"google-{uuid.uuid4().hex}", progress)
        self._transport = transport
        self._crew = Crew(limits.concurrency, "smartify-google", transport.release)
        self._gathering = Gathering(transport, self._crew, customer, limits, self.report)
        self._confirmation = Confirmation(transport, self._crew, customer, silence=limits.concurrency)
        self._expansion: Expansion | None = None

    def read(self) -> Iterator[Identity]:
        """Yield every person who was read, once the groups are known."""
        gathering = self._gathering
        try:
            gathering.run()
        except ClosingError:
            raise self.closed() from None
        self._expansion = _expand(gathering)
        memberships_of = self._expansion.memberships_of
        for source_id, (email, given_name, family_name, reason) in gathering.people.rows.items():
            yield Identity(source_id, email, given_name, family_name, reason, memberships_of(source_id))

    def found(self) -> Findings:
        """Return what this read vouches for, and let go of what is not needed any more."""
        people = self._gathering.people
        findings = Findings(self._gathering.certificate(), tuple(people.rejects.values()))
        people.rows.clear()
        return findings

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was passed over without being a problem, such as another customer's nested group; impersonal.

        Raises:
            SnapshotMisused: `identities` has not been read to its end.
        """
        _ = self.certificate
        return tuple(sorted(self._gathering.notes))

    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask Google about people whom the listing missed."""
        if self._expansion is None:  # pragma: no cover - there is no certificate without it
            return {source_id: Uncertain("nothing was read") for source_id in source_ids}
        answered = False
        try:
            answers = self._confirmation.ask(source_ids, self._expansion.memberships_of)
            answered = True
        except ClosingError:
            raise self.closed() from None
        finally:
            if not answered:
                self.close()
        return answers

    @property
    def requests(self) -> int:
        """Return how many requests went to the API so far, retries included; those for a token are not counted."""
        return self._transport.requests

    def let_go(self) -> None:
        """End the threads and connections of this read at once."""
        self._transport.close()
        self._crew.dismiss(_PATIENCE)


def look_up(
    transport: Transport, source_ids: Sequence[str], *, customer: str, limits: Limits
) -> Mapping[str, Presence]:
    """Answer for single people without a read, on threads and connections that end with the call.

    Raises:
        SourceError: The account as a whole cannot be asked.
    """
    crew = Crew(limits.concurrency, "smartify-google", transport.release)
    try:
        return Confirmation(transport, crew, customer, silence=limits.concurrency).look_up(source_ids)
    finally:
        transport.close()
        crew.dismiss(_PATIENCE)


def _expand(gathering: Gathering) -> Expansion:
    """Return who is in which group, by every path. A group that vanished is no group any more."""
    groups: dict[str, Group] = {
        group_id: group for group_id, group in gathering.groups.items() if not gathering.rosters[group_id].vanished
    }
    members = {
        group_id: GroupMembers(roster.people, roster.groups, roster.everyone)
        for group_id, roster in gathering.rosters.items()
        if not roster.vanished
    }
    return expand(groups, members, members.keys() - groups.keys())
