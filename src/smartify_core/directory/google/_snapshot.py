"""One read of a Google directory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from smartify_core.directory import Certificate, Presence, Reject
from smartify_core.directory._expansion import Expansion, GroupMembers, expand
from smartify_core.errors import SnapshotMisused
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


class GoogleSnapshot:
    """One read of a Google directory; see `Snapshot`. Threads and connections are its own, and end with it."""

    def __init__(self, transport: Transport, *, customer: str, limits: Limits, progress: ProgressSink | None) -> None:
        self._id = f"google-{uuid.uuid4().hex}"
        self._transport = transport
        self._crew = Crew(limits.concurrency, "smartify-google", transport.release)
        self._gathering = Gathering(transport, self._crew, customer, limits)
        if progress is not None:
            self._gathering.progress = progress
        self._confirmation = Confirmation(transport, self._crew, customer, silence=limits.concurrency)
        self._expansion: Expansion | None = None
        self._certificate: Certificate | None = None
        self._rejects: tuple[Reject, ...] = ()
        self._begun = False
        self._closed = False

    def __repr__(self) -> str:
        """Return the snapshot's id; nothing personal."""
        return f"<GoogleSnapshot {self._id}>"

    @property
    def id(self) -> str:
        """Return a unique, impersonal name of this read."""
        return self._id

    def identities(self) -> Iterator[Identity]:
        """Yield every person who was read, once the groups are known. See `Snapshot.identities`."""
        if self._begun:
            raise SnapshotMisused("a snapshot is read only once", where=self._id, cure="Take another snapshot.")
        self._refuse_closed()
        self._begun = True
        return self._read()

    def _read(self) -> Iterator[Identity]:
        whole = False
        gathering = self._gathering
        try:
            self._refuse_closed()
            gathering.run()
            self._expansion = _expand(gathering)
            memberships_of = self._expansion.memberships_of
            rows = gathering.people.rows
            for source_id, (email, given_name, family_name, reason) in rows.items():
                yield Identity(source_id, email, given_name, family_name, reason, memberships_of(source_id))
                if self._closed:
                    self._refuse_closed()
            certificate = gathering.certificate()
            self._rejects = tuple(gathering.people.rejects.values())
            rows.clear()
            whole = True
            self._certificate = certificate
        except ClosingError:
            raise self._misused_after_close() from None
        finally:
            if not whole:
                self.close()

    @property
    def certificate(self) -> Certificate:
        """Return what this read vouches for. See `Snapshot.certificate`."""
        if self._certificate is None:
            raise SnapshotMisused(
                "the snapshot has not been read to its end", where=self._id, cure="Read identities() to the end first."
            )
        return self._certificate

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the people whose record cannot be used. See `Snapshot.rejects`."""
        _ = self.certificate
        return self._rejects

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was passed over without being a problem, such as another customer's nested group; impersonal.

        Raises:
            SnapshotMisused: `identities` has not been read to its end.
        """
        _ = self.certificate
        return tuple(sorted(self._gathering.notes))

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask Google about people whom the listing missed: the deleted list first, then one read each.

        See `Snapshot.confirm`. An error ends the snapshot.
        """
        _ = self.certificate
        self._refuse_closed()
        expansion = self._expansion
        if expansion is None:  # pragma: no cover - there is no certificate without it
            raise SnapshotMisused("the snapshot has not been read to its end", where=self._id)
        try:
            return self._confirmation.ask(source_ids, expansion.memberships_of)
        except ClosingError:
            raise self._misused_after_close() from None
        except BaseException:
            self.close()
            raise

    @property
    def requests(self) -> int:
        """Return how many requests went to the API so far, retries included; those for a token are not counted."""
        return self._transport.requests

    def close(self) -> None:
        """End the threads and connections of this read at once."""
        if not self._closed:
            self._closed = True
            self._transport.close()
            self._crew.dismiss(_PATIENCE)

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
            raise self._misused_after_close()

    def _misused_after_close(self) -> SnapshotMisused:
        return SnapshotMisused(
            "the snapshot is closed", where=self._id, cure="Read it inside its with block, or take another one."
        )


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
