"""Writing what a plan says: batch by batch, each with its journal entries and the state of the run it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from attrs import evolve

from smartify_core.errors import StalePlan, StorageBusy, StorageUnavailable, WriteConflict
from smartify_core.model import Batch, Erase, InactiveReason, Put, PutDocument
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from . import _run_state as run_state
from . import _subject_keys as subject_keys
from ._holds import holding
from ._journal import JournalEntry, encode
from ._lease import Lease
from ._plan import Change, Plan
from ._run_state import RunState


class Commits:
    """The commits of one run, under its lease.

    Each commit is named after the lease's fence and its own number. One whose answer is lost is made once more under
    the same name, so that it happens once whether or not it had happened.

    Args:
        storage: Where they go.
        sealer: What opens the legal holds that may be in the way.
        lease: The right to make them.
        state: What is remembered of the tenant's runs.
        version: The version of the document that says so.
        window: How long effects are remembered.
        purpose: Tells the commits of several such series under one lease apart.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        lease: Lease,
        state: RunState,
        version: int,
        *,
        window: timedelta,
        purpose: str = "run",
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._lease = lease
        self._version = version
        self._window = window
        self._purpose = purpose
        self._number = 0
        self.state = state

    def changes(self, plan: Plan, some: Sequence[Change]) -> None:
        """Write these changes of ``plan``, with their entries in the journal and their effects counted.

        With an account that ends goes the key of its person.

        Raises:
            StalePlan: A legal hold was placed meanwhile on an account that would end; nothing of these was written.
        """
        effects = [effect for change in some for effect in change.effects]
        now = self._lease.now()
        # Counted when they are done: a plan that was kept for a while counts in the window of today.
        state = self.state.tallied(effects, now, self._window)
        state = evolve(state, began_at=state.began_at or now, trusted=state.trusted or not plan.known)
        entries = tuple(encode(entry_of(plan, change)) for change in some)
        self._commit(tuple(change.write for change in some), entries, (), state)

    def finish(self, state: RunState, documents: Iterable[PutDocument] = ()) -> None:
        """Write how the run ended, with whatever documents belong to that."""
        self._commit((), (), tuple(documents), state)

    def _commit(
        self,
        writes: tuple[Put | Erase, ...],
        entries: tuple[bytes, ...],
        documents: tuple[PutDocument, ...],
        state: RunState,
    ) -> None:
        self._lease.keep()
        tenant = self._lease.claim.tenant
        ended = {write.tombstone.account_id for write in writes if isinstance(write, Erase)}
        keys = self._keys_of(tenant, ended)
        while True:
            self._number += 1
            batch = Batch(
                writes=writes,
                entries=entries,
                documents=(*documents, *keys, run_state.put(state, over=self._version)),
                id=f"{self._lease.claim.fence}.{self._purpose}.{self._number}",
            )
            try:
                self._write(batch)
                break
            except WriteConflict:
                # Of these documents a run is not the only writer: a hold was placed, or a key was made or sealed anew.
                before = self._version, keys
                self._version, keys = run_state.version(self._storage, tenant), self._keys_of(tenant, ended)
                if (self._version, keys) == before or self._version < before[0]:
                    raise
        self.state, self._version = state, self._version + 1
        subject_keys.remove(self._storage, tenant, ended)

    def _write(self, batch: Batch) -> None:
        try:
            self._storage.commit(self._lease.claim, batch)
        except (StorageBusy, StorageUnavailable):
            self._storage.commit(self._lease.claim, batch)

    def _keys_of(self, tenant: str, ended: Collection[str]) -> tuple[PutDocument, ...]:
        """Return the writes that remove the keys of whoever ends, after a look whether they still may."""
        if ended:
            held = holding(self._storage, self._sealer, tenant, self._lease.now())
            if any(account_id in held for account_id in ended):
                raise StalePlan(
                    "a legal hold was placed since the plan was made, on an account that would have ended",
                    where=f"tenant {tenant}",
                    cure="Make a new plan: it deactivates the account, and leaves it until the hold ends.",
                )
        return subject_keys.removals(self._storage, tenant, ended)


def entry_of(plan: Plan, change: Change) -> JournalEntry:
    """Return what the journal keeps of a change: ids, reasons and names of fields."""
    account = change.write.account if isinstance(change.write, Put) else None
    reason: InactiveReason | None = None if account is None else account.inactive_reason
    return JournalEntry(
        tenant=plan.tenant,
        at=plan.planned_at,
        kind=change.kind,
        source_id=change.source_id,
        account_id=change.account_id,
        version=change.write.expected_version + 1,
        fields=change.fields,
        joined=change.joined,
        left=change.left,
        inactive_reason=None if reason is None else reason.value,
        adopted=change.adopted,
        predecessor=None if account is None else account.predecessor,
        snapshot_id=plan.snapshot_id,
        evidence=change.evidence,
        rule=change.rule,
        plan=change.plan,
    )
