from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve

from smartify_core.directory import Capability, Certificate, DirectorySource, Gone, Present, Reject, Snapshot, Uncertain
from smartify_core.directory.jsonl import JsonLinesDirectory, write_jsonl
from smartify_core.errors import SnapshotMisused, SourceMalformed, SourceUnavailable, UsageError
from smartify_core.model import Group, Identity, InactiveReason, MembershipPath, Stage
from smartify_core.testing import FakeDirectory, Sample, identity, make_sample

ADA = '{"kind":"identity","id":"1","email":"Ada@acme.example","given_name":"Ada","family_name":"King"}'
BOB = '{"kind":"identity","id":"2","email":"bob@acme.example","suspended":true,"archived":false}'
ENG = '{"kind":"group","id":"g","email":"eng@acme.example","name":"Engineers","members":["1","9","outsider"]}'
TOP = '{"kind":"group","id":"h","email":"top@acme.example","members":["g"]}'
ALL = '{"kind":"group","id":"a","email":"all@acme.example","everyone":true}'
CID_GONE = '{"kind":"deleted","id":"3"}'


def end(identities: int = 2, groups: int = 3) -> str:
    """Return an end line."""
    return json.dumps({"kind": "end", "identities": identities, "groups": groups})


WHOLE = (ADA, BOB, ENG, TOP, ALL, CID_GONE, end())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a complete directory file."""
    path = tmp_path / "people.jsonl"
    path.write_text("\n".join(WHOLE) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> tuple[dict[str, Identity], Certificate, tuple[Reject, ...]]:
    """Return what one read of a file says."""
    with JsonLinesDirectory(path).snapshot() as snapshot:
        people = {person.source_id: person for person in snapshot.identities()}
        return people, snapshot.certificate, snapshot.rejects


def rewritten(path: Path, *lines: str, end: str = "\n") -> Path:
    """Write other lines to the file."""
    path.write_bytes(end.join((*lines, "")).encode())
    return path


def left_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return [each.name for each in folder.iterdir()]


def paths(person: Identity) -> dict[str, MembershipPath]:
    """Return the person's group ids and paths."""
    return {each.group.id: each.path for each in person.memberships}


class TestReading:
    def test_whole_file(self, file: Path) -> None:
        """A complete file gives every person with state and all groups, and vouches for it."""
        source = JsonLinesDirectory(file)
        snapshot: Snapshot = source.snapshot()
        assert isinstance(source, DirectorySource)
        ada, bob = snapshot.identities()
        assert (ada.email, ada.given_name, ada.family_name, ada.active) == ("Ada@acme.example", "Ada", "King", True)
        assert (bob.given_name, bob.family_name, bob.inactive_reason) == ("", "", InactiveReason.SUSPENDED)
        direct, nested, whole = MembershipPath
        assert paths(ada) == {"a": whole, "g": direct, "h": nested}
        assert paths(bob) == {"a": whole}
        assert snapshot.certificate.complete
        assert [(each.name, each.records) for each in snapshot.certificate.listings] == [
            ("identities", 2),
            ("groups", 3),
        ]
        assert snapshot.rejects == ()
        assert snapshot.requests == 0

    def test_order_is_free(self, file: Path) -> None:
        """Lines may come in any order; only the end line is last."""
        expected = read(file)[0]
        rewritten(file, CID_GONE, ALL, TOP, ENG, BOB, ADA, end())
        assert read(file)[0] == expected

    def test_tolerates_how_editors_write(self, file: Path) -> None:
        """Byte order mark, CRLF, blank lines, spaces around a line, and a missing last line end make no difference."""
        expected = read(file)
        file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(("", *WHOLE[:3], "  ", f"  {TOP}\t", *WHOLE[4:])).encode())
        assert read(file) == expected

    def test_names_that_print_nothing(self, file: Path) -> None:
        """A name part that is null, missing or zero-width is the empty string."""
        person = {"kind": "identity", "id": "1", "email": "a@b.example", "given_name": "\u200b", "family_name": None}
        rewritten(file, json.dumps(person), end(1, 0))
        (found,) = read(file)[0].values()
        assert (found.given_name, found.family_name) == ("", "")

    def test_suspended_comes_before_archived(self, file: Path) -> None:
        """Who is both suspended and archived is suspended; who is archived is archived."""
        both = '{"kind":"identity","id":"1","email":"a@b.example","suspended":true,"archived":true}'
        one = '{"kind":"identity","id":"2","email":"c@b.example","archived":true}'
        found, _, _ = read(rewritten(file, both, one, end(2, 0)))
        assert found["1"].inactive_reason is InactiveReason.SUSPENDED
        assert found["2"].inactive_reason is InactiveReason.ARCHIVED

    def test_cycle_of_groups(self, file: Path) -> None:
        """Groups that contain one another do no harm."""
        one = '{"kind":"group","id":"p","email":"p@b.example","members":["q","1"]}'
        other = '{"kind":"group","id":"q","email":"q@b.example","members":["p","q"]}'
        found, _, _ = read(rewritten(file, one, other, ADA, end(1, 2)))
        assert paths(found["1"]) == {"p": MembershipPath.DIRECT, "q": MembershipPath.NESTED}

    def test_replaced_file_is_read_to_its_end(self, file: Path, tmp_path: Path) -> None:
        """Replacing the file during a read changes nothing for that read; the next one sees the new file."""
        source = JsonLinesDirectory(file)
        snapshot = source.snapshot()
        people = snapshot.identities()
        seen = [next(people)]
        rewritten(tmp_path / "new.jsonl", end(0, 0)).replace(file)
        seen += people
        assert [person.source_id for person in seen] == ["1", "2"]
        assert snapshot.certificate.complete
        assert list(source.snapshot().identities()) == []

    def test_progress(self, tmp_path: Path) -> None:
        """Progress grows while the file is read and ends with totals."""
        write_jsonl(tmp_path / "many", (identity(f"p{number}") for number in range(2_500)))
        told: list[tuple[Stage, int, int | None]] = []
        list(JsonLinesDirectory(tmp_path / "many").snapshot(progress=lambda *report: told.append(report)).identities())
        users = [done for stage, done, _ in told if stage is Stage.USERS_READ]
        assert users == [1_000, 2_000, 2_500]
        assert told[-2:] == [(Stage.USERS_READ, 2_500, 2_500), (Stage.GROUPS_READ, 0, 0)]

    def test_error_of_the_progress_sink_is_its_own(self, file: Path) -> None:
        """An error of the host's own progress sink is not taken for one of the file."""

        def broken(stage: Stage, done: int, total: int | None) -> None:
            raise BrokenPipeError(stage, done, total)

        with pytest.raises(BrokenPipeError):
            list(JsonLinesDirectory(file).snapshot(progress=broken).identities())


class TestCompleteness:
    @pytest.mark.parametrize(
        ("lines", "problem"),
        [
            (WHOLE[:-1], "end line is missing"),
            ((), "end line is missing"),
            ((*WHOLE[1:-1], end()), "counts 2, and there are 1"),
            ((*WHOLE[:4], end()), "counts 3, and there are 2"),
        ],
    )
    def test_cut_file_is_not_complete(self, file: Path, lines: tuple[str, ...], problem: str) -> None:
        """A file without an end line, or with other counts, vouches for nothing."""
        _, certificate, _ = read(rewritten(file, *lines))
        assert not certificate.complete
        assert problem in " ".join(certificate.problems)

    def test_every_cut_is_noticed(self, file: Path) -> None:
        """Wherever a file is cut, it is refused or not complete; never is a part of it taken for the whole."""
        content = file.read_bytes().rstrip()
        for length in range(len(content)):
            file.write_bytes(content[:length])
            try:
                _, certificate, _ = read(file)
            except SourceMalformed:
                continue
            assert not certificate.complete

    def test_empty_but_complete(self, file: Path) -> None:
        """A file of an end line alone is a complete directory of nobody."""
        people, certificate, _ = read(rewritten(file, end(0, 0)))
        assert people == {}
        assert certificate.complete


def broken_lines() -> Iterator[tuple[str, bytes]]:
    """Yield lines that are not in the format."""
    identity = {"kind": "identity", "id": "7", "email": "secret@acme.example"}
    group = {"kind": "group", "id": "7", "email": "secret@acme.example"}
    objects: dict[str, object] = {
        "a list": [identity],
        "a text": "secret@acme.example",
        "no kind": {"id": "7"},
        "an unknown kind": identity | {"kind": "secret@acme.example"},
        "a kind that is no text": identity | {"kind": 7},
        "an unknown key": identity | {"phone": "secret@acme.example"},
        "a key of another kind": identity | {"members": []},
        "no id": {"kind": "identity", "email": "secret@acme.example"},
        "an empty id": identity | {"id": ""},
        "an id with a space": identity | {"id": "secret @acme.example"},
        "an address as id": identity | {"id": "secret@acme.example"},
        "an address as a group's id": group | {"id": "secret@acme.example"},
        "an address as a member": group | {"members": ["1", "secret@acme.example"]},
        "an address as a deleted person's id": {"kind": "deleted", "id": "secret@acme.example"},
        "an id that is a number": identity | {"id": 7},
        "a name that is a number": identity | {"given_name": 7},
        "a name that is a list": identity | {"family_name": ["secret"]},
        "suspended that is a text": identity | {"suspended": "true"},
        "archived that is null": identity | {"archived": None},
        "a group without an email": {"kind": "group", "id": "7"},
        "a group with a bad email": group | {"email": "secret"},
        "members that are a text": group | {"members": "1"},
        "a member that is a number": group | {"members": [1]},
        "everyone that is a number": group | {"everyone": 1},
        "a group named by a surrogate": group | {"name": "\ud800"},
        "deleted with more to say": {"kind": "deleted", "id": "7", "email": "secret@acme.example"},
        "an end that counts in text": {"kind": "end", "identities": "2", "groups": 0},
        "an end that counts below zero": {"kind": "end", "identities": -1, "groups": 0},
        "an end that counts truths": {"kind": "end", "identities": True, "groups": 0},
        "an end without counts": {"kind": "end"},
        "the id of an earlier person": identity | {"id": "1"},
        "the id of an earlier group": identity | {"id": "g"},
        "a group with a person's id": group | {"id": "1"},
        "a deleted person who is there": {"kind": "deleted", "id": "1"},
    }
    for name, value in objects.items():
        yield name, json.dumps(value).encode()
    yield "no JSON", b"secret@acme.example"
    yield "half a line", b'{"kind":"identity","id":"7","email":"secret@ac'
    yield "the same key twice", b'{"kind":"identity","id":"7","id":"8","email":"secret@acme.example"}'
    yield "not UTF-8", '{"kind":"identity","id":"7","email":"secr\xe9t@acme.example"}'.encode("latin-1")
    yield "UTF-16", '{"kind":"deleted","id":"7"}'.encode("utf-16")
    yield "too deep", b"[" * 100_000
    yield "a number without end", b'{"kind":"end","identities":' + b"9" * 10_000 + b',"groups":0}'


class TestBrokenLines:
    @pytest.mark.parametrize(("line"), [line for _, line in broken_lines()], ids=[name for name, _ in broken_lines()])
    def test_is_named_by_number(self, file: Path, line: bytes) -> None:
        """A broken line stops the read before anybody is seen, is named by number, and is not quoted."""
        file.write_bytes(b"\n".join([ADA.encode(), b"", ENG.encode(), line, end().encode(), b""]))
        seen: list[Identity] = []
        with pytest.raises(SourceMalformed) as raised:
            seen.extend(JsonLinesDirectory(file).snapshot().identities())
        assert seen == []
        assert raised.value.where == "people.jsonl line 4"
        assert "secr" not in str(raised.value)
        assert raised.value.cure
        assert raised.value.__cause__ is None

    def test_line_after_the_end(self, file: Path) -> None:
        """Nothing comes after the end line, so that two files glued together are noticed."""
        rewritten(file, *WHOLE, CID_GONE)
        with pytest.raises(SourceMalformed, match="after the end line") as raised:
            read(file)
        assert raised.value.where == f"people.jsonl line {len(WHOLE) + 1}"

    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"email": None},
            {"email": 7},
            {"email": ""},
            {"email": "secret"},
            {"email": "secret@"},
            {"email": "@secret"},
            {"email": "a b@acme.example"},
            {"email": "a@b@acme.example"},
            {"email": "a\n@acme.example"},
            {"email": "\ud800@acme.example"},
            {"email": "a@acme.example", "given_name": "\ud800"},
        ],
    )
    def test_bad_email_is_one_bad_record(self, file: Path, record: dict[str, object]) -> None:
        """A person without a usable email or name is rejected with id and line; everybody else is read."""
        rewritten(file, ADA, json.dumps({"kind": "identity", "id": "7"} | record), end(2, 0))
        people, certificate, rejects = read(file)
        assert list(people) == ["1"]
        assert certificate.complete
        (reject,) = rejects
        assert (reject.source_id, reject.place) == ("7", "people.jsonl line 2")
        assert "secret" not in repr(reject)

    @pytest.mark.parametrize("place", ["missing.jsonl", ".", "no/such/folder", "null\0character"])
    def test_unreadable_file(self, tmp_path: Path, place: str) -> None:
        """A file that is missing or no file is unavailable, with a cure, and never an empty directory."""
        snapshot = JsonLinesDirectory(tmp_path / place).snapshot()
        with pytest.raises(SourceUnavailable) as raised:
            next(snapshot.identities())
        assert raised.value.cure
        assert raised.value.__cause__ is None
        with pytest.raises(SnapshotMisused):
            _ = snapshot.certificate


class TestConfirming:
    def test_answers(self, file: Path) -> None:
        """A complete file says who is there, who was deleted, and that whoever else is gone."""
        broken = '{"kind":"identity","id":"7"}'
        rewritten(file, ADA, BOB, broken, CID_GONE, ENG, end(3, 1))
        with JsonLinesDirectory(file).snapshot() as snapshot:
            ada, _ = snapshot.identities()
            assert snapshot.confirm(["1", "3", "7", "8"]) == {
                "1": Present(ada),
                "3": Gone("deleted line"),
                "7": Uncertain("people.jsonl line 3 cannot be used"),
                "8": Gone("not in the complete file"),
            }

    def test_incomplete_file_knows_less(self, file: Path) -> None:
        """A file that is not complete says nothing about whom it does not name."""
        with JsonLinesDirectory(rewritten(file, *WHOLE[:-1])).snapshot() as snapshot:
            list(snapshot.identities())
            assert snapshot.confirm(["3", "8"]) == {
                "3": Gone("deleted line"),
                "8": Uncertain("the file is not complete"),
            }

    def test_misuse(self, file: Path) -> None:
        """A snapshot is read once, and of no use before its end or after its close."""
        snapshot = JsonLinesDirectory(file).snapshot()
        for early in (lambda: snapshot.certificate, lambda: snapshot.rejects, lambda: snapshot.confirm([])):
            with pytest.raises(SnapshotMisused):
                early()
        people = snapshot.identities()
        with pytest.raises(SnapshotMisused):
            snapshot.identities()
        list(people)
        snapshot.close()
        with pytest.raises(SnapshotMisused):
            snapshot.confirm([])

    def test_capabilities_and_reprs(self, file: Path) -> None:
        """The source declares what a file can give, and its reprs name nobody."""
        source = JsonLinesDirectory(str(file))
        assert source.capabilities == {Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE}
        assert repr(source) == "<JsonLinesDirectory people.jsonl>"
        snapshot = source.snapshot()
        assert repr(snapshot) == f"<JsonLinesSnapshot {snapshot.id}>"


class TestWriting:
    @pytest.mark.parametrize("sample", [make_sample(4), make_sample(5, people=300, groups=70, cycle=True)])
    def test_sample_round_trip(self, tmp_path: Path, sample: Sample) -> None:
        """A sample that is written and read is the sample: people, states, groups with their paths, and the deleted."""
        write_jsonl(tmp_path / "people.jsonl", sample)
        with JsonLinesDirectory(tmp_path / "people.jsonl").snapshot() as snapshot:
            found = sorted(snapshot.identities(), key=lambda person: person.source_id)
            assert snapshot.certificate.complete
            assert set(snapshot.confirm([person.source_id for person in sample.deleted]).values()) == {
                Gone("deleted line")
            }
        assert found == FakeDirectory.from_sample(sample).truth()

    def test_identities_round_trip(self, tmp_path: Path) -> None:
        """Identities that are written and read are the same, but that nested memberships have become direct."""
        truth = FakeDirectory.from_sample(make_sample(6)).truth()
        write_jsonl(tmp_path / "people.jsonl", iter(truth), deleted=["99"])
        found, certificate, _ = read(tmp_path / "people.jsonl")
        assert certificate.complete
        for person in truth:
            expected = {
                each.group: MembershipPath.DIRECT if each.path is MembershipPath.NESTED else each.path
                for each in person.memberships
            }
            assert {each.group: each.path for each in found[person.source_id].memberships} == expected
            assert found[person.source_id].email == person.email

    def test_is_for_the_owner_only(self, tmp_path: Path) -> None:
        """The file is readable for its owner only, also where it replaces one that was not."""
        path = tmp_path / "people.jsonl"
        path.write_text("old")
        path.chmod(0o644)
        write_jsonl(path, [identity("ada")])
        assert path.stat().st_mode & 0o777 == 0o600
        assert left_in(tmp_path) == ["people.jsonl"]

    @pytest.mark.parametrize(
        "make",
        [
            lambda: [identity("ada"), identity("ada", email="b@acme.example")],
            lambda: [identity("ada", given_name="\ud800")],
            lambda: [evolve(identity("ada"), source_id="ada@acme.example")],
            lambda: [identity("ada", groups=[Group("eng@acme.example", "eng@acme.example", "Engineers")])],
            lambda: 7,
        ],
    )
    def test_failing_write_leaves_the_old_file(self, tmp_path: Path, make: Callable[[], list[Identity]]) -> None:
        """When the new file cannot be made, the old one stays as it was and nothing else is left behind."""
        path = tmp_path / "people.jsonl"
        path.write_text("old")
        with pytest.raises(UsageError) as raised:
            write_jsonl(path, make())
        assert raised.value.cure
        assert "@" not in str(raised.value)
        assert path.read_text() == "old"
        assert left_in(tmp_path) == ["people.jsonl"]

    def test_error_of_the_identities_is_their_own(self, tmp_path: Path) -> None:
        """A source that fails while its people are written fails with its own error, and no file appears."""
        directory = FakeDirectory(identity("ada"), identity("bob"))
        directory.fail_next(after=1)
        with pytest.raises(SourceUnavailable):
            write_jsonl(tmp_path / "people.jsonl", directory.snapshot().identities())
        assert left_in(tmp_path) == []

    def test_folder_in_the_way(self, tmp_path: Path) -> None:
        """A folder of the file's name stays, and nothing else is left behind."""
        (tmp_path / "people.jsonl").mkdir()
        with pytest.raises(UsageError, match="cannot be written: IsADirectoryError") as raised:
            write_jsonl(tmp_path / "people.jsonl", [identity("ada")])
        assert raised.value.__cause__ is None
        assert left_in(tmp_path) == ["people.jsonl"]

    def test_folder_that_is_not_there(self, tmp_path: Path) -> None:
        """A folder that is not there is named as such, without a foreign error."""
        with pytest.raises(UsageError, match="cannot be written: FileNotFoundError") as raised:
            write_jsonl(tmp_path / "no" / "people.jsonl", [])
        assert raised.value.__cause__ is None


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for without end, so it is not opened."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SourceUnavailable, match="no regular file"):
        list(JsonLinesDirectory(pipe).snapshot().identities())
