from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.testing import identity


def users(files: Any, *lines: object) -> None:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (files.folder / "users.jsonl").write_text(text + "\n", encoding="utf-8")


def user(number: int, email: str) -> dict[str, str]:
    return {"id": f"host-{number}", "email": email}


ADOPT = ("adopt", "--tenant", "initech", "--users", "users.jsonl", "--domain", "acme.example", "--json")


def test_users_of_the_host_are_linked_by_address(
    files: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]
) -> None:
    """Linked people keep the host's ids, the others get ids of ours, and nobody unowned is touched."""
    mine = identity("ada").email
    users(files, user(1, mine.upper()), user(2, "nobody@acme.example"), user(3, "hank@elsewhere.example"), "")
    looked = smartify(*ADOPT, "--plan-only")
    assert looked.code == 0
    assert not (files.folder / "smartify.db").exists()
    done = smartify(*ADOPT)
    assert done.document | {"applied": False, "run": None} == looked.document | {"run": None}
    assert (done.document["linked"], done.document["unowned"], done.document["unverified"]) == (
        ["host-1"],
        ["host-2"],
        ["host-3"],
    )
    assert done.document["run"]["provisioned"] == 3
    found = accounts("initech", "--json").document["accounts"]
    assert {account["email"]: account["account_id"] for account in found}[mine] == "host-1"


def test_words_name_ids_only(files: Any, smartify: Callable[..., Any]) -> None:
    """What is shown to people names the host's own ids, and no address."""
    users(files, user(1, identity("ada").email), user(2, "nobody@acme.example"))
    said = smartify(*ADOPT[:-1])
    assert "host-2" in said.out
    assert "@" not in said.out + said.err


@pytest.mark.parametrize(
    "line",
    [
        "canary@acme.example",
        '["canary@acme.example"]',
        '{"id": "canary"}',
        '{"id": 1, "email": "canary@acme.example"}',
        '{"id": "", "email": "canary@acme.example"}',
        '{"id": "1", "email": "canary@acme.example", "name": "canary"}',
    ],
)
def test_wrong_lines_are_named_and_not_quoted(files: Any, smartify: Callable[..., Any], line: str) -> None:
    """A line that is no user is refused by its number, before anything is read or written."""
    users(files, user(1, identity("ada").email), line)
    result = smartify(*ADOPT)
    assert (result.code, result.error["code"]) == (2, "SC100")
    assert "line 2" in result.error["where"]
    assert "canary" not in result.out + result.err
    assert not (files.folder / "smartify.db").exists()


def test_missing_file_and_wrong_encoding(files: Any, smartify: Callable[..., Any]) -> None:
    """A file that cannot be read at all is refused by its name."""
    assert "users.jsonl" in smartify(*ADOPT).error["where"]
    (files.folder / "users.jsonl").write_bytes(b"\xff\n")
    assert "UTF-8" in smartify(*ADOPT).error["what"]


def test_number_for_an_id_is_told(files: Any, smartify: Callable[..., Any]) -> None:
    """Ids that are numbers in the host's database are texts here, and the refusal says so."""
    users(files, {"id": 42, "email": identity("ada").email})
    error = smartify(*ADOPT).error
    assert error["what"] == "a user's id is no text"
    assert "texts" in error["cure"]


def test_person_who_has_an_account_already_is_told(files: Any, smartify: Callable[..., Any]) -> None:
    """A user whose person was provisioned before, under an id of ours, is listed as such, and linked to nobody."""
    smartify("sync", "--tenant", "initech")
    users(files, user(1, identity("ada").email))
    assert smartify(*ADOPT).document["provisioned_before"] == ["host-1"]
    said = smartify(*ADOPT[:-1]).out
    assert "an account is here already, under an id of ours, for the address of: host-1" in said
