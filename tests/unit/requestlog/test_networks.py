from __future__ import annotations

from ipaddress import ip_address

import pytest

from smartify_core.requestlog._headers._networks import network_of, packed, text_of_address, text_of_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:12:34:5:6:7:8", "2001:db8:12::/48"),
        ("2001:DB8:12:34::", "2001:db8:12::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("fe80::1%\x00é\ud800", "fe80::/48"),
        ("1:0:0:2::", "1::/48"),
    ],
)
def test_an_address_is_cut_to_its_network(text: str, network: str) -> None:
    """IPv4 is cut to /24 and IPv6 to /48, in the shortest form; a zone is left out."""
    address = packed(text)
    assert address is not None
    assert text_of_network(network_of(address)) == network


@pytest.mark.parametrize(
    "text",
    ["::ffff:198.51.100.17", "::FFFF:c633:6411", "0:0:0:0:0:ffff:198.51.100.17", "::ffff:198.51.100.17%eth0"],
)
def test_a_mapped_address_is_the_ipv4_address(text: str) -> None:
    """A socket for both families shows an IPv4 peer as IPv4-mapped: it is told as the IPv4 address that it is."""
    address = packed(text)
    assert address == packed("198.51.100.17")
    assert text_of_address(address or b"") == "198.51.100.17"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("2002:c633:6411::1", "198.51.100.0/24"),
        ("2002:c633:6411:1:2:3:4:5", "198.51.100.0/24"),
        ("64:ff9b::198.51.100.17", "198.51.100.0/24"),
    ],
    ids=["6to4", "6to4, inside", "NAT64"],
)
def test_an_embedded_address_is_cut_as_what_it_is(text: str, network: str) -> None:
    """6to4 holds a whole IPv4 address in its first 48 bits and NAT64 one in its last 32: both are cut to its /24."""
    address = packed(text)
    assert address is not None
    assert text_of_network(network_of(address)) == network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("2001:0:4136:e378:8000:63bf:39cc:9bee", "2001:0:4136::/48"),
        ("64:ff9b:1::198.51.100.17", "64:ff9b:1::/48"),
        ("64:ff9b::1:c633:6411", "64:ff9b::/48"),
        ("::198.51.100.17", "::/48"),
        ("::ffff:0:198.51.100.17", "::/48"),
        ("2001:db8:12:34:0:5efe:198.51.100.17", "2001:db8:12::/48"),
    ],
    ids=["Teredo", "local NAT64", "beside NAT64", "compatible", "translated", "ISATAP"],
)
def test_of_other_embedded_addresses_nothing_is_left(text: str, network: str) -> None:
    """Where the sender's IPv4 address is beyond 48 bits, a cut leaves nothing of it."""
    address = packed(text)
    assert address is not None
    assert text_of_network(network_of(address)) == network


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "x",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4 ",
            " 1.2.3.4",
            "1.2.3.4\n",
            "1.2.3.4\x00",
        ),
        *(
            "1.2.3.4\x00",
            "1.2.3.4:80",
            "[::1]",
            "1.2.3.4%eth0",
            "::1::",
            ":",
            "::g",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
        ),
        *(
            "12345::",
            "::ffff:1.2.3.256",
            "::1\n",
            "::1 ",
            "%eth0",
            ":%",
            "é",
            "\xff\xfe",
            "\ud800",
            "١.٢.٣.٤",
            "1" * 100_000,
        ),
        *("0x7f.1.1.1", "2130706433", "127.1", "unknown", "_hidden", "unix:", "localhost", "testclient"),
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    """Anything but the usual form of an address is none; nothing is guessed, resolved or repaired."""
    assert packed(text) is None


@pytest.mark.parametrize("text", ["1.2.3.4", "::", "2001:db8::1:0:0:1", "64:ff9b::c633:6411", "2002:c633:6411::1"])
def test_a_whole_address_is_told_in_its_shortest_form(text: str) -> None:
    """Where the host keeps whole addresses, they are told as the standard library writes them, embedded or not."""
    address = packed(text)
    assert address is not None
    assert text_of_address(address) == str(ip_address(text))
