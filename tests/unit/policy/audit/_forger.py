"""What tests of the audit trail share: records, and somebody who can write into a store whatever he likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from smartify_core.model import LEDGER, Append, PutDocument
from smartify_core.policy.audit import AuditRecord, Checkpoints, Trail
from smartify_core.sealing import Sealer
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.walks import every_document, every_entry

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ORIGIN = "vendor.example/audit"
TENANTS = ("acme", "umbrella", None)
#: The same keys in every process.
SEALER = Sealer(RootKeyRing(RootSecrets(bytes(8), {bytes(8): bytes(32)}, bytes(32))))

#: Makes a trail of so many entries, and returns what makes its checkpoints.
Filled = Callable[[int], Checkpoints]


def opened_record(number: int) -> AuditRecord:
    """Return a record of somebody who opened something."""
    tenant = TENANTS[number % len(TENANTS)]
    facts = {"grant": f"g-{number}", "purpose": "CommunicationForCustomerCare", "code": "support"}
    return AuditRecord(
        "access.granted", NOON + timedelta(seconds=number), tenant, "e-7", (f"{number:032x}",) if tenant else (), facts
    )


class Forger:
    """All that a store holds of a trail, to be changed at will and put into another store.

    Attributes:
        entries: The bytes of the entries.
        nodes: The hashes of the nodes.
        documents: The documents, by kind and key.
    """

    def __init__(self, storage: Storage) -> None:
        self.entries = [one.content for one in every_entry(storage, LEDGER, "audit")]
        self.nodes = [one.content for one in every_entry(storage, LEDGER, "audit nodes")]
        self.documents = {(one.kind, one.key): one.value for one in every_document(storage, LEDGER)}

    def rewrite(self, records: Sequence[AuditRecord], *, first: int = 0) -> None:
        """Make a trail of other records from this place on, whole in itself, as its own software would write it."""
        storage = MemoryStorage()
        held = Trail(self.stored())
        before = [entry.record for entry in held.entries()][:first]
        for one in (before, records):
            if one:
                Trail(storage).append(*one)
        made = Forger(storage)
        # What was there before stays as it was, byte for byte, but for who wrote it.
        self.entries, self.nodes = made.entries, made.nodes
        others = {place: value for place, value in self.documents.items() if place[0] not in {"audit", "audit tail"}}
        self.documents = {**others, **made.documents}

    def stored(self) -> Storage:
        """Return a store that holds it."""
        storage = MemoryStorage()
        storage.record(
            LEDGER,
            documents=[PutDocument(kind, key, value, 0) for (kind, key), value in self.documents.items()],
            appends=[Append("audit", tuple(self.entries)), Append("audit nodes", tuple(self.nodes))],
        )
        return storage
