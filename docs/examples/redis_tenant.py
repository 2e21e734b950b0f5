"""What ``redis_storage.py`` holds of one tenant: under which keys, in which bytes, and how a batch changes it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from attrs import define, field
from cattrs.preconf.json import make_converter

from smartify_core.errors import StorageBroken
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    InactiveReason,
    Put,
    PutDocument,
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

_converter = make_converter()
_converter.register_unstructure_hook(bytes, lambda value: b64encode(value).decode())
_converter.register_structure_hook(bytes, lambda value, _: b64decode(value))


def written(value: object) -> bytes:
    """Return a value of the model as bytes."""
    return _converter.dumps(value).encode()


def read(kind: type[_T], raw: bytes) -> _T:
    """Return the value that `written` made these bytes of."""
    try:
        return _converter.loads(raw, kind)
    except Exception:  # whatever a converter makes of bytes that are not its own
        raise StorageBroken(
            f"the bytes of a {kind.__name__} are damaged", cure="Restore the server from a backup."
        ) from None


@define
class Live:
    """The part of an account that comparisons and writes read."""

    account_id: str
    version: int
    fingerprint: bytes
    email_index: bytes
    state: AccountState
    inactive_reason: InactiveReason | None


def written_head(one: SealedAccount) -> bytes:
    """Return the head of an account as bytes: there are many, so these are made by hand."""
    reason = one.inactive_reason and one.inactive_reason.value
    rest = (one.account_id, one.version, one.fingerprint.hex(), one.email_index.hex(), one.state.value, reason)
    return json.dumps(rest).encode()


def read_head(raw: bytes) -> Live:
    """Return what `written_head` wrote."""
    try:
        account_id, version, fingerprint, email_index, state, reason = json.loads(raw)
        indexes = bytes.fromhex(fingerprint), bytes.fromhex(email_index)
        return Live(account_id, version, *indexes, AccountState(state), reason and InactiveReason(reason))
    except (ValueError, TypeError):
        raise StorageBroken("the head of an account is damaged", cure="Restore the server from a backup.") from None


def head(source_id: str, raw: bytes) -> Head:
    """Return the head as the port tells it."""
    live = read_head(raw)
    return Head(source_id, live.fingerprint, live.state, live.version, live.inactive_reason)


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


def until(time: datetime) -> bytes:
    """Return where all that is due at that time or before ends."""
    return digits((time - _EPOCH) // _MICROSECOND + 1)


def due_place(time: datetime, tenant: str) -> bytes:
    """Return where a tenant stands in the order of what is due."""
    return digits((time - _EPOCH) // _MICROSECOND) + tenant.encode()


def due_tenant(place: bytes) -> str:
    """Return who stands there."""
    return place[_DIGITS:].decode()


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

    def take(self, now: datetime, ttl: timedelta) -> Claim:
        """Make a new claim, or raise `LeaseHeld`."""
        if self.expires_at is not None and self.expires_at > now:
            raise refusals.lease_held(self.name, self.expires_at)
        self.fence += 1
        self.expires_at = now + ttl
        return Claim(self.name, self.fence, self.expires_at, self.revision, self.due_at)

    def holds(self, claim: Claim) -> bool:
        """Return whether the claim is the newest and was not released."""
        return self.fence == claim.fence and self.expires_at is not None

    def check(self, claim: Claim) -> None:
        """Raise `LeaseLost` unless the tenant holds the claim."""
        if not self.holds(claim):
            raise refusals.lease_lost(self.name, claim.fence)


# --- a write ----------------------------------------------------------------------------------------------------------


class Change:
    """What a write does, if what it has read is still so. Nothing is sent before all is decided, so nothing is undone.

    Args:
        prefix: What all keys begin with.
        tenants: The records that were read, which the write may change.
        found: What else was read of the first tenant, by kind: one answer for each field that was asked for.
    """

    def __init__(self, prefix: str, tenants: Sequence[Tenant], found: dict[str, list[Any]]) -> None:
        self.tenants = tenants
        self.commands: list[tuple[Any, ...]] = []
        self._prefix = prefix
        self._found = found
        self._due = {one.name: one.due_at for one in tenants}

    def do(self, command: str, kind: str, tenant: str | None, words: Sequence[Any]) -> None:
        """Add a command, in parts that a script can take."""
        there = key(self._prefix, kind, tenant)
        self.commands += [(command, there, *words[at : at + _WORDS]) for at in range(0, len(words), _WORDS)]

    def save(self, tenant: Tenant) -> None:
        """Write the record of a tenant, and where it stands in the order of what is due."""
        tenant.writes += 1
        self.do("HSET", "tenants", None, (tenant.name, written(tenant)))
        self.do("ZADD", "names", None, (0, tenant.name))
        if (before := self._due[tenant.name]) is not None:
            self.do("ZREM", "due", None, (due_place(before, tenant.name),))
        if tenant.due_at is not None:
            self.do("ZADD", "due", None, (0, due_place(tenant.due_at, tenant.name)))

    def write_accounts(self, writes: Sequence[Put | Erase]) -> None:
        """Write and end accounts of the first tenant, or raise what keeps them from it."""
        tenant = self.tenants[0]
        self._refuse_tombstoned(writes)
        self._refuse_conflicts(writes)
        todo: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for write, raw, latest in zip(writes, self._found["heads"], self._found["ended"], strict=True):
            source_id = item(write).source_id.encode()
            if raw is not None and write.expected_version:
                before = read_head(raw)
                tenant.accounts -= 1
                tenant.digest -= int.from_bytes(before.fingerprint, "big")
                todo["ZREM", "emails"].append(before.email_index + source_id)
            if isinstance(write, Put):
                account = write.account
                tenant.accounts += 1
                tenant.digest += int.from_bytes(account.fingerprint, "big")
                todo["ZADD", "live"] += 0, source_id
                todo["ZADD", "emails"] += 0, account.email_index + source_id
                todo["HSET", "heads"] += source_id, written_head(account)
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

    def write_beside(self, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
        """Write documents and add to journals of the first tenant, or raise what keeps them from it."""
        tenant = self.tenants[0]
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
            start, members = position or append.expected_position or 0, list[Any]()
            for position, content in enumerate(append.entries, start + 1):
                members += 0, section(append.journal) + digits(position) + content
            self.do("ZADD", "entries", tenant.name, members)
            if start + len(append.entries):
                tenant.positions[append.journal] = start + len(append.entries)

    def _refuse_tombstoned(self, writes: Sequence[Put | Erase]) -> None:
        ended = {item(write).account_id for write, raw in zip(writes, self._found["tombstones"], strict=True) if raw}
        ending = {write.tombstone.account_id for write in writes if isinstance(write, Erase)}
        for write in writes:
            # One that is erased at a version is live here, and its account id is nobody else's.
            refused = ended | ending if isinstance(write, Put) else set() if write.expected_version else ended
            if item(write).account_id in refused:
                raise refusals.tombstoned(self.tenants[0].name, item(write).account_id)

    def _refuse_conflicts(self, writes: Sequence[Put | Erase]) -> None:
        newcomers: set[str] = set()
        for write, raw, owner in zip(writes, self._found["heads"], self._found["ids"], strict=True):
            account_id = item(write).account_id
            live = None if raw is None else read_head(raw)
            if write.expected_version:
                fits = live is not None and (live.account_id, live.version) == (account_id, write.expected_version)
            else:
                # An account id names one account for good; one that comes as a tombstone leaves who is there alone.
                fits = owner is None and account_id not in newcomers and (live is None or isinstance(write, Erase))
                newcomers.add(account_id)
            if not fits:
                raise refusals.conflict(self.tenants[0].name, item(write).source_id)


def item(write: Put | Erase) -> SealedAccount | Tombstone:
    """Return the account or the tombstone of a write."""
    return write.account if isinstance(write, Put) else write.tombstone


def _age(stone: Tombstone) -> tuple[datetime, str]:
    return stone.deleted_at, stone.account_id
