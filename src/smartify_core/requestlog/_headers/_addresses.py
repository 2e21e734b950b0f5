"""Where a request came from: the connection's peer, or what trusted proxies say, cut before anything is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._parts import Address

from ._hops import MOST_CHARACTERS, forwarded, forwarded_for, hop_listed, hop_of_element
from ._networks import V4_BYTES, network_of, packed, text_of_address, text_of_network
from ._remembered import Remembered

#: How much of an address is kept: its network (/24, /48), all of it, or nothing.
Kept = Literal["network", "full", "none"]
#: The headers that a proxy may be declared to write.
Header = Literal["forwarded", "x-forwarded-for"]

#: For each: how to walk through its lines, and how to read a line that is one hop.
_HEADERS: Final = {"forwarded": (forwarded, hop_of_element), "x-forwarded-for": (forwarded_for, hop_listed)}
#: Masks, each with the networks that it cuts addresses to.
_Masks = tuple[tuple[int, frozenset[int]], ...]
#: What servers hand over for a peer on a unix socket: nothing (uvicorn, hypercorn), an empty text (gunicorn), or the
#: name of this machine (waitress).
_UNIX_PEERS: Final = frozenset({"", "localhost"})
_LAST_OCTETS: Final = frozenset(map(str, range(256)))
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
#: Networks whose answers are remembered, of peers and of forwarded addresses each: some 2 MB when full.
_ROOM: Final = 2_048


def _texts(given: Iterable[str]) -> tuple[str, ...]:
    checked: object = given  # types are no promise at run time
    if isinstance(checked, str) or not isinstance(checked, Iterable):
        raise UsageError(
            "the networks of trusted proxies are no list", where="TrustedProxies", cure="Hand over a list of networks."
        )
    return tuple(given)


@frozen(order=False)
class TrustedProxies:
    """The proxies that are believed when they say whom they speak for. Nobody else is.

    The peer of the connection must be in one of ``networks``. Then the hops of the one declared header are walked from
    the right, over all its lines, and the first that is in none of the networks is the sender. A hop that tells no
    address (``unknown``, ``_hidden``, anything that is none) ends the walk with an unknown sender: what stands further
    left was written by whoever that hop was. So does a walk of more than 32 hops or 2,048 characters. Where every hop
    is trusted, the left-most is the sender.

    Args:
        networks: Addresses or networks of proxies, such as ``10.0.0.7`` or ``2001:db8:7::/64``. None of them may be the
            whole internet: whoever trusts everyone trusts every forger.
        header: The header that these proxies write, and overwrite or extend in every request: ``forwarded`` (RFC 7239)
            or ``x-forwarded-for``. Only this one is read. Under WSGI ``X_Forwarded_For`` is the same variable: have the
            proxy or the server refuse names with underscores, as most do.
        unix_socket: Whether the peer on a unix socket is a trusted proxy.

    Raises:
        UsageError: A network or the header is none, or nothing at all is trusted.
    """

    networks: tuple[str, ...] = field(converter=_texts)
    header: Header = "forwarded"
    unix_socket: bool = False
    _v4: _Masks = field(init=False, repr=False, eq=False)
    _v6: _Masks = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.header not in tuple(_HEADERS):
            raise UsageError(
                "the header of trusted proxies is not one that is read",
                where="TrustedProxies, header",
                cure=f"Name one of: {', '.join(_HEADERS)}.",
            )
        if type(self.unix_socket) is not bool:
            raise UsageError("unix_socket is True or False", where="TrustedProxies", cure="Correct the call.")
        if not self.networks and not self.unix_socket:
            raise UsageError(
                "no proxy is trusted", where="TrustedProxies", cure="Name a network, or leave the proxies out."
            )
        networks = [_network(text, at) for at, text in enumerate(self.networks, 1)]
        object.__setattr__(self, "_v4", _masks(one for one in networks if isinstance(one, IPv4Network)))
        object.__setattr__(self, "_v6", _masks(one for one in networks if isinstance(one, IPv6Network)))

    def sender(self, peer: str | None, lines: Sequence[str]) -> tuple[bytes | None, bool]:
        """Return the sender's address in 4 or 16 bytes, None where it is unknown, and whether the header told it.

        Args:
            peer: The connection's peer as the server tells it; None, empty or ``localhost`` for a unix socket.
            lines: The values of the declared header, one for each of its lines, in their order.
        """
        if peer is None or peer in _UNIX_PEERS:
            if not self.unix_socket:
                return None, False
            address = None
        else:
            address = packed(peer)
            if address is None or not self._trusts(address):
                return address, False
        if not lines:
            return address, False
        walk, hop_of_one = _HEADERS[self.header]
        line = lines[0]
        if len(lines) == 1 and "," not in line and len(line) <= MOST_CHARACTERS:
            if not line:
                return address, False  # as WSGI may tell a header that is not there
            return packed(hop_of_one(line)), True  # the only hop: trusted or not, the walk ends with it
        for hop in walk(lines):
            address = packed(hop)
            if address is None or not self._trusts(address):
                break
        return address, True

    def _trusts(self, address: bytes) -> bool:
        number = int.from_bytes(address, "big")
        # Not with `any`: it takes twice as long, in every request.
        for mask, networks in self._v4 if len(address) == V4_BYTES else self._v6:  # noqa: SIM110 - said above
            if number & mask in networks:
                return True
        return False


def _network(text: object, at: int) -> IPv4Network | IPv6Network:
    where = f"TrustedProxies, network {at}"
    network = _read(text)
    if network is None:
        cure = "Write an address or a network, as in 10.0.0.0/8 or 2001:db8:7::/64, with no bit set after its length."
        raise UsageError("a network of trusted proxies is none", where=where, cure=cure)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        network = IPv4Network((network.network_address.packed[12:], network.prefixlen - 96))
    if not network.prefixlen:
        raise UsageError(
            "a network of trusted proxies is the whole internet", where=where, cure="Name the proxies' own networks."
        )
    return network


def _read(text: object) -> IPv4Network | IPv6Network | None:
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None


def _masks(networks: Iterable[IPv4Network | IPv6Network]) -> _Masks:
    """Return each mask with the networks that it cuts addresses to."""
    by_mask: dict[int, set[int]] = {}
    for network in networks:
        by_mask.setdefault(int(network.netmask), set()).add(int(network.network_address))
    return tuple((mask, frozenset(numbers)) for mask, numbers in by_mask.items())


class Addresses:
    """Tells where requests came from, as much of it as may be kept.

    Of an address that is cut, nothing but its network is ever put anywhere: answers are remembered by the 3 or 6 bytes
    of the network, so that not even this process's memory holds a list of senders.

    Args:
        keep: ``network`` (/24 for IPv4, /48 for IPv6), ``full``, or ``none``.
        proxies: The proxies that are believed; None where the connection's peer is the sender.

    Raises:
        UsageError: ``keep`` is none of the three.
    """

    def __init__(self, keep: Kept = "network", proxies: TrustedProxies | None = None) -> None:
        if keep not in ("network", "full", "none"):
            raise UsageError(
                "there is no such way to keep addresses",
                where="Addresses, keep",
                cure="Say network, full or none.",
            )
        self._keep: Final = keep
        self._proxies: Final = proxies
        self._peers: Final = Remembered[bytes, Address](_ROOM)
        self._senders: Final = Remembered[bytes, Address](_ROOM)
        #: The same answers by all but the last octet of an IPv4 address as text, for the shortest way.
        self._by_head: Final = Remembered[str, Address](_ROOM)
        self._shortest: Final = keep == "network" and proxies is None

    @property
    def header(self) -> Header | None:
        """The one header whose lines `of` wants, in lower case; None where it wants none."""
        return None if self._proxies is None or self._keep == "none" else self._proxies.header

    def of(self, peer: str | None, forwarded: Sequence[str] = ()) -> Address | None:
        """Return where a request came from, or None where that is unknown or not kept. Never raises.

        Args:
            peer: The connection's peer as the server tells it.
            forwarded: The values of the header `header`, one for each of its lines, in their order.
        """
        if self._shortest and peer is not None:
            head, _, last = peer.rpartition(".")
            if last in _LAST_OCTETS:
                found = self._by_head.of_late.get(head) or self._by_head.get(head)
                if found is not None:
                    return found
        if self._keep == "none":
            return None
        if self._proxies is None:
            address, told = (packed(peer) if peer else None), False
        else:
            address, told = self._proxies.sender(peer, forwarded)
        if address is None:
            return None
        if self._keep == "full":
            return Address(text_of_address(address), "forwarded" if told else "peer")
        found = self._network(network_of(address), told=told)
        if self._shortest and len(address) == V4_BYTES:
            self._by_head.keep("{}.{}.{}".format(*address), found)
        return found

    def _network(self, network: bytes, *, told: bool) -> Address:
        remembered = self._senders if told else self._peers
        found = remembered.get(network)
        if found is None:
            found = Address(text_of_network(network), "forwarded" if told else "peer")
            remembered.keep(network, found)
        return found
