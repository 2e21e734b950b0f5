"""Recording a read and playing it back."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.directory import Capability, DirectorySource, Gone, Present, Snapshot, Uncertain
from smartify_core.errors import PlanForeign, SourceMalformed, SourceUnavailable, UsageError, WrongKey
from smartify_core.lifecycle import Reconciler
from smartify_core.lifecycle.recording import RecordedDirectory, SnapshotRecorder, _recording_file
from smartify_core.model import Identity, Stage
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity, make_sample

TENANT = "acme"
ADA = identity("ada", groups=["eng", "ops"], family_name="Łovelace")
BOB = identity("bob", groups=["eng"], suspended=True)
CID = identity("cid", archived=True)


@define
class Studio:
    """A directory and the file that it is recorded into."""

    path: Path
    directory: FakeDirectory = field(factory=lambda: FakeDirectory(ADA, BOB, CID))
    sealer: Sealer = field(factory=lambda: Sealer(MemoryKeyRing()))

    @property
    def recorder(self) -> SnapshotRecorder:
        return SnapshotRecorder(self.directory, self.path, self.sealer, TENANT)

    @property
    def recorded(self) -> RecordedDirectory:
        return RecordedDirectory(self.path, self.sealer, TENANT)

    def record(self, *questions: Iterable[str]) -> None:
        """Record a read, with a call of ``confirm`` for each of ``questions``."""
        everything(self.recorder, *questions)

    def left(self) -> list[str]:
        """Return the names of the files in the folder."""
        return sorted(file.name for file in self.path.parent.iterdir())


def everything(source: DirectorySource, *questions: Iterable[str]) -> tuple[object, ...]:
    """Read a source and return all that it says."""
    with source.snapshot() as snapshot:
        people = list(snapshot.identities())
        answers = [dict(snapshot.confirm(list(ids))) for ids in questions]
        told = (snapshot.id, people, snapshot.certificate, snapshot.rejects, answers, snapshot.requests)
    return *told, source.capabilities


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Return a studio of three people."""
    return Studio(tmp_path / "read")


def test_a_recording_says_what_the_read_said(studio: Studio) -> None:
    """People, groups by path, states, certificate, rejects, answers and capabilities come back as they were."""
    studio.directory.nest("eng", "ops")
    studio.directory.add_group("all")
    studio.directory.whole_customer("all")
    studio.directory.delete(CID)
    studio.directory.reject_next(BOB)
    studio.directory.miss_next(ADA)
    studio.directory.uncertain_next("nobody", reason="told so")
    studio.directory.truncate_next("groups", keep=2)
    questions = [[CID.source_id, "nobody"], [ADA.source_id]]
    said = everything(studio.recorder, *questions)
    studio.directory.forget(CID)
    for _ in range(2):
        assert everything(studio.recorded, *questions) == said
    (_, _, certificate, rejects, answers, *_) = said
    assert not getattr(certificate, "complete", True)
    assert rejects
    assert answers[0] == {CID.source_id: Gone("deleted list"), "nobody": Uncertain("told so")}  # type: ignore[index]  # a tuple of all kinds of things


def test_a_large_read_comes_back_in_any_order_of_questions(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks, answers in many of them: whoever is asked about again, later or earlier, has the same answer."""
    monkeypatch.setattr(_recording_file, "_CHUNK_BYTES", 2000)
    studio.directory = FakeDirectory.from_sample(make_sample(seed=3, people=300, groups=20))
    ids = [person.source_id for person in studio.directory.truth()]
    studio.record(ids[:100], ids[100:200])
    with studio.recorded.snapshot() as snapshot:
        assert list(snapshot.identities()) == studio.directory.truth()
        truth = {person.source_id: Present(person) for person in studio.directory.truth()}
        for asked in (ids[150:200], ids[:10], ids[90:110], ids[5:6]):
            assert snapshot.confirm(asked) == {each: truth[each] for each in asked}
        assert snapshot.confirm(ids[199:201]) == {
            ids[199]: truth[ids[199]],
            ids[200]: Uncertain("nobody asked in the recorded read"),
        }


def test_people_share_their_memberships_when_played_back(studio: Studio) -> None:
    """A group and path is one value for all its people, so that playing back is as cheap as reading."""
    studio.record()
    with studio.recorded.snapshot() as snapshot:
        people = {person.source_id: person for person in snapshot.identities()}
    shared = [
        each
        for person in (ADA, BOB)
        for each in people[person.source_id].memberships
        if each.group.email == "eng@acme.example"
    ]
    assert len(shared) == 2
    assert shared[0] is shared[1]


def test_the_same_plan_byte_for_byte(studio: Studio) -> None:
    """Played back against the same store, a read gives the plan that it gave at first."""
    clock, storage = ManualClock("2030-01-01"), MemoryStorage()
    Reconciler({TENANT: studio.directory}, storage, studio.sealer, clock=clock).run(TENANT)
    studio.directory.add(identity("dan", groups=["eng"]))
    studio.directory.delete(BOB)
    studio.directory.rename(ADA, family_name="King")
    studio.directory.restore(CID)
    clock.advance(hours=1)
    planned = Reconciler({TENANT: studio.recorder}, storage, studio.sealer, clock=clock).plan(TENANT)
    assert planned.counts.changes == 4
    studio.directory.forget(ADA)
    replayed = Reconciler({TENANT: studio.recorded}, storage, studio.sealer, clock=clock).plan(TENANT)
    assert replayed.to_bytes() == planned.to_bytes()
    assert replayed.hash == planned.hash


def test_nothing_personal_is_in_the_open(studio: Studio) -> None:
    """The file is its owner's alone and holds no name, address or group."""
    studio.record([ADA.source_id])
    content = studio.path.read_bytes()
    for person in (ADA, BOB, CID):
        for text in (person.email, person.given_name, person.family_name, person.source_id, "eng@"):
            assert text.encode() not in content
    assert stat.S_IMODE(studio.path.stat().st_mode) == 0o600
    assert "@" not in repr(studio.recorder) + repr(studio.recorded) + repr(studio.recorded.snapshot())


@pytest.mark.parametrize("moment", ["open", "read", "confirm"])
def test_a_failed_read_leaves_no_file(studio: Studio, moment: str) -> None:
    """Whenever the source fails, the recording of the read before stays, and nothing lies beside it."""
    studio.record()
    before = studio.path.read_bytes()
    studio.directory.fail_next(on=moment)  # type: ignore[arg-type]  # a parametrised moment is any text
    with pytest.raises(SourceUnavailable):
        studio.record([ADA.source_id])
    assert studio.path.read_bytes() == before
    assert studio.left() == ["read"]


def test_a_read_that_is_given_up_leaves_no_file(studio: Studio) -> None:
    """Nor does a read that its reader did not finish, or never began."""
    with studio.recorder.snapshot():
        pass
    with studio.recorder.snapshot() as snapshot:
        people = snapshot.identities()
        next(people)
        assert len(studio.left()) == 1, "written aside"
        assert not studio.path.exists()
    assert studio.left() == []


def test_where_nothing_can_be_written_the_read_says_so(studio: Studio) -> None:
    """A folder that is not there is an error of the caller's, before anybody is read."""
    recorder = SnapshotRecorder(studio.directory, studio.path / "no" / "read", studio.sealer, TENANT)
    with recorder.snapshot() as snapshot, pytest.raises(UsageError, match="cannot be written: FileNotFoundError"):
        next(snapshot.identities())


def chunks_of(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the opening line and the frames of a recording."""
    opening, _, rest = content.partition(b"\n")
    frames = []
    while rest:
        length = 5 + int.from_bytes(rest[1:5], "big")
        frames.append(rest[:length])
        rest = rest[length:]
    return opening + b"\n", frames


def assert_damaged(studio: Studio, content: bytes) -> None:
    """Assert that a recording of ``content`` is refused as damaged, whenever that is noticed."""
    studio.path.write_bytes(content)
    with pytest.raises((SourceMalformed, PlanForeign)) as raised:
        everything(studio.recorded)
    assert raised.value.cure
    assert raised.value.__cause__ is None


def test_every_cut_and_every_reordering_is_noticed(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that are cut off, left out, swapped, doubled, altered, or from another recording never pass."""
    monkeypatch.setattr(_recording_file, "_CHUNK_BYTES", 100)
    studio.record()
    other = chunks_of(studio.path.read_bytes())[1]
    studio.record([ADA.source_id])
    opening, frames = chunks_of(studio.path.read_bytes())
    assert len(frames) > 3
    whole = b"".join(frames)
    assert_damaged(studio, b"")
    assert_damaged(studio, opening)
    for number in range(len(frames)):
        assert_damaged(studio, opening + b"".join(frames[:number]))
        assert_damaged(studio, opening + b"".join(frames[:number] + frames[number + 1 :]))
        assert_damaged(studio, opening + b"".join([*frames[:number], other[0], *frames[number + 1 :]]))
        altered = bytearray(frames[number])
        altered[-1] ^= 1
        assert_damaged(studio, opening + b"".join([*frames[:number], bytes(altered), *frames[number + 1 :]]))
    for number in range(len(frames) - 1):
        ended = b"." + frames[number][1:]
        assert_damaged(studio, opening + b"".join([*frames[:number], ended]))
        swapped = [*frames[:number], frames[number + 1], frames[number], *frames[number + 2 :]]
        assert_damaged(studio, opening + b"".join(swapped))
    assert_damaged(studio, opening + whole + frames[-1])
    assert_damaged(studio, opening + whole[:-1])
    assert_damaged(studio, opening.replace(b'"version": 1', b'"version": 2') + whole)
    assert_damaged(studio, b"kind: identity\n")
    studio.path.write_bytes(opening + whole)
    assert everything(studio.recorded)[1] == studio.directory.truth()


def test_another_tenant_or_key_is_told(studio: Studio) -> None:
    """A recording opens for its tenant and under its key only, and the error says which is wrong."""
    studio.record()
    with pytest.raises(PlanForeign, match="another tenant"):
        RecordedDirectory(studio.path, studio.sealer, "umbrella")
    with pytest.raises(WrongKey):
        RecordedDirectory(studio.path, Sealer(MemoryKeyRing()), TENANT)
    studio.path.write_bytes(studio.path.read_bytes().replace(b'"acme"', b'"umbrella"', 1))
    with pytest.raises(SourceMalformed, match="does not open"):
        RecordedDirectory(studio.path, studio.sealer, "umbrella")


def test_what_is_no_file_is_unavailable(studio: Studio) -> None:
    """A missing file and a folder in its place cannot be read."""
    with pytest.raises(PlanForeign, match="FileNotFoundError"):
        _ = studio.recorded
    with pytest.raises(PlanForeign, match="no regular file"):
        RecordedDirectory(studio.path.parent, studio.sealer, TENANT)


def test_a_look_up_is_passed_on_and_not_played_back(studio: Studio) -> None:
    """A look-up asks about now, which a recording cannot know; one of a source without single reads refuses."""
    assert studio.recorder.look_up([ADA.source_id]) == {ADA.source_id: Present(ADA)}
    studio.record()
    (answer,) = studio.recorded.look_up([ADA.source_id]).values()
    assert isinstance(answer, Uncertain)
    studio.directory = FakeDirectory(ADA, capabilities=frozenset({Capability.IMMUTABLE_IDS}))
    studio.record()
    with pytest.raises(UsageError, match="one person alone"):
        studio.recorded.look_up([ADA.source_id])


def test_playing_back_tells_its_progress_and_lets_go_of_the_file(studio: Studio) -> None:
    """Progress ends with everybody, and each playing has a file handle of its own."""
    studio.record()
    told: list[tuple[Stage, int, int | None]] = []
    source: DirectorySource = studio.recorded
    with source.snapshot() as idle, source.snapshot(progress=lambda *report: told.append(report)) as snapshot:
        playing: Snapshot = snapshot
        people: list[Identity] = list(playing.identities())
        assert len(list(idle.identities())) == len(people)
    assert told == [(Stage.USERS_READ, 3, 3)]
