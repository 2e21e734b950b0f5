"""The configuration file: TOML into values, every mistake named by file and key.

Values are never quoted: one may be an address or a secret.

The keys that exist are the fields of the classes here; ``docs/reference/configuration.md`` explains each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.extensions import DIRECTORY_GROUP, Extension, find_extension, installed_extensions
from smartify_core.lifecycle import Rules

from ._config_breach import BreachSettings, breach_settings_of
from ._config_keys import KeySettings, key_settings_of
from ._config_logs import logs_of
from ._config_policy import PolicySettings, policy_settings_of
from ._config_rules import rules_of
from ._config_table import Table, parse

#: Where the configuration is read from unless told otherwise.
DEFAULT_FILE: Final = Path("smartify.toml")
#: How often each tenant runs unless told otherwise.
DEFAULT_EVERY: Final = timedelta(minutes=15)

_tenant_like = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch


@frozen(order=False)
class GoogleTenant:
    """A tenant whose directory is a Google Workspace account.

    What is ``None`` is left to the Google adapter's own default.
    """

    service_account_file: Path
    subject: str = field(repr=False)
    customer: str | None = None
    api_endpoint: str | None = None
    requests_per_minute: int | None = None
    concurrency: int | None = None
    attempts: int | None = None
    timeout: float | None = None
    ca_certs: Path | None = None


@frozen(order=False)
class JsonLinesTenant:
    """A tenant whose directory is a JSON Lines file."""

    path: Path


@frozen(order=False)
class InstalledTenant:
    """A tenant whose directory source another package brings, under the name that the tenant's ``source`` says."""

    source: Extension
    #: The other keys of the table, as TOML reads them. What they mean, that package says.
    options: Mapping[str, Any] = field(repr=False)


Tenant = GoogleTenant | JsonLinesTenant | InstalledTenant


@frozen(order=False)
class Config:
    """A whole configuration. Paths are absolute; a relative one in the file counts from the file's own folder."""

    file: Path
    storage_url: str = field(repr=False)
    keys: KeySettings
    tenants: Mapping[str, Tenant]
    #: The rules of each tenant.
    rules: Mapping[str, Rules]
    #: How often ``smartify run`` runs each tenant.
    every: timedelta
    #: What is said of policy.
    policy: PolicySettings
    #: What is said of breaches.
    breach: BreachSettings

    @property
    def key_file(self) -> Path:
        """The file that the keys are in, or with a KMS, the keys as it encrypted them."""
        return self.keys.file


def load(file: Path, *, without_tenants: bool = False) -> Config:
    """Read the configuration at ``file``; ``without_tenants`` also one that names no tenant any more.

    Raises:
        ConfigInvalid: It is missing, unreadable, not TOML, or holds an unknown key, a value of the wrong kind, or too
            little.
    """
    document = Table(parse(file), file, ())
    document.only({"storage", "keys", "tenants", "rules", "schedule", "logs", "policy", "breach"})
    storage = document.table("storage")
    storage.only({"url"})
    url, keys = storage.text("url"), key_settings_of(document.table("keys"))
    shared = rules_of(document.optional("rules", document.table), Rules())
    every = _every(document.optional("schedule", document.table))
    # Nothing here needs it, but a mistake in it is told by whichever command is run first.
    logs_of(document)
    policy, breach = policy_settings_of(document), breach_settings_of(document)
    tenants = (
        document.given("tenants", document.table, Table({}, file, ())) if without_tenants else document.table("tenants")
    )
    if not tenants.content and not without_tenants:
        raise tenants.wrong("no tenant is configured", "Add a table such as [tenants.acme].")
    found: dict[str, Tenant] = {}
    rules: dict[str, Rules] = {}
    for name in tenants.content:
        if not _tenant_like(name):
            raise tenants.wrong(
                "a tenant's name has characters that it may not have",
                "Use up to 64 ASCII letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
            )
        table = tenants.table(name)
        found[name] = _tenant(table)
        rules[name] = rules_of(table.optional("rules", table.table), shared)
    return Config(file, _anchored(url, storage), keys, found, rules, every, policy, breach)


def _every(table: Table | None) -> timedelta:
    if table is None:
        return DEFAULT_EVERY
    table.only({"every"})
    every = table.given("every", table.duration, DEFAULT_EVERY)
    if not timedelta(0) < every <= timedelta(days=366):
        raise table.wrong("a period is out of its range", "It must be from one second to 366 days.", "every")
    return every


def _tenant(table: Table) -> Tenant:
    source = table.text("source")
    if source in _SOURCES:
        return _SOURCES[source](table)
    try:
        extension = find_extension(DIRECTORY_GROUP, source)
    except UsageError as error:
        raise table.wrong(error.what, error.cure or "", "source") from None
    if extension is None:
        there = [*_SOURCES, *installed_extensions(DIRECTORY_GROUP)]
        raise table.wrong("there is no such directory source", f"Use one of: {', '.join(there)}.", "source")
    return InstalledTenant(
        extension, {key: value for key, value in table.content.items() if key not in {"source", "rules"}}
    )


def _google(table: Table) -> GoogleTenant:
    table.only({"source", "rules", *_fields(GoogleTenant)})
    return GoogleTenant(
        service_account_file=table.path("service_account_file"),
        subject=table.text("subject"),
        customer=table.optional("customer", table.text),
        api_endpoint=table.optional("api_endpoint", table.text),
        requests_per_minute=table.optional("requests_per_minute", table.count),
        concurrency=table.optional("concurrency", table.count),
        attempts=table.optional("attempts", table.count),
        timeout=table.optional("timeout", table.seconds),
        ca_certs=table.optional("ca_certs", table.path),
    )


def _json_lines(table: Table) -> JsonLinesTenant:
    table.only({"source", "rules", *_fields(JsonLinesTenant)})
    return JsonLinesTenant(path=table.path("path"))


_SOURCES: Final[Mapping[str, Callable[[Table], Tenant]]] = {"google": _google, "jsonl": _json_lines}


def _fields(kind: type) -> frozenset[str]:
    return frozenset(kind.__annotations__)


def _anchored(url: str, table: Table) -> str:
    """Return ``url`` with the relative path of a SQLite file counted from the folder of the configuration."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "sqlite":
        return url
    slashes, path = rest[:3], rest[3:]
    if slashes != "///" or not path:
        raise table.wrong("the storage URL names no file", "Use sqlite:///FILE or sqlite:////ABSOLUTE/FILE.", "url")
    return (
        url
        if Path(unquote(path, errors="surrogateescape")).is_absolute()
        else f"sqlite:///{table.quoted_folder}/{path}"
    )
