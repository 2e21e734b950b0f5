"""The register of endings: durable, shared, and honest about what is wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import EndingsInvalid, EndingsUnavailable, FileExists
from smartify_core.policy.shredding import Ending, EndingsFile, EndingsHead
from smartify_core.policy.shredding import _endings_file as module

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def ending(number: int) -> Ending:
    """Return the end of an account."""
    return Ending("acme", NOW, number, f"account-{number}", f"person-{number}", NOW)


def head(size: int) -> EndingsHead:
    """Return a head of this size."""
    return EndingsHead(size, size.to_bytes(32, "big"))


@pytest.fixture
def register(tmp_path: Path) -> EndingsFile:
    """Return a register with one block."""
    made = EndingsFile.create(tmp_path / "endings.jsonl")
    assert made.add([ending(0), Ending("globex", NOW, 1)], head(2), after=made.head())
    return made


def test_what_was_entered_is_there_in_another_process(register: EndingsFile, tmp_path: Path) -> None:
    """Another open register reads the same endings and the same head."""
    other = EndingsFile(tmp_path / "endings.jsonl")
    assert list(other.endings()) == list(register.endings()) == [ending(0), Ending("globex", NOW, 1)]
    assert other.head() == head(2)


def test_a_register_is_its_owners_and_is_never_replaced(tmp_path: Path) -> None:
    """A new register can be read by its owner only, a file that is there is left as it is, and a folder is made."""
    path = tmp_path / "endings.jsonl"
    EndingsFile.create(path)
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExists):
        EndingsFile.create(path)
    apart = tmp_path / "apart" / "from" / "the store"
    EndingsFile.create(apart / "endings.jsonl")
    assert os.name != "posix" or apart.stat().st_mode & 0o777 == 0o700
    with pytest.raises(EndingsUnavailable):
        EndingsFile.create(path / "endings.jsonl")


def test_a_register_that_is_not_there_is_refused(register: EndingsFile, tmp_path: Path) -> None:
    """A missing register is no empty one: it is refused at opening, and when it went away since."""
    (tmp_path / "endings.jsonl").unlink()
    with pytest.raises(EndingsInvalid):
        EndingsFile(tmp_path / "endings.jsonl")
    with pytest.raises(EndingsUnavailable):
        register.head()


def test_of_two_who_add_at_once_one_is_told(register: EndingsFile, tmp_path: Path) -> None:
    """Who adds after a head that is not the present one adds nothing."""
    other = EndingsFile(tmp_path / "endings.jsonl")
    before = register.head()
    assert other.add([ending(2)], head(3), after=before)
    assert not register.add([ending(2)], head(3), after=before)
    assert [one.place for one in register.endings()] == [0, 1, 2]


@given(cut=st.integers(1, 10_000))
def test_a_block_that_was_cut_short_does_not_count(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Wherever a crash cuts the latest block short, the register is as before it, and the next block replaces it."""
    path = tmp_path_factory.mktemp("register") / "endings.jsonl"
    register = EndingsFile.create(path)
    assert register.add([ending(0)], head(1), after=register.head())
    sound = path.stat().st_size
    assert register.add([ending(1), ending(2)], head(3), after=head(1))
    content = path.read_bytes()
    path.write_bytes(content[: max(sound, len(content) - cut)])
    assert register.head() == head(1)
    assert list(register.endings()) == [ending(0)]
    assert register.add([ending(1), ending(2)], head(3), after=head(1))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [b"", b"{}\n", b'{"format":"smartify-endings","v":2}\n', b"\xff\xfe", b'{"format":"smartify-endings","v":1}'],
)
def test_another_file_is_no_register(tmp_path: Path, content: bytes) -> None:
    """An empty file, one of another kind or of a newer format is refused and left as it is."""
    path = tmp_path / "file"
    path.write_bytes(content)
    register = EndingsFile(path)
    for deed in (register.head, lambda: list(register.endings()), lambda: register.add((), head(1), after=head(0))):
        with pytest.raises(EndingsInvalid):
            deed()
    assert path.read_bytes() == content


def test_damage_before_the_end_is_refused(register: EndingsFile, tmp_path: Path) -> None:
    """A line that was altered, with whole blocks after it, is damage and no crash."""
    assert register.add([ending(2)], head(3), after=head(2))
    path = tmp_path / "endings.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for bad in (b"garbage\n", b'{"trail": true, "root": "00"}\n', b'{"tenant": "acme"}\n', b"[" * 100_000 + b"\n"):
        path.write_bytes(b"".join([lines[0], bad, *lines[2:]]))
        with pytest.raises(EndingsInvalid):
            list(register.endings())


def test_of_a_long_register_only_the_end_is_read(
    register: EndingsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far a register has come is told by its last lines, also where the last block was cut short."""
    path = tmp_path / "endings.jsonl"
    for size in range(3, 60):
        assert register.add([ending(size)], head(size), after=head(size - 1))
    with path.open("ab") as file:
        file.write(json.dumps({"tenant": "acme"}).encode()[:9])
    read: list[bytes] = []
    real = module._read

    def counted(line: bytes) -> object:
        read.append(line)
        return real(line)

    monkeypatch.setattr(module, "_read", counted)
    assert register.head() == head(59)
    assert len(b"".join(read)) < 5_000 < path.stat().st_size
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-3], b"garbage\n", lines[-2]]))
    with pytest.raises(EndingsInvalid):
        register.head()


def test_a_line_holds_ids_and_instants_only(register: EndingsFile, tmp_path: Path) -> None:
    """Each line of the file is JSON with the names that are documented, and no other."""
    lines = [json.loads(line) for line in (tmp_path / "endings.jsonl").read_text().splitlines()]
    assert [sorted(line) for line in lines] == [
        ["format", "v"],
        ["account", "created", "ended", "place", "source", "tenant"],
        ["account", "created", "ended", "place", "source", "tenant"],
        ["root", "trail"],
    ]


def test_a_disk_that_takes_nothing_leaves_the_register_sound(
    register: EndingsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a block cannot be made durable that is told, and the endings before it stay."""

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_sync", full)
        with pytest.raises(EndingsUnavailable):
            register.add([ending(2)], head(3), after=head(2))
    assert ending(0) in list(register.endings())


_ADDER = """
import sys
from datetime import UTC, datetime
from smartify_core.policy.shredding import Ending, EndingsFile, EndingsHead
register = EndingsFile(sys.argv[1])
for _ in range(int(sys.argv[2])):
    while True:
        before = register.head()
        size = before.size + 1
        one = Ending("acme", datetime(2030, 1, 1, tzinfo=UTC), size, f"account-{size}", "person", None)
        if register.add([one], EndingsHead(size, size.to_bytes(32, "big")), after=before):
            break
"""


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four processes that add to one register leave every block, in one order."""
    path = tmp_path / "endings.jsonl"
    register = EndingsFile.create(path)
    children = [subprocess.Popen([sys.executable, "-c", _ADDER, str(path), "10"]) for _ in range(4)]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0, 0]
    assert [one.place for one in register.endings()] == list(range(1, 41))


def test_an_open_register_notices_that_its_file_was_replaced(register: EndingsFile, tmp_path: Path) -> None:
    """A register that remembers where it was reads a file that was put in the place of its own from the beginning."""
    path = tmp_path / "endings.jsonl"
    before = path.read_bytes()
    assert register.add([ending(2)], head(3), after=register.head())
    assert register.head() == head(3)
    path.write_bytes(before)
    assert register.head() == head(2)
    path.write_bytes(b"x" * len(before))
    with pytest.raises(EndingsInvalid):
        register.head()
