"""Broken builds, each with the named test that notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from tests.properties import test_vendors as laws
from tests.unit.policy.vendors import test_export_decision as decisions
from tests.unit.policy.vendors import test_exports as exports
from tests.unit.policy.vendors._host import Host
from tests.unit.policy.vendors._making import vendor

from smartify_core.policy.vendors import Commitment, _export_decision, _exports, _vendors
from smartify_core.policy.vendors._register import Vendor
from smartify_core.storage import Storage

Patch = pytest.MonkeyPatch


def no_vendor_check(patch: Patch) -> None:
    """Skip the decision about the vendor."""

    def yes(request: Any, _: Any, now: Any) -> _export_decision.ExportDecision:
        return _export_decision.ExportDecision(request, now, ())

    patch.setattr(_vendors, "decide_export", yes)


def no_expiry(patch: Patch) -> None:
    """Ignore when a promise ends."""

    def kept_until(self: Vendor, commitment: Commitment, now: Any) -> Any:
        return max((end for begin, end in self.spans(commitment) if begin <= now), default=None)

    patch.setattr(Vendor, "kept_until", kept_until)


def expiry_at_the_end(patch: Patch) -> None:
    """Let a promise hold at its last instant, too."""

    def kept_until(self: Vendor, commitment: Commitment, now: Any) -> Any:
        return next((end for begin, end in self.spans(commitment) if begin <= now <= end), None)

    patch.setattr(Vendor, "kept_until", kept_until)


def before_it_begins(patch: Patch) -> None:
    """Take a promise for kept before its first instant."""

    def kept_until(self: Vendor, commitment: Commitment, now: Any) -> Any:
        return next((end for _, end in self.spans(commitment) if now < end), None)

    patch.setattr(Vendor, "kept_until", kept_until)


def on_their_word(patch: Patch) -> None:
    """Count a promise that nobody has in writing."""
    spans = Vendor.spans

    def proven(self: Vendor, commitment: Commitment) -> Any:
        given = [evolve(one, evidence=one.evidence or "ab" * 32) for one in self.undertakings]
        return spans(evolve(self, undertakings=given), commitment)

    patch.setattr(Vendor, "spans", proven)


def no_sub_vendors(patch: Patch) -> None:
    """Look at the receiving vendor only."""
    patch.setattr(
        _export_decision,
        "_chain",
        lambda first, vendors: ((vendors[first],), ()) if first in vendors else ((), (first,)),
    )


def one_level_of_sub_vendors(patch: Patch) -> None:
    """Look at who receives from the vendor, and not further."""

    def chain(first: str, vendors: Any) -> Any:
        names = dict.fromkeys([first, *(vendors[first].sub_vendors if first in vendors else ())])
        return tuple(vendors[one] for one in names if one in vendors), tuple(one for one in names if one not in vendors)

    patch.setattr(_export_decision, "_chain", chain)


def money_is_fine(patch: Patch) -> None:
    """Do not look at what is given for the data."""

    def decide(request: Any, facts: Any, now: Any) -> Any:
        free = evolve(request, consideration=_export_decision.Consideration.NONE)
        return _export_decision.decide_export(free, facts, now)

    patch.setattr(decisions, "decide_export", decide)


def nothing_is_prohibited(patch: Patch) -> None:
    """Forget the prohibited purposes."""
    patch.setattr(_export_decision, "PROHIBITED", frozenset())


def no_notice(patch: Patch) -> None:
    """Never ask whether the customer was told."""
    patch.setattr(_export_decision, "_of_the_notice", lambda *_: iter(()))


def no_second_look(patch: Patch) -> None:
    """Decide once, however long an export takes."""
    patch.setattr(_exports, "_DECIDED_EVERY", 10**9)


def _decided(check: Callable[..., None], *arguments: Any) -> Callable[[Storage], None]:
    return lambda _: check(*arguments)


def _exported(check: Callable[..., None], *arguments: Any) -> Callable[[Storage], None]:
    def run(storage: Storage) -> None:
        host = Host(storage)
        host.vendors.register(vendor(), by="e-2")
        host.vendors.record_announcement("mailer", ["acme"], by="e-2", agreed=True)
        host.grant()
        check(host, *arguments)

    return run


INSTANT = decisions.INSTANT
MUTANTS = [
    (
        no_vendor_check,
        _exported(exports.test_a_denial_is_recorded_and_opens_nothing, {"vendor": "x"}, ("unregistered/x",)),
    ),
    (no_expiry, _decided(decisions.test_a_contract_ends_at_its_midnight, Commitment.PROTECTION, INSTANT, False)),
    (
        expiry_at_the_end,
        _decided(decisions.test_a_contract_ends_at_its_midnight, Commitment.PROTECTION, INSTANT * 0, False),
    ),
    (before_it_begins, _decided(decisions.test_a_contract_begins_when_it_says, -INSTANT, False)),
    (on_their_word, _decided(decisions.test_a_promise_without_evidence_is_none)),
    (no_sub_vendors, _decided(decisions.test_who_passes_data_on_needs_flow_down)),
    (one_level_of_sub_vendors, _decided(decisions.test_who_passes_data_on_needs_flow_down)),
    (money_is_fine, _decided(decisions.test_what_is_paid_for_is_sold, "money")),
    (nothing_is_prohibited, _decided(decisions.test_a_register_that_allows_advertising_changes_nothing)),
    (no_notice, _decided(laws.test_ten_thousand_random_cases_are_decided_as_the_model_does)),
    (no_second_look, _exported(exports.test_whoever_closes_a_vendor_stops_an_export_under_way, "ended")),
]


NAMES = [f"{number}-{one.__name__}" for number, (one, _) in enumerate(MUTANTS)]


@pytest.mark.parametrize(
    "check",
    [check for _, check in MUTANTS],
    ids=NAMES,
)
def test_the_checks_pass_in_a_sound_build(sqlite_store: Storage, check: Callable[[Storage], None]) -> None:
    """What notices the broken builds is content with the build as it is."""
    check(sqlite_store)


@pytest.fixture
def broken() -> Iterator[Patch]:
    """Return what breaks the build, and mends it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize(("mutant", "check"), MUTANTS, ids=NAMES)
def test_a_broken_build_is_noticed(
    broken: Patch, sqlite_store: Storage, mutant: Callable[[Patch], None], check: Callable[[Storage], None]
) -> None:
    """The named test fails in the broken build."""
    mutant(broken)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(sqlite_store)


def test_dropping_one_commitment_from_the_checklist_is_noticed(broken: Patch) -> None:
    """A build that asks for six of the seven promises fails the test of the seventh."""
    asked = [one for one in Commitment if one is not Commitment.NEVER_SOLD]
    broken.setattr(_export_decision, "Commitment", asked)
    with pytest.raises(AssertionError):
        decisions.test_dropping_any_one_commitment_closes(Commitment.NEVER_SOLD)
