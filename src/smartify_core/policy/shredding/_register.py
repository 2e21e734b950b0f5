"""Between the audit trail and the register of endings: what the one has and the other lacks, and whether both agree."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from smartify_core.errors import OlderStore
from smartify_core.policy.audit import AuditEntry, Trail, root_of

from ._endings_file import Ending, EndingsFile, EndingsHead
from ._receipts import SHREDDED

#: The kind of the entry that says that a tenant is gone.
OFF_BOARDED: Final = "tenant.off-boarded"
#: How many endings one block of the register has at most.
_AT_ONCE: Final = 1_000


def check_restored(trail: Trail, register: EndingsFile) -> None:
    """Raise unless the store's trail goes on from where the register has come.

    Raises:
        OlderStore: It has fewer entries, or others.
        TrailBroken: The store's own tree is damaged.
        EndingsInvalid: The register is damaged.
        EndingsUnavailable: The register cannot be read now.
    """
    known, size = register.head(), trail.size
    if size < known.size:
        raise _older(f"its audit trail has {size} entries, and the register knows of {known.size}")
    if root_of(known.size, trail.nodes()) != known.root:
        raise _older(f"the first {known.size} entries of its audit trail are others than the register knows of")


def catch_up(trail: Trail, register: EndingsFile) -> int:
    """Enter into the register what the trail says has ended since, and return how many endings that were.

    Raises:
        OlderStore: As `check_restored` does; nothing was entered.
        EndingsUnavailable: The register cannot be written now.
    """
    entered = 0
    while True:
        check_restored(trail, register)
        known, size = register.head(), trail.size
        if known.size == size:
            return entered
        block: list[Ending] = []
        after = known
        nodes = trail.nodes()
        for entry in trail.entries(after=known.size - 1 if known.size else None):
            if (ending := _ending_of(entry)) is not None:
                block.append(ending)
            upto = entry.place + 1
            if len(block) == _AT_ONCE or upto == size:
                head = EndingsHead(upto, root_of(upto, nodes))
                if not register.add(block, head, after=after):
                    break  # another process is at it
                entered, after, block = entered + len(block), head, []
            if upto == size:
                break


def accept(trail: Trail, register: EndingsFile) -> None:
    """Have the register go on from the trail as it is now, whatever it knew before. Its endings stay.

    Raises:
        EndingsUnavailable: The register cannot be written now.
    """
    head = trail.head().frontier
    while not register.add((), EndingsHead(head.size, head.root), after=register.head()):
        pass


def _ending_of(entry: AuditEntry) -> Ending | None:
    record, facts = entry.record, entry.record.facts
    if record.tenant is None or record.kind not in {SHREDDED, OFF_BOARDED}:
        return None
    if record.kind == OFF_BOARDED:
        return Ending(record.tenant, record.at, entry.place)
    return Ending(
        record.tenant,
        datetime.fromisoformat(str(facts["ended_at"])),
        entry.place,
        record.subjects[0],
        str(facts["source_id"]),
        datetime.fromisoformat(str(facts["created_at"])),
    )


def _older(why: str) -> OlderStore:
    return OlderStore(
        f"the store is older than the register of endings, or has another history: {why}",
        cure="Restore a newer backup, or have the gone ended again: see Shredder.reshred.",
    )
