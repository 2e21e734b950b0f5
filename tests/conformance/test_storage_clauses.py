# ruff: noqa: N802  # the names carry the clauses' numbers as the contract writes them
"""The storage contract, one test a clause. Each test calls the port only, through a backend's one face.

Clauses do not lean on one another more than they must: a backend that breaks one is to fail that one, and no other.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import attrs
import pytest

from smartify_core.errors import (
    LeaseHeld,
    LeaseLost,
    SmartifyError,
    StorageUnavailable,
    Tombstoned,
    UsageError,
    WriteConflict,
)
from smartify_core.model import (
    AccountState,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    HeadPage,
    InactiveReason,
    Put,
    PutDocument,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.storage import KEYS_AT_ONCE, Storage

NOON = datetime(2026, 5, 4, 12, 0, 0, 123457, tzinfo=UTC)
HOUR = timedelta(hours=1)

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


class Backend(Protocol):
    """What a clause needs of a backend; ``conftest.py`` has the real one."""

    name: str
    durable: bool
    open: Callable[[], Storage]
    content: Callable[[], bytes] | None


# --- what the clauses write -------------------------------------------------------------------------------------------


def digest(*parts: object) -> bytes:
    """Return 16 bytes that follow from ``parts``."""
    return hashlib.sha256(repr(parts).encode()).digest()[:16]


def account(source_id: str = "s1", version: int = 1, **changes: Any) -> SealedAccount:
    """Return an account whose account id is its source id's, unless told otherwise."""
    made = SealedAccount(
        tenant="acme",
        source_id=source_id,
        account_id=f"account of {source_id}",
        state=AccountState.ACTIVE,
        inactive_reason=None,
        fingerprint=digest(source_id, version),
        email_index=digest("email", source_id),
        group_indexes=(),
        wrapped_key=b"key of " + source_id.encode(),
        payload=b"payload of " + source_id.encode(),
        version=version,
        created_at=NOON,
        updated_at=NOON,
    )
    return evolve(made, **changes)  # type: ignore[no-any-return]  # attrs.evolve of an Any


def put(*accounts: SealedAccount) -> Batch:
    """Return the batch that writes these, each over the version before its own."""
    return Batch(tuple(Put(one, one.version - 1) for one in accounts))


def erase(*accounts: SealedAccount, at: datetime = NOON) -> Batch:
    """Return the batch that ends these accounts."""
    return Batch(tuple(Erase(stone(one, at=at), one.version) for one in accounts))


def stone(one: SealedAccount, *, at: datetime = NOON) -> Tombstone:
    """Return what is left of an account."""
    return Tombstone(one.tenant, one.source_id, one.account_id, one.created_at, at)


def note(value: bytes | None, expected_version: int = 0, *, key: str = "n") -> PutDocument:
    """Return the write of a document."""
    return PutDocument("note", key, value, expected_version)


def claim(storage: Storage, tenant: str = "acme") -> Claim:
    """Claim a tenant at noon for an hour."""
    return storage.claim(tenant, now=NOON, ttl=HOUR)


def everything(storage: Storage, tenant: str = "acme") -> tuple[object, ...]:
    """Return all that the port tells of a tenant, in no particular order."""
    heads = storage.heads(tenant)
    loaded = storage.load(tenant, [head.source_id for head in heads])
    stones = storage.tombstones(tenant)
    return storage.tenant(tenant).revision, dict(loaded), {head.source_id: head for head in heads}, set(stones)


def paged(read: Callable[..., Any], key: Callable[[Any], str], limit: int) -> Iterator[list[Any]]:
    """Yield the pages of a scan, as a caller walks them."""
    after: str | None = None
    for _ in range(100):
        page = list(read("acme", after=after, limit=limit))
        yield page
        if len(page) < limit:
            return
        after = key(page[-1])


# --- the right to write -----------------------------------------------------------------------------------------------


def test_ST01_each_claim_raises_the_fence_by_one(backend: Backend) -> None:
    """The first claim of a tenant has fence 1, and each later one the next number."""
    storage = backend.open()
    for fence in (1, 2, 3):
        taken = claim(storage)
        assert (taken.tenant, taken.fence, taken.expires_at) == ("acme", fence, NOON + HOUR)
        storage.release(taken)


def test_ST02_a_running_lease_keeps_others_out_until_the_instant_it_expires(backend: Backend) -> None:
    """A second claim is refused before ``expires_at`` and granted at it."""
    storage = backend.open()
    first = claim(storage)
    for now in (NOON, NOON + HOUR - timedelta(microseconds=1)):
        with pytest.raises(LeaseHeld):
            storage.claim("acme", now=now, ttl=HOUR)
    assert storage.claim("acme", now=NOON + HOUR, ttl=HOUR).fence > first.fence


def test_ST03_a_released_lease_is_free(backend: Backend) -> None:
    """Releasing twice is harmless, and an overtaken claim cannot release the newer one's lease."""
    storage = backend.open()
    old = claim(storage)
    storage.release(old)
    storage.release(old)
    claim(storage)
    storage.release(old)
    with pytest.raises(LeaseHeld):
        claim(storage)


def test_ST04_renewing_prolongs_the_newest_claim_only(backend: Backend) -> None:
    """A renewed claim keeps its fence and gets the new expiry; one overtaken or released is lost."""
    storage = backend.open()
    first = claim(storage)
    renewed = storage.renew(first, now=NOON + HOUR, ttl=HOUR)
    assert (renewed.fence, renewed.expires_at) == (first.fence, NOON + 2 * HOUR)
    with pytest.raises(LeaseHeld):
        storage.claim("acme", now=NOON + 2 * HOUR - timedelta(seconds=1), ttl=HOUR)
    assert storage.renew(renewed, now=NOON, ttl=HOUR).expires_at == NOON + HOUR
    assert storage.tenant("acme").expires_at == NOON + HOUR
    second = storage.claim("acme", now=NOON + 3 * HOUR, ttl=HOUR)
    for lost in (first, renewed):
        with pytest.raises(LeaseLost):
            storage.renew(lost, now=NOON + 2 * HOUR, ttl=HOUR)
    storage.release(second)
    with pytest.raises(LeaseLost):
        storage.renew(second, now=NOON + 2 * HOUR, ttl=HOUR)
    with pytest.raises(LeaseLost):
        storage.renew(evolve(first, tenant="unheard of"), now=NOON, ttl=HOUR)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_ST05_a_tenant_never_heard_of_is_empty(backend: Backend) -> None:
    """Reading one is no error and brings nothing into being."""
    storage = backend.open()
    assert storage.tenant("acme") == TenantRecord("acme", 0, None, 0, None, 0, 0, 0)
    assert list(storage.entries("acme")) == []
    storage.trim("acme", through=3)
    assert storage.document("acme", "note", "n") is None
    assert list(storage.documents("acme", "note")) == []
    assert list(storage.claim_due(now=NOON, ttl=HOUR, limit=1)) == []
    assert list(storage.tenants()) == []
    assert list(storage.heads("acme")) == []
    assert dict(storage.load("acme", ["s1"])) == {}
    assert list(storage.find_by_email("acme", [digest("x")])) == []
    assert list(storage.tombstones("acme")) == []
    assert dict(storage.tombstones_of("acme", ["s1"])) == {}


def test_ST06_what_was_put_is_loaded_field_by_field(backend: Backend) -> None:
    """Every field of an account comes back equal: empty and long bytes, zeros, odd ids, times to the microsecond."""
    storage, again = backend.open(), backend.open()
    taken = claim(storage)
    made = [
        account("plain"),
        account("", account_id="", wrapped_key=b"", payload=b""),
        account("nul\0in it", account_id="\0", payload=b"\0" * 70_000),
        account("'; drop table account; --", account_id="%_?\"'"),
        account("\U0001f600", account_id="\ufffd", payload=os.urandom(100_000), wrapped_key=os.urandom(5_000)),
        account(
            "away",
            state=AccountState.INACTIVE,
            inactive_reason=InactiveReason.SUSPENDED,
            group_indexes=tuple(sorted(digest(n) for n in range(300))),
            predecessor="an earlier one",
            created_at=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            updated_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        ),
        account("kept", state=AccountState.INACTIVE, inactive_reason=InactiveReason.ARCHIVED, payload=b"\0\0x\0"),
        account("unsaid", state=AccountState.INACTIVE),
        account("vanished", state=AccountState.INACTIVE, inactive_reason=InactiveReason.DELETED, adopted=True),
    ]
    storage.commit(taken, put(*made))
    assert dict(again.load("acme", [one.source_id for one in made])) == {one.source_id: one for one in made}
    later = [evolve(one, version=2, payload=one.payload * 2 + b"x", fingerprint=digest(one)) for one in made]
    storage.commit(taken, put(*later))
    assert dict(again.load("acme", [one.source_id for one in made])) == {one.source_id: one for one in later}


def test_ST07_keyed_reads_answer_for_known_keys_only(backend: Backend) -> None:
    """Unknown keys are absent from the answer, and a key named twice is answered once."""
    storage = backend.open()
    storage.commit(claim(storage), put(account("s1"), account("s2")))
    assert set(storage.load("acme", ["s2", "nobody", "s1", "s2"])) == {"s1", "s2"}
    assert dict(storage.load("acme", [])) == {}
    found = storage.find_by_email("acme", [digest("email", "s1"), digest("nobody"), digest("email", "s1")])
    assert [one.source_id for one in found] == ["s1"]
    assert list(storage.find_by_email("acme", [])) == []
    assert dict(storage.tombstones_of("acme", ["s1", "nobody"])) == {}


ODD_IDS = ["", "1", "10", "2", "A", "Z", "_", "a", "a\0", "aa", "z", "\x7f", "\xe4", "\xdf", "e\u0301", "\u20ac"]
ODD_IDS += ["\ue000", "\uff5e", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff", "I", "i", "\u0130", "\u0131"]


def test_ST08_scans_are_in_bytewise_order(backend: Backend) -> None:
    """Ids ascend by their UTF-8 bytes: upper before lower case, the private area before the supplementary planes."""
    storage = backend.open()
    taken = claim(storage)
    made = [account(source_id) for source_id in reversed(ODD_IDS)]
    expected = sorted(ODD_IDS, key=lambda one: one.encode())
    storage.commit(taken, put(*made))
    assert [head.source_id for head in storage.heads("acme")] == expected
    storage.commit(taken, erase(*made))
    assert [one.source_id for one in storage.tombstones("acme")] == expected


def test_ST09_pages_meet_without_gap_or_overlap(backend: Backend) -> None:
    """Walking a scan by pages of any size yields every entry once; ``after`` need not exist and is not included."""
    storage = backend.open()
    taken = claim(storage)
    names = [f"s{number:02d}" for number in range(12)]
    storage.commit(taken, put(*map(account, names)))
    for limit in (1, 5, 6, 11, 12, 13, KEYS_AT_ONCE):
        pages = list(paged(storage.heads, lambda head: head.source_id, limit))
        assert sorted(head.source_id for page in pages for head in page) == names
        assert all(len(page) == limit for page in pages[:-1])
    assert {head.source_id for head in storage.heads("acme", after="s09x")} == {"s10", "s11"}
    assert list(storage.heads("acme", after="t")) == []
    storage.commit(taken, erase(*map(account, names)))
    for limit in (1, 5, 6, 11, 12, 13, KEYS_AT_ONCE):
        pages = list(paged(storage.tombstones, lambda one: one.account_id, limit))
        assert sorted(one.source_id for page in pages for one in page) == names
        assert all(len(page) == limit for page in pages[:-1])


def test_ST10_a_head_tells_the_account_as_it_is(backend: Backend) -> None:
    """Fingerprint, state, reason and version of a head are those of the latest write, and the columns say the same."""
    storage = backend.open()
    taken = claim(storage)
    gone = account("s3", state=AccountState.INACTIVE, inactive_reason=InactiveReason.DELETED)
    one, away = account("s1"), account("s2", state=AccountState.INACTIVE, inactive_reason=InactiveReason.ARCHIVED)
    later = evolve(one, version=2, fingerprint=digest("new"), state=AccountState.INACTIVE)
    storage.commit(taken, put(one, away, gone))
    storage.commit(taken, put(later))
    expected = {
        Head(one.source_id, one.fingerprint, one.state, one.version, one.inactive_reason) for one in (later, away, gone)
    }
    page = storage.heads("acme")
    assert set(page) == expected
    assert page == HeadPage.of(page)
    assert page.source_ids == tuple(head.source_id for head in page)
    assert page.fingerprints == b"".join(head.fingerprint for head in page)
    assert page.waiting == ("s3",)


def test_ST11_addresses_are_found_as_they_are_now(backend: Backend) -> None:
    """An index finds every live account that carries it, in bytewise order, and none that carried it before."""
    storage = backend.open()
    taken = claim(storage)
    shared = digest("shared")
    made = [account(name, email_index=shared) for name in ("\U00010000", "\uffff", "b", "B")]
    near = account("near", email_index=shared[:-1] + bytes([shared[-1] ^ 1]))
    storage.commit(taken, put(*made, near))
    found = [one.source_id for one in storage.find_by_email("acme", [shared])]
    assert found == ["B", "b", "\uffff", "\U00010000"]
    storage.commit(taken, put(evolve(made[2], version=2, email_index=digest("moved"))))
    assert {one.source_id for one in storage.find_by_email("acme", [shared])} == {"B", "\uffff", "\U00010000"}
    assert {one.source_id for one in storage.find_by_email("acme", [digest("moved"), near.email_index])} == {
        "b",
        "near",
    }


def test_ST12_the_latest_tombstone_of_a_person_is_told(backend: Backend) -> None:
    """Among several tombstones of one source id the one with the latest end counts, then the greatest account id."""
    storage = backend.open()
    taken = claim(storage)
    ends = [("c", NOON), ("a", NOON + HOUR), ("d", NOON), ("b", NOON + HOUR)]
    for name, at in ends:
        one = account("s1", account_id=name)
        storage.commit(taken, put(one))
        storage.commit(taken, erase(one, at=at))
    assert storage.tombstones_of("acme", ["s1"])["s1"].account_id == "b"


def test_ST13_tenants_do_not_meet(backend: Backend) -> None:
    """Whatever two tenants hold under the same ids is apart: from their leases to their journals and documents."""
    storage = backend.open()
    ours, theirs = claim(storage), claim(storage, "umbrella")
    one = account("s1")
    other = evolve(one, tenant="umbrella", payload=b"other")
    storage.commit(ours, put(one))
    assert everything(storage, "umbrella") == (0, {}, {}, set())
    storage.commit(theirs, put(other))
    storage.commit(ours, erase(one))
    assert (storage.tenant("acme").revision, storage.tenant("umbrella").revision) == (2, 1)
    assert storage.load("umbrella", ["s1"]) == {"s1": other}
    assert list(storage.find_by_email("umbrella", [one.email_index])) == [other]
    assert list(storage.tombstones("umbrella")) == []
    assert dict(storage.tombstones_of("umbrella", ["s1"])) == {}
    storage.commit(ours, Batch(entries=(b"e",), documents=(note(b"d"),), id="b"))
    storage.schedule({"acme": NOON})
    record = storage.tenant("umbrella")
    assert (record.due_at, record.accounts, record.position) == (None, 1, 0)
    assert record.digest == int.from_bytes(other.fingerprint, "big")
    assert list(storage.entries("umbrella")) == []
    assert storage.document("umbrella", "note", "n") is None
    assert list(storage.documents("umbrella", "note")) == []
    storage.commit(theirs, Batch(entries=(b"theirs",), id="b"))
    storage.trim("acme", through=1)
    assert list(storage.entries("umbrella")) == [Entry(1, b"theirs")]


def test_ST14_a_call_takes_a_thousand_keys_and_no_more(backend: Backend) -> None:
    """Exactly `KEYS_AT_ONCE` keys or entries are served; one more, or a page of none, is refused."""
    storage = backend.open()
    taken = claim(storage)
    made = [account(f"{number:04d}") for number in range(KEYS_AT_ONCE)]
    storage.commit(taken, put(*made))
    names = [one.source_id for one in made]
    assert len(storage.heads("acme", limit=KEYS_AT_ONCE)) == KEYS_AT_ONCE
    assert len(storage.load("acme", names)) == KEYS_AT_ONCE
    assert len(storage.find_by_email("acme", [one.email_index for one in made])) == KEYS_AT_ONCE
    storage.commit(taken, erase(*made))
    assert len(storage.tombstones("acme", limit=KEYS_AT_ONCE)) == KEYS_AT_ONCE
    assert len(storage.tombstones_of("acme", names)) == KEYS_AT_ONCE
    for limit in (0, -1, KEYS_AT_ONCE + 1):
        with pytest.raises(UsageError):
            storage.heads("acme", limit=limit)
        with pytest.raises(UsageError):
            storage.tombstones("acme", limit=limit)
        with pytest.raises(UsageError):
            storage.claim_due(now=NOON, ttl=HOUR, limit=limit)
        with pytest.raises(UsageError):
            storage.tenants(limit=limit)
        with pytest.raises(UsageError):
            storage.entries("acme", limit=limit)
        with pytest.raises(UsageError):
            storage.documents("acme", "note", limit=limit)
    storage.schedule(dict.fromkeys(names, NOON))
    assert len(storage.claim_due(now=NOON, ttl=HOUR, limit=KEYS_AT_ONCE)) == KEYS_AT_ONCE
    with pytest.raises(UsageError):
        storage.schedule(dict.fromkeys([*names, "more"], NOON))
    for call in (storage.load, storage.tombstones_of):
        with pytest.raises(UsageError):
            call("acme", [*names, "more"])
    with pytest.raises(UsageError):
        storage.find_by_email("acme", [digest(number) for number in range(KEYS_AT_ONCE + 1)])


# --- writing ----------------------------------------------------------------------------------------------------------


def test_ST15_a_commit_that_writes_accounts_adds_one_to_the_revision(backend: Backend) -> None:
    """The receipt, the tenant, later claims and renewals tell it; a batch without accounts, or refused, adds none."""
    storage = backend.open()
    taken = claim(storage)
    assert taken.revision == 0
    assert storage.commit(taken, put(account())).revision == 1
    assert storage.commit(taken, Batch()).revision == 1
    assert storage.commit(taken, put(account("s2"), account("s3"))).revision == 2
    assert storage.commit(taken, Batch(entries=(b"e",), documents=(note(b"d"),))).revision == 2
    storage.record("acme", documents=[note(b"later", 1)])
    with pytest.raises(WriteConflict):
        storage.commit(taken, put(account()))
    assert storage.tenant("acme").revision == 2
    renewed = storage.renew(taken, now=NOON, ttl=HOUR)
    assert renewed.revision == 2
    storage.release(renewed)
    assert claim(storage).revision == 2


def test_ST16_only_the_newest_claim_writes(backend: Backend) -> None:
    """A claim that was overtaken, released or never made writes nothing."""
    storage = backend.open()
    old = claim(storage)
    new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
    made_up = evolve(new, fence=new.fence + 1)
    for wrong in (old, made_up):
        with pytest.raises(LeaseLost):
            storage.commit(wrong, put(account()))
    with pytest.raises(LeaseLost):
        storage.commit(evolve(new, tenant="umbrella"), put(account(tenant="umbrella")))
    storage.commit(new, put(account("s2")))
    storage.release(new)
    with pytest.raises(LeaseLost):
        storage.commit(new, put(account()))
    assert set(storage.load("acme", ["s1", "s2"])) == {"s2"}


def test_ST17_an_expired_claim_writes_until_it_is_overtaken(backend: Backend) -> None:
    """A backend reads no clock: a claim that nobody took over still writes and renews, however old it is."""
    storage = backend.open()
    past = datetime(2001, 1, 1, tzinfo=UTC)
    taken = storage.claim("acme", now=past, ttl=timedelta(microseconds=1))
    storage.commit(taken, put(account()))
    assert storage.renew(taken, now=past + HOUR, ttl=HOUR).fence == taken.fence


def test_ST18_a_write_meets_the_version_it_expects_or_nothing_happens(backend: Backend) -> None:
    """A Put or Erase over an absent account, another version or another account id is refused."""
    storage = backend.open()
    taken = claim(storage)
    here = account("here", version=1)
    storage.commit(taken, put(here))
    here = evolve(here, version=2)
    storage.commit(taken, put(here))
    before = everything(storage)
    other = evolve(here, account_id="another")
    wrong = [
        put(account("here", account_id="another")),
        put(account("here")),
        put(evolve(here, version=2)),
        put(evolve(here, version=4)),
        put(evolve(other, version=3)),
        put(account("absent", version=2)),
        erase(account("absent")),
        erase(evolve(here, version=1)),
        erase(evolve(here, version=3)),
        erase(other),
    ]
    for batch in wrong:
        with pytest.raises(WriteConflict):
            storage.commit(taken, batch)
    assert everything(storage) == before


def test_ST19_a_refused_batch_leaves_nothing(backend: Backend) -> None:
    """Wherever in a batch the write stands that is refused, no other write of it is kept."""
    storage = backend.open()
    taken = claim(storage)
    kept, ended, gone = account("kept"), account("ended"), account("gone")
    storage.commit(taken, put(kept, ended, gone))
    storage.commit(taken, erase(gone))
    before = everything(storage)
    good = [
        *put(account("new")).writes,
        *put(evolve(kept, version=2, payload=b"other", email_index=digest("other"))).writes,
        *erase(ended).writes,
    ]
    bad = [*put(account("late", version=7)).writes, *put(account("gone")).writes]
    for one in bad:
        for place in range(len(good) + 1):
            with pytest.raises((WriteConflict, Tombstoned)):
                storage.commit(taken, Batch((*good[:place], one, *good[place:])))
            assert everything(storage) == before
    assert list(storage.find_by_email("acme", [digest("other")])) == []


def test_ST20_an_account_that_ended_is_never_written_again(backend: Backend) -> None:
    """A Put of an account id with a tombstone is refused: as new, as a late update, and beside its own Erase."""
    storage = backend.open()
    taken = claim(storage)
    one, other = account("s1"), account("s2")
    storage.commit(taken, put(one, other))
    storage.commit(taken, erase(one))
    attempts = [
        put(one),
        put(evolve(one, version=2)),
        put(evolve(one, source_id="s3")),
        put(evolve(other, version=2, account_id=one.account_id)),
        Batch((*erase(other).writes, *put(evolve(other, source_id="s3")).writes)),
        Batch((*put(evolve(other, source_id="s3")).writes, *erase(other).writes)),
    ]
    for batch in attempts:
        with pytest.raises(Tombstoned):
            storage.commit(taken, batch)
    assert {head.source_id for head in storage.heads("acme")} == {"s2"}


def test_ST21_an_erase_ends_the_account_and_leaves_its_tombstone(backend: Backend) -> None:
    """An ended account is found by no reading call; its tombstone, as given, by both."""
    storage = backend.open()
    taken = claim(storage)
    one = account("s1", created_at=NOON - 30 * HOUR)
    storage.commit(taken, put(one))
    storage.commit(taken, erase(one, at=NOON + HOUR))
    assert list(storage.heads("acme")) == []
    assert dict(storage.load("acme", ["s1"])) == {}
    assert list(storage.find_by_email("acme", [one.email_index])) == []
    left = Tombstone("acme", "s1", one.account_id, NOON - 30 * HOUR, NOON + HOUR)
    assert list(storage.tombstones("acme")) == [left]
    assert dict(storage.tombstones_of("acme", ["s1"])) == {"s1": left}


def test_ST22_a_person_who_returns_gets_a_new_account(backend: Backend) -> None:
    """A source id whose account ended may have another one, and keeps the tombstone."""
    storage = backend.open()
    taken = claim(storage)
    one = account("s1")
    again = account("s1", account_id="second", predecessor=one.account_id)
    storage.commit(taken, put(one))
    storage.commit(taken, erase(one))
    storage.commit(taken, put(again))
    assert dict(storage.load("acme", ["s1"])) == {"s1": again}
    assert [left.account_id for left in storage.tombstones("acme")] == [one.account_id]


def test_ST23_an_account_id_names_one_account(backend: Backend) -> None:
    """Two live accounts of a tenant cannot share an account id, whether written in one batch or in two."""
    storage = backend.open()
    taken = claim(storage)
    storage.commit(taken, put(account("s1", account_id="x")))
    with pytest.raises(WriteConflict):
        storage.commit(taken, put(account("s2", account_id="x")))
    with pytest.raises(WriteConflict):
        storage.commit(taken, put(account("s2", account_id="y"), account("s3", account_id="y")))
    assert {head.source_id for head in storage.heads("acme")} == {"s1"}


def misshapen() -> Iterator[Batch]:
    """Yield batches that no caller may hand in."""
    one = account()
    yield Batch((*put(one).writes, *put(evolve(one, account_id="other")).writes))
    yield Batch((*put(one).writes, *erase(one).writes))
    yield put(evolve(one, tenant="umbrella"))
    yield erase(evolve(one, tenant="umbrella"))
    yield Batch((Put(one, 1),))
    yield Batch((Put(evolve(one, version=0), -1),))
    yield put(evolve(one, state=AccountState.DELETED))
    yield put(evolve(one, created_at=NOON.replace(tzinfo=None)))
    yield put(evolve(one, updated_at=NOON.replace(tzinfo=None)))
    yield erase(one, at=NOON.replace(tzinfo=None))
    yield put(evolve(one, fingerprint=b"short"))
    yield put(evolve(one, email_index=b"much too long an index"))
    yield put(evolve(one, group_indexes=(digest(1), b"")))
    for field in ("source_id", "account_id", "predecessor"):
        yield put(evolve(one, **{field: "half a pair \ud83d"}))
    half = "half a pair \ud83d"
    yield erase(evolve(one, source_id=half))
    yield Batch(documents=(note(b"x"), note(b"y")))
    yield Batch(documents=(note(b"x", -1),))
    yield Batch(documents=(note(None, 0),))
    yield Batch(documents=(note(b"x", key=half),))
    yield Batch(documents=(PutDocument(half, "n", b"x", 0),))
    yield Batch(id=half)


def test_ST24_a_call_that_makes_no_sense_is_refused(backend: Backend) -> None:
    """A misshapen batch, id, time or lease is the caller's error, before anything is written."""
    storage = backend.open()
    taken = claim(storage)
    before = everything(storage)
    for batch in misshapen():
        with pytest.raises(UsageError):
            storage.commit(taken, batch)
    half = "half a pair \ud83d"
    calls: list[Callable[[], object]] = [
        lambda: storage.claim(half, now=NOON, ttl=HOUR),
        lambda: storage.claim("new", now=NOON.replace(tzinfo=None), ttl=HOUR),
        lambda: storage.claim("new", now=NOON, ttl=timedelta(0)),
        lambda: storage.renew(taken, now=NOON, ttl=-HOUR),
        lambda: storage.renew(evolve(taken, tenant=half), now=NOON, ttl=HOUR),
        lambda: storage.release(evolve(taken, tenant=half)),
        lambda: storage.tenant(half),
        lambda: storage.heads(half),
        lambda: storage.heads("acme", after=half),
        lambda: storage.load("acme", [half]),
        lambda: storage.load(half, []),
        lambda: storage.find_by_email(half, []),
        lambda: storage.tombstones("acme", after=half),
        lambda: storage.tombstones_of("acme", [half]),
        lambda: storage.claim_due(now=NOON.replace(tzinfo=None), ttl=HOUR, limit=1),
        lambda: storage.claim_due(now=NOON, ttl=timedelta(0), limit=1),
        lambda: storage.release(taken, due_at=NOON.replace(tzinfo=None)),
        lambda: storage.schedule({"new": NOON.replace(tzinfo=None)}),
        lambda: storage.schedule({half: NOON}),
        lambda: storage.tenants(after=half),
        lambda: storage.entries(half),
        lambda: storage.entries("acme", after=-1),
        lambda: storage.trim(half, through=1),
        lambda: storage.trim("acme", through=-1),
        lambda: storage.document("acme", "note", half),
        lambda: storage.document("acme", half, "n"),
        lambda: storage.documents("acme", "note", after=("note", half)),
        lambda: storage.record(half, documents=[note(b"x")]),
        lambda: storage.record("acme", documents=[note(None, 0)]),
        lambda: storage.record("acme", documents=[note(b"x", -1)]),
    ]
    for call in calls:
        with pytest.raises(UsageError):
            call()
    assert everything(storage) == before


def test_ST25_the_gravest_refusal_is_told(backend: Backend) -> None:
    """Where a batch offends in several ways, misuse comes first, then the lost lease, the tombstone, the conflict."""
    storage = backend.open()
    old = claim(storage)
    gone = account("gone")
    storage.commit(old, put(gone))
    storage.commit(old, erase(gone))
    new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
    conflict = put(account("absent", version=5)).writes
    revival = put(gone).writes
    twice = put(account("t"), account("t", account_id="u")).writes
    order: list[tuple[Claim, Batch, type[SmartifyError]]] = [
        (old, Batch((*conflict, *revival, *twice)), UsageError),
        (old, Batch((*conflict, *revival)), LeaseLost),
        (new, Batch((*conflict, *revival)), Tombstoned),
        (new, Batch(conflict), WriteConflict),
    ]
    for taken, batch, expected in order:
        with pytest.raises(expected):
            storage.commit(taken, batch)


# --- several at once, and life ----------------------------------------------------------------------------------------


def in_threads(number: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run ``work`` in so many threads that start together, and return what they raised."""
    start = threading.Barrier(number)
    raised: list[BaseException] = []

    def run(place: int) -> None:
        start.wait()
        try:
            work(place)
        except BaseException as error:  # noqa: BLE001  # handed to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_ST26_one_of_many_claims_at_once_is_granted(backend: Backend) -> None:
    """Of threads that claim a tenant at the same time, through one handle or several, exactly one gets it."""
    shared = backend.open()
    for handles in ([shared] * 8, [shared, *(backend.open() for _ in range(3))] * 2):
        taken: list[Claim] = []
        raised = in_threads(8, lambda place, handles=handles, taken=taken: taken.append(claim(handles[place])))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        assert len(taken) == 1
        assert [type(error) for error in raised] == [LeaseHeld] * 7
        shared.release(taken[0])


def test_ST27_readers_see_whole_commits(backend: Backend) -> None:
    """While a writer replaces two accounts together, no single call returns one old and one new."""
    readers = [storage := backend.open(), storage, backend.open()]
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


def test_ST28_a_closed_storage_says_so(backend: Backend) -> None:
    """Closing twice is harmless, leaving a ``with`` closes, and every other call is refused from then on."""
    with backend.open() as storage:
        taken = claim(storage)
    storage.close()
    calls: list[Callable[[], object]] = [
        lambda: claim(storage),
        lambda: storage.renew(taken, now=NOON, ttl=HOUR),
        lambda: storage.release(taken),
        lambda: storage.tenant("acme"),
        lambda: storage.heads("acme"),
        lambda: storage.load("acme", []),
        lambda: storage.find_by_email("acme", []),
        lambda: storage.tombstones("acme"),
        lambda: storage.tombstones_of("acme", []),
        lambda: storage.commit(taken, Batch(())),
        lambda: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
        lambda: storage.schedule({}),
        storage.tenants,
        lambda: storage.entries("acme"),
        lambda: storage.trim("acme", through=0),
        lambda: storage.document("acme", "note", "n"),
        lambda: storage.documents("acme", "note"),
        lambda: storage.record("acme", documents=[note(b"x")]),
        storage.__enter__,
    ]
    for call in calls:
        with pytest.raises(StorageUnavailable):
            call()


def test_ST29_a_durable_store_keeps_everything(backend: Backend) -> None:
    """Fences, leases, due times, accounts, tombstones, journal, documents and batch id are there on reopening."""
    if not backend.durable:
        pytest.skip(f"the {backend.name} backend declares that nothing survives closing it")
    with backend.open() as storage:
        storage.schedule({"acme": NOON + HOUR})
        storage.release(claim(storage))
        taken = claim(storage)
        storage.commit(taken, put(account("s1"), account("s2")))
        last = Batch(erase(account("s2")).writes, (b"one", b"", b"three"), (note(b"d"),), "last")
        storage.commit(taken, last)
        storage.trim("acme", through=1)

        def told(storage: Storage) -> tuple[object, ...]:
            beside = storage.entries("acme"), storage.document("acme", "note", "n")
            return everything(storage), storage.tenant("acme"), *beside

        before = told(storage)
    with backend.open() as storage:
        assert told(storage) == before
        with pytest.raises(LeaseHeld):
            claim(storage)
        assert storage.commit(taken, last).revision == 2
        assert storage.commit(taken, put(account("s3"))).revision == 3
        assert storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR).fence == 3


def test_ST30_an_erased_account_leaves_no_byte(backend: Backend) -> None:
    """No piece of an erased account's key, payload, fingerprint or indexes, old versions included, is left."""
    if backend.content is None:
        pytest.skip(f"the {backend.name} backend declares that it keeps no bytes outside the process")
    storage = backend.open()
    taken = claim(storage)
    secrets: set[bytes] = set()
    live: dict[str, SealedAccount] = {}
    for turn in range(12):
        changing = sorted(live)[::4]
        # Ids in no order, and payloads that change their length, so that pages split, merge and move their rows.
        fresh = [account(digest("id", turn, number).hex()) for number in range(60)]
        fresh += [evolve(live[source_id], version=live[source_id].version + 1) for source_id in changing]
        fresh = [evolve(one, **secret_parts(100 + 97 * ((turn + place) % 9))) for place, one in enumerate(fresh)]
        secrets.update(*(secret_of(live[source_id]) for source_id in changing))
        live.update((one.source_id, one) for one in fresh)
        storage.commit(taken, put(*fresh))
    there = pieces(backend.content())
    assert all(secret_of(one) <= there for one in live.values())
    ended = sorted(live)[::2]
    for start in range(0, len(ended), 100):
        chunk = [live.pop(source_id) for source_id in ended[start : start + 100]]
        secrets.update(*map(secret_of, chunk))
        storage.commit(taken, erase(*chunk))
    # The digest of a tenant that has one account is its fingerprint.
    alone = account(tenant="umbrella", **secret_parts(100))
    theirs = claim(storage, "umbrella")
    storage.commit(theirs, put(alone))
    storage.commit(theirs, erase(alone))
    secrets.update(secret_of(alone))
    there = pieces(backend.content())
    assert not secrets & there
    assert all(secret_of(one) <= there for one in live.values())


def pieces(content: bytes) -> set[bytes]:
    """Return all pieces of 16 bytes in a row."""
    return {content[start : start + 16] for start in range(len(content) - 15)}


def secret_parts(length: int) -> dict[str, Any]:
    """Return random sealed parts, the payload ``length`` bytes long."""
    return {
        "fingerprint": os.urandom(16),
        "email_index": os.urandom(16),
        "group_indexes": tuple(sorted(os.urandom(16) for _ in range(2))),
        "wrapped_key": os.urandom(73),
        "payload": os.urandom(length),
    }


def secret_of(one: SealedAccount) -> set[bytes]:
    """Return pieces of all that must be gone with an account: 16 bytes each, so that a torn copy is found too."""
    middle = len(one.payload) // 2
    ends = [one.payload[:16], one.payload[middle : middle + 16], one.payload[-16:]]
    return {one.fingerprint, one.email_index, *one.group_indexes, one.wrapped_key[:16], one.wrapped_key[-16:], *ends}


# --- what is due ------------------------------------------------------------------------------------------------------


def test_ST31_the_longest_due_are_claimed_first(backend: Backend) -> None:
    """Of the due, as many as asked for are claimed, in order of due time and then of name, each as by a claim."""
    storage = backend.open()
    names = ["b", "B", "\U00010000", "\uffff", "early"]
    storage.schedule({name: NOON - HOUR if name == "early" else NOON for name in names})
    first = list(storage.claim_due(now=NOON, ttl=HOUR, limit=3))
    assert first == [
        Claim("early", 1, NOON + HOUR, 0, NOON - HOUR),
        Claim("B", 1, NOON + HOUR, 0, NOON),
        Claim("b", 1, NOON + HOUR, 0, NOON),
    ]
    second = list(storage.claim_due(now=NOON, ttl=HOUR, limit=3))
    assert [one.tenant for one in second] == ["\uffff", "\U00010000"]
    storage.commit(first[1], put(account(tenant="B")))
    storage.release(first[1])
    assert list(storage.claim_due(now=NOON, ttl=HOUR, limit=1)) == [Claim("B", 2, NOON + HOUR, 1, NOON)]


def test_ST32_only_the_due_that_nobody_holds_are_claimed(backend: Backend) -> None:
    """Left out are the leased, the not yet due and the unscheduled; an expired lease is nobody's."""
    storage = backend.open()
    instant = timedelta(microseconds=1)
    storage.release(claim(storage, "unscheduled"))
    storage.schedule({"expired": NOON - 2 * HOUR, "leased": NOON - HOUR})
    (old,) = storage.claim_due(now=NOON - HOUR, ttl=HOUR, limit=1)
    assert len(storage.claim_due(now=NOON - HOUR, ttl=HOUR + instant, limit=1)) == 1
    storage.schedule({"now": NOON, "soon": NOON + instant, "dropped": NOON})
    storage.schedule({"dropped": None})
    assert {one.tenant for one in storage.claim_due(now=NOON, ttl=HOUR, limit=9)} == {"now", "expired"}
    with pytest.raises(LeaseLost):
        storage.renew(old, now=NOON, ttl=HOUR)
    assert {one.tenant for one in storage.claim_due(now=NOON + instant, ttl=HOUR, limit=9)} == {"soon", "leased"}


def test_ST33_no_tenant_goes_to_two_workers(backend: Backend) -> None:
    """Workers who ask at once, through one handle or several, get each due tenant once between them."""
    shared = backend.open()
    names = {f"t{number:02d}" for number in range(24)}
    for handles in ([shared] * 4, [shared, *(backend.open() for _ in range(3))]):
        shared.schedule(dict.fromkeys(names, NOON))
        taken: list[Claim] = []

        def work(place: int, handles: list[Storage] = handles, taken: list[Claim] = taken) -> None:
            while some := handles[place].claim_due(now=NOON, ttl=HOUR, limit=5):
                taken.extend(some)

        assert in_threads(4, work) == []
        assert sorted(one.tenant for one in taken) == sorted(names)
        for one in taken:
            shared.release(one)


def test_ST34_releasing_says_when_a_tenant_is_due_next(backend: Backend) -> None:
    """The newest claim sets it, also on a tenant that was not scheduled; one overtaken or released sets nothing."""
    storage = backend.open()
    old = claim(storage)
    new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
    storage.release(old, due_at=NOON)
    assert storage.tenant("acme").due_at is None
    storage.release(new, due_at=NOON + 9 * HOUR)
    storage.release(new, due_at=NOON)
    record = storage.tenant("acme")
    assert (record.due_at, record.expires_at) == (NOON + 9 * HOUR, None)
    storage.release(again := storage.claim("acme", now=NOON, ttl=HOUR))
    assert again.due_at == NOON + 9 * HOUR
    assert storage.tenant("acme").due_at == NOON + 9 * HOUR


def test_ST35_a_schedule_is_set_whole(backend: Backend) -> None:
    """All or none are set; with ``only_new`` the scheduled stay; ``None`` takes off; leases stay as they are."""
    storage = backend.open()
    taken = claim(storage)
    later = NOON + HOUR
    storage.schedule({"acme": NOON, "umbrella": NOON, "never heard of": None})
    storage.schedule({"acme": later, "umbrella": None, "new": later}, only_new=True)
    with pytest.raises(UsageError):
        storage.schedule({"acme": later, "other": later.replace(tzinfo=None)})
    assert {one.tenant: one.due_at for one in storage.tenants()} == {"acme": NOON, "umbrella": NOON, "new": later}
    storage.schedule({"acme": None, "umbrella": later})
    storage.schedule({"acme": later}, only_new=True)
    assert {one.tenant: one.due_at for one in storage.tenants()} == {"acme": later, "umbrella": later, "new": later}
    assert storage.renew(taken, now=NOON, ttl=HOUR).fence == taken.fence


def test_ST36_all_tenants_are_told_in_order(backend: Backend) -> None:
    """Whoever was claimed, scheduled or given a document is told once, by pages, in bytewise order of name."""
    storage = backend.open()
    names = sorted(ODD_IDS, key=lambda one: one.encode())
    storage.schedule(dict.fromkeys(names[::2], NOON))
    for name in names[1::2]:
        storage.record(name, documents=[note(b"x")])
    storage.claim("claimed", now=NOON, ttl=HOUR)
    names.append("claimed")
    names.sort(key=lambda one: one.encode())
    for limit in (1, 5, len(names), KEYS_AT_ONCE):
        found: list[TenantRecord] = []
        after = None
        while page := storage.tenants(after=after, limit=limit):
            found += page
            after = page[-1].tenant
        assert [one.tenant for one in found] == names
        assert found == [storage.tenant(name) for name in names]


def test_ST37_the_totals_are_those_of_the_live_accounts(backend: Backend) -> None:
    """Number and digest follow creations, updates and endings in one batch or in several, beyond 128 bits too."""
    storage = backend.open()
    taken = claim(storage)
    big = account("big", fingerprint=b"\xff" * 16)
    one, two, three = account("s1"), account("s2", fingerprint=b"\xf0" * 16), account("s3")
    later = evolve(one, version=2, fingerprint=digest("later"))
    batches = [
        (put(big, one), [big, one]),
        (Batch((*put(later, two, three).writes, *erase(big).writes)), [later, two, three]),
        (Batch(entries=(b"e",)), [later, two, three]),
        (erase(later, three), [two]),
        (erase(two), []),
        (put(account("s4", account_id="fourth", fingerprint=b"\0" * 16)), [account("s4", fingerprint=b"\0" * 16)]),
    ]
    for batch, live in batches:
        storage.commit(taken, batch)
        record = storage.tenant("acme")
        expected = sum(int.from_bytes(there.fingerprint, "big") for there in live) % 2**128
        assert (record.accounts, record.digest) == (len(live), expected)


# --- the journal, and documents ---------------------------------------------------------------------------------------


def test_ST38_the_journal_has_no_gaps(backend: Backend) -> None:
    """Entries stand in the order given, from 1 on, whatever their bytes; a refused batch appends nothing."""
    storage = backend.open()
    taken = claim(storage)
    contents = [b"", b"\0", b"\0\0\0\5", os.urandom(70_000), *(f"{number}".encode() for number in range(500))]
    storage.commit(taken, Batch(entries=tuple(contents[:3])))
    with pytest.raises(WriteConflict):
        storage.commit(taken, evolve(put(account(version=7)), entries=(b"refused",)))
    storage.commit(taken, put(account()))
    storage.commit(taken, evolve(put(account("s2")), entries=tuple(contents[3:])))
    assert list(storage.entries("acme")) == [Entry(place, one) for place, one in enumerate(contents, start=1)]
    assert storage.tenant("acme").position == len(contents)


def test_ST39_pages_of_the_journal_meet(backend: Backend) -> None:
    """Walking the journal by pages of any size yields each entry once; ``after`` is not included."""
    storage = backend.open()
    taken = claim(storage)
    for size in (1, 4, 2, 5):
        storage.commit(taken, Batch(entries=(b"e",) * size))
    for limit in (1, 2, 3, 11, 12, 13):
        found: list[int] = []
        while page := storage.entries("acme", after=found[-1] if found else 0, limit=limit):
            assert len(page) == min(limit, 12 - len(found))
            found += [entry.position for entry in page]
        assert found == list(range(1, 13))
    assert list(storage.entries("acme", after=99)) == []


def test_ST40_trimming_removes_the_oldest_entries(backend: Backend) -> None:
    """Entries up to a position go, in the middle of a commit's too, and no position is ever used again."""
    storage = backend.open()
    taken = claim(storage)
    for _ in range(3):
        storage.commit(taken, Batch(entries=(b"a", b"b", b"c", b"d")))
    for through, first in ((0, 1), (2, 3), (1, 3), (4, 5), (9, 10)):
        storage.trim("acme", through=through)
        assert [entry.position for entry in storage.entries("acme")] == list(range(first, 13))
    assert list(storage.entries("acme", limit=1)) == [Entry(10, b"b")]
    storage.trim("acme", through=1000)
    assert list(storage.entries("acme")) == []
    storage.commit(taken, Batch(entries=(b"next",)))
    assert list(storage.entries("acme")) == [Entry(13, b"next")]


def test_ST41_a_document_is_written_over_the_version_it_expects(backend: Backend) -> None:
    """Writing, replacing and removing need the right version; a removed document begins anew."""
    storage = backend.open()
    storage.record("acme", documents=[note(b"one")])
    storage.record("acme", documents=[note(b"", 1)])
    there = Document("note", "n", b"", 2)
    for wrong in (note(b"x"), note(b"x", 1), note(b"x", 3), note(None, 1), note(None, 3), note(b"x", 1, key="absent")):
        with pytest.raises(WriteConflict):
            storage.record("acme", documents=[wrong])
        assert list(storage.documents("acme", "note")) == [there]
    assert storage.document("acme", "note", "n") == there
    storage.record("acme", documents=[note(None, 2)])
    assert storage.document("acme", "note", "n") is None
    with pytest.raises(WriteConflict):
        storage.record("acme", documents=[note(None, 2)])
    large = os.urandom(100_000)
    storage.record("acme", documents=[note(large)])
    assert storage.document("acme", "note", "n") == Document("note", "n", large, 1)


def test_ST42_documents_of_a_batch_are_written_with_it_or_not_at_all(backend: Backend) -> None:
    """One that is not as expected refuses accounts, entries and other documents; and the other way round."""
    storage = backend.open()
    taken = claim(storage)
    storage.commit(taken, Batch(documents=(note(b"one"), note(b"gone", key="g"))))
    documents = (note(b"two", 1), note(None, 1, key="g"), note(b"new", key="a"))
    for wrong in (
        Batch(put(account()).writes, (b"e",), (*documents, note(b"x", 1, key="absent"))),
        Batch(put(account()).writes, (b"e",), (note(b"x"), *documents[1:])),
        Batch(put(account(version=7)).writes, (b"e",), documents),
    ):
        with pytest.raises(WriteConflict):
            storage.commit(taken, wrong)
        assert [one.value for one in storage.documents("acme", "note")] == [b"gone", b"one"]
        assert storage.tenant("acme").position == storage.tenant("acme").accounts == 0
    storage.commit(taken, Batch(put(account()).writes, (b"e",), documents))
    assert {(one.key, one.value, one.version) for one in storage.documents("acme", "note")} == {
        ("a", b"new", 1),
        ("n", b"two", 2),
    }
    assert (storage.tenant("acme").position, storage.tenant("acme").accounts) == (1, 1)


def test_ST43_documents_of_a_kind_are_told_in_order(backend: Backend) -> None:
    """By pages, in bytewise order of key; documents of other kinds under the same keys are apart."""
    storage = backend.open()
    keys = sorted(ODD_IDS, key=lambda one: one.encode())
    for key in reversed(keys):
        storage.record("acme", documents=[note(key.encode(), key=key)])
    storage.record("acme", documents=[PutDocument("", keys[3], b"other", 0)])
    storage.record("acme", documents=[PutDocument("notes", keys[3], b"another", 0)])
    for limit in (1, 5, len(keys), KEYS_AT_ONCE):
        found: list[Document] = []
        after = None
        while page := storage.documents("acme", "note", after=after, limit=limit):
            found += page
            after = (page[-1].kind, page[-1].key)
        assert found == [Document("note", key, key.encode(), 1) for key in keys]
    assert [one.value for one in storage.documents("acme", "")] == [b"other"]


# --- batches by name --------------------------------------------------------------------------------------------------


def test_ST44_a_batch_that_is_repeated_is_not_applied_again(backend: Backend) -> None:
    """The latest batch gets its first receipt, whatever has become of the claim; another id is applied."""
    storage = backend.open()
    taken = claim(storage)
    batch = Batch(put(account("s1")).writes, (b"e",), (note(b"d"),), "first")
    receipt = storage.commit(taken, batch)
    assert storage.commit(taken, batch) == receipt
    storage.record("acme", documents=[note(b"later", 1)])
    storage.release(taken)
    assert storage.commit(taken, batch) == receipt
    newer = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
    assert storage.commit(taken, batch) == receipt
    assert storage.tenant("acme").position == 1
    assert storage.commit(newer, Batch(entries=(b"f",), id="second")) == receipt
    assert [entry.content for entry in storage.entries("acme")] == [b"e", b"f"]


def test_ST45_only_the_latest_commit_is_known_by_its_id(backend: Backend) -> None:
    """The id of a refused batch, and of one before the latest, is as good as new, as is no id at all."""
    storage = backend.open()
    taken = claim(storage)
    refused = evolve(put(account(version=7)), id="a")
    for _ in range(2):
        with pytest.raises(WriteConflict):
            storage.commit(taken, refused)
    storage.commit(taken, Batch(entries=(b"1",), id="a"))
    storage.commit(taken, Batch(entries=(b"2",), id="b"))
    storage.commit(taken, Batch(entries=(b"3",), id="a"))
    storage.commit(taken, Batch(entries=(b"4",)))
    storage.commit(taken, Batch(entries=(b"5",)))
    storage.commit(taken, Batch(entries=(b"6",), id="a"))
    storage.commit(taken, Batch(entries=(b"7",), id=""))
    storage.commit(taken, Batch(entries=(b"8",), id=""))
    assert b"".join(entry.content for entry in storage.entries("acme")) == b"1234567"
