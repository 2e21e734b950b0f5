"""The schema of a line, declared once.

Lines, the reader of lines, columns of the analysis, the JSON schema, the manifest that a build is held to and the text
for a privacy notice all follow from the tables here, so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from attrs import field, frozen

#: The version of the schema, in every line under ``v``.
VERSION: Final = 1

#: Upper bounds of the buckets of durations, in milliseconds. What takes longer than the last counts in the last.
DURATIONS_MS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 3_600_000)

#: What numbers may be: each from the first to the last of these.
RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "v": (1, 1_000_000),
    "time": (0, 253_402_300_799),  # the last second of the year 9999: what comes later is no date anywhere
    "status": (100, 599),  # RFC 9110, section 15
    "version": (0, 999),  # browsers are far below it, and a number of four digits would be a text of the sender
    "count": (0, 2**62),
}

#: The methods that are told apart (RFC 9110, section 9; RFC 5789); every other one is `OTHER_METHOD`.
METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "WEBSOCKET"}
)
OTHER_METHOD: Final = "OTHER"

#: Where a request failed, in the order of a request's life.
Phase = Literal["before_start", "streaming", "cancelled", "after_end"]
PHASES: Final[tuple[Phase, ...]] = ("before_start", "streaming", "cancelled", "after_end")

#: What a note says about the log itself.
NoteKind = Literal["dropped", "folded", "recovered", "expired"]
NOTES: Final[tuple[NoteKind, ...]] = ("dropped", "folded", "recovered", "expired")


@frozen(order=False)
class Field:
    """One key of a line.

    Args:
        name: The key, and the name of the column.
        kind: ``int`` (64 bits with a sign) or ``str`` (ASCII).
        clause: The words of clause sentence C5 or C6 that it serves.
        meaning: What it holds, for the reference and the privacy notice.
        required: Whether every line has it.
        personal: Whether it tells of the person's equipment or place, so that analysis puts a floor under it.
    """

    name: str
    kind: Literal["int", "str"]
    clause: str
    meaning: str
    required: bool = field(default=False, kw_only=True)
    personal: bool = field(default=False, kw_only=True)


#: Every key of an event, in the order of the line.
FIELDS: Final = (
    Field("v", "int", "-", "The version of this schema.", required=True),
    Field("time", "int", "analyse trends", "When the request came in, in whole seconds since 1970 UTC.", required=True),
    Field(
        "feature",
        "str",
        "features accessed",
        "The route's template, or the name that the host gives; never the path.",
        required=True,
    ),
    Field("method", "str", "features accessed", "The request's method, from a closed list.", required=True),
    Field("status", "int", "errors", "The response's status code, 100 to 599."),
    Field("ms", "int", "administer", "The bucket of the duration: its upper bound in milliseconds.", required=True),
    Field("error", "str", "errors", "The class name of the exception, never its text."),
    Field("failed", "str", "errors", "Where the request failed: before the response, in it, or after."),
    Field("ip", "str", "ip", "The sender's network (/24 or /48), or by the host's choice the address.", personal=True),
    Field("ip_from", "str", "ip", "Where the address comes from: absent for the connection itself."),
    Field("browser", "str", "browser type", "The browser's family, from a closed list.", required=True, personal=True),
    Field("version", "int", "browser type", "The browser's major version.", personal=True),
    Field(
        "os",
        "str",
        "operating system",
        "The operating system's family, from a closed list.",
        required=True,
        personal=True,
    ),
    Field("device", "str", "browser type", "desktop, mobile, tablet, bot or other.", required=True, personal=True),
    Field("ua_from", "str", "browser type", "hints where client hints told; absent for the User-Agent."),
    Field("language", "str", "browser language", "The primary tag of the preferred language.", personal=True),
    Field(
        "referrer",
        "str",
        "referring URL",
        "The origin of a foreign page, or the route's template of a page of the host's own.",
        personal=True,
    ),
    Field("zone", "str", "time zone", "An IANA time zone, only from a header that the host names.", personal=True),
    Field("zone_from", "str", "time zone", "cdn where a proxy derived it from the address."),
)

#: Every key of a note, in the order of the line.
NOTE_FIELDS: Final = (
    Field("v", "int", "-", "The version of this schema.", required=True),
    Field("time", "int", "administer", "When it was noted, in whole seconds since 1970 UTC.", required=True),
    Field("note", "str", "administer", "What happened to the log: dropped, folded, recovered, expired.", required=True),
    Field("count", "int", "administer", "How many events, or bytes of a torn line.", required=True),
    Field("day", "str", "administer", "The day that expired, as YYYY-MM-DD."),
)
