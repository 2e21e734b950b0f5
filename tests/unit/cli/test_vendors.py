"""The commands about vendors: the register, and the one way in which data leaves for one."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import WHO, let_in
from tests.unit.cli._vendor_files import ALL, EVIDENCE, WANTED, write_register

from smartify_core.cli import _exporting as exporting
from smartify_core.errors import AuditUnavailable
from smartify_core.policy import Policy
from smartify_core.policy.audit import Trail
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import identity

UNTIL = ("--until", "2099-01-01", "--as", "e-2")
EXPORT = ("vendors", "export", "mailer", *WANTED, "--as", WHO, "--reason", "the newsletter of May")


@pytest.fixture
def registered(files: Any, at_once: Callable[..., Any]) -> Path:
    """Give a folder in step with its directory, with one vendor that lacks nothing for acme."""
    folder: Path = files.folder
    assert at_once("sync").code == 0
    write_register(folder)
    assert at_once("vendors", "register", "vendors.toml", "--as", "e-2").code == 0
    assert at_once("vendors", "announce", "mailer", "--tenant", "acme", "--agreed", "--as", "e-2").code == 0
    return folder


def kinds(folder: Path) -> list[str]:
    """Return the kinds of the records in the audit trail, the oldest first."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        return [entry.record.kind for entry in Trail(storage).entries()]


def test_a_register_is_kept_and_shown(files: Any, at_once: Callable[..., Any]) -> None:
    """A file of vendors is registered, the same file again changes nothing, and the list is the checklist."""
    at_once("sync")
    write_register(files.folder, commitments=ALL[1:])
    first = at_once("vendors", "register", "vendors.toml", "--as", "e-2", "--json")
    assert (first.code, [one["id"] for one in first.document["changed"]]) == (0, ["mailer"])
    again = at_once("vendors", "register", "vendors.toml", "--as", "e-2")
    assert (again.code, again.out) == (0, "new or changed: 0 of 1 vendor\n")
    (vendor,) = at_once("vendors", "list", "--json").document["vendors"]
    assert (vendor["id"], vendor["fields"], vendor["ended"]) == ("mailer", ["email", "given_name"], False)
    assert vendor["commitments"] == {ALL[0]: None, **dict.fromkeys(ALL[1:], "2099-01-01T00:00:00+00:00")}
    shown = at_once("vendors", "list").out
    assert "mailer  6 of 7 commitments hold" in shown
    assert "MISSING" in shown
    assert kinds(files.folder) == ["vendor.registered"]


def test_commitments_come_and_go(registered: Path, at_once: Callable[..., Any]) -> None:
    """A commitment that is withdrawn closes the exports, one that is given opens them, and an end closes for good."""
    assert at_once("vendors", "withdraw", "mailer", "--commitment", "never-sold", "--as", "e-2").code == 0
    closed = at_once("vendors", "why", "mailer", *WANTED, "--json")
    (missing,) = closed.document["decision"]["missing"]
    assert (closed.code, missing["code"], missing["clause"]) == (4, "commitment/mailer/never-sold", "C15")
    (registered / "dpa.txt").write_text("We never sell it.", encoding="utf-8")
    given = ("--commitment", "never-sold", "--paper", "dpa.txt", "--since", "2021-01-01", "--until", "2098-01-01")
    undertaken = at_once("vendors", "undertake", "mailer", *given, "--as", "e-2", "--json")
    assert undertaken.document["vendor"]["commitments"]["never-sold"] == "2098-01-01T00:00:00+00:00"
    opened = at_once("vendors", "why", "mailer", *WANTED)
    assert (opened.code, opened.out) == (0, "Open to mailer until 2098-01-01 00:00:00Z.\n")
    assert at_once("vendors", "end", "mailer", "--as", "e-2", "--json").document["vendor"]["ended"] is True
    assert at_once("vendors", "why", "mailer", *WANTED).code == 4
    assert "ended" in at_once("vendors", "list").out


def test_all_commitments_are_given_at_once(files: Any, at_once: Callable[..., Any]) -> None:
    """`all` stands for the seven."""
    at_once("sync")
    write_register(files.folder, commitments=ALL[:1])
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")
    assert at_once("vendors", "lapses").code == 1
    given = ("--commitment", "all", "--evidence", EVIDENCE, "--until", "2098-01-01", "--as", "e-2")
    assert at_once("vendors", "undertake", "mailer", *given).code == 0
    assert at_once("vendors", "lapses", "--json").document == {"lapses": []}


def test_who_has_to_be_told_is_a_list(files: Any, at_once: Callable[..., Any]) -> None:
    """Customers who were not told in time are overdue, exit code 1, until it is on record that they were."""
    at_once("sync")
    write_register(files.folder)
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")
    due = at_once("vendors", "duties", "--json")
    assert (due.code, [(one["tenant"], one["overdue"]) for one in due.document["duties"]]) == (
        1,
        [("acme", True), ("initech", True)],
    )
    assert "tell acme  until 2020-01-02 00:00Z  OVERDUE" in at_once("vendors", "duties", "--tenant", "acme").out
    told = at_once("vendors", "announce", "mailer", "--at", "2020-01-01", "--as", "e-2", "--json")
    assert told.document == {"vendor": "mailer", "told": ["acme", "initech"], "agreed": False}
    assert at_once("vendors", "duties", "--json").document == {"duties": []}
    assert at_once("vendors", "why", "mailer", *WANTED).code == 0
    objected = at_once("vendors", "object", "mailer", "--tenant", "acme", "--as", "e-2")
    assert objected.code == 0
    assert "the customer objected to mailer" in at_once("vendors", "why", "mailer", *WANTED).out


def test_a_notice_runs_as_long_as_the_configuration_says(files: Any, at_once: Callable[..., Any]) -> None:
    """A customer that was told just now is exported after the notice, which may be nothing."""
    at_once("sync")
    write_register(files.folder)
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")
    at_once("vendors", "announce", "mailer", "--as", "e-2")
    running = at_once("vendors", "why", "mailer", *WANTED, "--json").document["decision"]["missing"]
    assert [one["code"] for one in running] == ["notice running/mailer"]
    files.configure('[policy]\nvendor_notice = "0s"\n')
    assert at_once("vendors", "why", "mailer", *WANTED).code == 0


def test_lapses_are_told_ahead(files: Any, at_once: Callable[..., Any]) -> None:
    """What lapses within the time asked for is told; exit code 1 is for what does not hold now."""
    at_once("sync")
    write_register(files.folder, ends="2098-01-01")
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")
    quiet = at_once("vendors", "lapses")
    assert (quiet.code, quiet.out) == (0, "")
    ahead = at_once("vendors", "lapses", "--within", "36500d")
    assert (ahead.code, ahead.out.count("holds until 2098-01-01 00:00Z")) == (0, 7)


def test_an_export_writes_what_the_vendor_gets(registered: Path, at_once: Callable[..., Any]) -> None:
    """Each person's fields that were asked for are a line; nobody but the owner may read the file."""
    let_in(registered, "acme")
    done = at_once(*EXPORT, "--to", "out.jsonl", "--json")
    assert done.code == 0, done.err
    assert done.document == {"vendor": "mailer", "tenant": "acme", "file": "out.jsonl", "accounts": 20}
    out = registered / "out.jsonl"
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset({"account_id", "email", "given_name"})}
    assert "p00@acme.example" in {line["email"] for line in lines}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert kinds(registered)[-3:] == ["export.granted", "access.granted", "export.ended"]
    one = at_once(*EXPORT, "--to", "out.jsonl", "--source-id", identity("p07").source_id)
    assert (one.code, out.read_text(encoding="utf-8").count("\n")) == (0, 1), one.err
    assert "@" not in done.out + one.out + one.err


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("grant", "need to know"),
        ("commitment", "commitment/mailer/protection"),
        ("vendor", "unregistered/postman"),
        ("money", "consideration"),
        ("fields", "fields/mailer"),
        ("purpose", "purpose/mailer"),
        ("advertising", "prohibited purpose"),
    ],
)
def test_a_denial_writes_nothing(registered: Path, at_once: Callable[..., Any], change: str, missing: str) -> None:
    """Whatever is missing for an export is told with exit code 4, and no file is left."""
    arguments = [*EXPORT, "--to", "out.jsonl"]
    if change != "grant":
        let_in(registered, "acme")
    if change == "commitment":
        at_once("vendors", "withdraw", "mailer", "--commitment", "protection", "--as", "e-2")
    replaced = {
        "vendor": ("mailer", "postman"),
        "money": ("none", "money"),
        "fields": ("email,given_name", "email,family_name"),
        "purpose": ("ServiceProvision", "PaymentManagement"),
        "advertising": ("ServiceProvision", "advertising"),
    }
    if change in replaced:
        old, new = replaced[change]
        arguments[arguments.index(old)] = new
    before = {path.name for path in registered.iterdir()}
    denied = at_once(*arguments, "--json")
    assert denied.code == 4, denied.err
    codes = denied.error["missing"]
    assert missing in codes or ((change == "grant" and "no-grant" in codes) or "employee-unknown" in codes), codes
    assert {path.name for path in registered.iterdir()} == before
    assert kinds(registered)[-1] in {"export.denied", "access.denied"}
    assert "newsletter" not in denied.out + denied.err


def test_an_export_whose_end_cannot_be_recorded_leaves_no_file(
    registered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is put in its place after the end of its export is on record: a trail that takes nothing leaves none."""
    let_in(registered, "acme")
    with SQLiteStorage(registered / "smartify.db") as storage:
        policy = Policy(storage, Sealer(FileKeyRing(registered / "smartify.keys")))
        real = policy.trail.append

        def append(*records: Any, **given: Any) -> Any:
            if records[0].kind == "export.ended":
                raise AuditUnavailable("the disk is full")
            return real(*records, **given)

        monkeypatch.setattr(policy.trail, "append", append)
        wanted = exporting.Wanted("mailer", "acme", "ServiceProvision", ["email"], "none", "plain")
        out = registered / "out.jsonl"
        with pytest.raises(AuditUnavailable):
            exporting._written(policy.exports, wanted.request(), out, employee=WHO, reason="x", people=())
    assert [path.name for path in registered.iterdir() if path.suffix not in {".db", ".keys", ".toml", ".jsonl"}] == []
    assert not out.exists()


def test_a_file_that_cannot_be_written_is_told(registered: Path, at_once: Callable[..., Any]) -> None:
    """Where there is no such folder the export fails with exit code 1 and an error, and opens nothing."""
    let_in(registered, "acme")
    failed = at_once(*EXPORT, "--to", "nowhere/out.jsonl", "--json")
    assert (failed.code, failed.error["code"], failed.error["where"]) == (1, "SC701", "nowhere")
    assert "export.granted" not in kinds(registered)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("register", "none.toml", "--as", "e-2"), "the register cannot be read"),
        (("register", "bad.toml", "--as", "e-2"), "a key is missing (bad.toml, vendors.mailer"),
        (("register", "vendors.toml", "--as", "ada@acme.example"), "--as takes an id"),
        (("undertake", "mailer", "--commitment", "all", *UNTIL), "given once"),
        (
            ("undertake", "mailer", "--commitment", "honesty", "--evidence", EVIDENCE, *UNTIL),
            "there is no such commitment (--commitment)",
        ),
        (
            ("undertake", "mailer", "--commitment", "all", "--evidence", "ff", "--until", "2099-01-01", "--as", "e-2"),
            "no SHA-256",
        ),
        (("withdraw", "postman", "--commitment", "protection", "--as", "e-2"), "no vendor is registered"),
        (("end", "mailer", "--as", "e-2", "--at", "soon"), "Write a day or time"),
        (("announce", "mailer", "--tenant", "acne", "--as", "e-2"), "there is no such tenant"),
        (("announce", "mailer", "--at", "2099-01-01", "--as", "e-2"), "an announcement lies ahead"),
        (("object", "mailer", "--tenant", "acne", "--as", "e-2"), "no such tenant is configured"),
        (("lapses", "--within", "soon"), "Write a duration"),
        (("why", "mailer", *WANTED[:-1], "gold"), "is not one of"),
        (("why", "mailer", *WANTED, "--form", "shredded"), "is not one of"),
        (("why", "mailer", "--tenant", "acme", "--purpose", "Advertisng", *WANTED[4:]), "no such purpose"),
        (("export", "mailer", *WANTED, "--as", WHO, "--reason", " ", "--to", "o.jsonl"), "Say why"),
        (("export", "mailer", *WANTED, "--as", WHO, "--reason", "x", "--to", "."), "that is no file"),
    ],
)
def test_bad_input_is_refused_in_words(
    registered: Path, at_once: Callable[..., Any], arguments: tuple[str, ...], words: str
) -> None:
    """What cannot be meant is refused with exit code 2, says what is wrong, and changes nothing."""
    (registered / "bad.toml").write_text('[vendors.mailer]\nname = "Mailer"\n', encoding="utf-8")
    before = kinds(registered)
    refused = at_once("vendors", *arguments, "--json")
    assert (refused.code, words in refused.error["message"]) == (2, True), refused.err
    assert kinds(registered) == before
    assert "ada@" not in refused.out + refused.err
