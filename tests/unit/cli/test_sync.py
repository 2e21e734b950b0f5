from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests._let_in import AS, let_in

from smartify_core.testing.google import Fault

RUN_KEYS = [
    "tenant",
    "verdict",
    "provisioned",
    "updated",
    "deactivated",
    "reactivated",
    "deleted",
    "unchanged",
    "quarantined",
    "held",
    "requests",
    "seconds",
    "held_plan",
]


def test_sync_reports_one_run_with_exactly_the_promised_keys(shop: Any, smartify: Callable[..., Any]) -> None:
    """``sync --json`` prints one document: a run for each tenant, with the promised keys in the promised order."""
    result = smartify("sync", "--tenant", "acme", "--json")
    assert (result.code, result.err) == (0, "")
    (run,) = result.document["runs"]
    assert list(run) == RUN_KEYS
    assert (run["tenant"], run["verdict"], run["provisioned"]) == ("acme", "complete", 24)
    assert run["requests"] == len([one for one in shop.server.requests if one.operation != "token"])
    assert run["seconds"] >= 0
    assert run["held_plan"] is None


def test_second_sync_changes_nothing(shop: Any, smartify: Callable[..., Any]) -> None:
    """A sync right after a sync is all zeros but for what is unchanged."""
    smartify("sync")
    (run,) = smartify("sync", "--json").document["runs"]
    assert {key: run[key] for key in RUN_KEYS[2:10]} == dict.fromkeys(RUN_KEYS[2:10], 0) | {"unchanged": 24}


def test_sync_says_in_words_what_it_did(shop: Any, smartify: Callable[..., Any]) -> None:
    """Without ``--json`` there is one line a tenant on stdout, and stderr is quiet when it is no terminal."""
    result = smartify("sync")
    assert result.code == 0
    assert result.out.startswith("acme: complete: 24 provisioned (")
    assert result.out.count("\n") == 1
    assert result.err == ""


def test_one_tenants_failure_does_not_stop_the_others(shop: Any, smartify: Callable[..., Any]) -> None:
    """A tenant that cannot be synced is reported as failed with its error, and the others are synced."""
    config = shop.folder / "smartify.toml"
    broken = '\n[tenants.broken]\nsource = "google"\nservice_account_file = "none.json"\nsubject = "a@b.example"\n'
    table = config.read_text(encoding="utf-8").partition("[tenants.acme]")[2]
    config.write_text(
        config.read_text(encoding="utf-8").partition("[tenants.acme]")[0] + broken + "[tenants.acme]" + table,
        encoding="utf-8",
    )
    result = smartify("sync", "--json")
    broken_run, good_run = result.document["runs"]
    assert result.code == 2, "the configuration has to be mended"
    assert (good_run["tenant"], good_run["verdict"], good_run["provisioned"]) == ("acme", "complete", 24)
    assert list(broken_run) == [*RUN_KEYS, "error"]
    assert (broken_run["tenant"], broken_run["verdict"]) == ("broken", "failed")
    assert broken_run["error"]["code"] == "SC104"
    assert broken_run["error"]["cure"]
    assert broken_run["error"]["message"].startswith("SC104 ")
    assert "broken" in result.err


def test_plan_shows_the_changes_and_writes_nothing(shop: Any, smartify: Callable[..., Any]) -> None:
    """A plan names each change with its evidence, leaves no store behind, and is what a sync then does."""
    before = {path.name for path in shop.folder.iterdir()}
    result = smartify("plan", "--tenant", "acme", "--json")
    assert (result.code, result.err) == (0, "")
    assert {path.name for path in shop.folder.iterdir()} == before
    plan = result.document
    assert plan["provisioned"] == 24
    assert [change["kind"] for change in plan["changes"]] == ["provision"] * 24
    assert {change["source_id"] for change in plan["changes"]} == {one.source_id for one in shop.sample.people}
    assert all(plan["snapshot"] in change["evidence"] for change in plan["changes"])
    (run,) = smartify("sync", "--json").document["runs"]
    assert run["provisioned"] == 24


def test_plan_holds_no_personal_value(shop: Any, smartify: Callable[..., Any]) -> None:
    """A plan, in words or as JSON, names ids and fields and not one address or name."""
    smartify("sync")
    person = next(one for one in shop.sample.people if one.family_name.isalpha() and not one.suspended)
    shop.workspace.rename_user(person.source_id, email="brand.new@acme.example", family_name="Quxworthy")
    for arguments in (("plan", "--tenant", "acme"), ("plan", "--tenant", "acme", "--json")):
        said = smartify(*arguments)
        assert "family_name" in said.out
        assert "Quxworthy" not in said.out + said.err
        assert "@" not in said.out + said.err


def test_plan_of_a_synced_store_is_empty(shop: Any, smartify: Callable[..., Any]) -> None:
    """Right after a sync there is nothing to plan, and the words say so."""
    smartify("sync")
    assert smartify("plan", "--tenant", "acme", "--json").document["changes"] == []
    assert "nothing to do" in smartify("plan", "--tenant", "acme").out


def test_accounts_are_as_the_directory_says(
    shop: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]
) -> None:
    """``accounts --json`` gives each account with the promised keys, and a deleted one without any personal field."""
    smartify("sync")
    leaver = next(one for one in shop.sample.people if one.email != shop.sample.admin_email)
    shop.workspace.delete_user(leaver.source_id)
    smartify("sync")
    document = accounts("acme", "--json").document
    *living, dead = document["accounts"]
    assert list(dead) == ["source_id", "account_id", "state"]
    assert (dead["source_id"], dead["state"]) == (leaver.source_id, "deleted")
    keys = ["source_id", "account_id", "email", "given_name", "family_name", "state", "groups"]
    assert all(list(account) == keys for account in living)
    for account in living:
        assert account.pop("account_id")
        account["id"] = account.pop("source_id")
    assert sorted(living, key=lambda one: one["id"]) == shop.workspace.truth()["people"]


def test_account_that_does_not_open_ends_the_listing(
    files: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]
) -> None:
    """Accounts open a hundred at a time: where one is damaged, those before stay one document, with the error in it."""
    files.write("acme", *(f"p{number:03}" for number in range(120)))
    smartify("sync")
    whole = accounts("acme", "--json").document["accounts"]
    assert len(whole) == 120
    with closing(sqlite3.connect(files.folder / "smartify.db")) as store:
        last = "(select sealed from account order by source_id desc limit 1)"
        store.execute(f"update sealed set record = zeroblob(length(record)) where id = {last}")
        store.commit()
    result = accounts("acme", "--json")
    assert result.document["accounts"] == whole[:100]
    assert (result.code, result.error["code"]) in {(1, "SC309"), (2, "SC107")}
    assert result.error["message"] in result.err


def test_before_the_first_sync_nobody_can_look(shop: Any, smartify: Callable[..., Any]) -> None:
    """Before the first sync no store is made by looking, by adding somebody or by asking, and the cure is a sync."""
    for command in (
        ("accounts", "--tenant", "acme", *AS),
        ("employee", "list"),
        ("employee", "add", "e-17", "--as", "hr"),
        ("grant", "list"),
    ):
        result = smartify(*command, "--json")
        assert (result.code, result.error["code"]) == (2, "SC101")
        assert "smartify sync" in result.error["cure"]
    assert not (shop.folder / "smartify.db").exists()


def test_accounts_of_a_tenant_never_synced_are_denied(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant that is configured and was never synced is unknown to the store, and whoever asks is denied."""
    smartify("sync", "--tenant", "initech")
    let_in(files.folder, "acme")
    result = smartify("accounts", "--tenant", "acme", *AS, "--json")
    assert (result.code, result.error["code"], result.error["missing"]) == (4, "SC500", ["tenant-unknown"])


def test_log_names_ids_only(shop: Any, smartify: Callable[..., Any]) -> None:
    """``--verbose`` logs to stderr, leaves stdout to the document, and shows nobody's name or address."""
    result = smartify("sync", "--verbose", "--json")
    assert result.document["runs"]
    assert "run finished" in result.err
    assert "tenant='acme'" in result.err
    for person in shop.sample.people:
        assert person.email not in result.err
    assert "@" not in result.err


def test_degraded_run_is_done_and_says_what_was_set_aside(shop: Any, smartify: Callable[..., Any]) -> None:
    """A record that cannot be used is set aside by id on stderr; the rest is synced and the exit code is 0."""
    shop.workspace.add_user(email="no address at all", given_name="X", family_name="Y", source_id="1" * 21)
    result = smartify("sync", "--json")
    (run,) = result.document["runs"]
    assert (result.code, run["verdict"], run["quarantined"], run["provisioned"]) == (0, "degraded", 1, 24)
    assert "1" * 21 in result.err
    assert "no address at all" not in result.err


def test_held_run_has_its_own_exit_code(shop: Any, smartify: Callable[..., Any]) -> None:
    """When a listing cannot be certified, nobody who is missing from it is removed, and the exit code is 3."""
    smartify("sync")
    leaver = next(one for one in shop.sample.people if one.email != shop.sample.admin_email)
    shop.workspace.delete_user(leaver.source_id)
    shop.server.faults.add(match="members.list", fault=Fault.forbidden(), times=None)
    result = smartify("sync", "--json")
    (run,) = result.document["runs"]
    assert (result.code, run["verdict"]) == (3, "held")
    assert run["held"] > 0
    assert run["deleted"] == 0
    assert leaver.source_id in result.err
    assert "error" not in run
