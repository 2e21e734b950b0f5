"""Employees, grants and what opens by them, from the command line."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import APPROVER, AS, WHO, let_in, staffed

from smartify_core.policy import Policy
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import identity

COMMAND = (sys.executable, "-m", "smartify_core.cli")
PAPER = hashlib.sha256(b"a signed paper").hexdigest()
WANTED = (
    *("--employee", WHO, "--tenant", "acme", "--purpose", "CommunicationForCustomerCare"),
    *("--fields", "email", "--reason", "her secret reason"),
)
LOOK = (
    *("accounts", "--tenant", "acme", "--as", WHO, "--purpose", "CommunicationForCustomerCare"),
    *("--fields", "email", "--reason", "her secret reason"),
)
EMPLOYEE_KEYS = ["id", "kind", "since", "until", "owner", "may_approve", "employed", "bound", "agreements"]
GRANT_KEYS = [
    *("id", "state", "missing", "employee", "tenant", "purpose", "fields", "subjects", "identified", "ticket"),
    *("emergency", "requested_by", "requested_at", "not_before", "expires_at", "approved_by", "approved_at"),
    *("revoked_by", "revoked_at", "reviewed_by"),
]


def policy_in(folder: Path, storage: SQLiteStorage) -> Policy:
    return Policy(storage, Sealer(FileKeyRing(folder / "smartify.keys")))


def entries_in(folder: Path) -> list[Any]:
    """Return the records of the trail."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        return [entry.record for entry in policy_in(folder, storage).trail.entries()]


@pytest.fixture
def desk(files: Any, at_once: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command over a store that is in step, with an employee and an approver on record."""
    assert at_once("sync").code == 0
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        staffed(policy_in(files.folder, storage))
    return at_once


def asked(desk: Callable[..., Any], *more: str) -> str:
    """Ask for a grant and return its id."""
    result = desk("grant", "request", *WANTED, "--for", "8h", *more, "--json")
    assert result.code == 0, result.err
    found: str = result.document["grant"]["id"]
    return found


# --- employees --------------------------------------------------------------------------------------------------------


def test_employee_comes_is_bound_and_leaves(desk: Callable[..., Any], files: Any) -> None:
    """Each command prints the employee as they then are on record, with the promised keys."""
    (files.folder / "paper.txt").write_bytes(b"a signed paper")
    added = desk("employee", "add", "e-9", "--as", "hr", "--approver", "--since", "2020-01-01", "--json")
    one = added.document["employee"]
    assert (added.code, added.err, list(one)) == (0, "", EMPLOYEE_KEYS)
    assert (one["employed"], one["bound"], one["may_approve"], one["since"]) == (
        *(True, False, True),
        "2020-01-01T00:00:00+00:00",
    )
    bind = ("employee", "bind", "e-9", "--as", "hr", "--agreement", "nda-9", "--since", "2020-01-01")
    one = desk(*bind, "--paper", "paper.txt", "--until", "2999-01-01", "--json").document["employee"]
    assert (one["bound"], [(it["id"], it["evidence"], it["binds"]) for it in one["agreements"]]) == (
        True,
        [("nda-9", PAPER, True)],
    )
    one = desk("employee", "unbind", "e-9", "--as", "hr", "--agreement", "nda-9", "--json").document["employee"]
    assert (one["bound"], one["agreements"][0]["binds"]) == (False, False)
    one = desk("employee", "leave", "e-9", "--as", "hr", "--json").document["employee"]
    assert (one["employed"], one["until"] is None) == (False, False)
    everybody = desk("employee", "list", "--json").document["employees"]
    assert [(it["id"], it["employed"], it["bound"]) for it in everybody] == [
        ("e-17", True, True),
        ("e-2", True, True),
        ("e-9", False, False),
    ]
    assert desk("employee", "list").out.splitlines()[-1] == "e-9  employee  not employed  not bound  may approve"


def test_service_has_an_owner_and_a_contractor_is_never_let_in(desk: Callable[..., Any]) -> None:
    """A service names who answers for it; a contractor is known, and a denial says what they are."""
    service = desk("employee", "add", "job-1", "--as", "hr", "--kind", "service", "--owner", WHO, "--json")
    assert service.document["employee"]["owner"] == WHO
    ownerless = desk("employee", "add", "job-2", "--as", "hr", "--kind", "service", "--json")
    assert (ownerless.code, ownerless.error["where"]) == (2, "--owner")
    desk("employee", "add", "c-1", "--as", "hr", "--kind", "contractor")
    desk("employee", "bind", "c-1", "--as", "hr", "--agreement", "nda-c", "--evidence", PAPER)
    denied = desk("accounts", "--tenant", "acme", "--as", "c-1", *AS[2:], "--json")
    assert (denied.code, denied.error["missing"]) == (4, ["kind-not-employed", "no-grant"])
    assert "c-1 is no employee but a contractor" in denied.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add", "ada@acme.example", "--as", "hr"), "SC100", "never a name or an address"),
        (("add", "Ada Lovelace", "--as", "hr"), "SC100", "never a name or an address"),
        (("add", "e-9", "--as", "ada@acme.example"), "SC100", "(--as)"),
        (("add", "e-9", "--as", "hr", "--since", "soon"), "SC100", "'--since'"),
        (("add", WHO, "--as", "hr"), "SC117", "on record already"),
        (("bind", WHO, "--as", "hr", "--agreement", "nda 9", "--evidence", PAPER), "SC100", "(--agreement)"),
        (("bind", WHO, "--as", "hr", "--agreement", "nda-9"), "SC100", "--paper FILE or --evidence"),
        (
            ("bind", WHO, "--as", "hr", "--agreement", "nda-9", "--evidence", PAPER, "--paper", "smartify.toml"),
            *("SC100", "--paper FILE or --evidence"),
        ),
        (("bind", WHO, "--as", "hr", "--agreement", "nda-9", "--paper", "nowhere.pdf"), "SC100", "nowhere.pdf"),
        (("bind", WHO, "--as", "hr", "--agreement", "nda-9", "--evidence", "abc"), "SC100", "sha256sum"),
        (("bind", WHO, "--as", "hr", "--agreement", f"nda-{WHO}", "--evidence", PAPER), "SC117", "another id"),
        (
            ("bind", WHO, "--as", "hr", "--agreement", "nda-9", "--evidence", PAPER, "--until", "2001-01-01"),
            *("SC100", "before it begins"),
        ),
        (("bind", "e-9", "--as", "hr", "--agreement", "nda-9", "--evidence", PAPER), "SC116", "no such employee"),
        (("unbind", WHO, "--as", "hr", "--agreement", "nda-9"), "SC116", "no agreement of this id"),
        (("leave", "e-9", "--as", "hr"), "SC116", "no such employee"),
        (("leave", WHO, "--as", "hr", "--at", "2030-13-01"), "SC100", "2030-01-31T12:00:00Z"),
    ],
)
def test_wrong_word_about_an_employee(
    desk: Callable[..., Any], files: Any, arguments: tuple[str, ...], code: str, words: str
) -> None:
    """What is wrong is named with its cure, exit code 2; no address is repeated, and nothing is recorded."""
    before = entries_in(files.folder)
    result = desk("employee", *arguments, "--json")
    assert (result.code, result.error["code"]) == (2, code)
    assert words in result.error["message"]
    assert "acme.example" not in result.out + result.err
    assert "Lovelace" not in result.out + result.err
    assert entries_in(files.folder) == before


# --- grants -----------------------------------------------------------------------------------------------------------


def test_grant_is_asked_for_approved_used_and_revoked(desk: Callable[..., Any]) -> None:
    """A grant opens what it is for from the approval of somebody else until it is taken back."""
    requested = desk("grant", "request", *WANTED, "--for", "8h", "--json").document["grant"]
    assert list(requested) == GRANT_KEYS
    assert (requested["state"], requested["fields"]) == ("waiting", ["email"])
    grant = requested["id"]
    assert desk(*LOOK, "--json").error["missing"] == ["grant-not-approved"]
    assert f"smartify grant approve {asked(desk)[:2]}" in desk("grant", "request", *WANTED, "--for", "8h").out
    approved = desk("grant", "approve", grant, "--as", APPROVER, "--json").document["grant"]
    assert list(approved) == GRANT_KEYS
    assert (approved["state"], approved["approved_by"]) == ("live", APPROVER)
    found = desk(*LOOK, "--json").document["accounts"]
    assert [list(one) for one in found] == [["source_id", "account_id", "email", "state"]] * 20
    assert {one["email"] for one in found} == {identity(f"p{number:02}").email for number in range(20)}
    revoked = desk("grant", "revoke", grant, "--as", APPROVER, "--json").document["grant"]
    assert (revoked["state"], revoked["revoked_by"]) == ("revoked", APPROVER)
    assert desk(*LOOK).code == 4


def test_grant_confined_to_people_opens_them_alone(desk: Callable[..., Any]) -> None:
    """A grant for one person is denied for another and for everybody, and opens the one."""
    ids = {name: identity(name).source_id for name in ("p03", "p04")}
    desk("grant", "approve", asked(desk, "--source-id", ids["p03"]), "--as", APPROVER)
    assert desk(*LOOK, "--json").error["missing"] == ["grant-other-subjects"]
    assert desk(*LOOK, "--source-id", ids["p04"], "--json").error["missing"] == ["grant-other-subjects"]
    (one,) = desk(*LOOK, "--source-id", ids["p03"], "--json").document["accounts"]
    assert one["email"] == identity("p03").email
    unknown = desk("grant", "request", *WANTED, "--for", "8h", "--source-id", "nobody", "--json")
    assert (unknown.code, unknown.error["where"]) == (2, "--source-id")


def test_grants_are_listed(desk: Callable[..., Any]) -> None:
    """The list has what is live or waiting, of one employee or tenant if asked, and with ``--all`` what is over too."""
    assert "no such grants" in desk("grant", "list").err
    grant = asked(desk)
    (one,) = desk("grant", "list", "--employee", WHO, "--tenant", "acme", "--json").document["grants"]
    assert list(one) == GRANT_KEYS
    assert desk("grant", "list", "--tenant", "initech", "--json").document == {"grants": []}
    assert desk("grant", "list", "--employee", APPROVER, "--json").document == {"grants": []}
    desk("grant", "revoke", grant, "--as", WHO)
    assert desk("grant", "list", "--json").document == {"grants": []}
    (one,) = desk("grant", "list", "--all", "--json").document["grants"]
    assert one["state"] == "revoked"


def test_closed_issue_ends_its_grants(desk: Callable[..., Any]) -> None:
    """A grant for an issue opens nothing once that is closed, and opens again when it is reopened."""
    desk("grant", "approve", asked(desk, "--ticket", "4711"), "--as", APPROVER)
    assert desk(*LOOK).code == 0
    closed = desk("grant", "ticket", "4711", "--closed", "--as", "support", "--json")
    assert closed.document == {"ticket": "4711", "open": False}
    assert desk(*LOOK, "--json").error["missing"] == ["ticket-closed"]
    assert desk("grant", "ticket", "4711", "--open", "--as", "support").out == "4711 is open\n"
    assert desk(*LOOK).code == 0


def test_broken_glass_is_loud_until_somebody_has_looked(desk: Callable[..., Any], files: Any) -> None:
    """It opens at once, says so on stderr, is an entry of its own kind, and stays a finding until it is reviewed."""
    taken = desk("grant", "break-glass", *WANTED, "--json")
    grant = taken.document["grant"]
    assert (taken.code, grant["emergency"], grant["state"], grant["approved_by"]) == (0, True, "live", None)
    assert f"smartify grant review {grant['id']}" in taken.err
    assert desk(*LOOK).code == 0
    assert "grant.emergency" in [record.kind for record in entries_in(files.folder)]
    (finding,) = desk("grant", "report", "--json").document["findings"]
    assert list(finding) == ["concern", "grant", "what", "cure"]
    assert (finding["concern"], finding["grant"]) == ("emergency-not-reviewed", grant["id"])
    itself = desk("grant", "review", grant["id"], "--as", WHO, "--json")
    assert (itself.code, itself.error["code"]) == (2, "SC118")
    reviewed = desk("grant", "review", grant["id"], "--as", APPROVER, "--json").document["grant"]
    assert reviewed["reviewed_by"] == APPROVER
    assert desk("grant", "report").out == "Nothing is to be looked at.\n"
    too_long = desk("grant", "break-glass", *WANTED, "--for", "61m", "--json")
    assert (too_long.code, too_long.error["what"]) == (2, "a grant lasts at most 1 hour")


def test_report_says_what_is_not_needed(desk: Callable[..., Any]) -> None:
    """A grant that nobody uses is a finding, and so is one that allows what nobody opens."""
    desk("grant", "approve", asked(desk, "--fields", "groups"), "--as", APPROVER)
    (unused,) = desk("grant", "report", "--unused-after", "0s", "--json").document["findings"]
    assert unused["concern"] == "unused"
    assert desk(*LOOK).code == 0
    (wider,) = desk("grant", "report", "--json").document["findings"]
    assert (wider["concern"], wider["what"]) == ("wider-than-used", "groups never opened by it")


def test_decision_is_explained_and_nothing_is_recorded(desk: Callable[..., Any], files: Any) -> None:
    """A yes names grant, provision and end; a no names all that is missing; neither is an entry."""
    before = entries_in(files.folder)
    no = desk("grant", "explain", *WANTED, "--employee", "e-99", "--json")
    assert (no.code, no.document["decision"]["allowed"]) == (4, False)
    missing = no.document["decision"]["missing"]
    assert [one["code"] for one in missing] == ["employee-unknown", "no-agreement", "no-grant"]
    assert all(list(one) == ["code", "clause", "what", "cure", "about"] for one in missing)
    told = desk("grant", "explain", *WANTED, "--employee", "e-99")
    assert told.out.startswith("e-99 is not on record as an employee [C13]. Put them on record with:")
    assert entries_in(files.folder) == before
    grant = asked(desk)
    desk("grant", "approve", grant, "--as", APPROVER)
    before = entries_in(files.folder)
    yes = desk("grant", "explain", *WANTED, "--json").document["decision"]
    assert (yes["allowed"], yes["grant"], yes["provisions"], yes["missing"]) == (True, grant, ["C9"], [])
    assert yes["valid_until"]
    assert f"Allowed by grant {grant} and provision C9" in desk("grant", "explain", *WANTED).out
    assert entries_in(files.folder) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("request", *WANTED), "SC100", "'--for'"),
        (("request", *WANTED, "--for", "soon"), "SC100", "90s, 15m, 6h or 20d"),
        (("request", *WANTED, "--for", "31d"), "SC118", "a grant lasts at most 30 days"),
        (("request", *WANTED, "--for", "0s"), "SC118", "lasts at most"),
        (("request", *WANTED, "--for", "1h", "--since", "yesterday"), "SC100", "'--since'"),
        (("request", *WANTED, "--for", "1h", "--reason", " "), "SC118", "no reason"),
        (("request", *WANTED, "--for", "1h", "--employee", "e-99"), "SC116", "no such employee"),
        (("request", *WANTED, "--for", "1h", "--employee", "ada@acme.example"), "SC100", "never a name or an address"),
        (("request", *WANTED, "--for", "1h", "--ticket", "ada@acme.example"), "SC100", "(--ticket)"),
        (("request", *WANTED, "--for", "1h", "--tenant", "acne"), "SC102", "acme"),
        (("request", *WANTED, "--for", "1h", "--purpose", "Advertising"), "SC118", "nobody can grant it"),
        (
            ("request", *WANTED, "--for", "1h", "--purpose", "https://w3id.org/dpv#SellDataToThirdParties"),
            *("SC118", "nobody can grant it"),
        ),
        (
            ("request", *WANTED, "--for", "1h", "--purpose", "customer-care"),
            "SC100",
            "mean CommunicationForCustomerCare?",
        ),
        (("request", *WANTED, "--for", "1h", "--purpose", "ServiceProvison"), "SC100", "mean ServiceProvision?"),
        (("request", *WANTED, "--for", "1h", "--purpose", "xyzzy"), "SC100", ". Name one of: ServiceProvision, "),
        (("request", *WANTED, "--for", "1h", "--fields", "emial"), "SC100", "Did you mean email?"),
        (("request", *WANTED, "--for", "1h", "--fields", "password"), "SC100", "Name one of: email"),
        (("approve", "g-0", "--as", APPROVER), "SC116", "no such grant"),
        (("revoke", "g-0", "--as", APPROVER), "SC116", "no such grant"),
        (("review", "g-0", "--as", APPROVER), "SC116", "no such grant"),
        (("ticket", "4711", "--as", "support"), "SC100", "--closed"),
        (("ticket", "ada@acme.example", "--closed", "--as", "support"), "SC100", "(--ticket)"),
    ],
)
def test_wrong_word_about_a_grant(
    desk: Callable[..., Any], files: Any, arguments: tuple[str, ...], code: str, words: str
) -> None:
    """What is wrong is named with its cure, exit code 2; neither address nor reason is repeated or recorded."""
    before = entries_in(files.folder)
    result = desk("grant", *arguments, "--json")
    assert (result.code, result.error["code"]) == (2, code), result.err
    assert words in result.error["message"]
    assert "ada@acme.example" not in result.out + result.err
    assert "secret" not in result.out + result.err
    assert entries_in(files.folder) == before


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (WHO, "whoever asked for a grant, or has it, does not approve it"),
        ("e-99", "e-99 may not approve grants"),
    ],
)
def test_only_somebody_else_who_may_approves(desk: Callable[..., Any], who: str, words: str) -> None:
    """Whoever asked, and whoever may not, does not approve; the grant goes on waiting."""
    grant = asked(desk)
    result = desk("grant", "approve", grant, "--as", who, "--json")
    assert (result.code, result.error["code"], result.error["what"]) == (2, "SC118", words)
    (one,) = desk("grant", "list", "--json").document["grants"]
    assert one["state"] == "waiting"


def test_who_asks_for_another_does_not_approve(desk: Callable[..., Any]) -> None:
    """An approver who asked for somebody else's grant cannot approve it."""
    grant = asked(desk, "--as", APPROVER)
    assert desk("grant", "approve", grant, "--as", APPROVER, "--json").error["code"] == "SC118"


def test_of_many_who_approve_at_once_one_does(desk: Callable[..., Any], files: Any) -> None:
    """Four processes approve the same grant: it is approved once, on record once, and the others are told."""
    grant = asked(desk)
    approve = [*COMMAND, "grant", "approve", grant, "--as", APPROVER, "--json"]
    racing = [subprocess.Popen(approve, cwd=files.folder, stdout=-1, stderr=-1, text=True) for _ in range(4)]
    said = [(json.loads(one.communicate(timeout=120)[0]), one.returncode) for one in racing]
    assert min(code for _, code in said) == 0
    losers = [document["error"]["code"] for document, code in said if code]
    assert len(losers) == 3
    assert set(losers) <= {"SC117", "SC305"}
    assert [record.kind for record in entries_in(files.folder)].count("grant.approved") == 1


# --- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["ServiceProvision", "service-provision", "https://w3id.org/dpv#ServiceProvision"])
def test_purpose_has_three_spellings(desk: Callable[..., Any], files: Any, purpose: str) -> None:
    """A purpose is given as its DPV name, in words with hyphens, or as its IRI."""
    let_in(files.folder, "acme")
    look = ("accounts", "--tenant", "acme", "--as", WHO, "--purpose", purpose, "--reason", "a look", "--json")
    assert len(desk(*look).document["accounts"]) == 20


@pytest.mark.parametrize(
    ("changes", "missing", "words"),
    [
        (("--purpose", "ServiceProvison"), ["purpose-unknown"], "Did you mean ServiceProvision? Name one of"),
        (("--purpose", "service-provison"), ["purpose-unknown"], "Did you mean ServiceProvision? Name one of"),
        (("--purpose", "ada@acme.example"), ["purpose-unknown"], "). Name one of"),
        (("--purpose", "Advertising"), ["purpose-prohibited"], "Advertising is prohibited"),
        (("--purpose", "sell-data-to-third-parties"), ["purpose-prohibited"], "nobody can grant it"),
        (("--purpose", "PaymentManagement"), ["no-grant"], "has no grant for PaymentManagement"),
        (("--fields", "emial"), ["field-unknown"], "Did you mean email? Name some of"),
        (("--fields", "ada@acme.example"), ["field-unknown"], "). Name some of"),
        (("--reason", "  "), ["no-reason"], "Say in a few words"),
        (("--as", APPROVER), ["no-grant"], f"{APPROVER} has no grant"),
        (
            ("--as", "ada@acme.example"),
            *(["employee-unknown", "no-agreement", "no-grant"], "Whoever asks is not on record as an employee"),
        ),
    ],
)
def test_denial_names_what_is_missing(
    desk: Callable[..., Any], files: Any, changes: tuple[str, ...], missing: list[str], words: str
) -> None:
    """A denial is exit code 4 with the codes of what is missing; it is recorded, and repeats nothing that was typed."""
    let_in(files.folder, "acme")
    denied = desk("accounts", "--tenant", "acme", *AS, *changes, "--json")
    assert (denied.code, denied.error["code"]) == (4, "SC500")
    assert set(missing) <= set(denied.error["missing"])
    assert list(denied.error) == ["code", "what", "where", "cure", "message", "missing"]
    assert words in denied.error["message"]
    assert "acme.example" not in denied.out + denied.err
    record = entries_in(files.folder)[-1]
    assert record.kind == "access.denied"
    assert "acme.example" not in repr(record)


def test_explanation_repeats_nothing_that_was_typed(desk: Callable[..., Any]) -> None:
    """An address in the place of an id, a purpose or a field is not in the explanation of the denial."""
    typed = "ada@acme.example"
    said = desk("grant", "explain", *WANTED, "--employee", typed, "--purpose", typed, "--fields", typed, "--json")
    assert said.code == 4
    assert typed not in said.out + said.err


def test_whoever_left_sees_nothing_more(desk: Callable[..., Any], files: Any) -> None:
    """A grant that is live is worth nothing once its holder has left, or is not bound any more."""
    let_in(files.folder, "acme")
    look = ("accounts", "--tenant", "acme", *AS, "--json")
    assert desk(*look).code == 0
    desk("employee", "unbind", WHO, "--as", "hr", "--agreement", f"nda-{WHO}")
    assert desk(*look).error["missing"] == ["agreement-ended"]
    desk("employee", "leave", WHO, "--as", "hr")
    assert desk(*look).error["missing"] == ["not-employed-any-more", "agreement-ended"]


def test_fields_and_people_can_be_named(desk: Callable[..., Any], files: Any) -> None:
    """Only the fields and the people that were named are shown; who is not there is counted on stderr."""
    let_in(files.folder, "acme")
    p03 = identity("p03")
    look = ("accounts", "--tenant", "acme", *AS, "--fields", "email, given_name", "--fields", "family_name")
    result = desk(*look, "--source-id", p03.source_id, "--source-id", "nobody", "--json")
    (one,) = result.document["accounts"]
    assert list(one) == ["source_id", "account_id", "email", "given_name", "family_name", "state"]
    assert result.err == "smartify: 1 of those who are named has no account here\n"
    words = desk(*look, "--source-id", p03.source_id).out
    assert p03.email in words
    assert "[" not in words


def test_pseudonyms_take_the_place_of_everything(desk: Callable[..., Any], files: Any) -> None:
    """For research nobody's name, address or id is shown, the deleted are left out, and pseudonyms stay the same."""
    files.write("acme", *(f"p{number:02}" for number in range(19)), deleted=["p19"])
    assert desk("sync").code == 0
    let_in(files.folder, "acme")
    true = desk("accounts", "--tenant", "acme", *AS, "--json").document["accounts"]
    purpose = ("--purpose", "research-and-development", "--reason", "a study")
    request = ("grant", "request", "--employee", WHO, "--tenant", "acme", *purpose, "--fields", "email", "--for", "1h")
    grant = desk(*request, "--json").document["grant"]["id"]
    desk("grant", "approve", grant, "--as", APPROVER)
    look = ("accounts", "--tenant", "acme", "--as", WHO, *purpose, "--fields", "email", "--json")
    shown = desk(*look)
    accounts = shown.document["accounts"]
    assert (len(true), len(accounts), {one["pseudonymous"] for one in accounts}) == (20, 19, {True})
    assert not [
        value
        for one in true
        for key in ("email", "source_id", "account_id")
        if (value := one.get(key, "?")) in shown.out
    ]
    assert desk(*look).document["accounts"] == accounts
    grant = desk(*request, "--identified", "--json").document["grant"]["id"]
    desk("grant", "approve", grant, "--as", APPROVER)
    identified = desk(*look).document["accounts"]
    assert [one["email"] for one in identified[:-1]] == [one["email"] for one in true[:-1]]


@pytest.mark.parametrize("person", [(), ("--source-id", identity("p03").source_id)])
@pytest.mark.parametrize("who", [WHO, APPROVER])
def test_the_reason_of_a_grant_is_read_and_recorded(
    desk: Callable[..., Any], files: Any, who: str, person: tuple[str, ...]
) -> None:
    """Whoever holds a grant, and whoever may approve it, reads why it was asked for; that is recorded before."""
    grant = asked(desk, *person)
    assert desk("grant", "reason", grant, "--as", who).out == "her secret reason\n"
    said = desk("grant", "reason", grant, "--as", who, "--json")
    assert said.document == {"grant": grant, "reason": "her secret reason"}
    last = entries_in(files.folder)[-1]
    assert (last.kind, last.actor, last.tenant, dict(last.facts)) == ("reason.read", who, "acme", {"grant": grant})


@pytest.mark.parametrize("who", ["e-99", "ada@acme.example"])
def test_others_read_no_reason_of_a_grant(desk: Callable[..., Any], files: Any, who: str) -> None:
    """Whoever may not approve reads none: exit code 4, a record of the denial, and no word of the reason."""
    denied = desk("grant", "reason", asked(desk), "--as", who, "--json")
    assert (denied.code, denied.error["code"]) == (4, "SC500")
    assert "secret" not in denied.out + denied.err
    assert "@" not in denied.out + denied.err
    assert entries_in(files.folder)[-1].kind == "access.denied"
    unknown = desk("grant", "reason", "g-0", "--as", APPROVER, "--json")
    assert (unknown.code, unknown.error["code"]) == (2, "SC116")


def test_names_and_reasons_are_in_no_other_output(desk: Callable[..., Any], files: Any) -> None:
    """Whatever is done about a grant but reading its reason shows neither a name nor a reason, nor logs one."""
    grant = asked(desk, "--ticket", "4711")
    for command in (
        ("grant", "request", *WANTED, "--for", "8h"),
        ("grant", "break-glass", *WANTED, "--source-id", identity("p03").source_id),
        ("grant", "list", "--all"),
        ("employee", "list"),
        ("grant", "approve", grant, "--as", APPROVER),
        ("grant", "explain", *WANTED),
        ("grant", "ticket", "4711", "--open", "--as", "support"),
        ("grant", "report", "--unused-after", "0s"),
        ("status",),
        ("history", "--tenant", "acme"),
        ("grant", "revoke", grant, "--as", APPROVER),
        LOOK,
    ):
        for form in ((), ("--json",)):
            said = desk(*command, "--verbose", *form)
            for secret in ("secret", identity("p00").email, identity("p00").given_name):
                assert secret not in said.out + said.err, command
    raw = b"".join(file.read_bytes() for file in files.folder.glob("smartify.db*"))
    assert b"secret reason" not in raw


def test_full_disk_opens_nothing(desk: Callable[..., Any], files: Any) -> None:
    """Where no record can be kept nothing is shown: exit code 4, and a sentence that says why."""
    let_in(files.folder, "acme")
    before = entries_in(files.folder)

    def no_room() -> None:
        # The index of SQLite's log has this size; the log itself would grow beyond it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (32_768, 32_768))

    done = subprocess.run(
        [*COMMAND, "accounts", "--tenant", "acme", *AS, "--json"],
        cwd=files.folder,
        capture_output=True,
        text=True,
        preexec_fn=no_room,
        check=False,
        timeout=120,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], error["missing"]) == (4, "SC501", [])
    assert "@" not in done.stdout + done.stderr
    assert entries_in(files.folder) == before


def test_store_in_memory_keeps_no_record(files: Any, at_once: Callable[..., Any]) -> None:
    """A store in memory would forget whoever is put on record, so it is refused."""
    config = files.folder / "smartify.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("sqlite:///smartify.db", "memory:"), encoding="utf-8")
    result = at_once("employee", "add", "e-9", "--as", "hr", "--json")
    assert (result.code, result.error["code"], result.error["where"]) == (2, "SC101", "smartify.toml: storage.url")


def test_store_for_reading_only_opens_nothing(desk: Callable[..., Any], files: Any) -> None:
    """A store that takes no record shows no name: it is denied, and says why."""
    let_in(files.folder, "acme")
    assert desk("accounts", "--tenant", "acme", *AS).code == 0
    config = files.folder / "smartify.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("smartify.db", "smartify.db?mode=ro"), encoding="utf-8")
    result = desk("accounts", "--tenant", "acme", *AS, "--json")
    assert (result.code, result.error["code"]) == (4, "SC501")
    assert "@" not in result.out + result.err


def test_rules_of_the_configuration_hold(desk: Callable[..., Any], files: Any) -> None:
    """The table ``[policy]`` says how long grants may last; one that lasts longer by now opens nothing any more."""
    let_in(files.folder, "acme")
    files.configure('[policy]\nlongest_grant = "2h"\nlongest_emergency = "5m"\n')
    assert desk("grant", "request", *WANTED, "--for", "3h", "--json").error["what"] == "a grant lasts at most 2 hours"
    assert (
        desk("grant", "break-glass", *WANTED, "--for", "6m", "--json").error["what"]
        == "a grant lasts at most 5 minutes"
    )
    denied = desk("accounts", "--tenant", "acme", *AS, "--json")
    assert denied.error["missing"] == ["grant-too-long"]
    assert "lasts longer than 2 hours" in denied.err
