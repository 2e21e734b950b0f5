"""That a customer has read a notice: said by somebody of the host's, or by whoever has the notice's code."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from smartify_core.errors import IncidentInvalid, UnknownIncident
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach._incident import checked_text, in_utc
from smartify_core.policy.breach._notice import Hearing, Notice
from smartify_core.policy.breach._places import of_tenant

from ._codes import key_of_code
from ._shelves import Shelves

#: Who acknowledged by a code, as the trail and the hearing have it.
BY_CODE = "code"


@frozen(eq=False)
class Acknowledging:
    """Keeps acknowledgements. The first of each notice counts.

    Args:
        shelves: Where hearings are.
        trail: What each is recorded in.
    """

    shelves: Shelves
    trail: Trail

    @begun_anew
    def by_somebody(
        self,
        incident_id: str,
        tenant: str,
        *,
        by: str,
        heard_by: str,
        how: str,
        at: datetime | None = None,
        round: int | None = None,  # noqa: A002 - the word that everybody has for it, and nothing is rounded here
    ) -> Hearing:
        """Keep that a customer has heard. See `Courier.acknowledge`."""
        check_id("by", by)
        heard_by, how = checked_text(heard_by, "who has heard"), checked_text(how, "how they have heard")
        now = self.trail.now()
        heard_at = now if at is None else in_utc(at, "at")
        if heard_at > now:
            raise IncidentInvalid("a customer has heard at a time to come", where="at", cure="Give when it was.")
        key = self._key(incident_id, tenant, round)
        hearing, version = self.shelves.hearings.get(key)
        if hearing is None:
            raise _unknown()
        if heard_at < hearing.queued_at:
            raise IncidentInvalid(
                "a customer has heard before the notice was on its way",
                where="at",
                cure="Give when it was, or the round that they have heard of. Put a call before it in a note.",
            )
        return self._keep(key, hearing, version, now, at=heard_at, by=by, heard_by=heard_by, how=how)

    @begun_anew
    def by_code(self, code: str, *, how: str) -> Hearing:
        """Keep that whoever has a notice's code has read it. See `Courier.acknowledge_by_code`."""
        how = checked_text(how, "how they have heard")
        key = self._key_of(code)
        hearing, version = self.shelves.hearings.get(key)
        if hearing is None:
            raise _unknown()
        now = self.trail.now()
        return self._keep(key, hearing, version, now, at=now, by=BY_CODE, heard_by=None, how=how)

    def notice_of(self, code: str) -> Notice:
        """Return the notice that has a code. See `Courier.notice_by_code`."""
        notice, _ = self.shelves.notices.get(self._key_of(code))
        if notice is None:
            raise _unknown()
        return notice

    def _key_of(self, code: str) -> str:
        """Return the key of the notice that has a code, however it was typed or read out."""
        given: object = code  # types are no promise at run time
        if not isinstance(given, str):
            raise _unknown()
        place, _ = self.shelves.codes.get(key_of_code(code))
        if place is None:
            raise _unknown()
        return of_tenant(place.incident, place.round, place.tenant)

    def _key(self, incident_id: str, tenant: str, number: int | None) -> str:
        if number is not None:
            return of_tenant(incident_id, number, tenant)
        incident, _ = self.shelves.incidents.get(incident_id)
        for latest in range(incident.rounds if incident else 0, 0, -1):
            key = of_tenant(incident_id, latest, tenant)
            if self.shelves.hearings.get(key)[0] is not None:
                return key
        raise _unknown()

    def _keep(
        self,
        key: str,
        hearing: Hearing,
        version: int,
        now: datetime,
        *,
        at: datetime,
        by: str,
        heard_by: str | None,
        how: str,
    ) -> Hearing:
        if hearing.acknowledged_at is not None:
            return hearing
        known = evolve(
            hearing, acknowledged_at=at, acknowledged_by=by, heard_by=heard_by, how=how, call_since=None, call=None
        )
        facts = {
            "incident": hearing.incident,
            "notice": hearing.notice,
            "round": hearing.round,
            "heard_at": at.isoformat(),
            "by_code": by == BY_CODE and heard_by is None,
            "after_call": hearing.call_since is not None,
        }
        self.trail.append(
            AuditRecord("notice.acknowledged", now, hearing.tenant, by, (), facts),
            documents=[self.shelves.hearings.put(key, known, over=version)],
        )
        return known


def _unknown() -> UnknownIncident:
    return UnknownIncident(
        "no notice is on its way, or arrived, of which this could be said",
        where="acknowledgement",
        cure="Check the incident, the tenant and the round, or the code as the notice has it.",
    )
