"""A plan on its way to the store: batch by batch, in order, everything once."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from smartify_core.lifecycle import Memory, Plan, Reconciler, _reconciler
from smartify_core.lifecycle._addresses import Settled
from smartify_core.lifecycle._draft import Draft
from smartify_core.lifecycle._newcomers import Newcomers
from smartify_core.lifecycle._sorting import _choice, is_frugal
from smartify_core.lifecycle._steps import Steps
from smartify_core.sealing import Sealer
from smartify_core.testing import identity


@pytest.fixture
def world(world: Any) -> Any:
    """Return a tenant of six, of whom two swap addresses, one leaves, one is renamed, and two people join."""
    one, other, leaver, renamed, *_ = world.staffed(6)
    world.directory.swap_emails(one, other)
    world.directory.delete(leaver)
    world.directory.rename(renamed, family_name="Otherwise")
    world.directory.add(identity("joiner"), identity("newcomer"))
    return world


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_batches_hold_every_change_once_and_in_order(world: Any, size: int) -> None:
    """Those that hand addresses over stand together in the first; no other batch has more than was asked for."""
    plan: Plan = world.plan()
    batches = list(Draft.of(plan).batches(size))
    assert plan.indivisible == 2
    assert [change for some in batches for change in some] == list(plan.changes)
    assert len(batches[0]) == 2
    assert all(0 < len(some) <= size for some in batches[1:])


def test_a_batch_is_sealed_when_its_turn_comes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run seals the people of a batch after the batch before it was written, and nobody twice."""
    happened: list[str] = []
    seal, commit = Sealer.seal, type(world.storage).commit

    def sealing(self: Sealer, *values: Any, **named: Any) -> Any:
        happened.append("seal")
        return seal(self, *values, **named)

    def committing(self: Any, claim: Any, batch: Any) -> Any:
        if batch.writes:
            happened.append("write")
        return commit(self, claim, batch)

    monkeypatch.setattr(Sealer, "seal", sealing)
    monkeypatch.setattr(type(world.storage), "commit", committing)
    world.worker(batch_size=1).run("acme")
    assert happened == [*("seal", "seal", "write"), "write", *("seal", "write") * 3]  # the second one erases


def test_what_was_taken_is_let_go_of(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that was made into a change is held no longer, so that a long run needs less and less."""
    left: list[int] = []
    take = Steps.take

    def taking(self: Steps, number: int) -> Any:
        changes = take(self, number)
        left.append(len(self._left))
        return changes

    monkeypatch.setattr(Steps, "take", taking)
    world.worker(batch_size=2).run("acme")
    assert left == [4, 2, 0, 0]


def test_a_newcomer_who_was_written_is_let_go_of(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the steps that are left holds a newcomer: their packed form is gone once they are written."""
    world.worker().run("acme")
    world.directory.add(*(identity(f"wave-{number}") for number in range(4)))
    alive: list[int] = []
    commit = type(world.storage).commit

    def committing(self: Any, claim: Any, batch: Any) -> Any:
        if batch.writes:
            gc.collect()
            alive.append(sum(type(one) is Newcomers for one in gc.get_objects()))
        return commit(self, claim, batch)

    monkeypatch.setattr(type(world.storage), "commit", committing)
    world.worker(batch_size=2).run("acme")
    assert alive == [0, 0]


def test_a_draft_is_used_once(world: Any) -> None:
    """What was taken from a draft is gone: a second use says so instead of doing nothing."""
    plan: Plan = world.plan()
    draft = Draft.of(plan)
    assert draft.sealed() == plan
    with pytest.raises(RuntimeError, match="used before"):
        draft.sealed()


def test_no_value_of_a_newcomer_shows_in_a_repr() -> None:
    """What is settled tells of newcomers how many they are, and nothing of them."""
    newcomers = Newcomers()
    newcomers.add(identity("p1", email="ada@acme.example", given_name="Ada"), b"index")
    shown = repr((Settled(newcomers=list(newcomers)), newcomers))
    assert "ada@acme.example" not in shown
    assert "Ada" not in shown


def test_what_was_made_ready_for_a_tenant_does_not_outlast_its_run(world: Any) -> None:
    """After a plan and after a run the sealer has let go of the tenant's tools, and makes them again when needed."""
    world.plan()
    assert world.sealer._at_hand.prepared is None
    world.run()
    assert world.sealer._at_hand.prepared is None
    assert len(world.live()) == 7


@pytest.mark.parametrize(
    ("memory", "accounts", "frugal"),
    [("auto", 200_000, False), ("auto", 200_001, True), ("fast", 10**6, False), ("flat", 1, True), ("auto", 0, False)],
)
def test_a_large_run_is_frugal(memory: Memory, accounts: int, frugal: bool) -> None:
    """Who asked for flat memory, or left it to the library over many accounts, gets it in all that a run does."""
    assert is_frugal(memory, accounts) is frugal


def test_a_frugal_run_writes_in_small_batches(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, a run over many accounts writes fewer at once, and lets go of its tools after each batch."""
    monkeypatch.setattr(_choice, "FAST_UP_TO", 2)
    monkeypatch.setattr(_reconciler, "SMALL_BATCH_SIZE", 2)
    sizes: list[int] = []
    let_go: list[int] = []
    commit, forget = type(world.storage).commit, Sealer.let_go

    def committing(self: Any, claim: Any, batch: Any) -> Any:
        if batch.writes:
            sizes.append(len(batch.writes))
        return commit(self, claim, batch)

    def letting_go(self: Sealer) -> None:
        let_go.append(len(sizes))
        forget(self)

    monkeypatch.setattr(type(world.storage), "commit", committing)
    monkeypatch.setattr(Sealer, "let_go", letting_go)
    Reconciler({"acme": world.directory}, world.storage, world.sealer, clock=world.clock).run("acme")
    assert sizes == [2, 2, 2]
    assert let_go == [1, 2, 3, 3]
