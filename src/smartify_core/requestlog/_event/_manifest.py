"""What the request log holds, told to people and to programs that check it: all from the one table of fields."""

from __future__ import annotations

from typing import Any, Final

from ._browsers import BROWSERS, DEVICES, SYSTEMS
from ._schema import DURATIONS_MS, FIELDS, METHODS, NOTE_FIELDS, NOTES, OTHER_METHOD, PHASES, RANGES, VERSION, Field

#: Where the log holds it at all, what a field can say: the closed lists.
_LISTS: Final[dict[str, list[Any]]] = {
    "v": [VERSION],
    "method": sorted({*METHODS, OTHER_METHOD}),
    "ms": [*DURATIONS_MS],
    "failed": [*PHASES],
    "ip_from": ["forwarded", "withheld"],
    "browser": sorted(BROWSERS),
    "os": sorted(SYSTEMS),
    "device": [*DEVICES],
    "ua_from": ["hints"],
    "zone_from": ["cdn"],
    "note": [*NOTES],
}
_LONGEST: Final = {"feature": 200, "error": 80, "ip": 49, "language": 11, "referrer": 200, "zone": 64, "day": 10}
_NEVER: Final = (
    "paths",
    "queries",
    "request and response bodies",
    "cookies",
    "authorization",
    "other headers",
    "texts of errors",
    "names, addresses of mail and ids of people",
    "the customer",
)


def manifest() -> dict[str, Any]:
    """Return what a line may hold, field by field, for a build to hold itself to.

    Keep a copy beside your privacy notice and compare it in your build: a version of this library that collects more
    then fails the build until somebody has approved it.
    """
    return {
        "schema": VERSION,
        "events": {one.name: _described(one) for one in FIELDS},
        "notes": {one.name: _described(one) for one in NOTE_FIELDS},
        "never": list(_NEVER),
    }


def _described(one: Field) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "required": one.required,
        "personal": one.personal,
        "clause": one.clause,
        "meaning": one.meaning,
    }


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the request log",
        "oneOf": [_object("An event", FIELDS), _object("A note about the log itself", NOTE_FIELDS)],
    }


def _object(title: str, fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "properties": {one.name: _property(one) for one in fields},
        "required": [one.name for one in fields if one.required],
        "additionalProperties": False,
    }


def _property(one: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"description": one.meaning, "type": "integer" if one.kind == "int" else "string"}
    if one.name in _LISTS:
        described["enum"] = _LISTS[one.name]
    elif one.kind == "int":
        least, most = RANGES[one.name]
        described |= {"minimum": least, "maximum": most}
    else:
        described |= {"minLength": 1, "maxLength": _LONGEST[one.name]}
    return described


def notice() -> str:
    """Return what the log holds in plain English, for a privacy notice: one line a field, and what is never held."""
    held = [f"- {one.meaning}" for one in FIELDS if one.name != "v"]
    return "\n".join(["We keep of each request, from its header:", *held, f"We never keep {', '.join(_NEVER)}."])
