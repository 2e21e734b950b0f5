"""The commands about what was said to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import APPROVER, WHO, let_in

from smartify_core.lifecycle import utc_now
from smartify_core.policy import PersonalField, Policy, Purpose
from smartify_core.policy.communications import CommunicationRules
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import identity

ADA = identity("ada").source_id
TEXT = "My screen is blue since Monday."
KEEP = "[policy.communications]\nkeep = true\n"


def keep(folder: Path, *names: str, at: datetime | None = None, days: int = 30) -> None:
    """Keep a text of each of these people of initech, as a host does."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        sealer = Sealer(FileKeyRing(folder / "smartify.keys"))
        rules = CommunicationRules(keep=True, retention=timedelta(days=days))
        policy = Policy(storage, sealer, communications=rules, clock=lambda: at or utc_now())
        for name in names:
            source_id = identity(name).source_id
            account = storage.load("initech", [source_id])[source_id]
            policy.communications.keep(
                "initech", source_id, account.account_id, channel="chat", text=TEXT, about="4711", by=WHO
            )


def let_help(folder: Path) -> None:
    """Let `WHO` read what was said to the people of initech."""
    let_in(folder)
    with SQLiteStorage(folder / "smartify.db") as storage:
        policy = Policy(storage, Sealer(FileKeyRing(folder / "smartify.keys")))
        asked = policy.grants.request(
            WHO,
            tenant="initech",
            purpose=Purpose.CUSTOMER_CARE,
            fields=[PersonalField.COMMUNICATION],
            reason="on duty",
            lasts=timedelta(days=1),
        )
        policy.grants.approve(asked.id, by=APPROVER)


def test_what_was_said_is_read_by_who_helps(files: Any, at_once: Callable[..., Any]) -> None:
    """An employee with a grant to help reads what was said; nobody else does, and a denial says what is missing."""
    at_once("sync")
    keep(files.folder, "ada")
    asked = (
        "communications",
        "read",
        "--tenant",
        "initech",
        "--source-id",
        ADA,
        "--as",
        WHO,
        "--reason",
        "ticket 4711",
    )
    denied = at_once(*asked, "--json")
    assert (denied.code, "employee-unknown" in denied.error["missing"]) == (4, True)
    let_help(files.folder)
    (one,) = at_once(*asked, "--json").document["communications"]
    assert (one["text"], one["channel"], one["about"], one["by"]) == (TEXT, "chat", "4711", WHO)
    shown = at_once(*asked)
    assert (shown.code, TEXT in shown.out, "ticket" in shown.out + shown.err) == (0, True, False)
    other = at_once(*asked[:5], identity("grace").source_id, *asked[6:])
    assert (other.code, other.err) == (0, "Nothing is kept of this person.\n")


def test_a_sweep_ends_what_is_over(files: Any, at_once: Callable[..., Any]) -> None:
    """What has come to its end goes, the rest stays; a second sweep finds nothing."""
    at_once("sync")
    keep(files.folder, "ada", "grace", at=utc_now() - timedelta(days=10), days=9)
    keep(files.folder, "hank")
    swept = at_once("communications", "sweep", "--json")
    assert (swept.code, swept.document) == (0, {"swept": {"ended": 2, "orphaned": 0, "held": 0, "damaged": 0}})
    again = at_once("communications", "sweep", "--tenant", "initech")
    assert (again.code, again.out) == (0, "removed: 0 texts at the end of their time, 0 of people who are gone\n")


def test_a_legal_hold_keeps_what_is_over(files: Any, at_once: Callable[..., Any]) -> None:
    """The commands look for holds before anything that was said goes, and say so."""
    at_once("sync")
    keep(files.folder, "ada", "grace", at=utc_now() - timedelta(days=10), days=9)
    placed = ("--tenant", "initech", "--source-id", ADA, "--as", "e-2", "--reason", "a lawsuit")
    assert at_once("hold", "place", *placed).code == 0
    swept = at_once("communications", "sweep")
    assert (swept.code, "a legal hold keeps 1 text beyond the end of its time" in swept.err) == (0, True)
    out = at_once("communications", "opt-out", "--tenant", "initech", "--as", "e-2", "--remove", "--json")
    assert out.document == {"tenant": "initech", "source_id": None, "kept": 1, "removed": 0}


def test_wishes_are_put_on_record_and_taken_back(files: Any, at_once: Callable[..., Any]) -> None:
    """A person or a customer opts out, with or without removing what there is, and in again."""
    files.configure(KEEP)
    at_once("sync")
    keep(files.folder, "ada", "grace")
    ada = ("--tenant", "initech", "--source-id", ADA, "--as", "e-2")
    out = at_once("communications", "opt-out", *ada)
    assert (out.code, "kept until their end: 1 text;" in out.out) == (0, True)
    everybody = at_once("communications", "opt-out", "--tenant", "initech", "--as", "e-2", "--remove", "--json")
    assert everybody.document == {"tenant": "initech", "source_id": None, "kept": 0, "removed": 2}
    back = at_once("communications", "opt-in", *ada, "--json")
    assert back.document == {"tenant": "initech", "source_id": ADA, "keep": True}
    files.configure()
    off = at_once("communications", "opt-in", "--tenant", "initech", "--as", "e-2")
    assert "switched off in [policy.communications]" in off.out
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        trail = Policy(storage, Sealer(FileKeyRing(files.folder / "smartify.keys"))).trail
        said = [entry.record.kind for entry in trail.entries() if entry.record.kind.startswith("communication.opted")]
    assert said == ["communication.opted_out"] * 2 + ["communication.opted_in"] * 2


@pytest.mark.parametrize(
    ("extra", "place"),
    [
        ('[policy.communications]\nkeep = "yes"\n', "policy.communications.keep"),
        ('[policy.communications]\nretention = "0s"\n', "policy.communications.retention"),
        ('[policy.communications]\nretention = "4000d"\n', "policy.communications.retention"),
        ("[policy.communications]\nkeeping = true\n", "policy.communications.keeping"),
        ("[policy]\ncommunications = true\n", "policy.communications"),
        ('[policy]\nvendor_notice = "4000d"\n', "policy.vendor_notice"),
    ],
)
def test_wrong_settings_are_named_by_their_key(files: Any, at_once: Callable[..., Any], extra: str, place: str) -> None:
    """A setting that cannot be is refused by every command, with its key."""
    files.configure(extra)
    refused = at_once("plan", "--tenant", "acme", "--json")
    assert (refused.code, refused.error["code"]) == (2, "SC101")
    assert refused.error["where"].endswith(place)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("opt-out", "--tenant", "initech", "--source-id", "nobody", "--as", "e-2"), "the person has no account"),
        (("opt-out", "--tenant", "initech", "--as", "ada@initech.example"), "--as takes an id"),
        (("opt-in", "--tenant", "acne", "--as", "e-2"), "no such tenant"),
        (("sweep", "--tenant", "acne"), "no such tenant"),
        (("read", "--tenant", "initech", "--source-id", ADA, "--as", WHO, "--reason", ""), "Say why"),
        (("read", "--tenant", "initech", "--as", WHO, "--reason", "x"), "Missing option '--source-id'"),
    ],
)
def test_bad_input_is_refused_in_words(
    files: Any, at_once: Callable[..., Any], arguments: tuple[str, ...], words: str
) -> None:
    """What cannot be meant is refused with exit code 2, and quotes no address."""
    at_once("sync")
    refused = at_once("communications", *arguments, "--json")
    assert (refused.code, words in refused.error["message"]) == (2, True), refused.err
    assert "ada@" not in refused.out + refused.err
