"""Broken builds of the courier, each with the named check that notices."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, cast

import pytest
from attrs import evolve
from tests.unit.policy.breach.delivery import test_courier as courier_tests
from tests.unit.policy.breach.delivery import test_crashes as crash_tests
from tests.unit.policy.breach.delivery._host import ACCEPTED, INCIDENT_ID, TRY_AGAIN, Host, Scripted, mail

from smartify_core.policy.audit import Trail
from smartify_core.policy.breach import AttemptVerdict, Delivery, Parcel, Reply
from smartify_core.policy.breach._delivery import _claiming, _courier, _parcels, _progress, _settling, _spreading
from smartify_core.policy.breach._delivery._shelves import Shelves

Patch = pytest.MonkeyPatch


def two_customers() -> Host:
    """Return a host with two customers and a round for both."""
    made = Host()
    for tenant in ("acme", "globex"):
        made.customer(tenant, mail(tenant))
    made.release("acme", "globex")
    return made


def check_on_record_before_it_leaves(host: Host) -> None:
    """Check that at the moment of every attempt, the first or another, it is on record with no verdict yet."""
    seen: list[tuple[int, Any]] = []

    def looking(parcel: Parcel) -> Reply:
        found = [one for one in host.courier().deliveries(INCIDENT_ID) if one.address == parcel.address]
        assert found
        seen.append((parcel.attempt, found[0].attempts[-1:]))
        return TRY_AGAIN if parcel.attempt == 1 else ACCEPTED

    courier = host.courier(Scripted(answers={f"mail@{one}.example": [looking] for one in ("acme", "globex")}))
    courier.run_once()
    host.clock.advance(minutes=1)
    courier.run_once()
    assert sorted(number for number, _ in seen) == [1, 1, 2, 2]
    for number, attempts in seen:
        assert [(one.number, one.verdict) for one in attempts] == [(number, None)]


def check_refused_beside_accepted(_: Host) -> None:
    """Check that one refused of two is seen."""
    courier_tests.test_a_refused_one_beside_an_accepted_one_is_a_failure_and_no_escalation()


def check_dead_worker(_: Host) -> None:
    """Check that a dead worker is replaced."""
    host = Host()
    host.customer("acme", mail("acme"))
    host.release("acme")
    crash_tests.check_dead_worker_is_replaced(host)


def send_before_it_is_kept(patch: Patch) -> None:
    """Have deliveries leave before the step that takes them is kept."""
    made = _spreading.Spreading

    class Late:
        """A trail that keeps what it is given when it is asked for the time next."""

        def __init__(self, trail: Any) -> None:
            self._trail = trail
            self._kept: list[tuple[Any, Any]] = []

        def append(self, *records: Any, documents: Any) -> None:
            self._kept.append((records, documents))

        def now(self) -> datetime:
            for records, documents in self._kept:
                self._trail.append(*records, documents=documents)
            self._kept.clear()
            now: datetime = self._trail.now()
            return now

    patch.setattr(_courier, "Spreading", lambda shelves, trail, *more: made(shelves, cast("Trail", Late(trail)), *more))


def take_without_an_attempt(patch: Patch) -> None:
    """Take what is due again without putting the attempt on record."""

    def begun(delivery: Delivery, worker: str, now: datetime, lease: Any) -> Delivery:
        return evolve(delivery, worker=worker, leased_until=now + lease)

    patch.setattr(_claiming, "begun", begun)


def ignore_refusals(patch: Patch) -> None:
    """Take a refusal for an acceptance, as whoever does not look at what `smtplib` returns."""
    settled = _progress.settled

    def blind(delivery: Delivery, reply: Reply, *more: Any) -> Any:
        refused = reply.verdict is AttemptVerdict.REFUSED
        return settled(delivery, evolve(reply, verdict=AttemptVerdict.ACCEPTED) if refused else reply, *more)

    patch.setattr(_settling, "settled", blind)


def tell_everybody(patch: Patch) -> None:
    """Forget whose contacts a notice is for."""

    def ways_to(self: Shelves, tenants: Collection[str]) -> Any:
        customers = [customer for _, customer, _ in self.customers.all()]
        everybody = tuple(
            evolve(one, id=f"{one.id}-{number}") for number, each in enumerate(customers) for one in each.contacts
        )
        return dict.fromkeys(tenants, (customers[0], everybody))

    patch.setattr(Shelves, "ways_to", ways_to)


def new_id_each_time(patch: Patch) -> None:
    """Give each attempt an id of its own."""
    parcel = _parcels.parcel
    patch.setattr(_courier, "parcel", lambda *args: evolve(parcel(*args), id=f"ntc-{os.urandom(16).hex()}"))


def endless_lease(patch: Patch) -> None:
    """Never let go of what a worker has taken."""
    patch.setattr(_progress, "is_leased", lambda delivery, _: delivery.leased_until is not None)


MUTANTS: dict[Callable[[Patch], None], Callable[[Host], object]] = {
    send_before_it_is_kept: check_on_record_before_it_leaves,
    take_without_an_attempt: check_on_record_before_it_leaves,
    ignore_refusals: check_refused_beside_accepted,
    tell_everybody: courier_tests.test_every_tenant_gets_its_own_notice,
    new_id_each_time: courier_tests.test_a_failed_attempt_is_made_again_under_the_same_id,
    endless_lease: check_dead_worker,
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: str(one.__name__))
def test_a_broken_build_is_noticed(mutant: Callable[[Patch], None]) -> None:
    """Each way of building it wrong fails the check that is named for it, which the right build passes."""
    MUTANTS[mutant](two_customers())
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        with pytest.raises((AssertionError, ValueError)):
            MUTANTS[mutant](two_customers())
