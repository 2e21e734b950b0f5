"""Whatever is wrong: a code, a cure, the right exit code, and nothing written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import AS, let_in

from smartify_core.sealing import FileKeyRing
from smartify_core.testing.google import USER_SCOPE

WANTED = ("--employee", "e-9", "--purpose", "ServiceProvision", "--fields", "email", "--reason", "a test")

COMMANDS = [
    ("sync",),
    ("plan", "--tenant", "acme"),
    ("accounts", "--tenant", "acme", *AS),
    ("employee", "add", "e-9", "--as", "hr"),
    ("grant", "report"),
]


def edit(shop: Any, old: str, new: str) -> None:
    config = shop.folder / "smartify.toml"
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def refused(smartify: Callable[..., Any], *arguments: str) -> dict[str, str]:
    """Return the error that the command was refused with, having been told to people as well."""
    result = smartify(*arguments, "--json")
    assert result.code == 2
    assert result.error["message"] in result.err
    assert result.error["cure"]
    return dict(result.error)


def all_failed(result: Any) -> dict[str, str]:
    """Return the error of the one run, which failed."""
    (run,) = result.document["runs"]
    assert run["verdict"] == "failed"
    assert (
        sum(run[key] for key in ("provisioned", "updated", "deactivated", "reactivated", "deleted", "unchanged")) == 0
    )
    assert run["error"]["message"] in result.err
    assert run["error"]["cure"]
    return dict(run["error"])


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_key_is_named_with_the_nearest_valid_one(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], command: tuple[str, ...]
) -> None:
    """A misspelt key is refused by every command before anything else happens."""
    edit(shop, "subject =", "subjct =")
    before = everything(shop.folder)
    error = refused(smartify, *command)
    assert error["code"] == "SC101"
    assert error["where"] == "smartify.toml: tenants.acme.subjct"
    assert "'subject'" in error["cure"]
    assert shop.sample.admin_email not in error["message"]
    assert everything(shop.folder) == before


def test_file_that_is_not_toml_is_located(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]]
) -> None:
    """A file that is no TOML is refused with line and column, and without quoting it."""
    edit(shop, "[keys]\n", "[keys]\nsecret-value-1\n")
    before = everything(shop.folder)
    error = refused(smartify, "sync")
    assert error["code"] == "SC101"
    assert "line 4" in error["where"]
    assert "secret-value-1" not in error["message"]
    assert everything(shop.folder) == before


def test_missing_configuration(smartify: Callable[..., Any], folder: Path) -> None:
    """Without a configuration the command says how to write one, and leaves the folder empty."""
    error = refused(smartify, "sync")
    assert error["code"] == "SC101"
    assert "smartify init" in error["cure"]
    assert list(folder.iterdir()) == []


def test_missing_key_file(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]]
) -> None:
    """Without the key file nothing is read or written, and above all no new key is made."""
    (shop.folder / "smartify.keys").unlink()
    before = everything(shop.folder)
    error = refused(smartify, "sync")
    assert error["code"] == "SC103"
    assert error["where"].endswith("smartify.keys")
    assert everything(shop.folder) == before
    assert not shop.server.requests


def test_key_file_that_others_may_read(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]]
) -> None:
    """A key file that group or others may read is refused, with the command that mends it."""
    (shop.folder / "smartify.keys").chmod(0o644)
    before = everything(shop.folder)
    error = refused(smartify, "sync")
    assert error["code"] == "SC103"
    assert "chmod 600" in error["cure"]
    assert everything(shop.folder) == before


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe", b'{"type": "service_account", "client_email": "bot@p.example"}'],
    ids=["cut", "list", "not text", "incomplete"],
)
def test_service_account_file_that_is_none(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], content: bytes
) -> None:
    """A service-account file that is no such thing fails the run before a store is made or a request is sent."""
    (shop.folder / "sa.json").write_bytes(content)
    before = everything(shop.folder)
    result = smartify("sync", "--json")
    error = all_failed(result)
    assert (result.code, error["code"]) == (2, "SC104")
    assert "tenants.acme" in error["where"]
    assert "bot@p.example" not in result.out + result.err
    assert everything(shop.folder) == before
    assert not shop.server.requests


def test_service_account_file_that_cannot_be_read(shop: Any, smartify: Callable[..., Any]) -> None:
    """A folder in the file's place stands for every file that cannot be read: the run fails and nothing is written."""
    (shop.folder / "sa.json").unlink()
    (shop.folder / "sa.json").mkdir()
    result = smartify("sync", "--json")
    assert (result.code, all_failed(result)["code"]) == (2, "SC104")
    assert not (shop.folder / "smartify.db").exists()


def accounts_in(accounts: Callable[..., Any]) -> list[dict[str, Any]]:
    found = accounts("acme", "--json").document["accounts"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("mistake", ["scope", "subject"])
def test_wrong_scope_or_subject(
    shop: Any, smartify: Callable[..., Any], accounts: Callable[..., Any], mistake: str
) -> None:
    """A scope that was not granted, or a subject who does not exist, is no empty directory: nobody loses an account."""
    smartify("sync")
    before = accounts_in(accounts)
    assert len(before) == 24
    if mistake == "scope":
        (shop.folder / "sa.json").unlink()
        shop.server.write_service_account(shop.folder / "sa.json", scopes=(USER_SCOPE,))
    else:
        shop.configure(subject="nobody-there@acme.example")
    result = smartify("sync", "--json")
    error = all_failed(result)
    assert (result.code, error["code"]) == (1, "SC202")
    assert "nobody-there" not in result.out + result.err
    assert accounts_in(accounts) == before


@pytest.mark.parametrize("mistake", ["scope", "subject"])
def test_first_sync_that_is_refused_leaves_nothing_behind(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], mistake: str
) -> None:
    """Where there is no store yet, a directory that refuses to answer is no reason to make one."""
    if mistake == "scope":
        (shop.folder / "sa.json").unlink()
        shop.server.write_service_account(shop.folder / "sa.json", scopes=(USER_SCOPE,))
    else:
        shop.configure(subject="nobody-there@acme.example")
    before = everything(shop.folder)
    assert smartify("sync", "--json").code == 1
    assert everything(shop.folder) == before


@pytest.mark.parametrize(
    "command",
    [("plan",), ("sync",), ("accounts", *AS), *(("grant", one, *WANTED) for one in ("explain", "break-glass"))],
)
def test_unknown_tenant(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], command: tuple[str, ...]
) -> None:
    """A tenant that is not configured is refused, with those that are."""
    before = everything(shop.folder)
    error = refused(smartify, *command, "--tenant", "acne")
    assert error["code"] == "SC102"
    assert "acme" in error["cure"]
    assert everything(shop.folder) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_store_of_a_newer_version(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], command: tuple[str, ...]
) -> None:
    """A store that a newer version wrote is left as it is by every command."""
    smartify("sync")
    with closing(sqlite3.connect(shop.folder / "smartify.db")) as store:
        store.execute("insert into smartify_schema values (999, 0, 'from the future')")
        store.commit()
        store.execute("pragma wal_checkpoint(truncate)")
    before = everything(shop.folder)
    result = smartify(*command, "--json")
    assert (result.code, result.error["code"]) == (1, "SC307")
    assert "Upgrade" in result.error["cure"]
    after = everything(shop.folder)
    assert after["smartify.db"] == before["smartify.db"]


def test_file_of_another_program(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]]
) -> None:
    """A database that belongs to another program is left as it is."""
    with closing(sqlite3.connect(shop.folder / "smartify.db")) as other:
        other.execute("create table recipes (name text)")
        other.commit()
    before = everything(shop.folder)
    result = smartify("sync", "--json")
    assert (result.code, result.error["code"]) == (1, "SC308")
    assert everything(shop.folder) == before


def test_locked_store(shop: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]) -> None:
    """A store that another process keeps locked fails the run; the accounts stay as they were."""
    smartify("sync")
    before = accounts_in(accounts)
    shop.workspace.delete_user(next(one for one in shop.sample.people[1:]).source_id)
    with closing(sqlite3.connect(shop.folder / "smartify.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        result = smartify("sync", "--json")
        other.execute("rollback")
    assert result.code == 1
    assert "SC302" in result.out
    assert accounts_in(accounts) == before


def test_key_file_of_another_store(shop: Any, smartify: Callable[..., Any]) -> None:
    """With the keys of another store nothing is provisioned anew or rewritten: the run fails, and so does looking."""
    smartify("sync")
    let_in(shop.folder, "acme")
    keys = shop.folder / "smartify.keys"
    right = keys.read_bytes()
    keys.unlink()
    FileKeyRing.create(keys)
    result = smartify("sync", "--json")
    assert (result.code, all_failed(result)["code"]) == (2, "SC107")
    assert refused(smartify, "plan", "--tenant", "acme")["code"] == "SC107"
    assert refused(smartify, "accounts", "--tenant", "acme", *AS)["code"] == "SC107"
    assert refused(smartify, "employee", "list")["code"] == "SC107"
    keys.write_bytes(right)
    (run,) = smartify("sync", "--json").document["runs"]
    assert (run["verdict"], run["unchanged"], run["provisioned"], run["updated"]) == ("complete", 24, 0, 0)


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/db", "sqlite:/one.db", "sqlite:///x.db?mode=rw", "nothing"])
def test_storage_that_there_is_not(
    shop: Any, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], url: str
) -> None:
    """A storage URL that names no storage is refused by its key, and its password is not repeated."""
    edit(shop, '"sqlite:///smartify.db"', json.dumps(url))
    before = everything(shop.folder)
    error = refused(smartify, "sync")
    assert error["where"] == "smartify.toml: storage.url"
    assert "sqlite:///" in error["cure"]
    assert "hunter2" not in error["message"]
    assert everything(shop.folder) == before


def test_broken_line_is_named_by_number(folder: Path, smartify: Callable[..., Any]) -> None:
    """A line of a people file that is broken is named by number and not quoted; nobody gets an account."""
    FileKeyRing.create(folder / "smartify.keys")
    people = '{"kind": "identity", "id": "1", "email": "a@x.example", "given_name": "A", "family_name": "B"}\nquux!\n'
    (folder / "people.jsonl").write_text(people, encoding="utf-8")
    (folder / "smartify.toml").write_text(
        '[storage]\nurl = "sqlite:///smartify.db"\n[keys]\nfile = "smartify.keys"\n'
        '[tenants.acme]\nsource = "jsonl"\npath = "people.jsonl"\n',
        encoding="utf-8",
    )
    result = smartify("sync", "--json")
    error = all_failed(result)
    assert (result.code, error["code"]) == (1, "SC203")
    assert "people.jsonl line 2" in error["where"]
    assert "quux" not in result.out + result.err
    (acme,) = smartify("status", "--json").document["tenants"]
    assert acme["accounts"] == 0
