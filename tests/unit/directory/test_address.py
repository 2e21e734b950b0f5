from __future__ import annotations

import pytest

from smartify_core.directory import is_address


@pytest.mark.parametrize(
    "text", ["a@b", "Ada.King+crm@Acme.example", "o'neill@acme.example", "用户@例子.example", "x@[127.0.0.1]"]
)
def test_addresses(text: str) -> None:
    """Whatever a directory may take as an address is one, capitals, tags, apostrophes and all scripts included."""
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a\u200b@b", "a\ud800@b", "nobody"])
def test_no_addresses(text: str) -> None:
    """Without exactly one @ between visible characters a text is no address."""
    assert not is_address(text)
