"""Making checkpoints of a trail, and showing them to witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from smartify_core.errors import (
    CheckpointForeign,
    SmartifyError,
    StorageBusy,
    TrailBroken,
    UsageError,
    WitnessUnavailable,
    WriteConflict,
)
from smartify_core.model import Clock, PutDocument
from smartify_core.policy._ledger import LEDGER, utc_now
from smartify_core.sealing import Sealer

from ._checkpoint import Checkpoint, check_origin
from ._entries import AuditRecord
from ._kept import SignedCheckpoint, Vouched
from ._notes import Verifier, opened_note, signed_note
from ._proofs import consistency_proof
from ._signing import SigningKey
from ._state import CHECKPOINT
from ._trail import Trail
from ._tree import Frontier
from ._walk import Walk, beyond, first_of
from ._witness import Witness

_LATEST: Final = (CHECKPOINT, "latest")
_ATTEMPTS: Final = 100


class Checkpoints:
    """The checkpoints of a trail. Threads and processes may share them.

    Args:
        trail: The trail.
        sealer: What seals the signing key, which is made at first use and kept in the store. Whoever has the key ring
            and the store can sign.
        origin: A name for the trail that no other has, such as ``vendor.example/audit``. Checkpoints and keys bear it.
        witnesses: Who is shown every checkpoint.
        clock: What tells when a checkpoint was made.

    Raises:
        UsageError: The origin is no name for a trail.
    """

    def __init__(
        self,
        trail: Trail,
        sealer: Sealer,
        *,
        origin: str,
        witnesses: Sequence[Witness] = (),
        clock: Clock = utc_now,
    ) -> None:
        check_origin(origin)
        self._trail = trail
        self._origin = origin
        self._witnesses = tuple(witnesses)
        self._clock = clock
        self._key = SigningKey(trail.storage, sealer, origin)

    @property
    def trail(self) -> Trail:
        """The trail."""
        return self._trail

    def signing_verifier(self) -> Verifier:
        """Return the public key of what signs now, whose ``vkey`` customers are handed, once. Made where there is none.

        Raises:
            WrongKey: The key ring does not hold the key that the signing key was sealed under.
            SealBroken: It was altered.
            CheckpointForeign: The trail has another name.
            StorageError: The store cannot be read or written.
        """
        return self._key.signer().verifier

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """All public keys that the trail has had, the present one first; none before the first checkpoint."""
        return self._key.verifiers()

    @property
    def successions(self) -> tuple[str, ...]:
        """The notes by which each key names the next: whoever has an older key learns the present one from them."""
        return self._key.successions()

    def latest(self) -> SignedCheckpoint | None:
        """Return the latest checkpoint that was made, or ``None``.

        Raises:
            TrailBroken: The store holds something else there.
        """
        return self._latest()[0]

    def make(self) -> SignedCheckpoint:
        """Make a checkpoint of the trail as it is, keep it, and show it to the witnesses.

        All that was added since the latest checkpoint is worked out anew first: there is none over a broken chain. A
        witness that does not vouch keeps nobody from going on; look at ``failures``.

        Raises:
            TrailBroken: What was added is not as it was written, or the trail did not grow from the latest checkpoint.
            CheckpointForeign: The latest checkpoint is of a trail with another origin.
            StorageError: The store cannot be read or written.
        """
        for _ in range(_ATTEMPTS):
            latest, version = self._latest()
            checkpoint = self.checked(latest)
            if latest is not None and latest.checkpoint == checkpoint:
                return self._shown(latest)
            note = signed_note(checkpoint.body, self._key.signer())
            made = SignedCheckpoint(note, self._clock(), () if latest is None else latest.vouched)
            try:
                self._trail.storage.record(LEDGER, documents=[PutDocument(*_LATEST, made.content, version)])
            except WriteConflict:  # another process has made one meanwhile
                continue
            return self._shown(made)
        raise _busy()

    def checked(self, latest: SignedCheckpoint | None) -> Checkpoint:
        """Return the checkpoint of the trail as it is, unsigned, having walked from the latest one. Raises as `make`.

        Args:
            latest: The latest checkpoint that was made; ``None`` to walk from the beginning.
        """
        known = beyond(self._trail)
        head = self._trail.head()
        first_of(known(head))
        walk = Walk(self._trail)
        if latest is not None:
            walk = self._from(latest)
            if walk.frontier.size > head.frontier.size:
                raise _broken(
                    f"its latest checkpoint has {walk.frontier.size} entries, and {head.frontier.size} are there"
                )
        first_of(walk.to(head.frontier.size))
        first_of(walk.ends_at(head))
        return Checkpoint(self._origin, walk.frontier.size, walk.frontier.root)

    def rotate(self) -> str:
        """Make a new signing key, and return the note by which the old one names it. The trail tells of it.

        Raises:
            WriteConflict: Another process has rotated it meanwhile.
            AuditUnavailable: The trail cannot tell of it now; the key is rotated.
        """
        note = self._key.rotate()
        new, old, *_ = self._key.verifiers()
        facts = {"new_key": new.id.hex(), "old_key": old.id.hex()}
        self._trail.append(AuditRecord("audit.key.rotated", self._clock(), facts=facts))
        return note

    def _from(self, latest: SignedCheckpoint) -> Walk:
        """Return a walk that begins where a checkpoint ends, which is checked against the nodes that are there."""
        try:
            size = self.opened(latest.note).size
        except CheckpointForeign:
            raise
        except UsageError:
            raise _broken("its latest checkpoint is not signed by its key") from None
        nodes = self._trail.nodes()
        ends = [end for end in range(size.bit_length()) if size >> end & 1]
        frontier = Frontier(size, tuple(nodes(level, (size >> level) - 1) for level in reversed(ends)))
        if frontier.root != latest.checkpoint.root:
            raise _broken("it did not grow from its latest checkpoint")
        return Walk(self._trail, frontier, self._trail.entry(size - 1).record.at) if size else Walk(self._trail)

    def opened(self, note: str) -> Checkpoint:
        """Return the checkpoint in a note, if it is one of this trail and signed by a key that the trail has had.

        Raises:
            CheckpointForeign: It is another trail's.
            UsageError: It is no note, or no key of the trail signed it.
        """
        return opened_of(note, self._origin, self._key.verifiers())

    def _latest(self) -> tuple[SignedCheckpoint | None, int]:
        present = self._trail.storage.document(LEDGER, *_LATEST)
        return (None, 0) if present is None else (SignedCheckpoint.of_content(present.value), present.version)

    # --- witnesses ----------------------------------------------------------------------------------------------------

    def _shown(self, made: SignedCheckpoint) -> SignedCheckpoint:
        """Show a checkpoint to all witnesses that have not vouched for it, and keep what they say."""
        size, successions = made.checkpoint.size, self.successions
        seen = {one.by: one.size for one in made.vouched}
        lines: list[str] = []
        vouched: list[Vouched] = []
        failures: list[SmartifyError] = []
        for witness in self._witnesses:
            if seen.get(witness.name, -1) == size:
                continue
            try:
                told = witness.vouch(
                    made.note,
                    seen=seen.get(witness.name, 0),
                    proof_from=lambda old: consistency_proof(old, size, self._trail.nodes()),
                    successions=successions,
                )
            except SmartifyError as error:
                failures.append(error)
            except Exception:  # noqa: BLE001  # a host's own function may raise anything, and its words stay here
                failures.append(_failed(witness.name))
            else:
                lines += [f"{line}\n" for line in told]
                vouched.append(Vouched(witness.name, size, self._clock()))
        if vouched:
            made = self._noted(made, lines, vouched)
        return evolve(made, failures=tuple(failures))

    def _noted(self, made: SignedCheckpoint, lines: Sequence[str], vouched: Sequence[Vouched]) -> SignedCheckpoint:
        for _ in range(_ATTEMPTS):
            latest, version = self._latest()
            if latest is None:
                raise _broken("its latest checkpoint is gone")
            names = {one.by for one in vouched}
            others = tuple(one for one in latest.vouched if one.by not in names)
            own = latest.checkpoint == made.checkpoint
            note = latest.note + "".join(line for line in lines if line not in latest.note) if own else latest.note
            noted = SignedCheckpoint(note, latest.at, (*others, *vouched))
            try:
                self._trail.storage.record(LEDGER, documents=[PutDocument(*_LATEST, noted.content, version)])
            except WriteConflict:
                continue
            return noted if own else evolve(made, note=made.note + "".join(lines), vouched=noted.vouched)
        raise _busy()


def opened_of(note: str, origin: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint in a note, if it is that trail's and one of the keys signed it.

    Raises:
        CheckpointForeign: It is another trail's.
        UsageError: It is no note, or none of the keys signed it.
    """
    checkpoint = Checkpoint.of_body(opened_note(note, verifiers)[0])
    if checkpoint.origin != origin:
        raise CheckpointForeign("a checkpoint is another trail's", where=origin, cure="Look which trail it belongs to.")
    return checkpoint


def _broken(what: str) -> TrailBroken:
    return TrailBroken(
        f"the audit trail is not as it was written: {what}",
        cure="Keep the store as it is, and verify the trail against a checkpoint that was kept elsewhere.",
    )


def _failed(name: str) -> WitnessUnavailable:
    return WitnessUnavailable(
        "a witness of the host's own failed", where=name, cure="Call it by itself to see what it raises."
    )


def _busy() -> StorageBusy:
    return StorageBusy("other processes made checkpoints all the time", cure="Try again.")
