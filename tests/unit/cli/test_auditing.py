"""`smartify audit`: what customers are handed, what they check it with, and slips that are told as slips."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import AS, let_in

AtOnce = Callable[..., Any]


@pytest.fixture
def seen(files: Any, at_once: AtOnce) -> Path:
    """Give a folder of two customers, of one of whom somebody has looked at people."""
    assert at_once("sync").code == 0
    let_in(files.folder, "initech")
    assert at_once("accounts", "--tenant", "initech", *AS).code == 0
    assert isinstance(files.folder, Path)
    return files.folder


def typed(folder: Path, said: str) -> subprocess.CompletedProcess[str]:
    """Type the two commands that an export ends with, as a customer does."""
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == ["smartify", "python"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(line.replace("smartify ", f"{sys.executable} -m smartify_core.cli ", 1) for line in lines)
    return subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_an_export_says_to_type_works(seen: Path, at_once: AtOnce) -> None:
    """The printed commands check the export and keep its note, and those of the next one hold it against that note."""
    first = at_once("audit", "export", "--tenant", "initech", "--to", "first one.json")
    assert (first.code, "--keep kept.note" in first.out, "--kept" in first.out.splitlines()[3]) == (0, True, False)
    done = typed(seen, first.out)
    assert (done.returncode, "GOOD: " in done.stdout) == (0, True), done.stderr
    assert at_once("accounts", "--tenant", "initech", *AS).code == 0
    second = at_once("audit", "export", "--tenant", "initech", "--to", "second.json", "--kept", "kept.note")
    assert (second.code, "--kept kept.note --keep kept.note" in second.out) == (0, True), second.err
    done = typed(seen, second.out)
    assert (done.returncode, "are those of the checkpoint that was kept" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("name", ["nosuch", "acm"])
def test_nobody_is_handed_an_export_of_a_slip(seen: Path, at_once: AtOnce, name: str) -> None:
    """A tenant that neither the store nor the trail knows has no export, and no file is written."""
    refused = at_once("audit", "export", "--tenant", name, "--to", "x.json", "--json")
    assert (refused.code, refused.error["code"], refused.error["where"]) == (2, "SC116", "--tenant")
    assert not (seen / "x.json").exists()
    assert at_once("audit", "export", "--tenant", "acme", "--to", "x.json").code == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "one\n\ntwo\n\nthree\n",
        "{note}\n{note}",
        "{note}\n",
        "\n{note}",
        "{note}more\n",
    ],
)
def test_an_anchor_that_is_no_note_is_a_slip(seen: Path, at_once: AtOnce, content: str) -> None:
    """A file that does not hold one signed note is wrong usage, and never a broken trail."""
    assert at_once("audit", "checkpoint", "--to", "kept.note").code == 0
    note = (seen / "kept.note").read_text(encoding="utf-8")
    (seen / "other.txt").write_text(content.replace("{note}", note), encoding="utf-8")
    for command in (("verify", "--anchor"), ("export", "--tenant", "acme", "--to", "x.json", "--kept")):
        refused = at_once("audit", *command, "other.txt", "--json")
        assert (refused.code, refused.error["code"], refused.error["where"]) == (2, "SC100", "other.txt")
        assert "audit checkpoint --to" in refused.error["cure"]
        assert "broken" not in refused.out + refused.err
    assert at_once("audit", "verify", "--anchor", "kept.note").code == 0


def test_entries_say_whom_they_are_about(seen: Path, at_once: AtOnce) -> None:
    """A line has the ids of up to three accounts; where there are more it says how many."""
    (about,) = [
        entry["subjects"]
        for entry in at_once("audit", "list", "--json").document["entries"]
        if entry["kind"] == "access.granted"
    ]
    assert len(about) == 3
    (line,) = at_once("audit", "list", "--kind", "access.granted").out.splitlines()
    assert f"about {','.join(about)}  " in line
    let_in(seen, "acme")
    at_once("accounts", "--tenant", "acme", *AS)
    (line,) = at_once("audit", "list", "--kind", "access.granted", "--tenant", "acme").out.splitlines()
    assert " and 17 more" in line
    assert line.count(",") > 2


def test_a_missing_folder_is_named(seen: Path, at_once: AtOnce) -> None:
    """Where the folder of a file that is to be written is not there, that is what is told."""
    refused = at_once("audit", "export", "--tenant", "acme", "--to", "nowhere/x.json", "--json")
    assert (refused.code, refused.error["code"]) == (1, "SC701")
    assert refused.error["message"] == "SC701 the folder of the file is not there (nowhere). Make it first."


LOOKING = [
    ("status",),
    ("dead-letters",),
    ("audit", "verify"),
    ("audit", "checkpoint"),
    ("audit", "list"),
    ("audit", "key"),
    ("audit", "export", "--tenant", "initech", "--to", "x.json"),
    ("employee", "add", "e-5", "--as", "hr"),
    ("employee", "leave", "e-2", "--as", "hr"),
    ("employee", "list"),
    ("grant", "list"),
    ("hold", "list"),
    ("settle",),
    ("keys", "list"),
    ("keys", "rotate", "--as", "e-2"),
    ("keys", "rewrap", "--as", "e-2"),
    ("vendors", "list"),
    ("communications", "sweep"),
    ("storage", "check"),
]


def test_the_record_outlives_the_last_customer(seen: Path, at_once: AtOnce) -> None:
    """When the configuration names no tenant any more, all that was recorded can still be looked at."""
    file = seen / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[tenants.")[0], encoding="utf-8")
    for tenant in ("acme", "initech"):
        gone = at_once("off-board", "--tenant", tenant, "--as", "e-2", "--reason", "they leave")
        assert (gone.code, "is erased" in gone.out) == (0, True)
    for command in LOOKING:
        done = at_once(*command)
        assert done.code == 0, (command, done.out, done.err)
    for command in (("doctor", "--json"), ("grant", "report", "--json")):
        done = at_once(*command)
        assert "error" not in done.document, (command, done.out)
    assert at_once("sync", "--json").error["code"] == "SC101"
    assert at_once("status", "--tenant", "acme", "--json").error["code"] == "SC101"


def test_an_off_boarded_tenant_is_shown_as_one(seen: Path, at_once: AtOnce) -> None:
    """Of a tenant that is gone it is said since when; no limit counts it, and a second time nothing is erased."""
    file = seen / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[tenants.initech]")[0], encoding="utf-8")
    leave = ("off-board", "--tenant", "initech", "--as", "e-2", "--reason", "they leave")
    ended = at_once(*leave, "--json").document["ended_at"]
    rows = {one["tenant"]: one for one in at_once("status", "--not-converged-for", "1h", "--json").document["tenants"]}
    assert {name: row["off_boarded_at"] for name, row in rows.items()} == {"acme": None, "initech": ended}
    assert {name: row["exceeded"] for name, row in rows.items()} == {"acme": False, "initech": None}
    shown = at_once("status", "--not-converged-for", "1h")
    assert (shown.code, f"off-boarded {ended[:10]}" in shown.out) == (0, True)
    again = at_once(*leave)
    assert (again.code, f"was erased already, on {ended[:10]}: 3 accounts, 0 tombstones" in again.out) == (0, True)


def test_choices_are_told_on_one_line(seen: Path, at_once: AtOnce) -> None:
    """What click would tell on several lines is told on one, and no character of it is replaced."""
    why = ("vendors", "why", "mailer", "--tenant", "acme", "--purpose", "ServiceProvision", "--fields", "email")
    refused = at_once(*why)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "Missing option '--consideration'. Choose from: none, money, other-value" in refused.err
    assert "\N{REPLACEMENT CHARACTER}" not in refused.err


def test_evidence_that_is_missing_is_told_as_missing(seen: Path, at_once: AtOnce) -> None:
    """An agreement without evidence says that there is none, and one with two that there are two."""
    bind = ("employee", "bind", "e-17", "--agreement", "nda-9", "--as", "hr")
    assert "the evidence is missing" in at_once(*bind).err
    (seen / "paper.txt").write_text("signed", encoding="utf-8")
    assert "the evidence is given twice" in at_once(*bind, "--paper", "paper.txt", "--evidence", "ab" * 32).err
