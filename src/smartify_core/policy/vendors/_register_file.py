"""A register of vendors in a file, TOML or JSON, and the hash of the documents that prove it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from smartify_core.errors import UsageError, VendorInvalid
from smartify_core.policy._vocabulary import PersonalField, Purpose

from ._commitments import Commitment, Undertaking
from ._register import Vendor, is_vendor_id

_T = TypeVar("_T")
_VENDOR_KEYS: Final = frozenset(
    {"name", "affiliated", "purposes", "fields", "starts_at", "undertakings", "sub_vendors", "ended_at"}
)
_UNDERTAKING_KEYS: Final = frozenset({"commitments", "evidence", "given_at", "expires_at"})


def evidence_of(file: Path) -> str:
    """Return the SHA-256 of a document, in 64 hexadecimal digits: the evidence of an `Undertaking`.

    Raises:
        VendorInvalid: The file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        raise VendorInvalid("the evidence cannot be read", where=file.name, cure="Name a file that is there.") from None


def read_register(file: Path) -> tuple[Vendor, ...]:
    """Return the vendors of a register: a TOML file, or a JSON file where its name ends in ``.json``.

    Both have one table ``vendors``, with a table for each vendor under its id (``docs/reference/vendors.md``). In JSON
    instants are texts (ISO 8601). A date is its first instant in UTC.

    Raises:
        VendorInvalid: The file cannot be read, or something in it is misshapen: the error says what, and at which key.
    """
    name = file.name
    try:
        text = file.read_text(encoding="utf-8-sig")
        content = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError):
        raise VendorInvalid("the register cannot be read", where=name, cure="Name a text file that is there.") from None
    except (ValueError, RecursionError) as error:
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "a TOML or JSON text"
        raise VendorInvalid(f"the register is not well formed ({line})", where=name, cure="Mend the file.") from None
    top = _Table(name, content, frozenset({"vendors"}))
    vendors = top.mapping("vendors")
    for one in vendors:
        if not is_vendor_id(one):
            raise VendorInvalid(
                "a key is no id of a vendor", where=f"{name}, vendors", cure="Use a-z, 0-9, '.', '_', '-'."
            )
    found = tuple(_vendor(one, _Table(f"{name}, vendors.{one}", table, _VENDOR_KEYS)) for one, table in vendors.items())
    for vendor in found:
        for sub in vendor.sub_vendors:
            if sub not in vendors:
                raise VendorInvalid(
                    f"the sub-vendor {sub} is not in the register",
                    where=f"{name}, vendors.{vendor.id}.sub_vendors",
                    cure="Add it, with its commitments.",
                )
    return found


def _vendor(vendor_id: str, table: _Table) -> Vendor:
    undertakings = [
        one
        for number, entry in enumerate(table.listed("undertakings", default=[]))
        for one in _undertaken(_Table(f"{table.where}.undertakings[{number}]", entry, _UNDERTAKING_KEYS))
    ]
    affiliated = table.needed("affiliated")
    if not isinstance(affiliated, bool):
        raise table.wrong("affiliated", "that is neither true nor false", "Say true or false.")
    purposes, fields = table.texts("purposes"), table.texts("fields")
    starts_at = table.instant("starts_at")
    ended_at = table.instant("ended_at") if "ended_at" in table.content else None
    return table.made(
        lambda: Vendor(
            id=vendor_id,
            name=table.text("name"),
            affiliated=affiliated,
            purposes=[table.made(partial(Purpose.of, name), "purposes") for name in purposes],
            fields=[table.made(partial(PersonalField.of, name), "fields") for name in fields],
            starts_at=starts_at,
            undertakings=undertakings,
            sub_vendors=table.texts("sub_vendors", default=[]),
            ended_at=ended_at,
        )
    )


def _undertaken(table: _Table) -> Iterator[Undertaking]:
    named = table.texts("commitments")
    commitments = (
        list(Commitment)
        if named == ["all"]
        else [Commitment.of(name, where=f"{table.where}.commitments") for name in named]
    )
    given_at, expires_at = table.instant("given_at"), table.instant("expires_at")
    evidence = table.text("evidence") if "evidence" in table.content else None
    for one in commitments:
        yield table.made(partial(Undertaking, one, given_at, expires_at, evidence))


class _Table:
    """One table of the file, and where it is."""

    def __init__(self, where: str, content: object, keys: frozenset[str]) -> None:
        self.where = where
        if not isinstance(content, dict):
            raise VendorInvalid("that is no table", where=where, cure="Give a table of keys and values.")
        self.content: Mapping[str, Any] = content
        if not keys.issuperset(content):
            # An unknown key may be anything: it is not quoted.
            raise VendorInvalid("a key is unknown", where=where, cure=f"Use: {', '.join(sorted(keys))}.")

    def wrong(self, key: str, what: str, cure: str) -> VendorInvalid:
        return VendorInvalid(what, where=f"{self.where}.{key}", cure=cure)

    def needed(self, key: str) -> object:
        if key not in self.content:
            raise self.wrong(key, "a key is missing", f"Add {key}.")
        return self.content[key]

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.needed(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "that is no table", "Give a table of keys and values.")
        return value

    def text(self, key: str) -> str:
        value = self.needed(key)
        if not isinstance(value, str):
            raise self.wrong(key, "that is no text", "Give a text.")
        return value

    def listed(self, key: str, *, default: list[Any] | None = None) -> list[Any]:
        value = self.needed(key) if default is None else self.content.get(key, default)
        if not isinstance(value, list):
            raise self.wrong(key, "that is no list", "Give a list.")
        return value

    def texts(self, key: str, *, default: list[Any] | None = None) -> list[str]:
        values = self.listed(key, default=default)
        if not all(isinstance(one, str) for one in values):
            raise self.wrong(key, "that is no list of texts", "Give a list of texts.")
        return values

    def instant(self, key: str) -> datetime:
        value = self.needed(key)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
            except ValueError:
                raise self.wrong(key, "that is no instant", "Give a date, or a time with its zone.") from None
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise self.wrong(key, "an instant has no time zone", "Add one, such as Z.")
            return value
        if not isinstance(value, date):
            raise self.wrong(key, "that is no instant", "Give a date, or a time with its zone.")
        return datetime(value.year, value.month, value.day, tzinfo=UTC)

    def made(self, make: Callable[[], _T], key: str | None = None) -> _T:
        """Return what ``make`` makes; what it refuses is told with the place in the file."""
        try:
            return make()
        except UsageError as error:
            if isinstance(error, VendorInvalid) and error.where is not None and error.where.startswith(self.where):
                raise
            place = f"{self.where}.{key}" if key else f"{self.where} ({error.where})"
            raise VendorInvalid(error.what, where=place, cure=error.cure) from None
