"""Keys, signatures and how a receiver verifies them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.policy.breach.webhook import WebhookKey, WebhookSecret, verify_webhook
from smartify_core.policy.breach.webhook._signatures import signed_headers

#: The vector that implementations of the specification's asymmetric scheme share; the key was published with it.
KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
ID, BODY, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', datetime.fromtimestamp(1_614_265_330, UTC)
SIGNED = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def test_signatures_are_those_of_others() -> None:
    """What we sign with a published key is what others sign with it, and we know it by the public key."""
    key = WebhookKey.parse(KEY)
    assert (key.secret, key.public) == (KEY, PUBLIC)
    headers = signed_headers(ID, AT, BODY, [key])
    assert headers == {"webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNED}
    assert verify_webhook(headers, BODY, [PUBLIC], now=AT) == ID


def test_shared_secrets_are_verified_by_the_common_library() -> None:
    """What we sign with a shared secret, the specification's own library verifies, and we verify what it signed."""
    secret, now = WebhookSecret.generate(), datetime.now(UTC)
    theirs = standardwebhooks.Webhook(secret.secret)
    headers = signed_headers("ntc-1", now, b'{"n":1}', [WebhookKey.generate(), secret])
    assert theirs.verify(b'{"n":1}', headers) == {"n": 1}
    instant = now.replace(microsecond=0)
    headers["webhook-signature"] = theirs.sign("ntc-1", instant, '{"n":1}')
    assert verify_webhook(headers, b'{"n":1}', [secret.secret], now=now) == "ntc-1"


def test_keys_are_changed_without_a_gap() -> None:
    """While two keys sign, a receiver is served that knows either, however its server writes the headers' names."""
    old, new, other = (WebhookKey.generate() for _ in range(3))
    headers = {name.upper(): value for name, value in signed_headers(ID, AT, BODY, [new, old]).items()}
    for key in (old, new):
        assert verify_webhook(headers, BODY, [key.public], now=AT) == ID
        assert verify_webhook(headers, BODY, [other.public, key.public], now=AT) == ID
    assert verify_webhook(headers, BODY, [other.public], now=AT) is None
    assert verify_webhook(headers, BODY, [], now=AT) is None


@pytest.mark.parametrize("off", [timedelta(seconds=301), timedelta(seconds=-301), timedelta(days=9_000)])
def test_messages_of_another_time_are_none(off: timedelta) -> None:
    """A message that was recorded and is sent again later is told by its time."""
    headers = signed_headers(ID, AT, BODY, [WebhookKey.parse(KEY)])
    assert verify_webhook(headers, BODY, [PUBLIC], now=AT + off) is None
    assert verify_webhook(headers, BODY, [PUBLIC], now=AT + off, tolerance=abs(off)) == ID


@given(st.binary(), st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=40))
def test_nothing_else_is_verified(body: bytes, name: str, value: str) -> None:
    """No other body and no other header passes, and nothing that is sent raises an error."""
    headers = signed_headers(ID, AT, BODY, [WebhookKey.parse(KEY)])
    assert (verify_webhook(headers, body, [PUBLIC], now=AT) == ID) == (body == BODY)
    changed = {**headers, name: value}
    assert (verify_webhook(changed, BODY, [PUBLIC], now=AT) == ID) == (changed == headers)
    for missing in headers:
        assert verify_webhook({one: headers[one] for one in headers if one != missing}, BODY, [PUBLIC], now=AT) is None


def test_one_kind_of_signature_is_not_taken_for_the_other() -> None:
    """Whoever knows a public key cannot use it as a secret that is shared."""
    key = WebhookKey.parse(KEY)
    forged = WebhookSecret(key.public_bytes)
    headers = signed_headers(ID, AT, BODY, [forged])
    assert verify_webhook(headers, BODY, [PUBLIC], now=AT) is None
    headers["webhook-signature"] = SIGNED.replace("v1a", "v1")
    assert verify_webhook(headers, BODY, [PUBLIC], now=AT) is None


@pytest.mark.parametrize(
    "text", ["", "whsk_", "whsk_AAAA", "whsk_%", KEY[:-8], PUBLIC, "whsk_" + "A" * 86 + "==", KEY[5:]]
)
def test_misshapen_keys_are_refused_unsaid(text: str) -> None:
    """What is no key is refused, and not said."""
    with pytest.raises(UsageError) as caught:
        WebhookKey.parse(text)
    assert len(text) < 9 or text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_%", KEY, "whsec_" + "A" * 120])
def test_misshapen_secrets_are_refused_unsaid(text: str) -> None:
    """What is no shared secret of 24 to 64 bytes is refused, and not said."""
    with pytest.raises(UsageError) as caught:
        WebhookSecret.parse(text)
    assert len(text) < 9 or text not in str(caught.value)
    with pytest.raises(UsageError):
        verify_webhook(signed_headers(ID, AT, BODY, [WebhookKey.parse(KEY)]), BODY, [text], now=AT)


def test_keys_survive_being_written_and_show_nothing() -> None:
    """A key is read as it was written, alone by its seed too, and no log shows it."""
    key, secret = WebhookKey.generate(), WebhookSecret.generate()
    assert WebhookKey.parse(key.secret) == key
    assert WebhookSecret.parse(secret.secret) == secret
    assert repr(key) == "WebhookKey()"
    assert repr(secret) == "WebhookSecret()"
