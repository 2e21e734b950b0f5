"""Whether a text can be an email address at all: the one answer for every source. Pure."""

from __future__ import annotations


def is_address(text: str) -> bool:
    """Return whether ``text`` has one @ with something on both sides, no space, and nothing that does not print.

    No more is asked: what a directory accepted as an address is one, and RFC 5321 allows more than most patterns do.
    """
    at = text.find("@")
    return 0 < at < len(text) - 1 and text.find("@", at + 1) < 0 and text.isprintable() and " " not in text
