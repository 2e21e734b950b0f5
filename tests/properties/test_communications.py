"""Keeping, waiting, wishing, deleting and sweeping in any order, against a list."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.policy.vendors._host import ADA, BOB, Host
from tests.unit.policy.vendors._making import DAY

from smartify_core.errors import OptedOut, Shredded
from smartify_core.policy import PersonalField, Purpose
from smartify_core.policy.communications import CommunicationRules, Communications, Swept
from smartify_core.storage.memory import MemoryStorage

PEOPLE = {"ada": ADA, "bob": BOB}
WHO = st.sampled_from(sorted(PEOPLE))


class Keeper(RuleBasedStateMachine):
    """A desk beside a list of who said what, and until when it is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.host = Host(MemoryStorage())
        self.host.grant(purpose=Purpose.CUSTOMER_CARE, fields=[PersonalField.COMMUNICATION], lasts=29 * DAY)
        self.ids = {name: self.host.account(person.source_id) for name, person in PEOPLE.items()}
        self.there, self.silent = set(PEOPLE), set[str]()
        self.held: list[tuple[str, str, datetime]] = []
        self.count = 0
        self.days = 0

    def now(self) -> datetime:
        """Return the instant that counts: the clock's, and never before one that is on record."""
        return max(self.host.clock(), self.host.policy.trail.head().at)

    def desk(self, days: int = 1) -> Communications:
        """Return communications that are kept for so many days."""
        kept = CommunicationRules(keep=True, retention=timedelta(days=days))
        policy = self.host.policy
        return Communications(self.host.storage, self.host.sealer, policy.trail, policy.gate, rules=kept)

    @rule(name=WHO, days=st.integers(1, 6))
    def keep(self, name: str, days: int) -> None:
        """Keep what somebody said, if they are there and want it."""
        self.count += 1
        text, until, by = f"text {self.count}", self.now() + days * DAY, {"about": "issue-7", "by": "e-1"}
        try:
            self.desk(days).keep("acme", PEOPLE[name].source_id, self.ids[name], channel="chat", text=text, **by)
        except OptedOut:
            assert name in self.silent
        except Shredded:
            assert name not in self.there
        else:
            assert name in self.there - self.silent
            self.held.append((name, text, until))

    @precondition(lambda self: self.days < 20)
    @rule(days=st.sampled_from([0, 1, 2]), microseconds=st.sampled_from([-1, 0, 1]))
    def wait(self, days: int, microseconds: int) -> None:
        """Let time pass, or a moment of it run back."""
        self.days += days
        self.host.clock.advance(timedelta(days=days, microseconds=microseconds))

    @rule(name=WHO)
    def opt_out(self, name: str) -> None:
        """Want nothing more to be kept."""
        there = sum(1 for whose, _, _ in self.held if whose == name)
        source_id = PEOPLE[name].source_id
        assert self.desk().opt_out("acme", by="e-2", source_id=source_id, account_id=self.ids[name]) == there
        self.silent.add(name)

    @rule(name=WHO)
    def opt_in(self, name: str) -> None:
        """Take that back."""
        self.desk().opt_in("acme", by="e-2", account_id=self.ids[name])
        self.silent.discard(name)

    @precondition(lambda self: "bob" in self.there)
    @rule()
    def delete(self) -> None:
        """Delete one of two in the directory, and bring the accounts in step."""
        self.host.directory.delete(BOB)
        self.host.sync()
        self.there.discard("bob")

    @rule()
    def sweep(self) -> None:
        """Remove what is over and what nobody is left for."""
        now = self.now()
        ended = [one for one in self.held if one[0] in self.there and one[2] <= now]
        gone = [one for one in self.held if one[0] not in self.there]
        wishes = self.silent - self.there
        assert self.desk().sweep("acme") == Swept(len(ended), len(gone) + len(wishes))
        self.held = [one for one in self.held if one not in ended and one not in gone]
        self.silent &= self.there

    @invariant()
    def read(self) -> None:
        """What can be read is what the list says: of who is there, and not at its end or later."""
        for name in sorted(self.there):
            found = self.desk().read("e-1", tenant="acme", source_id=PEOPLE[name].source_id, reason="issue")
            now = self.now()
            assert [one.text for one in found] == [
                text for whose, text, until in self.held if whose == name and until > now
            ]


TestKeeper = Keeper.TestCase
TestKeeper.settings = settings(max_examples=25, stateful_step_count=15)
