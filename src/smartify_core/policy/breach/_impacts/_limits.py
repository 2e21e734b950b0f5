"""What an impact could not tell, in words: what the store and the trail do not know. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import define, field

from smartify_core.policy.breach._incident import BreachScope
from smartify_core.policy.breach._vocabulary import Exposure, ScopeKind

from ._resolving import several


@define(eq=False)
class Doubts:
    """What is to be told, noted while an impact is put together.

    Args:
        scopes: The scopes.
    """

    scopes: Sequence[BreachScope]
    #: Names of scopes, by position, that nothing on record bears.
    unmet: Mapping[int, Collection[str]] = field(factory=dict[int, Collection[str]])
    #: Tenants that a taken host is known to have opened.
    opened_by_host: list[str] = field(factory=list[str])
    #: Tenants that are affected, and of which ciphertext is out as well.
    also_ciphertext: int = 0
    #: Tenants that only a key leads to, of which what it wraps is safe.
    harmless: int = 0
    #: Accounts of tenants that were off-boarded, which nothing names any more.
    nameless: int = 0
    clock_resets: int = 0

    def told(self) -> tuple[str, ...]:
        """Return all of it."""
        return (*self._of_what_is_in_scope(), *self._each())

    def _of_what_is_in_scope(self) -> Iterator[str]:
        if not self.scopes:
            yield "Nothing is in scope, so nobody can be affected: say where it may have reached."
        if any(one.kind is ScopeKind.TENANT for one in self.scopes):
            yield (
                "For a scope of tenants only what was opened through the gate is looked at; if data came out by "
                "another way, name a host or a store."
            )

    def _each(self) -> Iterator[str]:
        for position, names in sorted(self.unmet.items()):
            kind = self.scopes[position].kind.value
            yield (
                f"Nothing on record bears these names of scope {position} ({kind}), which may be misspelt: "
                f"{several(names)}."
                + (" What such a key wrapped nobody knows, so it counts as any." if kind == "key" else "")
            )
        kinds = {one.kind for one in self.scopes}
        if ScopeKind.HOST in kinds:
            known = f"those of {several(self.opened_by_host)}" if self.opened_by_host else "none"
            yield (
                "Whoever owns a host reads the store with its keys, and asks nobody: every tenant that had data then "
                f"is affected. Openings by that host that are on record: {known}."
            )
        if ScopeKind.ACTOR in kinds:
            yield (
                "What was recorded and then stopped counts as opened. Whoever was let in by somebody whom a scope "
                "names counts as they do, also after the window."
            )
        if ScopeKind.VENDOR in kinds:
            yield (
                "A vendor holds what it ever received: exports from before the window count, and those to whoever "
                "passes data on to it, by the register of any time."
            )
        if ScopeKind.KEY in kinds:
            yield (
                "Which key wrapped something before it was rewrapped, or before it ended, is not on record: once keys "
                "were changed, a leaked one counts for every tenant that lived then. Changes that were not recorded "
                "are not known."
            )
        if self.harmless:
            yield (
                f"A leaked key leads to {self.harmless} tenants, and what it wraps is said to be safe: "
                "they are not affected by it."
            )
        if any(one.kind is ScopeKind.STORE and one.other_half is Exposure.SAFE for one in self.scopes):
            yield (
                "Of a copied store only ciphertext is out, as its keys are said to be safe"
                + (f"; that is so of {self.also_ciphertext} affected tenants as well." if self.also_ciphertext else ".")
            )
        if self.nameless:
            yield (
                f"{self.nameless} accounts of tenants that were off-boarded are counted, and nothing names them any "
                "more. When they began is not on record either."
            )
        yield from self._of_time()
        yield "The trail was read, and not verified. That is done with: smartify audit verify"

    def _of_time(self) -> Iterator[str]:
        if any(one.since is not None or one.until is not None for one in self.scopes):
            yield (
                "An entry may bear a later instant than it happened at, where a clock ran ahead: it counts from as "
                "early as it may have happened. A wrong clock that no other process wrote beside is not known."
            )
        if any(one.since is not None for one in self.scopes):
            yield (
                "What was opened before a window and looked at within is not in scope; let the window begin earlier "
                "if that may be."
            )
        if self.clock_resets:
            yield (
                f"The trail's time was brought back {self.clock_resets} times: entries that were ahead of it count "
                "from a day before the last one that was not."
            )


def unmet_names(scopes: Sequence[BreachScope], known: Mapping[ScopeKind, Iterable[str]]) -> dict[int, tuple[str, ...]]:
    """Return the names of scopes, by position, that are not among those that are known of their kind.

    A store has no name in itself: whatever is said of one is said of this one.
    """
    sets = {kind: frozenset(names) for kind, names in known.items()}
    found = {}
    for position, one in enumerate(scopes):
        if one.kind in sets and (missing := tuple(name for name in one.names if name not in sets[one.kind])):
            found[position] = missing
    return found
