"""Addresses of the internet as bytes, and the networks that they are cut to.

An address is 4 or 16 bytes here. Its network is 3 bytes (IPv4, /24) or 6 bytes (IPv6, /48), which is all that is left
of it wherever something is kept.

Some IPv6 addresses are IPv4 addresses in another dress. What is left after a cut at 48 bits differs:

- IPv4-mapped, ``::ffff:0:0/96`` (RFC 4291): how a socket for both families shows an IPv4 peer. It is the IPv4 address.
- 6to4, ``2002::/16`` (RFC 3056): the IPv4 address of the sender's router is in bits 16 to 47, so a cut at 48 bits would
  leave all of it. It is cut as that IPv4 address, to /24.
- NAT64 and its stateless kin, ``64:ff9b::/96`` (RFC 6052): the IPv4 address is in the last 32 bits. A cut would leave
  nothing that tells networks apart. It is cut as that IPv4 address, to /24.
- Teredo, ``2001::/32`` (RFC 4380): bits 32 to 63 are the relay server's address, the sender's are the last 32. A cut
  leaves 16 bits of the server and none of the sender. Likewise nothing of the sender is left of IPv4-compatible
  (``::/96``), IPv4-translated (``::ffff:0:0:0/96``), local NAT64 (``64:ff9b:1::/48``) and ISATAP addresses.
- Prefixes of an operator's own (6rd, RFC 5969; NAT64, RFC 6052) cannot be recognised. A cut leaves 48 bits less the
  length of that prefix: no more than /24 of the IPv4 address where the operator's prefix is a /24 or longer.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

# `inet_pton` reads text and opens nothing; `ipaddress` would take ten times as long, in every request.
_V4: Final = int(AF_INET)
_V6: Final = int(AF_INET6)
V4_BYTES: Final = 4
V4_NETWORK_BYTES: Final = 3
_MAPPED: Final = bytes(10) + b"\xff\xff"
_SIX_TO_FOUR: Final = b"\x20\x02"
_NAT64: Final = b"\x00\x64\xff\x9b" + bytes(8)


def packed(text: str) -> bytes | None:
    """Return the address that ``text`` is, in 4 or 16 bytes, or None where it is none.

    A zone is left out (RFC 4007), and an IPv4-mapped address is the IPv4 address.
    """
    try:
        if ":" not in text:
            return inet_pton(_V4, text)
        found = inet_pton(_V6, text.partition("%")[0])
    except (OSError, ValueError):  # ValueError: NUL, or a character that no encoding has
        return None
    return found[12:] if found[:12] == _MAPPED else found


def network_of(address: bytes) -> bytes:
    """Return the network that an address is cut to: 3 or 6 bytes."""
    if len(address) == V4_BYTES:
        return address[:3]
    head = address[:2]
    if head == _SIX_TO_FOUR:
        return address[2:5]
    if head == b"\x00\x64" and address[:12] == _NAT64:
        return address[12:15]
    return address[:6]


def text_of_network(network: bytes) -> str:
    """Return a network of 3 or 6 bytes as text: ``203.0.113.0/24``, ``2001:db8:12::/48``."""
    if len(network) == V4_NETWORK_BYTES:
        return "{}.{}.{}.0/24".format(*network)
    return f"{IPv6Address(network + bytes(10))}/48"


def text_of_address(address: bytes) -> str:
    """Return an address of 4 or 16 bytes as text, in its shortest form."""
    return "{}.{}.{}.{}".format(*address) if len(address) == V4_BYTES else str(IPv6Address(address))
