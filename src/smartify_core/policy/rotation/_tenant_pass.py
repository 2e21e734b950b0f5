"""One pass over a tenant under its lease: batch by batch, each in one commit with how far the pass has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from attrs import evolve

from smartify_core.errors import SealBroken, StorageBusy, StorageUnavailable, WriteConflict
from smartify_core.model import Batch, Claim, Clock, Document, Put, PutDocument, SealedAccount
from smartify_core.policy._log import log
from smartify_core.storage import Storage

from ._progress import KIND, Progress, ProgressDocument

#: Returns the account or the value of the document as it shall be, or ``None`` where it may stay as it is.
RenewAccount = Callable[[SealedAccount], SealedAccount | None]
RenewDocument = Callable[[Document], bytes | None]

_One = TypeVar("_One")
_New = TypeVar("_New")

#: How often a batch is made anew because somebody else has written what it was made from.
_ATTEMPTS: Final = 100


class TenantPass:
    """A pass over what one tenant has sealed.

    Args:
        storage: Where it is.
        claim: The lease of the tenant.
        progress: How far it has come.
        clock: The time.
        lease_ttl: How long a renewal of the lease lasts.
        batch_size: How many accounts or documents are read, and written at most, together.
    """

    def __init__(
        self,
        storage: Storage,
        claim: Claim,
        progress: ProgressDocument,
        *,
        clock: Clock,
        lease_ttl: timedelta,
        batch_size: int,
    ) -> None:
        self._storage = storage
        self._claim = claim
        self._document = progress
        self._clock = clock
        self._ttl = lease_ttl
        self._size = batch_size
        self._number = 0

    def run(self, renew_account: RenewAccount, renew_document: RenewDocument) -> Progress:
        """Renew all that is left of the pass, and return how it ended. The document about it stays.

        Raises:
            LeaseLost: Another worker took over; what was committed before stays.
            WrongKey: Something is under a key that the key ring does not hold.
        """
        while not self._document.progress.past_accounts:
            self._attempted(lambda: self._accounts(renew_account))
        while not self._document.progress.done:
            self._attempted(lambda: self._documents(renew_document))
        return self._document.progress

    def commit(self, documents: tuple[PutDocument, ...], writes: tuple[Put, ...] = ()) -> None:
        """Write a batch under the lease. One whose answer is lost is made once more under the same name."""
        now = self._clock()
        if self._claim.expires_at - now < self._ttl / 2:
            self._claim = self._storage.renew(self._claim, now=now, ttl=self._ttl)
        self._number += 1
        batch = Batch(writes=writes, documents=documents, id=f"{self._claim.fence}.rotation.{self._number}")
        try:
            self._storage.commit(self._claim, batch)
        except (StorageBusy, StorageUnavailable):
            self._storage.commit(self._claim, batch)

    def _attempted(self, step: Callable[[], None]) -> None:
        for left in reversed(range(_ATTEMPTS)):
            try:
                step()
            except WriteConflict:
                # Somebody has written an account or a document since it was read. It is read again, never overwritten.
                if not left:
                    raise
            else:
                return

    def _accounts(self, renew: RenewAccount) -> None:
        progress = self._document.progress
        page = self._storage.heads(self._claim.tenant, after=progress.account or None, limit=self._size)
        found = self._storage.load(self._claim.tenant, page.source_ids) if len(page) else {}
        old = {account.source_id: account for account in found.values()}
        renewed, damaged = self._renewed(old.values(), renew, lambda account: account.account_id)
        after = evolve(
            progress,
            account=page.source_ids[-1] if len(page) else progress.account,
            past_accounts=len(page) < self._size,
            accounts=progress.accounts + len(renewed),
            damaged=progress.damaged + damaged,
        )
        self._advance(after, writes=tuple(Put(new, was.version) for was, new in renewed))

    def _documents(self, renew: RenewDocument) -> None:
        progress = self._document.progress
        page = self._storage.documents(self._claim.tenant, after=progress.document, limit=self._size)
        others = [one for one in page if one.kind != KIND]
        renewed, damaged = self._renewed(others, renew, lambda one: f"{one.kind}/{one.key}")
        after = evolve(
            progress,
            document=(page[-1].kind, page[-1].key) if page else progress.document,
            done=len(page) < self._size,
            documents=progress.documents + len(renewed),
            damaged=progress.damaged + damaged,
        )
        self._advance(after, documents=tuple(PutDocument(o.kind, o.key, new, o.version) for o, new in renewed))

    def _renewed(
        self, some: Iterable[_One], renew: Callable[[_One], _New | None], name: Callable[[_One], str]
    ) -> tuple[list[tuple[_One, _New]], int]:
        """Return what is to be written with what it was, and how many of them open under no key."""
        renewed: list[tuple[_One, _New]] = []
        damaged = 0
        for one in some:
            try:
                new = renew(one)
            except SealBroken as error:
                log().error("does not open under any key", tenant=self._claim.tenant, what=name(one), code=error.code)
                damaged += 1
                continue
            if new is not None:
                renewed.append((one, new))
        return renewed, damaged

    def _advance(
        self, progress: Progress, *, writes: tuple[Put, ...] = (), documents: tuple[PutDocument, ...] = ()
    ) -> None:
        """Write a batch with how far the pass has come then. Where nothing is to be written, only remember it."""
        if writes or documents:
            self.commit((*documents, self._document.put(progress)), writes)
            self._document.version += 1
        self._document.progress = progress
