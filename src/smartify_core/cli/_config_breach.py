"""Breaches as a configuration file writes of them: times, who answers, and how notices leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.policy.breach import BreachRules

from ._config_table import Table, duration_of

#: The keys of the table.
BREACH: Final = frozenset(
    {
        "organisation",
        "contact_point",
        "first_notice",
        "update_every",
        "alarms",
        "escalate_after",
        "rehearse_every",
        "rehearse_by",
        "notify_ciphertext_only",
        "call",
        "link",
        "host",
        "mail",
        "webhook",
    }
)
#: The keys of the table in it about mail.
MAIL: Final = frozenset({"host", "port", "sender", "username", "password_file", "security", "ca_certs"})
#: The keys of the table in it about webhooks.
WEBHOOK: Final = frozenset({"keys", "allow_private", "allow_http", "ca_certs"})
_Security: TypeAlias = Literal["starttls", "tls", "none"]
_SECURITY: Final[Mapping[str, _Security]] = {"starttls": "starttls", "tls": "tls", "none": "none"}
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_LARGEST_PORT: Final = 65_535


@frozen(order=False)
class MailSettings:
    """The mail server that notices leave through.

    Attributes:
        host: Its name.
        port: Its port.
        sender: The address that notices come from.
        security: ``starttls``, ``tls``, or ``none``.
        username: The name that it knows us by.
        password_file: The file that holds the password.
        ca_certs: Certificate authorities to trust in place of the usual ones.
    """

    host: str
    port: int
    sender: str = field(repr=False)
    security: _Security = "starttls"
    username: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    ca_certs: Path | None = None


@frozen(order=False)
class WebhookSettings:
    """How webhooks are signed and sent.

    Attributes:
        keys: The file of the keys that sign them.
        allow_private: Whether a webhook may lead into a private network.
        allow_http: Whether one may go without TLS.
        ca_certs: Certificate authorities to trust in place of the usual ones.
    """

    keys: Path
    allow_private: bool = False
    allow_http: bool = False
    ca_certs: Path | None = None


@frozen(order=False)
class BreachSettings:
    """What a configuration says of breaches.

    Attributes:
        rules: The host's own times, and who answers.
        host: What this host is called in the audit trail; ``None`` where it is not named there.
        mail: The mail server; ``None`` where notices do not go by mail.
        webhook: How webhooks go; ``None`` where none do.
    """

    rules: BreachRules
    host: str | None = None
    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None


def breach_settings_of(document: Table) -> BreachSettings:
    """Return what a whole configuration says of breaches.

    Raises:
        ConfigInvalid: Its table ``[breach]`` has an unknown key, or a value of the wrong kind or out of its range.
    """
    usual = BreachRules()
    table = document.optional("breach", document.table)
    if table is None:
        return BreachSettings(usual)
    table.only(BREACH)
    try:
        rules = BreachRules(
            first_notice=table.given("first_notice", table.duration, usual.first_notice),
            update_every=table.given("update_every", table.duration, usual.update_every),
            alarms=_alarms(table, usual),
            escalate_after=table.given("escalate_after", table.duration, usual.escalate_after),
            rehearse_every=table.given("rehearse_every", table.duration, usual.rehearse_every),
            rehearse_by=table.optional("rehearse_by", table.text),
            notify_ciphertext_only=table.given("notify_ciphertext_only", table.switch, usual.notify_ciphertext_only),
            organisation=table.given("organisation", table.text, usual.organisation),
            contact_point=table.given("contact_point", table.text, usual.contact_point),
            call=table.optional("call", table.text),
            link=table.optional("link", table.text),
        )
    except UsageError as error:
        if type(error) is not UsageError:
            raise
        raise table.wrong(error.what, error.cure or "") from None
    return BreachSettings(
        rules,
        table.optional("host", table.text),
        _mail(table.optional("mail", table.table)),
        _webhook(table.optional("webhook", table.table)),
    )


def _alarms(table: Table, usual: BreachRules) -> tuple[timedelta, ...]:
    texts = table.optional("alarms", table.texts)
    if texts is None:
        return usual.alarms
    found = [duration_of(one) for one in texts]
    known = tuple(one for one in found if one is not None)
    if len(known) != len(found):
        raise table.wrong("a value is of the wrong kind", 'It must be a list such as ["12h", "4h", "1h"].', "alarms")
    return known


def _mail(table: Table | None) -> MailSettings | None:
    if table is None:
        return None
    table.only(MAIL)
    security = _SECURITY.get(table.given("security", table.text, "starttls"))
    if security is None:
        raise table.wrong("there is no such security", f"Use one of: {', '.join(_SECURITY)}.", "security")
    port = table.given("port", table.count, _PORTS[security])
    if port > _LARGEST_PORT:
        raise table.wrong("there is no such port", f"It must be from 1 to {_LARGEST_PORT}.", "port")
    if ("username" in table.content) is not ("password_file" in table.content):
        raise table.wrong(
            "a name without a password, or a password without a name", "Give both, or neither.", "password_file"
        )
    return MailSettings(
        table.text("host"),
        port,
        table.text("sender"),
        security,
        table.optional("username", table.text),
        table.optional("password_file", table.path),
        table.optional("ca_certs", table.path),
    )


def _webhook(table: Table | None) -> WebhookSettings | None:
    if table is None:
        return None
    table.only(WEBHOOK)
    return WebhookSettings(
        table.path("keys"),
        table.given("allow_private", table.switch, default=False),
        table.given("allow_http", table.switch, default=False),
        table.optional("ca_certs", table.path),
    )
