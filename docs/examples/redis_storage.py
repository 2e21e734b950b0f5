"""Storage on a Redis server: the worked example of ``docs/write-a-storage-backend.md``.

How it is kept. The rows of `smartify_core.storage.rows`, each kind of a tenant in a hash, by key; and their keys in a
sorted set, all of one score, which Redis keeps in bytewise order. A write reads in one instant whatever it meets, has
the library decide, and hands the rows that are to be written to a script, which writes them if the numbers of the
tenant are still as they were read. Every write changes these, so whoever was too late reads and decides again. A script
runs alone, and reaches the append-only file whole.

What it does not promise. Erased bytes stay in the append-only file until the server rewrites it (`BGREWRITEAOF`).
Redis Cluster is not supported: a write touches keys of several slots. All that is held lives in the server's memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from smartify_core.errors import (
    ForeignStore,
    NewerSchema,
    StorageBroken,
    StorageBusy,
    StorageError,
    StorageUnavailable,
    UsageError,
)
from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Head,
    HeadPage,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.storage import KEYS_AT_ONCE, checks, refusals, rows
from smartify_core.storage.rows import Kept, Write

_T = TypeVar("_T")
_Key = TypeVar("_Key", str, bytes)

_SCHEMA: Final = 1
_MARK: Final = "smartify_core on redis, schema "
#: Kinds of rows that are never read in order, and those whose keys tell all.
_NO_ORDER: Final = {"accounts", "owners", "ended"}
_KEYS_ONLY: Final = {"due", "emails"}
#: How many that are due but leased a look at what is due allows for.
_LEASED: Final = 50
#: How often a write is decided anew because others were faster; each time one of them got on.
_ATTEMPTS: Final = 1000
#: What makes a server durable: its settings, and which values are fine.
_DURABLE: Final = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction|volatile-.*"}

#: Words in the name or the text of what the client raises, and what they mean: the first that fits. The text is read
#: for these words only, and never quoted: it may hold what was sent.
_TROUBLES: Final[Sequence[tuple[str, type[StorageError], str, str]]] = (
    ("Authentication|NOPERM|permission", StorageBroken, "the server refuses the user", "Correct user and rights."),
    ("OOM|maxmemory", StorageUnavailable, "the server's memory is full", "Raise its maxmemory."),
    ("Connection|Timeout|Loading", StorageUnavailable, "the server does not answer", "See that it runs there."),
    (
        "",
        StorageUnavailable,
        "the server refused a command",
        "See its log. It must be a master, of Redis 6.2 or newer.",
    ),
)

#: KEYS: schema, numbers of tenants. ARGV: the schema that is known; how many tenants; each with its numbers as they
#: were read; then commands, each after the number of its words.
_APPLY: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local at = 3 + 2 * ARGV[2]
for i = 3, at - 1, 2 do
  if (redis.call('HGET', KEYS[2], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
while at <= #ARGV do
  redis.call(unpack(ARGV, at + 1, at + ARGV[at]))
  at = at + ARGV[at] + 1
end
return 1
"""

#: KEYS: keys in order, rows. ARGV: how long what precedes the row's key in each is; the size of a page; ranges.
_PAGE: Final = """
local found = {}
for i = 3, #ARGV, 2 do
  for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[i], ARGV[i + 1], 'LIMIT', 0, ARGV[2])) do
    table.insert(found, redis.call('HGET', KEYS[2], string.sub(key, ARGV[1] + 1)))
  end
end
return found
"""


class RedisStorage:
    """A `Storage` on a Redis server: one for many hosts. Threads, processes and forks may share the server.

    Args:
        url: Where the server is: ``redis://``, ``rediss://`` or ``unix://``, as the ``redis`` client takes it.
        prefix: What all keys of the store begin with, so that others may use the same database.
        durable: Refuse a server that may lose what it has confirmed. ``False`` takes any.
        timeout: Seconds to wait for the server.
        read_only: Open what is there: begin no store, and refuse every write.

    Raises:
        UsageError: The URL or the prefix cannot be used.
        StorageUnavailable: The server cannot be reached.
        StorageBroken: The server refuses the user, or is not durable.
        ForeignStore: Keys with this prefix belong to something else; they were not touched.
        NewerSchema: A newer version of this file wrote the store; it was not touched.
    """

    def __init__(
        self, url: str, *, prefix: str = "smartify", durable: bool = True, timeout: float = 5.0, read_only: bool = False
    ) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", prefix):
            raise UsageError("a prefix has letters, digits, '_', '.' and '-' only", cure="Name another prefix.")
        # Whatever the URL says: answers are bytes, and the client repeats nothing by itself. A commit whose answer is
        # lost may have been applied; only who gave it an id can safely repeat it.
        fixed = {"decode_responses": False, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
        fixed |= {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        try:
            pool = redis.ConnectionPool(**(given := parse_url(url) | fixed))  # type: ignore[no-untyped-call]  # as below
            pool.make_connection()  # which connects to nothing, but refuses options that nobody knows
        except (ValueError, TypeError):  # not quoted: a URL may hold a password
            raise UsageError("the URL names no Redis server", cure="Use redis://HOST:PORT/DATABASE.") from None
        self._where = f"Redis at {given.get('path') or given.get('host', 'localhost')}, prefix {prefix}"
        self._prefix = prefix
        self._read_only = read_only
        self._closed = False
        self._client = redis.Redis(connection_pool=pool)
        self._apply, self._page = self._client.register_script(_APPLY), self._client.register_script(_PAGE)
        try:
            with self._translated():
                if durable and not read_only:
                    self._refuse_forgetful()
                if not read_only:
                    self._begin()
                self._refuse_foreign()
        except BaseException:  # whatever stopped it, nobody else has the connections to close them
            self.close()
            raise

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        checks.check_text(tenant)
        checks.check_lease(now, ttl)
        return self._write([tenant], lambda write: write.tenant.take(now, ttl))

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of tenants that are due. See `Storage.claim_due`."""
        checks.check_limit(limit)
        checks.check_lease(now, ttl)
        claims: list[Claim] = []
        start, end = b"-", b"(" + rows.due_key(now + timedelta.resolution)
        while len(claims) < limit:
            due = self._key("due", order=True)
            (keys,) = self._ask(("ZRANGEBYLEX", due, start, end, "LIMIT", 0, limit + _LEASED))
            if not keys:
                break
            start = b"(" + keys[-1]
            numbers = self._look_up("tenants", "", [rows.due_tenant(key) for key in keys])
            free = [name for name, raw in numbers.items() if Kept.of(name, raw).is_due(now)]
            # Asked again when they are claimed: somebody may have been faster.
            claims += self._write(
                free[: limit - len(claims)],
                lambda write: [one.take(now, ttl) for one in write.tenants if one.is_due(now)],
            )
        return claims

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        checks.check_claim(claim)
        checks.check_lease(now, ttl)
        return self._write([claim.tenant], lambda write: write.tenant.renew(claim, now, ttl))

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. See `Storage.release`."""
        checks.check_claim(claim)
        checks.check_time(*([] if due_at is None else [due_at]))
        self._write([claim.tenant], lambda write: write.tenant.release(claim, due_at))

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when tenants are due. See `Storage.schedule`."""
        checks.check_due(due)
        self._write([*due], lambda write: [one.schedule(due[one.name], only_new=only_new) for one in write.tenants])

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what is known of the tenant as a whole. See `Storage.tenant`."""
        checks.check_text(tenant)
        return Kept.of(tenant, self._look_up("tenants", "", [tenant]).get(tenant)).as_record()

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants, in order of their names. See `Storage.tenants`."""
        checks.check_limit(limit)
        checks.check_text(after)
        return [one.as_record() for one in self._after(Kept, "tenants", "", after, limit)]

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        checks.check_limit(limit)
        checks.check_text(tenant, after)
        return HeadPage.of(self._after(Head, "heads", tenant, after, limit))

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        checks.check_text(tenant)
        checks.check_keys(source_ids)
        found = self._look_up("accounts", tenant, source_ids)
        return {
            source_id: rows.unpacked(SealedAccount, raw, where=f"tenant {tenant}") for source_id, raw in found.items()
        }

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        checks.check_text(tenant)
        checks.check_keys(email_indexes)
        # One of another length is nobody's, but would be the beginning of somebody's.
        whole = {index for index in email_indexes if len(index) == checks.INDEX_BYTES}
        ranges = [end for index in whole for end in (b"[" + index, b"(" + index + rows.BEYOND)]
        keys = [self._key("emails", tenant, order=True), self._key("accounts", tenant)]
        with self._translated():
            found = self._page(keys, [checks.INDEX_BYTES, -1, *ranges])
        accounts = [rows.unpacked(SealedAccount, raw, where=f"tenant {tenant}") for raw in found]
        return sorted(accounts, key=lambda account: account.source_id)

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        checks.check_limit(limit)
        checks.check_text(tenant, after)
        return self._after(Tombstone, "tombstones", tenant, after, limit)

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        checks.check_text(tenant)
        checks.check_keys(source_ids)
        found = self._look_up("ended", tenant, source_ids)
        return {source_id: rows.unpacked(Tombstone, raw, where=f"tenant {tenant}") for source_id, raw in found.items()}

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        checks.check_batch(claim, batch)
        return self._write([claim.tenant], lambda write: write.commit(claim, batch), rows.met_by(batch))

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write documents and add to journals, under no lease. See `Storage.record`."""
        checks.check_record(tenant, documents, appends)
        met = rows.met_by_documents(documents)
        self._write([tenant], lambda write: write.record(documents, appends), met)

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the tenant. See `Storage.erase_tenant`."""
        checks.check_claim(claim)
        self._write([claim.tenant], lambda write: write.erase(claim))

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal. See `Storage.entries`."""
        checks.check_text(tenant, journal)
        checks.check_limit(limit)
        checks.check_position(after)
        start, end = rows.entry_key(journal, after + 1), rows.section(journal) + rows.BEYOND
        return self._between(Entry, "entries", tenant, (b"[" + start, b"(" + end), limit)

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to this position. See `Storage.trim`."""
        checks.check_text(tenant, journal)
        checks.check_position(through)
        ends = b"[" + rows.entry_key(journal, 0), b"(" + rows.entry_key(journal, through + 1)
        full = True
        while full:
            gone = self._between(Entry, "entries", tenant, ends, KEYS_AT_ONCE)
            self._write([tenant], partial(Write.remove_entries, journal=journal, entries=gone))
            full = len(gone) == KEYS_AT_ONCE

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document. See `Storage.document`."""
        checks.check_text(tenant, kind, key)
        found = self._look_up("documents", tenant, [rows.document_key(kind, key)])
        return next((rows.unpacked(Document, raw, where=f"tenant {tenant}") for raw in found.values()), None)

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        """Return the next page of documents, in order of kind and key. See `Storage.documents`."""
        checks.check_limit(limit)
        checks.check_text(tenant, kind, *(after or ()))
        first = b"" if kind is None else rows.section(kind)
        seen = b"" if after is None else rows.document_key(*after)
        start = b"(" + seen if after and seen >= first else b"[" + first
        return self._between(Document, "documents", tenant, (start, b"(" + first + rows.BEYOND), limit)

    # --- life ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the connections. See `Storage.close`."""
        self._closed = True
        self._client.connection_pool.disconnect()

    def __enter__(self) -> Self:
        """Return the storage itself."""
        with self._translated():
            return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
        self.close()

    # --- talking to the server ----------------------------------------------------------------------------------------

    def _key(self, kind: str, tenant: str = "", *, order: bool = False) -> bytes:
        name = f"{kind}-in-order" if order else kind
        return ":".join((self._prefix, name, tenant) if tenant else (self._prefix, name)).encode()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what the client raises inside as an error of ours, and quote nothing of it."""
        if self._closed:
            raise refusals.closed()
        try:
            yield
        except redis.RedisError as error:
            text = f"{type(error).__name__} {error}"
            _, ours, what, cure = next(trouble for trouble in _TROUBLES if re.search(trouble[0], text))
            raise ours(what, where=self._where, cure=cure) from None

    def _ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Return the answers to these commands, all as of one instant."""
        with self._translated(), self._client.pipeline(transaction=len(commands) > 1) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # the client has no type for it
            return pipe.execute()

    def _get(self, kind: str, tenant: str, keys: Sequence[Any]) -> tuple[Any, ...]:
        """Return the command that asks for rows: for one that nobody has, where there are no keys."""
        return ("HMGET", self._key(kind, tenant), *(keys or [rows.BEYOND]))

    def _look_up(self, kind: str, tenant: str, keys: Sequence[_Key]) -> dict[_Key, bytes]:
        """Return those rows that there are."""
        (found,) = self._ask(self._get(kind, tenant, keys))
        return _there(keys, found)

    def _after(self, of: type[_T], kind: str, tenant: str, after: str | None, limit: int) -> Sequence[_T]:
        """Return the values of the next page of rows."""
        start = b"-" if after is None else b"(" + after.encode()
        return self._between(of, kind, tenant, (start, b"+"), limit)

    def _between(self, of: type[_T], kind: str, tenant: str, ends: tuple[bytes, bytes], limit: int) -> Sequence[_T]:
        """Return the values of the first rows between these ends, as of one instant."""
        with self._translated():
            found = self._page([self._key(kind, tenant, order=True), self._key(kind, tenant)], [0, limit, *ends])
        where = f"tenant {tenant}" if tenant else self._where
        return [rows.unpacked(of, raw, where=where) for raw in found]

    def _write(self, names: Sequence[str], decide: Callable[[Write], _T], met: rows.Keys | None = None) -> _T:
        """Read these tenants and what a write meets of the first, decide, and do it if all is still as it was read."""
        if self._read_only:
            raise refusals.only_read(self._where)
        keys, met = [self._key("schema"), self._key("tenants")], met or {}
        asked = [self._get(kind, names[0], wanted) for kind, wanted in met.items()]
        for _ in range(_ATTEMPTS):
            known, raws, *answers = self._ask(("GET", keys[0]), self._get("tenants", "", names), *asked)
            self._refuse_newer(known)
            numbers = dict(zip(names, raws, strict=False))
            found = {kind: _there(met[kind], answer) for kind, answer in zip(met, answers, strict=True)}
            write = Write(numbers, found)
            answer = decide(write)
            commands = [word for command in self._commands(write) for word in (len(command), *command)]
            if not commands:
                return answer
            guards = [word for name, raw in numbers.items() for word in (name, raw or b"")]
            with self._translated():
                if self._apply(keys, [known, len(numbers), *guards, *commands]):
                    return answer
        raise StorageBusy("others write to the same tenants all the time", where=self._where, cure="Try again.")

    def _commands(self, write: Write) -> Iterator[tuple[Any, ...]]:
        """Tell what the server is to do, that the rows are as was decided."""
        for kind in rows.KINDS if write.clears else ():
            yield ("UNLINK", self._key(kind, write.tenant.name), self._key(kind, write.tenant.name, order=True))
        for (kind, tenant, key), value in write.decided().items():
            there, order = self._key(kind, tenant), self._key(kind, tenant, order=True)
            if kind not in _KEYS_ONLY:
                yield ("HDEL", there, key) if value is None else ("HSET", there, key, value)
            if kind not in _NO_ORDER:
                yield ("ZREM", order, key) if value is None else ("ZADD", order, 0, key)

    # --- opening ------------------------------------------------------------------------------------------------------

    def _refuse_forgetful(self) -> None:
        """Refuse a server that may lose what it has confirmed."""
        try:
            told = self._client.config_get("append*") | self._client.config_get("maxmemory*")
        except redis.ResponseError:  # not every user may ask
            told = {}
        wrong = [name for name, fine in _DURABLE.items() if not re.fullmatch(fine, str(told.get(name)))]
        if wrong:
            raise StorageBroken(
                f"the server may lose what it has confirmed, or does not tell: see its {', '.join(wrong)}",
                where=self._where,
                cure="Set appendonly yes, appendfsync always, maxmemory-policy noeviction; or say durable=False.",
            )

    def _begin(self) -> None:
        """Begin the store where there is nothing."""
        schema = self._key("schema")
        if not self._client.exists(schema):
            stranger = next(self._client.scan_iter(f"{self._prefix}:*", count=KEYS_AT_ONCE), None)
            # Asked again: somebody may have begun the store meanwhile.
            if stranger is None or self._client.exists(schema):
                self._client.set(schema, f"{_MARK}{_SCHEMA}", nx=True)

    def _refuse_foreign(self) -> None:
        """Refuse what is not ours, and what is newer than we know."""
        schema = self._key("schema")
        if self._read_only and not self._client.exists(schema):
            self._refuse_newer(None)
        (mark,) = self._ask(("GET", schema)) if self._client.type(schema) == b"string" else (b"",)
        self._refuse_newer(mark)

    def _refuse_newer(self, mark: bytes | None) -> None:
        if mark is None:
            raise StorageBroken("there is no store, or none any more", where=self._where, cure="Restore or begin it.")
        known = re.fullmatch(rf"{_MARK}(\d+)".encode(), mark)
        if known is None:
            raise ForeignStore("keys with this prefix are others'", where=self._where, cure="Name another prefix.")
        if int(known[1]) > _SCHEMA:
            raise NewerSchema("a newer version wrote the store", where=self._where, cure="Upgrade this file.")


def _there(keys: Sequence[_Key], values: Sequence[bytes | None]) -> dict[_Key, bytes]:
    return {key: value for key, value in zip(keys, values, strict=False) if value is not None}
