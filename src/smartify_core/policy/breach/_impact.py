"""What an incident may have done, as a value: tenant by tenant, and how that was found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from ._incident import BreachScope, Incident
from ._vocabulary import Outcome


@frozen(order=False)
class TenantImpact:
    """What an incident may have done to one tenant's data.

    Args:
        tenant: The tenant.
        outcome: What it may have done.
        fields: The values of `PersonalField` that may be concerned, in order.
        subjects: How many accounts may be concerned, those that have ended since included.
        records: How many entries of the trail lead there; 0 where a whole store or key leads there.
        first_at: When data may have been reached for the first time.
        last_at: And for the last time.
        vendors: The vendors through which.
        scopes: Which scopes of the incident led there: their positions, from 0.
        chunks: In how many parts the accounts are listed.
    """

    tenant: str
    outcome: Outcome
    fields: tuple[str, ...] = ()
    subjects: int = 0
    records: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    vendors: tuple[str, ...] = ()
    scopes: tuple[int, ...] = ()
    chunks: int = 0


@frozen(order=False)
class SubjectImpact:
    """One account that may be concerned.

    Args:
        account_id: Which one.
        fields: The values of `PersonalField` that may be concerned, in order.
    """

    account_id: str
    fields: tuple[str, ...]


@frozen(order=False)
class Impact:
    """What an incident may have done, and what that was computed from: whoever has the trail can compute it again.

    Args:
        incident: The incident.
        revision: Which computation it is, from 1.
        at: When it was made.
        by: Who asked for it.
        scopes: The query.
        scope_revision: The revision of the incident's scopes.
        trail_size: How many entries the audit trail had: all of them were looked at.
        trail_root: The root of its tree then, in hexadecimal digits.
        entries: How many entries are in scope.
        tenants: How many tenants the store and the trail know.
        counts: How many tenants have each value of `Outcome`.
        subjects: How many accounts may be concerned.
        digest: The SHA-256 over every `TenantImpact` in canonical form, in order of tenant, in hexadecimal digits.
        limits: What could not be told, in words: what the store and the trail do not know.
        whole: Whether all of it is kept; ``False`` while it is being written.
    """

    incident: str
    revision: int
    at: datetime
    by: str
    scopes: tuple[BreachScope, ...]
    scope_revision: int
    trail_size: int
    trail_root: str
    entries: int
    tenants: int
    counts: Mapping[str, int] = field(hash=False)
    subjects: int = 0
    digest: str = ""
    limits: tuple[str, ...] = ()
    whole: bool = True

    def is_present(self, incident: Incident) -> bool:
        """Return whether it is whole, and was computed for the scopes that an incident has now."""
        return self.whole and self.scope_revision == incident.scope_revision

    @property
    def affected(self) -> int:
        """How many tenants may be affected."""
        return self.counts.get(Outcome.AFFECTED.value, 0)


@frozen(order=False)
class ImpactDifference:
    """What another computation found otherwise.

    Args:
        before: The revision that it is compared with.
        after: The revision that it is.
        newly: Tenants that may be affected, in any way, and were not.
        no_longer: Tenants that were, and are not.
        changed: Tenants of which something else differs.
    """

    before: int
    after: int
    newly: tuple[str, ...] = ()
    no_longer: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
