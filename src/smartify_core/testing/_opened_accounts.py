"""Accounts with their personal fields, for tests that compare them with a directory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from attrs import evolve

from smartify_core.lifecycle import Accounts
from smartify_core.model import Account
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage


def opened_accounts(storage: Storage, sealer: Sealer, tenant: str) -> Iterator[Account]:
    """Yield every account with its personal fields: the live ones in order of source id, then the deleted ones.

    For test suites, which hold the keys of no real person. Nothing is asked and nothing is recorded: where people are
    real, only the policy gate opens their fields.

    Args:
        storage: Where the accounts are.
        sealer: What opens them.
        tenant: Whose accounts.

    Raises:
        WrongKey: The key ring does not hold the key of an account.
        SealBroken: An account's sealed bytes were altered.
    """
    closed = Accounts(storage, sealer).each(tenant)
    while some := list(islice(closed, KEYS_AT_ONCE)):
        sealed = storage.load(tenant, [account.source_id for account in some])
        for account in some:
            held = sealed.get(account.source_id)
            if held is not None and held.account_id == account.account_id:
                yield evolve(account, personal=sealer.open(held))
            else:
                yield account
