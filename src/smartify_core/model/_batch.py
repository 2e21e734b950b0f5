"""What is handed to storage in one atomic write, and the right to hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from attrs import field, frozen

from ._account import SealedAccount, Tombstone

#: The journal of a tenant that holds what its runs tell the host: `Batch.entries` go there.
OUTBOX: Final = "outbox"

#: The name under which a store holds what policy knows: the audit trail, employees, grants, vendors. No tenant may have
#: it, and it outlives every tenant.
LEDGER: Final = "smartify:policy"

#: The kind of document under `LEDGER` that says of a tenant that it is off-boarded, or being so; the key is its name.
TENANT_STANDING: Final = "tenant standing"
#: The kind of a tenant's documents that hold the key of one account's person, sealed; the key is the account id. What
#: else is kept about the person is sealed under it. It goes with the account, in the same commit.
SUBJECT_KEY: Final = "subject key"
#: The kind of a tenant's documents that forbid the end of an account, sealed; the key is the account id.
LEGAL_HOLD: Final = "legal hold"
#: Kind and key of a tenant's document that every commit of a run writes over. Who writes it over as it is makes a run
#: that is under way look again at what else has changed.
RUN_STATE: Final = ("run", "state")


@frozen(order=False)
class Put:
    """Write an account whole.

    ``expected_version`` is the version it replaces, to which the account's own adds one; 0 means that no live account
    may be there, and then the account's version is 1 in a run, and any in a copy of another store.
    """

    account: SealedAccount
    expected_version: int


@frozen(order=False)
class Erase:
    """End an account: destroy key, indexes and payload, and leave the tombstone.

    ``expected_version`` is the version of the account that ends; 0 means that this store never held it, as in a copy of
    another store, and only the tombstone is written.
    """

    tombstone: Tombstone
    expected_version: int


@frozen(order=False)
class Document:
    """Something small that is kept beside a tenant's accounts, such as a held plan: opaque bytes under kind and key.

    ``version`` counts the writes of this document, from 1.
    """

    kind: str
    key: str
    value: bytes = field(repr=False)
    version: int


@frozen(order=False)
class PutDocument:
    """Write a document whole, or remove it (``value`` is ``None``).

    ``expected_version`` is the version it replaces; 0 means that no such document may be there.
    """

    kind: str
    key: str
    value: bytes | None = field(repr=False)
    expected_version: int


@frozen(order=False)
class Append:
    """Add to the end of one of a tenant's journals.

    Args:
        journal: The name of the journal; one comes into being when it is first named.
        entries: What it gets, in this order: opaque bytes without personal data.
        expected_position: The position of the latest entry, which must be just that: who has read so far adds to what
            they have read. A journal that never had an entry begins after any position that is named (as the copy of
            one whose first entries were trimmed away does). ``None`` adds to whatever is there.
    """

    journal: str
    entries: tuple[bytes, ...] = field(repr=lambda entries: f"<{len(entries)} entries>")
    expected_position: int | None = None


@frozen(order=False)
class Batch:
    """Writes that happen together or not at all. A batch names each source id, document and journal at most once.

    Args:
        writes: Accounts that are written or ended.
        entries: What the tenant's outbox gets, in this order: opaque bytes without personal data.
        documents: Documents that are written or removed.
        id: A name of the batch, unique within the tenant. A commit whose answer was lost may be repeated under it:
            while it is the tenant's latest, it is not applied again and gets its first receipt.
        appends: What other journals get.
        revision: The tenant's revision is at least this afterwards. Only the copy of another store has a reason to
            set it, so that what was planned upon an earlier revision stays out of date.
    """

    writes: tuple[Put | Erase, ...] = ()
    entries: tuple[bytes, ...] = field(default=(), repr=lambda entries: f"<{len(entries)} entries>")
    documents: tuple[PutDocument, ...] = ()
    id: str | None = None
    appends: tuple[Append, ...] = ()
    revision: int = 0


@frozen(order=False)
class Claim:
    """An expiring exclusive right to a tenant's run: the lease, with the fence that every write shows."""

    tenant: str
    #: Grows by one with every claim of the tenant; a write under an older fence is refused.
    fence: int
    expires_at: datetime
    #: The tenant's revision when the claim was made or renewed.
    revision: int
    #: When the tenant was due, as the claim found it; ``None`` for one that is not scheduled.
    due_at: datetime | None = None


@frozen(order=False)
class Receipt:
    """What a commit answers: the tenant's revision after it. Every commit that writes accounts adds one."""

    revision: int


@frozen(order=False)
class Entry:
    """One entry of a journal. Positions begin at 1 and have no gaps."""

    position: int
    content: bytes = field(repr=False)


@frozen(order=False)
class TenantRecord:
    """What a store knows of a tenant as a whole; all zero and ``None`` for one never heard of."""

    tenant: str
    #: The fence of the newest claim.
    fence: int = 0
    #: When the newest claim expires; ``None`` when it was released.
    expires_at: datetime | None = None
    #: How many commits have written accounts.
    revision: int = 0
    #: When the tenant is due for its next run; ``None`` when it is not scheduled.
    due_at: datetime | None = None
    #: How many live accounts there are.
    accounts: int = 0
    #: The sum of the fingerprints of all live accounts, as big-endian numbers, modulo 2^128.
    digest: int = field(default=0, repr=False)
    #: The position of the latest entry of the outbox; 0 for none.
    position: int = 0
    #: That of each other journal that was ever added to, by name.
    positions: Mapping[str, int] = field(factory=dict[str, int], hash=False)
