"""Many tenants, each when it is due: the schedule that lives in the store, and what there is to see of it."""

from __future__ import annotations

from ._scheduler import Scheduler
from ._status import TenantStatus, status

__all__ = [
    "Scheduler",
    "TenantStatus",
    "status",
]
