"""What the author of a source, a storage backend or a key ring writes. Read by mypy and pyright, never executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, assert_type

import pytest
from hypothesis import settings

from smartify_core.directory import (
    Capability,
    Certificate,
    DirectorySource,
    Gone,
    Listing,
    Presence,
    Present,
    Reject,
    Snapshot,
    Uncertain,
    no_single_read,
)
from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    HeadPage,
    Identity,
    ProgressSink,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.sealing import FileKeyRing, KeyRing, RotatingKeyRing, TenantKeys
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import KEYS_AT_ONCE, Finding, Maintained, Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.moving import CopiedTenant, CopyProgress, copy_storage
from smartify_core.storage.soundness import check_storage
from smartify_core.testing.conformance import (
    DirectoryConformance,
    FakeDirectoryWorld,
    KeyRingCapability,
    KeyRingConformance,
    KeyRingWorld,
    StorageCapability,
    StorageConformance,
    StorageWorld,
)


class OnePersonSnapshot:
    """Needs no base class: a checker says which member differs, and how."""

    id = "one"
    requests = 0
    rejects: tuple[Reject, ...] = ()
    certificate = Certificate((Listing("people", pages=1, records=1),))

    def identities(self) -> Iterator[Identity]:
        yield Identity("1", "ada@acme.example", "Ada", "Lovelace")

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return {source_id: Uncertain("nobody knows") for source_id in source_ids}

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class OnePersonDirectory:
    capabilities = frozenset({Capability.IMMUTABLE_IDS})

    def snapshot(self, *, progress: ProgressSink | None = None) -> OnePersonSnapshot:
        return OnePersonSnapshot()

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        raise no_single_read("OnePersonDirectory")


class NowhereStorage:
    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        return Claim(tenant, fence=1, expires_at=now + ttl, revision=0)

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        return claim

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        return ()

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None: ...

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None: ...

    def tenant(self, tenant: str) -> TenantRecord:
        return TenantRecord(tenant)

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        return ()

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        return HeadPage.of(())

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        return {}

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        return ()

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        return ()

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        return {}

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        for write in batch.writes:
            match write:
                case Put(account=account):
                    assert_type(account, SealedAccount)
                case Erase(tombstone=tombstone):
                    assert_type(tombstone, Tombstone)
        return Receipt(claim.revision + 1)

    def erase_tenant(self, claim: Claim) -> None: ...

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        return ()

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None: ...

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        return None

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        return ()

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LookedAfter(NowhereStorage):
    """Offers what a backend may offer beside the port."""

    def check(self) -> Sequence[Finding]:
        return (Finding("a row is odd", "tenant acme"),)

    def backup(self, path: str | os.PathLike[str]) -> None: ...


def open_nowhere(url: str) -> Storage:
    """Stand for the object of an entry point in the group of storages."""
    return NowhereStorage()


def open_one_person(options: Mapping[str, object], *, tenant: str, folder: Path) -> DirectorySource:
    """Stand for the object of an entry point in the group of directories."""
    return OnePersonDirectory()


def look_after(storage: Storage, now: Callable[[], datetime]) -> None:
    def show(progress: CopyProgress) -> None:
        assert_type(progress.done, int)

    assert_type(copy_storage(storage, MemoryStorage(), now=now, on_progress=show), Sequence[CopiedTenant])
    assert_type(list(check_storage(storage)), list[Finding])
    if isinstance(storage, Maintained):
        storage.backup("copy.db")


maintained: Maintained = LookedAfter()


class NowhereWorld(StorageWorld):
    capabilities = frozenset({StorageCapability.DURABLE, StorageCapability.MULTI_PROCESS})

    def open(self) -> Storage:
        return NowhereStorage()

    def opener(self) -> Callable[[], Storage]:
        return NowhereStorage


class MemoryRingWorld(KeyRingWorld):
    capabilities = frozenset({KeyRingCapability.ROTATES})

    def __init__(self) -> None:
        self.keys = MemoryKeyRing()

    def open(self) -> KeyRing:
        return self.keys

    def stranger(self) -> KeyRing:
        return MemoryKeyRing()

    def rotate(self, tenant: str) -> None:
        self.keys.rotate()


class TestMemoryRing(KeyRingConformance):
    @pytest.fixture
    def world(self) -> MemoryRingWorld:
        return MemoryRingWorld()


class TestNowhereStorage(StorageConformance):
    histories = settings(StorageConformance.histories, max_examples=1000)

    @pytest.fixture
    def world(self) -> NowhereWorld:
        return NowhereWorld()


class TestOnePersonDirectory(DirectoryConformance):
    @pytest.fixture
    def world(self) -> FakeDirectoryWorld:
        return FakeDirectoryWorld()


a_snapshot: Snapshot = OnePersonSnapshot()
a_source: DirectorySource = OnePersonDirectory()
storages: tuple[Storage, ...] = (NowhereStorage(), MemoryStorage())
kms_ring = GoogleKmsKeyRing("projects/p/locations/l/keyRings/r/cryptoKeys/k", "smartify.kms-keys")
key_rings: tuple[KeyRing, ...] = (MemoryKeyRing(), FileKeyRing("smartify.keys"), kms_ring)
rotating: tuple[RotatingKeyRing, ...] = (MemoryKeyRing(), FileKeyRing("smartify.keys"), kms_ring)
of_tenants: TenantKeys = kms_ring


def every_answer_is_handled(presence: Presence) -> str:
    match presence:
        case Present(identity=identity):
            return identity.source_id
        case Gone(evidence=evidence):
            return evidence
        case Uncertain(reason=reason):
            return reason
