"""Clauses about several at once: threads on one handle and on several."""

from __future__ import annotations

import itertools
import threading

from smartify_core.errors import LeaseHeld
from smartify_core.model import Claim
from smartify_core.storage import Storage

from ._storage_values import HOUR, NOON, account, claim, digest, in_threads, put
from ._storage_world import StorageWorld


class ThreadClauses:
    """ST-26 to ST-33."""

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
        """While a writer replaces two accounts together, no single call returns one old and one new."""
        readers = [storage := world.handle(), storage, world.handle()]
        taken = claim(storage)
        storage.commit(taken, put(account("a"), account("b")))
        enough = [threading.Event() for _ in readers[1:]]

        def work(place: int) -> None:
            if place == 0:
                for version in itertools.count(2):
                    storage.commit(taken, put(account("a", version), account("b", version)))
                    if all(event.is_set() for event in enough):
                        return
            reader = readers[place]
            try:
                for _ in range(20):
                    assert len({head.version for head in reader.heads("acme")}) == 1
                    assert len({one.version for one in reader.load("acme", ["a", "b"]).values()}) == 1
                    both = reader.find_by_email("acme", [digest("email", "a"), digest("email", "b")])
                    assert len({one.version for one in both}) == 1
            finally:
                enough[place - 1].set()

        assert in_threads(len(readers), work) == []

    def test_ST33_no_tenant_goes_to_two_workers(self, world: StorageWorld) -> None:
        """Workers who ask at once, through one handle or several, get each due tenant once between them."""
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
