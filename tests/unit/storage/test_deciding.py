from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import LeaseHeld, LeaseLost, StorageError, Tombstoned, WriteConflict
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    Tombstone,
)
from smartify_core.storage.deciding import (
    Met,
    TenantState,
    appends_of,
    document_of,
    head_of,
    item_of,
    latest,
    refuse_conflicts,
    refuse_tombstoned,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTHING = Met({}, (), (), {})
MakeAccount = Callable[..., SealedAccount]

copied: Any = attrs.evolve
moments = st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)


def stone(account: SealedAccount, deleted_at: datetime = NOON) -> Tombstone:
    return Tombstone(account.tenant, account.source_id, account.account_id, account.created_at, deleted_at)


@pytest.fixture
def state() -> TenantState:
    """Return the numbers of a tenant that is due and was never claimed."""
    return TenantState("acme", due_at=NOON)


@pytest.fixture
def claim(state: TenantState) -> Claim:
    """Return the tenant's newest claim."""
    return state.take(NOON, HOUR)


# --- the lease --------------------------------------------------------------------------------------------------------


def test_a_claim_tells_the_numbers_that_it_found(state: TenantState) -> None:
    """A claim has the next fence, its expiry, and the revision and due time as they are."""
    assert state.take(NOON, HOUR) == Claim("acme", 1, NOON + HOUR, 0, NOON)
    assert (state.fence, state.expires_at) == (1, NOON + HOUR)


@given(now=moments, later=moments)
def test_a_lease_is_held_until_it_expires_and_no_longer(now: datetime, later: datetime) -> None:
    """A second claim is refused before the first expires, and made from that instant on, with a greater fence."""
    state = TenantState("acme")
    first = state.take(now, HOUR)
    before = copied(state)
    if later < now + HOUR:
        with pytest.raises(LeaseHeld):
            state.take(later, HOUR)
        assert state == before
        assert state.holds(first)
    else:
        assert state.take(later, HOUR).fence == first.fence + 1
        assert not state.holds(first)


@given(now=moments, due_at=st.none() | moments, expires_at=st.none() | moments)
def test_who_is_due_can_be_claimed(now: datetime, due_at: datetime | None, expires_at: datetime | None) -> None:
    """A tenant whose time has come is due to a worker exactly when a claim of it would not be refused."""
    state = TenantState("acme", fence=1, due_at=due_at, expires_at=expires_at)
    due = state.is_due(now)
    try:
        state.take(now, HOUR)
    except LeaseHeld:
        assert not due
    else:
        assert due == (due_at is not None and due_at <= now)


def test_a_renewed_claim_tells_the_revision_of_now(state: TenantState, claim: Claim) -> None:
    """To renew prolongs the lease from the given instant, and tells what was committed meanwhile."""
    state.revision = 7
    renewed = state.renew(claim, NOON + HOUR, HOUR)
    assert (renewed.expires_at, renewed.revision, renewed.fence) == (NOON + 2 * HOUR, 7, claim.fence)
    assert state.expires_at == NOON + 2 * HOUR


def test_an_expired_claim_that_nobody_took_over_holds(state: TenantState, claim: Claim) -> None:
    """Expiry alone loses nothing: the claim is lost when another one is made."""
    state.require(claim)
    state.take(NOON + HOUR, HOUR)
    with pytest.raises(LeaseLost):
        state.require(claim)


def test_a_released_claim_is_lost_to_all_writes(state: TenantState, claim: Claim) -> None:
    """After its release a claim can neither be renewed, nor written or erased under, nor released again."""
    assert state.release(claim, None)
    before = copied(state)
    for write in (
        lambda: state.renew(claim, NOON, HOUR),
        lambda: state.commit(claim, Batch(entries=(b"e",)), NOTHING),
        lambda: state.erase(claim),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert not state.release(claim, NOON + HOUR)
    assert state == before


@pytest.mark.parametrize(("due_at", "expected"), [(None, NOON), (NOON + HOUR, NOON + HOUR)])
def test_a_release_keeps_the_schedule_unless_told(
    state: TenantState, claim: Claim, due_at: datetime | None, expected: datetime
) -> None:
    """A release without a due time leaves the one that is there."""
    state.release(claim, due_at)
    assert (state.expires_at, state.due_at) == (None, expected)


@given(before=st.none() | moments, after=st.none() | moments, only_new=st.booleans())
def test_schedule_tells_whether_anything_changed(
    before: datetime | None, after: datetime | None, only_new: bool
) -> None:
    """What is told is whether there is something to be kept; ``only_new`` leaves who is scheduled alone."""
    state = TenantState("acme", due_at=before)
    changed = state.schedule(after, only_new=only_new)
    assert changed == (state.due_at != before)
    assert state.due_at == (before if only_new and before is not None else after)


# --- writes -----------------------------------------------------------------------------------------------------------


def test_the_record_tells_the_outbox_apart_from_other_journals() -> None:
    """The port's record has the position of the outbox by itself, and those of other journals by name."""
    record = TenantState(
        "acme", fence=2, revision=3, accounts=4, digest=5, positions={OUTBOX: 6, "trail": 7}
    ).as_record()
    assert (record.tenant, record.fence, record.revision, record.accounts, record.digest) == ("acme", 2, 3, 4, 5)
    assert (record.position, dict(record.positions)) == (6, {"trail": 7})
    assert TenantState("acme").as_record().position == 0


def test_a_batch_is_repeated_by_the_id_of_the_latest_only(state: TenantState, claim: Claim) -> None:
    """The latest commit's id gets the first receipt, whatever became of the claim; no earlier one's does."""
    for name in ("x", "y"):
        assert state.repeats(Batch(id=name)) is None
        state.commit(claim, Batch(id=name, revision=5), NOTHING)
    state.release(claim, None)
    assert state.repeats(Batch(id="y")) == Receipt(5)
    assert state.repeats(Batch(id="x")) is None
    state.take(NOON, HOUR)
    state.commit(state.take(NOON + HOUR, HOUR), Batch(), NOTHING)
    assert state.repeats(Batch()) is None
    assert state.repeats(Batch(id="y")) is None


def test_totals_follow_what_is_put_and_erased(state: TenantState, claim: Claim, account: MakeAccount) -> None:
    """Accounts and digest are those of the live: what is replaced or ended is taken out of them."""
    one, two = account("one", fingerprint=b"\xff" * 16), account("two", fingerprint=b"\x01".rjust(16, b"\0"))
    assert state.commit(claim, Batch((Put(one, 0), Put(two, 0))), NOTHING) == Receipt(1)
    assert (state.accounts, state.digest) == (2, 0)
    newer = account("one", 2, fingerprint=b"\x05".rjust(16, b"\0"))
    met = Met({"one": one, "two": two}, (), (), {})
    assert state.commit(claim, Batch((Put(newer, 1), Erase(stone(two), 1))), met) == Receipt(2)
    assert (state.accounts, state.digest) == (1, 5)


def test_a_tombstone_of_elsewhere_counts_nobody(state: TenantState, claim: Claim, account: MakeAccount) -> None:
    """An erase of an account that the store never had takes nothing out, though another has its source id."""
    here, ended = account("one"), account("one", account_id="former")
    state.commit(claim, Batch((Put(here, 0),)), NOTHING)
    before = copied(state)
    state.commit(claim, Batch((Erase(stone(ended), 0),)), Met({"one": here}, (), (), {}))
    assert (state.accounts, state.digest) == (before.accounts, before.digest)


@pytest.mark.parametrize(("asked", "expected"), [(0, 4), (4, 4), (9, 9)])
def test_a_batch_can_lift_the_revision_and_not_lower_it(
    state: TenantState, claim: Claim, account: MakeAccount, asked: int, expected: int
) -> None:
    """A commit that writes accounts adds one, and the batch may ask for more."""
    state.revision = 3
    assert state.commit(claim, Batch((Put(account(), 0),), revision=asked), NOTHING) == Receipt(expected)


def test_a_refused_batch_changes_no_number(state: TenantState, claim: Claim, account: MakeAccount) -> None:
    """Whatever is wrong with a batch, be it its last append, the numbers stay; errors come in the contract's order."""
    state.positions["trail"] = 3
    one = account()
    put, late = Put(one, 0), Append("trail", (b"e",), 2)
    bad = PutDocument("note", "n", b"", 1)
    lost = copied(claim, fence=0)
    whole = Batch((put,), (b"e",), (bad,), appends=(late,))
    met = Met({"s1": one}, {one.account_id}, {one.account_id}, {("note", "n"): 1})
    before = copied(state, positions=dict(state.positions))
    refusals: list[tuple[Claim, Batch, Met, type[StorageError], str]] = [
        (lost, whole, met, LeaseLost, "claim 0"),
        (claim, whole, met, Tombstoned, one.account_id),
        (claim, whole, copied(met, ended=()), WriteConflict, "source id s1"),
        (claim, whole, NOTHING, WriteConflict, "note/n"),
        (claim, whole, copied(NOTHING, documents={("note", "n"): 1}), WriteConflict, "journal trail"),
    ]
    for by, batch, found, kind, word in refusals:
        with pytest.raises(kind, match=word):
            state.commit(by, batch, found)
        assert state == before


@given(
    position=st.integers(0, 3),
    expected=st.none() | st.integers(0, 3),
    contents=st.lists(st.binary(max_size=2), max_size=3),
)
def test_journals_grow_without_gaps(position: int, expected: int | None, contents: list[bytes]) -> None:
    """Entries follow the latest, or in a journal without any the position that is expected; else nothing is added."""
    state = TenantState("acme", positions={"trail": position} if position else {})
    append = Append("trail", tuple(contents), expected)
    if position and expected not in {None, position}:
        with pytest.raises(WriteConflict):
            state.record((), (append,), {})
        assert state.positions == {"trail": position}
        return
    state.record((), (append,), {})
    start = position or expected or 0
    assert state.positions.get("trail", 0) == start + len(contents)
    assert state.entries_of(append) == [Entry(start + n, one) for n, one in enumerate(contents, 1)]
    assert ("trail" in state.positions) == (start + len(contents) > 0)


@pytest.mark.parametrize(("version", "expected", "fits"), [(0, 0, True), (2, 2, True), (0, 1, False), (2, 0, False)])
def test_a_document_is_written_over_the_version_that_is_expected(
    state: TenantState, version: int, expected: int, fits: bool
) -> None:
    """An absent document has version 0, whether it is left out of what was met or not."""
    write = PutDocument("note", "n", b"v", expected)
    for versions in ({("note", "n"): version}, {("note", "n"): version} if version else {}):
        if fits:
            state.record((write,), (), versions)
        else:
            with pytest.raises(WriteConflict, match="note/n"):
                state.record((write,), (), versions)


def test_an_erased_tenant_keeps_what_must_not_come_again(state: TenantState, claim: Claim) -> None:
    """Fence and positions stay and the revision grows; schedule, lease, totals and batch id go."""
    state.commit(claim, Batch(entries=(b"e",), id="x", revision=4), NOTHING)
    state.accounts, state.digest = 3, 9
    state.erase(claim)
    assert state == TenantState("acme", fence=1, revision=5, positions={OUTBOX: 1})


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_no_write_revives_who_has_ended(account: MakeAccount) -> None:
    """A put of an ended account is refused, also when the same batch ends it; so is a second end from elsewhere."""
    one, again = account("one"), account("two", account_id="account of one")
    ended = {one.account_id}
    refused: list[tuple[tuple[Put | Erase, ...], set[str]]] = [
        ((Put(one, 0),), ended),
        ((Put(one, 1),), ended),
        ((Put(again, 0), Erase(stone(one), 1)), set()),
        ((Erase(stone(one), 0),), ended),
    ]
    for writes, known in refused:
        with pytest.raises(Tombstoned, match="account of one"):
            refuse_tombstoned("acme", writes, known)
    refuse_tombstoned("acme", (Erase(stone(one), 1), Put(account("two"), 0)), ended)
    refuse_tombstoned("acme", (Erase(stone(one), 0),), set())


def test_a_write_must_fit_who_is_there(account: MakeAccount) -> None:
    """A write over a version needs that account at that version; one over nothing needs place and id to be free."""
    one = account("one", 2)
    live, owned = {"one": one}, {one.account_id}
    other = account("one", 3, account_id="other")
    stranger, twin = account("two", account_id=one.account_id), account("three", account_id="account of two")
    fits: list[tuple[Put | Erase, ...]] = [
        (Put(account("one", 3), 2),),
        (Erase(stone(one), 2),),
        (Put(account("two"), 0),),
        (Erase(stone(other), 0),),
    ]
    misfits: list[tuple[Put | Erase, ...]] = [
        (Put(account("one", 2), 1),),
        (Put(account("one", 4), 3),),
        (Put(other, 2),),
        (Put(account("one"), 0),),
        (Put(account("two", 2), 1),),
        (Erase(stone(one), 1),),
        (Erase(stone(account("two")), 1),),
        (Put(stranger, 0),),
        (Erase(stone(one), 0),),
        (Put(account("two"), 0), Put(twin, 0)),
    ]
    for writes in fits:
        refuse_conflicts("acme", writes, live, owned)
    for writes in misfits:
        with pytest.raises(WriteConflict, match=f"source id {item_of(writes[-1]).source_id}"):
            refuse_conflicts("acme", writes, live, owned)


# --- what writes leave ------------------------------------------------------------------------------------------------


def test_a_write_leaves_its_account_or_tombstone(account: MakeAccount) -> None:
    """The item of a put is its account, that of an erase its tombstone."""
    one = account()
    assert item_of(Put(one, 0)) is one
    assert item_of(Erase(stone(one), 1)) == stone(one)


def test_a_head_is_the_part_that_comparisons_read(account: MakeAccount) -> None:
    """A head tells source id, fingerprint, state, version and reason of its account."""
    one = account("one", 3)
    assert head_of(one) == Head("one", one.fingerprint, AccountState.ACTIVE, 3, None)


def test_a_document_is_one_version_on_or_gone() -> None:
    """A written document has the version after the expected one; a removed one is nothing."""
    assert document_of(PutDocument("note", "n", b"", 0)) == Document("note", "n", b"", 1)
    assert document_of(PutDocument("note", "n", None, 4)) is None


def test_the_outbox_comes_first_and_only_with_entries() -> None:
    """A batch's own entries are an append to the outbox, before the others; without entries there is none."""
    trail = Append("trail", (b"t",), 3)
    assert appends_of(Batch(entries=(b"e",), appends=(trail,))) == (Append(OUTBOX, (b"e",)), trail)
    assert appends_of(Batch(appends=(trail,))) == (trail,)


@given(
    ends=st.lists(st.tuples(moments, st.sampled_from("abc")), min_size=1, unique=True),
    pick=st.sampled_from([lambda ends: ends, lambda ends: ends[::-1]]),
)
def test_the_latest_tombstone_is_the_same_in_any_order(
    ends: list[tuple[datetime, str]], pick: Callable[[list[Any]], list[Any]]
) -> None:
    """Of many tombstones that come one by one the last to be deleted stays, of equals the one of the greater id."""
    found: Tombstone | None = None
    for deleted_at, account_id in pick(ends):
        found = latest(found, Tombstone("acme", "s1", account_id, NOON, deleted_at))
    assert found is not None
    assert (found.deleted_at, found.account_id) == max(ends)
