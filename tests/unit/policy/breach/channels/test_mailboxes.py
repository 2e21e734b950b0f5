"""What can be the address of a mailbox."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import ContactInvalid
from smartify_core.policy.breach._reaching import ascii_domain
from smartify_core.policy.breach.smtp._mailbox import Mailbox

GOOD = {
    "a@customer.example": "a@customer.example",
    "privacy+eu.team@Customer.Example": "privacy+eu.team@customer.example",
    "o'neil_{x}@x-y.example": "o'neil_{x}@x-y.example",
    "a@bücher.example": "a@xn--bcher-kva.example",
    "a@xn--strae-oqa.example": "a@xn--strae-oqa.example",
    "grüße@customer.example": "grüße@customer.example",
    "a@[192.0.2.1]": "a@[192.0.2.1]",
    "a@[IPv6:2001:DB8::1]": "a@[IPv6:2001:db8::1]",
    "a@localhost": "a@localhost",
    "x" * 64 + "@customer.example": "x" * 64 + "@customer.example",
}
BAD = [
    "",
    "@",
    "a",
    "a@",
    "@customer.example",
    "a@b@customer.example",
    "Somebody <a@customer.example>",
    "<a@customer.example>",
    '"a b"@customer.example',
    "a b@customer.example",
    "a@customer.example\r\nRCPT TO:<b@x.example>",
    "a\n@customer.example",
    "a\0@customer.example",
    "a@customer.example ",
    "a,b@customer.example",
    "a@customer.example,b@x.example",
    ".a@customer.example",
    "a.@customer.example",
    "a..b@customer.example",
    "a@customer..example",
    "a@.example",
    "a@customer.example.",
    "a@-customer.example",
    "a@customer_name.example",
    "a@straße.example",
    "a@192.0.2.1",
    "a@0x7f000001",
    "a@[192.0.2.1",
    "a@[192.0.2.256]",
    "a@[IPv6:fe80::1%eth0]",
    "a@[customer.example]",
    "x" * 65 + "@customer.example",
    "a@" + ".".join(["y" * 60] * 5),
    "a\u2028b@customer.example",
    "\ud800@customer.example",
    "a\u202e@customer.example",
]


@pytest.mark.parametrize(("text", "written"), GOOD.items())
def test_good_ones_have_one_form(text: str, written: str) -> None:
    """An address is put on the envelope with its domain in ASCII and lower case."""
    assert str(Mailbox.of(text)) == written


@pytest.mark.parametrize("text", BAD)
def test_bad_ones_are_refused_unsaid(text: str) -> None:
    """What is none, or could be read as two, is refused, and not said."""
    with pytest.raises(ContactInvalid) as caught:
        Mailbox.of(text)
    assert len(text) < 8 or text not in str(caught.value) + repr(caught.value)


@given(st.text() | st.builds("{}@{}".format, st.text(min_size=1), st.text(min_size=1)))
def test_whatever_is_read_is_safe_on_a_line(text: str) -> None:
    """Reading raises nothing but `ContactInvalid`, and what it takes cannot end a command or begin another."""
    try:
        written = str(Mailbox.of(text))
    except ContactInvalid:
        return
    assert written.count("@") == 1
    assert written.isprintable()
    assert not set(written) & set(' <>,;:"\\()') or "@[" in written
    assert str(Mailbox.of(written)) == written


@given(st.text())
def test_domains_are_read_the_same_twice(text: str) -> None:
    """The form of a domain is its own form."""
    found = ascii_domain(text)
    assert found is None or (ascii_domain(found) == found and found.isascii())


def test_mailboxes_show_nothing() -> None:
    """A mailbox that is printed in a log shows no address."""
    assert "secret" not in repr(Mailbox.of("secret@customer.example"))
