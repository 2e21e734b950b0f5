"""What this room hands out and other rooms ask too, so that it lies below them: legal holds, and how tenants stand."""

from __future__ import annotations

from smartify_core.policy._legal_holds import LegalHolds
from smartify_core.policy._standing import TenantStanding

__all__ = ["LegalHolds", "TenantStanding"]
