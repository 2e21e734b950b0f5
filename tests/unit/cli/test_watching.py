from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smartify_core.lifecycle.events import Dispatcher, Event, RetryPolicy
from smartify_core.model import PutDocument
from smartify_core.storage.sqlite import SQLiteStorage

STATUS_KEYS = [
    "tenant",
    "accounts",
    "last_run_at",
    "verdict",
    "error_code",
    "failures",
    "next_due",
    "overdue_seconds",
    "lease_until",
    "held_plan",
    "quarantined",
    "oldest_quarantined_at",
    "dead_letters",
    "converged_at",
    "not_converged_seconds",
    "clock_reset_at",
    "exceeded",
    "off_boarded_at",
]


def test_status_before_anything_happened(files: Any, smartify: Callable[..., Any]) -> None:
    """Tenants that never ran are shown as such, no store is made by looking, and no limit is exceeded yet."""
    result = smartify("status", "--json", "--not-converged-for", "24h")
    assert [(one["tenant"], one["verdict"], one["accounts"]) for one in result.document["tenants"]] == [
        ("acme", None, 0),
        ("initech", None, 0),
    ]
    assert (result.code, [list(one) for one in result.document["tenants"]]) == (0, [STATUS_KEYS, STATUS_KEYS])
    assert not (files.folder / "smartify.db").exists()


def test_status_after_a_run(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant in step is shown with its last run; for people there is a table with a line for each tenant."""
    smartify("sync", "--tenant", "acme")
    result = smartify("status", "--tenant", "acme", "--json", "--not-converged-for", "1h")
    (acme,) = result.document["tenants"]
    assert (result.code, acme["verdict"], acme["accounts"], acme["exceeded"]) == (0, "complete", 20, False)
    assert acme["last_run_at"] == acme["converged_at"]
    lines = smartify("status").out.splitlines()
    assert [line.split()[0] for line in lines] == ["tenant", "acme", "initech"]


def test_failure_shows_and_exceeds_the_limit(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant whose runs fail and that was never in step exceeds every limit: the exit code is 1."""
    (files.folder / "acme.jsonl").write_text("no json\n")
    smartify("run", "--once")
    result = smartify("status", "--json", "--not-converged-for", "24h")
    acme, initech = result.document["tenants"]
    assert (acme["verdict"], acme["error_code"], acme["failures"]) == ("failed", "SC203", 1)
    assert (acme["exceeded"], initech["exceeded"]) == (True, False)
    assert result.code == 1
    assert "acme" in result.err
    assert "initech" not in result.err
    assert smartify("status").code == 0, "without a limit nothing is exceeded"


def test_held_tenant_has_its_own_exit_code(files: Any, smartify: Callable[..., Any]) -> None:
    """While something is held the exit code is 3, and the plan's hash is shown."""
    smartify("sync")
    files.write("acme", "p00")
    run = smartify("sync", "--tenant", "acme", "--json").document["runs"][0]
    result = smartify("status", "--json")
    assert result.code == 3
    assert (result.document["tenants"][0]["held_plan"] is None) == (run["held_plan"] is None)
    assert smartify("status", "--tenant", "initech").code == 0


def test_tenant_that_is_configured_no_longer_is_still_shown(files: Any, smartify: Callable[..., Any]) -> None:
    """Accounts of a tenant that left the configuration are still there, and so is its line."""
    smartify("sync")
    text = (files.folder / "smartify.toml").read_text()
    (files.folder / "smartify.toml").write_text(text.partition("[tenants.initech]")[0])
    assert [one["tenant"] for one in smartify("status", "--json").document["tenants"]] == ["acme", "initech"]


def test_history_tells_every_change(files: Any, smartify: Callable[..., Any]) -> None:
    """Each applied change is there with its evidence, oldest first, by account or since a time if asked for."""
    smartify("sync")
    files.write("initech", "ada", "grace", deleted=["hank"])
    smartify("sync")
    document = smartify("history", "--tenant", "initech", "--json").document
    assert document["tenant"] == "initech"
    entries = document["entries"]
    assert [entry["kind"] for entry in entries] == ["provision"] * 3 + ["delete"]
    assert all(entry["snapshot"] and entry["evidence"] and entry["rule"] for entry in entries)
    gone = entries[-1]
    mine = smartify("history", "--tenant", "initech", "--account", gone["account_id"], "--json").document["entries"]
    assert [entry["kind"] for entry in mine] == ["provision", "delete"]
    late = smartify("history", "--tenant", "initech", "--since", gone["at"], "--json").document["entries"]
    assert late == [gone]
    words = smartify("history", "--tenant", "initech").out
    assert words.count("\n") == 4
    assert "@" not in words
    nothing = smartify("history", "--tenant", "initech", "--since", "2999-01-01")
    assert (nothing.code, nothing.out) == (0, "")


def test_wrong_times_are_refused(files: Any, smartify: Callable[..., Any]) -> None:
    """What is no time and no duration is wrong usage."""
    for arguments in (
        ("history", "--tenant", "acme", "--since", "yesterday"),
        ("status", "--not-converged-for", "24"),
        ("run", "--every", "soon"),
        ("run", "--every", "0s"),
        ("run", "--workers", "0"),
    ):
        result = smartify(*arguments, "--json")
        assert (result.code, result.error["code"]) == (2, "SC100"), arguments


def given_up(files: Any, tenant: str, *consumers: str) -> None:
    """Let every event of a tenant become a dead letter of these consumers."""

    def refuse(_: Event) -> None:
        raise ConnectionError("ada@acme.example is unreachable")

    with SQLiteStorage(files.folder / "smartify.db") as storage:
        for consumer in consumers:
            Dispatcher(storage, consumer, refuse, retry=RetryPolicy(attempts=1)).deliver(tenant)


def test_dead_letters_are_listed(files: Any, smartify: Callable[..., Any]) -> None:
    """Events that were given up are listed by their ids, of one tenant or consumer if asked for, and counted."""
    assert smartify("dead-letters").err == "There are no dead letters.\n"
    smartify("sync")
    given_up(files, "initech", "crm", "mailer")
    given_up(files, "acme", "mailer")
    letters = smartify("dead-letters", "--json").document["dead_letters"]
    assert len(letters) == 26
    assert list(letters[0]) == ["tenant", "consumer", "event_id", "type", "account_id", "error", "attempts", "died_at"]
    mine = smartify("dead-letters", "--tenant", "initech", "--consumer", "crm", "--json").document["dead_letters"]
    assert [(one["tenant"], one["consumer"], one["error"], one["attempts"]) for one in mine] == [
        ("initech", "crm", "ConnectionError", 1)
    ] * 3
    words = smartify("dead-letters", "--tenant", "initech").out
    assert all(one["event_id"] in words and one["account_id"] in words for one in mine)
    assert "@" not in words
    rows = smartify("status", "--json").document["tenants"]
    assert [(one["tenant"], one["dead_letters"]) for one in rows] == [("acme", 20), ("initech", 6)]


def test_dead_letters_that_cannot_be_read_hide_no_others(files: Any, smartify: Callable[..., Any]) -> None:
    """What is damaged at one tenant is told by its code, with exit code 1; the others' letters are listed."""
    smartify("sync")
    given_up(files, "initech", "mailer")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.record("acme", documents=[PutDocument("consumer dead", "mailer", b"?", 0)])
    result = smartify("dead-letters", "--json")
    assert (result.code, len(result.document["dead_letters"])) == (1, 3)
    assert "SC309" in result.err
    acme, initech = smartify("status", "--json").document["tenants"]
    assert (acme["verdict"], acme["error_code"], acme["dead_letters"]) == ("complete", "SC309", None)
    assert (initech["error_code"], initech["dead_letters"]) == (None, 3)
