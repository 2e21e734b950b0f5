"""A witness that is a file: on another machine's disk, or on paper that cannot be written twice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smartify_core.errors import UsageError, WitnessRefused, WitnessUnavailable

from ._checkpoint import Checkpoint
from ._notes import Verifier, opened_note
from ._proofs import check_consistency
from ._signing import keys_from
from ._witness import ProofFrom

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]  # asked for wherever it is used

_FILE: Final = "checkpoints.txt"


class FileWitness:
    """Keeps every checkpoint in a file that is only appended to. Put its folder where the store's operator has no hand.

    It checks each checkpoint as any witness does: the signature, and that the trail only grew since the one before.
    After a rotation it follows the notes by which each signing key names the next, from a key that it was given.
    Processes may share the folder.

    Args:
        folder: The folder; made where there is none.
        verifiers: The public keys of the trail; the first one, or any that followed, is enough. A file of one trail
            takes no other's.
        name: What the witness is called in reports.
    """

    def __init__(self, folder: str | os.PathLike[str], *verifiers: Verifier, name: str = "file") -> None:
        self._file = Path(folder) / _FILE
        self._verifiers = verifiers
        self._name = name

    @property
    def name(self) -> str:
        """What the witness is called in reports."""
        return self._name

    def notes(self) -> tuple[str, ...]:
        """Return the checkpoints that were kept, the first one first: anchors to verify a trail against.

        Raises:
            WitnessUnavailable: The file cannot be read.
        """
        with self._translated():
            try:
                return _notes(self._file.read_bytes())
            except FileNotFoundError:
                return ()

    def vouch(
        self,
        note: str,
        *,
        seen: int,  # noqa: ARG002  # the port's
        proof_from: ProofFrom,
        successions: Sequence[str] = (),
    ) -> Sequence[str]:
        """Keep a checkpoint, on the disk when this returns. See `Witness.vouch`."""
        try:
            keys = [key for verifier in self._verifiers for key in keys_from(verifier, successions)]
            text, _ = opened_note(note, keys)
            checkpoint = Checkpoint.of_body(text)
        except UsageError as error:
            raise self._refused(error.what) from None
        with self._translated(), self._opened() as descriptor:
            content = _all_of(descriptor)
            kept = _notes(content)
            if kept:
                self._check(Checkpoint.of_body(kept[-1].partition("\n\n")[0] + "\n"), checkpoint, proof_from)
                if kept[-1] == note:
                    return ()
            # What a crash left of a note is written over: nobody was told that it is kept.
            whole = sum(len(one.encode()) + 1 for one in kept)
            os.ftruncate(descriptor, whole)
            os.lseek(descriptor, whole, os.SEEK_SET)
            _write(descriptor, note.encode() + b"\n")
            os.fsync(descriptor)
        return ()

    def _check(self, old: Checkpoint, new: Checkpoint, proof_from: ProofFrom) -> None:
        if old.origin != new.origin:
            raise self._refused("it keeps another trail's checkpoints")
        if old.size > new.size:
            raise self._refused(f"it has one of {old.size} entries already, and this one has {new.size}")
        if not check_consistency(old.size, new.size, proof_from(old.size), old.root, new.root):
            raise self._refused(f"it has one of {old.size} entries, which this trail did not grow from")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._file.exists()
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_new and os.name == "posix":
                folder = os.open(self._file.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeDecodeError) as error:
            why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it holds something else"
            raise WitnessUnavailable(
                f"the file of a witness cannot be used: {why}", where=str(self._file), cure="Look at its folder."
            ) from None

    def _refused(self, why: str) -> WitnessRefused:
        return WitnessRefused(
            f"a witness does not vouch for the checkpoint: {why}",
            where=self._name,
            cure="Verify the trail against what the witness has.",
        )


def _notes(content: bytes) -> tuple[str, ...]:
    """Return the whole notes of a file. A note has one empty line inside, and another one follows it."""
    parts = content.decode().split("\n\n")[:-1]
    return tuple(f"{text}\n\n{signatures}\n" for text, signatures in zip(parts[::2], parts[1::2], strict=False))


def _all_of(descriptor: int) -> bytes:
    parts: list[bytes] = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
