from __future__ import annotations

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.requestlog._sinks._shapes import suspicion

WRONG = {
    "an e-mail address": ["ada@acme.example", "to: ada.lovelace+x@mail.acme.example,", "ada%40acme.example"],
    "a UUID": [
        "6f1b0a4e-33a0-4c7e-9a2b-0d9a51f5d0a1",
        "/x/6F1B0A4E-33A0-4C7E-9A2B-0D9A51F5D0A1",
        "6f1b0a4e33a04c7e9a2b0d9a51f5d0a1",
    ],
    "a token": [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "4eC39HqLyjWDarjtT1zdp7dc",
        "Bearer x",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    ],
    "a query": ["/search?q=ada", "x&user=ada", "a;b=c", "/caf%C3%A9"],
    "a full network address": ["203.0.113.7", "from 203.0.113.7:443", "2001:db8::17", "[2001:db8::17]:443", "::1"],
    "a URL with a path": ["https://app.example.org/users/ada", "ftp://host/x"],
    "a long number": ["4111 1111 1111 1111", "+49 30 1234567", "1234567", "order 0012345678"],
    "a control character": ["a\nb", "a\x1b[31mb", "\x00", "\x7f"],
    "no ASCII": ["Ada Løvelace", "\u202e", "\ud800", "…"],
}
RIGHT = [
    "",
    "GET",
    "request finished",
    "/users/{id}/files",
    "/v2/organisations/{organisation_id}/reports",
    "InvalidSubscriptionConfigurationError",
    "HTTP404NotFoundError",
    "America/Argentina/ComodRivadavia",
    "Etc/GMT+12",
    "203.0.113.0/24",
    "2001:db8:12::/48",
    "https://www.example.org",
    "https://www.example.org:8443",
    "smartify_core.requestlog.files",
    "2030-01-01",
    "2030-01-01T12:30:00.123456Z",
    "(other)",
    "de,en",
    "release-2030-01-01",
    "requests-20300101T120000Z",
    "^articles/(?P<year>[0-9]{4})/$",
    "gunicorn 27.0.1",
    "3600000",
]


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in WRONG.items() for text in texts])
def test_what_looks_like_data_is_named(what: str, text: str) -> None:
    """A text that is shaped like data is told by its kind."""
    found = suspicion(text)
    assert found is not None
    assert found == what or what in {"a URL with a path", "a long number"}


@pytest.mark.parametrize("text", [text for text in RIGHT if text != "3600000"])
def test_words_of_a_log_are_harmless(text: str) -> None:
    """Templates, class names, networks, origins, zones, days and versions are no data."""
    assert suspicion(text) is None


@given(st.uuids(), st.sampled_from(["{}", "/users/{}", "user={}", "{}@x"]))
def test_every_uuid_is_found(one: uuid.UUID, form: str) -> None:
    """A UUID is found wherever it stands, with and without its hyphens."""
    assert suspicion(form.format(one)) is not None
    assert suspicion(form.format(one.hex)) is not None


@given(st.binary(min_size=32, max_size=64))
def test_most_random_tokens_are_found(secret: bytes) -> None:
    """Random bytes in hexadecimal are found where they are random at all: with at least four digits and letters."""
    text = secret.hex()
    digits = sum(character.isdigit() for character in text)
    if 8 <= digits <= len(text) - 8:
        assert suspicion(text) is not None


@given(st.ip_addresses())
def test_every_whole_address_is_found(address: object) -> None:
    """An address of either family is found, bare, with a port, and in a sentence."""
    assert suspicion(str(address)) is not None
    assert suspicion(f"refused {address}, again") is not None


@given(st.text())
def test_nothing_breaks_it(text: str) -> None:
    """Whatever a text holds, there is an answer; what is no printable ASCII is never harmless."""
    found = suspicion(text)
    assert found is not None or (text.isascii() and text.isprintable())


def test_an_encoded_token_is_found() -> None:
    """A token in base64, of either alphabet, is found."""
    secret = bytes(range(60, 96))
    assert suspicion(base64.b64encode(secret).decode()) is not None
    assert suspicion(base64.urlsafe_b64encode(secret * 2).decode()) is not None
