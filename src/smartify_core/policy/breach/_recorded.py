"""Incidents on record, and the one way in which they change: with an entry of their timeline and of the trail."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from attrs import evolve

from smartify_core.errors import UnknownIncident
from smartify_core.model import PutDocument
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Fact, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._incident import BreachScope, Incident, TimelineEvent, incident_clash, is_incident_id
from ._places import EVENT, INCIDENT, numbered
from ._vocabulary import IncidentState, Nature


def scope_facts(incident: Incident) -> dict[str, Fact]:
    """Return what the trail is told of where an incident reached: kinds, and no names."""
    return {
        "scopes": tuple(one.kind.value for one in incident.scopes),
        "scope_revision": incident.scope_revision,
    }


class Recorded:
    """The incidents of a store.

    Args:
        storage: Where they are.
        sealer: What seals them.
        trail: What every change is recorded in, in the same step.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail) -> None:
        self._trail = trail
        self._incidents = Shelf(storage, sealer, INCIDENT, Incident)
        self._events = Shelf(storage, sealer, EVENT, TimelineEvent)

    def now(self) -> datetime:
        """Return the present instant, never before what any process has recorded. Raises `StorageError`."""
        return self._trail.now()

    def get(self, incident_id: str) -> tuple[Incident, int]:
        """Return an incident and the version of its document.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        incident, version = self._incidents.get(incident_id) if is_incident_id(incident_id) else (None, 0)
        if incident is None:
            raise UnknownIncident(
                "no incident is on record under this id",
                where=f"incident {incident_id}" if is_incident_id(incident_id) else "incident",
                cure="List them with: smartify breach status",
            )
        return incident, version

    def running(self, incident_id: str) -> tuple[Incident, int]:
        """Return an incident that is not over, and the version of its document.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentClash: It is over.
            StorageError: The store could not be read.
        """
        incident, version = self.get(incident_id)
        if incident.state.is_over:
            raise incident_clash(incident, "it is over", "Put what is to be said in a note, or open a new one.")
        return incident, version

    def all(self) -> Iterator[Incident]:
        """Yield every incident, in order of id, which begins with its day. Raises `StorageError`."""
        for _, incident, _ in self._incidents.all():
            yield incident

    def timeline(self, incident_id: str) -> Iterator[TimelineEvent]:
        """Yield what happened to an incident, in order. Raises `StorageError`."""
        for _, event, _ in self._events.beginning_with(f"{incident_id}/"):
            yield event

    def opened(
        self,
        *,
        by: str,
        at: datetime,
        signal: str,
        first_signal_at: datetime,
        natures: tuple[Nature, ...] = (Nature.CONFIDENTIALITY,),
        scopes: tuple[BreachScope, ...] = (),
        documents: Callable[[str], Sequence[PutDocument]] = lambda _: (),
    ) -> Incident:
        """Put a suspected incident on record, and return it. What is given was checked.

        Args:
            by: The id of whoever opens it.
            at: When, from `now`.
            signal: What was noticed, in words. They are sealed.
            first_signal_at: When.
            natures: What was, or may have been, violated.
            scopes: Where it reached, as far as is known.
            documents: Returns what is written in the same step, of the incident's id.

        Raises:
            UsageError, WriteConflict, AuditUnavailable: As `change` does.
        """
        incident = Incident(
            id=f"inc-{at:%Y%m%d}-{secrets.token_hex(4)}",
            state=IncidentState.SUSPECTED,
            opened_at=at,
            opened_by=by,
            signal=signal,
            first_signal_at=first_signal_at,
            natures=natures,
            scopes=scopes,
        )
        facts: dict[str, Fact] = {
            "first_signal_at": first_signal_at.isoformat(),
            "natures": tuple(one.value for one in natures),
            **scope_facts(incident),
        }
        return self.change(
            incident, 0, "incident.opened", by=by, at=at, text=signal, facts=facts, documents=documents(incident.id)
        )

    def change(
        self,
        incident: Incident,
        version: int,
        kind: str,
        *,
        by: str,
        at: datetime,
        text: str | None = None,
        tenant: str | None = None,
        facts: Mapping[str, Fact] | None = None,
        documents: Sequence[PutDocument] = (),
    ) -> Incident:
        """Keep an incident as it is now, with what happened: in its timeline and in the trail, all or nothing.

        Args:
            incident: The incident after the change.
            version: The version of the document that the change was made from; 0 for a new one.
            kind: What happened: the kind of the trail's entry.
            by: The id of whoever did it.
            at: When, from `now`.
            text: Their words. They are sealed, and the trail does not have them.
            tenant: Which tenant it is about, if it is about one.
            facts: What else the trail is told: ids, codes and counts.
            documents: What is written in the same step.

        Returns:
            The incident as it is on record.

        Raises:
            UsageError: ``by`` is no id.
            WriteConflict: Somebody else changed it meanwhile; nothing was written.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        number = incident.events + 1
        kept = evolve(incident, events=number)
        self._trail.append(
            AuditRecord(kind, at, tenant, by, (), {**(facts or {}), "incident": incident.id, "event": number}),
            documents=[
                self._incidents.put(kept.id, kept, over=version),
                self._events.put(numbered(kept.id, number), TimelineEvent(number, at, by, kind, text, tenant), over=0),
                *documents,
            ],
        )
        return kept
