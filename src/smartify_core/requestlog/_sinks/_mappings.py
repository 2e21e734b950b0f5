"""The keys of the request log under the names of others: Elastic Common Schema and OpenTelemetry. Pure.

Elastic Common Schema is that of version 9.4, OpenTelemetry's semantic conventions those of version 1.44. What has no
counterpart there keeps its own name behind ``smartify.``, as both advise for one's own fields:

==========  ==============================  =====================================  ====================================
ours        ECS                             OpenTelemetry                          what to know
==========  ==============================  =====================================  ====================================
v           smartify.v                      smartify.v                             the version of our schema
time        @timestamp                      Timestamp                              ISO 8601; nanoseconds since 1970
feature     smartify.feature                http.route, else smartify.feature      a route has a slash; a name has none
method      http.request.method             http.request.method                    OpenTelemetry says _OTHER for OTHER
status      http.response.status_code       http.response.status_code
ms          event.duration                  smartify.ms                            nanoseconds, the bucket's upper bound
error       error.type                      error.type                             the class, never the text
failed      smartify.failed                 smartify.failed
ip          client.address, client.ip       client.address                         client.ip for whole addresses only
ip_from     smartify.ip_from                smartify.ip_from
browser     user_agent.name                 user_agent.name
version     user_agent.version              user_agent.version                     text there
os          user_agent.os.name              user_agent.os.name
device      smartify.device                 smartify.device                        device.name there is a product's name
ua_from     smartify.ua_from                smartify.ua_from
language    smartify.language               browser.language                       the first; smartify.language has all
referrer    http.request.referrer           smartify.referrer                      shortened, so it is no header there
zone        smartify.zone                   smartify.zone                          event.timezone is the server's
zone_from   smartify.zone_from              smartify.zone_from
==========  ==============================  =====================================  ====================================

Added to these: ``ecs.version``, ``event.dataset`` and ``event.outcome`` in ECS; in OpenTelemetry ``error.type`` with
the status of a response of 500 or more where no class is known, and ``network.protocol.name`` for a WebSocket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from smartify_core.requestlog._event._note import Note, Record
from smartify_core.requestlog._event._request_event import RequestEvent
from smartify_core.requestlog._event._schema import FIELDS, NOTE_FIELDS

Items = dict[str, str | int]
Keys = Literal["smartify", "ecs", "otel"]

_OWN: Final = "smartify."
_ECS_VERSION: Final = "9.4.0"
_DATASET: Final = "smartify.requests"
_NANOSECONDS: Final = 1_000_000_000
_SERVER_ERROR: Final = 500

#: Where both have a place, it has the same name.
_BOTH: Final = {
    "method": "http.request.method",
    "status": "http.response.status_code",
    "error": "error.type",
    "ip": "client.address",
    "browser": "user_agent.name",
    "version": "user_agent.version",
    "os": "user_agent.os.name",
}
_ALL: Final = tuple(dict.fromkeys(field.name for field in (*FIELDS, *NOTE_FIELDS)))
_ECS: Final = {name: _BOTH.get(name, _OWN + name) for name in _ALL} | {
    "time": "@timestamp",
    "ms": "event.duration",
    "referrer": "http.request.referrer",
}
_OTEL: Final = {name: _BOTH.get(name, _OWN + name) for name in _ALL} | {"time": "Timestamp"}

#: Which of our names each of theirs belongs to, those included that are added.
_ECS_SAYS: Final = {theirs: name for name, theirs in _ECS.items()} | {
    "client.ip": "ip",
    "ecs.version": "time",
    "event.dataset": "time",
    "event.outcome": "ms",
    "network.protocol": "method",
}
_OTEL_SAYS: Final = {theirs: name for name, theirs in _OTEL.items()} | {
    "http.route": "feature",
    "browser.language": "language",
    "network.protocol.name": "method",
}


def to_ecs(items: Mapping[str, str | int]) -> Items:
    """Return the items of a record, as `RequestEvent.as_dict` and `Note.as_dict` give them, under the names of ECS."""
    out: Items = {}
    for name, value in items.items():
        if name == "time":
            out["@timestamp"] = datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            out["ecs.version"] = _ECS_VERSION
            out["event.dataset"] = _DATASET
        elif name == "ms":
            out["event.duration"] = int(value) * 1_000_000
            out["event.outcome"] = _outcome(items)
        elif name == "ip":
            out["client.address"] = value
            if "/" not in str(value):
                out["client.ip"] = value
        elif name == "method" and value == "WEBSOCKET":
            out["http.request.method"] = "GET"  # RFC 6455, section 4.1
            out["network.protocol"] = "websocket"
        else:
            out[_ECS.get(name, name)] = str(value) if name == "version" else value
    return out


def to_otel(items: Mapping[str, str | int]) -> Items:
    """Return the items of a record under the names of OpenTelemetry's semantic conventions."""
    out: Items = {}
    for name, value in items.items():
        if name == "time":
            out["Timestamp"] = int(value) * _NANOSECONDS
        elif name == "feature":
            out["http.route" if "/" in str(value) else "smartify.feature"] = value
        elif name == "method":
            out["http.request.method"] = {"OTHER": "_OTHER", "WEBSOCKET": "GET"}.get(str(value), value)
            if value == "WEBSOCKET":
                out["network.protocol.name"] = "websocket"
        elif name == "status":
            out["http.response.status_code"] = value
            if int(value) >= _SERVER_ERROR and "error" not in items:
                out["error.type"] = str(value)
        elif name == "language":
            out["browser.language"] = str(value).partition(",")[0]
            if "," in str(value):
                out["smartify.language"] = value
        else:
            out[_OTEL.get(name, name)] = str(value) if name == "version" else value
    return out


def to_ours(items: Mapping[str, object]) -> dict[str, object]:
    """Return items under our own names again, whichever of the three they have; what is unknown keeps its key.

    A check of a log reads every line by this, so that it is as strict with other names as with ours.

    Raises:
        ValueError: A value cannot be what `to_ecs` or `to_otel` made.
    """
    names = own_names(items)
    if names is _ECS_SAYS:
        return _in_order(_from_ecs(items))
    if names is _OTEL_SAYS:
        return _in_order(_from_otel(items))
    return dict(items)


def own_names(items: Mapping[str, object]) -> Mapping[str, str]:
    """Return our name for each key that says something of it, by the set of names that ``items`` have.

    Others use those names, too: without our version in it, an entry is nobody's of ours.
    """
    if f"{_OWN}v" not in items:
        return {}
    return _ECS_SAYS if "@timestamp" in items else _OTEL_SAYS if "Timestamp" in items else {}


def _from_ecs(items: Mapping[str, object]) -> dict[str, object]:
    found = _renamed(items, _ECS)
    for key, value in {"ecs.version": _ECS_VERSION, "event.dataset": _DATASET}.items():
        _expect(key, found.pop(key, None) == value)
    time = found["time"]
    _expect("@timestamp", isinstance(time, str) and time.endswith("Z"))
    found["time"] = _number("@timestamp", datetime.fromisoformat(str(time)).timestamp(), 1)
    if "ms" in found:
        found["ms"] = _number("event.duration", found["ms"], 1_000_000)
        _expect("event.outcome", found.pop("event.outcome", None) == _outcome(found))
    if "client.ip" in found:
        _expect("client.ip", found.pop("client.ip") == found.get("ip"))
    return _from_both(found, "network.protocol")


def _from_otel(items: Mapping[str, object]) -> dict[str, object]:
    found = _renamed(items, _OTEL | {"feature": "http.route", "language": "browser.language"})
    # These two have a key of their own as well.
    for name in ("feature", "language"):
        if _OWN + name in found:
            found[name] = found.pop(_OWN + name)
    found["time"] = _number("Timestamp", found["time"], _NANOSECONDS)
    if "error" in found and found["error"] == str(found.get("status")):
        del found["error"]
    if found.get("method") == "_OTHER":
        found["method"] = "OTHER"
    return _from_both(found, "network.protocol.name")


def _from_both(found: dict[str, object], protocol: str) -> dict[str, object]:
    if protocol in found:
        _expect(protocol, found.pop(protocol) == "websocket" and found.get("method") == "GET")
        found["method"] = "WEBSOCKET"
    if "version" in found:
        version = found["version"]
        _expect("user_agent.version", isinstance(version, str) and version.isdecimal())
        found["version"] = int(str(version))
    return found


def _renamed(items: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    ours = {theirs: name for name, theirs in names.items()}
    return {ours.get(key, key): value for key, value in items.items()}


def _in_order(found: dict[str, object]) -> dict[str, object]:
    known = {name: found.pop(name) for name in _ALL if name in found}
    return known | found


def _expect(key: str, is_so: bool) -> None:  # noqa: FBT001 - a condition
    if not is_so:
        raise ValueError(key)


def _number(key: str, value: object, unit: int) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value % unit:
        raise ValueError(key)
    return int(value) // unit


def line_of(keys: Keys) -> Callable[[Record], bytes]:
    """Return what makes a line of JSON, in ASCII and with its line feed, of a record and of nothing else."""
    if keys == "smartify":
        return lambda record: _checked(record).line()
    mapped = {"ecs": to_ecs, "otel": to_otel}[keys]
    return lambda record: f"{json.dumps(mapped(_checked(record).as_dict()), separators=(',', ':'))}\n".encode("ascii")


def lines_of(keys: Keys) -> Callable[[Iterable[Record]], list[bytes]]:
    """Return what makes a line of each of some records, as `line_of` has it."""
    if keys != "smartify":
        line = line_of(keys)
        return lambda records: list(map(line, records))
    # By the record's own class, in which there is no subclass to be found, and no call between.
    made: Mapping[type[Record], Callable[[Any], bytes]] = {RequestEvent: RequestEvent.line, Note: Note.line}
    return lambda records: [made[type(record)](record) for record in records]


def _checked(record: Record) -> Record:
    # A subclass could say anything.
    if type(record) is not RequestEvent and type(record) is not Note:
        raise TypeError("a sink takes events and notes")
    return record


def _outcome(items: Mapping[str, object]) -> str:
    status = items.get("status")
    failed = "failed" in items or "error" in items or (isinstance(status, int) and status >= _SERVER_ERROR)
    return "failure" if failed else "success"
