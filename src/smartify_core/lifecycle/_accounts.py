"""Accounts as the host sees them, without a name: looked up by email or source id, or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from smartify_core.errors import SealBroken
from smartify_core.model import Account, AccountState, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page, every_tombstone


class Accounts:
    """The accounts of a store. No personal field of theirs is shown: that is for the policy gate alone.

    Args:
        storage: Where they are.
        sealer: What knows by which index an address is found.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer
        #: Tenants some account of whom was seen to open under these keys.
        self._ours: set[str] = set()

    def for_sign_in(self, tenant: str, email: str) -> Account | None:
        """Return the *active* account that carries this address, or ``None``: nobody else may sign in.

        As `by_email`, and ``None`` as well for somebody who is suspended or archived.

        Raises:
            WrongKey: As `by_email` does.
        """
        account = self.by_email(tenant, email)
        return account if account is not None and account.state is AccountState.ACTIVE else None

    def by_email(self, tenant: str, email: str) -> Account | None:
        """Return the live account that carries this address, compared without regard to case, or ``None``.

        The account may be inactive: before anybody is let in, ask `for_sign_in`. The address is looked up by its
        blind index and no sealed field is opened, so ``personal`` is ``None``. While an address is on its way from
        one account to another it may stand at two for a moment; then nobody is returned.

        Raises:
            WrongKey: Nobody was found, and the accounts were sealed under other keys, under which nobody can be.
        """
        found = self._storage.find_by_email(tenant, [self._sealer.email_index(tenant, email)])
        if not found:
            self._require_our_keys(tenant)
        return _seen(found[0]) if len(found) == 1 else None

    def by_source_id(self, tenant: str, source_id: str) -> Account | None:
        """Return the live account of this person of the directory, or ``None``: what an event is about, for example.

        The account may be inactive, and may be younger than the event: who was deleted and came back has another
        account id.

        Args:
            tenant: Whose account.
            source_id: The person's id in the directory, such as `Event.source_id`.
        """
        account = self._storage.load(tenant, [source_id]).get(source_id)
        return None if account is None else _seen(account)

    def each(self, tenant: str) -> Iterator[Account]:
        """Yield every account: the live ones in bytewise order of source id, then the deleted ones.

        Holds one page of accounts at a time.
        """
        for page in every_head_page(self._storage, tenant):
            sealed = self._storage.load(tenant, page.source_ids)
            for source_id in page.source_ids:
                # An account may be deleted between the page and the load; its tombstone follows.
                if (account := sealed.get(source_id)) is not None:
                    yield _seen(account)
        for stone in every_tombstone(self._storage, tenant):
            yield Account(tenant, stone.source_id, stone.account_id, AccountState.DELETED)

    def _require_our_keys(self, tenant: str) -> None:
        """Open one account of the tenant, once: with other keys every address would seem to be nobody's."""
        if tenant in self._ours:
            return
        some = self._storage.heads(tenant, limit=1).source_ids
        for account in self._storage.load(tenant, some).values():
            # One that is damaged says nothing about the keys, which are named in the open; `open` looks at them first.
            with suppress(SealBroken):
                self._sealer.open(account)
            self._ours.add(tenant)


def _seen(account: SealedAccount) -> Account:
    return Account(
        tenant=account.tenant,
        source_id=account.source_id,
        account_id=account.account_id,
        state=account.state,
        inactive_reason=account.inactive_reason,
        predecessor=account.predecessor,
        adopted=account.adopted,
    )
