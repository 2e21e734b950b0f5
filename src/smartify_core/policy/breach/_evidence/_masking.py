"""Addresses as they may be shown: enough to know one's own again, and nobody else's name. Pure."""

from __future__ import annotations

import re
from typing import Final

_ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"
#: Anything that could be an address within a longer text, such as what a mail server answers.
_address: Final = re.compile(r"([^\s<>()\[\]:;,\"'@/])[^\s<>()\[\]:;,\"'@/]*@([^\s<>()\[\]:;,\"'@/]+)")
_url: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#@]*@)?([^\s/?#]+)[^\s]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text in which no address of a person is left: ``d…@acme.example`` for ``dana.reyes@acme.example``.

    Of a URL scheme and host are left, as its path and query may be a secret.
    """
    return _address.sub(rf"\1{_ELLIPSIS}@\2", _url.sub(rf"\1\2/{_ELLIPSIS}", text))


def masked_address(address: str) -> str:
    """Return an address of a contact without whoever it is of; of one in no known form nothing is left."""
    shown = masked(address)
    return _ELLIPSIS if shown == address else shown
