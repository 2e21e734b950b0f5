"""Playing a recorded read of a directory back: the same plan, whenever it is wanted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, takewhile
from pathlib import Path

from smartify_core.directory import (
    Capability,
    Certificate,
    Findings,
    Listing,
    Presence,
    Reject,
    Snapshot,
    SnapshotLife,
    Uncertain,
    no_single_read,
)
from smartify_core.errors import PlanForeign, SourceUnavailable
from smartify_core.model import Identity, ProgressSink, Stage
from smartify_core.sealing import Sealer

from ._recording_file import Place, Record, RecordingReader, damaged
from ._recording_values import RecordReader

#: How many people are read between two reports of progress.
_STRIDE = 1000


class RecordedDirectory:
    """A `DirectorySource` that plays a recording back: the same snapshot id, people, certificate, answers and requests.

    Against the same store, with the same rules and clock, that makes the same plan, byte for byte.

    Args:
        path: A file that a `SnapshotRecorder` wrote.
        sealer: Opens it with the tenant's key.
        tenant: Whose directory was recorded.

    Raises:
        PlanForeign: The file cannot be read, is no recording, or one of another tenant.
        SourceMalformed: It is a damaged recording.
        WrongKey: The key ring does not hold the key that it was sealed under.
    """

    def __init__(self, path: str | os.PathLike[str], sealer: Sealer, tenant: str) -> None:
        self._path = Path(path)
        self._sealer = sealer
        self._tenant = tenant
        try:
            with self._open() as reader:
                self._snapshot_id, self._capabilities = _beginning(reader, self._path.name)
        except SourceUnavailable as error:
            # To name a file that is not there is wrong usage; once it was there, its loss is the source's trouble.
            raise PlanForeign(error.what, where=error.where, cure=error.cure) from None

    def __repr__(self) -> str:
        """Return the file's name."""
        return f"<RecordedDirectory {self._path.name}>"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what the recorded source declared."""
        return self._capabilities

    def snapshot(self, *, progress: ProgressSink | None = None) -> Snapshot:
        """Begin to play the read back. The file is opened when somebody is first asked for.

        That raises what the class says, or `SourceUnavailable` where the file cannot be read any more; damage further
        on in the file is noticed when it is reached, and before there is a certificate.
        """
        return _RecordedSnapshot(self._open, self._snapshot_id, progress)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Answer `Uncertain` for everybody: what was recorded is over, and a look-up asks about now.

        Raises:
            UsageError: The recorded source could not read one person alone either.
        """
        if Capability.SINGLE_READ not in self._capabilities:
            raise no_single_read("RecordedDirectory")
        return dict.fromkeys(source_ids, Uncertain("a recording answers for its own read only"))

    def _open(self) -> RecordingReader:
        return RecordingReader(self._path, self._sealer, self._tenant)


def _beginning(reader: RecordingReader, where: str) -> tuple[str, frozenset[Capability]]:
    _, record = next(reader.records(reader.first))
    try:
        tag, snapshot_id, _ = record
        if tag == "begin":
            return snapshot_id, RecordReader().capabilities(record)
    except (ValueError, TypeError, LookupError):
        pass
    raise damaged("does not begin as recordings do", where)


class _RecordedSnapshot(SnapshotLife):
    """One playing of a recording. Keeps a chunk and the groups in memory, and nobody."""

    def __init__(self, begin: Callable[[], RecordingReader], snapshot_id: str, progress: ProgressSink | None) -> None:
        super().__init__(snapshot_id, progress)
        self._begin = begin
        self._reader: RecordingReader | None = None
        self._values = RecordReader()
        self._records: Iterator[tuple[Place, Record]] = iter(())
        self._requests = 0
        #: The chunk in which the first answer is, and the one that the last question was answered from.
        self._answers: Place | None = None
        self._latest: Place | None = None

    @property
    def requests(self) -> int:
        """Return how many requests the recorded read had sent in the end; 0 until all of it was played back."""
        return self._requests

    def read(self) -> Iterator[Identity]:
        """Yield everybody in the order of the recorded read."""
        self._reader = self._begin()
        self._records = self._reader.records(self._reader.first)
        count = 0
        for _, record in self._records:
            if record[0] == "person":
                count += 1
                if count % _STRIDE == 0:
                    self.report(Stage.USERS_READ, count, None)
                with self._understanding():
                    person = self._values.identity(record[1:])
                yield person
            elif record[0] == "group":
                with self._understanding():
                    self._values.learn_group(record)
            elif record[0] == "listed":
                break
        self.report(Stage.USERS_READ, count, count)

    @contextlib.contextmanager
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, LookupError):
            raise damaged("holds a record in another form", self.id) from None

    def found(self) -> Findings:
        """Return what was found, once the file has been seen to be whole: to its last chunk."""
        listings: list[Listing] = []
        rejects: list[Reject] = []
        for place, record in self._records:
            with self._understanding():
                match record[0]:
                    case "listing":
                        listings.append(self._values.listing(record))
                    case "reject":
                        rejects.append(self._values.reject(record))
                    case "group":
                        self._values.learn_group(record)
                    case "answer":
                        self._answers = self._answers or place
                    case "end":
                        self._requests = int(record[1])
        return Findings(Certificate(tuple(listings)), tuple(rejects))

    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Give the recorded answers. Who was not asked about then is uncertain."""
        answers: dict[str, Presence] = dict.fromkeys(source_ids, Uncertain("nobody asked in the recorded read"))
        if self._answers is None or self._reader is None:
            return answers
        waiting = set(answers)
        begin = self._answers
        latest = self._latest or begin
        # Whoever asks in the order of the recorded read finds each answer where the last one was, or right after it.
        before = takewhile(lambda each: each[0].number < latest.number, self._reader.records(begin))
        for place, record in chain(self._reader.records(latest), before):
            if not waiting:
                break
            if record[0] == "answer" and record[1] in waiting:
                waiting.discard(record[1])
                with self._understanding():
                    answers[record[1]] = self._values.presence(record)
                self._latest = place
        return answers

    def let_go(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
