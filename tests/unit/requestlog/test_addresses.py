from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any, cast

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Address
from smartify_core.requestlog._headers._addresses import Addresses, TrustedProxies

PEER = "10.0.0.5"
LISTED = TrustedProxies(["10.0.0.0/8", "2001:db8:ff::/48"], header="x-forwarded-for")
FORWARDED = TrustedProxies(["10.0.0.0/8", "2001:db8:ff::/48"])


def told(network: str) -> Address:
    return Address(network, "forwarded")


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:12:34::1", "2001:db8:12::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_without_proxies_the_peer_is_the_sender(peer: str, ip: str) -> None:
    """The connection's peer is told by its network, the first time as every later time, and no header is looked at."""
    addresses = Addresses()
    assert [addresses.of(peer, ["6.6.6.6"]) for _ in range(3)] == [Address(ip)] * 3
    assert addresses.header is None


@pytest.mark.parametrize(
    "peer",
    [
        *(None, "", "localhost", "unix:", "/run/app.sock", "testclient", "203.0.113", "203.0.113.256", "203.0.113.x"),
        *("203.0.113.", ".7", "203.0.113.07", "x.7", "x:203.0.113.7", "\ud800", "é.7", "203.0.113.7\x00"),
    ],
)
def test_a_peer_that_is_no_address_is_unknown(peer: str | None) -> None:
    """A peer without an address is unknown, even where its beginning is that of a network that was seen."""
    addresses = Addresses()
    for one in ("203.0.113.7", "203.0.113.7", "203.0.113.7", peer, peer):
        address = addresses.of(one)
    assert address is None


def test_two_addresses_of_one_network_are_one_answer() -> None:
    """What is told of two senders in one network is the same object, whichever way their peer was written."""
    addresses = Addresses()
    for _ in range(3):
        same = {id(addresses.of(peer)) for peer in ("203.0.113.7", "203.0.113.250", "::ffff:203.0.113.9")}
    assert len(same) == 1


def test_a_whole_address_is_told_where_the_host_chose_so() -> None:
    """Kept in full, an address is told in its shortest form, and where it comes from."""
    assert Addresses("full").of("2001:0DB8::0001") == Address("2001:db8::1")
    assert Addresses("full").of("::ffff:203.0.113.7") == Address("203.0.113.7")
    assert Addresses("full", LISTED).of(PEER, ["203.0.113.7:80"]) == Address("203.0.113.7", "forwarded")


def test_nothing_is_told_where_the_host_chose_so() -> None:
    """Kept not at all, no address is told and no header is wanted."""
    addresses = Addresses("none", LISTED)
    assert addresses.of("203.0.113.7") is None
    assert addresses.of(PEER, ["203.0.113.7"]) is None
    assert addresses.header is None


@pytest.mark.parametrize("keep", ["half", "", None, 24, [], ("network",)])
def test_an_unknown_way_to_keep_is_refused(keep: object) -> None:
    """There are three ways to keep an address; any other is an error when the object is made."""
    with pytest.raises(UsageError, match="network, full or none"):
        Addresses(cast("Any", keep))


# --- proxies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], Address("10.0.0.0/24")),
        ([""], Address("10.0.0.0/24")),
        (["203.0.113.7"], told("203.0.113.0/24")),
        (["6.6.6.6, 203.0.113.7"], told("203.0.113.0/24")),
        (["6.6.6.6", "203.0.113.7"], told("203.0.113.0/24")),
        (["6.6.6.6, 203.0.113.7, 10.9.9.9, 10.0.0.1"], told("203.0.113.0/24")),
        (["6.6.6.6, 203.0.113.7", "10.9.9.9", "::ffff:10.0.0.1, 2001:db8:ff::1"], told("203.0.113.0/24")),
        (["6.6.6.6, 2001:db8:1::7"], told("2001:db8:1::/48")),
        (["::ffff:203.0.113.7"], told("203.0.113.0/24")),
        (["10.0.9.1"], told("10.0.9.0/24")),
        (["10.0.9.1, 10.0.8.1"], told("10.0.9.0/24")),
        (["6.6.6.6, 2002:0a00:0001::1"], told("10.0.0.0/24")),
        (["6.6.6.6, unknown"], None),
        (["6.6.6.6, _hidden"], None),
        (["6.6.6.6, "], None),
        (["6.6.6.6", ""], None),
        (["6.6.6.6, unix:"], None),
        (["6.6.6.6, localhost"], None),
        (["6.6.6.6, example.com"], None),
        (["6.6.6.6, 203.0.113.7;203.0.113.8"], None),
        (["for=203.0.113.7"], None),
    ],
)
def test_the_first_hop_that_is_not_trusted_is_the_sender(lines: list[str], address: Address | None) -> None:
    """From the right over all lines; a hop that is no address ends the walk, and what stands further left is forged."""
    addresses = Addresses(proxies=LISTED)
    assert [addresses.of(PEER, lines) for _ in range(3)] == [address] * 3
    assert addresses.of("::ffff:10.0.0.5", lines) == address
    assert addresses.header == "x-forwarded-for"


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (["for=203.0.113.7;proto=https"], told("203.0.113.0/24")),
        (['for=6.6.6.6, for="[2001:db8:1::17]:4711"'], told("2001:db8:1::/48")),
        (["for=6.6.6.6", "for=203.0.113.7, for=10.0.0.1"], told("203.0.113.0/24")),
        (["for=6.6.6.6, for=unknown"], None),
        (['for=6.6.6.6, for="_hidden:_port"'], None),
        (["for=6.6.6.6, proto=https"], None),
        (["203.0.113.7"], None),
    ],
)
def test_forwarded_is_walked_alike(lines: list[str], address: Address | None) -> None:
    """The header of RFC 7239 tells what the other one does."""
    assert Addresses(proxies=FORWARDED).of(PEER, lines) == address
    assert Addresses(proxies=FORWARDED).header == "forwarded"


@pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.5", "2001:db8:fe::1", "2002:a00:5::1", "64:ff9b::a00:5"])
def test_a_peer_that_is_not_trusted_is_the_sender_itself(peer: str) -> None:
    """Whoever connects directly may write any header: it is not looked at. An embedded address earns no trust."""
    addresses = Addresses(proxies=LISTED)
    assert addresses.of(peer, ["6.6.6.6"]) == Addresses().of(peer)


@pytest.mark.parametrize("peer", [None, "", "localhost"])
def test_a_unix_socket_is_trusted_where_it_is_declared(peer: str | None) -> None:
    """Whatever servers call a peer without an address, its header counts only where the host said so."""
    declared = TrustedProxies([], header="x-forwarded-for", unix_socket=True)
    assert Addresses(proxies=declared).of(peer, ["6.6.6.6, 203.0.113.7"]) == told("203.0.113.0/24")
    assert Addresses(proxies=declared).of(peer, []) is None
    assert Addresses(proxies=declared).of(PEER, ["6.6.6.6"]) == Address("10.0.0.0/24")
    assert Addresses(proxies=LISTED).of(peer, ["6.6.6.6"]) is None


@pytest.mark.parametrize("network", ["::ffff:10.0.0.0/104", "10.0.0.5", "10.0.0.4/31", "::ffff:10.0.0.5"])
def test_a_network_may_be_written_as_it_is_seen(network: str) -> None:
    """An address is a network of one, and an IPv4-mapped network is the IPv4 network."""
    proxies = TrustedProxies([network], header="x-forwarded-for")
    assert Addresses(proxies=proxies).of(PEER, ["203.0.113.7"]) == told("203.0.113.0/24")
    assert Addresses(proxies=proxies).of("11.0.0.6", ["203.0.113.7"]) == Address("11.0.0.0/24")


@pytest.mark.parametrize(
    "network",
    [
        *("", "*", "10.0.0.0/33", "10.0.0.5/8", "alice@example.com", "10.0.0.0/8 ", "fe80::1%eth0", "fe80::%eth0/64"),
        *(7, None, b"\x0a\x00\x00\x05", "0.0.0.0/0", "::/0", "::ffff:0:0/96"),
    ],
)
def test_a_network_that_is_none_is_told_by_its_place(network: object) -> None:
    """A bad network, and the whole internet, is an error at once; it names the place and does not quote."""
    with pytest.raises(UsageError) as raised:
        TrustedProxies(cast("Any", ["10.0.0.0/8", network]))
    assert raised.value.where == "TrustedProxies, network 2"
    assert "alice" not in str(raised.value)


@pytest.mark.parametrize("networks", ["10.0.0.0/8", None, 7, []])
def test_networks_are_a_list(networks: object) -> None:
    """One text, nothing, and an empty list are no list of networks."""
    with pytest.raises(UsageError):
        TrustedProxies(cast("Any", networks))


@pytest.mark.parametrize("header", ["", "X-Forwarded-For", "x-real-ip", None, [], b"forwarded"])
def test_the_header_is_one_of_two(header: object) -> None:
    """Any other header is an error at once, which tells the two."""
    with pytest.raises(UsageError, match="forwarded, x-forwarded-for"):
        TrustedProxies(["10.0.0.0/8"], header=cast("Any", header))


# --- what is left in memory -----------------------------------------------------------------------------------------


def reachable(thing: object) -> Iterable[object]:
    """Yield every value that an object holds, however deep."""
    seen, waiting = set[int](), [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type):
            seen.add(id(one))
            yield one
            waiting.extend(gc.get_referents(one))


@pytest.mark.parametrize("proxies", [None, LISTED, FORWARDED])
def test_no_whole_address_outlives_its_request(proxies: TrustedProxies | None) -> None:
    """After requests from many senders nothing in memory holds more than three bytes of an IPv4, six of an IPv6."""
    addresses = Addresses(proxies=proxies)
    senders = ["203.0.113.77", "::ffff:203.0.114.77", "2001:db8:12:3456:789a:bcde:f012:3456", "2002:cb00:734d::9abc"]
    senders += ["2001:db8:13:3456:789a:bcde:203.0.115.77", "64:ff9b::203.0.116.77", "fe80::3456:9abc%eth77"]
    for sender in senders * 3:
        addresses.of(sender)
        addresses.of(PEER, [sender])
        addresses.of(PEER, [f'for="[{sender}]:4711"' if ":" in sender else f"for={sender}"])
    held = [one for one in reachable(addresses) if isinstance(one, (str, bytes))]
    texts = [one for one in held if isinstance(one, str)]
    assert any("203.0.113" in text for text in texts)
    assert not [text for text in texts if any(tail in text for tail in ("77", "3456", "9abc", "4d"))]
    assert max(len(one) for one in held if isinstance(one, bytes)) <= 6


def test_memory_is_bounded() -> None:
    """Senders from a hundred thousand networks leave some thousands of answers."""
    addresses = Addresses()
    for number in range(100_000):
        peer = f"{number >> 16}.{number >> 8 & 255}.{number & 255}.1"
        addresses.of(peer)
        addresses.of(peer)
    assert sum(isinstance(one, Address) for one in reachable(addresses)) < 12_000
