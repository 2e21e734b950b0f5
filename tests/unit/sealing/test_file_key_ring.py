from __future__ import annotations

import base64
import json
import multiprocessing
import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import FileExists, KeyFileInvalid, KeyStillUsed, SealBroken, UnknownKey, WrongKey
from smartify_core.model import SealedAccount
from smartify_core.sealing import FileKeyRing, KeyRing, Sealer

SealWith = Callable[..., SealedAccount]

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a key file may be made."""
    return tmp_path / "smartify.keys"


def edit(path: Path, **changes: Any) -> None:
    """Change parts of a key file; a part set to ``None`` is taken out."""
    document = json.loads(path.read_text())
    document.update(changes)
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def test_a_created_ring_is_a_key_ring(path: Path) -> None:
    """The ring fits the port, and its printed form names the file only."""
    ring = FileKeyRing.create(path)
    assert isinstance(ring, KeyRing)
    assert repr(ring) == f"FileKeyRing({str(path)!r})"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ring)


def test_a_ring_opened_again_is_the_same_ring(path: Path, seal: SealWith) -> None:
    """What one process sealed, the next one opens and finds."""
    first, second = FileKeyRing.create(path), FileKeyRing(path)
    assert Sealer(second).open(seal(first)).given_name == "Ada"
    assert seal(first).fingerprint == seal(second).fingerprint
    assert seal(first).email_index == seal(second).email_index


def test_two_files_have_nothing_in_common(tmp_path: Path, seal: SealWith) -> None:
    """Every created file has secrets of its own."""
    one, other = (FileKeyRing.create(tmp_path / name) for name in ("one", "other"))
    assert seal(one).fingerprint != seal(other).fingerprint
    with pytest.raises(WrongKey, match="other") as caught:
        Sealer(other).open(seal(one))
    assert "backup" in str(caught.value)


@posix_only
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_is_for_its_owner_only(path: Path, umask: int) -> None:
    """Whatever the process's umask, nobody else may read a key file."""
    before = os.umask(umask)
    try:
        FileKeyRing.create(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        FileKeyRing.rotate(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_an_existing_file_is_left_as_it_is(path: Path) -> None:
    """Creating over anything is refused, a dangling link included."""
    path.write_text("precious")
    with pytest.raises(FileExists, match="it was left as it is"):
        FileKeyRing.create(path)
    assert path.read_text() == "precious"
    link = path.with_name("link")
    link.symlink_to(path.with_name("nowhere"))
    with pytest.raises(FileExists):
        FileKeyRing.create(link)
    assert not path.with_name("nowhere").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A key file is not created in a folder that is not there."""
    with pytest.raises(KeyFileInvalid, match="No such file") as caught:
        FileKeyRing.create(tmp_path / "no" / "keys")
    assert caught.value.cure


def test_a_missing_file_is_named_with_both_cures(path: Path) -> None:
    """A file that is not there may be yet to make, or lost."""
    with pytest.raises(KeyFileInvalid, match="smartify init") as caught:
        FileKeyRing(path)
    assert "backup" in str(caught.value)
    assert str(path) in str(caught.value)


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o666])
def test_a_widely_readable_file_is_refused(path: Path, mode: int) -> None:
    """A key file that group or others may use is not used, and the message says how to close it."""
    FileKeyRing.create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileInvalid, match=f"mode {mode:04o}") as caught:
        FileKeyRing(path)
    assert f"chmod 600 {path}" in str(caught.value)


def test_a_link_to_a_key_file_is_followed(path: Path, tmp_path: Path) -> None:
    """Hosts that mount secrets as links can use them, also to rotate."""
    FileKeyRing.create(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    before = FileKeyRing(link)
    FileKeyRing.rotate(link)
    assert link.is_symlink()
    assert len(json.loads(path.read_text())["wrapping"]) == 2
    assert before.index_key("acme") == FileKeyRing(path).index_key("acme")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, and a pipe nobody writes to, are refused without waiting."""
    with pytest.raises(KeyFileInvalid):
        FileKeyRing(tmp_path)
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe, 0o600)
        with pytest.raises(KeyFileInvalid, match="not a regular file"):
            FileKeyRing(pipe)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 64,
        b"\xff\xfesecret",
        b"secret words",
        b"[]",
        b"null",
        b'{"format": "another"}',
        b"[" * 100_000,
        b" " * (1 << 20) + b'{"format": "smartify-keys"}',
    ],
    ids=["empty", "zeros", "no text", "no JSON", "a list", "null", "another format", "very deep", "very long"],
)
def test_what_is_no_key_file_is_refused(path: Path, content: bytes) -> None:
    """Any other content is told to be no key file, and is not quoted."""
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileInvalid, match="not a key file") as caught:
        FileKeyRing(path)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_newer_format_asks_for_a_newer_library(path: Path) -> None:
    """A key file of a newer format is not guessed at."""
    FileKeyRing.create(path)
    edit(path, version=2)
    with pytest.raises(KeyFileInvalid, match="Upgrade"):
        FileKeyRing(path)


SHORT = base64.b64encode(b"s" * 31).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"version": None},
        {"version": 0},
        {"version": "1"},
        {"current": None},
        {"current": 5},
        {"current": "00" * 8},
        {"current": "zz"},
        {"lookup": None},
        {"lookup": SHORT},
        {"lookup": "not base64!"},
        {"lookup": 7},
        {"wrapping": None},
        {"wrapping": {}},
        {"wrapping": []},
        {"wrapping": {"00" * 8: SHORT}, "current": "00" * 8},
        {"wrapping": {"00" * 7: base64.b64encode(b"s" * 32).decode()}, "current": "00" * 7},
        {"wrapping": {"00" * 8: None}},
    ],
    ids=str,
)
def test_a_damaged_key_file_is_refused(path: Path, changes: dict[str, Any]) -> None:
    """A part that is missing, of the wrong kind or too short makes the file unusable; no key is quoted."""
    FileKeyRing.create(path)
    secrets = [json.loads(path.read_text())["lookup"], *json.loads(path.read_text())["wrapping"].values()]
    edit(path, **changes)
    with pytest.raises(KeyFileInvalid, match="damaged") as caught:
        FileKeyRing(path)
    assert not any(secret in str(caught.value) for secret in (*secrets, SHORT))


def test_rotation_keeps_what_was_sealed_before(path: Path, seal: SealWith) -> None:
    """After a rotation old accounts open, new ones use the new secret, and everything is found as before."""
    first = FileKeyRing.create(path)
    old = seal(first)
    second = FileKeyRing.rotate(path)
    new = seal(second)
    assert Sealer(second).open(old) == Sealer(second).open(new)
    assert (old.fingerprint, old.email_index) == (new.fingerprint, new.email_index)
    assert old.wrapped_key[1:9] != new.wrapped_key[1:9]
    names = json.loads(path.read_text())["wrapping"].keys()
    assert {old.wrapped_key[1:9].hex(), new.wrapped_key[1:9].hex()} == set(names)


def test_a_ring_in_use_learns_of_a_rotation(path: Path, seal: SealWith) -> None:
    """A process that opened the file before a rotation opens what others sealed after it."""
    long_running = FileKeyRing.create(path)
    old = seal(long_running)
    new = seal(FileKeyRing.rotate(path))
    assert Sealer(long_running).open(new).given_name == "Ada"
    assert Sealer(long_running).open(old).given_name == "Ada"


def test_a_ring_in_use_takes_no_other_rings_file(path: Path, seal: SealWith) -> None:
    """A file put in the place of the ring's own does not change the ring under a running sync."""
    ring = FileKeyRing.create(path)
    before = ring.fingerprint_key("acme")
    path.unlink()
    stranger = seal(FileKeyRing.create(path))
    for _ in range(2):
        with pytest.raises(WrongKey):
            Sealer(ring).open(stranger)
    path.unlink()
    with pytest.raises(WrongKey):
        Sealer(ring).open(stranger)
    assert ring.fingerprint_key("acme") == before


def test_a_secret_taken_out_of_the_file_is_missed(path: Path, seal: SealWith) -> None:
    """Without the secret that wrapped it an account does not open: that is told apart from damage."""
    old = seal(FileKeyRing.create(path))
    FileKeyRing.rotate(path)
    document = json.loads(path.read_text())
    edit(path, wrapping={document["current"]: document["wrapping"][document["current"]]})
    with pytest.raises(WrongKey, match=old.wrapped_key[1:9].hex()):
        Sealer(FileKeyRing(path)).open(old)


def test_one_rotation_at_a_time(path: Path) -> None:
    """A rotation that finds another one's file waits for a person, and changes nothing."""
    FileKeyRing.create(path)
    before = path.read_bytes()
    aside = path.with_name(path.name + ".new")
    aside.touch()
    with pytest.raises(FileExists, match="other rotation"):
        FileKeyRing.rotate(path)
    assert path.read_bytes() == before
    aside.unlink()
    FileKeyRing.rotate(path)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name]


def test_a_failed_rotation_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new file cannot take the old one's place, the old one stays and nothing is left beside it."""
    FileKeyRing.create(path)
    before = path.read_bytes()

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(self), 0, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(KeyFileInvalid, match="as it was"):
        FileKeyRing.rotate(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_failed_creation_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the bytes cannot be made durable, no half a key file stays."""

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(descriptor))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(KeyFileInvalid, match="No space left"):
        FileKeyRing.create(path)
    assert not path.exists()


@pytest.mark.parametrize("bit", [0, 8 + 3, 9 * 8 + 1, 20 * 8])
def test_a_damaged_key_name_is_damage(path: Path, seal: SealWith, bit: int) -> None:
    """A flipped bit in the name of the key reads as damage, not as a key that somebody lost."""
    ring = FileKeyRing.create(path)
    wrapped = bytearray(seal(ring).wrapped_key)
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        ring.unwrap("acme", bytes(wrapped), context=b"")


def test_a_wrapped_key_opens_in_its_context_only(path: Path) -> None:
    """A ring used alone binds tenant and context itself."""
    ring = FileKeyRing.create(path)
    wrapped = ring.wrap("acme", b"k" * 32, context=b"here")
    assert ring.unwrap("acme", wrapped, context=b"here") == b"k" * 32
    for tenant, context in (("acme", b"there"), ("umbrella", b"here")):
        with pytest.raises(SealBroken):
            ring.unwrap(tenant, wrapped, context=context)


def test_a_ring_names_its_keys_and_shows_none(path: Path) -> None:
    """The names of the keys are told, oldest first, and which of them wraps; the secrets stay in the ring."""
    FileKeyRing.create(path)
    ring = FileKeyRing.rotate(path)
    document = json.loads(path.read_text())
    assert list(ring.key_ids) == list(document["wrapping"])
    assert ring.current_key("acme") == ring.key_ids[1] == document["current"]
    assert ring.key_of("acme", ring.wrap("acme", b"k" * 32, context=b"")) == document["current"]
    assert not any(secret in repr(ring.key_ids) + repr(ring) for secret in document["wrapping"].values())


def test_a_key_is_retired_when_nothing_needs_it(path: Path, seal: SealWith) -> None:
    """The old secret is taken out of the file; what is under the newest still opens, in rings that were open, too."""
    long_running = FileKeyRing.create(path)
    old = seal(long_running)
    new = seal(FileKeyRing.rotate(path))
    name = long_running.key_of("acme", old.wrapped_key)
    asked: list[str] = []

    def uses(key: str) -> int:
        asked.append(key)
        return 0

    ring = FileKeyRing.retire(path, name, uses=uses)
    assert asked == [name]
    assert name not in path.read_text()
    assert Sealer(ring).open(new).given_name == "Ada"
    with pytest.raises(WrongKey, match=name):
        Sealer(ring).open(old)
    assert seal(long_running).wrapped_key[1:9] == new.wrapped_key[1:9]
    assert long_running.key_ids == ring.key_ids
    with pytest.raises(WrongKey, match=name):
        Sealer(long_running).open(old)


def test_a_key_that_is_needed_stays(path: Path) -> None:
    """A key that wraps, one that something is under, and one that is not there are not retired; the file stays."""
    first = FileKeyRing.create(path).key_ids[0]
    with pytest.raises(KeyStillUsed, match="current"):
        FileKeyRing.retire(path, first, uses=lambda _: 0)
    FileKeyRing.rotate(path)
    before = path.read_bytes()
    with pytest.raises(KeyStillUsed, match=f"2 accounts and documents are still wrapped under key {first}"):
        FileKeyRing.retire(path, first, uses=lambda _: 2)
    with pytest.raises(UnknownKey) as caught:
        FileKeyRing.retire(path, "perhaps a secret", uses=lambda _: 0)
    assert "perhaps" not in str(caught.value)
    with pytest.raises(ZeroDivisionError):
        FileKeyRing.retire(path, first, uses=lambda _: 1 // 0)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_ring_in_use_wraps_under_the_newest_key(path: Path, seal: SealWith) -> None:
    """A process that opened the file before a rotation wraps under the new secret from then on."""
    long_running = FileKeyRing.create(path)
    seal(long_running)
    newest = FileKeyRing.rotate(path).key_ids[-1]
    assert long_running.key_of("acme", seal(long_running).wrapped_key) == newest


def test_a_file_that_is_gone_or_spoilt_stops_no_run(path: Path, seal: SealWith) -> None:
    """A ring in use goes on with the keys it has while its file is missing, damaged or open to others."""
    ring = FileKeyRing.create(path)
    account = seal(ring)
    good = path.read_bytes()
    path.write_bytes(b"spoilt")
    assert Sealer(ring).open(seal(ring)) == Sealer(ring).open(account)
    path.unlink()
    assert Sealer(ring).open(seal(ring)) == Sealer(ring).open(account)
    path.touch(0o600)
    path.write_bytes(good)
    assert seal(ring).wrapped_key[1:9] == account.wrapped_key[1:9]


def _wrap_when_told(path: Path, told: Any, answers: Any) -> None:
    ring = FileKeyRing(path)
    while told.get():
        answers.put(ring.key_of("acme", ring.wrap("acme", b"k" * 32, context=b"")))


def test_another_process_wraps_under_the_newest_key(path: Path) -> None:
    """What a process wraps once `rotate` has returned in another one is under the new secret, each time."""
    FileKeyRing.create(path)
    spawning = multiprocessing.get_context("spawn")
    told, answers = spawning.Queue(), spawning.Queue()
    child = spawning.Process(target=_wrap_when_told, args=(path, told, answers), daemon=True)
    child.start()
    found: list[str] = []
    for turn in range(5):
        if turn:
            FileKeyRing.rotate(path)
        told.put(True)
        found.append(answers.get(timeout=60))
    told.put(False)
    child.join()
    assert tuple(found) == FileKeyRing(path).key_ids
