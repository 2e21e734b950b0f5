from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from smartify_core.requestlog import Address
from smartify_core.requestlog._headers._addresses import Addresses, Header, TrustedProxies
from smartify_core.requestlog._headers._networks import network_of, packed, text_of_network

NETWORKS = ["10.0.0.0/8", "2001:db8:ff::/48"]
TRUSTED = [ip_network(network) for network in NETWORKS]

#: What a server hands over: bytes as latin-1.
octets = st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
#: What an attacker writes: pieces of both grammars, in any order.
pieces = st.lists(
    st.sampled_from([*'",;=\\[]:.%_ \t', "for=", "For=", "for", "host=", '\\"', "unknown", "_x", ":4711", "é", "\x00"])
    | st.sampled_from(["6.6.6.6", "10.0.0.1", "[2001:db8:ff::1]", "::ffff:", "x" * 3_000])
    | st.sampled_from(["10.0.0.1," * 40, "for=10.0.0.1," * 40]),
    max_size=12,
).map("".join)
written = st.lists(octets | pieces, max_size=5)
v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
v6 = st.integers(0, 2**128 - 1) | st.builds(
    lambda prefix, rest: prefix | rest,
    st.sampled_from([0x2002 << 112, 0x20010000 << 96, 0x64FF9B << 96, 0x64FF9B0001 << 80, 0xFE80 << 112, 0]),
    st.integers(0, 2**112 - 1) | st.integers(0, 2**32 - 1),
)
senders = (v4 | v6.map(IPv6Address)).filter(
    lambda one: not any(one in network for network in TRUSTED) and packed(str(one)) == one.packed
)
proxies = st.sampled_from(["10.0.0.1", "10.255.0.9", "2001:db8:ff:1::2", "::ffff:10.0.0.3"])


def as_node(address: str, header: Header, port: str) -> str:
    """Write an address as proxies do."""
    node = f"[{address}]{port}" if ":" in address else f"{address}{port}"
    if header == "x-forwarded-for":
        return node
    return f'for="{node}"' if ":" in node else f"for={node}"


@given(
    written,
    senders,
    st.lists(st.tuples(proxies, st.booleans(), st.sampled_from(["", ":1", ":65535", ":_p"])), min_size=1, max_size=4),
    st.sampled_from(["", ";proto=https", ';host="a,\\"b"', ';by="[::1]:80"']),
    st.sampled_from(["forwarded", "x-forwarded-for"]),
)
@example([""], ip_address("203.0.113.7"), [("10.0.0.1", False, "")], "", "forwarded")
def test_a_sender_cannot_choose_what_is_told(
    lines: list[str],
    sender: IPv4Address | IPv6Address,
    chain: list[tuple[str, bool, str]],
    more: str,
    header: Header,
) -> None:
    """Whatever stands in the headers that came in: honest proxies in front make the sender's own network be told."""
    lines, peer = list(lines), str(sender)
    for proxy, on_a_new_line, port in chain:
        hop = as_node(peer, header, port) + (more if header == "forwarded" else "")
        if on_a_new_line or not lines:
            lines.append(hop)
        else:
            lines[-1] = f"{lines[-1]}, {hop}"
        peer = proxy
    trusted = TrustedProxies(NETWORKS, header=header)
    told = Addresses(proxies=trusted).of(peer, lines)
    assert told == Address(text_of_network(network_of(sender.packed)), "forwarded")
    assert Addresses("full", trusted).of(peer, lines) == Address(str(sender), "forwarded")


@given(senders)
def test_what_is_told_is_the_network_of_the_peer(sender: IPv4Address | IPv6Address) -> None:
    """A network is told that the sender is in, or the IPv4 address that it embeds, and no longer than /24 and /48."""
    told = Addresses().of(str(sender))
    assert told is not None
    assert told.ip is not None
    network = ip_network(told.ip)
    assert network.prefixlen == (24 if network.version == 4 else 48)
    if isinstance(sender, IPv6Address) and network.version == 4:
        assert sender.sixtofour is not None or sender in ip_network("64:ff9b::/96")
        assert (sender.sixtofour or IPv4Address(sender.packed[12:])) in network
    else:
        assert sender in network


texts = octets | pieces | st.text()


@given(texts | st.none() | st.from_regex(r"[0-9a-f:.%]{1,50}"), st.lists(texts))
def test_nothing_that_is_handed_over_raises(peer: str | None, lines: list[str]) -> None:
    """Any peer and any header lines give an address of a network, or none."""
    for header in ("forwarded", "x-forwarded-for"):
        trusted = TrustedProxies(["10.0.0.0/8"], header=header, unix_socket=True)
        for addresses in (Addresses(), Addresses(proxies=trusted)):
            for one in (peer, "10.0.0.1"):
                told = addresses.of(one, lines)
                assert told is None or (told.ip is not None and told.ip.endswith(("/24", "/48")))
                assert addresses.of(one, lines) == told
