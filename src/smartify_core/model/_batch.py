"""What is handed to storage in one atomic write, and the right to hand it over."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from ._account import SealedAccount, Tombstone


@frozen(order=False)
class Put:
    """Write an account whole.

    ``expected_version`` is the version it replaces; 0 means that no live account may be there.
    """

    account: SealedAccount
    expected_version: int


@frozen(order=False)
class Erase:
    """End an account: destroy key, indexes and payload, and leave the tombstone."""

    tombstone: Tombstone
    expected_version: int


@frozen(order=False)
class Batch:
    """Writes that happen together or not at all. A batch names each source id at most once."""

    writes: tuple[Put | Erase, ...]


@frozen(order=False)
class Claim:
    """An expiring exclusive right to a tenant's run: the lease, with the fence that every write shows."""

    tenant: str
    #: Grows by one with every claim of the tenant; a write under an older fence is refused.
    fence: int
    expires_at: datetime
    #: The tenant's revision when the claim was made or renewed.
    revision: int


@frozen(order=False)
class Receipt:
    """What a commit answers: the tenant's revision after it. Every commit adds one."""

    revision: int
