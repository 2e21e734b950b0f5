"""The configuration file: TOML into values, every mistake named by file and key.

Values are never quoted: one may be an address or a secret.

The keys that exist are the fields of the classes here; ``docs/reference/configuration.md`` explains each.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from attrs import field, frozen

from smartify_core.errors import ConfigInvalid

#: Where the configuration is read from unless told otherwise.
DEFAULT_FILE: Final = Path("smartify.toml")

_T = TypeVar("_T")

_A_MISTAKE_STAYS_SHORT: Final = 60
_tenant_like = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_position = re.compile(r"\((at line \d+, column \d+|at end of document)\)").search


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


Tenant = GoogleTenant | JsonLinesTenant


@frozen(order=False)
class Config:
    """A whole configuration. Paths are absolute; a relative one in the file counts from the file's own folder."""

    file: Path
    storage_url: str = field(repr=False)
    key_file: Path
    tenants: Mapping[str, Tenant]


def load(file: Path) -> Config:
    """Read the configuration at ``file``.

    Raises:
        ConfigInvalid: It is missing, unreadable, not TOML, or holds an unknown key, a value of the wrong kind, or too
            little.
    """
    document = _Table(_parse(file), file, ())
    document.only({"storage", "keys", "tenants"})
    storage = document.table("storage")
    storage.only({"url"})
    keys = document.table("keys")
    keys.only({"file"})
    url, key_file = storage.text("url"), keys.path("file")
    tenants = document.table("tenants")
    if not tenants.content:
        raise tenants.wrong("no tenant is configured", "Add a table such as [tenants.acme].")
    found: dict[str, Tenant] = {}
    for name in tenants.content:
        if not _tenant_like(name):
            raise tenants.wrong(
                "a tenant's name has characters that it may not have",
                "Use up to 64 ASCII letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
            )
        found[name] = _tenant(tenants.table(name))
    return Config(file, _anchored(url, storage), key_file, found)


def _tenant(table: _Table) -> Tenant:
    source = table.text("source")
    if source not in _SOURCES:
        raise table.wrong("there is no such directory source", f"Use one of: {', '.join(_SOURCES)}.", "source")
    return _SOURCES[source](table)


def _google(table: _Table) -> GoogleTenant:
    table.only({"source", *_fields(GoogleTenant)})
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


def _json_lines(table: _Table) -> JsonLinesTenant:
    table.only({"source", *_fields(JsonLinesTenant)})
    return JsonLinesTenant(path=table.path("path"))


_SOURCES: Final[Mapping[str, Callable[[_Table], Tenant]]] = {"google": _google, "jsonl": _json_lines}


def _fields(kind: type) -> frozenset[str]:
    return frozenset(kind.__annotations__)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigInvalid(
            "there is no configuration file",
            where=str(file),
            cure="Write one with `smartify init`, or name another with --config FILE.",
        ) from None
    except OSError as error:
        raise ConfigInvalid(
            f"the configuration file cannot be read ({type(error).__name__})",
            where=str(file),
            cure="Name a readable file.",
        ) from None
    except UnicodeDecodeError:
        raise ConfigInvalid(
            "the configuration file is not UTF-8 text", where=str(file), cure="Save it as UTF-8."
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Of the parser's message only the position is kept: the rest may quote the file.
        position = _position(str(error))
        where = f"{file}, {position[1].removeprefix('at ')}" if position else str(file)
        raise ConfigInvalid("the configuration file is not TOML", where=where, cure="Correct it there.") from None


def _anchored(url: str, table: _Table) -> str:
    """Return ``url`` with the relative path of a SQLite file counted from the folder of the configuration."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "sqlite":
        return url
    slashes, path = rest[:3], rest[3:]
    if slashes != "///" or not path:
        raise table.wrong("the storage URL names no file", "Use sqlite:///FILE or sqlite:////ABSOLUTE/FILE.", "url")
    return url if Path(unquote(path)).is_absolute() else f"sqlite:///{table.quoted_folder}/{path}"


@frozen(order=False)
class _Table:
    """One table of the file, and the way to it."""

    content: Mapping[str, Any]
    file: Path
    way: tuple[str, ...]

    def wrong(self, what: str, cure: str, *key: str) -> ConfigInvalid:
        way = ".".join((*self.way, *key))
        return ConfigInvalid(what, where=f"{self.file}: {way}" if way else str(self.file), cure=cure)

    def only(self, known: Collection[str]) -> None:
        for key in self.content:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                valid = ", ".join(sorted(known))
                hint = f"Did you mean {near[0]!r}? Valid here: {valid}." if near else f"Valid here: {valid}."
                raise self.wrong("there is no such key", hint, key[:_A_MISTAKE_STAYS_SHORT])

    @property
    def quoted_folder(self) -> str:
        return quote(str(self.file.absolute().parent))

    def table(self, key: str) -> _Table:
        content = self._value(key, f"Add a table [{'.'.join((*self.way, key))}].")
        if not isinstance(content, dict):
            raise self._kind(key, "a table")
        return _Table(content, self.file, (*self.way, key))

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            raise self._kind(key, "a text that is not empty")
        return value

    def path(self, key: str) -> Path:
        text = self.text(key)
        if "\0" in text:
            raise self._kind(key, "the path of a file")
        return self.file.absolute().parent / text

    def count(self, key: str) -> int:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._kind(key, "a whole number of 1 or more")
        return value

    def seconds(self, key: str) -> float:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self._kind(key, "a number of seconds above 0")
        return float(value)

    def optional(self, key: str, read: Callable[[str], _T]) -> _T | None:
        return read(key) if key in self.content else None

    def _value(self, key: str, cure: str | None = None) -> object:
        if key not in self.content:
            raise self.wrong("a key is missing", cure or f"Add {key} = ....", key)
        return self.content[key]

    def _kind(self, key: str, expected: str) -> ConfigInvalid:
        return self.wrong("a value is of the wrong kind", f"It must be {expected}.", key)
