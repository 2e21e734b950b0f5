"""Names of domains, in the one form that everybody reads alike. Pure."""

from __future__ import annotations

import re
from typing import Final

#: RFC 1034, section 3.5, and RFC 1123, section 2.1: a label is letters, digits and hyphens within.
_label_like: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?").fullmatch
#: What a resolver may take for the number of a machine, as WHATWG's URL standard has it ("ends in a number").
_number_like: Final = re.compile(r"[0-9]+|0x[0-9a-f]*").fullmatch
_LONGEST: Final = 253
#: IDNA 2003 and 2008 lead to different places with these (UTS 46, section 7): so nobody guesses which was meant.
_AMBIGUOUS: Final = frozenset("ßςẞ\u200c\u200d")


def ascii_domain(text: str) -> str | None:
    """Return a domain's name in ASCII and lower case, without the root's dot; ``None`` where it is none.

    Names in other scripts become their ``xn--`` form. None are a name whose form depends on the year of the standard
    (with ``ß``, say), and one that ends in a number and so may be taken for an address.
    """
    text = text.removesuffix(".")
    if not text or len(text) > _LONGEST or _AMBIGUOUS & set(text):
        return None
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    text = text.lower()
    labels = text.split(".")
    if len(text) > _LONGEST or not all(_label_like(label) for label in labels) or _number_like(labels[-1]):
        return None
    return text
