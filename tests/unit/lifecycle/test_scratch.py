from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest

from smartify_core.errors import StorageUnavailable
from smartify_core.lifecycle._sorting._scratch import Scratch
from smartify_core.lifecycle._sorting._spool import Spool
from smartify_core.model import Group, Identity, Membership, MembershipPath
from smartify_core.sealing._fingerprint import fingerprinter


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give temporary files a name, so that a test can look into them."""
    path = tmp_path / "scratch"
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: path.open("w+b", buffering=0))
    return path


def test_values_come_back_from_memory_and_file(named: Path) -> None:
    """What fits stays in memory, what does not is written, and all of it is read at its place, in any order."""
    scratch = Scratch(in_memory=2)
    values = [(["a", None], b"x"), ["é"], 7, b"", ("\ud800",)]
    places = [scratch.put(value, weight=1) for value in values]
    assert [scratch.get(place) for place in reversed(places)] == values[::-1]
    assert scratch.put("more", weight=0) == len(values)
    assert scratch.get(places[2]) == 7
    assert scratch.get(len(values)) == "more"
    scratch.close()


def test_a_small_tenant_meets_no_file(named: Path) -> None:
    """Nothing is written while everything fits into memory."""
    scratch = Scratch(in_memory=2)
    scratch.put(["Ada"], weight=2)
    assert not named.exists()


def test_nobody_reads_a_name_in_the_file(named: Path) -> None:
    """Names, addresses and groups never lie in the open on the disk."""
    staff = Membership(Group("g1", "Staff@example.com", "Belegschaft"), MembershipPath.DIRECT)
    ada = Identity("100", "Ada.Byron@example.com", "Augusta Ada", "Byron", None, (staff,))
    with Spool(in_memory=0) as spool:
        spool.take([ada] * 3, ["100"] * 3, [fingerprinter(bytes(32))(ada)] * 3)
        assert list(spool.identities(0, [2])) == [ada]
        content = named.read_bytes()
    assert len(content) > 100
    for secret in (b"Ada", b"Byron", b"example.com", b"Belegschaft"):
        assert secret not in content


def test_an_altered_file_is_noticed(named: Path) -> None:
    """What somebody else wrote into the file is never taken for what was put there."""
    with closing(Scratch(in_memory=0)) as scratch:
        place = scratch.put(["Ada"], weight=1)
        content = bytearray(named.read_bytes())
        content[3] ^= 1
        named.write_bytes(content)
        with pytest.raises(StorageUnavailable, match="altered"):
            scratch.get(place)


def test_a_full_disk_is_told_by_our_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder without room ends the run with a cure, and without a foreign exception."""

    def full(**_: object) -> IO[bytes]:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(StorageUnavailable, match="No space left") as caught:
        Scratch(in_memory=0).put("value", weight=1)
    assert "TMPDIR" in (caught.value.cure or "")
    assert caught.value.__cause__ is None


def test_memberships_beyond_one_table_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that shares no membership values fills one table after the other, and everybody keeps their groups."""
    monkeypatch.setattr("smartify_core.lifecycle._sorting._spool._MEMBERSHIPS", 2)
    take: Callable[[Identity], bytes] = fingerprinter(bytes(32))
    people = [
        Identity(
            str(one),
            f"p{one}@example.com",
            "",
            "",
            None,
            tuple(Membership(Group(f"g{one}{n}", "g@example.com", "G"), MembershipPath.NESTED) for n in range(3)),
        )
        for one in range(6)
    ]
    with Spool(in_memory=0) as spool:
        for start in range(0, 6, 2):
            some = people[start : start + 2]
            spool.take(some, [one.source_id for one in some], [take(one) for one in some])
        assert [one for block in (2, 0, 1) for one in spool.identities(block, [0, 1])] == people[4:] + people[:4]
        assert spool.people == 6
