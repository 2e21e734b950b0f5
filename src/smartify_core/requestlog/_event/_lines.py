"""Reading lines back: strictly, so that whatever else got into a log is found."""

from __future__ import annotations

import json
from typing import Any, Final

from smartify_core.errors import UsageError

from ._note import Note, Record
from ._parts import Address, Client, Failure, Feature, Language, Referrer, Zone
from ._request_event import RequestEvent
from ._schema import FIELDS, NOTE_FIELDS, VERSION, Field

_EVENT: Final = {one.name: one for one in FIELDS}
_NOTE: Final = {one.name: one for one in NOTE_FIELDS}
_KINDS: Final[dict[str, type]] = {"int": int, "str": str}


def read_line(line: bytes) -> Record:
    """Return the event or the note that a line of a request log holds.

    Args:
        line: The line, with or without its line feed.

    Raises:
        UsageError: It is no line of the schema of this version. The message names the key; of the content it says
            nothing.
    """
    items = _items(line)
    if items.get("v") != VERSION:
        raise _wrong("its schema has another version than this library's", "v")
    if "note" in items:
        _check(items, _NOTE)
        return Note(items["time"], items["note"], items["count"], items.get("day"))
    _check(items, _EVENT)
    return _event(items)


def _items(line: bytes) -> dict[str, Any]:
    if not line.isascii():
        raise _wrong("it holds bytes that are no ASCII")
    try:
        items: object = json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _wrong("it is no JSON, or a key stands in it twice") from None
    if not isinstance(items, dict):
        raise _wrong("it is no JSON object")
    return items


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    items = dict(pairs)
    if len(items) != len(pairs):
        raise ValueError
    return items


def _check(items: dict[str, Any], fields: dict[str, Field]) -> None:
    if not items.keys() <= fields.keys():
        raise _wrong("it has a key that the schema does not know")
    for name, one in fields.items():
        if name not in items:
            if one.required:
                raise _wrong("a key is missing", name)
        elif type(items[name]) is not _KINDS[one.kind]:
            raise _wrong("a value is of another type", name)


def _event(items: dict[str, Any]) -> RequestEvent:
    get = items.get
    failed = "error" in items or "failed" in items
    return RequestEvent(
        time=items["time"],
        feature=Feature(items["feature"]),
        method=items["method"],
        status=get("status"),
        ms=items["ms"],
        client=Client(items["browser"], get("version"), items["os"], items["device"], get("ua_from", "user-agent")),
        address=Address(get("ip"), get("ip_from", "peer")) if "ip" in items or "ip_from" in items else None,
        failure=Failure(get("error"), get("failed")) if failed else None,
        language=Language(items["language"]) if "language" in items else None,
        referrer=Referrer(items["referrer"]) if "referrer" in items else None,
        zone=Zone(items["zone"], get("zone_from", "app")) if "zone" in items else None,
    )


def _wrong(what: str, key: str | None = None) -> UsageError:
    where = "a line of the request log" if key is None else f"a line of the request log, key {key}"
    return UsageError(what, where=where, cure="`smartify logs check` finds all such lines.")
