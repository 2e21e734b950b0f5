"""What a run would do: an immutable plan that explains each change, and is sealed by construction.

A change carries the write that storage will get, personal fields already sealed. A plan can therefore be logged, kept
or shown as it is: it names ids and fields, never a value.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from smartify_core.errors import PlanHeld, SmartifyError
from smartify_core.model import Erase, Put

from ._effects import Effect, EffectKey
from ._held_plan import HeldPlan
from ._transitions import ChangeKind


@frozen(order=False)
class Change:
    """One change of one account, with the reason for it.

    ``fields`` names the personal fields and state that differ, never their values. ``evidence`` names what the source
    said and where; ``rule`` says why that leads to this change. ``joined`` and ``left`` are ids of groups. ``effects``
    count towards the guards' thresholds; ``plan`` is the hash of the held plan by which somebody allowed the change.
    ``adopted`` tells whether the host had the person before the first run.
    """

    kind: ChangeKind
    source_id: str
    account_id: str
    fields: tuple[str, ...]
    evidence: str
    rule: str
    write: Put | Erase = field(repr=False)
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    plan: str | None = None
    adopted: bool = False


@frozen(order=False)
class Held:
    """Something that a run would not do without better evidence, or a person's consent.

    ``effect`` is what a person may approve; ``None`` where it is evidence that is lacking.
    """

    source_id: str
    reason: str
    effect: Effect | None = None


@frozen(order=False)
class Quarantined:
    """A record that was set aside; its account, if any, keeps what it had."""

    source_id: str
    reason: str


@frozen(order=False)
class Counts:
    """How many accounts a plan or run concerns, by what happens to them."""

    provisioned: int = 0
    updated: int = 0
    deactivated: int = 0
    reactivated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: int = 0
    held: int = 0

    @classmethod
    def of(cls, kinds: Mapping[ChangeKind, int], *, unchanged: int, quarantined: int, held: int) -> Counts:
        """Return the counts of so many changes of each kind, beside the three numbers given."""
        return cls(
            provisioned=kinds.get(ChangeKind.PROVISION, 0),
            updated=kinds.get(ChangeKind.UPDATE, 0),
            deactivated=kinds.get(ChangeKind.DEACTIVATE, 0),
            reactivated=kinds.get(ChangeKind.REACTIVATE, 0),
            deleted=kinds.get(ChangeKind.DELETE, 0),
            unchanged=unchanged,
            quarantined=quarantined,
            held=held,
        )

    @property
    def changes(self) -> int:
        """Return how many accounts change."""
        return self.provisioned + self.updated + self.deactivated + self.reactivated + self.deleted


@frozen(order=False)
class Plan:
    """What one read of the directory calls for, against the store as it was at ``revision``.

    ``changes`` stand in the order in which they will be applied; ``problems`` says what kept the read from being
    certified complete.
    """

    tenant: str
    snapshot_id: str
    planned_at: datetime
    revision: int
    changes: tuple[Change, ...] = field(repr=lambda changes: f"<{len(changes)} changes>")
    held: tuple[Held, ...]
    quarantined: tuple[Quarantined, ...]
    unchanged: int
    requests: int
    problems: tuple[str, ...]
    #: How many of the first changes are committed together, because they hand addresses over among themselves.
    indivisible: int = 0
    #: What waits for a person's approval, if anything does.
    held_plan: HeldPlan | None = None
    #: Every effect that the directory calls for, done or held.
    called: frozenset[EffectKey] = field(default=frozenset(), repr=False)
    #: The one person who was asked for; ``None`` where the whole directory was read.
    only: str | None = None
    #: How many live accounts there were.
    known: int = 0
    #: How many whole runs of the tenant had ended.
    runs: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether applying the plan would change no account."""
        return not self.changes

    @property
    def counts(self) -> Counts:
        """Return how many accounts the plan concerns."""
        kinds = Counter(change.kind for change in self.changes)
        return Counts.of(kinds, unchanged=self.unchanged, quarantined=len(self.quarantined), held=len(self.held))

    @property
    def hash(self) -> str:
        """Return the content hash: 32 hexadecimal digits, equal for plans that decide the same.

        It covers the tenant and, for each change, its kind, source id, expected version, fields and the fingerprint
        that results; not the ids and keys that are drawn at random, nor the time.
        """
        digest = hashlib.blake2b(digest_size=16)
        for part in _parts(self):
            digest.update(len(part).to_bytes(4, "big") + part)
        return digest.hexdigest()

    def to_bytes(self) -> bytes:
        """Return everything that was decided, and why, as canonical JSON.

        The same read, store, rules and instant give the same bytes: what is drawn at random when fields are sealed is
        left out.
        """
        document = {
            "tenant": self.tenant,
            "snapshot": self.snapshot_id,
            "planned_at": self.planned_at.isoformat(),
            "revision": self.revision,
            "changes": [_canonical(change) for change in self.changes],
            "indivisible": self.indivisible,
            "held": [[one.source_id, one.reason, one.effect.value if one.effect else None] for one in self.held],
            "held_plan": self.held_plan.hash if self.held_plan else None,
            "quarantined": [[one.source_id, one.reason] for one in self.quarantined],
            "unchanged": self.unchanged,
            "requests": self.requests,
            "problems": list(self.problems),
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")

    def summary(self) -> str:
        """Return the counts in words, such as ``"delete 1, provision 3"``, or ``"nothing to do"``."""
        kinds = Counter(change.kind.value for change in self.changes)
        words = [f"{kind} {number}" for kind, number in sorted(kinds.items())]
        words += [
            f"{name} {number}"
            for name, number in (("held", len(self.held)), ("quarantined", len(self.quarantined)))
            if number
        ]
        return ", ".join(words) or "nothing to do"


def _parts(plan: Plan) -> Iterable[bytes]:
    yield plan.tenant.encode()
    for change in plan.changes:
        fingerprint = change.write.account.fingerprint if isinstance(change.write, Put) else b""
        yield f"{change.kind.value}:{change.write.expected_version}".encode()
        yield change.source_id.encode()
        yield ",".join(change.fields).encode()
        yield fingerprint


def _canonical(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        "source_id": change.source_id,
        "account_id": change.account_id,
        "fields": list(change.fields),
        "joined": list(change.joined),
        "left": list(change.left),
        "effects": [effect.value for effect in change.effects],
        "plan": change.plan,
        "evidence": change.evidence,
        "rule": change.rule,
        "expected_version": change.write.expected_version,
        "fingerprint": change.write.account.fingerprint.hex() if isinstance(change.write, Put) else None,
        "email_index": change.write.account.email_index.hex() if isinstance(change.write, Put) else None,
    }


@enum.unique
class Verdict(enum.Enum):
    """How a run ended."""

    #: The store says what the directory says.
    COMPLETE = "complete"
    #: So it does, but for records that were set aside.
    DEGRADED = "degraded"
    #: Everything safe was done; something was held, or the read was not certified complete.
    HELD = "held"
    #: The run could not be done; the store is as the last whole batch left it.
    FAILED = "failed"


@frozen(order=False)
class Run:
    """What one run did.

    ``seconds`` is its length by the clock handed to the reconciler; ``error`` tells why a failed one failed.
    """

    tenant: str
    verdict: Verdict
    counts: Counts
    requests: int = 0
    seconds: float = 0.0
    held: tuple[Held, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    problems: tuple[str, ...] = ()
    error: SmartifyError | None = None
    #: What waits for a person's approval, if anything does.
    held_plan: HeldPlan | None = None

    def require_complete(self) -> None:
        """Raise unless the verdict is complete or degraded.

        Raises:
            PlanHeld: Something was held.
            SmartifyError: The run failed; this is its error.
        """
        if self.error is not None:
            raise self.error
        if self.verdict is Verdict.HELD:
            reason = self.held[0].reason if self.held else self.problems[0]
            what = f"{len(self.held)} changes were held" if self.held else "the read was not certified complete"
            raise PlanHeld(
                what,
                where=f"tenant {self.tenant}",
                cure=f"Look at the plan; the first reason is: {reason}.",
            )
