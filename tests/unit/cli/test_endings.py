"""The commands about what ends and what must not yet, and the guard against older stores."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import AS, let_in

from smartify_core.errors import AuditUnavailable
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import EndingsFile, Shredder
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import identity

ADA = identity("ada").source_id
WHY = ("--as", "e-2", "--reason", "a lawsuit of theirs")


def kinds(folder: Path) -> list[str]:
    """Return the kinds of the records in the audit trail, the oldest first."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        return [entry.record.kind for entry in Trail(storage).entries()]


def copied(folder: Path, name: str) -> None:
    """Copy the store as it is now."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        storage.backup(folder / name)


def restored(folder: Path, name: str) -> None:
    """Put a copy in the place of the store."""
    for end in ("", "-wal", "-shm"):
        (folder / f"smartify.db{end}").unlink(missing_ok=True)
    shutil.copy(folder / name, folder / "smartify.db")


def leaves(files: Any, at_once: Callable[..., Any], *gone: str) -> None:
    """Have people of initech leave the directory, and the store brought in step."""
    stay = [name for name in ("ada", "grace", "hank") if name not in gone]
    files.write("initech", *stay, deleted=gone)
    assert at_once("sync", "--tenant", "initech").code == 0


# --- holds ------------------------------------------------------------------------------------------------------------


def test_a_hold_keeps_and_a_release_lets_go(files: Any, at_once: Callable[..., Any]) -> None:
    """Who is under a hold is deactivated when they leave, and deleted by the first run after the release."""
    at_once("sync")
    ada = ("--tenant", "initech", "--source-id", ADA)
    placed = at_once("hold", "place", *ada, *WHY, "--until", "2099-01-01", "--json")
    assert placed.code == 0, placed.err
    hold = placed.document["hold"]
    assert (hold["source_id"], hold["by"], hold["until"], hold["holds"]) == (
        ADA,
        "e-2",
        "2099-01-01T00:00:00+00:00",
        True,
    )
    leaves(files, at_once, "ada")
    (initech,) = at_once("status", "--tenant", "initech", "--json").document["tenants"]
    assert initech["accounts"] == 3
    assert at_once("hold", "list", "--tenant", "initech", "--json").document["holds"] == [hold]
    assert f"initech, source id {ADA}  since" in at_once("hold", "list").out
    released = at_once("hold", "release", *ada, *WHY)
    assert (released.code, "what waited ends with the next run" in released.out) == (0, True)
    at_once("sync", "--tenant", "initech")
    (initech,) = at_once("status", "--tenant", "initech", "--json").document["tenants"]
    assert initech["accounts"] == 2
    assert kinds(files.folder) == ["legal-hold.placed", "legal-hold.released", "account.shredded"]
    assert at_once("hold", "list").err == "There are no legal holds.\n"


def test_why_somebody_is_held_is_shown_by_no_command(files: Any, at_once: Callable[..., Any]) -> None:
    """A reason is sealed: neither placing, listing nor releasing prints it."""
    at_once("sync")
    said = ""
    for command in (("place", "--tenant", "initech", *WHY), ("list",), ("release", "--tenant", "initech", *WHY)):
        for form in ((), ("--json",)):
            if command[0] == "release" and form:
                at_once("hold", "place", "--tenant", "initech", *WHY)
            done = at_once("hold", *command, *form)
            assert done.code == 0, done.err
            said += done.out + done.err
    assert "lawsuit" not in said
    assert '"account_id": null' in said
    assert "initech, everybody" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("place", "--tenant", "initech", "--source-id", "nobody", *WHY), "no such live account"),
        (("place", "--tenant", "initech", *WHY, "--until", "2001-01-01"), "no aware instant to come"),
        (("place", "--tenant", "acne", *WHY), "no such tenant is configured"),
        (("place", "--tenant", "initech", "--as", "ada@initech.example", "--reason", "x"), "--as takes an id"),
        (("place", "--tenant", "initech", "--as", "e-2", "--reason", " "), "Say why"),
        (("release", "--tenant", "initech", *WHY), "there is no such legal hold"),
    ],
)
def test_holds_that_cannot_be_are_refused(
    files: Any, at_once: Callable[..., Any], arguments: tuple[str, ...], words: str
) -> None:
    """What cannot be meant is refused with exit code 2, and nothing is on record."""
    at_once("sync")
    refused = at_once("hold", *arguments, "--json")
    assert (refused.code, words in refused.error["message"]) == (2, True), refused.err
    assert kinds(files.folder) == []
    assert "ada@" not in refused.out + refused.err


# --- receipts ---------------------------------------------------------------------------------------------------------


def test_settling_writes_receipts_and_makes_the_register(files: Any, at_once: Callable[..., Any]) -> None:
    """A sync writes the receipts; settling makes the register once, which then names whoever is gone."""
    at_once("sync")
    leaves(files, at_once, "ada")
    assert kinds(files.folder) == ["account.shredded"]
    register = files.folder / "smartify.endings"
    assert not register.exists()
    first = at_once("settle", "--json")
    assert first.document == {"receipts": 0, "register": str(register), "register_made": True}
    assert [one.source_id for one in EndingsFile(register).endings()] == [ADA]
    leaves(files, at_once, "ada", "grace")
    assert len(list(EndingsFile(register).endings())) == 2
    again = at_once("settle", "--tenant", "initech")
    assert (again.code, again.out) == (0, "0 receipts are written for accounts that have ended\n")


def test_run_settles_what_it_ran(files: Any, at_once: Callable[..., Any]) -> None:
    """`smartify run` writes the receipts of the tenants that ran."""
    at_once("sync")
    files.write("initech", "grace", "hank", deleted=["ada"])
    assert at_once("run", "--once").code == 0
    assert kinds(files.folder) == ["account.shredded"]


@pytest.mark.parametrize("command", [("sync", "--tenant", "initech"), ("run", "--once")])
def test_a_run_stands_where_its_receipts_cannot_be_written(
    files: Any, at_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """What keeps receipts from being written is told on stderr; the run is done, and the next one writes them."""
    at_once("sync")
    files.write("initech", "grace", "hank", deleted=["ada"])

    def full(*_: object) -> int:
        raise AuditUnavailable("the audit trail cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(Shredder, "settle", full)
        done = at_once(*command, "--json")
    (run,) = [one for one in done.document["runs"] if one["tenant"] == "initech"]
    assert (done.code, run["verdict"], run["deleted"]) == (0, "complete", 1)
    assert "initech: the receipts of ended accounts wait for the next run: SC501" in done.err
    assert kinds(files.folder) == []
    assert at_once("sync", "--tenant", "initech").code == 0
    assert kinds(files.folder) == ["account.shredded"]


# --- customers who leave ----------------------------------------------------------------------------------------------


def without_initech(files: Any) -> None:
    """Take initech out of the configuration."""
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[tenants.initech]")[0], encoding="utf-8")


def test_a_customer_who_leaves_is_erased(files: Any, at_once: Callable[..., Any]) -> None:
    """Off-boarding needs the tenant out of the configuration, erases it, and can be asked for again."""
    at_once("sync")
    at_once("settle")
    configured = at_once("off-board", "--tenant", "initech", *WHY, "--json")
    assert (configured.code, "still configured" in configured.error["what"]) == (2, True)
    without_initech(files)
    gone = at_once("off-board", "--tenant", "initech", *WHY, "--json")
    assert gone.code == 0, gone.err
    assert (gone.document["tenant"], gone.document["accounts"], gone.document["tombstones"]) == ("initech", 3, 0)
    assert gone.document["ended_at"] is not None
    assert at_once("off-board", "--tenant", "initech", *WHY).code == 0
    assert kinds(files.folder) == ["tenant.off-boarding", "tenant.off-boarded"]
    ending = list(EndingsFile(files.folder / "smartify.endings").endings())[-1]
    assert (ending.tenant, ending.account_id) == ("initech", None)
    assert "lawsuit" not in gone.out + gone.err


def test_the_last_customer_leaves_as_any_other(files: Any, at_once: Callable[..., Any]) -> None:
    """A configuration that names no tenant any more will do for off-boarding, and for nothing that needs one."""
    at_once("sync")
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[tenants.acme]")[0], encoding="utf-8")
    assert at_once("off-board", "--tenant", "acme", *WHY).code == 0
    assert at_once("sync").code == 2


def test_a_customer_under_a_hold_stays(files: Any, at_once: Callable[..., Any]) -> None:
    """A legal hold on one person refuses the off-boarding of their whole tenant; a stranger is no tenant."""
    at_once("sync")
    at_once("hold", "place", "--tenant", "initech", "--source-id", ADA, *WHY)
    without_initech(files)
    refused = at_once("off-board", "--tenant", "initech", *WHY, "--json")
    assert (refused.code, refused.error["code"]) == (2, "SC133")
    assert at_once("off-board", "--tenant", "nobody", *WHY, "--json").error["what"] == "there is no such tenant"
    (initech,) = at_once("hold", "list", "--json").document["holds"]
    assert initech["tenant"] == "initech"


# --- older stores -----------------------------------------------------------------------------------------------------


@pytest.fixture
def older(files: Any, at_once: Callable[..., Any]) -> Path:
    """Give a folder whose store was restored from a copy of before somebody left."""
    folder: Path = files.folder
    at_once("sync")
    at_once("settle")
    let_in(folder, "initech")
    copied(folder, "monday.db")
    leaves(files, at_once, "ada")
    restored(folder, "monday.db")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("sync",),
        ("run", "--once"),
        ("plan", "--tenant", "initech"),
        ("accounts", "--tenant", "initech", *AS),
        ("employee", "list"),
        ("grant", "list"),
        ("vendors", "list"),
        ("keys", "rewrap", "--as", "e-2"),
        ("hold", "place", "--tenant", "initech", *WHY),
        ("settle",),
        ("communications", "sweep"),
        ("audit", "checkpoint"),
    ],
)
def test_an_older_store_is_refused(older: Path, at_once: Callable[..., Any], command: tuple[str, ...]) -> None:
    """Whatever opens fields or changes something refuses a store that is older than the register."""
    before = kinds(older)
    refused = at_once(*command, "--json")
    assert refused.code == 1
    assert (refused.error["code"], "smartify reshred" in refused.error["cure"]) == ("SC315", True)
    assert kinds(older) == before


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("held",),
        ("history", "--tenant", "initech"),
        ("audit", "verify"),
        ("audit", "list"),
        ("storage", "check"),
        ("hold", "--help"),
    ],
)
def test_an_older_store_may_be_looked_at(older: Path, at_once: Callable[..., Any], command: tuple[str, ...]) -> None:
    """Commands that only look at how things stand show an older store, too."""
    assert "SC315" not in at_once(*command).err
    assert at_once(*command).code == 0


def test_whoever_is_gone_is_ended_again(older: Path, files: Any, at_once: Callable[..., Any]) -> None:
    """After reshredding the store is used as before, and nobody who is gone is there."""
    done = at_once("reshred", "--as", "e-2", "--reason", "monday's backup", "--json")
    assert (done.code, done.document) == (0, {"reshredded": {"accounts": 1, "tenants": 0}}), done.err
    (initech,) = at_once("status", "--tenant", "initech", "--json").document["tenants"]
    assert initech["accounts"] == 2
    assert at_once("accounts", "--tenant", "initech", *AS).code == 0
    assert at_once("sync").code == 0
    assert "monday" not in done.out + done.err


def test_without_a_register_nobody_is_ended_again(files: Any, at_once: Callable[..., Any]) -> None:
    """Reshredding needs the register, and says which one is meant."""
    at_once("sync")
    refused = at_once("reshred", *WHY, "--json")
    assert (refused.code, refused.error["where"]) == (2, str(files.folder / "smartify.endings"))


def test_a_register_that_is_configured_must_be_there(files: Any, at_once: Callable[..., Any]) -> None:
    """A store that begins makes the register that is named; one that went missing is no register that never was."""
    (files.folder / "elsewhere").mkdir()
    register = files.folder / "elsewhere" / "endings"
    files.configure('[policy]\nendings = "elsewhere/endings"\n')
    assert at_once("sync").code == 0
    assert register.exists()
    assert at_once("sync").code == 0
    register.rename(register.with_name("lost"))
    refused = at_once("sync", "--json")
    assert (refused.code, refused.error["code"], refused.error["where"]) == (2, "SC134", str(register))
    assert at_once("status").code == 0
    register.with_name("lost").rename(register)
    assert at_once("sync").code == 0
    register.unlink()
    assert at_once("settle").code == 0
    assert at_once("sync").code == 0


def test_without_the_guard_an_older_store_passes(
    older: Path, at_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard that is taken away lets an older store pass: it is the guard that refuses."""
    monkeypatch.setattr("smartify_core.cli._build._guard", lambda *_, **__: None)
    assert at_once("vendors", "list").code == 0


def test_the_demo_begins_anew_where_somebody_settled(at_once: Callable[..., Any]) -> None:
    """A demo that is played again has a new store, and the register of the old one goes with that."""
    assert at_once("demo", "--people", "20").code == 0
    assert at_once("settle").code == 0
    again = at_once("demo", "--people", "20")
    assert again.code == 0, again.err
    assert at_once("keys", "list").code == 0
