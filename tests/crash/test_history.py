"""The scripted history does what its steps say; otherwise cutting it short would prove nothing."""

from __future__ import annotations

from typing import Any


def test_history_does_what_it_says(history: Any) -> None:
    """Every kind of change, groups lost and joined, both decisions on a held plan, and a link to a tombstone occur."""
    told = [one.told_after for one in history.values()]
    assert {entry[2].value for entry in told[-1].journal} == {
        "provision",
        "update",
        "deactivate",
        "reactivate",
        "delete",
    }
    assert {status for one in told for _, status, _ in one.held_plans} == {"waiting", "rejected", "applied"}
    assert any(joined and left for *_, joined, left, _ in told[-1].journal)
    assert any(account.predecessor for account in told[-1].accounts)
    assert history["nothing changes"].told_before.journal == history["nothing changes"].told_after.journal


def test_backends_tell_the_same(history: Any) -> None:
    """Over every backend the history ends with as many entries and events."""
    last = list(history.values())[-1].told_after
    assert (len(last.journal), len(last.events), len(last.held_plans)) == (36, 36, 2)
