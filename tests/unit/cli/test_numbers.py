"""Numbers with what they count, in the words of people."""

from __future__ import annotations

import pytest

from smartify_core.cli._numbers import are, numbered


@pytest.mark.parametrize(
    ("number", "what", "told"),
    [
        (0, "account", "0 accounts are"),
        (1, "account", "1 account is"),
        (2, "account", "2 accounts are"),
        (1, "entry", "1 entry is"),
        (2_000, "entry", "2,000 entries are"),
        (1, "legal hold", "1 legal hold is"),
    ],
)
def test_one_thing_is_told_as_one(number: int, what: str, told: str) -> None:
    """One thing is in the singular, none and many in the plural, with commas between thousands."""
    assert f"{numbered(number, what)} {are(number)}" == told
