"""Clauses about the life of a snapshot, and what a source says of itself."""

from __future__ import annotations

import threading
from collections import defaultdict

import pytest

from smartify_core.directory import Capability, DirectorySource, Snapshot
from smartify_core.errors import SnapshotMisused
from smartify_core.model import Stage

from ._directory_model import Walk
from ._directory_reading import cast, crowd, found_in, read
from ._directory_world import DirectoryWorld


class SnapshotClauses:
    """DS-39 to DS-48."""

    def test_DS39_is_read_once(self, world: DirectoryWorld) -> None:
        """Reading a snapshot a second time is misuse, during the first reading and after it."""
        cast(world)
        with world.source.snapshot() as snapshot:
            people = snapshot.identities()
            next(people)
            with pytest.raises(SnapshotMisused):
                next(snapshot.identities())
        with world.source.snapshot() as snapshot:
            list(snapshot.identities())
            with pytest.raises(SnapshotMisused):
                next(snapshot.identities())

    def test_DS40_certificate_comes_last(self, world: DirectoryWorld) -> None:
        """Before the last person has been read there is no certificate, no rejects, and nobody can be confirmed."""
        first, _, _ = cast(world)
        with world.source.snapshot() as snapshot:
            _assert_nothing_vouched(snapshot, first)
            people = snapshot.identities()
            next(people)
            _assert_nothing_vouched(snapshot, first)
            list(people)
            assert snapshot.certificate.complete
            assert snapshot.rejects == ()

    def test_DS41_close_is_final_and_harmless(self, world: DirectoryWorld) -> None:
        """Closing twice is harmless, at any moment; a closed snapshot can be neither read nor asked."""
        first, _, _ = cast(world)
        for moment in ("before", "during", "after"):
            with world.source.snapshot() as snapshot:
                if moment != "before":
                    people = snapshot.identities()
                    next(people)
                    if moment == "after":
                        list(people)
                snapshot.close()
                snapshot.close()
            with pytest.raises(SnapshotMisused):
                next(snapshot.identities())
            with pytest.raises(SnapshotMisused):
                snapshot.confirm([first])
        assert first in read(world).people

    def test_DS42_ids_are_unique(self, world: DirectoryWorld) -> None:
        """Every snapshot has an id of its own that stays the same and is not empty."""
        cast(world)
        ids = []
        for _ in range(3):
            with world.source.snapshot() as snapshot:
                before = snapshot.id
                list(snapshot.identities())
                assert snapshot.id == before
                ids.append(before)
        assert all(ids)
        assert len(set(ids)) == len(ids)

    def test_DS43_snapshots_are_independent(self, world: DirectoryWorld) -> None:
        """Two snapshots that are read side by side both see everybody, and closing one leaves the other alone."""
        crowd(world, 5)
        expected = read(world).people
        with world.source.snapshot() as one, world.source.snapshot() as other:
            first, second = one.identities(), other.identities()
            begun = [next(first), next(second)]
            assert {person.source_id: person for person in (begun[0], *first)} == expected
            one.close()
            assert {person.source_id: person for person in (begun[1], *second)} == expected
            assert other.certificate.complete

    def test_DS44_progress_grows(self, world: DirectoryWorld) -> None:
        """Progress never falls, never passes its total, ends with everybody, and is told by one thread at a time."""
        people = crowd(world, 11)
        for number in range(3):
            group = world.add_group(email=f"group{number}@{world.domain}", name=f"Group {number}")
            world.add_member(group, people[0])
        told: dict[Stage, list[tuple[int, int | None]]] = defaultdict(list)
        telling = threading.Lock()
        overlaps = []

        def listen(stage: Stage, done: int, total: int | None) -> None:
            if not telling.acquire(blocking=False):
                overlaps.append(stage)
                return
            told[stage].append((done, total))
            telling.release()

        with world.source.snapshot(progress=listen) as snapshot:
            listed = {person.source_id for person in snapshot.identities()}
        assert overlaps == []
        assert set(told) <= {Stage.USERS_READ, Stage.GROUPS_READ}
        for reports in told.values():
            counts = [done for done, _ in reports]
            assert counts == sorted(counts)
            assert all(total is None or done <= total for done, total in reports)
        assert told[Stage.USERS_READ][-1][0] == len(listed)

    def test_DS45_requests_are_counted(self, world: DirectoryWorld) -> None:
        """The number of requests is never negative and never falls."""
        first, _, _ = cast(world)
        with world.source.snapshot() as snapshot:
            counts = [snapshot.requests]
            counts += [snapshot.requests for _ in snapshot.identities()]
            snapshot.confirm([first])
            counts.append(snapshot.requests)
        assert counts[0] >= 0
        assert counts == sorted(counts)

    def test_DS46_capabilities_stay(self, world: DirectoryWorld) -> None:
        """A source is a `DirectorySource` and declares the same known capabilities before, during and after reading."""
        assert isinstance(world.source, DirectorySource)
        declared = world.source.capabilities
        cast(world)
        with world.source.snapshot() as snapshot:
            for _ in snapshot.identities():
                assert world.source.capabilities == declared
        assert world.source.capabilities == declared
        assert isinstance(declared, frozenset)
        assert {type(capability) for capability in declared} <= {Capability}

    def test_DS47_reprs_name_nobody(self, world: DirectoryWorld) -> None:
        """No repr of source, snapshot, person or answer holds a name or an address; nor does a snapshot's id."""
        ids = cast(world)
        with world.source.snapshot() as snapshot:
            said = [repr(world.source), repr(snapshot), snapshot.id]
            for person in snapshot.identities():
                said += [repr(person), repr(snapshot)]
            said += [repr(world.source), repr(snapshot), repr(snapshot.certificate), repr(snapshot.confirm(ids))]
        assert found_in(said, world) == []

    def test_DS48_any_history_reads_as_it_ended(self, world: DirectoryWorld) -> None:
        """After any run of changes a read equals what the changes amount to, person by person and group by group."""
        walk = Walk(world, bystanders=set(read(world).people))
        for _ in range(6):
            walk.stroll(12)
            assert walk.seen(read(world)) == walk.expected(), walk.steps


def _assert_nothing_vouched(snapshot: Snapshot, somebody: str) -> None:
    """Assert that a snapshot that is not read to its end vouches for nothing."""
    with pytest.raises(SnapshotMisused):
        _ = snapshot.certificate
    with pytest.raises(SnapshotMisused):
        _ = snapshot.rejects
    with pytest.raises(SnapshotMisused):
        snapshot.confirm([somebody])
