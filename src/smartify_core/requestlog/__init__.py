"""The request log: made of what a request's header says and nothing else, by construction.

`RequestLog` makes a `RequestEvent` of each request and hands it to a `Sink`. The middlewares are in
`smartify_core.requestlog.asgi` and `smartify_core.requestlog.wsgi`, the file sink in `smartify_core.requestlog.files`.
"""

from __future__ import annotations

from ._collecting import Collecting
from ._event._lines import read_line
from ._event._manifest import json_schema, manifest, notice
from ._event._names import ERROR_KEY, FEATURE_KEY
from ._event._note import Note, Record
from ._event._parts import Address, Client, Failure, Feature, Language, Referrer, Zone
from ._event._request_event import RequestEvent
from ._event._schema import FIELDS, NOTE_FIELDS, VERSION, Field
from ._headers._addresses import TrustedProxies
from ._request_log import RequestLog
from ._sinks._sink import Sink

__all__ = [
    "ERROR_KEY",
    "FEATURE_KEY",
    "FIELDS",
    "NOTE_FIELDS",
    "VERSION",
    "Address",
    "Client",
    "Collecting",
    "Failure",
    "Feature",
    "Field",
    "Language",
    "Note",
    "Record",
    "Referrer",
    "RequestEvent",
    "RequestLog",
    "Sink",
    "TrustedProxies",
    "Zone",
    "json_schema",
    "manifest",
    "notice",
    "read_line",
]
