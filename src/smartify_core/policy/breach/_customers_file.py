"""Customers in a file, TOML or JSON."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from smartify_core.errors import ContactInvalid, UsageError

from ._customer import ClockStart, Contact, Customer, LimitKind, TimeLimit, is_contact_id
from ._vocabulary import Phase

_T = TypeVar("_T")
_CUSTOMER_KEYS: Final = frozenset({"locale", "call", "contacts", "limits", "annex_certificate"})
_CONTACT_KEYS: Final = frozenset({"id", "channel", "address", "tier", "key_id"})
_LIMIT_KEYS: Final = frozenset({"phase", "within", "start", "kind", "citation"})
_span_like: Final = re.compile(r"([0-9]{1,5})([mhd])", re.ASCII).fullmatch
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
#: A certificate is a few thousand bytes.
_LONGEST_CERTIFICATE: Final = 100_000


def read_customers(path: Path) -> tuple[Customer, ...]:
    """Return the customers of a TOML file, or of a JSON file where its name ends in ``.json``.

    Both have one table ``customers``, with a table for each tenant: ``locale``, ``call``, ``annex_certificate`` (a file
    in PEM, beside this one), and the lists ``contacts`` (``id``, ``channel``, ``address``, ``tier``, ``key_id``) and
    ``limits`` (``phase``, ``within`` such as ``24h``, ``start``, ``kind``, ``citation``).

    Raises:
        ContactInvalid: The file cannot be read, or something in it is misshapen: the error says what, and of which
            customer and contact, and never an address.
    """
    name = path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError):
        raise ContactInvalid("the file cannot be read", where=name, cure="Name a text file that is there.") from None
    except (ValueError, RecursionError) as error:
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "a TOML or JSON text"
        raise ContactInvalid(f"the file is not well formed ({line})", where=name, cure="Mend the file.") from None
    customers = _Table(name, content, frozenset({"customers"})).mapping("customers")
    found = [
        _customer(tenant, _Table(f"{name}, customer {_shown(tenant, number)}", one, _CUSTOMER_KEYS), path.parent)
        for number, (tenant, one) in enumerate(customers.items(), 1)
    ]
    return tuple(found)


def _shown(tenant: str, number: int) -> str:
    return tenant if tenant.isprintable() else f"number {number}"


def _customer(tenant: str, table: _Table, folder: Path) -> Customer:
    contacts = [
        _contact(_Table(f"{table.where}, contact {_named(one, number)}", one, _CONTACT_KEYS))
        for number, one in enumerate(table.listed("contacts"), 1)
    ]
    limits = [
        _limit(_Table(f"{table.where}, limit {number}", one, _LIMIT_KEYS))
        for number, one in enumerate(table.listed("limits"), 1)
    ]
    certificate = table.text("annex_certificate", default=None)
    return table.made(
        lambda: Customer(
            tenant=tenant,
            contacts=contacts,
            limits=tuple(limits),
            locale=table.text("locale", default="en") or "",
            call=table.text("call", default=None),
            annex_certificate=None if certificate is None else _certificate(table, folder / certificate),
        )
    )


def _named(entry: object, number: int) -> str:
    """Return how a contact is named in an error: by its id if it has one, and never by anything else of it."""
    name = entry.get("id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and is_contact_id(name) else f"number {number}"


def _contact(table: _Table) -> Contact:
    tier = table.content.get("tier", 1)
    return table.made(
        lambda: Contact(
            id=table.needed("id"),
            channel=table.needed("channel"),
            address=table.needed("address"),
            tier=tier,
            key_id=table.text("key_id", default=None),
        )
    )


def _limit(table: _Table) -> TimeLimit:
    within = _span_like(table.needed("within"))
    if within is None:
        raise table.wrong("within", "that is no time", 'Give minutes, hours or days: "90m", "24h" or "3d".')
    phase = table.member("phase", Phase)
    start = table.member("start", ClockStart)
    kind = table.member("kind", LimitKind)
    span = timedelta(**{_UNITS[within[2]]: int(within[1])})
    return table.made(lambda: TimeLimit(phase, span, start, kind, table.needed("citation")))


def _certificate(table: _Table, file: Path) -> str:
    try:
        with file.open(encoding="ascii") as stream:
            text = stream.read(_LONGEST_CERTIFICATE + 1)
    except (OSError, ValueError):
        text = ""
    if not text or len(text) > _LONGEST_CERTIFICATE:
        raise table.wrong("annex_certificate", "the certificate cannot be read", "Name a file in PEM, beside this one.")
    return text


class _Table:
    """One table of the file, and where it is."""

    def __init__(self, where: str, content: object, keys: frozenset[str]) -> None:
        self.where = where
        if not isinstance(content, dict):
            raise ContactInvalid("that is no table", where=where, cure="Give a table of keys and values.")
        self.content: Mapping[str, Any] = content
        if not keys.issuperset(content):
            # An unknown key may be anything: it is not quoted.
            raise ContactInvalid("a key is unknown", where=where, cure=f"Use: {', '.join(sorted(keys))}.")

    def wrong(self, key: str, what: str, cure: str) -> ContactInvalid:
        return ContactInvalid(what, where=f"{self.where}, {key}", cure=cure)

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.content.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "that is no table", "Give a table of keys and values.")
        return value

    def needed(self, key: str) -> str:
        value = self.text(key, default=None)
        if value is None:
            raise self.wrong(key, "a key is missing", f"Add {key}.")
        return value

    def text(self, key: str, *, default: str | None) -> str | None:
        value = self.content.get(key, default)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "that is no text", "Give a text.")
        return value

    def listed(self, key: str) -> list[Any]:
        value = self.content.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "that is no list", "Give a list.")
        return value

    def member(self, key: str, of: Callable[[str], _T]) -> _T:
        try:
            return of(self.needed(key))
        except ContactInvalid:
            raise
        except ValueError:
            raise self.wrong(key, "there is no such one", "Give one that the reference lists.") from None

    def made(self, make: Callable[[], _T]) -> _T:
        """Return what ``make`` makes; what it refuses is told with the place in the file."""
        try:
            return make()
        except UsageError as error:
            if error.where is not None and error.where.startswith(self.where):
                raise
            raise ContactInvalid(error.what, where=self.where, cure=error.cure) from None
