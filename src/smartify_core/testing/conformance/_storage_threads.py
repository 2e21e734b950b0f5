"""Clauses about several at once: threads on one handle and on several."""

from __future__ import annotations

import itertools
import threading
from typing import Final

from smartify_core.errors import LeaseHeld
from smartify_core.model import Batch, Claim
from smartify_core.storage import Storage

from ._storage_calls import CALLS, call_and_look, prepare, told
from ._storage_together import workers
from ._storage_values import HOUR, NOON, account, claim, digest, in_threads, put
from ._storage_world import StorageWorld

#: How often each call is looked at while it is made.
_TURNS: Final = 2


class ThreadClauses:
    """ST-26, ST-27 and ST-33."""

    def test_ST26_one_of_many_claims_at_once_is_granted(self, world: StorageWorld) -> None:
        """Of threads that claim a tenant at the same time, through one handle or several, exactly one gets it."""
        shared = world.handle()
        for handles in ([shared] * 8, [shared, *(world.handle() for _ in range(3))] * 2):
            taken: list[Claim] = []

            def work(place: int, handles: list[Storage] = handles, taken: list[Claim] = taken) -> None:
                taken.append(claim(handles[place]))

            raised = in_threads(8, work)
            assert len(taken) == 1
            assert [type(error) for error in raised] == [LeaseHeld] * 7
            shared.release(taken[0])

    def test_ST27_readers_see_whole_commits(self, world: StorageWorld) -> None:
        """While a writer has two accounts change together and swap addresses, each call answers as of one moment."""
        addresses = digest("email", "a"), digest("email", "b")

        def both(version: int) -> Batch:
            one, other = addresses if version % 2 else reversed(addresses)
            return put(account("a", version, email_index=one), account("b", version, email_index=other))

        readers = [storage := world.handle(), storage, world.handle()]
        taken = claim(storage)
        storage.commit(taken, both(1))
        enough = [threading.Event() for _ in readers[1:]]

        def work(place: int) -> None:
            if place == 0:
                for version in itertools.count(2):
                    storage.commit(taken, both(version))
                    if all(event.is_set() for event in enough):
                        return
            reader = readers[place]
            try:
                for _ in range(20):
                    assert len({head.version for head in reader.heads("acme")}) == 1
                    assert len({one.version for one in reader.load("acme", ["a", "b"]).values()}) == 1
                    assert len({one.version for one in reader.find_by_email("acme", addresses)}) == 1
                    assert [one.email_index for one in reader.find_by_email("acme", addresses[:1])] == [addresses[0]]
            finally:
                enough[place - 1].set()

        assert in_threads(len(readers), work) == []
        with workers(world) as ways:
            for way, together in ways.items():
                for turn, what in itertools.product(range(_TURNS), CALLS):
                    name = f"{way} {what} {turn}"
                    mine = prepare(storage, name)
                    for odd in together(call_and_look, (what, name), mine, told(storage, name)):
                        assert odd == [], name

    def test_ST33_no_tenant_goes_to_two_workers(self, world: StorageWorld) -> None:
        """Workers who ask at once get each due tenant once between them, and none that is due later by then."""
        shared = world.handle()
        names = {f"t{number:02d}" for number in range(24)}
        for handles in ([shared] * 4, [shared, *(world.handle() for _ in range(3))]):
            shared.schedule(dict.fromkeys(names, NOON))
            taken: list[Claim] = []

            def work(place: int, handles: list[Storage] = handles, taken: list[Claim] = taken) -> None:
                while some := handles[place].claim_due(now=NOON, ttl=HOUR, limit=5):
                    taken.extend(some)

            assert in_threads(4, work) == []
            assert sorted(one.tenant for one in taken) == sorted(names)
            for one in taken:
                shared.release(one)
            taken.clear()

            def work_on(place: int, handles: list[Storage] = handles, taken: list[Claim] = taken) -> None:
                while some := handles[place].claim_due(now=NOON, ttl=HOUR, limit=5):
                    for one in some:
                        taken.append(one)
                        handles[place].release(one, due_at=NOON + HOUR)

            assert in_threads(4, work_on) == []
            assert sorted(one.tenant for one in taken) == sorted(names)
