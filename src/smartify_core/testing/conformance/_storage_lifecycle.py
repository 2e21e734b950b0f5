"""The clause about the library's own life upon a store: it ends exactly as upon the reference."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from smartify_core.lifecycle import Ceiling, Guards, HeldPlanStatus, Reconciler, Rules, Threshold
from smartify_core.lifecycle.events import Dispatcher, Event, RetryPolicy, Subscription, dead_letters, trim_journal
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity, opened_accounts

from ._storage_world import StorageWorld

_TENANTS: Final = ("acme", "umbrella")


class LifecycleClauses:
    """ST-57."""

    def test_ST57_the_lifecycle_lives_upon_it(self, world: StorageWorld) -> None:
        """Joiners, movers, leavers, a held plan, a returner and two consumers of events end as upon the reference."""
        sealer = Sealer(MemoryKeyRing())
        with _quiet():
            expected = _Life(MemoryStorage(), sealer).live()
            found = _Life(world.handle(), sealer).live()
        for one, other in zip(found, expected, strict=True):
            assert one == other
        # The reference says something, or nothing would have been compared.
        assert len(expected) > 20


class _Life:
    """Two tenants over some days. Each thing that happens is told, and at the end all that can be read."""

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer
        self._clock = ManualClock("2026-05-04")
        self._directories = {tenant: FakeDirectory(clock=self._clock) for tenant in _TENANTS}
        limit = Threshold(Ceiling(3, 0, 3), Ceiling(3, 0, 3))
        guards = Guards(deletions=limit, deactivations=limit)
        self._reconciler = Reconciler(
            self._directories, storage, sealer, rules=Rules(guards=guards), clock=self._clock, batch_size=3
        )
        self._mailed: list[str] = []
        self._dispatcher = Dispatcher(
            storage, "mailer", self._mail, clock=self._clock, retry=RetryPolicy(attempts=2), batch=3
        )
        self._trouble = ""
        self._told: list[object] = []
        self._left: list[list[str]] = []

    def live(self) -> list[object]:
        """Live through everything and return what was told."""
        for tenant, directory in self._directories.items():
            staff = group("staff")
            directory.add_group(staff)
            people = [identity(f"{tenant}-{number}") for number in range(11)]
            directory.add(*people)
            for person in people[::2]:
                directory.add_member(person, staff)
        self._day()
        for directory, tenant in zip(self._directories.values(), _TENANTS, strict=True):
            one, two, three, four, *_ = (person.source_id for person in directory.truth())
            directory.rename(one, family_name="Renamed")
            directory.swap_emails(two, three)
            directory.suspend(four)
            directory.add(identity(f"{tenant}-late"))
        self._trouble = next(self._accounts()).account_id
        self._day()
        for directory in self._directories.values():
            for leaver in self._leavers(directory):
                directory.delete(leaver)
        self._day()
        for tenant in _TENANTS:
            waiting = [one for one in self._reconciler.held_plans(tenant) if one.status is HeldPlanStatus.WAITING]
            for plan in waiting:
                self._say(self._reconciler.approve(tenant, plan.hash, by="olga", reason="it was agreed"))
        self._day()
        for directory, leavers in zip(self._directories.values(), self._left, strict=True):
            for person in directory.truth():
                directory.restore(person)
            directory.undelete(leavers[0])
        self._day()
        self._say(trim_journal(self._storage, "acme", keep_for=timedelta(hours=1), now=self._clock()))
        return [*self._told, *self._mailed, *self._ending()]

    def _leavers(self, directory: FakeDirectory) -> list[str]:
        """Choose who leaves: more at once than the guards let go unasked."""
        self._left.append([person.source_id for person in directory.truth()][4:10])
        return self._left[-1]

    def _day(self) -> None:
        """Let a day pass: every tenant is run, and both consumers take what they get."""
        self._clock.advance(hours=24)
        for tenant in _TENANTS:
            self._say(self._reconciler.run(tenant))
            subscription = Subscription(self._storage, consumer="ledger", tenant=tenant)
            while events := subscription.pull(limit=4):
                self._say([event.to_json() for event in events])
                subscription.acknowledge(events[-1])
            self._say(self._dispatcher.deliver(tenant))

    def _mail(self, event: Event) -> None:
        if event.account_id == self._trouble:
            raise ConnectionError
        self._mailed.append(event.to_json())

    def _accounts(self) -> Iterator[Any]:
        for tenant in _TENANTS:
            yield from opened_accounts(self._storage, self._sealer, tenant)

    def _say(self, what: object) -> None:
        self._told.append(what)

    def _ending(self) -> Iterator[object]:
        """Yield all that can be read at the end."""
        yield from self._accounts()
        for tenant in _TENANTS:
            yield list(self._storage.tombstones(tenant))
            yield [(one.hash, one.status) for one in self._reconciler.held_plans(tenant)]
            yield dead_letters(self._storage, tenant)
            yield [one.content for one in self._storage.entries(tenant)]
            yield self._storage.tenant(tenant)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the lifecycle logs about the trouble that is made on purpose to itself."""
    logger = logging.getLogger("smartify_core.lifecycle")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
