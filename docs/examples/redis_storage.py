"""Storage on a Redis server: the worked example of ``docs/write-a-storage-backend.md``.

How it is kept. Each tenant has a record, hashes for what is looked up, and sorted sets, all of one score, for what is
read in order: Redis keeps those in bytewise order. A write reads in one instant whatever it depends on, decides, and
hands what was decided to a script, which does it if the record is still as it was read. Everybody who writes to a
tenant changes its record, so whoever was too late reads and decides again. A script runs alone, and reaches the
append-only file whole.

What it does not promise. Erased bytes stay in the append-only file until the server rewrites it (`BGREWRITEAOF`).
Redis Cluster is not supported: a write touches keys of several slots. All that is held lives in the server's memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qsl, urlencode

import redis
import redis_tenant as stored
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_tenant import Change, Tenant

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
    HeadPage,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.storage import KEYS_AT_ONCE, checks, refusals

_T = TypeVar("_T")

_SCHEMA: Final = 1
_MARK: Final = "smartify_core on redis, schema "
#: How many that are due but leased a look at what is due allows for.
_LEASED: Final = 50
#: What makes a server durable: its settings, and which values are fine.
_DURABLE: Final = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction|volatile-.*"}
#: How often a write is decided anew because others were faster; each time one of them got on.
_ATTEMPTS: Final = 1000

#: What a server answers or the client raises, by a class and a word in the text: the first that fits. Text is read for
#: these words only, and never quoted: it may hold what was sent.
_TROUBLES: Final[Sequence[tuple[type[redis.RedisError], str, type[StorageError], str, str]]] = (
    (redis.AuthenticationError, "", StorageBroken, "the server refuses the user", "Correct user and password."),
    (redis.ResponseError, "NOPERM|permission", StorageBroken, "the user may not do this", "Grant it these keys."),
    (redis.ResponseError, "OOM|maxmemory", StorageUnavailable, "the server's memory is full", "Raise its maxmemory."),
    (redis.ResponseError, "MISCONF", StorageUnavailable, "the server cannot write to its disk", "See its log."),
    (redis.ResponseError, "READONLY", StorageUnavailable, "the server is a replica", "Name its master."),
    (redis.BusyLoadingError, "", StorageUnavailable, "the server is loading its data", "Wait until it is done."),
    (redis.TimeoutError, "", StorageUnavailable, "the server did not answer in time", "See how busy it is."),
    (redis.ConnectionError, "", StorageUnavailable, "the server cannot be reached", "See that it runs at this place."),
    (redis.RedisError, "", StorageUnavailable, "the server refused a command", "See that it is Redis 6.2 or newer."),
)

#: KEYS: schema, records. ARGV: the schema that is known; how many tenants; each with its record as it was read; then
#: commands, each after the number of its words.
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

#: KEYS: names in order, what they name. ARGV: where the page begins, where all ends, its size.
_PAGE: Final = """
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
return {names, #names > 0 and redis.call('HMGET', KEYS[2], unpack(names)) or {}}
"""

#: KEYS: emails, accounts. ARGV: email indexes.
_FIND: Final = """
local found = {}
for _, index in ipairs(ARGV) do
  for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], '[' .. index, '[' .. index .. '\\255')) do
    local id = string.sub(member, #index + 1)
    table.insert(found, {id, redis.call('HGET', KEYS[2], id)})
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

    Raises:
        UsageError: The URL or the prefix cannot be used.
        StorageUnavailable: The server cannot be reached, or refuses the user, or is not durable.
        ForeignStore: Keys with this prefix belong to something else; they were not touched.
        NewerSchema: A newer version of this file wrote the store; it was not touched.
    """

    def __init__(self, url: str, *, prefix: str = "smartify", durable: bool = True, timeout: float = 5.0) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", prefix):
            raise UsageError("a prefix has letters, digits, '_', '.' and '-' only", cure="Name another prefix.")
        try:
            pool = redis.ConnectionPool.from_url(url)
            pool.make_connection()  # which connects to nothing, but refuses options that nobody knows
        except (ValueError, TypeError):  # not quoted: a URL may hold a password
            raise UsageError(
                "the URL names no Redis server", cure="Use redis://HOST:PORT/DATABASE, or unix:///SOCKET."
            ) from None
        # Whatever the URL says: answers are bytes, and the client repeats nothing by itself. A commit whose answer is
        # lost may have been applied; only who gave it an id can safely repeat it.
        pool.connection_kwargs.update(
            decode_responses=False,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
        host = pool.connection_kwargs.get("path") or pool.connection_kwargs.get("host", "localhost")
        self._where = f"Redis at {host}, prefix {prefix}"
        self._prefix = prefix
        self._closed = False
        self._client = redis.Redis(connection_pool=pool)
        self._apply, self._page, self._find = map(self._client.register_script, (_APPLY, _PAGE, _FIND))
        try:
            with self._translated():
                if durable:
                    self._refuse_forgetful()
                self._refuse_foreign()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        """Return the storage with its place, without a password."""
        return f"RedisStorage({self._where!r})"

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        checks.check_text(tenant)
        checks.check_lease(now, ttl)
        return self._write([tenant], lambda change: change.take(now, ttl))

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of tenants that are due. See `Storage.claim_due`."""
        checks.check_limit(limit)
        checks.check_lease(now, ttl)
        while names := self._due_and_free(now, limit):
            if claims := self._write(names, lambda change: change.take_due(now, ttl)):
                return claims
        return []

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        checks.check_text(claim.tenant)
        checks.check_lease(now, ttl)
        return self._write([claim.tenant], lambda change: change.renew(claim, now + ttl))

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. See `Storage.release`."""
        checks.check_text(claim.tenant)
        checks.check_time(*([] if due_at is None else [due_at]))
        self._write([claim.tenant], lambda change: change.release(claim, due_at))

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when tenants are due. See `Storage.schedule`."""
        checks.check_due(due)
        self._write(list(due), lambda change: change.schedule(due, only_new=only_new))

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what is known of the tenant as a whole. See `Storage.tenant`."""
        checks.check_text(tenant)
        (raw,) = self._ask(("HGET", self._key("tenants"), tenant))
        return Tenant.of(tenant, raw).record()

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants, in order of their names. See `Storage.tenants`."""
        checks.check_limit(limit)
        checks.check_text(after)
        _, found = self._between(("names", "tenants"), None, _beyond(after), b"+", limit)
        return [stored.read(Tenant, raw).record() for raw in found]

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        checks.check_limit(limit)
        checks.check_text(tenant, after)
        return stored.head_page(*self._between(("live", "heads"), tenant, _beyond(after), b"+", limit))

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        checks.check_text(tenant)
        checks.check_keys(source_ids)
        return self._by_key(SealedAccount, "accounts", tenant, source_ids)

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        checks.check_text(tenant)
        checks.check_keys(email_indexes)
        # One of another length is nobody's, but would be the beginning of somebody's.
        whole = {index for index in email_indexes if len(index) == checks.INDEX_BYTES}
        with self._translated():
            found = self._find([self._key("emails", tenant), self._key("accounts", tenant)], [*whole])
        return [stored.read(SealedAccount, raw) for _, raw in sorted(found)]

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        checks.check_limit(limit)
        checks.check_text(tenant, after)
        _, found = self._between(("stones", "tombstones"), tenant, _beyond(after), b"+", limit)
        return [stored.read(Tombstone, raw) for raw in found]

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        checks.check_text(tenant)
        checks.check_keys(source_ids)
        return self._by_key(Tombstone, "ended", tenant, source_ids)

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        checks.check_batch(claim, batch)
        items = [stored.item(write) for write in batch.writes]
        sources, accounts = [one.source_id for one in items], [one.account_id for one in items]
        places = [stored.place(one.kind, one.key) for one in batch.documents]
        reads: dict[str, Sequence[Any]] = {
            "heads": sources,
            "ended": sources,
            "ids": accounts,
            "tombstones": accounts,
            "documents": places,
        }
        return self._write([claim.tenant], lambda change: change.commit(claim, batch), reads)

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write documents and add to journals, under no lease. See `Storage.record`."""
        checks.check_record(tenant, documents, appends)
        reads = {"documents": [stored.place(one.kind, one.key) for one in documents]}
        self._write([tenant], lambda change: change.record(documents, appends), reads)

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the tenant. See `Storage.erase_tenant`."""
        checks.check_text(claim.tenant)
        self._write([claim.tenant], lambda change: change.end(claim))

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal. See `Storage.entries`."""
        checks.check_text(tenant, journal)
        checks.check_limit(limit)
        checks.check_position(after)
        start, end = stored.entry_place(journal, after + 1), stored.section(journal) + stored.BEYOND
        page = ("ZRANGEBYLEX", self._key("entries", tenant), b"[" + start, b"(" + end, "LIMIT", 0, limit)
        (members,) = self._ask(page)
        return [stored.entry(journal, member) for member in members]

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to this position. See `Storage.trim`."""
        checks.check_text(tenant, journal)
        checks.check_position(through)
        gone = b"[" + stored.section(journal), b"(" + stored.entry_place(journal, through + 1)
        self._write([], lambda change: change.do("ZREMRANGEBYLEX", "entries", tenant, gone))

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document. See `Storage.document`."""
        checks.check_text(tenant, kind, key)
        (raw,) = self._ask(("HGET", self._key("documents", tenant), stored.place(kind, key)))
        return None if raw is None else stored.read(Document, raw)

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
        first = b"" if kind is None else stored.section(kind)
        seen = None if after is None else stored.place(*after)
        start = b"[" + first if seen is None or seen < first else b"(" + seen
        end = b"+" if kind is None else b"(" + first + stored.BEYOND
        _, found = self._between(("places", "documents"), tenant, start, end, limit)
        return [stored.read(Document, raw) for raw in found]

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

    def _key(self, kind: str, tenant: str | None = None) -> bytes:
        return stored.key(self._prefix, kind, tenant)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what the client raises inside as an error of ours, and quote nothing of it."""
        if self._closed:
            raise refusals.closed()
        try:
            yield
        except redis.RedisError as error:
            text = str(error)
            fitting = (one for one in _TROUBLES if isinstance(error, one[0]) and re.search(one[1], text))
            _, _, ours, what, cure = next(fitting)
            raise ours(what, where=self._where, cure=cure) from None

    def _ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Return the answers to these commands, all as of one instant."""
        with self._translated(), self._client.pipeline(transaction=len(commands) > 1) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # the client has no type for it
            return pipe.execute()

    def _between(
        self, kinds: tuple[str, str], tenant: str | None, start: bytes, end: bytes, limit: int
    ) -> tuple[list[bytes], list[bytes]]:
        """Return a page of names in order and what they name, as of one instant."""
        with self._translated():
            names, values = self._page([self._key(kind, tenant) for kind in kinds], [start, end, limit])
        return names, values

    def _by_key(self, kind: type[_T], name: str, tenant: str, keys: Sequence[str]) -> dict[str, _T]:
        (found,) = self._ask(_many(self._key(name, tenant), keys))
        return {one: stored.read(kind, raw) for one, raw in zip(keys, found, strict=False) if raw is not None}

    def _due_and_free(self, now: datetime, limit: int) -> list[str]:
        """Return those that are due and that nobody holds, the longest due first."""
        free: list[str] = []
        start, end = b"-", b"(" + stored.due_end(now)
        page = min(limit + _LEASED, KEYS_AT_ONCE)
        while True:
            (places,) = self._ask(("ZRANGEBYLEX", self._key("due"), start, end, "LIMIT", 0, page))
            names = [stored.due_tenant(place) for place in places]
            (records,) = self._ask(_many(self._key("tenants"), names))
            held = (Tenant.of(name, raw) for name, raw in zip(names, records, strict=False))
            free += [one.name for one in held if one.is_due(now)]
            if len(places) < page or len(free) >= limit:
                return free[:limit]
            start = b"(" + places[-1]

    def _write(
        self,
        names: Sequence[str],
        decide: Callable[[Change], _T],
        reads: Mapping[str, Sequence[Any]] | None = None,
    ) -> _T:
        """Read these tenants and what else is asked of the first, decide, and do it if all is still as it was read."""
        schema, records = self._key("schema"), self._key("tenants")
        wanted = {kind: fields for kind, fields in (reads or {}).items() if fields}
        asked = [("HMGET", self._key(kind, names[0]), *fields) for kind, fields in wanted.items()]
        for _ in range(_ATTEMPTS):
            known, raws, *found = self._ask(("GET", schema), _many(records, names), *asked)
            self._refuse_newer(known)
            tenants = [Tenant.of(name, raw) for name, raw in zip(names, raws, strict=False)]
            guards = [word for name, raw in zip(names, raws, strict=False) for word in (name, raw or b"")]
            change = Change(self._prefix, tenants, defaultdict(list, zip(wanted, found, strict=True)))
            answer = decide(change)
            commands = [word for command in change.commands for word in (len(command), *command)]
            if not commands:
                return answer
            with self._translated():
                if self._apply([schema, records], [known, len(names), *guards, *commands]):
                    return answer
        raise StorageBusy(
            f"others wrote to the same tenants {_ATTEMPTS} times in a row", where=self._where, cure="Try again."
        )

    # --- opening ------------------------------------------------------------------------------------------------------

    def _refuse_forgetful(self) -> None:
        """Refuse a server that may lose what it has confirmed."""
        try:
            told = self._client.config_get("append*") | self._client.config_get("maxmemory*")
        except redis.ResponseError:
            told = {}
        wrong = [name for name, fine in _DURABLE.items() if not re.fullmatch(fine, str(told.get(name)))]
        if wrong:
            raise StorageBroken(
                f"the server may lose what it has confirmed, or does not tell: see its {', '.join(wrong)}",
                where=self._where,
                cure="Set appendonly yes, appendfsync always, maxmemory-policy noeviction, and let the user run CONFIG"
                " GET; or open the store with durable=False.",
            )

    def _refuse_foreign(self) -> None:
        """Begin the store where there is none, and touch nothing that is not ours."""
        schema = self._key("schema")
        if not self._client.exists(schema):
            stranger = next(self._client.scan_iter(f"{self._prefix}:*", count=KEYS_AT_ONCE), None)
            # Asked again: somebody may have begun the store meanwhile.
            if stranger is not None and not self._client.exists(schema):
                raise self._foreign()
            self._client.set(schema, f"{_MARK}{_SCHEMA}", nx=True)
        if self._client.type(schema) != b"string":
            raise self._foreign()
        self._refuse_newer(*self._ask(("GET", schema)))

    def _refuse_newer(self, mark: bytes | None) -> None:
        if mark is None:
            raise StorageBroken(
                "the store is gone from the server", where=self._where, cure="Restore it, and open it again."
            )
        known = re.fullmatch(rf"{_MARK}(\d+)".encode(), mark)
        if known is None:
            raise self._foreign()
        if int(known[1]) > _SCHEMA:
            raise NewerSchema(
                f"the store has schema {int(known[1])}; this file knows {_SCHEMA}; it was not touched",
                where=self._where,
                cure="Upgrade this file.",
            )

    def _foreign(self) -> ForeignStore:
        return ForeignStore(
            "keys with this prefix belong to something else; they were not touched",
            where=self._where,
            cure="Name another prefix or another database.",
        )


def open_redis(url: str) -> RedisStorage:
    """Open the store that a URL names, as `smartify.toml` has it: `?prefix=` and `durable=no` are options of ours.

    The entry point `redis` of the group `smartify_core.storage` leads here.
    """
    start, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    prefix, durable = options.pop("prefix", "smartify"), options.pop("durable", "yes")
    if durable not in {"yes", "no"}:
        raise UsageError(
            "the option durable is neither yes nor no", where="storage URL", cure="Leave it out, or say no."
        )
    rest = f"?{urlencode(options)}" if options else ""
    return RedisStorage(start + rest, prefix=prefix, durable=durable == "yes")


def _beyond(after: str | None) -> bytes:
    return b"-" if after is None else b"(" + after.encode()


def _many(key: bytes, fields: Sequence[Any]) -> tuple[Any, ...]:
    """Return the command that asks for these fields of a hash: for one that nobody has, where there are none."""
    return ("HMGET", key, *(fields or [""]))
