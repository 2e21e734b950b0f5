"""What tests of storage share: accounts to write, and children that are real processes."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import attrs
import pytest

from smartify_core.model import AccountState, Append, Batch, Document, Erase, Put, PutDocument, SealedAccount, Tombstone
from smartify_core.storage import Storage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

#: The exit status of a child that raised something nobody expected.
BROKEN = 99

evolve: Any = attrs.evolve

MakeAccount = Callable[..., SealedAccount]


@pytest.fixture
def account() -> MakeAccount:
    """Return a function that makes an account, with whatever is told otherwise."""

    def make(source_id: str = "s1", version: int = 1, **changes: Any) -> SealedAccount:
        made = SealedAccount(
            tenant="acme",
            source_id=source_id,
            account_id=f"account of {source_id}",
            state=AccountState.ACTIVE,
            inactive_reason=None,
            fingerprint=f"{source_id} {version}".encode().ljust(16, b"-")[:16],
            email_index=f"@{source_id}".encode().ljust(16, b"-")[:16],
            group_indexes=(),
            wrapped_key=f"key of {source_id}".encode(),
            payload=f"payload of {source_id} ".encode() * 20,
            version=version,
            created_at=NOON,
            updated_at=NOON,
        )
        return evolve(made, **changes)  # type: ignore[no-any-return]  # attrs.evolve of an Any

    return make


@pytest.fixture
def put() -> Callable[..., Batch]:
    """Return a function that makes the batch that writes these accounts, each over the version before its own."""
    return lambda *accounts: Batch(tuple(Put(one, one.version - 1) for one in accounts))


@pytest.fixture
def erase() -> Callable[..., Batch]:
    """Return a function that makes the batch that ends these accounts."""

    def make(*accounts: SealedAccount) -> Batch:
        stones = [Tombstone(one.tenant, one.source_id, one.account_id, one.created_at, NOON) for one in accounts]
        return Batch(tuple(Erase(stone, one.version) for stone, one in zip(stones, accounts, strict=True)))

    return make


@pytest.fixture
def everything() -> Callable[[Storage], tuple[object, ...]]:
    """Return a function that tells all that the port tells of the tenant."""

    def tell(storage: Storage) -> tuple[object, ...]:
        heads = storage.heads("acme")
        loaded = storage.load("acme", [head.source_id for head in heads])
        found = storage.find_by_email("acme", sorted({one.email_index for one in loaded.values()}))
        return storage.tenant("acme").revision, list(heads), dict(loaded), list(found), list(storage.tombstones("acme"))

    return tell


@pytest.fixture
def everything_done(
    account: MakeAccount, put: Callable[..., Batch], erase: Callable[..., Batch]
) -> Callable[..., None]:
    """Return a function that calls every method of a store that nobody has used yet."""

    def do(storage: Storage) -> None:
        hour = timedelta(hours=1)
        storage.schedule({"acme": NOON, "umbrella": NOON})
        claim, other = storage.claim_due(now=NOON, ttl=hour, limit=2)
        storage.release(other)
        claim = storage.renew(claim, now=NOON, ttl=hour)
        one, two = account("s1"), account("s\0002")
        storage.commit(claim, put(one, two))
        storage.commit(claim, put(account("s1", 2)))
        batch = erase(two)
        storage.commit(claim, evolve(batch, entries=(b"gone", b"for good"), documents=(PutDocument("k", "1", b"", 0),)))
        storage.record("acme", documents=[PutDocument("k", "2", b"two", 0)], appends=[Append("audit", (b"read",))])
        storage.trim("acme", through=1)
        assert [entry.content for entry in storage.entries("acme")] == [b"for good"]
        assert [entry.content for entry in storage.entries("acme", journal="audit")] == [b"read"]
        assert [document.key for document in storage.documents("acme")] == ["1", "2"]
        assert storage.document("acme", "k", "2") == Document("k", "2", b"two", 1)
        assert [head.version for head in storage.heads("acme")] == [2]
        assert list(storage.load("acme", ["s1", "s\0002"])) == ["s1"]
        assert len(storage.find_by_email("acme", [one.email_index, two.email_index])) == 1
        assert [stone.source_id for stone in storage.tombstones("acme")] == ["s\0002"]
        assert list(storage.tombstones_of("acme", ["s1", "s\0002"])) == ["s\0002"]
        record = storage.tenant("acme")
        assert (record.accounts, record.revision, record.positions) == (1, 3, {"audit": 1})
        storage.erase_tenant(claim)
        assert [one.tenant for one in storage.tenants()] == ["acme", "umbrella"]
        assert storage.tenant("acme").accounts == 0
        storage.release(storage.claim("acme", now=NOON, ttl=hour), due_at=NOON)

    return do


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a store may be made: alone in its folder."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder / "smartify.db"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user of the machine can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o777)
        yield folder
        folder.chmod(0o777)


@pytest.fixture
def content(path: Path) -> Callable[[], bytes]:
    """Return a function that reads all bytes of the store: the file, its log, its index."""
    return lambda: b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


@pytest.fixture
def spawn() -> Callable[[Callable[[], int | None]], int]:
    """Return a function that runs ``work`` in a child process, as its exit status, and returns the child's id."""

    def start(work: Callable[[], int | None]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child:
            return child
        _run(work)

    return start


@pytest.fixture
def status() -> Callable[[int], int]:
    """Return a function that waits for a child and returns its exit status, or minus the signal that ended it."""
    return lambda child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(work: Callable[[], int | None]) -> NoReturn:
    """Do ``work`` and end the process without a word to the test runner it was forked from."""
    code = BROKEN
    try:
        code = work() or 0
    except BaseException:  # noqa: BLE001  # the child has nobody else to tell
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
