"""`smartify doctor`: what is enforced is told so, what is not is told with its cure, and nobody is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests._let_in import APPROVER, WHO, let_in
from tests._receivers import MailServer
from tests.unit.cli._vendor_files import ALL, write_register
from tests.unit.cli.test_communications import KEEP, keep
from tests.unit.cli.test_endings import copied, leaves, restored

from smartify_core.cli._checkups import Checkup
from smartify_core.lifecycle import utc_now
from smartify_core.model import LEDGER
from smartify_core.policy import Policy
from smartify_core.policy.clause import SENTENCES, Keeping
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage

AtOnce = Callable[..., Any]
Lost = Callable[[Any, AtOnce], object]


def checks(at_once: AtOnce, sentence: str) -> list[dict[str, Any]]:
    """Return what the doctor says of one sentence."""
    done = at_once("doctor", "--json")
    (row,) = [one for one in done.document["sentences"] if one["sentence"] == sentence]
    found = {one["enforced"] for one in row["checks"]}
    assert row["enforced"] is (False if False in found else None if None in found else True)
    return list(row["checks"])


def finding(at_once: AtOnce, sentence: str, words: str) -> dict[str, Any] | None:
    """Return what is not as it should be and has these words, if that is told."""
    found = [one for one in checks(at_once, sentence) if words in one["what"] and one["enforced"] is False]
    assert all(one["cure"] for one in found)
    return found[0] if found else None


@pytest.fixture(autouse=True)
def post(mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """Give the mail server that every sound host sends through."""
    monkeypatch.setattr(_Post, "port", mail.port)
    return mail


class _Post:
    """Where the mail server of the present test listens."""

    port = 0


def sound(files: Any, at_once: AtOnce) -> None:
    """Make a host of which nothing is amiss."""
    folder = files.folder
    for name in ("keys", "store", "endings", "witness"):
        (folder / name).mkdir()
    shutil.move(folder / "smartify.keys", folder / "keys" / "smartify.keys")
    configure(files)
    assert at_once("sync").code == 0
    with SQLiteStorage(folder / "store" / "smartify.db"):
        (folder / "store" / "smartify.db").chmod(0o600)
    for who in (WHO, APPROVER):
        policy(folder, partial(one_of_staff, who=who))
    (folder / "customers.toml").write_text(
        "".join(
            f'[[customers.{one}.contacts]]\nid = "privacy"\nchannel = "mail"\naddress = "privacy@{one}.example"\n'
            for one in ("acme", "initech")
        ),
        encoding="utf-8",
    )
    assert at_once("breach", "customers", "register", "customers.toml", "--as", "e-2").code == 0
    assert at_once("breach", "rehearse", "--as", "e-2").code == 0
    assert at_once("audit", "checkpoint").code == 0


def configure(files: Any, extra: str = "", *, endings: str = "endings/register") -> None:
    """Write the configuration of a sound host, with more in it."""
    files.configure(
        f'[policy]\nendings = "{endings}"\nwitness_folder = "witness"\n{extra}'
        '[breach]\norganisation = "Example Ltd"\ncontact_point = "Privacy office"\ncall = "e-2"\n'
        f'mail = {{ host = "127.0.0.1", port = {_Post.port}, security = "none", sender = "us@example.com" }}\n'
    )
    file = files.folder / "smartify.toml"
    text = file.read_text(encoding="utf-8").replace('"smartify.keys"', '"keys/smartify.keys"')
    file.write_text(text.replace("sqlite:///", "sqlite:///store/"), encoding="utf-8")


def one_of_staff(it: Policy, who: str, *, days: int = 365) -> None:
    """Put an employee on record, bound by confidentiality."""
    it.staff.add(who, by="test", may_approve=who == APPROVER)
    until = it.trail.now() + timedelta(days=days)
    it.staff.bind(who, agreement=f"nda-{who}", evidence=sha256(who.encode()).hexdigest(), by="test", until=until)


def policy(folder: Path, do: Callable[[Policy], object]) -> None:
    """Do something with policy over the store of a sound host."""
    with SQLiteStorage(folder / "store" / "smartify.db") as storage:
        do(Policy(storage, Sealer(FileKeyRing(folder / "keys" / "smartify.keys"))))


def test_a_sound_host_is_told_so(files: Any, at_once: AtOnce) -> None:
    """Where nothing is amiss every sentence is enforced; the exit code is 0."""
    sound(files, at_once)
    done = at_once("doctor", "--json")
    rows = {row["sentence"]: row for row in done.document["sentences"]}
    assert list(rows) == [f"C{number}" for number in range(1, 18)]
    assert [row for row in rows.values() if row["enforced"] is not True] == []
    assert all(row["checks"] for row in rows.values())
    assert (done.code, done.document["enforced"]) == (0, True)
    assert [one["what"] for one in rows["C12"]["checks"]] == [
        "Every customer was reached by an exercise not long ago.",
        "Reached by one channel only: 2 customers, acme, initech.",
        "No incident is open.",
    ]
    shown = at_once("doctor")
    assert (shown.code, "CURE" in shown.out) == (0, False)
    assert "C11  Vendors give similar commitments.\n  ok     No vendor is registered" in shown.out


def test_what_is_not_built_is_the_hosts(files: Any, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that this library does not keep is told to be the host's, whatever was looked at; that is no fault."""
    sound(files, at_once)
    there = [evolve(one, keeping=Keeping.NOT_BUILT) if one.id == "C12" else one for one in SENTENCES]
    monkeypatch.setattr("smartify_core.cli._doctoring.SENTENCES", there)
    (yours,) = checks(at_once, "C12")
    assert yours == {
        "enforced": None,
        "what": "It is yours to keep by other means: this library does not keep it yet.",
        "cure": None,
    }
    shown = at_once("doctor")
    assert (shown.code, "  yours  It is yours to keep by other means" in shown.out) == (0, True)


def test_what_is_amiss_outweighs_what_is_the_hosts(
    files: Any, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a sentence that is kept in part, the part that is amiss is what the sentence comes to."""
    at_once("sync")
    for of_c5, comes_to in (([None, True], None), ([None, False], False), ([True, True], True)):
        found = [Checkup("C5", enforced=one, what="x", cure="y") for one in of_c5]
        monkeypatch.setattr("smartify_core.cli._doctoring.every_checkup", lambda *_, found=found: found)
        row = next(row for row in at_once("doctor", "--json").document["sentences"] if row["sentence"] == "C5")
        assert row["enforced"] is comes_to


def rotate(files: Any, at_once: AtOnce) -> None:
    at_once("keys", "rotate", "--as", "e-2")


def hold(files: Any, at_once: AtOnce) -> None:
    at_once("hold", "place", "--tenant", "initech", "--as", "e-2", "--reason", "a lawsuit")


def open_store(files: Any, at_once: AtOnce) -> None:
    (files.folder / "store" / "smartify.db").chmod(0o644)


def beside(files: Any, at_once: AtOnce) -> None:
    shutil.copy(files.folder / "endings" / "register", files.folder / "store" / "register")
    configure(files, endings="store/register")


def no_register(files: Any, at_once: AtOnce) -> None:
    (files.folder / "endings" / "register").unlink()


def no_witness(files: Any, at_once: AtOnce) -> None:
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('witness_folder = "witness"\n', ""), encoding="utf-8")


def lapsing(files: Any, at_once: AtOnce) -> None:
    ends = (utc_now() + timedelta(days=9)).date().isoformat()
    write_register(files.folder, ends=ends)
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")


def lapsed(files: Any, at_once: AtOnce) -> None:
    write_register(files.folder, commitments=ALL[1:])
    at_once("vendors", "register", "vendors.toml", "--as", "e-2")


def unbound(files: Any, at_once: AtOnce) -> None:
    policy(files.folder, lambda it: it.staff.add("e-9", by="test"))


def leaving_agreement(files: Any, at_once: AtOnce) -> None:
    policy(files.folder, lambda it: one_of_staff(it, "e-8", days=9))


def broken_glass(files: Any, at_once: AtOnce) -> None:
    given = ("--employee", WHO, "--tenant", "acme", "--purpose", "ServiceProvision", "--fields", "email")
    assert at_once("grant", "break-glass", *given, "--reason", "the site is down").code == 0


def no_channel(files: Any, at_once: AtOnce) -> None:
    file = files.folder / "smartify.toml"
    kept = [one for one in file.read_text(encoding="utf-8").splitlines() if not one.startswith("mail = ")]
    file.write_text("\n".join(kept), encoding="utf-8")


def _changed(files: Any, before: str, after: str) -> None:
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def no_password(files: Any, at_once: AtOnce) -> None:
    _changed(files, 'sender = "us@example.com"', 'sender = "us@example.com", username = "us", password_file = "gone"')


def no_caller(files: Any, at_once: AtOnce) -> None:
    _changed(files, 'call = "e-2"\n', "")


def unknown_caller(files: Any, at_once: AtOnce) -> None:
    _changed(files, 'call = "e-2"', 'call = "e-404"')


def nameless(files: Any, at_once: AtOnce) -> None:
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('organisation = "Example Ltd"\n', ""), encoding="utf-8")


def no_customer(files: Any, at_once: AtOnce) -> None:
    at_once("breach", "customers", "remove", "--tenant", "acme", "--as", "e-2")


def no_contact(files: Any, at_once: AtOnce) -> None:
    (files.folder / "customers.toml").write_text("[customers.acme]\n", encoding="utf-8")
    at_once("breach", "customers", "register", "customers.toml", "--as", "e-2")


def other_contact(files: Any, at_once: AtOnce) -> None:
    file = files.folder / "customers.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("privacy@acme", "legal@acme"), encoding="utf-8")
    at_once("breach", "customers", "register", "customers.toml", "--as", "e-2")


def late_notice(files: Any, at_once: AtOnce) -> None:
    by = ("--as", "e-2")
    then = [(utc_now() - timedelta(days=days)).isoformat() for days in (9, 8)]
    opened = at_once("breach", "open", *by, "--signal", "blue", "--store", "monday", "--at", then[0], "--json")
    incident = opened.document["incident"]["id"]
    at_once("breach", "aware", incident, *by, "--reason", "blue", "--at", then[1])
    assert at_once("breach", "assess", incident, *by).code == 0
    at_once("breach", "work", "--once")


def broken_trail(files: Any, at_once: AtOnce) -> None:
    """Take the oldest entries out, behind the back of the audit trail."""
    with SQLiteStorage(files.folder / "store" / "smartify.db") as storage:
        storage.trim(LEDGER, journal="audit", through=storage.entries(LEDGER, journal="audit")[0].position)


@pytest.mark.parametrize(
    ("amiss", "sentence", "words", "cure"),
    [
        (rotate, "C10", "Under older keys: 23 accounts", "smartify keys rewrap"),
        (hold, "C10", "1 legal hold without an end, at initech", "smartify hold"),
        (open_store, "C10", "Others than its owner may use the store (mode 0644)", "chmod 600"),
        (beside, "C10", "The register of endings lies beside the store", "Move it elsewhere"),
        (no_register, "C10", "There is no register of endings", "smartify settle"),
        (no_witness, "C10", "No witness outside", "witness_folder"),
        (lapsing, "C11", "Lapsing in 30 days: 7 commitments, of mailer", "smartify vendors undertake"),
        (lapsed, "C11", "Not held: 1 commitment, of mailer", "smartify vendors undertake"),
        (lapsed, "C11", "Not told in time: 2 customers, of mailer", "smartify vendors announce"),
        (no_channel, "C12", "Nothing says how notices leave", "[breach]"),
        (no_password, "C12", "No notice could leave: the password of the mail server", "Name a text file"),
        (no_caller, "C12", "Nobody would call a customer that nothing else reaches.", "Add call = NAME"),
        (unknown_caller, "C12", "Whoever has to call customers that nothing else reaches", "smartify employee add"),
        (nameless, "C12", "A notice could not say who you are", "organisation"),
        (no_customer, "C12", "Nobody said whom to tell: 1 customer, acme.", "customers register"),
        (no_contact, "C12", "There is no contact: 1 customer, acme.", "customers register"),
        (other_contact, "C12", "Never reached by an exercise: 1 customer, acme.", "smartify breach rehearse"),
        (late_notice, "C12", "Notices are late, and nobody said why: inc-", "smartify breach explain"),
        (unbound, "C14", "No confidentiality agreement binds e-9", "smartify employee bind"),
        (leaving_agreement, "C14", "The agreements of e-8 end within 30 days", "Have new ones signed"),
        (broken_trail, "C10", "The audit trail is broken", "treat it as an incident"),
        (broken_glass, "C13", "Grants are emergency-not-reviewed", "smartify grant report"),
    ],
)
def test_what_is_amiss_is_told_with_its_cure(
    files: Any, at_once: AtOnce, amiss: Lost, sentence: str, words: str, cure: str
) -> None:
    """Each thing is told where it is amiss, with its cure and exit code 1, and is not told where it is not."""
    sound(files, at_once)
    assert finding(at_once, sentence, words) is None
    amiss(files, at_once)
    told = finding(at_once, sentence, words)
    assert told is not None, checks(at_once, sentence)
    assert cure in told["cure"]
    shown = at_once("doctor")
    assert (shown.code, "CURE" in shown.out) == (1, True)


def test_what_was_said_is_looked_at(files: Any, at_once: AtOnce) -> None:
    """Kept texts are fine while they may be; those beyond their end, or kept though that is off, are told."""
    files.configure(KEEP)
    at_once("sync")
    (quiet,) = checks(at_once, "C9")
    assert quiet == {"enforced": True, "what": "Communications are kept for 180 days, and sealed.", "cure": None}
    keep(files.folder, "ada", at=utc_now() - timedelta(days=10), days=9)
    told = finding(at_once, "C9", "Kept beyond its end: 1 communication.")
    assert told is not None
    assert "communications sweep" in told["cure"]
    keep(files.folder, "grace")
    at_once("communications", "sweep")
    assert finding(at_once, "C9", "beyond its end") is None
    files.configure()
    off = finding(at_once, "C9", "switched off, and 1 is there from before")
    assert off is not None
    assert "opt-out --remove" in off["cure"]
    at_once("communications", "opt-out", "--tenant", "initech", "--remove", "--as", "e-2")
    assert [one["what"] for one in checks(at_once, "C9")] == ["Communications are switched off: none is kept."]


def test_endings_without_a_receipt_are_told(files: Any, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that has ended and has no receipt is told until it is settled."""
    at_once("sync")
    with monkeypatch.context() as patched:
        patched.setattr("smartify_core.cli._ending.Settling.after", lambda *_: None)
        leaves(files, at_once, "ada")
    told = finding(at_once, "C10", "1 account ended without a receipt yet")
    assert told is not None
    assert "smartify settle" in told["cure"]
    at_once("settle")
    assert finding(at_once, "C10", "without a receipt") is None


def test_an_older_store_is_told(files: Any, at_once: AtOnce) -> None:
    """The doctor looks at a store that other commands refuse, and says what to do."""
    at_once("sync")
    at_once("settle")
    copied(files.folder, "monday.db")
    leaves(files, at_once, "ada")
    restored(files.folder, "monday.db")
    told = finding(at_once, "C10", "The store is older than the register of endings")
    assert told is not None
    assert "smartify reshred" in told["cure"]


def test_tenants_out_of_step_are_told(files: Any, at_once: AtOnce) -> None:
    """Who was never in step, and whose plan waits, is told."""
    at_once("sync", "--tenant", "initech")
    late = finding(at_once, "C2", "acme not in step")
    assert late is not None
    assert "smartify run" in late["cure"]
    at_once("sync")
    assert finding(at_once, "C2", "not in step") is None
    files.write("acme", *(f"p{number:02}" for number in range(9)), deleted=[f"p{number:02}" for number in range(9, 20)])
    at_once("sync")
    waiting = finding(at_once, "C3", "Plans are held for a decision: acme")
    assert waiting is not None
    assert "smartify approve" in waiting["cure"]


def test_what_cannot_be_looked_at_hides_nothing_else(
    files: Any, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged part is a finding of its own, and the other parts are looked at all the same."""
    at_once("sync")
    at_once("vendors", "register", str(write_register(files.folder)), "--as", "e-2")
    with closing(sqlite3.connect(files.folder / "smartify.db")) as store:
        (table,) = [
            row[0]
            for row in store.execute("select name from sqlite_master where type = 'table'")
            if "document" in row[0]
        ]
        columns = [row[1] for row in store.execute(f"pragma table_info({table})")]
        assert {"kind", "content"} <= set(columns), columns
        store.execute(f"update {table} set content = zeroblob(90) where kind = 'vendor'")
        store.commit()
    told = finding(at_once, "C11", "It cannot be looked at")
    assert told is not None, checks(at_once, "C11")
    assert checks(at_once, "C13")


def test_nobody_is_named(files: Any, at_once: AtOnce) -> None:
    """What the doctor says has no name, no address, and no reason, whatever is amiss."""
    at_once("sync")
    let_in(files.folder, "acme")
    keep(files.folder, "ada")
    for amiss in (hold, lapsed, broken_glass, late_notice):
        amiss(files, at_once)
    said = at_once("doctor").out + json.dumps(at_once("doctor", "--json").document)
    for word in ("@", "Ada", "ada", "lawsuit", "the site is down", "blue", "the tests look"):
        assert word not in said


def test_without_a_store_there_is_nothing_to_look_at(files: Any, at_once: AtOnce) -> None:
    """Where there is no store yet the doctor says how to make one, and makes none."""
    refused = at_once("doctor", "--json")
    assert (refused.code, refused.error["what"]) == (2, "there is no store yet")
    assert not (files.folder / "smartify.db").exists()


def test_a_contact_that_is_gone_is_told(files: Any, at_once: AtOnce, post: MailServer) -> None:
    """Whoever could not be reached by an exercise is told, by what came of it."""
    sound(files, at_once)
    post.refused["privacy@acme.example"] = "550 5.1.1 no such user"
    assert at_once("breach", "rehearse", "--as", "e-2", "--tenant", "acme", "--force").code == 1
    told = finding(at_once, "C12", "1 customer, acme.")
    assert told is not None, checks(at_once, "C12")
    assert "Ask for another address" in told["cure"]


def test_whoever_has_to_be_called_is_told(files: Any, at_once: AtOnce, post: MailServer) -> None:
    """A customer that nothing but a call reaches is told until somebody has called."""
    sound(files, at_once)
    late_notice(files, at_once)
    by = ("--as", "e-2")
    incident = at_once("breach", "status", "--json").document["incidents"][0]["id"]
    post.refused |= {f"privacy@{one}.example": "550 5.1.1 no such user" for one in ("acme", "initech")}
    assert at_once("breach", "draft", incident, *by, "--phase", "first").code == 0
    assert at_once("breach", "send", incident, *by).code == 1
    told = finding(at_once, "C12", "Reached by nothing but a call, which nobody has made: 2 customers.")
    assert told is not None, checks(at_once, "C12")
    for one in ("acme", "initech"):
        at_once("breach", "acknowledge", incident, "--tenant", one, *by, "--heard-by", "blue", "--how", "blue")
    assert finding(at_once, "C12", "Reached by nothing but a call") is None


def test_looking_changes_nothing(files: Any, at_once: AtOnce) -> None:
    """The doctor writes nothing: to no trail and into no register."""
    sound(files, at_once)
    register = (files.folder / "endings" / "register").read_bytes()
    sizes: list[int] = []
    policy(files.folder, lambda it: sizes.append(it.trail.size))
    at_once("doctor")
    policy(files.folder, lambda it: sizes.append(it.trail.size))
    assert sizes[0] == sizes[1]
    assert (files.folder / "endings" / "register").read_bytes() == register
