from __future__ import annotations

import pytest

from smartify_core.directory import name_part


@pytest.mark.parametrize(
    "text", ["Ada", " Ada ", "\u200bAda", "秀英", "ဇော်", "O’Neill", "𠮷", "-", "\ue000", "\U000e1234"]
)
def test_what_can_be_seen_is_kept_whole(text: str) -> None:
    """A name part with anything to see in it is kept as it is, spaces and zero-width characters included."""
    assert name_part(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\n",
        "\u200b",
        "\u200b\u200b",
        " \u2060\ufeff",
        "\u00a0",
        "\u00ad",
        "\u3164",
        "\u2800",
        "\ufe0f",
        "\x00",
    ],
)
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    """A name part of white space, zero-width characters, controls or fillers is the empty string."""
    assert name_part(text) == ""
