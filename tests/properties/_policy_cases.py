"""Cases of who asks for what, drawn choice by choice, so that a seed and Hypothesis draw them alike."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from attrs import frozen

from smartify_core.policy import (
    RANKS,
    AccessRequest,
    AccessRules,
    Agreement,
    Employee,
    Facts,
    Grant,
    PersonalField,
    PrincipalKind,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    SourceDocument,
    Tenancy,
)

_One = TypeVar("_One")

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
EVIDENCE = "ab" * 32
BEFORE = [NOW - HOUR, NOW - 2 * HOUR, NOW, NOW - TICK]
AFTER = [NOW + HOUR, NOW + 2 * HOUR, NOW + TICK]
PURPOSES = [
    Purpose.CUSTOMER_CARE,
    Purpose.RESEARCH,
    Purpose.PAYMENT_MANAGEMENT,
    Purpose.SELL_DATA,
    Purpose.ADVERTISING,
]
CONDITIONS = ["opted-out", "under-audit"]


class Choose(Protocol):
    """Chooses one of several, the first one most readily when a case is made smaller."""

    def __call__(self, options: Sequence[_One], /) -> _One: ...


@frozen(order=False)
class Case:
    """One question, with all that the answer depends on."""

    request: AccessRequest
    facts: Facts
    now: datetime
    rules: AccessRules


def cases(number: int, seed: int) -> Iterator[Case]:
    """Yield the cases of a seed."""
    drawn = random.Random(seed)
    for _ in range(number):
        yield case(drawn.choice)


def case(choose: Choose) -> Case:
    """Return a case, most of them not far from a permit."""
    hard = choose([False, False, False, True])

    def often(good: Any, *others: Any) -> Any:
        return choose([*[good] * (2 if hard else 60), *others])

    asked_by = "e-1"
    kind = often(PrincipalKind.EMPLOYEE, PrincipalKind.SERVICE, PrincipalKind.CONTRACTOR, PrincipalKind.SERVICE)
    purpose = choose([*PURPOSES[:2] * 12, *PURPOSES[2:]])
    fields: list[Any] = [often(PersonalField.EMAIL, PersonalField.GIVEN_NAME, PersonalField.COMMUNICATION)]
    fields += often([], [PersonalField.GROUPS], ["shoe_size"])
    request = AccessRequest(
        asked_by,
        "acme",
        often(purpose, "Marketing"),
        often(fields, [], ["shoe_size"]),
        often("because", "", " \t"),
        often(["s-1"], [], ["s-1", "s-2"]),
    )
    tickets = {"T-1": often(True, False, None)}
    conditions = {name: choose([True, False, None]) for name in CONDITIONS if choose([True, True, True, False])}
    tenancy = often(Tenancy.ACTIVE, Tenancy.OFF_BOARDED, None)
    owner = None
    if kind is PrincipalKind.SERVICE:
        owner = often(
            Facts(
                often(_employee(choose, often, "e-9", often(PrincipalKind.EMPLOYEE, PrincipalKind.CONTRACTOR)), None),
                _agreements(choose, often, "e-9"),
                _grants(choose, often, "e-9", purpose, "h"),
                tenancy,
                tickets,
                conditions,
            ),
            None,
        )
    facts = Facts(
        often(_employee(choose, often, often(asked_by, "e-2"), kind), None),
        _agreements(choose, often, asked_by),
        _grants(choose, often, asked_by, purpose, "g"),
        tenancy,
        tickets,
        conditions,
        owner,
    )
    return Case(request, facts, NOW, AccessRules(timedelta(days=2), 3 * HOUR, rulebook(choose)))


def _employee(choose: Choose, often: Any, who: str, kind: PrincipalKind) -> Employee:
    owner = often("e-9", "e-8", None) if kind is PrincipalKind.SERVICE else None
    return Employee(
        who,
        kind,
        choose([*BEFORE, often(NOW, NOW + TICK)]),
        choose([None, None, None, *AFTER, often(NOW + HOUR, NOW, NOW - TICK)]),
        owner,
        returned_at=often(None, NOW - 2 * HOUR, NOW - 4 * HOUR),
    )


def _agreements(choose: Choose, often: Any, who: str) -> tuple[Agreement, ...]:
    return tuple(
        Agreement(
            f"nda-{number}",
            often(who, "e-7"),
            choose([*BEFORE, often(NOW, NOW + TICK)]),
            choose([None, *AFTER, often(NOW + HOUR, NOW, NOW - TICK)]),
            EVIDENCE,
        )
        for number in range(choose([1, 1, 1, 1, 1, 1, 2, 3, 0]))
    )


def _grants(choose: Choose, often: Any, who: str, purpose: Purpose, letter: str) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            id=f"{letter}-{number}",
            employee=often(who, "e-7"),
            tenant=often("acme", "globex"),
            purpose=often(purpose, *PURPOSES),
            fields=often(frozenset(PersonalField), frozenset({PersonalField.EMAIL}), frozenset({PersonalField.GROUPS})),
            requested_by=often(who, "e-6"),
            requested_at=NOW - 3 * HOUR,
            not_before=choose([*BEFORE, often(NOW, NOW + TICK, NOW - timedelta(days=3))]),
            expires_at=choose([*AFTER, often(NOW + HOUR, NOW, NOW - TICK, NOW - HOUR)]),
            subjects=often(frozenset(), frozenset({"s-1"}), frozenset({"s-1", "s-2"})),
            identified=choose([False, True]),
            ticket=often(None, "T-1", "T-2"),
            emergency=often(False, True),
            approved_by=often("e-5", None, who, "e-6"),
            revoked_at=often(None, NOW - TICK),
        )
        for number in range(choose([1, 1, 1, 1, 1, 1, 2, 3, 0]))
    )


def rulebook(choose: Choose) -> Rulebook:
    """Return a rulebook with at most three provisions of the host, and the ranks as they are, or others."""
    provisions = [
        Provision(
            f"p-{number}",
            choose(list(SourceDocument)),
            choose(list(ProvisionEffect)),
            choose([None, frozenset({Purpose.CUSTOMER_CARE}), frozenset(Purpose)]),
            choose([None, frozenset({PersonalField.EMAIL}), frozenset({PersonalField.EMAIL, PersonalField.GROUPS})]),
            choose([None, None, frozenset({"acme"}), frozenset({"globex"})]),
            choose([None, *CONDITIONS]),
        )
        for number in range(choose([0, 0, 0, 1, 2, 3]))
    ]
    turned = dict(zip(RANKS, [1, 2], strict=True))
    level = dict.fromkeys(RANKS, 1)
    return Rulebook(tuple(provisions), choose([RANKS, RANKS, RANKS, turned, level]))
