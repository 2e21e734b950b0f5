"""What the register asks of somebody: customers to be told, and promises that lapse. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from attrs import frozen

from ._commitments import Commitment
from ._register import Vendor


@frozen(order=False)
class Duty:
    """One customer that has to be told of one vendor.

    Args:
        vendor: The vendor's id.
        tenant: The customer.
        until: The last instant at which the telling lets the vendor begin on time.
        overdue: Whether that has passed. Exports of this customer wait for a notice period from whenever it is told.
    """

    vendor: str
    tenant: str
    until: datetime
    overdue: bool


@frozen(order=False)
class Lapse:
    """One promise that a vendor needs and does not keep for long enough.

    Args:
        vendor: The vendor's id.
        commitment: The promise.
        ends_at: Until when it holds; ``None`` where it does not hold now.
    """

    vendor: str
    commitment: Commitment
    ends_at: datetime | None


def duties_of(
    vendors: Iterable[Vendor],
    tenants: Iterable[str],
    told: AbstractSet[tuple[str, str]],
    notice: timedelta,
    now: datetime,
) -> Iterator[Duty]:
    """Yield what is to be announced, the most pressing first.

    Args:
        vendors: All that are registered.
        tenants: The customers.
        told: Which vendor was announced to which customer, as pairs of ids.
        notice: How long before a vendor begins a customer has to be told.
        now: The present instant.
    """
    present = [one for one in vendors if not one.has_ended(now)]
    ends = {one.id: _before(one.starts_at, notice) for one in present}
    for vendor in sorted(present, key=lambda one: (ends[one.id], one.id)):
        for tenant in sorted(tenants):
            if (vendor.id, tenant) not in told:
                yield Duty(vendor.id, tenant, ends[vendor.id], overdue=now > ends[vendor.id])


def lapses_of(vendors: Iterable[Vendor], ahead: timedelta, now: datetime) -> Iterator[Lapse]:
    """Yield the promises that do not hold now or not until ``now + ahead``, vendor by vendor.

    A promise that is renewed without a gap holds until the renewal's end.
    """
    for vendor in sorted(vendors, key=lambda one: one.id):
        if vendor.has_ended(now):
            continue
        for commitment in Commitment:
            ends_at = vendor.kept_until(commitment, now)
            if ends_at is None or ends_at - now <= ahead:
                yield Lapse(vendor.id, commitment, ends_at)


def _before(instant: datetime, notice: timedelta) -> datetime:
    try:
        return instant - notice
    except OverflowError:
        return datetime.min.replace(tzinfo=instant.tzinfo)
