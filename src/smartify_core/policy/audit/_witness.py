"""Witnesses: whoever keeps checkpoints of a trail where its operator cannot change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from attrs import frozen

#: Returns the proof that a trail only grew from this size on to that of the checkpoint at hand.
ProofFrom: TypeAlias = Callable[[int], tuple[bytes, ...]]


@runtime_checkable
class Witness(Protocol):
    """Somebody else who is shown every checkpoint, and remembers."""

    @property
    def name(self) -> str:
        """What the witness is called in reports."""

    def vouch(self, note: str, *, seen: int, proof_from: ProofFrom, successions: Sequence[str] = ()) -> Sequence[str]:
        """Take a checkpoint in, and return the lines by which the witness signs it; none where it just keeps it.

        Args:
            note: The checkpoint, signed.
            seen: The size of the latest one that the witness vouched for, as far as the trail knows; 0 for none.
            proof_from: Makes the proof that the trail only grew from another size on.
            successions: The notes by which each signing key named the next, the first one first: see
                `followed_succession`.

        Raises:
            WitnessRefused: It does not vouch for it: it does not know the trail, or saw another one.
            WitnessUnavailable: It did not answer.
        """


@frozen(order=False)
class CallableWitness:
    """A witness that is a function of the host's: it mails the note, prints it, or puts it into a bucket.

    Args:
        name: What it is called in reports.
        call: Takes the note. What it raises is reported as a witness that could not be reached.
    """

    name: str
    call: Callable[[str], object]

    def vouch(
        self,
        note: str,
        *,
        seen: int,  # noqa: ARG002  # the port's
        proof_from: ProofFrom,  # noqa: ARG002  # the port's
        successions: Sequence[str] = (),  # noqa: ARG002  # the port's
    ) -> Sequence[str]:
        """Hand the note over."""
        self.call(note)
        return ()
