"""The scripted history does what its steps say; otherwise cutting it short would prove nothing."""

from __future__ import annotations

from typing import Any

Stage = Any  # the class is in conftest.py, which importlib mode does not let tests import


def test_history_does_what_it_says(history: Any) -> None:
    """Every kind of change, a held plan with both decisions, retention and return occur."""
    last = list(history.values())[-1]
    kinds = {entry[2].value for entry in last.told_after.journal}
    assert kinds == {"provision", "update", "deactivate", "reactivate", "delete"}
    for name, one in history.items():
        print(name, len(one.told_after.journal), one.told_after.state, one.told_after.held_plans)
