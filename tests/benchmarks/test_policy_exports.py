"""How many exports a second are decided: a vendor that passes data on to another one, all in order, and all missing.

Run with ``nox -s benchmarks -- -k policy_exports``. The facts are read beforehand, as for the decisions about people.
"""

from __future__ import annotations

import json

from tests.benchmarks.test_policy_decisions import rate
from tests.unit.policy.vendors._making import NOW, facts, request, vendor

from smartify_core.policy.vendors import ExportDecision, ExportFacts, decide_export

DECIDED, ROUNDS = 100, 9


def decided(known: ExportFacts) -> list[ExportDecision]:
    """Decide the same export again and again."""
    asked = request()
    return [decide_export(asked, known, NOW) for _ in range(DECIDED)]


def test_exports_are_decided_quickly() -> None:
    """Open ones rest on all promises of both vendors; the others name every promise that neither gave."""
    bound = facts(vendor(sub_vendors=["cloud"]), vendor("cloud"))
    unbound = facts(vendor(sub_vendors=["cloud"], undertakings=()), vendor("cloud", undertakings=()))
    assert all(one.allowed for one in decided(bound))
    assert {len(one.missing) for one in decided(unbound)} == {14}
    figures: dict[str, list[float]] = {"open": [], "closed": []}
    for _ in range(ROUNDS):
        figures["open"].append(rate(lambda: decided(bound), DECIDED))
        figures["closed"].append(rate(lambda: decided(unbound), DECIDED))
    # The best of the rounds: what else the machine does only ever takes away.
    print(json.dumps({"exports decided a second": {name: round(max(rates)) for name, rates in figures.items()}}))
