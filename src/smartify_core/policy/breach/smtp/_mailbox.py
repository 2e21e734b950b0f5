"""Addresses of mailboxes: what can be one, and what is put on the envelope. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final

from attrs import field, frozen

from smartify_core.errors import ContactInvalid
from smartify_core.policy.breach._reaching._domains import ascii_domain

#: RFC 5321, section 4.5.3.1: 64 octets before the ``@``, and 254 in all (256 with the angle brackets of a path).
_LONGEST_LOCAL: Final = 64
_LONGEST: Final = 254
#: RFC 5322, section 3.2.3; beside it the letters of other scripts (RFC 6531, section 3.3). Quoted forms are none here.
_ATEXT: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")


@frozen(order=False)
class Mailbox:
    """An address, in the form that goes on an envelope.

    Args:
        local: What stands before the ``@``.
        domain: Its domain, in ASCII, or an address in brackets.
    """

    local: str = field(repr=False)
    domain: str = field(repr=False)

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()

    def __str__(self) -> str:
        """Return it as it goes over the wire."""
        return f"{self.local}@{self.domain}"

    @classmethod
    def of(cls, address: object) -> Mailbox:
        """Read an address.

        Raises:
            ContactInvalid: It cannot be one. Never says it.
        """
        local, at, domain = address.partition("@") if isinstance(address, str) else ("", "", "")
        written = _domain(domain)
        if at and written and _is_local(local):
            found = cls(local, written)
            if len(str(found).encode()) <= _LONGEST:
                return found
        raise ContactInvalid(
            "that is no address of a mailbox",
            where="mail contact",
            cure="Give name@domain without a display name, the domain in its xn-- form where it is special.",
        )


def _is_local(text: str) -> bool:
    """Return whether it can stand before the ``@``: atoms with dots between them."""
    if not text.isprintable() or len(text.encode("utf-8", "replace")) > _LONGEST_LOCAL:
        return False
    atoms = text.split(".")
    return all(atom and all(one in _ATEXT or not one.isascii() for one in atom) for atom in atoms)


def _domain(text: str) -> str | None:
    """Return a domain or an address literal (RFC 5321, section 4.1.3) as it is written on an envelope."""
    if not text.startswith("["):
        return None if text.endswith(".") else ascii_domain(text)
    if not text.endswith("]"):
        return None
    inside = text[1:-1]
    try:
        if inside.lower().startswith("ipv6:"):
            return f"[IPv6:{ipaddress.IPv6Address(inside[5:])}]" if "%" not in inside else None
        return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError:
        return None
