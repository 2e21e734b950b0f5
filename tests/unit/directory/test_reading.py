"""The life of a snapshot, kept by `SnapshotLife` for whoever writes a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from smartify_core.directory import (
    Certificate,
    Findings,
    Listing,
    Presence,
    Reject,
    Snapshot,
    SnapshotLife,
    Uncertain,
)
from smartify_core.errors import SnapshotMisused, SourceUnavailable
from smartify_core.model import Identity, Stage
from smartify_core.testing import identity

ADA, BOB = identity("ada"), identity("bob")
REJECT = Reject("3", "the email is missing", "row 3")


class Row(SnapshotLife):
    """Two people in a row; what happens to it is noted."""

    def __init__(self, *people: Identity, breaks: bool = False) -> None:
        super().__init__("row-1", lambda *report: self.notes.append(str(report)))
        self.notes: list[str] = []
        self._people = people
        self._breaks = breaks

    def read(self) -> Iterator[Identity]:
        self.notes.append("read")
        yield from self._people
        if self._breaks:
            raise SourceUnavailable("the row broke off")
        self.report(Stage.USERS_READ, len(self._people), None)

    def found(self) -> Findings:
        self.notes.append("found")
        return Findings(Certificate((Listing("row", 1, len(self._people)),)), (REJECT,))

    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return dict.fromkeys(source_ids, Uncertain("rows do not answer"))

    def let_go(self) -> None:
        self.notes.append("let go")


def test_a_whole_life() -> None:
    """Nothing is read before it is wanted; found comes after the last person, and letting go once."""
    row = Row(ADA, BOB)
    with row as snapshot:
        whole: Snapshot = snapshot
        people = whole.identities()
        assert row.notes == []
        assert list(people) == [ADA, BOB]
        assert whole.certificate.complete
        assert whole.rejects == (REJECT,)
        assert whole.confirm(["9"]) == {"9": Uncertain("rows do not answer")}
        assert whole.requests == 0
    row.close()
    assert row.notes == ["read", f"({Stage.USERS_READ!r}, 2, None)", "found", "let go"]
    assert repr(row) == "<Row row-1>"


def test_a_broken_read_ends_the_snapshot() -> None:
    """After an error nothing is vouched for, and everything was let go of already."""
    row = Row(ADA, breaks=True)
    with pytest.raises(SourceUnavailable):
        list(row.identities())
    assert row.notes == ["read", "let go"]
    with pytest.raises(SnapshotMisused, match="not been read to its end"):
        _ = row.certificate
    with pytest.raises(SnapshotMisused):
        row.confirm(["9"])


def test_a_read_that_is_given_up_ends_the_snapshot() -> None:
    """Whoever stops listening in the middle lets go of everything."""
    row = Row(ADA, BOB)
    people = row.identities()
    next(people)
    del people
    assert row.notes == ["read", "let go"]


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_closed_snapshot_is_of_no_use(moment: str) -> None:
    """It can be neither read, read on, nor asked."""
    row = Row(ADA, BOB)
    people = row.identities()
    if moment != "before":
        next(people)
    if moment == "after":
        list(people)
    row.close()
    with pytest.raises(SnapshotMisused):
        row.identities()
    with pytest.raises(SnapshotMisused):
        row.confirm([])
    if moment != "after":
        with pytest.raises(SnapshotMisused, match="closed"):
            next(people)


def test_a_snapshot_is_read_once() -> None:
    """A second reading is refused at once."""
    row = Row(ADA)
    row.identities()
    with pytest.raises(SnapshotMisused, match="only once"):
        row.identities()
