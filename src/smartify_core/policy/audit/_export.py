"""What a tenant is handed: its own entries, with the proof that they are in the trail and that none is left out."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from itertools import dropwhile
from typing import IO, Any, Final

from attrs import frozen

from smartify_core.errors import CheckpointForeign

from ._checkpoints import Checkpoints
from ._entries import AuditEntry
from ._kept import SignedCheckpoint
from ._proofs import consistency_proof, inclusion_proof
from ._tree import root_of

#: What the document says that it is.
EXPORT_FORMAT: Final = "smartify audit export"
_VERSION: Final = 1


@frozen(order=False)
class Exported:
    """What was written.

    Args:
        count: How many entries the tenant has.
        checkpoint: The checkpoint that the proofs lead to. Whoever keeps its note can ask next time for the proof that
            nothing before it was changed.
    """

    count: int
    checkpoint: SignedCheckpoint


def export(checkpoints: Checkpoints, tenant: str, target: IO[str], *, kept: str | None = None) -> Exported:
    """Make a checkpoint, and write all entries of a tenant as a JSON document that `verifier` checks offline.

    The entries stand from the latest to the first, and are written as they are read: a long trail takes no memory.

    Args:
        checkpoints: The checkpoints of the trail.
        tenant: The tenant.
        target: Where it is written: a file that was opened for text in UTF-8.
        kept: The note of an earlier checkpoint that the tenant has, for the proof that the trail only grew since.

    Raises:
        CheckpointForeign: The kept note is another trail's, or this trail did not grow from it.
        TrailBroken: The trail is not as it was written; what was written to the target is incomplete.
        StorageError: The store cannot be read or written.
    """
    made = checkpoints.make()
    size = made.checkpoint.size
    since = None if kept is None else _since(checkpoints, kept, size)
    nodes = checkpoints.trail.nodes()
    # Those that were appended since the checkpoint come first.
    entries = dropwhile(lambda entry: entry.place >= size, checkpoints.trail.of_tenant(tenant))
    count = 0
    parting = "\n"
    before = {"checkpoint": made.note, "format": EXPORT_FORMAT, "kept": since}
    target.write(f'{{{_members(before)},\n"entries":[')
    for entry in entries:
        count = count or entry.number or 0
        proof = inclusion_proof(entry.place, size, nodes)
        target.write(parting + _line(entry, proof))
        parting = ",\n"
    after = {"count": count, "successions": [*checkpoints.successions], "tenant": tenant, "v": _VERSION}
    target.write(f"\n],\n{_members(after)}}}\n")
    return Exported(count, made)


def _since(checkpoints: Checkpoints, kept: str, size: int) -> dict[str, Any]:
    """Return the proof that the trail only grew since a checkpoint that was kept."""
    old = checkpoints.opened(kept)
    nodes = checkpoints.trail.nodes()
    if old.size > size or root_of(old.size, nodes) != old.root:
        raise CheckpointForeign(
            "the trail did not grow from a checkpoint that was kept",
            where=old.origin,
            cure="Keep the store as it is, verify the trail, and find out who had access to it.",
        )
    return {"proof": _encoded(consistency_proof(old.size, size, nodes)), "size": old.size}


def _line(entry: AuditEntry, proof: Iterable[bytes]) -> str:
    (content,) = _encoded([entry.content])
    return _dumped({"entry": content, "place": entry.place, "proof": _encoded(proof)})


def _members(held: dict[str, Any]) -> str:
    return ",\n".join(f"{_dumped(name)}:{_dumped(value)}" for name, value in held.items())


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _encoded(parts: Iterable[bytes]) -> list[str]:
    return [b64encode(one).decode("ascii") for one in parts]
