"""The clause about any history of calls: whatever is done, in any order, the answers are those of the reference."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smartify_core.errors import SmartifyError
from smartify_core.model import Batch, Claim
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage

from ._storage_drawing import (
    EMAILS,
    JOURNALS,
    KINDS,
    SOURCE_IDS,
    START,
    appends,
    batches,
    documents,
    due_times,
    journals,
    lengths,
    seconds,
    seldom,
    source_ids,
    writes,
)
from ._storage_world import StorageCapability, StorageWorld

#: The tenants of a history, by number; a third one is written beside, and a fourth only scheduled.
tenants = st.integers(0, 1)


class HistoryClauses:
    """ST-55.

    Attributes:
        histories: How many histories are played, and of how many calls. They are the same at every run; for others give
            ``settings(StorageConformance.histories, derandomize=False)`` with whatever else you like.
    """

    histories: ClassVar[settings] = settings(
        max_examples=60,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def test_ST55_any_history_is_answered_as_by_the_reference(self, world: StorageWorld) -> None:
        """Two handles on the store and `MemoryStorage` answer every history of calls alike, refusals included."""
        handles = [world.handle(), world.handle()]
        numbers = itertools.count()
        run_state_machine_as_test(
            lambda: _History(world, handles, f"{next(numbers):06d}"),  # type: ignore[arg-type]  # a factory will do
            settings=self.histories,
        )


class _History(RuleBasedStateMachine):
    """A history of calls, each made on the reference and on one of two handles. It has tenants of its own.

    A store cannot be emptied between two histories, so each one names its tenants after its number, and leaves none of
    them scheduled.
    """

    def __init__(self, world: StorageWorld, handles: list[Storage], number: str) -> None:
        super().__init__()
        self.world = world
        self.handles = handles
        self.number = number
        self.model = MemoryStorage()
        self.now = START
        self.claims: list[Claim] = []
        self.newest: dict[str, Claim] = {}
        self.batch = Batch()
        self.latest: Claim | None = None

    def tenant(self, number: int) -> str:
        """Return the name of a tenant of this history."""
        return f"{self.number} {'BaZA'[number]}"

    def teardown(self) -> None:
        """Take this history's tenants off the schedule."""
        for storage in (self.model, self.handles[0]):
            storage.schedule({self.tenant(number): None for number in range(4)})

    def both(self, which: int, call: Callable[[Storage], object]) -> Any:  # noqa: ANN401 - whatever a call answers
        """Make a call on the reference and on one handle, and return what both answered or raised."""
        answers: list[object] = []
        for storage in (self.model, self.handles[which]):
            try:
                answers.append(call(storage))
            except SmartifyError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]
        return answers[0]

    def keep(self, claim: object) -> None:
        """Remember a claim that was granted."""
        if isinstance(claim, Claim):
            self.claims.append(claim)
            self.newest[claim.tenant] = claim

    @initialize(tenant=tenants)
    def begin(self, tenant: int) -> None:
        """Begin with a claim, so that short histories write too."""
        self.claim(tenant, timedelta(0), timedelta(seconds=60), which=0)

    @rule(tenant=tenants, later=seconds, ttl=lengths, which=tenants)
    def claim(self, tenant: int, later: timedelta, ttl: timedelta, which: int) -> None:
        """Claim a tenant some time later."""
        self.now += later
        self.keep(self.both(which, lambda storage: storage.claim(self.tenant(tenant), now=self.now, ttl=ttl)))

    @rule(data=st.data(), later=seconds, ttl=lengths, which=tenants)
    def renew(self, data: st.DataObject, later: timedelta, ttl: timedelta, which: int) -> None:
        """Renew some claim, new or old."""
        self.now += later
        claim = data.draw(st.sampled_from(self.claims))
        self.keep(self.both(which, lambda storage: storage.renew(claim, now=self.now, ttl=ttl)))

    @rule(data=st.data(), due_at=due_times, which=tenants)
    def release(self, data: st.DataObject, due_at: datetime | None, which: int) -> None:
        """Release some claim, new or old."""
        claim = data.draw(st.sampled_from(self.claims))
        self.both(which, lambda storage: storage.release(claim, due_at=due_at))
        if claim.fence == self.newest.get(claim.tenant, claim).fence:
            self.newest.pop(claim.tenant, None)

    @rule(tenant=tenants, data=st.data(), which=tenants)
    def commit(self, tenant: int, data: st.DataObject, which: int) -> None:
        """Commit a batch under the newest claim of the tenant, made where there is none."""
        name = self.tenant(tenant)
        if name not in self.newest:
            self.now = max(self.now, START)
            self.claim(tenant, timedelta(seconds=180), timedelta(seconds=60), which)
        if (claim := self.newest.get(name)) is None:  # an earlier worker's lease is longer than that
            return
        self.batch = data.draw(batches(name, self.model, self.now))
        self.latest = claim
        self.both(which, lambda storage: storage.commit(claim, self.batch))

    @precondition(lambda self: self.latest is not None)
    @rule(which=tenants)
    def commit_again(self, which: int) -> None:
        """Repeat a batch, perhaps under a claim that is lost by now."""
        claim = self.latest
        assert claim is not None
        self.both(which, lambda storage: storage.commit(claim, self.batch))

    @rule(data=st.data(), which=tenants, forge=seldom)
    def commit_amiss(self, data: st.DataObject, which: int, forge: bool) -> None:  # noqa: FBT001 - drawn by name
        """Commit under any claim, perhaps tampered with, a batch that may name a source id twice."""
        claim = data.draw(st.sampled_from(self.claims))
        drawn = data.draw(st.lists(writes(claim.tenant, self.model, self.now), max_size=4))
        if forge:
            tenant = self.tenant(data.draw(tenants))
            claim = attrs.evolve(claim, tenant=tenant, fence=data.draw(st.integers(0, 5)))
        self.both(which, lambda storage: storage.commit(claim, Batch(tuple(drawn))))

    @rule(later=seconds, limit=st.integers(0, 3), which=tenants)
    def claim_due(self, later: timedelta, limit: int, which: int) -> None:
        """Claim what is due some time later."""
        self.now += later
        ttl = timedelta(seconds=60)
        taken = self.both(which, lambda storage: list(storage.claim_due(now=self.now, ttl=ttl, limit=limit)))
        for claim in taken if isinstance(taken, list) else []:
            self.keep(claim)

    @rule(due=st.dictionaries(st.sampled_from([0, 1, 3]), due_times), only_new=st.booleans(), which=tenants)
    def schedule(self, due: dict[int, datetime | None], only_new: bool, which: int) -> None:  # noqa: FBT001 - as above
        """Set when tenants are due."""
        named = {self.tenant(number): time for number, time in due.items()}
        self.both(which, lambda storage: storage.schedule(named, only_new=only_new))

    @rule(tenant=tenants, journal=journals, through=st.integers(-1, 12), which=tenants)
    def trim(self, tenant: int, journal: str, through: int, which: int) -> None:
        """Trim a journal."""
        self.both(which, lambda storage: storage.trim(self.tenant(tenant), journal=journal, through=through))

    @rule(data=st.data(), which=tenants)
    def erase_tenant(self, data: st.DataObject, which: int) -> None:
        """Erase a tenant under some claim, mostly its newest."""
        claim = data.draw(st.sampled_from([*self.claims, *self.newest.values()]))
        self.both(which, lambda storage: storage.erase_tenant(claim))
        if claim == self.newest.get(claim.tenant):
            del self.newest[claim.tenant]

    @rule(tenant=st.integers(0, 2), data=st.data(), which=tenants)
    def record(self, tenant: int, data: st.DataObject, which: int) -> None:
        """Write documents and add to journals outside a batch."""
        name = self.tenant(tenant)
        drawn = data.draw(st.lists(documents(name, self.model), min_size=1, max_size=2))
        appended = data.draw(st.lists(appends(name, self.model), max_size=2))
        self.both(which, lambda storage: storage.record(name, documents=drawn, appends=appended))

    @rule(
        tenant=tenants,
        after=st.none() | source_ids,
        position=st.integers(-1, 12),
        limit=st.integers(0, 4),
        which=tenants,
    )
    def page(self, tenant: int, after: str | None, position: int, limit: int, which: int) -> None:
        """Read a page of everything that comes in pages."""
        name = self.tenant(tenant)
        place = None if after is None else ("note", after)
        reads: list[Callable[[Storage], object]] = [
            lambda storage: storage.heads(name, after=after, limit=limit),
            lambda storage: list(storage.tombstones(name, after=after, limit=limit)),
            lambda storage: list(storage.tenants(after=f"{self.number} {after or ''}", limit=limit)),
            lambda storage: list(storage.documents(name, "note", after=place, limit=limit)),
            lambda storage: list(storage.documents(name, after=place, limit=limit)),
            lambda storage: list(storage.entries(name, after=position, limit=limit)),
            lambda storage: list(storage.entries(name, journal="trail", after=position, limit=limit)),
        ]
        for read in reads:
            self.both(which, read)

    @precondition(lambda self: StorageCapability.DURABLE in self.world.capabilities)
    @rule(which=tenants)
    def reopen(self, which: int) -> None:
        """Close one handle and open the store anew."""
        self.handles[which].close()
        self.handles[which] = self.world.handle()

    @invariant()
    def both_tell_the_same(self) -> None:
        """Everything that can be read is the same through every handle."""
        for which in (0, 1):
            self.both(which, self._everything)

    def _everything(self, storage: Storage) -> list[object]:
        """Return all that the port tells of this history's tenants, in the order in which it tells it."""
        # No tenant of a later history is there yet, so these are this one's.
        found: list[object] = [list(storage.tenants(after=f"{self.number} ", limit=4))]
        for number in range(3):
            name = self.tenant(number)
            found += [
                storage.tenant(name),
                [list(storage.entries(name, journal=journal)) for journal in JOURNALS],
                [list(storage.documents(name, kind)) for kind in (*KINDS, None)],
                storage.document(name, "note", "a"),
                storage.heads(name),
                dict(storage.load(name, SOURCE_IDS)),
                list(storage.find_by_email(name, EMAILS)),
                list(storage.tombstones(name)),
                dict(storage.tombstones_of(name, SOURCE_IDS)),
            ]
        return found
