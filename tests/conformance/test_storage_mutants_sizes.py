"""Backends in memory that keep what is short, few and low, and not what is long, many or high."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs
import pytest

from smartify_core.model import OUTBOX, Batch, Claim, Entry, Put, Receipt, SealedAccount
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageWorld

BrokenBy = Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]
#: See ``test_storage_mutants.py``.
NETS = {"ST-54", "ST-55", "ST-57"}

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve
MUTANTS: list[type[MemoryStorage]] = []


def breaks(clause: str) -> Callable[[type[MemoryStorage]], type[MemoryStorage]]:
    """Enter a mutant under the one clause that it breaks."""

    def enter(mutant: type[MemoryStorage]) -> type[MemoryStorage]:
        assert clause == "ST-60", "no other clause is about sizes"
        MUTANTS.append(mutant)
        return mutant

    return enter


class MutantWorld(StorageWorld):
    """The world of one mutant."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def open(self) -> Storage:
        """Return the mutant."""
        return self.storage


@breaks("ST-60")
class CutsAtAMebibyte(MemoryStorage):
    """Keeps a mebibyte of a payload, as a column of a fixed size does."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, _with_accounts(batch, lambda one: evolve(one, payload=one.payload[: 2**20])))


@breaks("ST-60")
class CutsDocuments(MemoryStorage):
    """Keeps a mebibyte of a document."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        documents = tuple(evolve(one, value=one.value and one.value[: 2**20]) for one in batch.documents)
        return super().commit(claim, evolve(batch, documents=documents))


@breaks("ST-60")
class CountsInFloats(MemoryStorage):
    """Keeps versions as numbers with a point, as JSON does."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, _with_accounts(batch, lambda one: evolve(one, version=int(float(one.version)))))


@breaks("ST-60")
class CountsPositionsInFloats(MemoryStorage):
    """Keeps positions as numbers with a point."""

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        found = super().entries(tenant, journal=journal, after=after, limit=limit)
        return [evolve(one, position=int(float(one.position))) for one in found]


@breaks("ST-60")
class EndsRevisionsEarly(MemoryStorage):
    """Holds a revision in 53 bits."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, revision=min(batch.revision, 2**53)))


@breaks("ST-60")
class FindsAThousand(MemoryStorage):
    """Finds no more accounts by an address than a page has."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        return super().find_by_email(tenant, email_indexes)[:KEYS_AT_ONCE]


@breaks("ST-60")
class WritesAThousand(MemoryStorage):
    """Leaves out what comes after the first writes of a batch."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, writes=batch.writes[:2_000]))


@breaks("ST-60")
class AppendsThousands(MemoryStorage):
    """Leaves out what comes after the first entries of a batch."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, entries=batch.entries[:3_000]))


@breaks("ST-60")
class KeepsHundreds(MemoryStorage):
    """Leaves out what comes after the first documents of a batch."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, documents=batch.documents[:200]))


@breaks("ST-60")
class TrimsSome(MemoryStorage):
    """Removes so many entries at a time and no more."""

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        first = super().entries(tenant, journal=journal, limit=1)
        super().trim(tenant, journal=journal, through=min(through, (first[0].position if first else 0) + 1_500))


@breaks("ST-60")
class CutsBatchIds(MemoryStorage):
    """Compares the beginning of a batch's id."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, id=batch.id and batch.id[:255]))


@breaks("ST-60")
class CutsPredecessors(MemoryStorage):
    """Keeps the beginning of an account id that another account refers to."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(
            claim, _with_accounts(batch, lambda one: evolve(one, predecessor=one.predecessor and one.predecessor[:255]))
        )


@breaks("ST-60")
class LoadsByShortIds(MemoryStorage):
    """Finds nobody by an id that is longer than a key of its index."""

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        return super().load(tenant, [one for one in source_ids if len(one) <= 1_000])


def _with_accounts(batch: Batch, change: Callable[[SealedAccount], SealedAccount]) -> Batch:
    """Return the batch with its accounts changed, where a `Put` of them still makes sense."""
    writes = tuple(evolve(one, account=change(one.account)) if isinstance(one, Put) else one for one in batch.writes)
    return evolve(batch, writes=writes)  # type: ignore[no-any-return]  # attrs.evolve of an Any


#: Whatever is cut before it is looked at is not refused either.
ALSO: Mapping[type[MemoryStorage], set[str]] = {
    EndsRevisionsEarly: {"ST-24"},
    TrimsSome: {"ST-24"},
    CutsBatchIds: {"ST-24"},
    CutsPredecessors: {"ST-06", "ST-24"},
    LoadsByShortIds: {"ST-24"},
}


@pytest.mark.parametrize("kind", MUTANTS, ids=lambda kind: kind.__name__)
def test_what_is_cut_short_is_caught(kind: type[MemoryStorage], broken_by: BrokenBy) -> None:
    """Each backend that keeps a part of what is long, many or high fails the clause on sizes, and no other.

    Unless what it cuts short is what ST-24 refuses, or an id as long as ST-06 has them.
    """
    expected = {"ST-60", *ALSO.get(kind, ())}
    assert broken_by(lambda: MutantWorld(kind()), NETS) == expected
