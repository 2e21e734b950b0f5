"""The table `[breach]` of a configuration: every key, wrong kinds, and values out of their range."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from smartify_core.cli._config import load
from smartify_core.cli._config_breach import BREACH, MAIL, WEBHOOK, BreachSettings
from smartify_core.errors import ConfigInvalid
from smartify_core.policy.breach import BreachRules

HEAD = '[storage]\nurl = "sqlite:///s.db"\n[keys]\nfile = "s.keys"\n'
TENANT = '[tenants.acme]\nsource = "jsonl"\npath = "p.jsonl"\n'
MAIL_TABLE = '[breach.mail]\nhost = "mail.example"\nsender = "us@example.com"\n'
WEBHOOK_TABLE = '[breach.webhook]\nkeys = "webhook.keys"\n'

ALL = """
[breach]
organisation = "Example Ltd"
contact_point = "Privacy office"
first_notice = "12h"
update_every = "2d"
alarms = ["6h", "30m"]
escalate_after = "20m"
rehearse_every = "30d"
rehearse_by = "svc-night"
notify_ciphertext_only = false
call = "e-2"
link = "https://example.com/notice/{code}"
host = "web-1"
[breach.mail]
host = "mail.example"
port = 2525
sender = "us@example.com"
security = "tls"
username = "us"
password_file = "mail.password"
ca_certs = "authorities.pem"
[breach.webhook]
keys = "webhook.keys"
allow_private = true
allow_http = true
ca_certs = "authorities.pem"
"""


def loaded(folder: Path, text: str) -> BreachSettings:
    """Return what a configuration says of breaches."""
    file = folder / "smartify.toml"
    file.write_text(HEAD + text + TENANT, encoding="utf-8")
    return load(file).breach


def test_without_the_table_the_usual_rules_hold(tmp_path: Path) -> None:
    """Nothing is needed: the times are the usual ones, and no channel is there."""
    assert loaded(tmp_path, "") == BreachSettings(BreachRules())
    assert loaded(tmp_path, "[breach]\n") == BreachSettings(BreachRules())


def test_every_key_is_heeded(tmp_path: Path) -> None:
    """Each key ends up where it belongs; files are beside the configuration."""
    settings = loaded(tmp_path, ALL)
    assert settings.rules == BreachRules(
        first_notice=timedelta(hours=12),
        update_every=timedelta(days=2),
        alarms=(timedelta(hours=6), timedelta(minutes=30)),
        escalate_after=timedelta(minutes=20),
        rehearse_every=timedelta(days=30),
        rehearse_by="svc-night",
        notify_ciphertext_only=False,
        organisation="Example Ltd",
        contact_point="Privacy office",
        call="e-2",
        link="https://example.com/notice/{code}",
    )
    mail, webhook = settings.mail, settings.webhook
    assert mail is not None
    assert webhook is not None
    assert settings.host == "web-1"
    assert (mail.host, mail.port, mail.sender, mail.security) == ("mail.example", 2525, "us@example.com", "tls")
    assert mail.username == "us"
    assert (mail.password_file, mail.ca_certs) == (tmp_path / "mail.password", tmp_path / "authorities.pem")
    assert (webhook.keys, webhook.ca_certs) == (tmp_path / "webhook.keys", tmp_path / "authorities.pem")
    assert (webhook.allow_private, webhook.allow_http) == (True, True)
    named = {line.split(" = ")[0] for line in ALL.splitlines() if " = " in line}
    assert named == (BREACH - {"mail", "webhook"}) | MAIL | WEBHOOK


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_is_that_of_the_security(tmp_path: Path, security: str, port: int) -> None:
    """Without a port it is the one that belongs to the security; without either, 587 with STARTTLS."""
    mail = loaded(tmp_path, f'{MAIL_TABLE}security = "{security}"\n').mail
    assert mail is not None
    assert (mail.security, mail.port) == (security, port)
    usual = loaded(tmp_path, MAIL_TABLE).mail
    assert usual is not None
    assert (usual.security, usual.port) == ("starttls", 587)


def test_addresses_and_names_are_not_shown(tmp_path: Path) -> None:
    """The representation of what was read names no address and no login."""
    assert "us@" not in repr(loaded(tmp_path, ALL))
    assert "'us'" not in repr(loaded(tmp_path, ALL))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[breach]\norganization = "x"\n', "breach.organization"),
        ("[breach]\norganisation = 7\n", "breach.organisation"),
        ("[breach]\ncontact_point = []\n", "breach.contact_point"),
        ('[breach]\nfirst_notice = "soon"\n', "breach.first_notice"),
        ('[breach]\nfirst_notice = "400d"\n', "breach"),
        ('[breach]\nupdate_every = "0s"\n', "breach"),
        ('[breach]\nalarms = "12h"\n', "breach.alarms"),
        ('[breach]\nalarms = ["soon"]\n', "breach.alarms"),
        ('[breach]\nalarms = ["0s"]\n', "breach"),
        ("[breach]\nescalate_after = 60\n", "breach.escalate_after"),
        ("[breach]\nrehearse_every = true\n", "breach.rehearse_every"),
        ("[breach]\nrehearse_by = 1\n", "breach.rehearse_by"),
        ('[breach]\nrehearse_by = "two words"\n', "breach"),
        ('[breach]\nnotify_ciphertext_only = "no"\n', "breach.notify_ciphertext_only"),
        ("[breach]\ncall = 2\n", "breach.call"),
        ('[breach]\nlink = "https://example.com/"\n', "breach"),
        ("[breach]\nhost = {}\n", "breach.host"),
        ('[breach]\nmail = "mail.example"\n', "breach.mail"),
        ('[breach]\nwebhook = "webhook.keys"\n', "breach.webhook"),
        (MAIL_TABLE + "prot = 25\n", "breach.mail.prot"),
        (MAIL_TABLE.replace("host", "hots"), "breach.mail.hots"),
        ('[breach.mail]\nsender = "us@example.com"\n', "breach.mail.host"),
        ('[breach.mail]\nhost = "mail.example"\n', "breach.mail.sender"),
        (MAIL_TABLE + "port = 0\n", "breach.mail.port"),
        (MAIL_TABLE + "port = 65536\n", "breach.mail.port"),
        (MAIL_TABLE + 'security = "ssl"\n', "breach.mail.security"),
        (MAIL_TABLE + 'username = "us"\n', "breach.mail.password_file"),
        (MAIL_TABLE + 'password_file = "mail.password"\n', "breach.mail.password_file"),
        ("[breach.webhook]\n", "breach.webhook.keys"),
        (WEBHOOK_TABLE + "allow_privat = true\n", "breach.webhook.allow_privat"),
        (WEBHOOK_TABLE + 'allow_private = "yes"\n', "breach.webhook.allow_private"),
        (WEBHOOK_TABLE + "allow_http = 1\n", "breach.webhook.allow_http"),
        (WEBHOOK_TABLE + "ca_certs = 1\n", "breach.webhook.ca_certs"),
    ],
)
def test_mistakes_are_named_by_key(tmp_path: Path, text: str, where: str) -> None:
    """Every mistake is refused, with the way to its key and a cure."""
    with pytest.raises(ConfigInvalid) as caught:
        loaded(tmp_path, text)
    assert caught.value.where == f"{tmp_path / 'smartify.toml'}: {where}"
    assert caught.value.cure
    assert "us@example.com" not in str(caught.value)
