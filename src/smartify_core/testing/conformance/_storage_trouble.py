"""Clauses about trouble: a store that a newer version has written, and one that cannot be reached for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import pytest

from smartify_core.errors import NewerSchema, SmartifyError, StorageUnavailable
from smartify_core.model import Batch, Claim
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_entry, every_head_page

from ._storage_values import HOUR, NOON, account, append, claim, digest, note, put, write
from ._storage_world import StorageCapability, StorageWorld

#: So many commits that an outage comes in between.
_TOO_MANY: Final = 1_000_000


class TroubleClauses:
    """ST-53 and ST-56."""

    def test_ST53_a_newer_store_is_left_alone(self, world: StorageWorld) -> None:
        """It is not opened, a handle that was open before writes nothing more, and what was there stays."""
        world.require(StorageCapability.VERSIONED)
        storage = world.handle()
        storage.schedule({"acme": NOON, "due": NOON})
        taken = claim(storage)
        there = Batch(put(account()).writes, (b"e",), (note(b"d"),), "b", (append(b"t"),))
        storage.commit(taken, there)
        before = _told(storage)
        world.pretend_newer()
        for _ in range(2):
            with pytest.raises(NewerSchema):
                world.handle()
        calls: list[Callable[[], object]] = [
            lambda: storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR),
            lambda: claim(storage, "new"),
            lambda: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
            lambda: storage.renew(taken, now=NOON, ttl=2 * HOUR),
            lambda: storage.schedule({"acme": NOON + HOUR}),
            lambda: storage.commit(taken, put(account("s2"))),
            lambda: storage.commit(taken, Batch(entries=(b"f",))),
            lambda: write(storage, note(b"x", 1)),
            lambda: storage.record("acme", appends=[append(b"u")]),
            lambda: storage.trim("acme", through=1),
            lambda: storage.trim("acme", journal="trail", through=1),
            lambda: storage.erase_tenant(taken),
            lambda: storage.release(taken, due_at=NOON + HOUR),
        ]
        for call in calls:
            with pytest.raises(NewerSchema):
                call()
        # It may go on reading, or refuse that too; what it reads is what was there.
        for read, expected in zip(_READS, before, strict=True):
            try:
                found = read(storage)
            except NewerSchema:
                continue
            assert found == expected

    def test_ST56_an_outage_passes(self, world: StorageWorld) -> None:
        """While it lasts every call says so in our own words; then the same handle goes on, and nothing is lost."""
        world.require(StorageCapability.INTERRUPTIBLE)
        storage = world.handle()
        storage.schedule({"acme": NOON})
        taken = claim(storage)
        storage.commit(taken, put(account("s0")))
        before = _told(storage)
        world.interrupt()
        for call in _calls(storage, taken):
            with pytest.raises(StorageUnavailable) as caught:
                call()
            shown = caught.value.__cause__ or (None if caught.value.__suppress_context__ else caught.value.__context__)
            assert shown is None or isinstance(shown, SmartifyError)
        with pytest.raises(StorageUnavailable):
            world.handle().tenant("acme")
        world.resume()
        assert _told(storage) == before
        for number in range(1, 4):
            self._interrupted_at_work(world, storage, taken, number)
        assert storage.renew(taken, now=NOON, ttl=2 * HOUR).fence == taken.fence

    def _interrupted_at_work(self, world: StorageWorld, storage: Storage, taken: Claim, turn: int) -> None:
        """Interrupt a worker who commits without a pause: what was acknowledged is there, and all of it whole."""
        begun = threading.Event()
        acknowledged: list[int] = []

        def batch(number: int) -> Batch:
            name = f"{turn} {number}"
            return Batch(put(account(name)).writes, (name.encode(),), id=name)

        def work() -> None:
            for number in range(_TOO_MANY):
                acknowledged.append(storage.commit(taken, batch(number)).revision)
                if len(acknowledged) == 5:
                    begun.set()

        raised: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - looked at below
                raised.append(error)
            finally:
                begun.set()

        worker = threading.Thread(target=run)
        worker.start()
        begun.wait()
        world.interrupt()
        worker.join()
        assert [type(error) for error in raised if not isinstance(error, StorageUnavailable)] == []
        assert len(raised) == 1
        world.resume()
        number = len(acknowledged)
        # The one whose answer was lost may be repeated under its id.
        assert storage.commit(taken, batch(number)).revision == acknowledged[-1] + 1
        record = storage.tenant("acme")
        mine = [one.content for one in every_entry(storage, "acme") if one.content.startswith(b"%d " % turn)]
        assert mine == [b"%d %d" % (turn, one) for one in range(number + 1)]
        live = {source_id for page in every_head_page(storage, "acme") for source_id in page.source_ids}
        assert live >= {f"{turn} {one}" for one in range(number + 1)}
        assert record.accounts == record.position + 1


#: Every way of reading, in pieces that can be told apart.
_READS: Final[Sequence[Callable[[Storage], object]]] = (
    lambda storage: storage.tenant("acme"),
    lambda storage: list(storage.tenants()),
    lambda storage: list(storage.heads("acme")),
    lambda storage: dict(storage.load("acme", ["s0", "s1"])),
    lambda storage: list(storage.find_by_email("acme", [digest("email", "s0"), digest("email", "s1")])),
    lambda storage: list(storage.tombstones("acme")),
    lambda storage: dict(storage.tombstones_of("acme", ["s0"])),
    lambda storage: list(storage.entries("acme")),
    lambda storage: list(storage.entries("acme", journal="trail")),
    lambda storage: storage.document("acme", "note", "n"),
    lambda storage: list(storage.documents("acme")),
)


def _told(storage: Storage) -> list[object]:
    """Return what every way of reading tells."""
    return [read(storage) for read in _READS]


def _calls(storage: Storage, taken: Claim) -> list[Callable[[], object]]:
    """Return every call that needs the store."""
    return [
        *(partial(read, storage) for read in _READS),
        lambda: claim(storage, "new"),
        lambda: storage.claim_due(now=NOON + 2 * HOUR, ttl=HOUR, limit=1),
        lambda: storage.renew(taken, now=NOON, ttl=2 * HOUR),
        lambda: storage.release(taken),
        lambda: storage.schedule({"acme": NOON + HOUR}),
        lambda: storage.commit(taken, put(account("s1"))),
        lambda: write(storage, note(b"x")),
        lambda: storage.trim("acme", through=1),
        lambda: storage.erase_tenant(taken),
    ]
