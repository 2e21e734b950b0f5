"""What the document for machines says of each value. Pure.

Two readers: the vendor, who sees all but names of persons; and one tenant, who sees its own part and nothing that was
said, counted or decided of others. What a tenant sees is listed member by member: a field that is added to a value is
not shown to it until somebody decides so here.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import attrs

from smartify_core.policy.breach._impact import Impact, TenantImpact
from smartify_core.policy.breach._incident import Incident, TimelineEvent
from smartify_core.policy.breach._notice import Delivery, Notice, Round

from ._case import Case
from ._deadlines import EvidencedDeadline
from ._masking import masked, masked_address

_INCIDENT: Final = ("id", "state", "natures", "first_signal_at", "aware_at", "confirmed_at", "closed_at")
_EVENT: Final = ("at", "kind")
_IMPACT: Final = ("outcome", "fields", "subjects", "records", "first_at", "last_at", "vendors")
_ROUND: Final = ("number", "phase", "state", "released_at")
_HEARING: Final = (
    *("queued_at", "tier", "escalated_at", "delivered_at", "call_since"),
    *("acknowledged_at", "how"),
)
_DEADLINE: Final = ("phase", "number", "due_at", "kind", "citation", "start", "state", "heard_at")
#: By the code a notice is acknowledged: it stands in the notice's text, and nowhere besides.
_NOTICE_WITHOUT: Final = frozenset({"code", "annex"})
#: Whoever heard is a person with a name.
_HEARING_WITHOUT: Final = frozenset({"heard_by", "notice", "incident", "round", "tenant"})
_DELIVERY_WITHOUT: Final = frozenset({"worker", "leased_until", "notice", "incident", "round", "tenant"})


def dumped(value: object) -> str:
    """Return a value as JSON in one line, its members in order of name."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def plain(value: object, without: Collection[str] = ()) -> Any:  # noqa: ANN401 - JSON's values
    """Return a value as JSON has it: instants in ISO 8601, members of closed lists by their value."""
    kind = type(value)
    if attrs.has(kind):
        return {one.name: plain(getattr(value, one.name)) for one in attrs.fields(kind) if one.name not in without}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


def _only(value: object, names: Collection[str]) -> dict[str, Any]:
    return {name: plain(getattr(value, name)) for name in names}


def incident_told(incident: Incident, tenant: str | None) -> dict[str, Any]:
    """Return what is said of an incident: to a tenant no word of the host's, as it may be about others."""
    return _only(incident, _INCIDENT) if tenant is not None else plain(incident)


def event_told(event: TimelineEvent, tenant: str | None) -> dict[str, Any]:
    """Return what is said of an entry of the timeline: to a tenant not its number, which counts those of others."""
    return _only(event, _EVENT) if tenant is not None else plain(event)


def impact_told(impact: Impact) -> dict[str, Any]:
    """Return what is said of a computation, to the vendor."""
    told: dict[str, Any] = plain(impact)
    return told


def tenant_impact_told(impact: Impact, one: TenantImpact, tenant: str | None) -> dict[str, Any]:
    """Return what is said of what may have been done to a tenant's data: to a tenant also what that rests on."""
    if tenant is None:
        told = plain(one, without={"chunks"})
    else:
        told = {**_only(one, _IMPACT), "trail_size": impact.trail_size, "trail_root": impact.trail_root}
    return {**told, "tenant": one.tenant, "revision": impact.revision, "at": plain(impact.at)}


def unaffected_told(impact: Impact, tenants: Sequence[str]) -> dict[str, Any]:
    """Return what is said of tenants that are not affected, to the vendor."""
    return {"revision": impact.revision, "tenants": [*tenants]}


def round_told(one: Round, tenant: str | None) -> dict[str, Any]:
    """Return what is said of a round: to a tenant neither how many notices it has nor what others do not know."""
    told = _only(one, _ROUND) if tenant is not None else plain(one, without={"spread_after"})
    return {**told, "phase_iri": one.phase.iri}


def deadline_told(one: EvidencedDeadline, tenant: str | None) -> dict[str, Any]:
    """Return what is said of a deadline: to a tenant not why the host missed it, as it may be about others."""
    if tenant is not None:
        return _only(one.deadline, _DEADLINE)
    return {**plain(one.deadline, without={"incident"}), "reason": one.reason}


def case_told(case: Case, tenant: str | None) -> dict[str, Any]:
    """Return what is said of a notice: its exact texts, how it went, and whether it was heard."""
    hearing = case.hearing
    if hearing is None:
        heard = None
    else:
        heard = _only(hearing, _HEARING) if tenant is not None else plain(hearing, without=_HEARING_WITHOUT)
    return {
        **plain(case.notice, without=_NOTICE_WITHOUT),
        "annex": annex_told(case.notice),
        "phase_iri": case.notice.phase.iri,
        "hearing": heard,
        "deliveries": [_delivery_told(one, tenant) for one in case.deliveries],
    }


def annex_told(notice: Notice) -> dict[str, str] | None:
    """Return the list of people as it was sent: under the customer's own key, which nobody else can open."""
    if notice.annex is None:
        return None
    return {"cms": notice.annex, "sha256": sha256(notice.annex.encode()).hexdigest()}


def _delivery_told(one: Delivery, tenant: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {**plain(one, without=_DELIVERY_WITHOUT), "state_iri": one.state.iri}
    if tenant is not None:
        told["address"] = masked_address(one.address)
        for attempt in told["attempts"]:
            attempt["detail"] = None if attempt["detail"] is None else masked(attempt["detail"])
    return told
