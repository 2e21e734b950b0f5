"""Held plans on the command line, from the alarm to the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PEOPLE = tuple(f"p{number:02}" for number in range(20))
DECISION = ("--as", "Noor Vega", "--reason", "asked Ada King by phone")


@pytest.fixture
def plan_hash(files: Any, smartify: Callable[..., Any]) -> str:
    """Let so many people leave acme that a guard holds it, and return the hash of the held plan."""
    assert smartify("sync").code == 0
    files.write("acme", *PEOPLE[6:], deleted=PEOPLE[:6])
    result = smartify("sync", "--json")
    assert result.code == 3
    held = {run["tenant"]: run["held_plan"] for run in result.document["runs"]}
    assert held["initech"] is None
    assert list(held["acme"]) == ["hash", "expires_at", "changes"]
    assert held["acme"]["changes"] == 6
    found: str = held["acme"]["hash"]
    assert f"smartify approve --tenant acme --plan {found} --as NAME --reason TEXT" in result.err
    return found


def test_plan_tells_what_a_sync_would_hold(files: Any, smartify: Callable[..., Any]) -> None:
    """Looking first shows the same hash that a sync then holds, and says that a sync comes before the approval."""
    smartify("sync")
    files.write("acme", *PEOPLE[6:], deleted=PEOPLE[:6])
    looked = smartify("plan", "--tenant", "acme", "--json")
    assert looked.code == 3
    assert "a sync would hold 6 changes" in looked.err
    (acme, _) = smartify("sync", "--json").document["runs"]
    assert acme["held_plan"]["hash"] == looked.document["held_plan"]["hash"]


def test_commands_name_the_configuration_in_use(files: Any, smartify: Callable[..., Any]) -> None:
    """Where the configuration is not the usual file, the commands that are shown name it."""
    smartify("sync")
    files.write("acme", *PEOPLE[6:], deleted=PEOPLE[:6])
    (files.folder / "smartify.toml").rename(files.folder / "my own.toml")
    assert "--config 'my own.toml'" in smartify("sync", "--config", "my own.toml").err


def test_held_plans_are_listed_and_shown(plan_hash: str, smartify: Callable[..., Any]) -> None:
    """The list says what waits for whom until when; one of them shows each change with its reason: ids only."""
    (listed,) = smartify("held", "--json").document["held_plans"]
    assert (listed["tenant"], listed["hash"], listed["status"], listed["open"]) == ("acme", plan_hash, "waiting", True)
    assert (listed["effects"], listed["changes"], listed["decided_at"]) == ({"delete": 6}, 6, None)
    shown = smartify("held", "--plan", plan_hash, "--json").document["held_plan"]
    assert shown | {"changes": 6} == listed
    assert [list(change) for change in shown["changes"]] == [
        ["effect", "source_id", "account_id", "evidence", "reason"]
    ] * 6
    for said in (smartify("held").out, smartify("held", "--plan", plan_hash).out):
        assert plan_hash in said
        assert "@" not in said
    assert smartify("held", "--tenant", "initech", "--json").document == {"held_plans": []}


def test_approved_plan_is_done(plan_hash: str, smartify: Callable[..., Any]) -> None:
    """An approval finds the tenant by the hash, does what was held, and cannot be given twice."""
    result = smartify("approve", "--plan", plan_hash, *DECISION, "--json")
    (run,) = result.document["runs"]
    assert (result.code, run["tenant"], run["verdict"], run["deleted"]) == (0, "acme", "complete", 6)
    (listed,) = smartify("held", "--json").document["held_plans"]
    assert (listed["status"], listed["open"]) == ("applied", False)
    again = smartify("approve", "--plan", plan_hash, *DECISION, "--json")
    assert (again.code, again.error["code"]) == (1, "SC113")


def test_rejected_plan_is_dropped(plan_hash: str, smartify: Callable[..., Any], accounts: Callable[..., Any]) -> None:
    """A rejection writes nothing to any account, and the plan cannot be approved afterwards."""
    result = smartify("reject", "--tenant", "acme", "--plan", plan_hash, *DECISION, "--json")
    assert (result.code, result.document["held_plan"]["status"]) == (0, "rejected")
    assert smartify("approve", "--plan", plan_hash, *DECISION).code == 1
    found = accounts("acme", "--json").document["accounts"]
    assert [account["state"] for account in found] == ["active"] * 20


def test_plan_that_is_no_longer_true_is_not_applied(
    plan_hash: str, files: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]
) -> None:
    """When somebody is back, the approval of their deletion is refused whole."""
    files.write("acme", *PEOPLE[5:], deleted=PEOPLE[:5])
    result = smartify("approve", "--plan", plan_hash, *DECISION, "--json")
    assert (result.code, result.error["code"]) == (1, "SC105")
    found = accounts("acme", "--json").document["accounts"]
    assert [account["state"] for account in found] == ["active"] * 20


@pytest.mark.parametrize("command", ["approve", "reject"])
@pytest.mark.parametrize("tenant", [(), ("--tenant", "acme"), ("--tenant", "initech")])
def test_unknown_hash_is_refused(
    plan_hash: str, smartify: Callable[..., Any], command: str, tenant: tuple[str, ...]
) -> None:
    """A hash that names no held plan of the tenant, or of any, is refused and changes nothing."""
    wrong = plan_hash if tenant == ("--tenant", "initech") else "0" * 32
    result = smartify(command, "--plan", wrong, *tenant, *DECISION, "--json")
    assert (result.code, result.error["code"]) == (2, "SC111")
    (listed,) = smartify("held", "--json").document["held_plans"]
    assert listed["status"] == "waiting"


def test_decision_needs_a_name_and_a_reason(plan_hash: str, smartify: Callable[..., Any]) -> None:
    """Without them, or with empty ones, nothing is decided."""
    assert smartify("approve", "--plan", plan_hash).code == 2
    assert smartify("approve", "--plan", plan_hash, "--as", " ", "--reason", "x").code == 2
    assert smartify("reject", "--plan", plan_hash, "--as", "x", "--reason", "").code == 2


def test_nobodys_name_is_printed(plan_hash: str, smartify: Callable[..., Any]) -> None:
    """Who decided and why is kept sealed, and shown by no command."""
    results = [smartify("approve", "--plan", plan_hash, *DECISION, "--verbose")]
    commands = (("held",), ("held", "--plan", plan_hash), ("status",), ("history", "--tenant", "acme"))
    results += [smartify(*command, *form) for command in commands for form in ((), ("--json",))]
    for result in results:
        assert not any(word in result.out + result.err for word in ("Noor", "Vega", "Ada", "phone", "@"))
