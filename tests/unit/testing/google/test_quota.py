"""Rate and concurrency limits."""

from __future__ import annotations

import queue
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import GoogleServer, Quota, Workspace

MINE = {"customer": "my_customer"}


def test_a_minute_holds_so_many_queries_for_one_user(world: Workspace, open_wire: Any) -> None:
    """Over the limit is 403 ``userRateLimitExceeded``; refused calls do not count; the minute slides."""
    clock = ManualClock(datetime.now(UTC))
    with GoogleServer(world, quota=Quota(per_minute=2), clock=clock) as server:
        wire = open_wire(server)
        assert wire.get("users", **MINE).status == 200
        clock.advance(seconds=30)
        assert wire.get("users", **MINE).status == 200
        refused = wire.get("users", **MINE)
        assert (refused.status, refused.reason()) == (403, "userRateLimitExceeded")
        assert refused.json()["error"]["errors"][0]["domain"] == "usageLimits"
        clock.advance(seconds=30)
        assert [wire.get("users", **MINE).status for _ in range(2)] == [200, 403]


def test_each_user_and_project_has_its_own_minute(world: Workspace, open_wire: Any) -> None:
    """Another subject, and another ``quotaUser``, are counted apart."""
    world.add_user(email="second@acme.example", given_name="S", family_name="A", is_admin=True)
    with GoogleServer(world, quota=Quota(per_minute=1)) as server:
        first, second = open_wire(server), open_wire(server, subject="second@acme.example")
        assert [first.get("users", **MINE).status, second.get("users", **MINE).status] == [200, 200]
        assert first.get("users", **MINE).status == 403
        assert first.get("users", quotaUser="batch-7", **MINE).status == 200


@pytest.mark.parametrize(
    ("quota", "status", "reason"),
    [
        (Quota(per_minute=None, concurrent=1), 403, "quotaExceeded"),
        (Quota(per_minute=None, concurrent=1, concurrent_answer="rateLimitExceeded"), 429, "rateLimitExceeded"),
    ],
)
def test_one_account_has_so_many_queries_at_once(
    world: Workspace, open_wire: Any, quota: Quota, status: int, reason: str
) -> None:
    """Of two queries at once, whoever asks, one is refused; when the other is done there is room again."""
    replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with GoogleServer(world, quota=quota) as server:
        wires = [open_wire(server), open_wire(server)]
        threads = [threading.Thread(target=lambda it=it: replies.put(it.get("users", **MINE))) for it in wires]
        with world.reading():  # whoever is let in waits for the world, and stays in
            for thread in threads:
                thread.start()
            refused = replies.get(timeout=30)
            assert (refused.status, refused.reason()) == (status, reason)
        assert replies.get(timeout=30).status == 200
        for thread in threads:
            thread.join(30)
        assert [wires[0].get("users", **MINE).status for _ in range(3)] == [200, 200, 200]


def test_the_default_limits_are_googles() -> None:
    """2,400 queries a minute; no published number for concurrency."""
    assert (Quota().per_minute, Quota().concurrent) == (2400, None)


def test_without_a_quota_nothing_is_refused(wire: Any) -> None:
    """A server counts nothing unless it was told to."""
    assert {wire.get("users", **MINE).status for _ in range(50)} == {200}
