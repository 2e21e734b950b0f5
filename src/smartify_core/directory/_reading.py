"""The life of a snapshot, which is the same for every source: read once, vouched for at the end, closed for good."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from attrs import frozen

from smartify_core.errors import SnapshotMisused
from smartify_core.model import Identity, ProgressSink, Stage

from ._source import Certificate, Presence, Reject


@frozen(order=False)
class Findings:
    """What a read knows once its last person was read, besides the people.

    Args:
        certificate: What the source vouches for.
        rejects: The records that could not be used.
    """

    certificate: Certificate
    rejects: tuple[Reject, ...] = ()


class SnapshotLife(ABC):
    """Keeps the rules of `Snapshot` that have nothing to do with where people come from.

    For authors of sources, who may as well write a `Snapshot` without it. Subclass it and give three methods::

        class TableSnapshot(SnapshotLife):
            def read(self):
                yield from people_of(self._table)

            def found(self):
                return Findings(Certificate((Listing("table", 1, self._table.count),)))

            def answer(self, source_ids):
                return {source_id: Uncertain("nobody can say") for source_id in source_ids}

    A read that ends in an error, or is given up before its end, closes the snapshot.

    Args:
        snapshot_id: A unique, impersonal name of this read.
        progress: Told by `report`.
    """

    def __init__(self, snapshot_id: str, progress: ProgressSink | None = None) -> None:
        self._id = snapshot_id
        self._progress = progress
        self._begun = False
        self._closed = False
        self._findings: Findings | None = None

    # --- what a source gives ----------------------------------------------------------------------------------------

    @abstractmethod
    def read(self) -> Iterator[Identity]:
        """Yield everybody, each source id once. Called once; nothing needs to be sent before the first person."""

    @abstractmethod
    def found(self) -> Findings:
        """Return what is vouched for. Called once, after the last person."""

    @abstractmethod
    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Answer `Snapshot.confirm`. Called after `found` and before `let_go` only."""

    def let_go(self) -> None:  # noqa: B027 - most sources have nothing to let go of
        """Let go of connections and threads. Called once, by the first `close`."""

    # --- what a snapshot is -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Return the snapshot's id."""
        return f"<{type(self).__name__} {self._id}>"

    @property
    def id(self) -> str:
        """Return a unique, impersonal name of this read."""
        return self._id

    @property
    def requests(self) -> int:
        """Return 0: nothing is sent. To be overridden where something is."""
        return 0

    def identities(self) -> Iterator[Identity]:
        """Yield everybody. See `Snapshot.identities`."""
        self.refuse_closed()
        if self._begun:
            raise SnapshotMisused("a snapshot is read only once", where=self._id, cure="Take another snapshot.")
        self._begun = True
        return self._read_to_the_end()

    def _read_to_the_end(self) -> Iterator[Identity]:
        try:
            self.refuse_closed()
            for person in self.read():
                yield person
                if self._closed:
                    raise self.closed()
            self._findings = self.found()
        finally:
            if self._findings is None:
                self.close()

    def _vouched(self) -> Findings:
        if self._findings is None:
            raise SnapshotMisused(
                "the snapshot has not been read to its end", where=self._id, cure="Read identities() to the end first."
            )
        return self._findings

    @property
    def certificate(self) -> Certificate:
        """Return what the source vouches for. See `Snapshot.certificate`."""
        return self._vouched().certificate

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the records that could not be used. See `Snapshot.rejects`."""
        return self._vouched().rejects

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask about people whom this read did not yield. See `Snapshot.confirm`."""
        self._vouched()
        self.refuse_closed()
        return self.answer(source_ids)

    def close(self) -> None:
        """End the read. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self.let_go()

    def __enter__(self) -> Self:
        """Return the snapshot itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the snapshot."""
        self.close()

    # --- for those who write one ------------------------------------------------------------------------------------

    def refuse_closed(self) -> None:
        """Raise `SnapshotMisused` if the snapshot is closed."""
        if self._closed:
            raise self.closed()

    def closed(self) -> SnapshotMisused:
        """Return the error for whoever uses a snapshot that is closed."""
        return SnapshotMisused(
            "the snapshot is closed", where=self._id, cure="Read it inside its with block, or take another one."
        )

    def report(self, stage: Stage, done: int, total: int | None) -> None:
        """Tell whoever wants to know how far the read has come."""
        if self._progress is not None:
            self._progress(stage, done, total)
