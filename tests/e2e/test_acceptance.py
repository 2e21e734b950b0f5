"""The promise, end to end: after each sync, accounts are the directory's own truth: every user, state and group."""

from __future__ import annotations

from typing import Any

import pytest

from smartify_core.testing.google import Fault

CHANGES = ("provisioned", "updated", "deactivated", "reactivated", "deleted")
NOTHING = dict.fromkeys((*CHANGES, "quarantined", "held"), 0)


def in_step(customer: Any) -> None:
    """Check that the accounts are what the directory says, and that another sync would do nothing."""
    truth = customer.workspace.truth()
    living, _ = customer.accounts()
    assert living == truth["people"]
    again = customer.sync()
    assert {key: again[key] for key in NOTHING} == NOTHING
    assert (again["verdict"], again["unchanged"]) == ("complete", len(truth["people"]))


@pytest.mark.slow
@pytest.mark.parametrize("customer", [1, 2, 3], indirect=True)
def test_accounts_follow_the_directory_day_by_day(customer: Any) -> None:
    """From the first sync through days of changes of every kind, accounts equal the server's truth after each sync."""
    run = customer.sync()
    assert (run["verdict"], run["provisioned"]) == ("complete", 80)
    in_step(customer)
    happened = dict.fromkeys(CHANGES, 0)
    ever_deleted: set[str] = set()
    for _ in range(4):
        before = {one["id"] for one in customer.workspace.truth()["people"]}
        customer.live_a_day(30)
        after = {one["id"] for one in customer.workspace.truth()["people"]}
        run = customer.sync()
        assert (run["verdict"], run["deleted"]) == ("complete", len(before - after))
        assert run["provisioned"] == len(after - before)
        in_step(customer)
        for key in CHANGES:
            happened[key] += run[key]
        ever_deleted |= before - after
        _, dead = customer.accounts()
        assert set(dead) == ever_deleted
    assert all(happened.values()), "four days see every kind of change"


@pytest.mark.slow
@pytest.mark.parametrize("customer", [4], indirect=True)
def test_trouble_on_the_wire_changes_nobody_wrongly(customer: Any) -> None:
    """While the wire fails nobody is removed who is there; once it has stopped failing, one sync makes all right."""
    customer.sync()
    before, _ = customer.accounts()
    customer.live_a_day(25)
    truth = customer.workspace.truth()["people"]
    gone = {one["id"] for one in before} - {one["id"] for one in truth}
    troubles = [
        ("users.list", Fault.html200()),
        ("users.list", Fault.cut_body()),
        ("members.list", Fault.reset()),
        ("groups.list", Fault.forbidden()),
        ("token", Fault.error(503, "backendError", "x")),
        ("users.list", Fault.missing_key("users")),
    ]
    for operation, fault in troubles:
        customer.server.faults.clear()
        customer.server.faults.add(match=operation, fault=fault, times=None, after=customer.chance.randrange(2))
        customer.sync()
        living, dead = customer.accounts()
        assert set(dead) <= gone, f"{operation} {fault} removed somebody who is there"
        assert {one["id"] for one in before} - {one["id"] for one in living} <= gone
    customer.server.faults.clear()
    assert customer.sync()["verdict"] == "complete"
    in_step(customer)


@pytest.mark.slow
@pytest.mark.parametrize("customer", [5, 6], indirect=True)
def test_passing_trouble_is_not_noticed(customer: Any) -> None:
    """Faults that pass while the client tries again leave a complete run and the whole truth."""
    customer.server.faults.add(match="users.list", fault=Fault.truncated_json200(), after=2)
    customer.server.faults.add(match="members.list", fault=Fault.reset(), after=5)
    customer.server.faults.add(match="groups.list", fault=Fault.backend_error(), after=1)
    assert customer.sync()["verdict"] == "complete"
    in_step(customer)
    customer.live_a_day(20)
    customer.server.faults.add(match="users.list", fault=Fault.before(lambda: customer.live_a_day(3)), after=3)
    customer.sync()
    customer.sync()
    in_step(customer)
