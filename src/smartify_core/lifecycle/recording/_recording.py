"""Recording one read of a directory into a sealed file. Playing it back: ``_playing_back.py``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from smartify_core.directory import Capability, Certificate, DirectorySource, Presence, Reject, Snapshot
from smartify_core.model import Identity, ProgressSink
from smartify_core.sealing import Sealer

from ._recording_file import RecordingWriter, require_file_name
from ._recording_values import RecordMaker


class SnapshotRecorder:
    """A `DirectorySource` that passes another one through and records each read of it.

    Each read that came to its end replaces the file when its snapshot is closed; one that failed, or was given up,
    leaves no trace. The file is readable for its owner only, and nothing personal is in it but sealed. Look-ups are
    passed through and not recorded.

    Args:
        source: The source to be recorded.
        path: Where the recording goes.
        sealer: Seals it under the tenant's key.
        tenant: Whose directory it is.

    Raises:
        UsageError: ``path`` cannot be a file: it is empty, or a folder.
    """

    def __init__(self, source: DirectorySource, path: str | os.PathLike[str], sealer: Sealer, tenant: str) -> None:
        self._source = source
        self._path = Path(path)
        require_file_name(self._path)
        self._sealer = sealer
        self._tenant = tenant

    def __repr__(self) -> str:
        """Return the source's repr and the file's name."""
        return f"<SnapshotRecorder of {self._source!r} into {self._path.name}>"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what the source declares."""
        return self._source.capabilities

    def snapshot(self, *, progress: ProgressSink | None = None) -> Snapshot:
        """Begin a read that is recorded. See `DirectorySource.snapshot`.

        Besides what the source raises, reading raises `UsageError` where the file cannot be written.
        """
        snapshot = self._source.snapshot(progress=progress)
        return _RecordingSnapshot(snapshot, self._source.capabilities, self._path, self._sealer, self._tenant)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Pass the question on. See `DirectorySource.look_up`."""
        return self._source.look_up(source_ids)


class _RecordingSnapshot:
    """Passes a snapshot through, which keeps the rules of its life itself."""

    def __init__(
        self, inner: Snapshot, capabilities: frozenset[Capability], path: Path, sealer: Sealer, tenant: str
    ) -> None:
        self._inner = inner
        self._capabilities = capabilities
        self._path = path
        self._sealer = sealer
        self._tenant = tenant
        self._maker = RecordMaker()
        #: ``None`` before the first person, and once the recording is in place or given up.
        self._writer: RecordingWriter | None = None
        self._whole = False

    def __repr__(self) -> str:
        """Return the inner snapshot's repr."""
        return repr(self._inner)

    @property
    def id(self) -> str:
        """Return the inner snapshot's id, which the recording keeps."""
        return self._inner.id

    @property
    def requests(self) -> int:
        """Return how many requests the inner snapshot sent."""
        return self._inner.requests

    @property
    def certificate(self) -> Certificate:
        """Return what the source vouches for."""
        return self._inner.certificate

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the records that could not be used."""
        return self._inner.rejects

    def identities(self) -> Iterator[Identity]:
        """Yield and record everybody. See `Snapshot.identities`."""
        return self._record(self._inner.identities())

    def _record(self, people: Iterator[Identity]) -> Iterator[Identity]:
        writer = self._writer = RecordingWriter(self._path, self._sealer, self._tenant)
        try:
            writer.add(self._maker.beginning(self.id, self._capabilities))
            for person in people:
                for record in self._maker.person(person):
                    writer.add(record)
                yield person
            for record in self._maker.findings(self._inner.certificate, self._inner.rejects):
                writer.add(record)
            self._whole = True
        finally:
            if not self._whole:
                self._give_up()

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask, and record the answers. See `Snapshot.confirm`."""
        recorded = False
        try:
            answers = self._inner.confirm(source_ids)
            if self._writer is not None:
                for source_id, presence in answers.items():
                    for record in self._maker.answer(source_id, presence):
                        self._writer.add(record)
            recorded = True
        finally:
            if self._whole and not recorded:
                self._give_up()
        return answers

    def close(self) -> None:
        """Close the inner snapshot, and put the recording in place if the read came to its end."""
        self._inner.close()
        writer = self._writer
        if writer is None:
            return
        if not self._whole:
            self._give_up()
            return
        self._writer = None
        try:
            writer.add(["end", self._inner.requests])
            writer.finish()
        finally:
            writer.discard()

    def _give_up(self) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None

    def __enter__(self) -> Self:
        """Return the snapshot itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the snapshot."""
        self.close()
