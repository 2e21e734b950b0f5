"""An employee who may see names: on record, bound by confidentiality, and with a grant that another has approved."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from smartify_core.policy import ACCOUNT_FIELDS, Policy, Purpose
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage

#: Who looks, and who approves the grants of others.
WHO: Final = "e-17"
APPROVER: Final = "e-2"
#: What the command is told by whoever looks.
AS: Final = ("--as", WHO, "--purpose", "ServiceProvision", "--reason", "to compare with the directory")


def staffed(policy: Policy) -> None:
    """Put the two on record, each with a confidentiality agreement, unless they are there."""
    for who in (WHO, APPROVER):
        if policy.staff.get(who) is None:
            policy.staff.add(who, by="test", may_approve=who == APPROVER)
            policy.staff.bind(who, agreement=f"nda-{who}", evidence=sha256(who.encode()).hexdigest(), by="test")


def let_in(folder: Path, *tenants: str) -> None:
    """Let `WHO` see all fields of these tenants' people for thirty days, in the store and by the keys of a folder."""
    with SQLiteStorage(folder / "smartify.db") as storage:
        policy = Policy(storage, Sealer(FileKeyRing(folder / "smartify.keys")))
        staffed(policy)
        for tenant in tenants:
            if policy.grants.of(WHO, tenant):
                continue
            asked = policy.grants.request(
                WHO,
                tenant=tenant,
                purpose=Purpose.SERVICE_PROVISION,
                fields=ACCOUNT_FIELDS,
                reason="the tests look",
                lasts=timedelta(days=30),
            )
            policy.grants.approve(asked.id, by=APPROVER)
