"""All that is held, as rows of bytes under ordered keys: for backends on a store that knows keys, not tables.

A row is a kind, a tenant and a key, and the bytes that are kept under them. Within a kind of a tenant the port's order
is the bytewise order of the keys, so a page is a range of keys. A write reads the rows that it meets and the numbers
of its tenants, has a `Write` decide, and writes the rows of `Write.decided`, all of it in one transaction; where the
store has none that reads and writes, it writes them if the numbers are still, byte for byte, as they were read.

==============  ==================================  ====================================
kind            key                                 bytes
==============  ==================================  ====================================
``tenants``     the tenant's name; no tenant        `Kept`, the tenant's numbers
``due``         `due_key`; no tenant                none
``heads``       source id                           `Head`
``accounts``    source id                           `SealedAccount`
``owners``      account id of a live account        its source id
``emails``      email index, then source id         none
``tombstones``  account id                          `Tombstone`
``ended``       source id                           its latest `Tombstone`
``documents``   `document_key`                      `Document`
``entries``     `entry_key`                         `Entry`
==============  ==================================  ====================================
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from attrs import define
from cattrs.preconf.json import make_converter

from smartify_core.model import (
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    Tombstone,
)

from . import refusals
from .deciding import Met, TenantState, appends_of, document_of, head_of, item_of, latest

_T = TypeVar("_T")

#: Keys of rows of one tenant, by kind.
Keys: TypeAlias = Mapping[str, Sequence[bytes]]
#: Bytes that are kept, by kind and key; what is absent is absent.
Found: TypeAlias = Mapping[str, Mapping[bytes, bytes]]

#: The kinds that every tenant has rows of.
KINDS: Final = ("heads", "accounts", "owners", "emails", "tombstones", "ended", "documents", "entries")
#: Comes after each byte of text: UTF-8 does not have it.
BEYOND: Final = b"\xff"
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)
_DIGITS: Final = 20


# --- values as bytes --------------------------------------------------------------------------------------------------

_converter = make_converter(detailed_validation=False)
_converter.register_unstructure_hook(bytes, lambda value: b64encode(value).decode())
_converter.register_structure_hook(bytes, lambda value, _: b64decode(value))


def packed(value: object) -> bytes:
    """Return a value of the model, or the numbers of a tenant, as bytes."""
    return _converter.dumps(value).encode()


def unpacked(kind: type[_T], raw: bytes, *, where: str | None = None) -> _T:
    """Return the value that `packed` made these bytes of.

    Args:
        kind: What it is.
        raw: The bytes.
        where: The place, such as ``tenant acme``, for the error.

    Raises:
        StorageBroken: They are no such value. Nothing of them is quoted.
    """
    try:
        return _converter.loads(raw, kind)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        raise refusals.damaged(f"a stored {kind.__name__}", where) from None


# --- keys whose bytes have an order -----------------------------------------------------------------------------------


def section(name: str) -> bytes:
    """Return the beginning of all keys that belong to a name, whatever characters it holds.

    Keys are then in order of their names first, and those of one name come before ``section(name) + BEYOND``.
    """
    return name.encode().replace(b"\0", b"\0" + BEYOND) + b"\0"


def document_key(kind: str, key: str) -> bytes:
    """Return the key of a document: by kind, then key."""
    return section(kind) + key.encode()


def entry_key(journal: str, position: int) -> bytes:
    """Return the key of an entry: by journal, then position. Positions have 20 digits at most."""
    return section(journal) + _digits(position)


def due_key(time: datetime, tenant: str = "") -> bytes:
    """Return the key of a tenant that is due: by time, exact to the microsecond, then name."""
    return _digits((time - _EPOCH) // timedelta.resolution) + tenant.encode()


def due_tenant(key: bytes) -> str:
    """Return the tenant of a `due_key`.

    Raises:
        StorageBroken: It is no such key.
    """
    try:
        return key[_DIGITS:].decode()
    except UnicodeDecodeError:
        raise refusals.damaged("a stored key", None) from None


def email_key(index: bytes, source_id: str) -> bytes:
    """Return the key of an account among those with its email index, which has a fixed length."""
    return index + source_id.encode()


def _digits(number: int) -> bytes:
    return str(number).zfill(_DIGITS).encode()


# --- writes -----------------------------------------------------------------------------------------------------------


@define
class Kept(TenantState):
    """The numbers of a tenant, as they are kept.

    Attributes:
        writes: Grows with each write of rows beside them, so that where the numbers are as they were, everything is.
    """

    writes: int = 0

    @classmethod
    def of(cls, name: str, raw: bytes | None) -> Kept:
        """Return what these bytes tell; ``None`` stands for a tenant that was never heard of."""
        return cls(name) if raw is None else unpacked(cls, raw, where=f"tenant {name}")


def met_by(batch: Batch) -> Keys:
    """Return which rows of the tenant a batch meets."""
    source_ids = [item_of(write).source_id.encode() for write in batch.writes]
    account_ids = [item_of(write).account_id.encode() for write in batch.writes]
    return {
        "accounts": source_ids,
        "ended": source_ids,
        "owners": account_ids,
        "tombstones": account_ids,
        **met_by_documents(batch.documents),
    }


def met_by_documents(documents: Iterable[PutDocument]) -> Keys:
    """Return which rows of the tenant writes of documents meet."""
    return {"documents": [document_key(write.kind, write.key) for write in documents]}


class Write:
    """A write, from what it has read to the rows that it leaves. To be thrown away when it raises.

    Args:
        numbers: The bytes of the tenants that it is about, by name; ``None`` for those never heard of.
        found: The other rows that it meets, all of them of the first tenant: see `met_by`.

    Attributes:
        tenants: Their numbers. What changes nothing but these is done to them directly, as by `TenantState.take`.
        clears: Whether all rows of the first tenant go, of all `KINDS`.
    """

    def __init__(self, numbers: Mapping[str, bytes | None], found: Found | None = None) -> None:
        self.tenants: list[Kept] = [Kept.of(name, raw) for name, raw in numbers.items()]
        self.clears: bool = False
        self._numbers = numbers
        self._found = found or {}
        self._rows: dict[tuple[str, str, bytes], bytes | None] = {}

    @property
    def tenant(self) -> Kept:
        """Return the numbers of the first tenant: most writes are about no other."""
        return self.tenants[0]

    def decided(self) -> Mapping[tuple[str, str, bytes], bytes | None]:
        """Return the rows to write, by kind, tenant and key: bytes, or ``None`` where the row goes."""
        rows = dict(self._rows)
        for tenant, raw in zip(self.tenants, self._numbers.values(), strict=True):
            before = Kept.of(tenant.name, raw)
            if tenant == before:
                continue
            rows["tenants", "", tenant.name.encode()] = packed(tenant)
            if before.due_at is not None:
                rows["due", "", due_key(before.due_at, tenant.name)] = None
            if tenant.due_at is not None:
                rows["due", "", due_key(tenant.due_at, tenant.name)] = b""
        return rows

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Decide a batch. See `Storage.commit`; the caller has checked it with `checks.check_batch`."""
        if (first := self.tenant.repeats(batch)) is not None:
            return first
        live = {key.decode(): self._of(SealedAccount, raw) for key, raw in self._found.get("accounts", {}).items()}
        owned, ended = ({key.decode() for key in self._found.get(kind, ())} for kind in ("owners", "tombstones"))
        receipt = self.tenant.commit(claim, batch, Met(live, owned, ended, self._versions()))
        for write in batch.writes:
            if write.expected_version:
                self._take_out(live[item_of(write).source_id])
            if isinstance(write, Put):
                self._put(write.account)
            else:
                self._bury(write.tombstone)
        self._write_beside(batch.documents, appends_of(batch))
        return receipt

    def record(self, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
        """Decide documents and appends. See `Storage.record`."""
        self.tenant.record(documents, appends, self._versions())
        self._write_beside(documents, appends)

    def remove_entries(self, journal: str, entries: Iterable[Entry]) -> None:
        """Remove entries that were read. See `Storage.trim`."""
        for entry in entries:
            self._row("entries", entry_key(journal, entry.position), None)

    def erase(self, claim: Claim) -> None:
        """Decide the end of all that is held. See `Storage.erase_tenant`."""
        self.tenant.erase(claim)
        self.clears = True

    def _versions(self) -> dict[tuple[str, str], int]:
        documents = (self._of(Document, raw) for raw in self._found.get("documents", {}).values())
        return {(one.kind, one.key): one.version for one in documents}

    def _take_out(self, account: SealedAccount) -> None:
        source_id = account.source_id.encode()
        self._row("heads", source_id, None)
        self._row("accounts", source_id, None)
        self._row("owners", account.account_id.encode(), None)
        self._row("emails", email_key(account.email_index, account.source_id), None)

    def _put(self, account: SealedAccount) -> None:
        source_id = account.source_id.encode()
        self._row("heads", source_id, packed(head_of(account)))
        self._row("accounts", source_id, packed(account))
        self._row("owners", account.account_id.encode(), source_id)
        self._row("emails", email_key(account.email_index, account.source_id), b"")

    def _bury(self, stone: Tombstone) -> None:
        source_id = stone.source_id.encode()
        known = self._found.get("ended", {}).get(source_id)
        before = None if known is None else self._of(Tombstone, known)
        self._row("tombstones", stone.account_id.encode(), packed(stone))
        self._row("ended", source_id, packed(latest(before, stone)))

    def _write_beside(self, documents: Iterable[PutDocument], appends: Iterable[Append]) -> None:
        for write in documents:
            document = document_of(write)
            self._row("documents", document_key(write.kind, write.key), None if document is None else packed(document))
        for append in appends:
            for entry in self.tenant.entries_of(append):
                self._row("entries", entry_key(append.journal, entry.position), packed(entry))
        self.tenant.writes += 1

    def _of(self, kind: type[_T], raw: bytes) -> _T:
        return unpacked(kind, raw, where=f"tenant {self.tenant.name}")

    def _row(self, kind: str, key: bytes, value: bytes | None) -> None:
        self._rows[kind, self.tenant.name, key] = value
