"""A directory in a JSON Lines file, for imports, demos, and hosts without a network.

The format is in ``docs/reference/jsonl.md``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from smartify_core.model import ProgressSink

from ._jsonl_snapshot import JsonLinesSnapshot
from ._jsonl_write import Contents, GroupEntry, PersonEntry, write_jsonl
from ._source import Capability, Presence, no_single_read

__all__ = ["Contents", "GroupEntry", "JsonLinesDirectory", "PersonEntry", "write_jsonl"]


class JsonLinesDirectory:
    """A `DirectorySource` that reads a file anew for each snapshot.

    The file is the whole directory: who is not in a complete file is gone. Its author must never give the id of one
    person to another. Nothing is read before a snapshot is.

    Args:
        path: Where the file is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        """Return the file's name."""
        return f"<JsonLinesDirectory {self._path.name}>"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return immutable ids and deletion evidence: ids are the author's promise, the evidence is a complete file."""
        return frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE})

    def snapshot(self, *, progress: ProgressSink | None = None) -> JsonLinesSnapshot:
        """Begin a read. The file is opened when `Snapshot.identities` is first asked for a person.

        That raises:

        - `SourceUnavailable`: the file is missing or cannot be read;
        - `SourceMalformed`: a line is not in the format, or not UTF-8; the error has its number and quotes nothing.
        """
        return JsonLinesSnapshot(self._path, progress=progress)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:  # noqa: ARG002 - the port's signature
        """Refuse: whoever reads one line of a file reads them all, and a snapshot does that.

        Raises:
            UsageError: Always.
        """
        raise no_single_read("JsonLinesDirectory")
