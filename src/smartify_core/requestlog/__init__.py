"""The request log: made of what a request's header says and nothing else, by construction.

`RequestLog` makes a `RequestEvent` of each request and hands it to a `Sink`. The middlewares are in
`smartify_core.requestlog.asgi` and `smartify_core.requestlog.wsgi`, the file sink in `smartify_core.requestlog.files`.
"""

from __future__ import annotations

from ._addresses import TrustedProxies
from ._collecting import Collecting
from ._event import (
    Address,
    Client,
    Failure,
    Feature,
    Language,
    Note,
    Record,
    Referrer,
    RequestEvent,
    Zone,
)
from ._lines import read_line
from ._manifest import json_schema, manifest, notice
from ._names import ERROR_KEY, FEATURE_KEY
from ._request_log import RequestLog
from ._schema import FIELDS, NOTE_FIELDS, VERSION, Field
from ._sink import Sink

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
