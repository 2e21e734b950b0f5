"""What ``redis_storage.py`` holds of a tenant: under which keys, in which bytes, and what each write makes of it.

Nothing here talks to a server.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from attrs import define, evolve, field, frozen
from cattrs.preconf.json import make_converter

from smartify_core.errors import StorageBroken
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    HeadPage,
    InactiveReason,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.storage import refusals

_T = TypeVar("_T")

#: What a tenant has keys for, beside its record.
KINDS: Final = (
    "live",  # in order: source ids
    "heads",  # by source id: what comparisons and writes read
    "accounts",  # by source id
    "ids",  # by account id of the live: source id
    "emails",  # in order: email index and source id
    "stones",  # in order: account ids
    "tombstones",  # by account id
    "ended",  # by source id: the latest tombstone
    "places",  # in order: kinds and keys of documents
    "documents",  # by kind and key
    "entries",  # in order: journal, position and content
)
#: Most words of one command in a script: Lua's stack has room for 8,000.
_WORDS: Final = 2000
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DIGITS: Final = 20
#: UTF-8 has no such byte: every text comes before it.
BEYOND: Final = b"\xff"


def key(prefix: str, kind: str, tenant: str | None = None) -> bytes:
    """Return the key for this kind of thing: the store's, or a tenant's."""
    return ":".join((prefix, kind, *(() if tenant is None else (tenant,)))).encode()


# --- values as bytes --------------------------------------------------------------------------------------------------

_converter = make_converter(detailed_validation=False)
_converter.register_unstructure_hook(bytes, lambda value: b64encode(value).decode())
_converter.register_structure_hook(bytes, lambda value, _: b64decode(value))


def written(value: object) -> bytes:
    """Return a value as bytes."""
    return _converter.dumps(value).encode()


def read(kind: type[_T], raw: bytes) -> _T:
    """Return the value that `written` made these bytes of."""
    try:
        return _converter.loads(raw, kind)
    except (ValueError, TypeError, LookupError, AttributeError):
        raise StorageBroken(f"a stored {kind.__name__} is damaged", cure="Restore the server from a backup.") from None


@frozen(order=False)
class Live:
    """The part of an account that comparisons and writes read, without the long rest."""

    account_id: str
    version: int
    fingerprint: bytes
    email_index: bytes
    state: AccountState
    inactive_reason: InactiveReason | None

    @classmethod
    def of(cls, one: SealedAccount) -> Live:
        """Return that part of an account."""
        indexes = one.fingerprint, one.email_index
        return cls(one.account_id, one.version, *indexes, one.state, one.inactive_reason)


def head_page(names: Sequence[bytes], raws: Sequence[bytes]) -> HeadPage:
    """Return a page of heads."""
    found = [(name.decode(), read(Live, raw)) for name, raw in zip(names, raws, strict=True)]
    return HeadPage.of(Head(name, one.fingerprint, one.state, one.version, one.inactive_reason) for name, one in found)


# --- names and numbers whose bytes have their order -------------------------------------------------------------------


def digits(number: int) -> bytes:
    """Return a number so that its bytes have its order. The score of a sorted set, a double, is exact to 2^53 only."""
    return str(number).zfill(_DIGITS).encode()


def section(name: str) -> bytes:
    """Return a name so that whatever follows it is ordered by name first, were the name to hold zero bytes."""
    return name.encode().replace(b"\0", b"\0" + BEYOND) + b"\0"


def place(kind: str, key: str) -> bytes:
    """Return where a document stands in the order of all."""
    return section(kind) + key.encode()


def due_place(time: datetime, tenant: str) -> bytes:
    """Return where a tenant stands in the order of what is due."""
    return digits((time - _EPOCH) // _MICROSECOND) + tenant.encode()


def due_end(now: datetime) -> bytes:
    """Return where what is due now ends."""
    return digits((now - _EPOCH) // _MICROSECOND + 1)


def due_tenant(place: bytes) -> str:
    """Return who stands there."""
    return place[_DIGITS:].decode()


def entry_place(journal: str, position: int) -> bytes:
    """Return where an entry stands in the order of all; its content follows."""
    return section(journal) + digits(position)


def entry(journal: str, member: bytes) -> Entry:
    """Return the entry that a member of ``entries`` is."""
    start = len(section(journal))
    return Entry(int(member[start : start + _DIGITS]), member[start + _DIGITS :])


# --- the record of a tenant -------------------------------------------------------------------------------------------


@define
class Tenant:
    """The record of a tenant, to be changed and written back.

    ``writes`` grows with each write, so that a record never becomes again what it was.
    """

    name: str
    fence: int = 0
    expires_at: datetime | None = None
    revision: int = 0
    due_at: datetime | None = None
    accounts: int = 0
    digest: int = 0
    positions: dict[str, int] = field(factory=dict)
    batch_id: str | None = None
    writes: int = 0

    @classmethod
    def of(cls, name: str, raw: bytes | None) -> Tenant:
        """Return the tenant of that record; ``None`` stands for one never heard of."""
        return cls(name) if raw is None else read(cls, raw)

    def record(self) -> TenantRecord:
        """Return what the port tells of the tenant."""
        return TenantRecord(
            tenant=self.name,
            fence=self.fence,
            expires_at=self.expires_at,
            revision=self.revision,
            due_at=self.due_at,
            accounts=self.accounts,
            digest=self.digest,
            position=self.positions.get(OUTBOX, 0),
            positions={journal: at for journal, at in self.positions.items() if journal != OUTBOX},
        )

    def is_due(self, now: datetime) -> bool:
        """Return whether a worker may take the tenant now."""
        return self.due_at is not None and self.due_at <= now and (self.expires_at is None or self.expires_at <= now)

    def holds(self, claim: Claim) -> bool:
        """Return whether the claim is the newest and was not released."""
        return self.fence == claim.fence and self.expires_at is not None


# --- a write ----------------------------------------------------------------------------------------------------------


class Change:
    """What a write decides upon what it has read. Nothing is sent before all is decided, so nothing is ever undone.

    Args:
        prefix: What all keys begin with.
        tenants: The records that were read; most writes are about the first and only one.
        found: What else was read of the first tenant, by kind: an answer for each field that was asked for.

    Attributes:
        commands: What the server is to do, if all that was read is still so.
    """

    def __init__(self, prefix: str, tenants: Sequence[Tenant], found: Mapping[str, list[Any]]) -> None:
        self.commands: list[tuple[Any, ...]] = []
        self._prefix = prefix
        self._tenants = tenants
        self._found = found

    def do(self, command: str, kind: str, tenant: str | None, words: Sequence[Any]) -> None:
        """Add a command, in parts that a script can take."""
        there = key(self._prefix, kind, tenant)
        self.commands += [(command, there, *words[at : at + _WORDS]) for at in range(0, len(words), _WORDS)]

    def take(self, now: datetime, ttl: timedelta) -> Claim:
        """Make a new claim, or raise `LeaseHeld`."""
        (tenant,) = self._tenants
        if tenant.expires_at is not None and tenant.expires_at > now:
            raise refusals.lease_held(tenant.name, tenant.expires_at)
        return self._take(tenant, now + ttl)

    def take_due(self, now: datetime, ttl: timedelta) -> list[Claim]:
        """Make a new claim of each tenant that is due and free."""
        return [self._take(tenant, now + ttl) for tenant in self._tenants if tenant.is_due(now)]

    def renew(self, claim: Claim, until: datetime) -> Claim:
        """Prolong the claim."""
        tenant = self._claimed(claim)
        tenant.expires_at = until
        self._save(tenant)
        return evolve(claim, expires_at=until, revision=tenant.revision)

    def release(self, claim: Claim, due_at: datetime | None) -> None:
        """Give the claim back, where it is the newest."""
        (tenant,) = self._tenants
        if tenant.holds(claim):
            before, tenant.due_at = tenant.due_at, due_at or tenant.due_at
            tenant.expires_at = None
            self._save(tenant)
            self._move(tenant, before)

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool) -> None:
        """Set when the tenants are due."""
        for tenant in self._tenants:
            before, after = tenant.due_at, due[tenant.name]
            if after != before and not (only_new and before is not None):
                tenant.due_at = after
                self._save(tenant)
                self._move(tenant, before)

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the batch, unless it is the tenant's latest."""
        (tenant,) = self._tenants
        if batch.id is not None and batch.id == tenant.batch_id:
            return Receipt(tenant.revision)
        self._claimed(claim)
        self._refuse_tombstoned(batch.writes)
        self._refuse_conflicts(batch.writes)
        self._write_accounts(batch.writes)
        tenant.revision = max(batch.revision, tenant.revision + bool(batch.writes))
        tenant.batch_id = batch.id
        self.record(batch.documents, (Append(OUTBOX, batch.entries), *batch.appends))
        return Receipt(tenant.revision)

    def record(self, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
        """Write documents and add to journals."""
        (tenant,) = self._tenants
        for new, raw in zip(documents, self._found["documents"], strict=True):
            if (0 if raw is None else read(Document, raw).version) != new.expected_version:
                raise refusals.document_conflict(tenant.name, new.kind, new.key)
            there = place(new.kind, new.key)
            if new.value is None:
                self.do("ZREM", "places", tenant.name, (there,))
                self.do("HDEL", "documents", tenant.name, (there,))
            else:
                document = Document(new.kind, new.key, new.value, new.expected_version + 1)
                self.do("ZADD", "places", tenant.name, (0, there))
                self.do("HSET", "documents", tenant.name, (there, written(document)))
        for append in appends:
            position = tenant.positions.get(append.journal, 0)
            if position and append.expected_position not in {None, position}:
                raise refusals.journal_conflict(tenant.name, append.journal)
            start = position or append.expected_position or 0
            members = [entry_place(append.journal, at) + one for at, one in enumerate(append.entries, start + 1)]
            self.do("ZADD", "entries", tenant.name, [word for member in members for word in (0, member)])
            if start + len(members):
                tenant.positions[append.journal] = start + len(members)
        self._save(tenant)

    def end(self, claim: Claim) -> None:
        """Erase all that is held, and keep the numbers."""
        tenant = self._claimed(claim)
        self._move(evolve(tenant, due_at=None), tenant.due_at)
        tenant.expires_at = tenant.due_at = tenant.batch_id = None
        tenant.accounts = tenant.digest = 0
        tenant.revision += 1
        self.commands += [("UNLINK", key(self._prefix, kind, tenant.name)) for kind in KINDS]
        self._save(tenant)

    def _take(self, tenant: Tenant, until: datetime) -> Claim:
        tenant.fence += 1
        tenant.expires_at = until
        self._save(tenant)
        return Claim(tenant.name, tenant.fence, until, tenant.revision, tenant.due_at)

    def _claimed(self, claim: Claim) -> Tenant:
        (tenant,) = self._tenants
        if not tenant.holds(claim):
            raise refusals.lease_lost(claim.tenant, claim.fence)
        return tenant

    def _save(self, tenant: Tenant) -> None:
        """Write the record of a tenant; one never heard of gets its place among all."""
        if not tenant.writes:
            self.do("ZADD", "names", None, (0, tenant.name))
        tenant.writes += 1
        self.do("HSET", "tenants", None, (tenant.name, written(tenant)))

    def _move(self, tenant: Tenant, before: datetime | None) -> None:
        """Move a tenant in the order of what is due."""
        if before is not None:
            self.do("ZREM", "due", None, (due_place(before, tenant.name),))
        if tenant.due_at is not None:
            self.do("ZADD", "due", None, (0, due_place(tenant.due_at, tenant.name)))

    def _refuse_tombstoned(self, writes: Sequence[Put | Erase]) -> None:
        ended = {item(write).account_id for write, raw in zip(writes, self._found["tombstones"], strict=True) if raw}
        ending = {write.tombstone.account_id for write in writes if isinstance(write, Erase)}
        for write in writes:
            # One that is erased at a version is live here, and its account id is nobody else's.
            refused = ended | ending if isinstance(write, Put) else set() if write.expected_version else ended
            if item(write).account_id in refused:
                raise refusals.tombstoned(self._tenants[0].name, item(write).account_id)

    def _refuse_conflicts(self, writes: Sequence[Put | Erase]) -> None:
        newcomers: set[str] = set()
        for write, raw, owner in zip(writes, self._found["heads"], self._found["ids"], strict=True):
            account_id = item(write).account_id
            live = None if raw is None else read(Live, raw)
            if write.expected_version:
                fits = live is not None and (live.account_id, live.version) == (account_id, write.expected_version)
            else:
                # An account id names one account for good; one that comes as a tombstone leaves who is there alone.
                fits = owner is None and account_id not in newcomers and (live is None or isinstance(write, Erase))
                newcomers.add(account_id)
            if not fits:
                raise refusals.conflict(self._tenants[0].name, item(write).source_id)

    def _write_accounts(self, writes: Sequence[Put | Erase]) -> None:
        (tenant,) = self._tenants
        todo: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for write, raw, latest in zip(writes, self._found["heads"], self._found["ended"], strict=True):
            source_id = item(write).source_id.encode()
            if raw is not None and write.expected_version:
                before = read(Live, raw)
                tenant.accounts -= 1
                tenant.digest -= int.from_bytes(before.fingerprint, "big")
                todo["ZREM", "emails"].append(before.email_index + source_id)
            if isinstance(write, Put):
                account = write.account
                tenant.accounts += 1
                tenant.digest += int.from_bytes(account.fingerprint, "big")
                todo["ZADD", "live"] += 0, source_id
                todo["ZADD", "emails"] += 0, account.email_index + source_id
                todo["HSET", "heads"] += source_id, written(Live.of(account))
                todo["HSET", "accounts"] += source_id, written(account)
                todo["HSET", "ids"] += account.account_id, source_id
                continue
            stone = write.tombstone
            if write.expected_version:
                todo["ZREM", "live"].append(source_id)
                todo["HDEL", "heads"].append(source_id)
                todo["HDEL", "accounts"].append(source_id)
                todo["HDEL", "ids"].append(stone.account_id)
            todo["ZADD", "stones"] += 0, stone.account_id
            todo["HSET", "tombstones"] += stone.account_id, written(stone)
            if latest is None or _age(read(Tombstone, latest)) < _age(stone):
                todo["HSET", "ended"] += source_id, written(stone)
        tenant.digest %= 1 << 128
        # What is removed goes first: where an account keeps its address, the address stays.
        for command, kind in sorted(todo, key=lambda one: one[0] not in {"ZREM", "HDEL"}):
            self.do(command, kind, tenant.name, todo[command, kind])


def item(write: Put | Erase) -> SealedAccount | Tombstone:
    """Return the account or the tombstone of a write."""
    return write.account if isinstance(write, Put) else write.tombstone


def _age(stone: Tombstone) -> tuple[datetime, str]:
    return stone.deleted_at, stone.account_id
