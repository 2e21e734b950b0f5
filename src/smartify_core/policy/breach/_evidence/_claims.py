"""What evidence says happened, held against the entries of the trail that prove it. Pure.

Whoever has the host's keys can write into the store that a notice went out, arrived and was read. The trail is only
added to: what happened has its entry there, and what has none did not happen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from smartify_core.policy.audit._entries import AuditRecord
from smartify_core.policy.breach._vocabulary import DeliveryState

#: The instants of an incident, and the entries that they are on record with.
_INSTANTS: Final = {
    "aware_at": ("incident.aware",),
    "confirmed_at": ("incident.confirmed",),
    "closed_at": ("incident.closed", "incident.dismissed"),
}
_OUT: Final = frozenset({"released", "spread"})
_MEMBERS: Final = frozenset(
    {
        *("format", "incident", "statement", "tenant", "v", "written_at", "timeline", "impacts", "impact_tenants"),
        *("unaffected", "deadlines", "deadline_records", "rounds", "notices", "audit"),
    }
)
_AUDIT_MEMBERS: Final = frozenset({"checkpoint", "entries", "impacts", "successions"})
_LINE_MEMBERS: Final = frozenset({"entry", "place", "proof"})


def unknown_members(held: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a document has members that no digest and no proof covers: where, and what is wrong."""
    audit = held["audit"]
    if not set(held) <= _MEMBERS:
        yield "document", "it has a member that the library does not write"
    if not set(audit) <= _AUDIT_MEMBERS or any(not set(line) <= _LINE_MEMBERS for line in audit["entries"]):
        yield "audit", "it has a member that the library does not write"


def unproven(held: Mapping[str, Any], records: Sequence[AuditRecord]) -> Iterator[tuple[str, str]]:
    """Yield what a document says that the trail does not have on record: where, and what is missing.

    What is about the incident as a whole, its instants and that rounds were released, stands in entries of no tenant,
    which a tenant's part does not have: there only the tenant's own notices and entries are held against the trail.

    Args:
        held: The document.
        records: What its proven entries record.
    """
    if held["tenant"] is None:
        yield from _of_incident(held, records)
    else:
        told = Counter((one["kind"], one["at"]) for one in held["timeline"])
        if told != Counter((one.kind, one.at.isoformat()) for one in records if "event" in one.facts):
            yield "timeline", "it is not what the trail has on record of the tenant"
    yield from _of_notices(held["notices"], records)


def _of_incident(held: Mapping[str, Any], records: Sequence[AuditRecord]) -> Iterator[tuple[str, str]]:
    for name, kinds in _INSTANTS.items():
        at = held["incident"][name]
        on_record = {
            found for one in records if one.kind in kinds for found in (one.at.isoformat(), one.facts.get(name))
        }
        if at is not None and at not in on_record:
            yield "incident", f"the trail has no {kinds[0]} with its {name}"
    released = {(one.facts.get("round"), one.facts.get("digest")) for one in records if one.kind == "notice.released"}
    for one in held["rounds"]:
        if one["state"] in _OUT and (one["number"], one["digest"]) not in released:
            yield f"round {int(one['number'])}", "the trail has no notice.released of it"


def _of_notices(notices: Sequence[Mapping[str, Any]], records: Sequence[AuditRecord]) -> Iterator[tuple[str, str]]:
    on_record = set[tuple[object, ...]]()
    for record in records:
        its = (record.kind, record.facts.get("notice"), record.tenant)
        on_record |= {its, (*its, record.facts.get("contact"))}
    for one in notices:
        # That the digest is the one that was queued is checked apart.
        for kind, contact in _claimed(one):
            if (kind, one["id"], one["tenant"], *contact) not in on_record:
                whose = "".join(f" by contact {name}" for name in contact)
                yield f"notice {one['id']}", f"the trail has no {kind} of it{whose}"


def _claimed(one: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the kinds of entries that there are if a notice went as it says, with the contact where it is of one."""
    hearing, deliveries = one["hearing"], one["deliveries"]
    if hearing is not None or deliveries:
        yield "notice.queued", ()
    for delivery in deliveries:
        if delivery["state"] == DeliveryState.COMPLETED.value:
            yield "notice.accepted", (delivery["contact"],)
    if hearing is not None and hearing["delivered_at"] is not None:
        yield "notice.accepted", ()
    if hearing is not None and hearing["acknowledged_at"] is not None:
        yield "notice.acknowledged", ()
