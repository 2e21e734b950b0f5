"""Where a webhook may lead: URLs in one form, and addresses of machines that are not in somebody's inner network. Pure.

The danger is server-side request forgery (OWASP): who may name a URL that the host's machine calls may reach with it
what only that machine reaches.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from smartify_core.errors import ContactInvalid, PrivateAddress
from smartify_core.policy.breach._reaching._domains import ascii_domain

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST: Final = 2_000
_MOST_PORTS: Final = 65_535
_PORTS: Final = {"https": 443, "http": 80}
#: RFC 6761, 6762, 8375, and what ICANN reserved for private use in 2024. None leads out into the world.
_INNER_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "localdomain", "intranet", "lan", "corp", "home")
#: The only IPv6 addresses that are given out to the world (RFC 4291, section 2.4, and IANA's registry).
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
#: Where a translator puts IPv4 addresses into IPv6 (RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
#: Beyond what every Python calls private: IETF's own (RFC 6890), where clouds put their agents, too; the 6to4 relays
#: (RFC 7526); and the address, global by the registry, at which one cloud's agent sits beside every machine.
_INNER_4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
#: Documentation (RFC 9637), which older Pythons do not know of.
_INNER_6: Final = (ipaddress.IPv6Network("3fff::/20"),)
_path_like: Final = re.compile(r"[!-~]*").fullmatch


@frozen(order=False)
class Endpoint:
    """Where a webhook goes.

    Args:
        is_secure: Whether by TLS.
        host: The name in ASCII, or the address without brackets.
        port: The port.
        target: Path and query, as the request asks for them.
    """

    is_secure: bool
    host: str = field(repr=False)
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Return the name of the host as the header ``Host`` has it (RFC 9110, section 7.2)."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS["https" if self.is_secure else "http"] else f"{name}:{self.port}"

    @property
    def literal(self) -> Address | None:
        """Return the machine's address, where the URL has that instead of a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def has_inner_name(self) -> bool:
        """Whether the name is one of those that lead nowhere but into an inner network."""
        if self.literal is not None:
            return False
        return "." not in self.host or any(self.host.endswith(f".{name}") for name in _INNER_NAMES)


def endpoint_of(url: object, *, allow_http: bool) -> Endpoint:
    """Read a URL, strictly: what one reader could take for another host than the next is none.

    Raises:
        ContactInvalid: It is none that a webhook may have. Never says it.
    """
    if not isinstance(url, str) or len(url) > _LONGEST or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        raise _misshapen()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _misshapen() from None
    schemes = {"https", "http"} if allow_http else {"https"}
    if parts.scheme not in schemes or "@" in parts.netloc or "#" in url:
        raise _misshapen()
    if parts.netloc.endswith(":") or (port is not None and not 0 < port <= _MOST_PORTS):
        raise _misshapen()
    host = _host(parts.netloc)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host is None or not _path_like(target):
        raise _misshapen()
    return Endpoint(parts.scheme == "https", host, port or _PORTS[parts.scheme], target)


def _host(authority: str) -> str | None:
    """Return the host of an authority in its one form, or ``None`` where it has more than one reading."""
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](:[0-9]+)?", authority)
    try:
        if bracketed:
            return str(ipaddress.IPv6Address(bracketed[1]))
        name, _, port = authority.partition(":")
        if port and not (port.isascii() and port.isdigit()):
            return None
        if re.fullmatch(r"[0-9.]+", name):
            # Four numbers without leading zeros, and nothing that only some would take for an address.
            return str(ipaddress.IPv4Address(name.removesuffix(".")))
    except ValueError:
        return None
    return ascii_domain(name)


def is_public(address: Address) -> bool:
    """Return whether an address is a machine's in the open internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        return address in _GLOBAL_6 and address.is_global and not any(address in one for one in _INNER_6)
    return address.is_global and not address.is_multicast and not any(address in one for one in _INNER_4)


@frozen(order=False)
class Outside:
    """What counts as outside: the internet, and what the host allows besides.

    Args:
        everything: Whether everything is allowed.
        networks: The inner networks that are allowed.
    """

    everything: bool = False
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: bool | Sequence[str]) -> Outside:  # noqa: FBT001  # it reads as the option that it is
        """Return what an option allows: ``True`` for everything, or some networks.

        Raises:
            ValueError: One is no network.
        """
        if isinstance(allowed, bool):
            return cls(everything=allowed)
        return cls(networks=tuple(ipaddress.ip_network(one) for one in allowed))

    def has(self, address: Address) -> bool:
        """Return whether a webhook may go to an address."""
        return self.everything or is_public(address) or any(address in one for one in self.networks)

    def check(self, endpoint: Endpoint) -> None:
        """Check what a URL itself says of where it leads.

        Raises:
            PrivateAddress: It leads into an inner network. Never says it.
        """
        literal = endpoint.literal
        is_inner = not self.has(literal) if literal else endpoint.has_inner_name and not self._has_any
        if is_inner:
            raise PrivateAddress(
                "a webhook leads into a private network",
                where="webhook contact",
                cure="Give a URL on the internet, or allow the network with allow_private.",
            )

    @property
    def _has_any(self) -> bool:
        return self.everything or bool(self.networks)


def _misshapen() -> ContactInvalid:
    return ContactInvalid(
        "that is no URL of a webhook",
        where="webhook contact",
        cure="Give https://name/path without a user, a fragment or anything that has to be escaped.",
    )
