"""Where a webhook may lead."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import ContactInvalid, PrivateAddress
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier
from smartify_core.policy.breach.webhook._endpoint import Outside, endpoint_of, is_public

KEYS = {"only": WebhookKey.generate()}
PRIVATE = [
    "https://127.0.0.1/",
    "https://127.1.2.3:8443/x",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data",
    "https://169.254.169.254/latest/meta-data",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://127.0.0.1./",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[0:0:0:0:0:ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[5f00::1]/",
    "https://[100::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://x.localhost/",
    "https://router.home.arpa/",
    "https://intranet/",
]
NONSENSE = [
    "",
    "https://",
    "https:///x",
    "//customer.example/",
    "customer.example",
    "http://customer.example/",
    "ftp://customer.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https:customer.example",
    "https://user@customer.example/",
    "https://user:secret@customer.example/",
    "https://@customer.example/",
    "https://customer.example@127.0.0.1/",
    "https://customer.example/#here",
    "https://customer.example/#",
    "https://customer.example\\@127.0.0.1/",
    "https://customer.example/a b",
    " https://customer.example/",
    "https://customer.example/\r\nHost: x",
    "https://cust\tomer.example/",
    "https://customer.example\0/",
    "https://customer.example:0/",
    "https://customer.example:65536/",
    "https://customer.example:/",
    "https://customer.example:٤٤٣/",
    "https://customer.example:443:443/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://1.2.3.4.5/",
    "https://127.0.0.01/",
    "https://256.0.0.1/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://customer.example.127/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]x/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.x]/",
    "https://customer%2eexample/",
    "https://%31%32%37.0.0.1/",
    "https://customer..example/",
    "https://.customer.example/",
    "https://customer.example../",
    "https://customer_.example/",
    "https://-customer.example/",
    "https://straße.example/",
    "https://customer.example/ü",
    "https://customer.example/" + "x" * 2_000,
]
GOOD = {
    "https://customer.example": ("customer.example", "/"),
    "HTTPS://Customer.Example:443/hook?a=b&c=%20": ("customer.example", "/hook?a=b&c=%20"),
    "https://customer.example./hook": ("customer.example", "/hook"),
    "https://customer.example:8443/": ("customer.example:8443", "/"),
    "https://bücher.example/": ("xn--bcher-kva.example", "/"),
    "https://8.8.8.8/x": ("8.8.8.8", "/x"),
    "https://[2606:4700::1111]/": ("[2606:4700::1111]", "/"),
    "https://[2606:4700:0::1111]:8443/": ("[2606:4700::1111]:8443", "/"),
    "https://[64:ff9b::808:808]/": ("[64:ff9b::808:808]", "/"),
    "https://[2002:808:808::1]/": ("[2002:808:808::1]", "/"),
}


@pytest.mark.parametrize("url", PRIVATE)
def test_inner_networks_are_none_of_ours(url: str) -> None:
    """However an inner machine is written, no webhook is registered for it, and the error does not say it."""
    with pytest.raises(PrivateAddress) as caught:
        WebhookNotifier(KEYS).check(url)
    assert url not in str(caught.value) + repr(caught.value)
    WebhookNotifier(KEYS, allow_private=True).check(url)


@pytest.mark.parametrize("url", NONSENSE)
def test_what_can_be_read_in_two_ways_is_no_url(url: str) -> None:
    """What is none, or what one reader takes for another host than the next, is refused, allowed or not."""
    for allowed in (False, True):
        with pytest.raises(ContactInvalid) as caught:
            WebhookNotifier(KEYS, allow_private=allowed).check(url)
        assert not isinstance(caught.value, PrivateAddress)
        assert len(url) < 9 or url not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(("url", "read"), GOOD.items())
def test_good_ones_have_one_form(url: str, read: tuple[str, str]) -> None:
    """A URL is read as the host and the target that the request will name."""
    WebhookNotifier(KEYS).check(url)
    endpoint = endpoint_of(url, allow_http=False)
    assert (endpoint.authority, endpoint.target) == read


def test_plain_http_is_for_who_allows_it() -> None:
    """A URL without TLS is none, unless the host said so."""
    WebhookNotifier(KEYS, allow_http=True).check("http://customer.example/")
    assert endpoint_of("http://customer.example/", allow_http=True).port == 80


def test_one_network_can_be_allowed() -> None:
    """A host that allows one inner network allows no other."""
    allowing = WebhookNotifier(KEYS, allow_private=["10.1.0.0/16", "fd00::/64"])
    allowing.check("https://10.1.2.3/")
    allowing.check("https://[fd00::1]/")
    for url in ("https://10.2.0.1/", "https://127.0.0.1/", "https://[::ffff:10.1.2.3]/"):
        with pytest.raises(PrivateAddress):
            allowing.check(url)


@given(
    st.text()
    | st.builds("https://{}/{}".format, st.text(), st.text())
    | st.from_regex(r"https://[0-9a-fx.:\[\]%@]{1,30}/")
)
def test_reading_raises_one_error_only(url: str) -> None:
    """Whatever is given, reading raises nothing but `ContactInvalid`, and what it takes is safe in a request."""
    try:
        endpoint = endpoint_of(url, allow_http=True)
        Outside().check(endpoint)
    except ContactInvalid:
        return
    line = f"{endpoint.authority}{endpoint.target}"
    assert line.isascii()
    assert line.isprintable()
    assert " " not in line
    assert endpoint.literal is None or is_public(endpoint.literal)


@given(st.ip_addresses(v=4))
def test_what_holds_an_inner_address_is_inner(address: ipaddress.IPv4Address) -> None:
    """An IPv4 address in any of the forms of IPv6 that lead to it is as public as it is itself."""
    number = int(address)
    forms = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ]
    assert {is_public(one) for one in forms} == {is_public(address)}


@given(st.ip_addresses())
def test_public_is_never_more_than_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """What we call public, the registries do not call private, and nobody listens to as a group."""
    if is_public(address):
        assert not address.is_loopback
        assert not address.is_link_local
        assert not address.is_multicast
        assert not address.is_unspecified
