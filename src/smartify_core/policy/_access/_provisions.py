"""Provisions and their ranks: on conflict those on confidentiality prevail (clause C17). Pure.

A provision says that some purposes and fields are permitted or prohibited, and which document says so. Of those that
apply, the ones of the highest rank decide, and within a rank a prohibition wins. What they prevail over is recorded:
LegalRuleML calls that ``Override over= under=``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from smartify_core.policy._vocabulary import PROHIBITED, PersonalField, Purpose


@enum.unique
class SourceDocument(enum.Enum):
    """Which of the vendor's documents a provision stands in."""

    CONFIDENTIALITY = "confidentiality provisions"
    PRIVACY = "privacy provisions"


#: Which document prevails over which: the larger number.
RANKS: Final[Mapping[SourceDocument, int]] = {SourceDocument.CONFIDENTIALITY: 2, SourceDocument.PRIVACY: 1}


@enum.unique
class ProvisionEffect(enum.Enum):
    """What a provision does (DPV: ``Permission``, ``Prohibition``)."""

    PERMIT = "permit"
    PROHIBIT = "prohibit"


@frozen(order=False)
class Provision:
    """One rule, and where it stands.

    Args:
        id: Its name, such as ``C8`` or ``nda.4.2``.
        source: The document that it stands in.
        effect: What it does.
        purposes: The purposes that it speaks of; ``None`` for all.
        fields: The fields that it speaks of; ``None`` for all. A permission must cover every field that is asked for;
            a prohibition applies as soon as one of them is among its own.
        tenants: The tenants that it speaks of; ``None`` for all.
        when: The condition under which it applies, by a name that the facts know; ``None`` for always. Where nobody can
            tell whether it holds, a permission does not apply and a prohibition denies, whatever prevails over it.
    """

    id: str
    source: SourceDocument
    effect: ProvisionEffect
    purposes: frozenset[Purpose] | None = None
    fields: frozenset[PersonalField] | None = None
    tenants: frozenset[str] | None = None
    when: str | None = None


@frozen(order=False)
class Override:
    """That one provision prevailed over another."""

    over: str
    under: str


@frozen(order=False)
class Ruling:
    """What the provisions come to.

    Args:
        permitted: Whether they permit it.
        decided_by: The ids of those that decided.
        overrides: Which prevailed over which.
        unknown: The names of conditions that stood in the way, of which nobody can tell whether they hold.
        certain: Whether it is prohibited, or permitted by nothing, whatever became known of those conditions.
    """

    permitted: bool
    decided_by: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    unknown: tuple[str, ...] = ()
    certain: bool = False


_CARE: Final = frozenset({Purpose.CUSTOMER_CARE})

#: What the clause itself says.
CLAUSE: Final = (
    Provision(
        "C8",
        SourceDocument.PRIVACY,
        ProvisionEffect.PERMIT,
        purposes=frozenset(Purpose) - PROHIBITED - _CARE,
        fields=frozenset(PersonalField) - {PersonalField.COMMUNICATION},
    ),
    Provision("C9", SourceDocument.PRIVACY, ProvisionEffect.PERMIT, purposes=_CARE),
)

_NOTHING: Final = Ruling(permitted=False)


@frozen(order=False)
class Rulebook:
    """All provisions that hold, made ready for many questions.

    Args:
        provisions: What the host adds to the clause, such as those of a contract with one customer.
        ranks: Which document prevails over which. A host has no reason to change it; tests do.
    """

    provisions: tuple[Provision, ...] = ()
    ranks: Mapping[SourceDocument, int] = field(default=RANKS, hash=False)
    _by_purpose: Mapping[Purpose, tuple[tuple[int, Provision], ...]] = field(init=False, repr=False, eq=False)
    _settled: Mapping[Purpose, tuple[frozenset[PersonalField], Ruling]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        every = CLAUSE + self.provisions
        by_purpose = {
            purpose: tuple(
                sorted(
                    ((self.ranks[one.source], one) for one in every if one.purposes is None or purpose in one.purposes),
                    key=lambda ranked: (-ranked[0], ranked[1].id),
                )
            )
            for purpose in Purpose
        }
        object.__setattr__(self, "_by_purpose", by_purpose)
        # Where one unconditional permission is all there is, its ruling is always the same.
        object.__setattr__(
            self,
            "_settled",
            {
                purpose: (one.fields or frozenset(PersonalField), Ruling(permitted=True, decided_by=(one.id,)))
                for purpose, ranked in by_purpose.items()
                if len(ranked) == 1
                for one in [ranked[0][1]]
                if one.effect is ProvisionEffect.PERMIT and one.tenants is None and one.when is None
            },
        )

    def rule(
        self, purpose: Purpose, fields: frozenset[PersonalField], tenant: str, conditions: Mapping[str, bool | None]
    ) -> Ruling:
        """Return what the provisions say of these fields of a tenant's people for this purpose."""
        settled = self._settled.get(purpose)
        if settled is not None and fields <= settled[0]:
            return settled[1]
        applying: list[tuple[int, Provision]] = []
        perhaps: list[tuple[int, Provision]] = []
        barring: list[Provision] = []
        for rank, one in self._by_purpose[purpose]:
            if not _speaks_of(one, fields, tenant):
                continue
            holds = True if one.when is None else conditions.get(one.when)
            if holds:
                applying.append((rank, one))
            elif holds is None:
                if one.effect is ProvisionEffect.PROHIBIT:
                    barring.append(one)
                else:
                    perhaps.append((rank, one))
        ruling = _ruling(applying)
        if not ruling.permitted:
            # Of the permissions that would do, the first of the highest rank: one condition less to find out.
            helping = next((one for rank, one in perhaps if _ruling([*applying, (rank, one)]).permitted), None)
            named = [] if helping is None else [helping]
            ruling = _with(ruling, [*named, *barring], certain=helping is None)
        return _barred(ruling, barring) if barring else ruling

    def conditions(self) -> frozenset[str]:
        """Return the names of all conditions that the provisions have."""
        return frozenset(one.when for one in self.provisions if one.when is not None)


def _ruling(applying: list[tuple[int, Provision]]) -> Ruling:
    if not applying:
        return _NOTHING
    highest = max(rank for rank, _ in applying)
    top = [one for rank, one in applying if rank == highest]
    prohibiting = [one for one in top if one.effect is ProvisionEffect.PROHIBIT]
    deciding = prohibiting or top
    effect = deciding[0].effect
    under = [one for rank, one in applying if one.effect is not effect]
    return Ruling(
        permitted=effect is ProvisionEffect.PERMIT,
        decided_by=tuple(dict.fromkeys(one.id for one in deciding)),
        overrides=tuple(dict.fromkeys(Override(one.id, other.id) for one in deciding for other in under)),
    )


def _with(ruling: Ruling, conditional: list[Provision], *, certain: bool) -> Ruling:
    unknown = tuple(dict.fromkeys(one.when for one in conditional if one.when is not None))
    return Ruling(ruling.permitted, ruling.decided_by, ruling.overrides, unknown, certain)


def _barred(ruling: Ruling, barring: list[Provision]) -> Ruling:
    """Return a ruling that prohibitions stand in the way of, of which nobody can tell whether they apply."""
    if ruling.permitted:
        ruling = _with(Ruling(permitted=False), barring, certain=False)
    if ruling.certain:
        return ruling
    return Ruling(permitted=False, decided_by=tuple(dict.fromkeys(one.id for one in barring)), unknown=ruling.unknown)


def _speaks_of(one: Provision, fields: frozenset[PersonalField], tenant: str) -> bool:
    if one.tenants is not None and tenant not in one.tenants:
        return False
    if one.fields is None:
        return True
    return fields <= one.fields if one.effect is ProvisionEffect.PERMIT else not fields.isdisjoint(one.fields)
