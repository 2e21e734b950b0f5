"""What the causes come to: which scopes reach a tenant, and whether as more than ciphertext. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attrs import define, field

from smartify_core.policy.breach._impact import TenantImpact
from smartify_core.policy.breach._incident import BreachScope
from smartify_core.policy.breach._vocabulary import Exposure, Outcome, ScopeKind

from ._matching import instant_of, names_of
from ._reach import each_position


@define(eq=False)
class Verdicts:
    """Turns the scopes that reach a tenant into what came of it.

    A copied store whose keys are safe is ciphertext. It is more than that where a key is known to others that may have
    wrapped the tenant's data; a key alone opens nothing where what it wraps is safe.
    """

    scopes: Sequence[BreachScope]
    ciphertext: int = field(init=False, default=0)
    keys: int = field(init=False, default=0)
    harmless: int = field(init=False, default=0)
    stores: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        for number, one in enumerate(self.scopes):
            bit = 1 << number
            is_safe = one.other_half is Exposure.SAFE
            if one.kind is ScopeKind.KEY:
                self.keys |= bit
                self.harmless |= bit if is_safe else 0
            elif one.kind is ScopeKind.STORE:
                self.stores |= bit
                self.ciphertext |= bit if is_safe else 0

    def affecting(self, bits: int) -> int:
        """Return those of the scopes that reach a tenant by which its data may have been seen or changed, as bits."""
        open_to_others = bits & ~(self.ciphertext | self.harmless)
        if bits & self.stores and bits & self.keys:
            # The one half is out, and so is the other: whoever says that one of them is safe did not know of the other.
            open_to_others |= bits & (self.stores | self.keys)
        return open_to_others

    def counting(self, bits: int) -> tuple[Outcome, int]:
        """Return what came of a tenant that these scopes reach, and by which of them, as bits."""
        if affecting := self.affecting(bits):
            return Outcome.AFFECTED, affecting
        if ciphertext := bits & self.ciphertext:
            return Outcome.CIPHERTEXT_ONLY, ciphertext
        return Outcome.NOT_AFFECTED, 0


@define(eq=False)
class Gathered:
    """What leads to one tenant, put together."""

    tenant: str
    #: The scopes that reach it, as bits.
    bits: int = 0
    fields: int = 0
    subjects: int = 0
    records: int = 0
    chunks: int = 0
    first: datetime | None = None
    last: datetime | None = None
    vendors: set[str] = field(factory=set[str])

    def between(self, first: datetime | None, last: datetime | None) -> None:
        """Note when data may have been reached, as far as that is known."""
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last

    def entries(self, records: int, first: bytes, last: bytes, fields: int) -> None:
        """Note entries of the trail that lead there."""
        self.records += records
        self.fields |= fields
        self.between(instant_of(first), instant_of(last))

    def impact(self, outcome: Outcome) -> TenantImpact:
        """Return it as it is kept."""
        return TenantImpact(
            self.tenant,
            outcome,
            names_of(self.fields),
            self.subjects,
            self.records,
            self.first,
            self.last,
            tuple(sorted(self.vendors)),
            each_position(self.bits),
            self.chunks,
        )


def window_of(scope: BreachScope) -> tuple[datetime | None, datetime | None]:
    """Return when a scope that reaches whatever lived may have reached it, for the first time and for the last."""
    if scope.kind is ScopeKind.STORE:
        return scope.since or scope.until, scope.until
    last = None if scope.until is None else scope.until - timedelta(microseconds=1)
    return scope.since, last


def several(names: Iterable[str], *, most: int = 20) -> str:
    """Return ids in words, but for those beyond the first few."""
    every = sorted(names)
    told = ", ".join(every[:most])
    return told if len(every) <= most else f"{told} and {len(every) - most} more"
