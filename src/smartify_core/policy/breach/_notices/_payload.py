"""A notice for machines: a small JSON object without a person's name. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from smartify_core.policy.breach._answers import NoticeField, Stated

from ._content import Addressee, Case, breach_period
from ._markup import lines_of
from ._rendering import Envelope, link_of

#: The most bytes that it has, however it is written: what Standard Webhooks 1.0 recommends at most.
LARGEST_PAYLOAD: Final = 20_000
_LONGEST_SUMMARY: Final = 2_000
#: How many bytes JSON in ASCII has for one character at most: two halves of a surrogate pair (RFC 8259, section 7).
_LONGEST_ESCAPE: Final = 12
#: What the types of messages begin with. They are no kinds of record.
_FAMILY: Final = "breach"

_written: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def payload_of(
    case: Case,
    addressee: Addressee,
    envelope: Envelope,
    *,
    answers: Mapping[NoticeField, Stated],
    open_fields: Sequence[str],
    sha256: str,
) -> str:
    """Return what a machine is told of a notice, as the text of a JSON object.

    The summary is cut to 2,000 characters, and further where the object would have more than 20,000 bytes.

    Args:
        case: What the round has in common.
        addressee: What is particular to the tenant.
        envelope: What the notice is known by.
        answers: What it says.
        open_fields: What it does not know yet.
        sha256: The digest of its subject, text and HTML.
    """
    impact, correction = addressee.impact, envelope.is_correction
    period = None if correction else breach_period(case, impact)
    update = addressee.next_at
    happened = answers.get(NoticeField.WHAT_HAPPENED)
    link = link_of(case.rules, envelope.code)
    data: dict[str, object] = {
        "notice": envelope.notice,
        "incident": envelope.incident,
        "phase": envelope.phase.value,
        "phase_iri": envelope.phase.iri,
        "tenant": envelope.tenant,
        "outcome": envelope.outcome.value,
        "correction": correction,
        "natures": [one.value for one in case.incident.natures],
        "aware_at": _instant(case.aware_at),
        "breach_period": None if period is None else {"from": _instant(period[0]), "to": _instant(period[1])},
        "fields": [] if correction else list(impact.fields),
        "subjects": 0 if correction else impact.subjects,
        "open": list(open_fields),
        "next_update_at": None if update is None else _instant(update),
        "link": link if link is None or len(link) <= _LONGEST_SUMMARY else None,
        "summary": None if correction or happened is None else "\n".join(lines_of(happened.text or "")) or None,
        "sha256": sha256,
    }
    return _fitting(f"{_FAMILY}.notice.{envelope.phase.value}", envelope.written_at, data)


def rehearsal_payload(code: str) -> Mapping[str, object]:
    """Return what a machine is told of an exercise."""
    return {"type": f"{_FAMILY}.rehearsal", "data": {"exercise": True, "code": code}}


def _fitting(type_: str, at: datetime, data: dict[str, object]) -> str:
    summary = data["summary"]
    text = summary[:_LONGEST_SUMMARY] if isinstance(summary, str) else None
    while True:
        whole = {"type": type_, "timestamp": _instant(at), "data": {**data, "summary": text}}
        made = _written(whole)
        # By ASCII: whoever writes it anew with escapes, as `json.dumps` does by itself, has no more bytes than this. A
        # character becomes twelve at most, so that most need not be written twice to know.
        if not text or _LONGEST_ESCAPE * len(made) <= LARGEST_PAYLOAD or len(json.dumps(whole)) <= LARGEST_PAYLOAD:
            return made
        text = text[: len(text) * 3 // 4]


@lru_cache(maxsize=256)
def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
