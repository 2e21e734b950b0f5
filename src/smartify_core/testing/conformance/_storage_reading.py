"""Clauses about reading: what was put is told as it is, in order, and by pages that meet."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from smartify_core.errors import UsageError
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Batch,
    Document,
    Entry,
    Head,
    HeadPage,
    InactiveReason,
    PutDocument,
    TenantRecord,
)
from smartify_core.storage import KEYS_AT_ONCE

from ._storage_values import (
    HOUR,
    LONGEST,
    NOON,
    ODD_IDS,
    account,
    append,
    bytewise,
    claim,
    contents,
    digest,
    erase,
    everything,
    evolve,
    note,
    paged,
    put,
)
from ._storage_world import StorageWorld


class ReadingClauses:
    """ST-05 to ST-14."""

    def test_ST05_a_tenant_never_heard_of_is_empty(self, world: StorageWorld) -> None:
        """Reading one is no error and brings nothing into being."""
        storage = world.handle()
        assert storage.tenant("acme") == TenantRecord("acme", 0, None, 0, None, 0, 0, 0, {})
        assert list(storage.entries("acme")) == []
        assert list(storage.entries("acme", journal="trail")) == []
        storage.trim("acme", through=3)
        storage.trim("acme", journal="trail", through=3)
        assert storage.document("acme", "note", "n") is None
        assert list(storage.documents("acme", "note")) == list(storage.documents("acme")) == []
        assert list(storage.claim_due(now=NOON, ttl=HOUR, limit=1)) == []
        assert list(storage.tenants()) == []
        assert list(storage.heads("acme")) == []
        assert dict(storage.load("acme", ["s1"])) == {}
        assert list(storage.find_by_email("acme", [digest("x")])) == []
        assert list(storage.tombstones("acme")) == []
        assert dict(storage.tombstones_of("acme", ["s1"])) == {}

    def test_ST06_what_was_put_is_loaded_field_by_field(self, world: StorageWorld) -> None:
        """Every field comes back equal: empty and long bytes, zeros, odd ids, times to the microsecond."""
        storage, again = world.handle(), world.handle()
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

    def test_ST07_keyed_reads_answer_for_known_keys_only(self, world: StorageWorld) -> None:
        """Unknown keys are absent from the answer, and a key named twice is answered once."""
        storage = world.handle()
        storage.commit(claim(storage), put(account("s1"), account("s2")))
        assert set(storage.load("acme", ["s2", "nobody", "s1", "s2"])) == {"s1", "s2"}
        assert dict(storage.load("acme", [])) == {}
        found = storage.find_by_email("acme", [digest("email", "s1"), digest("nobody"), digest("email", "s1")])
        assert [one.source_id for one in found] == ["s1"]
        assert list(storage.find_by_email("acme", [])) == []
        assert dict(storage.tombstones_of("acme", ["s1", "nobody"])) == {}

    def test_ST08_scans_are_in_bytewise_order(self, world: StorageWorld) -> None:
        """Ids ascend by their UTF-8 bytes: upper before lower case, the private area before the other planes."""
        storage = world.handle()
        taken = claim(storage)
        made = [account(source_id) for source_id in reversed(ODD_IDS)]
        expected = bytewise(ODD_IDS)
        storage.commit(taken, put(*made))
        assert [head.source_id for head in storage.heads("acme")] == expected
        one_by_one = paged(storage.heads, lambda head: head.source_id, 1)
        assert [head.source_id for page in one_by_one for head in page] == expected
        storage.commit(taken, erase(*made))
        assert [one.source_id for one in storage.tombstones("acme")] == expected

    def test_ST09_pages_meet_without_gap_or_overlap(self, world: StorageWorld) -> None:
        """Walking a scan by pages of any size yields every entry once; ``after`` need not exist and is not included."""
        storage = world.handle()
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

    def test_ST10_a_head_tells_the_account_as_it_is(self, world: StorageWorld) -> None:
        """Fingerprint, state, reason and version are those of the latest write, and the columns say the same."""
        storage = world.handle()
        taken = claim(storage)
        gone = account("s3", state=AccountState.INACTIVE, inactive_reason=InactiveReason.DELETED)
        one, away = account("s1"), account("s2", state=AccountState.INACTIVE, inactive_reason=InactiveReason.ARCHIVED)
        later = evolve(one, version=2, fingerprint=digest("new"), state=AccountState.INACTIVE)
        storage.commit(taken, put(one, away, gone))
        storage.commit(taken, put(later))
        expected = {
            Head(one.source_id, one.fingerprint, one.state, one.version, one.inactive_reason)
            for one in (later, away, gone)
        }
        page = storage.heads("acme")
        assert set(page) == expected
        assert page == HeadPage.of(page)
        assert page.source_ids == tuple(head.source_id for head in page)
        assert page.fingerprints == b"".join(head.fingerprint for head in page)
        assert page.waiting == ("s3",)

    def test_ST11_addresses_are_found_as_they_are_now(self, world: StorageWorld) -> None:
        """An index finds every live account that carries it, in bytewise order, and none that carried it before."""
        storage = world.handle()
        taken = claim(storage)
        shared = digest("shared")
        made = [account(name, email_index=shared) for name in ("\U00010000", "\uffff", "b", "B")]
        near = account("near", email_index=shared[:-1] + bytes([shared[-1] ^ 1]))
        storage.commit(taken, put(*made, near))
        found = [one.source_id for one in storage.find_by_email("acme", [shared])]
        assert found == ["B", "b", "\uffff", "\U00010000"]
        for other in (b"", shared[:8], shared[:-1], shared + b"\0"):
            assert list(storage.find_by_email("acme", [other])) == []
        storage.commit(taken, put(evolve(made[2], version=2, email_index=digest("moved"))))
        assert {one.source_id for one in storage.find_by_email("acme", [shared])} == {"B", "\uffff", "\U00010000"}
        assert {one.source_id for one in storage.find_by_email("acme", [digest("moved"), near.email_index])} == {
            "b",
            "near",
        }

    def test_ST12_the_latest_tombstone_of_a_person_is_told(self, world: StorageWorld) -> None:
        """Of several tombstones of a source id the one with the latest end counts, then the greatest account id."""
        storage = world.handle()
        taken = claim(storage)
        ends = [("c", NOON), ("a", NOON + HOUR), ("d", NOON), ("b", NOON + HOUR)]
        for name, at in ends:
            one = account("s1", account_id=name)
            storage.commit(taken, put(one))
            storage.commit(taken, erase(one, at=at))
        assert storage.tombstones_of("acme", ["s1"])["s1"].account_id == "b"

    def test_ST13_tenants_do_not_meet(self, world: StorageWorld) -> None:
        """Whatever two tenants hold under the same ids is apart: from their leases to their journals and documents."""
        storage = world.handle()
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
        storage.commit(ours, Batch(entries=(b"e",), documents=(note(b"d"),), id="b", appends=(append(b"t"),)))
        storage.schedule({"acme": NOON})
        record = storage.tenant("umbrella")
        assert (record.due_at, record.accounts, record.position, dict(record.positions)) == (None, 1, 0, {})
        assert record.digest == int.from_bytes(other.fingerprint, "big")
        assert list(storage.entries("umbrella")) == list(storage.entries("umbrella", journal="trail")) == []
        assert storage.document("umbrella", "note", "n") is None
        assert list(storage.documents("umbrella", "note")) == list(storage.documents("umbrella")) == []
        storage.record("umbrella", documents=[note(b"theirs")], appends=[append(b"theirs", at=0)])
        storage.commit(theirs, Batch(entries=(b"theirs",), id="b"))
        storage.trim("acme", through=1)
        storage.trim("acme", journal="trail", through=1)
        for journal in (OUTBOX, "trail"):
            assert list(storage.entries("umbrella", journal=journal)) == [Entry(1, b"theirs")]
        assert list(storage.documents("acme")) == [Document("note", "n", b"d", 1)]
        assert list(storage.documents("umbrella")) == [Document("note", "n", b"theirs", 1)]

    def test_ST14_a_call_takes_a_thousand_keys_and_no_more(self, world: StorageWorld) -> None:
        """Exactly `KEYS_AT_ONCE` keys or entries are served; one more, or a page of none, is refused."""
        storage = world.handle()
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
            with pytest.raises(UsageError):
                storage.documents("acme", limit=limit)
        storage.schedule(dict.fromkeys(names, NOON))
        assert len(storage.claim_due(now=NOON, ttl=HOUR, limit=KEYS_AT_ONCE)) == KEYS_AT_ONCE
        with pytest.raises(UsageError):
            storage.schedule(dict.fromkeys([*names, "more"], NOON))
        for call in (storage.load, storage.tombstones_of):
            with pytest.raises(UsageError):
                call("acme", [*names, "more"])
        with pytest.raises(UsageError):
            storage.find_by_email("acme", [digest(number) for number in range(KEYS_AT_ONCE + 1)])
        self._an_id_may_be_long(world)

    def _an_id_may_be_long(self, world: StorageWorld) -> None:
        """Ids of the most bytes that there may be are kept apart wherever there are ids, alone and in pages."""
        storage = world.handle()
        for tenant in LONGEST:
            taken = claim(storage, tenant)
            one, other = (account(name, tenant=tenant, account_id=name, predecessor=name) for name in LONGEST)
            storage.commit(taken, evolve(put(one, other), id=LONGEST[0]))
            storage.commit(taken, evolve(put(one, other), id=LONGEST[0]))
            assert [head.source_id for head in storage.heads(tenant)] == list(LONGEST)
            assert [head.source_id for head in storage.heads(tenant, after=LONGEST[0], limit=1)] == [LONGEST[1]]
            assert storage.load(tenant, LONGEST) == {one.source_id: one, other.source_id: other}
            assert list(storage.find_by_email(tenant, [other.email_index])) == [other]
            storage.commit(taken, erase(one, other))
            assert [left.source_id for left in storage.tombstones(tenant, after=LONGEST[0])] == [LONGEST[1]]
            assert list(storage.tombstones_of(tenant, LONGEST)) == list(LONGEST)
            documents = [PutDocument("n", name[1:], b"d", 0) for name in LONGEST]
            storage.record(tenant, documents=documents, appends=[append(b"e", journal=name) for name in LONGEST])
            assert [found.key for found in storage.documents(tenant)] == [name[1:] for name in LONGEST]
            assert [found.key for found in storage.documents(tenant, "n", after=("n", LONGEST[0][1:]))] == [
                LONGEST[1][1:]
            ]
            assert storage.document(tenant, "n", LONGEST[1][1:]) == Document("n", LONGEST[1][1:], b"d", 1)
            assert [contents(storage, name, tenant) for name in LONGEST] == [[b"e"], [b"e"]]
            storage.release(taken, due_at=NOON)
        assert [found.tenant for found in storage.tenants(after=LONGEST[0])] == [LONGEST[1]]
        assert [due.tenant for due in storage.claim_due(now=NOON, ttl=HOUR, limit=3)] == list(LONGEST)
