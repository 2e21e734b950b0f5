"""Legal holds on a tenant's accounts: who must not end now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import frozen

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import LEGAL_HOLD, LegalHold
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._log import log

#: Why an account whose person is gone is deactivated and not deleted.
HELD: Final = "legal hold: deactivated here at once, and kept until the hold ends"


@frozen(order=False)
class Holding:
    """The keys of the holds that hold at an instant."""

    keys: frozenset[str] = frozenset()

    def __contains__(self, account_id: object) -> bool:
        """Return whether the account must not end."""
        return bool(self.keys) and (account_id in self.keys or LegalHold.key_of(None) in self.keys)


def holding(storage: Storage, sealer: Sealer, tenant: str, now: datetime) -> Holding:
    """Return which accounts of ``tenant`` must not end at ``now``. A hold that cannot be read holds.

    Raises:
        WrongKey: The key ring does not hold the key that one was sealed under.
        StorageError: The store could not be read.
    """
    keys: set[str] = set()
    for document in every_document(storage, tenant, LEGAL_HOLD):
        try:
            content = sealer.open_document(tenant, LEGAL_HOLD, document.key, document.value)
            hold = LegalHold.of_bytes(tenant, content)
        except (SealBroken, NewerSchema) as error:
            log().error("legal hold cannot be read, and holds", tenant=tenant, hold=document.key, code=error.code)
        else:
            if not hold.holds_at(now):
                continue
        keys.add(document.key)
    return Holding(frozenset(keys))
