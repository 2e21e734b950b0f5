"""What it costs to look at the clocks of an incident with ten thousand customers.

Run with ``nox -s benchmarks -- -k breach_clocks``.

Each customer has a contract with a limit of its own, a notice that arrived, and an update that is due. Held against
the status of ten thousand is that of one thousand, customer by customer, and the mere opening of the same documents.
Rounds take turns, and the middle one of each counts: what else the machine does slows all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from tests.unit.policy.breach.incidents._house import HOUR, House

from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import (
    ClockStart,
    Customer,
    Deadline,
    Hearing,
    LimitKind,
    Phase,
    TenantImpact,
    TimeLimit,
    Watch,
)
from smartify_core.policy.breach._places import CUSTOMER, HEARING, TENANT_IMPACT

FEW, MANY, ROUNDS = 1_000, 10_000, 5
#: Linear would be 1.
GROWTH_LIMIT = 1.6
#: The mere opening would be 1.
OPENING_LIMIT = 2.0


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def told(count: int) -> tuple[House, str]:
    """Return a host with one incident of which so many customers have heard."""
    house = House()
    tenants = [f"t-{number:05}" for number in range(count)]
    house.put(
        CUSTOMER, Customer, {tenant: Customer(tenant, limits=(limit(one),)) for one, tenant in enumerate(tenants)}
    )
    incident = house.assessed(*tenants)
    house.send(incident.id, Phase.FIRST, tenants)
    house.clock.advance(hours=5)
    return house, incident.id


def limit(number: int) -> TimeLimit:
    """Return a customer's own limit."""
    within = timedelta(hours=20, seconds=number)
    return TimeLimit(Phase.FIRST, within, ClockStart.AWARENESS, LimitKind.CONTRACT, f"DPA {number}")


def test_status_is_linear_and_little_more_than_reading() -> None:
    """A customer costs at most 1.6 times as much among ten thousand as among one thousand, and twice its opening."""
    (few, few_id), (many, many_id) = told(FEW), told(MANY)

    def opening() -> None:
        for kind, type_ in ((CUSTOMER, Customer), (TENANT_IMPACT, TenantImpact), (HEARING, Hearing)):
            assert sum(1 for _ in Shelf(many.storage, many.sealer, kind, type_).all()) >= MANY

    def status(watch: Watch, incident_id: str, count: int) -> None:
        (one,) = watch.status(incident_id)
        assert (one.delivered, sum(due.count for due in one.due)) == (count, count)

    times: dict[str, list[float]] = {"few": [], "many": [], "opening": []}
    for _ in range(ROUNDS):
        times["few"].append(timed(lambda: status(few.watch, few_id, FEW)))
        times["many"].append(timed(lambda: status(many.watch, many_id, MANY)))
        times["opening"].append(timed(opening))
    middle = {name: statistics.median(each) for name, each in times.items()}
    growth = middle["many"] / MANY / (middle["few"] / FEW)
    over = middle["many"] / middle["opening"]
    print(f"status of {MANY:,}: {middle['many']:.2f} s, {growth:.2f} times as much for each as of {FEW:,}")
    print(f"which is {over:.2f} times the opening of the same documents ({middle['opening']:.2f} s)")
    assert growth <= GROWTH_LIMIT
    assert over <= OPENING_LIMIT


def test_the_clocks_alone_are_less_than_reading() -> None:
    """Once all is read, the deadlines of ten thousand customers take at most a third of what the reading takes."""
    house, incident_id = told(MANY)
    dossiers = house.watch._dossiers
    incident = house.incidents.get(incident_id)
    reading, clocks = list[float](), list[float]()
    found: list[Deadline] = []
    for _ in range(ROUNDS):
        reading.append(timed(lambda: (dossiers.of(incident), dossiers.customers())))
        dossier, customers = dossiers.of(incident), dossiers.customers()
        found.clear()
        clocks.append(timed(lambda: found.extend(dossiers.deadlines(dossier, customers, house.now()))))  # noqa: B023 - called at once
        assert len(found) == 2 * MANY
        assert found[0].due_at - incident.first_signal_at == 20 * HOUR
    share = statistics.median(clocks) / statistics.median(reading)
    print(f"{2 * MANY:,} deadlines: {statistics.median(clocks):.2f} s, {share:.2f} of the reading")
    assert share <= 1 / 3
