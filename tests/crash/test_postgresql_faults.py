"""A PostgreSQL server that is cut off, crashes, is full or in its own way: nothing is lost, doubled or half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests import _postgresql as postgresql
from tests.crash._postgresql_backend import PostgreSQLBackend

from smartify_core.errors import StorageBusy, StorageError, StorageUnavailable
from smartify_core.model import Batch, Claim, Receipt
from smartify_core.storage import Storage

Stage = Any  # the class is in conftest.py, which importlib mode does not let tests import
Play = Callable[[PostgreSQLBackend], Any]

pytestmark = pytest.mark.slow

#: More messages, or statements, than any step needs.
ENOUGH = 1000
#: Steps that between them provision, hand addresses over, hold, approve and end; the others are like one of these.
STEPS = (
    "first load",
    "addresses are handed over in a circle, and re-used",
    "the retention ends",
    "too many are deleted, and held",
    "the plan is approved",
)


def error_of(work: Callable[[], object]) -> StorageError | None:
    """Return the error of a store that something raises; anything else that is raised is a failure."""
    try:
        work()
    except StorageError as error:
        return error
    return None


# --- a connection that breaks


@pytest.fixture(scope="module")
def wire(postgresql_url: str) -> Iterator[postgresql.Wire]:
    """Give a wire to the server that can be cut."""
    with postgresql.wire(postgresql_url) as made:
        yield made


@pytest.fixture(scope="module")
def cut_off(wire: postgresql.Wire, postgresql_url: str, play_over: Play) -> Iterator[Any]:
    """Give the history over a store that is reached through the wire."""
    backend = PostgreSQLBackend(postgresql_url, through=wire.url)
    yield play_over(backend)
    backend.remove()


class Cutter:
    """Cuts a wire at the n-th message of a client, counted from 0: before the server gets it, or before it answers."""

    def __init__(self, wire: postgresql.Wire, number: int, *, after: bool) -> None:
        self._wire = wire
        self._left = number
        self._after = after
        self.has_cut = False
        wire.on_sent = self

    def __call__(self, message: bytes) -> None:
        """Count a message."""
        self._left -= 1
        if self._left == -1:
            self.has_cut = True
            if not self._after:
                raise ConnectionError
            self._wire.deaf = True

    def mend(self) -> None:
        """Let everything through again."""
        self._wire.on_sent = None
        self._wire.deaf = False


@pytest.mark.parametrize("after", [False, True], ids=["not sent", "answer lost"])
@pytest.mark.parametrize("name", [STEPS[0], STEPS[1], STEPS[4]])
def test_connection_is_cut_at_every_message(cut_off: Any, wire: postgresql.Wire, name: str, after: bool) -> None:
    """Whichever message is the last, the act ends well, or as an outage that the next act makes good."""
    stage = cut_off[name]
    for number in range(ENOUGH):
        scene = stage.begin()
        cutter = Cutter(wire, number, after=after)
        error = error_of(lambda scene=scene: stage.perform(scene))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        cutter.mend()
        if not cutter.has_cut:
            assert error is None
            break
        assert error is None or type(error) is StorageUnavailable
        stage.require_order()
        stage.require_recovery(scene)
    assert number > 5
    assert stage.told() == stage.told_after


# --- a server that crashes


@pytest.fixture(scope="module")
def own_server() -> Iterator[postgresql.OwnServer]:
    """Give a server that a test may crash."""
    server = postgresql.OwnServer()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def on_own_server(own_server: postgresql.OwnServer, play_over: Play) -> Any:
    """Return the history over a store on that server."""
    return play_over(PostgreSQLBackend(own_server.url))


class Restarting:
    """A storage whose server crashes, and comes back, just before or just after its n-th commit, counted from 0."""

    def __init__(self, storage: Storage, server: postgresql.OwnServer, number: int, *, after: bool) -> None:
        self._storage = storage
        self._server = server
        self._left = number
        self._after = after
        self.has_crashed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Commit, with a crash on one side of it."""
        self._left -= 1
        if self._left == -1 and not self._after:
            self._crash()
        receipt = self._storage.commit(claim, batch)
        if self._left == -1 and self._after:
            self._crash()
        return receipt

    def _crash(self) -> None:
        self._server.crash()
        self._server.start()
        self.has_crashed = True


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_server_crashes_and_comes_back_at_every_commit(
    on_own_server: Any, own_server: postgresql.OwnServer, name: str, after: bool
) -> None:
    """A run goes on when the server comes back, on the same handle, and ends as if nothing had happened."""
    stage = on_own_server[name]
    for number in range(ENOUGH):
        scene = stage.begin()
        made: list[Restarting] = []

        def through(storage: Storage, number: int = number, made: list[Restarting] = made) -> Any:
            made.append(Restarting(storage, own_server, number, after=after))
            return made[0]

        stage.perform(scene, through=through)
        assert stage.told() == stage.told_after
        stage.backend.require_sound()
        if not made[0].has_crashed:
            break
    assert number >= 1


# --- a server that is in its own way


@pytest.fixture
def failing(postgresql_url: str, on_shared_server: Any) -> Iterator[Callable[..., int]]:
    """Give a function that has writes fail, and says how many there were since.

    Each statement that writes counts one on a sequence, which no rollback undoes; from the number given on, so many of
    them fail.
    """
    schema = on_shared_server["first load"].backend.schema
    beside = postgresql.fresh_name()
    tables = [
        row[0]
        for row in postgresql.run(postgresql_url, f"select tablename from pg_tables where schemaname = '{schema}'")
    ]
    postgresql.run(
        postgresql_url,
        f"create schema {beside}",
        f"create sequence {beside}.counted",
        f"create table {beside}.plan (first bigint, number bigint, code text)",
        f"insert into {beside}.plan values (0, 0, '40001')",
        f"""create function {beside}.fail() returns trigger language plpgsql as $$
            declare at bigint := nextval('{beside}.counted'); told {beside}.plan%rowtype;
            begin
                select * into told from {beside}.plan;
                if at >= told.first and at < told.first + told.number then
                    raise exception 'in its own way' using errcode = told.code;
                end if;
                return null;
            end $$""",
        *(
            f"create trigger fails before insert or update or delete on {schema}.{table}"
            f" for each statement execute function {beside}.fail()"
            for table in tables
            if table != "smartify_schema"
        ),
    )

    def fail(first: int, number: int, code: str) -> int:
        ((counted,),) = postgresql.run(postgresql_url, f"select last_value from {beside}.counted")
        postgresql.run(
            postgresql_url,
            f"update {beside}.plan set first = {first}, number = {number}, code = '{code}'",
            f"alter sequence {beside}.counted restart",
        )
        return int(counted)

    yield fail
    postgresql.run(postgresql_url, f"drop schema {beside} cascade")


@pytest.fixture(scope="module")
def on_shared_server(postgresql_url: str, play_over: Play) -> Iterator[Any]:
    """Give the history over a store that gives up soon."""
    backend = PostgreSQLBackend(postgresql_url)
    yield play_over(backend)
    backend.remove()


@pytest.mark.parametrize("code", ["40001", "40P01"], ids=["serialization", "deadlock"])
@pytest.mark.parametrize("name", STEPS)
def test_transaction_that_is_in_anothers_way_is_done_again(
    on_shared_server: Any, failing: Callable[..., int], name: str, code: str
) -> None:
    """Whichever statement fails because of others, twice in a row, the act ends as if nothing had happened."""
    stage = on_shared_server[name]
    for number in range(1, ENOUGH):
        scene = stage.begin()
        failing(number, 2, code)
        stage.perform(scene)
        written = failing(0, 0, code)
        assert stage.told() == stage.told_after
        if written < number:
            break
    stage.backend.require_sound()
    assert number > 3


@pytest.mark.parametrize("name", STEPS)
def test_transactions_that_never_get_through_are_given_up(
    on_shared_server: Any, failing: Callable[..., int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whichever statement fails for good, the act says that the store is busy, and the next one does the rest."""
    monkeypatch.setattr("smartify_core.storage._postgresql._connections._PAUSE", 0)
    stage = on_shared_server[name]
    for number in range(1, ENOUGH):
        scene = stage.begin()
        failing(number, 10**9, "40001")
        error = error_of(lambda scene=scene: stage.perform(scene))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        failing(0, 0, "40001")
        if error is None:
            break
        assert type(error) is StorageBusy
        stage.require_order()
        stage.require_recovery(scene)
    assert number > 2


# --- a disk that is full


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """Give a folder that is a disk of its own, and small."""
    folder = Path(tempfile.mkdtemp(prefix="smartify-disk-"))
    done = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0777", "tmpfs", folder], capture_output=True, check=False
        )
        if shutil.which("mount") and hasattr(os, "geteuid") and os.geteuid() == 0
        else None
    )
    if done is None or done.returncode:
        pytest.skip("a disk that is full needs the right to mount a small one")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    with suppress(OSError):
        folder.rmdir()


@pytest.fixture(scope="module")
def on_small_disk(small_disk: Path, own_server: postgresql.OwnServer, play_over: Play) -> Any:
    """Return the history over a store whose tables are on the small disk."""
    home = small_disk / "tables"
    home.mkdir()
    owner = own_server.data.stat()
    os.chown(home, owner.st_uid, owner.st_gid)
    postgresql.run(
        own_server.url,
        f"create tablespace small location '{home}'",
        "create database small tablespace small",
    )
    return play_over(PostgreSQLBackend(postgresql.with_parts(own_server.url, dbname="small")))


@pytest.mark.parametrize("name", ["first load"])
def test_full_disk(on_small_disk: Any, small_disk: Path, own_server: postgresql.OwnServer, name: str) -> None:
    """However little room there is, a store that cannot write says so, and does the rest when there is room again."""
    stage = on_small_disk[name]
    filler = small_disk / "filler"
    refused = 0
    for kilobytes in (0, 8, 16, 24, 32, 48, 64, 96, 128, 4096):
        scene = stage.begin()
        # Whatever room the tables have inside themselves is given back first.
        with psycopg.connect(postgresql.with_parts(own_server.url, dbname="small"), autocommit=True) as connection:
            connection.execute("vacuum full")
        fill(filler, small_disk, leaving=kilobytes * 1024)
        error = error_of(lambda scene=scene: stage.perform(scene))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        filler.unlink()
        assert error is None or type(error) is StorageUnavailable, error
        refused += error is not None
        stage.require_order()
        stage.require_recovery(scene)
    assert error is None
    assert refused > 2


def fill(filler: Path, disk: Path, *, leaving: int) -> None:
    """Fill a disk, but for so many bytes."""
    room = shutil.disk_usage(disk).free - leaving
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room)
