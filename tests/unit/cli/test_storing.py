"""Moving, checking and backing up a store from the command line."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import _postgresql as postgresql

from smartify_core.extensions import STORAGE_GROUP
from smartify_core.lifecycle import utc_now
from smartify_core.model import PutDocument
from smartify_core.storage.sqlite import SQLiteStorage

Install = Callable[[str, Mapping[str, str], Mapping[str, Mapping[str, str]]], Path]


def look(folder: Path) -> dict[str, bytes]:
    """Return the content of each file of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_store_is_copied_and_goes_on(files: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]) -> None:
    """The copy is compared, works in place of the original at once, with its grants, and a second one finishes it."""
    smartify("sync")
    before = accounts("acme", "--json").document
    copied = smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db", "--json")
    acme, initech, policy = copied.document["tenants"]
    assert (copied.code, copied.document["left"]) == (0, 0), copied.err
    assert (acme["tenant"], acme["accounts"], acme["tombstones"], acme["error"]) == ("acme", 20, 0, None)
    assert (initech["accounts"], initech["entries"]) == (3, 3)
    assert (policy["tenant"], policy["accounts"], policy["error"]) == ("smartify:policy", 0, None)
    again = smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db")
    assert "initech: 3 accounts, 0 tombstones, 3 entries, 1 document; 0 written now" in again.out
    assert "3 tenants copied and compared, 0 left" in again.out
    (files.folder / "new.db").replace(files.folder / "smartify.db")
    assert accounts("acme", "--json").document == before
    assert [run["unchanged"] for run in smartify("sync", "--json").document["runs"]] == [20, 3]


def test_what_cannot_be_copied_is_left_and_told(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant that is worked on and one that differs have each their error; the exit code is 1."""
    smartify("sync")
    smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db")
    with SQLiteStorage(files.folder / "new.db") as storage:
        storage.record("acme", documents=[PutDocument("note", "mine", b"", 0)])
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.claim("initech", now=utc_now(), ttl=timedelta(hours=1))
    copied = smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db", "--json")
    assert (copied.code, copied.document["left"]) == (1, 2)
    assert [one["error"]["code"] for one in copied.document["tenants"]] == ["SC312", "SC303"]
    assert "initech, in the source" in copied.err
    told = smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db")
    assert "acme: left, SC312" in told.out
    assert "0 tenants copied and compared, 2 left" in told.out


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("sqlite:///no.db", "sqlite:///new.db", "there is no store to copy (FROM)"),
        ("sqlite:///smartify.db", "sqlite:///smartify.db", "not copied into itself"),
        ("sqlite:///smartify.db", "sqlite:///../here/./smartify.db?busy_timeout=1", "not copied into itself"),
        ("memory:", "sqlite:///new.db", "one command only (FROM)"),
        ("sqlite:///smartify.db", "memory:", "one command only (TO)"),
        ("oracle://u:s3cret@h/d", "sqlite:///new.db", "'oracle' (FROM"),
        ("sqlite:///smartify.db", "oracle://u:s3cret@h/d", "'oracle' (TO"),
        ("sqlite:///smartify.db?mode=ro", "sqlite:///new.db", "for reading only"),
    ],
)
def test_wrong_urls_are_told_apart(
    files: Any, smartify: Callable[..., Any], source: str, target: str, words: str
) -> None:
    """Which of the two is wrong is said, no password is, and no file appears but a store that was named rightly."""
    smartify("sync")
    before = look(files.folder)
    result = smartify("storage", "copy", source, target, "--json")
    assert result.code == 2
    assert words in result.error["message"]
    assert "s3cret" not in result.out + result.err
    after = look(files.folder)
    after.pop("new.db", None)
    assert after == before


def test_a_sound_store_is_told_so_and_not_touched(files: Any, smartify: Callable[..., Any]) -> None:
    """Neither the configured store nor one that is named is written, and the latter needs no configuration."""
    smartify("sync")
    before = look(files.folder)
    assert smartify("storage", "check").out == "nothing is wrong with the store\n"
    assert smartify("storage", "check", "--json").document == {"sound": True, "findings": []}
    assert smartify("storage", "check", "sqlite:///smartify.db", "--config", "nowhere.toml").code == 0
    assert smartify("storage", "check", "sqlite:///smartify.db?busy_timeout=1").code == 0
    assert look(files.folder) == before
    missing = smartify("storage", "check", "sqlite:///no.db", "--json")
    assert (missing.code, missing.error["code"]) == (1, "SC301")
    assert smartify("storage", "check", "oracle://u:s3cret@h/d", "--json").error["where"].startswith("URL")
    assert look(files.folder) == before


def test_what_is_no_damage_is_told_without_a_failure(files: Any, smartify: Callable[..., Any]) -> None:
    """A copy that was not finished is told of, and the store is sound."""
    smartify("sync")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.record("acme", documents=[PutDocument("storage copy", "unfinished", b"", 0)])
    found = smartify("storage", "check", "--json")
    assert (found.code, found.document["sound"]) == (0, True)
    assert [one["damage"] for one in found.document["findings"]] == [False]
    assert "not finished" in smartify("storage", "check").out


def test_findings_are_listed(files: Any, smartify: Callable[..., Any]) -> None:
    """What is wrong is told once, with its place, and the exit code is 1; damaged pages are findings, too."""
    smartify("sync")
    with sqlite3.connect(files.folder / "smartify.db") as connection:
        connection.execute("update tenant set accounts = 7 where name = 'acme'")
    connection.close()
    found = smartify("storage", "check", "--json")
    assert (found.code, found.document["sound"]) == (1, False)
    assert found.document["findings"] == [
        {"what": "20 accounts are there, and 7 are told", "where": "tenant acme", "damage": True}
    ]
    people = smartify("storage", "check")
    assert people.out == "20 accounts are there, and 7 are told (tenant acme)\n"
    assert "1 finding;" in people.err
    SQLiteStorage(files.folder / "empty.db").close()
    kept = (files.folder / "empty.db").stat().st_size
    content = (files.folder / "smartify.db").read_bytes()
    (files.folder / "smartify.db").write_bytes(content[:kept] + b"\xa5" * (len(content) - kept))
    damaged = smartify("storage", "check", "--json")
    assert damaged.code == 1
    assert any("damaged" in one["what"] for one in damaged.document["findings"])


def test_a_backup_is_made_once(files: Any, smartify: Callable[..., Any]) -> None:
    """It is for its owner only, reads as the store, and is not written over; without a store there is none."""
    missing = smartify("storage", "backup", "copy.db", "--json")
    assert (missing.code, missing.error["code"]) == (1, "SC301")
    smartify("sync")
    made = smartify("storage", "backup", "copy.db", "--json")
    copy = files.folder / "copy.db"
    assert (made.code, made.document) == (0, {"backup": "copy.db", "bytes": copy.stat().st_size})
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    again = smartify("storage", "backup", "copy.db", "--json")
    assert (again.code, again.error["code"]) == (2, "SC108")
    assert "bytes, checked" in smartify("storage", "backup", "another.db").out
    assert smartify("storage", "check", "sqlite:///copy.db").code == 0


def test_a_store_in_postgresql_is_never_made_by_looking(
    files: Any, smartify: Callable[..., Any], postgresql_url: str, schema: str
) -> None:
    """Neither a check, nor a backup, nor a copy from it makes a schema where there is none."""
    url = storage_url(postgresql_url, schema)
    made = f"select 1 from pg_namespace where nspname = '{schema}'"
    configured = (files.folder / "smartify.toml").read_text(encoding="utf-8")
    (files.folder / "smartify.toml").write_text(configured.replace("sqlite:///smartify.db", url), encoding="utf-8")
    for command in (["check"], ["check", url], ["backup", "copy.db"], ["copy", url, "sqlite:///new.db"]):
        result = smartify("storage", *command, "--json")
        assert (result.code, result.error["code"]) == (1, "SC301"), command
        assert "there is no store in the schema" in result.error["message"]
        assert postgresql.run(postgresql_url, made) == []
    assert not list(files.folder.glob("*.db"))


def test_a_store_in_postgresql_is_checked_and_copied(
    files: Any, smartify: Callable[..., Any], postgresql_url: str, schema: str
) -> None:
    """It is a target and a source like any other; one wrong total is one finding, in the words of every backend."""
    smartify("sync")
    url = storage_url(postgresql_url, schema)
    assert smartify("storage", "copy", "sqlite:///smartify.db", url).code == 0
    assert smartify("storage", "check", url, "--json").document == {"sound": True, "findings": []}
    back = smartify("storage", "copy", url, "sqlite:///back.db", "--json")
    assert (back.code, back.document["left"]) == (0, 0), back.err
    postgresql.run(postgresql_url, f"update {schema}.tenant set accounts = 7 where name = 'acme'")
    found = smartify("storage", "check", url, "--json")
    assert found.document["findings"] == [
        {"what": "20 accounts are there, and 7 are told", "where": "tenant acme", "damage": True}
    ]


def storage_url(conninfo: str, schema: str) -> str:
    """Return the storage URL of a schema."""
    return f"{conninfo}{'&' if '?' in conninfo else '?'}schema={schema}"


def test_a_backend_without_backups_tells_what_to_do(
    install: Install, folder: Path, smartify: Callable[..., Any]
) -> None:
    """The cure is a copy into a SQLite file, or the tools of the server."""
    module = (
        "from smartify_core.storage.memory import MemoryStorage\n"
        "def shelf(url, *, read_only=False):\n    return MemoryStorage()\n"
        "def heavy(url):\n    raise AssertionError\n"
    )
    site = install(
        "acme-shelf",
        {"acme_shelf": module},
        {STORAGE_GROUP: {name: f"acme_shelf:{name}" for name in ("shelf", "heavy")}},
    )
    (folder / "smartify.toml").write_text(
        '[storage]\nurl = "shelf://u:s3cret@h"\n[keys]\nfile = "k"\n[tenants.a]\nsource = "jsonl"\npath = "p"\n'
    )
    path = f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    result = smartify("storage", "backup", "copy.db", "--json", PYTHONPATH=path)
    assert (result.code, result.error["code"]) == (2, "SC100")
    assert "smartify storage copy FROM sqlite:///FILE" in result.error["cure"]
    assert smartify("storage", "check", PYTHONPATH=path).code == 0
    assert "s3cret" not in result.out + result.err
    heavy = smartify("storage", "check", "heavy://u:s3cret@h", "--json", PYTHONPATH=path)
    assert (heavy.code, heavy.error["where"]) == (2, "URL, entry point acme_shelf:heavy")
    assert "cannot be opened for reading only" in heavy.error["message"]


def test_the_group_alone_explains_itself(smartify: Callable[..., Any]) -> None:
    """Without a command it shows which there are; with --json that is wrong usage."""
    shown = smartify("storage")
    assert shown.code == 0
    assert all(name in shown.out for name in ("copy", "check", "backup"))
    assert json.loads(smartify("storage", "--json").out)["error"]["code"] == "SC100"
    assert smartify("storage", "no-such").code == 2


def test_a_copy_that_is_stopped_gives_its_leases_back(files: Any, smartify: Callable[..., Any], folder: Path) -> None:
    """Ctrl-C in the middle ends it with 130 and no lease held, and the same command finishes it."""
    smartify("sync")
    # The stop comes with the very first write to the copy, whichever that is.
    script = (
        "import os, signal, sys\n"
        "from smartify_core.storage.sqlite import SQLiteStorage\n"
        "from smartify_core.cli._commands import run\n"
        "commit = SQLiteStorage.commit\n"
        "def stopping(self, claim, batch):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return commit(self, claim, batch)\n"
        "SQLiteStorage.commit = stopping\n"
        "sys.exit(run(['storage', 'copy', 'sqlite:///smartify.db', 'sqlite:///new.db']))\n"
    )
    stopped = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert stopped.returncode == 128 + signal.SIGINT, stopped.stderr
    for name in ("smartify.db", "new.db"):
        with SQLiteStorage(files.folder / name, read_only=True) as storage:
            assert storage.tenant("acme").expires_at is None
    assert smartify("storage", "copy", "sqlite:///smartify.db", "sqlite:///new.db").code == 0
