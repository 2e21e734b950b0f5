"""The room that works out whom an incident may have reached: from the audit trail, once through, and the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import evolve

from smartify_core.errors import WriteConflict
from smartify_core.policy.audit import Fact, Trail
from smartify_core.policy.breach._impact import Impact, ImpactDifference, SubjectImpact, TenantImpact
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.policy.breach._vocabulary import Outcome
from smartify_core.policy.vendors import Vendors
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._assessing import Assessing
from ._kept_impacts import KeptImpacts, taken_over

#: How often the last step is tried while others write to the incident.
_ATTEMPTS: Final = 20


class Assessments:
    """What incidents may have done, tenant by tenant.

    No false negative is the law here: what is not known never makes a customer safe.

    Args:
        storage: The store that the incidents are about, and in which impacts are kept.
        sealer: What seals them, and tells the names of keys.
        trail: The audit trail.
        vendors: The register of vendors.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail, *, vendors: Vendors) -> None:
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._vendors = vendors
        self._recorded = Recorded(storage, sealer, trail)
        self._kept = KeptImpacts(storage, sealer)

    def assess(self, incident_id: str, *, by: str) -> Impact:
        """Work out whom an incident may have reached, by its scopes as they are now, and keep that.

        The whole trail is read, to where it ends at the beginning of this: once, and once more where its time was ever
        brought back and a window has an end. What is kept counts from the last step
        on, in which the incident names it; an attempt that was cut short is written over by the next one.

        Args:
            incident_id: The incident.
            by: The id of whoever asks for it.

        Returns:
            The impact: whoever has the trail can compute it again.

        Raises:
            UnknownIncident: There is no such incident.
            IncidentClash: Somebody else computes it at the same time, or has changed its scopes meanwhile.
            TrailBroken: An entry of the trail is missing, or is none.
            UsageError: ``by`` is no id.
            AuditUnavailable: It cannot be recorded, and so does not count.
            StorageError: The store could not be read or written.
        """
        incident, _ = self._recorded.get(incident_id)
        assessing = Assessing(self._storage, self._sealer, self._trail, self._vendors, self._kept)
        impact, writing = assessing.run(incident, by=by, at=self._recorded.now())
        more: dict[str, Fact] = {}
        if incident.impact_revision:
            was = self._kept.places(self._kept.get(incident_id, incident.impact_revision))
            now = self._kept.places(impact)
            more = {"newly": len(now - was), "no_longer": len(was - now)}
        for _ in range(_ATTEMPTS):
            present, version = self._recorded.get(incident_id)
            if (present.impact_revision, present.scope_revision) != (incident.impact_revision, incident.scope_revision):
                raise taken_over(incident_id)
            try:
                self._recorded.change(
                    evolve(present, impact_revision=impact.revision),
                    version,
                    "incident.assessed",
                    by=by,
                    at=self._recorded.now(),
                    facts={**_counts(impact), **more},
                    documents=[writing.whole(impact)],
                )
            except WriteConflict:
                continue
            return impact
        raise taken_over(incident_id)

    def get(self, incident_id: str, revision: int | None = None) -> Impact:
        """Return the latest impact of an incident, or one of its earlier ones.

        Raises:
            UnknownIncident: There is no such incident, or no such impact of it.
            StorageError: The store could not be read.
        """
        if revision is None:
            revision = self._recorded.get(incident_id)[0].impact_revision
        return self._kept.get(incident_id, revision)

    def tenants(
        self, incident_id: str, revision: int | None = None, *, also_unaffected: bool = False
    ) -> Iterator[TenantImpact]:
        """Yield every tenant that may be affected, or of which ciphertext is out: not in order of name.

        They come in the order of their keys, in which each name stands as a hash: always the same one, and none that
        says anything. Sort them by name where they are shown.

        Args:
            incident_id: The incident.
            revision: Which of its impacts; the latest one without it.
            also_unaffected: Then also those that were known and are not affected, in order of name.

        Raises:
            UnknownIncident: There is no such incident, or no such impact of it.
            StorageError: The store could not be read.
        """
        impact = self.get(incident_id, revision)
        yield from self._kept.tenants(impact)
        for tenant in self._kept.unaffected(impact) if also_unaffected else ():
            yield TenantImpact(tenant, Outcome.NOT_AFFECTED)

    def tenant(self, incident_id: str, tenant: str, revision: int | None = None) -> TenantImpact:
        """Return what came of one tenant; of one that nobody knew then, that it is not affected.

        Raises:
            UnknownIncident: There is no such incident, or no such impact of it.
            StorageError: The store could not be read.
        """
        found = self._kept.tenant(self.get(incident_id, revision), tenant)
        return TenantImpact(tenant, Outcome.NOT_AFFECTED) if found is None else found

    def subjects(self, incident_id: str, tenant: str, revision: int | None = None) -> Iterator[SubjectImpact]:
        """Yield the accounts of a tenant that may be concerned, those that have ended since included.

        Raises:
            UnknownIncident: There is no such incident, or no such impact of it.
            StorageError: The store could not be read.
        """
        return self._kept.subjects(self.get(incident_id, revision), tenant)

    def difference(self, incident_id: str, before: int, after: int) -> ImpactDifference:
        """Return what one computation found otherwise than another.

        Args:
            incident_id: The incident.
            before: The revision that it is compared with.
            after: The revision that is compared.

        Raises:
            UnknownIncident: There is no such incident, or no such impact of it.
            StorageError: The store could not be read.
        """
        return self._differing(self.get(incident_id, before), self.get(incident_id, after))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _differing(self, before: Impact, after: Impact) -> ImpactDifference:
        was = {one.tenant: one for one in self._kept.tenants(before)}
        now = {one.tenant: one for one in self._kept.tenants(after)}
        both = was.keys() & now.keys()
        return ImpactDifference(
            before.revision,
            after.revision,
            tuple(sorted(now.keys() - was.keys())),
            tuple(sorted(was.keys() - now.keys())),
            tuple(sorted(one for one in both if was[one] != now[one])),
        )


def _counts(impact: Impact) -> dict[str, Fact]:
    return {
        "revision": impact.revision,
        "affected": impact.affected,
        "ciphertext_only": impact.counts[Outcome.CIPHERTEXT_ONLY.value],
        "not_affected": impact.counts[Outcome.NOT_AFFECTED.value],
        "trail_size": impact.trail_size,
        "trail_root": impact.trail_root,
    }
