"""The key that a trail's checkpoints are signed with: made at first use, sealed, and handed on when it is rotated."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Final

from smartify_core.errors import CheckpointForeign, TrailBroken, UsageError, WriteConflict
from smartify_core.model import PutDocument
from smartify_core.policy._ledger import LEDGER
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._notes import Signer, Verifier, opened_note, signed_note
from ._state import KEY

_PRIVATE: Final = "seed"
_PUBLIC: Final = "public"
_SEED_BYTES: Final = 32
_LINES: Final = 4
#: The first line of a note by which one key names the next.
SUCCESSION: Final = "smartify audit key succession"


class SigningKey:
    """The signing key of a trail, in the store that the trail is in.

    Args:
        storage: The store.
        sealer: What seals and opens the private key.
        name: Its name: that of the trail.
    """

    def __init__(self, storage: Storage, sealer: Sealer, name: str) -> None:
        self._storage = storage
        self._sealer = sealer
        self._name = name

    def signer(self) -> Signer:
        """Return the private key; one is made where there is none.

        Raises:
            WrongKey: The key ring does not hold the key that it was sealed under.
            SealBroken: It was altered.
            CheckpointForeign: The trail has another name.
        """
        while (found := self._signer()) is None:
            first = Signer(self._name, os.urandom(_SEED_BYTES))
            try:
                self._keep(first, 0, [first.verifier], (), 0)
            except WriteConflict:  # another process was quicker
                continue
        return found[0]

    def verifiers(self) -> tuple[Verifier, ...]:
        """Return the public keys that the trail has ever had, the present one first.

        Raises:
            TrailBroken: The store holds something else there.
        """
        return self._public()[0]

    def successions(self) -> tuple[str, ...]:
        """Return the notes by which each key names the next, the first one first. Raises what `verifiers` does."""
        return self._public()[1]

    def rotate(self) -> str:
        """Make a new key, and return the note by which the old one names it. The old private key is gone then.

        Raises:
            WriteConflict: Another process has rotated it meanwhile.
        """
        old = self.signer()
        found = self._signer()
        verifiers, successions, version = self._public()
        if found is None or found[0] != old:
            raise WriteConflict("the signing key was rotated meanwhile", where="audit trail", cure="Look at it again.")
        new = Signer(self._name, os.urandom(_SEED_BYTES))
        note = signed_note(f"{SUCCESSION}\n{old.verifier.vkey}\n{new.verifier.vkey}\n", old, new)
        self._keep(new, found[1], [new.verifier, *verifiers], (*successions, note), version)
        return note

    def _signer(self) -> tuple[Signer, int] | None:
        present = self._storage.document(LEDGER, KEY, _PRIVATE)
        if present is None:
            return None
        verifiers = self._public()[0]
        if verifiers and verifiers[0].name != self._name:
            raise CheckpointForeign(
                "the trail in this store has another name",
                where=self._name,
                cure=f"Give it the origin that its key has: {verifiers[0].name}.",
            )
        seed = self._sealer.open_document(LEDGER, KEY, _PRIVATE, present.value)
        return Signer(self._name, seed), present.version

    def _public(self) -> tuple[tuple[Verifier, ...], tuple[str, ...], int]:
        present = self._storage.document(LEDGER, KEY, _PUBLIC)
        if present is None:
            return (), (), 0
        try:
            held = json.loads(present.value)
            verifiers = tuple(map(Verifier.of_vkey, held["vkeys"]))
            return verifiers, tuple(map(str, held["successions"])), present.version
        except (KeyError, RecursionError, TypeError, ValueError, UsageError):
            raise TrailBroken(
                "the public keys of the audit trail are not as they were written",
                cure="Restore the store from a backup.",
            ) from None

    def _keep(
        self, signer: Signer, over: int, verifiers: Sequence[Verifier], successions: Sequence[str], public_over: int
    ) -> None:
        public = {"successions": [*successions], "v": 1, "vkeys": [one.vkey for one in verifiers]}
        sealed = self._sealer.seal_document(LEDGER, KEY, _PRIVATE, signer.seed)
        puts = [
            PutDocument(KEY, _PRIVATE, sealed, over),
            PutDocument(KEY, _PUBLIC, json.dumps(public, sort_keys=True).encode(), public_over),
        ]
        self._storage.record(LEDGER, documents=puts)


def followed_succession(verifier: Verifier, successions: Sequence[str]) -> Verifier:
    """Return the present key of a trail of which ``verifier`` was a key once, by the notes that lead to it.

    Raises:
        UsageError: One of the notes that lead there is false.
    """
    return keys_from(verifier, successions)[-1]


def keys_from(verifier: Verifier, successions: Sequence[str]) -> tuple[Verifier, ...]:
    """Return ``verifier`` and the keys that followed it, each named by the one before. Raises `UsageError`."""
    found = [verifier]
    for note in successions:
        lines = note.split("\n", 3)
        if len(lines) < _LINES or lines[0] != SUCCESSION:
            raise UsageError(
                "this is no succession of keys", where="a signed note", cure="Hand it over as it was written."
            )
        if lines[1] == found[-1].vkey:
            following = Verifier.of_vkey(lines[2])
            opened_note(note, [found[-1]])
            opened_note(note, [following])
            found.append(following)
    return tuple(found)
