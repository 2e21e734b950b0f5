"""Where held plans are kept: as documents of the store, sealed under the tenant's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import astuple

from smartify_core.errors import NewerSchema, SealBroken, UnknownPlan
from smartify_core.model import Document, PutDocument
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

from ._effects import EffectKey
from ._held_plan import HeldChange, HeldPlan, HeldPlanStatus, hash_of
from ._log import log

#: The kind of document under which held plans are kept; the key is the hash.
KIND: Final = "held plan"
_VERSION: Final = 1
_HASH_LIKE: Final = frozenset("0123456789abcdef")


class HeldPlans:
    """The held plans of a store, sealed.

    Args:
        storage: Where they are.
        sealer: What seals and opens them.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer

    def of(self, tenant: str) -> tuple[tuple[HeldPlan, int], ...]:
        """Return every held plan of ``tenant`` with the version of its document, the latest first.

        One that is damaged stops nobody: it is left out, and told to the log.

        Raises:
            WrongKey: The key ring does not hold the key that one was sealed under.
        """
        found: list[tuple[HeldPlan, int]] = []
        for document in every_document(self._storage, tenant, KIND):
            try:
                found.append((self._opened(tenant, document), document.version))
            except SealBroken as error:
                log().error("held plan cannot be read", tenant=tenant, plan=document.key, code=error.code)
        return tuple(sorted(found, key=lambda pair: (pair[0].held_at, pair[0].hash), reverse=True))

    def damaged(self, tenant: str) -> Mapping[str, int]:
        """Return the versions of the documents that no plan can be read from, by key."""
        return {
            document.key: document.version
            for document in every_document(self._storage, tenant, KIND)
            if self._is_damaged(tenant, document)
        }

    def named(self, tenant: str, plan_hash: str) -> tuple[HeldPlan, int]:
        """Return one held plan with the version of its document.

        Raises:
            UnknownPlan: There is none with this hash.
        """
        document = self._storage.document(tenant, KIND, plan_hash) if _HASH_LIKE.issuperset(plan_hash) else None
        if document is None:
            raise UnknownPlan(
                "no held plan has this hash",
                where=f"tenant {tenant}",
                cure="List the held plans of the tenant, and copy the hash from there.",
            )
        return self._opened(tenant, document), document.version

    def put(self, plan: HeldPlan, *, over: int) -> PutDocument:
        """Return the write that keeps ``plan`` over version ``over`` of its document (0 for a new one)."""
        content = json.dumps(_to_json(plan), separators=(",", ":")).encode()
        sealed = self._sealer.seal_document(plan.tenant, KIND, plan.hash, content)
        return PutDocument(KIND, plan.hash, sealed, over)

    def _opened(self, tenant: str, document: Document) -> HeldPlan:
        content = self._sealer.open_document(tenant, KIND, document.key, document.value)
        try:
            return _from_json(tenant, document.key, json.loads(content))
        except (KeyError, TypeError, ValueError):
            raise _damaged(tenant, document.key) from None

    def _is_damaged(self, tenant: str, document: Document) -> bool:
        try:
            self._opened(tenant, document)
        except SealBroken:
            return True
        return False


def _to_json(plan: HeldPlan) -> dict[str, Any]:
    return {
        "v": _VERSION,
        "snapshot": plan.snapshot_id,
        "held_at": plan.held_at.isoformat(),
        "expires_at": plan.expires_at.isoformat(),
        "status": plan.status.value,
        "by": plan.decided_by,
        "at": plan.decided_at.isoformat() if plan.decided_at else None,
        "why": plan.decision_reason,
        "changes": [[*astuple(one.key), one.evidence, one.reason] for one in plan.changes],
    }


def _from_json(tenant: str, plan_hash: str, document: Mapping[str, Any]) -> HeldPlan:
    where = f"tenant {tenant}, plan {plan_hash}"
    if document["v"] != _VERSION:
        raise NewerSchema("a newer version of this library held the plan", where=where, cure="Upgrade smartify-core.")
    changes = tuple(HeldChange(EffectKey(*parts[:4]), *parts[4:]) for parts in document["changes"])
    plan = HeldPlan(
        tenant=tenant,
        hash=plan_hash,
        snapshot_id=document["snapshot"],
        held_at=datetime.fromisoformat(document["held_at"]),
        expires_at=datetime.fromisoformat(document["expires_at"]),
        changes=changes,
        status=HeldPlanStatus(document["status"]),
        decided_by=document["by"],
        decided_at=datetime.fromisoformat(document["at"]) if document["at"] else None,
        decision_reason=document["why"],
    )
    if hash_of(tenant, plan.keys) != plan_hash:
        raise _damaged(tenant, plan_hash)
    return plan


def _damaged(tenant: str, plan_hash: str) -> SealBroken:
    return SealBroken(
        "a held plan is not what its hash says",
        where=f"tenant {tenant}, plan {plan_hash}",
        cure="Run a sync: it removes the damaged plan, and holds anew what is still called for.",
    )
