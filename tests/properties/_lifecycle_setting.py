"""A directory that changes and fails at random, and a store whose host dies: what the lifecycle's machine is set in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from smartify_core.errors import SourceUnavailable
from smartify_core.model import Batch, Claim, Group, Put, Receipt, SealedAccount
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity

TENANT = "acme"
PEOPLE = tuple(identity(f"person-{number}") for number in range(6))
GROUPS = tuple(group(f"group-{number}") for number in range(3))
#: Fewer addresses than people would like: hand-overs, swaps and re-use are the rule here.
ADDRESSES = tuple(f"desk-{number}@acme.example" for number in range(8))
#: Somebody who never leaves, so that the guard against an empty directory is a test of its own.
CARETAKER = identity("caretaker")

#: Chooses among whoever is there: taken modulo their number, so that every step hits somebody.
picks = st.integers(0, 59)
groups = st.sampled_from(GROUPS)


class Died(BaseException):
    """The host is gone; no handler of the library's runs."""


class Witness(MemoryStorage):
    """A store that notes what is committed, checks it at once, and whose host dies at a chosen commit if told to."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: list[tuple[str, int]] = []
        self.countdown: int | None = None
        self.after = False
        self._dead = False

    def revive(self) -> None:
        """Let the host start again."""
        self._dead, self.countdown = False, None

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Commit, unless the host dies now."""
        if self.countdown is None:
            return self._noted(claim, batch)
        self.countdown -= 1
        if self.countdown >= 0:
            return self._noted(claim, batch)
        if self.after:
            self._noted(claim, batch)
        self.countdown, self._dead = None, True
        raise Died

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back; a host that is gone cannot."""
        if self._dead:
            raise Died
        super().release(claim, due_at=due_at)

    def live(self) -> Mapping[str, SealedAccount]:
        """Return every live account, by source id."""
        return self.load(TENANT, [head.source_id for head in self.heads(TENANT)])

    def _noted(self, claim: Claim, batch: Batch) -> Receipt:
        receipt = super().commit(claim, batch)
        for write in batch.writes:
            item = write.account if isinstance(write, Put) else write.tombstone
            self.committed.append((item.account_id, write.expected_version + 1))
        addresses = Counter(account.email_index for account in self.live().values())
        assert not addresses or max(addresses.values()) == 1, "two accounts have one address"
        return receipt


class DirectoryMachine(RuleBasedStateMachine):
    """A directory that changes and fails at random."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.directory = FakeDirectory(clock=self.clock)
        self.storage = Witness()
        self.living: set[str] = set()
        self.deleted: set[str] = set()
        self.ever_deleted: set[str] = set()
        self.address: dict[str, str] = {}

    @property
    def faulty(self) -> bool:
        """Return whether something is to go wrong at the next read or commit."""
        return bool(self.directory._plan._coming) or self.storage.countdown is not None

    # --- what happens in the directory

    @precondition(lambda self: self._strangers())
    @rule(pick=picks, place=picks)
    def join(self, pick: int, place: int) -> None:
        """Somebody who has never been there joins, under an address that nobody living has."""
        self._admit(pick_from(self._strangers(), pick), pick_from(self._free(), place))

    @precondition(lambda self: self.living)
    @rule(pick=picks, place=picks)
    def rename(self, pick: int, place: int) -> None:
        """Somebody moves to a free address."""
        who, address = pick_from(self.living, pick), pick_from(self._free(), place)
        self.directory.rename(who, email=address)
        self.address[who] = address

    @precondition(lambda self: len(self.living) > 1)
    @rule(pick=picks)
    def swap(self, pick: int) -> None:
        """Two people exchange addresses."""
        self._swap(pick_from(self.living, pick), pick_from(self.living, pick + 1))

    @precondition(lambda self: self.living)
    @rule(pick=picks, step=st.sampled_from(["suspend", "archive", "restore"]))
    def change_state(self, pick: int, step: str) -> None:
        """Somebody is suspended, archived or neither."""
        getattr(self.directory, step)(pick_from(self.living, pick))

    @precondition(lambda self: self.living)
    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        """Somebody is deleted."""
        who = pick_from(self.living, pick)
        self.directory.delete(who)
        self.living.remove(who)
        self.deleted.add(who)
        self.ever_deleted.add(who)

    @precondition(lambda self: self.deleted)
    @rule(pick=picks)
    def come_back(self, pick: int) -> None:
        """Somebody who was deleted is undeleted, unless their address is somebody else's by now."""
        who = pick_from(self.deleted, pick)
        if self.address[who] in self._free():
            self.directory.undelete(who)
            self.deleted.remove(who)
            self.living.add(who)

    @precondition(lambda self: self.living)
    @rule(pick=picks, into=groups, joins=st.booleans())
    def change_group(self, pick: int, into: Group, joins: bool) -> None:
        """Somebody joins or leaves a group."""
        who = pick_from(self.living, pick)
        if joins:
            self.directory.add_member(who, into)
        elif into in {membership.group for membership in self.directory.current(who).memberships}:
            self.directory.remove_member(who, into)

    # --- what goes wrong

    @rule(listing=st.sampled_from(["users", "members"]))
    def cut_short(self, listing: Literal["users", "members"]) -> None:
        """The next read is cut short."""
        self.directory.truncate_next(listing)

    @rule()
    def fall_silent(self) -> None:
        """The next read fails."""
        self.directory.fail_next(SourceUnavailable("no answer"))

    @precondition(lambda self: self.living)
    @rule(pick=picks, how=st.sampled_from(["miss_next", "reject_next"]))
    def stumble(self, pick: int, how: str) -> None:
        """The next read stumbles over one person."""
        getattr(self.directory, how)(pick_from(self.living, pick))

    @precondition(lambda self: self.deleted)
    @rule(pick=picks)
    def doubt(self, pick: int) -> None:
        """The next read will not say whether somebody is gone."""
        self.directory.uncertain_next(pick_from(self.deleted, pick))

    @precondition(lambda self: len(self.living) > 1)
    @rule(pick=picks)
    def tear(self, pick: int) -> None:
        """The next listing misses somebody, who exchanges addresses with somebody else before they are asked for."""
        one, other = pick_from(self.living, pick), pick_from(self.living, pick + 1)
        self.directory.miss_next(one)
        self.directory.after_next_listing(lambda: self._swap(one, other))

    @rule(commits=st.integers(0, 3), after=st.booleans())
    def will_die(self, commits: int, after: bool) -> None:
        """The host will die at one of its next commits."""
        self.storage.countdown, self.storage.after = commits, after

    @rule(hours=st.sampled_from([1, 5, 30]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.clock.advance(hours=hours)

    def _swap(self, one: str, other: str) -> None:
        if {one, other} <= self.living:
            self.directory.swap_emails(one, other)
            self.address[one], self.address[other] = self.address[other], self.address[one]

    def _admit(self, who: str, address: str) -> None:
        self.directory.add(identity(f"person-{who}", source_id=who, email=address))
        self.living.add(who)
        self.address[who] = address

    def _strangers(self) -> list[str]:
        return [person.source_id for person in PEOPLE if person.source_id not in self.living | self.deleted]

    def _free(self) -> list[str]:
        taken = {self.address[who] for who in self.living}
        return [address for address in ADDRESSES if address not in taken]


def pick_from(among: Collection[str], number: int) -> str:
    """Return one of the names: the n-th, counted round and round."""
    return sorted(among)[number % len(among)]
