"""The law of legal holds: under one nothing of a person goes, whatever happens; after it everything does."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smartify_core.errors import HoldInvalid, UnderLegalHold, UnknownHold
from smartify_core.lifecycle import Reconciler, Rules
from smartify_core.model import SUBJECT_KEY, SealedAccount
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import LegalHolds, Shredder
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

TENANT = "acme"
#: Few enough that no guard holds what is asked for here.
PEOPLE = ("ada", "bob", "carl")
people = st.sampled_from(PEOPLE)


class Holds(RuleBasedStateMachine):
    """People come and go, are held and released, and runs, refreshes and receipts happen in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.storage, self.sealer = MemoryStorage(), Sealer(MemoryKeyRing())
        self.clock, self.directory = ManualClock(), FakeDirectory()
        self.trail = Trail(self.storage, clock=self.clock)
        self.holds = LegalHolds(self.storage, self.sealer, self.trail)
        self.shredder = Shredder(self.storage, self.sealer, self.trail)
        self.keys = SubjectKeys(self.storage, self.sealer)
        #: What was held of each person when the hold was placed, and its end; by source id, or ``None`` for everybody.
        self.held: dict[str | None, datetime | None] = {}
        #: What was sealed under the key of each account.
        self.sealed: dict[str, bytes] = {}
        #: The accounts that were there under a hold at the latest look.
        self.kept: dict[str, SealedAccount] = {}

    @initialize(retain=st.sampled_from([0, 2]))
    def furnish(self, retain: int) -> None:
        """Begin with everybody there, who has a key."""
        self.host_rules = Rules(retain_for=timedelta(days=retain))
        self.directory.add(identity("colleague"), *(identity(name, source_id=name) for name in PEOPLE))
        self.reconciler.run(TENANT)

    @property
    def reconciler(self) -> Reconciler:
        """Return a worker that has just started."""
        sources = {TENANT: self.directory}
        return Reconciler(sources, self.storage, self.sealer, rules=self.host_rules, clock=self.clock, batch_size=1)

    def _live(self) -> dict[str, SealedAccount]:
        return dict(self.storage.load(TENANT, PEOPLE))

    def _is_held(self, name: str) -> bool:
        now = self.clock()
        return any(who in self.held and ((until := self.held[who]) is None or now < until) for who in (name, None))

    @rule(name=people)
    def leave(self, name: str) -> None:
        """Somebody is deleted in the directory, or comes back."""
        if name in {person.source_id for person in self.directory.truth()}:
            self.directory.delete(name)
        else:
            self.directory.undelete(name)

    @rule()
    def run(self) -> None:
        """A worker runs."""
        self.reconciler.run(TENANT)

    @rule(name=people)
    def refresh(self, name: str) -> None:
        """Somebody signs in."""
        self.reconciler.refresh(TENANT, name)

    @rule(hours=st.sampled_from([1, 30, 100]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.clock.advance(hours=hours)

    @rule(name=people)
    def look(self, name: str) -> None:
        """Somebody looks at a name, and the reason is sealed under the person's key."""
        account = self._live().get(name)
        if account is not None:
            self.sealed[account.account_id] = self.keys.seal(TENANT, name, account.account_id, "reason", b"why")

    @rule(name=st.one_of(st.none(), people), days=st.sampled_from([None, 2]))
    def hold(self, name: str | None, days: int | None) -> None:
        """A hold is placed on a person or on everybody."""
        until = None if days is None else self.clock() + timedelta(days=days)
        live = self._live()
        try:
            self.holds.place(TENANT, name, by="counsel", reason="a lawsuit", until=until)
        except HoldInvalid:
            assert name is not None
            assert name not in live
        else:
            self.held[name] = until

    @rule(name=st.one_of(st.none(), people))
    def release(self, name: str | None) -> None:
        """A hold is released."""
        try:
            self.holds.release(TENANT, name, by="counsel", reason="settled")
        except UnknownHold:
            assert not (name in self.held and (name is None or self._is_held(name)))
        self.held.pop(name, None)

    @rule()
    def settle(self) -> None:
        """Receipts are written."""
        self.shredder.settle(TENANT)

    @precondition(lambda self: any(self._is_held(name) for name in self._live()))
    @rule()
    def off_board(self) -> None:
        """Somebody tries to off-board the tenant under a hold."""
        try:
            self.shredder.off_board(TENANT, by="olga", reason="the contract ended")
        except UnderLegalHold:
            return
        raise AssertionError

    @invariant()
    def nothing_of_whoever_is_held_goes(self) -> None:
        """Who is held has key, indexes and payload, and what was sealed for them opens."""
        live = self._live()
        for name, account in self.kept.items():
            if self._is_held(name):
                assert name in live
                assert live[name].account_id == account.account_id
        for account in live.values():
            assert account.payload
            assert account.wrapped_key
            assert self.sealer.open(account).email
            if account.account_id in self.sealed:
                assert self.keys.open(TENANT, account.account_id, "reason", self.sealed[account.account_id]) == b"why"
        self.kept = {name: account for name, account in live.items() if self._is_held(name)}

    def teardown(self) -> None:
        """After every hold everything goes whose person is gone, and each ending has one receipt."""
        for name in list(self.held):
            self.release(name)
        for _ in range(3):
            self.clock.advance(days=3)
            self.reconciler.run(TENANT)
        self.shredder.settle(TENANT)
        there = {person.source_id for person in self.directory.truth()} & set(PEOPLE)
        live = self._live()
        assert set(live) == there
        keys = {document.key for document in self.storage.documents(TENANT, SUBJECT_KEY)}
        assert keys <= {account.account_id for account in live.values()}
        receipts = [one.record.subjects[0] for one in self.trail.entries() if one.record.kind == "account.shredded"]
        assert sorted(receipts) == [stone.account_id for stone in self.storage.tombstones(TENANT)]


TestHolds = Holds.TestCase
TestHolds.settings = settings(parent=settings(), max_examples=60, stateful_step_count=25)
