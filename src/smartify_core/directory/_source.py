"""The port where identities come from. Everything that the author of a source must read is here.

Rules that everything below serves (numbered clauses with their tests: ``docs/reference/directory-contract.md``):

1. A record that was read counts. The *absence* of a record counts only when the certificate vouches that every page
   of every listing was
   read and well formed, and even then each absent person is confirmed one by one before anything happens to their
   account.
2. A source that cannot be read raises a `SourceError`; it never yields an empty directory instead.
3. Nothing is asked for, held or yielded about a person but first name, last name, email and email groups (and an
   opaque id, and whether they are active).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.model import Identity, ProgressSink


@enum.unique
class Capability(enum.Enum):
    """What a source can vouch for; the engine derives from it which removals are legal. Declared, never detected."""

    #: A person's id never changes and is never given to another person.
    IMMUTABLE_IDS = "immutable_ids"
    #: The source keeps a record of people deleted lately, so that a deletion has positive evidence.
    DELETION_EVIDENCE = "deletion_evidence"
    #: One person can be read by id, apart from the listings.
    SINGLE_READ = "single_read"
    #: The source says of its own accord that something changed. Only ever a hint.
    PUSH = "push"


@frozen(order=False)
class Listing:
    """One listing of a read: how much of it was seen, and whether its end was reached.

    ``problem`` says, without personal data, why a listing is not complete; it is ``None`` exactly when the listing is
    complete.
    """

    name: str
    pages: int
    records: int
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Return whether every page was read and well formed."""
        return self.problem is None


@frozen(order=False)
class Certificate:
    """What a source vouches for after a read.

    It is complete only when it names at least one listing and each is complete.
    """

    listings: tuple[Listing, ...]

    @property
    def complete(self) -> bool:
        """Return whether absence from this read may be looked into at all."""
        return bool(self.listings) and all(listing.complete for listing in self.listings)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what keeps the read from being complete, one text a listing."""
        return tuple(f"{listing.name}: {listing.problem}" for listing in self.listings if listing.problem is not None)


@frozen(order=False)
class Reject:
    """A record that was read but cannot be used, such as a person without an email.

    Its account, if any, is left as it is.

    Args:
        source_id: The person's id. A record without a usable id is no reject: its listing is not complete.
        problem: What is wrong with the record, without quoting it.
        place: Where it was read: a page or line number.
    """

    source_id: str
    problem: str
    place: str


@frozen(order=False)
class Present:
    """The person is in the source.

    Args:
        identity: What was read just now.
        memberships_read: Whether the person's groups were read with it. Where not, ``identity`` carries none, which
            says nothing about the groups that they are in.
    """

    identity: Identity
    memberships_read: bool = True


@frozen(order=False)
class Gone:
    """The source itself says that the person is no more.

    ``evidence`` names how it said so, such as ``"deleted list"``.
    """

    evidence: str


@frozen(order=False)
class Uncertain:
    """The source would not say; ``reason`` (without personal data) tells why. Nothing may be concluded."""

    reason: str


Presence = Present | Gone | Uncertain


class Snapshot(Protocol):
    """One read of a source. A context manager; use it from one thread; read it once, to the end."""

    @property
    def id(self) -> str:
        """Return a unique, impersonal name of this read, for evidence."""

    def identities(self) -> Iterator[Identity]:
        """Yield every person who was read, each source id at most once, in any order.

        Raises:
            SourceError: The source could not be read. What was yielded before stays true; there will be no certificate.
            SnapshotMisused: A second call, or a call after `close`.
        """

    @property
    def certificate(self) -> Certificate:
        """Return what the source vouches for.

        Raises:
            SnapshotMisused: `identities` has not been read to its end.
        """

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the records that could not be used.

        Raises:
            SnapshotMisused: `identities` has not been read to its end.
        """

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask the source about people whom this read did not yield; answers for every id asked, and only for those.

        A `Present` identity carries the memberships that this read saw for that id. An answer that is no clear yes or
        no is `Uncertain`, never `Gone`.

        Raises:
            SourceError: The source as a whole cannot be asked.
            SnapshotMisused: Before the end of `identities`, or after `close`.
        """

    @property
    def requests(self) -> int:
        """Return how many requests this read has sent so far, retries included (0 where the source is local)."""

    def close(self) -> None:
        """Let go of connections and threads. Closing twice is harmless."""

    def __enter__(self) -> Self:
        """Return the snapshot itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the snapshot."""


@runtime_checkable
class DirectorySource(Protocol):
    """Where the people of one tenant are mastered."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what this source can vouch for. The same at every call."""

    def snapshot(self, *, progress: ProgressSink | None = None) -> Snapshot:
        """Begin one read. Opening may already talk to the source, or wait until `Snapshot.identities` is called.

        Args:
            progress: Told how many users and groups have been read.

        Raises:
            SourceError: The source cannot be read.
        """

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask about single people as they are now, apart from every listing: at sign-in, or on a hint of a change.

        Answers for every id asked, and only for those; it needs no snapshot and leaves open ones alone. The rule is
        that of `Snapshot.confirm`: an answer that is no clear yes or no is `Uncertain`, never `Gone`. A source that
        cannot read all groups of one person alone says so with `Present.memberships_read`.

        Raises:
            SourceError: The source as a whole cannot be asked.
            UsageError: The source does not declare `Capability.SINGLE_READ`; raise `no_single_read` then.
        """


def no_single_read(source: str) -> UsageError:
    """Return the error with which a source without `Capability.SINGLE_READ` answers `DirectorySource.look_up`.

    Args:
        source: What to call the source, without personal data.
    """
    return UsageError(
        "this source cannot read one person alone",
        where=f"{source}.look_up",
        cure="Ask only sources that declare Capability.SINGLE_READ; for this one, run the tenant as a whole.",
    )
