"""A tenant that a worker whose clock ran ahead left behind, mended from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from smartify_core.lifecycle import utc_now
from smartify_core.storage.sqlite import SQLiteStorage

AHEAD = timedelta(days=3 * 365)
DECISION = ("--as", "Noor Vega", "--reason", "asked Ada King by phone")


def test_clock_is_reset(files: Any, smartify: Callable[..., Any]) -> None:
    """A lease that ends in years is ended, the tenant is due at once, and syncs; doing it again finds nothing."""
    smartify("sync", "--tenant", "initech")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.schedule({"acme": utc_now() + timedelta(days=30)})  # beyond the configured period only
        claim = storage.claim("acme", now=utc_now() + AHEAD, ttl=timedelta(minutes=10))
    assert smartify("sync", "--tenant", "acme", "--json").code == 1
    result = smartify("reset-clock", "--tenant", "acme", *DECISION, "--json")
    done = result.document["clock_reset"]
    assert (result.code, list(done), done["tenant"]) == (0, ["tenant", "at", "found"], "acme")
    assert list(done["found"]) == ["due", "lease"]
    assert done["found"]["lease"] == claim.expires_at.isoformat()
    (acme,) = smartify("status", "--tenant", "acme", "--json").document["tenants"]
    assert (acme["clock_reset_at"][:16], acme["next_due"], acme["lease_until"]) == (done["at"][:16], done["at"], None)
    assert smartify("sync", "--tenant", "acme").code == 0
    again = smartify("reset-clock", "--tenant", "acme", *DECISION, "--json")
    assert (again.code, again.error["code"]) == (2, "SC115")


def test_lease_of_an_honest_worker_is_left_alone(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant that somebody works on is not taken over, and a tenant that is not configured is not looked at."""
    smartify("sync", "--tenant", "initech")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.claim("acme", now=utc_now(), ttl=timedelta(minutes=10))
        before = storage.tenant("acme")
        assert smartify("reset-clock", "--tenant", "acme", *DECISION, "--json").error["code"] == "SC115"
        assert smartify("reset-clock", "--tenant", "globex", *DECISION, "--json").error["code"] == "SC102"
        assert storage.tenant("acme") == before


def test_name_and_reason_are_needed_and_not_printed(files: Any, smartify: Callable[..., Any]) -> None:
    """Without them nothing is done; with them no command, and no log, repeats them."""
    smartify("sync", "--tenant", "acme")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        storage.claim("acme", now=utc_now() + AHEAD, ttl=timedelta(minutes=10))
    assert smartify("reset-clock", "--tenant", "acme").code == 2
    assert smartify("reset-clock", "--tenant", "acme", "--as", " ", "--reason", "x").code == 2
    result = smartify("reset-clock", "--tenant", "acme", *DECISION, "--verbose")
    assert result.code == 0
    assert "lease 20" in result.out
    assert "clock reset" in result.err
    for said in (result, smartify("status"), smartify("status", "--json"), smartify("history", "--tenant", "acme")):
        assert not any(word in said.out + said.err for word in ("Noor", "Vega", "Ada", "phone"))
