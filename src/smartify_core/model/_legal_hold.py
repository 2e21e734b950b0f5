"""A legal hold: what forbids that an account, or any of a tenant's, ends."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final, Self

from attrs import field, frozen

from smartify_core.errors import NewerSchema, SealBroken

_FORMAT: Final = 1
#: The key of the hold on a whole tenant. No account id has the sign: it would be an address.
_WHOLE_TENANT: Final = "@tenant"


@frozen(order=False)
class LegalHold:
    """Somebody's order that what is held of a person, or of everybody at a tenant, must be kept for now.

    Args:
        tenant: The tenant.
        placed_at: Since when it holds.
        by: Who placed it.
        reason: Why.
        account_id: The account that must not end; ``None`` for all of the tenant's.
        source_id: The person whose account it is; ``None`` with ``account_id``.
        until: From when on it holds no longer; ``None`` until it is released.
    """

    tenant: str
    placed_at: datetime
    by: str = field(repr=False)
    reason: str = field(repr=False)
    account_id: str | None = None
    source_id: str | None = None
    until: datetime | None = None

    @property
    def key(self) -> str:
        """The key of its document."""
        return self.key_of(self.account_id)

    @staticmethod
    def key_of(account_id: str | None) -> str:
        """Return the key of the hold on an account; that of the hold on the whole tenant for ``None``."""
        return _WHOLE_TENANT if account_id is None else account_id

    def holds_at(self, now: datetime) -> bool:
        """Return whether it holds at this instant."""
        return self.until is None or now < self.until

    def to_bytes(self) -> bytes:
        """Return what is sealed as the content of its document."""
        content = {
            "v": _FORMAT,
            "at": self.placed_at.isoformat(),
            "by": self.by,
            "why": self.reason,
            "account": self.account_id,
            "source": self.source_id,
            "until": None if self.until is None else self.until.isoformat(),
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def of_bytes(cls, tenant: str, content: bytes) -> Self:
        """Return the hold that `to_bytes` wrote.

        Raises:
            SealBroken: It is none.
            NewerSchema: A newer version of this library wrote it.
        """
        where = f"tenant {tenant}, legal hold"
        try:
            held = json.loads(content)
            if held["v"] != _FORMAT:
                raise NewerSchema(
                    "a newer version of this library wrote it", where=where, cure="Upgrade smartify-core."
                )
            until = held["until"]
            return cls(
                tenant,
                datetime.fromisoformat(held["at"]),
                held["by"],
                held["why"],
                held["account"],
                held["source"],
                None if until is None else datetime.fromisoformat(until),
            )
        except (KeyError, TypeError, ValueError):
            raise SealBroken("a legal hold is damaged", where=where, cure="Place it again.") from None
