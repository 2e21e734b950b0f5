"""From a configuration to breaches over its store: the channels that it names, and the keys that sign."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from smartify_core.errors import ConfigInvalid, UsageError
from smartify_core.policy.breach import Breaches, Notifier
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookNotifier

from ._config import Config
from ._policy_of import Opened, opened
from ._webhook_keys import read_keys


@frozen(order=False)
class OpenedBreaches:
    """A configuration with its store opened, and breaches over it."""

    at: Opened
    breaches: Breaches


@contextmanager
def opened_breaches(file: Path, *, sending: bool = False) -> Iterator[OpenedBreaches]:
    """Open the store that is configured and yield breaches over it.

    Args:
        file: The configuration.
        sending: Whether something is to be sent, so that a channel must be configured.

    Raises:
        ConfigInvalid: What `opened` raises it for; or something is to be sent, and nothing says how.
    """

    def channels(config: Config) -> tuple[Notifier, ...]:
        found = notifiers_of(config)
        if sending and not found:
            raise ConfigInvalid(
                "nothing says how notices leave",
                where=f"{file}: breach",
                cure="Add mail = { host = ..., sender = ... }, or webhook = { keys = ... }, to [breach].",
            )
        return found

    with opened(file, notifiers_of=channels) as at:
        yield OpenedBreaches(at, at.policy.breaches)


def notifiers_of(config: Config) -> tuple[Notifier, ...]:
    """Return the channels that a configuration names.

    Raises:
        ConfigInvalid: A file that it names cannot be read, or a value is refused by the channel.
    """
    found: list[Notifier] = []
    mail, webhook = config.breach.mail, config.breach.webhook
    if mail is not None:
        password = None if mail.password_file is None else _password(config, mail.password_file)
        found.append(
            _made(
                config,
                "mail",
                lambda: SmtpNotifier(
                    mail.host,
                    mail.port,
                    sender=mail.sender,
                    username=mail.username,
                    password=password,
                    security=mail.security,
                    context=_trust(config, "mail", mail.ca_certs),
                ),
            )
        )
    if webhook is not None:
        found.append(
            _made(
                config,
                "webhook",
                lambda: WebhookNotifier(
                    read_keys(webhook.keys),
                    allow_private=webhook.allow_private,
                    allow_http=webhook.allow_http,
                    context=_trust(config, "webhook", webhook.ca_certs),
                ),
            )
        )
    return tuple(found)


def _made(config: Config, key: str, make: Callable[[], Notifier]) -> Notifier:
    try:
        return make()
    except UsageError as error:
        if type(error) is not UsageError:
            raise
        raise ConfigInvalid(error.what, where=f"{config.file}: breach.{key}", cure=error.cure) from None


def _password(config: Config, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigInvalid(
            "the password of the mail server cannot be read",
            where=f"{config.file}: breach.mail.password_file",
            cure="Name a text file that this user may read.",
        ) from None


def _trust(config: Config, key: str, ca_certs: Path | None) -> ssl.SSLContext | None:
    if ca_certs is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca_certs))
    except (OSError, ssl.SSLError):
        raise ConfigInvalid(
            "the certificate authorities cannot be read",
            where=f"{config.file}: breach.{key}.ca_certs",
            cure="Name a file of certificates in PEM.",
        ) from None
