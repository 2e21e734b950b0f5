"""Holding a tenant while a run works: a lease that is renewed in time, and a clock that is not believed backwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from smartify_core.errors import ClockWentBackwards
from smartify_core.model import Claim, Clock
from smartify_core.storage import Storage

#: How long a tenant's lease lasts when its worker falls silent. A working one renews it.
LEASE_TTL: Final = timedelta(minutes=10)
#: By how much the clocks of two hosts may differ. Beyond it, times on record would stand in the wrong order.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)


class Lease:
    """A claim that is renewed once half of its time is gone.

    Args:
        storage: Where the claim was made.
        claim: The claim.
        clock: The time.
        ttl: How long a renewal lasts.
    """

    def __init__(self, storage: Storage, claim: Claim, clock: Clock, ttl: timedelta) -> None:
        self._storage = storage
        self._clock = clock
        self._ttl = ttl
        self._latest: datetime | None = None
        self.claim = claim
        #: When the tenant is due next, if that is known when the lease is given back.
        self.next_due: datetime | None = None

    def now(self) -> datetime:
        """Return the present instant."""
        return self._clock()

    def keep(self) -> None:
        """Renew the claim if it is time.

        Raises:
            LeaseLost: Another worker took over.
            ClockWentBackwards: The clock shows an earlier time than before.
        """
        now = self._clock()
        check_clock(now, self._latest, self.claim.tenant)
        self._latest = now
        if self.claim.expires_at - now < self._ttl / 2:
            self.claim = self._storage.renew(self.claim, now=now, ttl=self._ttl)


def check_clock(now: datetime, latest: datetime | None, tenant: str) -> None:
    """Raise unless ``now`` may come after ``latest``.

    Raises:
        ClockWentBackwards: It lies before it, by more than the clocks of two hosts may differ.
    """
    if latest is not None and now < latest - CLOCK_TOLERANCE:
        raise ClockWentBackwards(
            f"the clock shows a time {latest - now} before one that is on record; nothing was written",
            where=f"tenant {tenant}",
            cure="Set this host's clock, and keep it by NTP. If another's ran ahead, reset the clock of the tenant.",
        )
