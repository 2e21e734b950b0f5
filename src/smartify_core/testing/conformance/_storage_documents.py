"""Clauses about documents, and about what is written under no lease."""

from __future__ import annotations

import os

import pytest

from smartify_core.errors import WriteConflict
from smartify_core.model import OUTBOX, Batch, Document, PutDocument
from smartify_core.storage import KEYS_AT_ONCE

from ._storage_values import ODD_IDS, account, append, beside, bytewise, claim, contents, note, put, write
from ._storage_world import StorageWorld


class DocumentClauses:
    """ST-41 to ST-43 and ST-49."""

    def test_ST41_a_document_is_written_over_the_version_it_expects(self, world: StorageWorld) -> None:
        """Writing, replacing and removing need the right version; a removed document begins anew."""
        storage = world.handle()
        write(storage, note(b"one"))
        write(storage, note(b"", 1))
        there = Document("note", "n", b"", 2)
        absent = note(b"x", 1, key="absent")
        for wrong in (note(b"x"), note(b"x", 1), note(b"x", 3), note(None, 1), note(None, 3), absent):
            with pytest.raises(WriteConflict):
                write(storage, wrong)
            assert list(storage.documents("acme", "note")) == [there]
        assert storage.document("acme", "note", "n") == there
        write(storage, note(None, 2))
        assert storage.document("acme", "note", "n") is None
        with pytest.raises(WriteConflict):
            write(storage, note(None, 2))
        large = os.urandom(100_000)
        write(storage, note(large))
        assert storage.document("acme", "note", "n") == Document("note", "n", large, 1)

    def test_ST42_documents_of_a_batch_are_written_with_it_or_not_at_all(self, world: StorageWorld) -> None:
        """One that is not as expected refuses accounts, entries and other documents; and the other way round."""
        storage = world.handle()
        taken = claim(storage)
        storage.commit(taken, Batch(documents=(note(b"one"), note(b"gone", key="g"))))
        documents = (note(b"two", 1), note(None, 1, key="g"), note(b"new", key="a"))
        storage.record("acme", appends=[append(b"1", journal="old")])
        beyond = (append(b"t"),)
        for wrong in (
            Batch(put(account()).writes, (b"e",), (*documents, note(b"x", 1, key="absent")), appends=beyond),
            Batch(put(account()).writes, (b"e",), (note(b"x"), *documents[1:]), appends=beyond),
            Batch(put(account()).writes, (b"e",), documents, appends=(*beyond, append(b"2", journal="old", at=0))),
            Batch(put(account(version=7)).writes, (b"e",), documents, appends=beyond),
        ):
            with pytest.raises(WriteConflict):
                storage.commit(taken, wrong)
            assert [one.value for one in storage.documents("acme", "note")] == [b"gone", b"one"]
            assert storage.tenant("acme").position == storage.tenant("acme").accounts == 0
            assert (contents(storage, "trail"), contents(storage, "old")) == ([], [b"1"])
        storage.commit(taken, Batch(put(account()).writes, (b"e",), documents, appends=beyond))
        assert {(one.key, one.value, one.version) for one in storage.documents("acme", "note")} == {
            ("a", b"new", 1),
            ("n", b"two", 2),
        }
        assert (storage.tenant("acme").position, storage.tenant("acme").accounts) == (1, 1)
        assert contents(storage, "trail") == [b"t"]

    def test_ST43_documents_are_told_in_order(self, world: StorageWorld) -> None:
        """Of one kind or of all, by pages, in bytewise order of kind and then of key; kinds are apart."""
        storage = world.handle()
        keys = bytewise(ODD_IDS)
        for key in reversed(keys):
            write(storage, note(key.encode(), key=key))
        others = [
            PutDocument(kind, keys[3], kind.encode(), 0) for kind in ("notes", "", "\uffff", "\U00010000", "Note")
        ]
        write(storage, *others)
        notes = [Document("note", key, key.encode(), 1) for key in keys]
        beyond = [Document(one.kind, one.key, one.kind.encode(), 1) for one in others]
        whole = [beyond[1], beyond[4], *notes, beyond[0], beyond[2], beyond[3]]
        for kind, expected in (("note", notes), (None, whole)):
            for limit in (1, 5, len(expected), KEYS_AT_ONCE):
                found: list[Document] = []
                after: tuple[str, str] | None = None
                while page := storage.documents("acme", kind, after=after, limit=limit):
                    assert len(page) == min(limit, len(expected) - len(found))
                    found += page
                    after = (page[-1].kind, page[-1].key)
                assert found == expected
        assert [one.value for one in storage.documents("acme", "")] == [b""]
        # A place to begin after need not be one where something is, nor be of the kind.
        assert list(storage.documents("acme", "note", after=("note", keys[-1] + "x"))) == []
        assert list(storage.documents("acme", "note", after=("no", "x"))) == notes
        assert list(storage.documents("acme", "note", after=("notes", ""))) == []
        assert list(storage.documents("acme", after=("note!", ""))) == whole[-3:]

    def test_ST49_a_record_is_made_whole_and_under_no_lease(self, world: StorageWorld) -> None:
        """Documents and appends of one call are written together or not at all, whoever holds the lease."""
        storage = world.handle()
        taken = claim(storage)
        storage.commit(taken, Batch(put(account()).writes, (b"e",), id="b"))
        begun = [append(b"1"), append(b"1", journal="y"), append(b"1", journal="z")]
        storage.record("acme", documents=[note(b"1"), note(b"1", key="m")], appends=begun)
        before = beside(storage, "acme", "y", "z"), storage.tenant("acme")
        fine = [note(b"2", 1), note(None, 1, key="m"), note(b"2", key="a")]
        also = [append(b"2", at=1), append(b"2", journal="z"), append(b"2", journal=OUTBOX)]
        for place in range(4):
            with pytest.raises(WriteConflict):
                storage.record("acme", documents=[*fine[:place], note(b"x", 9, key="o"), *fine[place:]], appends=also)
            ahead = append(b"x", journal="y", at=7)
            with pytest.raises(WriteConflict):
                storage.record("acme", documents=fine, appends=[*also[:place], ahead, *also[place:]])
            assert (beside(storage, "acme", "y", "z"), storage.tenant("acme")) == before
        storage.record("acme", documents=fine, appends=also)
        assert {(one.key, one.value) for one in storage.documents("acme", "note")} == {("n", b"2"), ("a", b"2")}
        assert [contents(storage, one) for one in (OUTBOX, "trail", "z")] == [[b"e", b"2"], [b"1", b"2"], [b"1", b"2"]]
        # Neither the lease nor the name of the latest commit is disturbed.
        storage.record("acme")
        assert storage.commit(taken, Batch(put(account()).writes, (b"e",), id="b")).revision == 1
        assert storage.tenant("acme").position == 2
