"""Bringing a tenant's record back to the present after a worker whose clock ran ahead.

Such a worker leaves a lease, a due time and a run state that lie years ahead: nobody gets the tenant, or every run ends
in `ClockWentBackwards`. Somebody who knows that *this* host's clock is right may bring all of it back. The steps stand
in an order in which a reset that is cut short has done no harm, and the next one does the rest:

1. who asks for it and why is written down, before anything happens;
2. the tenant is made due, and the lease that lies ahead is ended, under its own fence: if anybody else has claimed the
   tenant meanwhile, the store refuses;
3. the tenant is claimed like any other, so that whoever worked under the old claim is refused at the next write;
4. run state and held plans are brought back in one commit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, field, frozen

from smartify_core.errors import ClockNotAhead, LeaseHeld, NewerSchema, SealBroken, UsageError
from smartify_core.model import Claim, Clock, Document, PutDocument, TenantRecord
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from . import _run_state as run_state
from ._commits import Commits
from ._effects import Effect
from ._held_plan import HeldPlan
from ._held_plans import HeldPlans
from ._lease import CLOCK_TOLERANCE, LEASE_TTL, Lease
from ._log import log
from ._run_state import LONGEST_WAIT, QuarantineRecord, RunState, Tally

#: The kind of document under which resets are kept; the key is the reset's number.
KIND: Final = "clock reset"
#: The longest period that a schedule may have.
LONGEST_PERIOD: Final = timedelta(days=366)
_VERSION: Final = 1
#: Failures put a tenant off by this much at most, or by its period.
_LONGEST_BACKOFF: Final = timedelta(hours=6)
_TICK: Final = timedelta(microseconds=1)
_HELD_PLANS: Final = "held_plans"


@frozen(order=False)
class ClockReset:
    """One time that somebody had a tenant's record brought back to the present. Kept sealed under the tenant's key.

    ``found`` tells what lay ahead, and the latest instant of each: ``lease``, ``due``, the instants of the run state by
    their names there, ``quarantine``, ``tallies``, ``held_plans``.
    """

    tenant: str
    at: datetime
    by: str = field(repr=False)
    reason: str = field(repr=False)
    found: Mapping[str, datetime]


class ClockResets:
    """The resets of a store.

    Args:
        storage: Where the tenants are.
        sealer: What seals who asked for a reset, and why: free text may name people.
        held_plans: The held plans of the store.
        clock: The time, which must be right.
        lease_ttl: How long a lease lasts.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, held_plans: HeldPlans, *, clock: Clock, lease_ttl: timedelta
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._held_plans = held_plans
        self._clock = clock
        # A scheduler claims with a length of its own, which is this one unless somebody chose another.
        self._lease_ttl = max(lease_ttl, LEASE_TTL)

    def of(self, tenant: str) -> tuple[ClockReset, ...]:
        """Return the resets of ``tenant``, the first one first. One that is damaged is left out, and told to the log.

        Raises:
            WrongKey: The key ring does not hold the key that one was sealed under.
        """
        found: list[ClockReset] = []
        for document in every_document(self._storage, tenant, KIND):
            try:
                found.append(self._opened(tenant, document))
            except SealBroken as error:
                log().error("clock reset cannot be read", tenant=tenant, reset=document.key, code=error.code)
        return tuple(found)

    def begin(self, tenant: str, *, by: str, reason: str, every: timedelta) -> ClockReset:
        """Write the reset down, make the tenant due if it is scheduled, and end a lease that lies ahead.

        Raises:
            UsageError: ``by`` or ``reason`` is empty.
            ClockNotAhead: Nothing lies ahead; nothing was written.
            LeaseHeld: A worker holds a lease that is no longer than leases are; nothing was written.
            LeaseLost: Somebody else claimed the tenant meanwhile.
        """
        if not by.strip() or not reason.strip():
            raise UsageError("a reset needs a name and a reason", cure="Say who decides, and why.")
        now = self._clock()
        record = self._storage.tenant(tenant)
        found = self._found(record, now, every)
        if not found:
            raise ClockNotAhead(
                "nothing on record lies ahead of this host's clock; nothing was written",
                where=f"tenant {tenant}",
                cure="Check this host's clock. A lease that a worker left behind runs out by itself.",
            )
        if "lease" not in found and record.expires_at is not None and record.expires_at > now:
            raise LeaseHeld(
                "a worker holds the lease, which is no longer than leases are; nothing was written",
                where=f"tenant {tenant}",
                cure="Wait until it ends or expires, and reset the clock then.",
            )
        reset = ClockReset(tenant, now, by, reason, MappingProxyType(found))
        self._keep(reset)
        log().warning("clock reset", tenant=tenant, fence=record.fence, found=sorted(found))
        if record.due_at is not None and record.due_at > now:
            self._storage.schedule({tenant: now})
        if "lease" in found and record.expires_at is not None:
            # Not a claim made with an instant that far ahead: it would take the tenant from an honest worker, too, who
            # came by since the record was read. A renewal goes by the fence, so it hits this lease or none.
            old = Claim(tenant, record.fence, record.expires_at, record.revision, record.due_at)
            self._storage.renew(old, now=now - _TICK, ttl=_TICK)
        return reset

    def finish(self, tenant: str, lease: Lease) -> None:
        """Bring run state and held plans back to the present, in one commit under a lease of one's own."""
        now = self._clock()
        state, version = run_state.load(self._storage, tenant)
        documents = [
            self._held_plans.put(back, over=number)
            for plan, number in self._held_plans.of(tenant)
            if (back := _plan_brought_back(plan, now)) != plan
        ]
        mended = evolve(brought_back(state, now), clock_reset_at=now)
        commits = Commits(
            self._storage, self._sealer, lease, mended, version, window=timedelta(0), purpose="clock reset"
        )
        commits.finish(mended, documents)

    def _found(self, record: TenantRecord, now: datetime, every: timedelta) -> dict[str, datetime]:
        """Return what lies ahead of ``now`` by more than there is a good reason for."""
        found: dict[str, datetime] = {}
        # A lease is meant to lie ahead, by its length and by what the clock of its worker may differ. The bound is the
        # longest that an honest one may have, so that none of a worker who is merely slow is ever taken.
        if record.expires_at is not None and record.expires_at > now + self._lease_ttl + CLOCK_TOLERANCE:
            found["lease"] = record.expires_at
        # So is a due time: by a period and its jitter, which is shorter than the period, or by what failures add.
        longest = max(2 * min(every, LONGEST_PERIOD), _LONGEST_BACKOFF)
        if record.due_at is not None and record.due_at > now + longest + CLOCK_TOLERANCE:
            found["due"] = record.due_at
        state, _ = run_state.load(self._storage, record.tenant)
        found |= _ahead(state, now)
        held = [at for plan, _ in self._held_plans.of(record.tenant) for at in (plan.held_at, plan.decided_at) if at]
        if held and max(held) > now + CLOCK_TOLERANCE:
            found[_HELD_PLANS] = max(held)
        return found

    def _keep(self, reset: ClockReset) -> None:
        content = {
            "v": _VERSION,
            "at": reset.at.isoformat(),
            "by": reset.by,
            "why": reset.reason,
            "found": {name: at.isoformat() for name, at in reset.found.items()},
        }
        # None is ever removed, and of two who ask at the same time one is refused.
        key = f"{sum(1 for _ in every_document(self._storage, reset.tenant, KIND)) + 1:08}"
        sealed = self._sealer.seal_document(reset.tenant, KIND, key, json.dumps(content).encode())
        self._storage.record(reset.tenant, documents=[PutDocument(KIND, key, sealed, 0)])

    def _opened(self, tenant: str, document: Document) -> ClockReset:
        where = f"tenant {tenant}, document {KIND}/{document.key}"
        sealed = self._sealer.open_document(tenant, KIND, document.key, document.value)
        content: dict[str, Any] = json.loads(sealed)
        if content["v"] != _VERSION:
            raise NewerSchema(
                "a newer version of this library reset the clock", where=where, cure="Upgrade smartify-core."
            )
        return ClockReset(
            tenant=tenant,
            at=datetime.fromisoformat(content["at"]),
            by=content["by"],
            reason=content["why"],
            found=MappingProxyType({name: datetime.fromisoformat(at) for name, at in content["found"].items()}),
        )


def brought_back(state: RunState, now: datetime) -> RunState:
    """Return the state with every instant that lies ahead of ``now`` brought back to it. Pure.

    Effects that were counted in an hour to come count in the present one: to the guards they are as many as before.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    present: Counter[Effect] = Counter()
    for one in state.tallies:
        if one.hour >= hour:
            present.update(one.effects)
    tallies = [one for one in state.tallies if one.hour < hour]
    return evolve(
        state,
        began_at=_earlier(state.began_at, now),
        last_started_at=_earlier(state.last_started_at, now),
        last_finished_at=_earlier(state.last_finished_at, now),
        last_full_at=_earlier(state.last_full_at, now),
        converged_at=_earlier(state.converged_at, now),
        quarantine=tuple(_record_brought_back(one, now) for one in state.quarantine),
        tallies=(*tallies, Tally(hour, present)) if present else tuple(tallies),
    )


def _ahead(state: RunState, now: datetime) -> dict[str, datetime]:
    """Return the instants of the state that lie ahead of ``now`` by more than two clocks may differ, by name."""
    instants = {
        "began_at": state.began_at,
        "last_started_at": state.last_started_at,
        "last_finished_at": state.last_finished_at,
        "last_full_at": state.last_full_at,
        "converged_at": state.converged_at,
        # When a record is tried again lies ahead by right, for as long as the longest wait.
        "quarantine": max(
            (at for one in state.quarantine for at in (one.since, one.retry_at - LONGEST_WAIT)), default=None
        ),
        "tallies": max((one.hour for one in state.tallies), default=None),
    }
    return {name: at for name, at in instants.items() if at is not None and at > now + CLOCK_TOLERANCE}


def _record_brought_back(one: QuarantineRecord, now: datetime) -> QuarantineRecord:
    retry_at = now if one.retry_at > now + LONGEST_WAIT else one.retry_at
    return evolve(one, since=min(one.since, now), retry_at=retry_at)


def _plan_brought_back(plan: HeldPlan, now: datetime) -> HeldPlan:
    """Return the plan as if what was done to it ahead of ``now`` were done now.

    It may be decided about, or its approval or rejection holds, for as long as it would have from then. It is not made
    to expire: with a rejection that lapses, guards would have more room than somebody meant them to have.
    """
    held_at = min(plan.held_at, now)
    return evolve(
        plan,
        held_at=held_at,
        expires_at=held_at + (plan.expires_at - plan.held_at),
        decided_at=_earlier(plan.decided_at, now),
    )


def _earlier(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else min(at, now)
