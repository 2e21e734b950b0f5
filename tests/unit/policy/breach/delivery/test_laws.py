"""What holds of the courier whatever the other sides answer, whoever dies, and however the clock goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.policy.breach.delivery._host import (
    ACCEPTED,
    GONE,
    INCIDENT_ID,
    REFUSED,
    TRY_AGAIN,
    WAITS,
    Host,
    mail,
    notice_of,
)

from smartify_core.errors import AuditUnavailable, StorageUnavailable
from smartify_core.policy.breach import DeliveryState, Parcel, Phase, Reply

TENANTS = ("acme", "globex", "initech")
REPLIES = {"accepted": ACCEPTED, "again": TRY_AGAIN, "refused": REFUSED, "gone": GONE}
LEASE = timedelta(minutes=15)


class Moody:
    """A channel whose addresses each have a mood, which is what they answer."""

    channel = "mail"
    waits = WAITS

    def __init__(self) -> None:
        self.moods: dict[str, str] = {}
        self.sent: list[tuple[str, str, str]] = []

    def check(self, address: str) -> None:
        """Take whatever there is."""

    @contextmanager
    def opened(self) -> Iterator[Moody]:
        """Return itself."""
        yield self

    def send(self, parcel: Parcel) -> Reply:
        """Answer by the mood, and keep what was answered to which message."""
        mood = self.moods.get(parcel.address, "accepted")
        self.sent.append((parcel.address, parcel.id, mood))
        return REPLIES[mood]


class Flaky:
    """A store that is away after so many writes: as a worker that dies there, but for what it holds in memory."""

    def __init__(self, storage: Any, writes: int) -> None:
        self._storage = storage
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, *args: Any, **options: Any) -> None:
        """Record, as long as it is there."""
        self._left -= 1
        if self._left < 0:
            raise StorageUnavailable("away")
        self._storage.record(*args, **options)


class CourierLaws(RuleBasedStateMachine):
    """Rounds are released, couriers run and die, addresses change their minds, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.host = Host()
        self.channel = Moody()
        self.rounds = 0
        self.held = False

    @initialize(tiers=st.lists(st.lists(st.integers(1, 3), max_size=3), min_size=3, max_size=3))
    def customers(self, tiers: list[list[int]]) -> None:
        """Put customers on record, each with some contacts."""
        self.contacts = {
            tenant: [mail(tenant, name=f"c{number}", tier=tier) for number, tier in enumerate(its)]
            for tenant, its in zip(TENANTS, tiers, strict=True)
        }
        for tenant, contacts in self.contacts.items():
            self.host.customer(tenant, *contacts, call="e-4")

    @rule()
    def release(self) -> None:
        """Send another round."""
        if self.rounds < 3:
            self.rounds += 1
            self.host.release(*TENANTS, number=self.rounds, phase=Phase.UPDATE if self.rounds > 1 else Phase.FIRST)

    @rule(tenant=st.sampled_from(TENANTS), number=st.integers(0, 2), mood=st.sampled_from(sorted(REPLIES)))
    def change_mood(self, tenant: str, number: int, mood: str) -> None:
        """Have an address answer otherwise from now on."""
        self.channel.moods[f"c{number}@{tenant}.example"] = mood

    @rule(minutes=st.sampled_from([1, 5, 15, 60, 600, 3_000]))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.host.clock.advance(minutes=minutes)
        self.held = False

    @rule()
    def hold(self) -> None:
        """Have police ask for silence until time passes."""
        self.host.hold(seconds=30)
        self.held = True

    @rule()
    def run(self) -> None:
        """Run a courier to its end: nothing leaves while police has asked for silence."""
        before = len(self.channel.sent)
        self.host.courier(self.channel, lease=LEASE).run_once()
        assert not self.held or len(self.channel.sent) == before

    @rule(writes=st.integers(0, 4))
    def run_and_die(self, writes: int) -> None:
        """Run a courier whose store goes away."""
        storage: Any = Flaky(self.host.storage, writes)
        with suppress(AuditUnavailable, StorageUnavailable):
            self.host.courier(self.channel, storage=storage, lease=LEASE).run_once()

    @rule(tenant=st.sampled_from(TENANTS))
    def acknowledge(self, tenant: str) -> None:
        """Have a customer say that it knows of the latest notice."""
        numbers = [one.round for one in self.host.courier().hearings(INCIDENT_ID) if one.tenant == tenant]
        if numbers:
            courier = self.host.courier()
            hearing = courier.acknowledge(INCIDENT_ID, tenant, by="e-4", heard_by="them", how="by phone")
            assert hearing.round == max(numbers)

    @invariant()
    def nobody_gets_what_is_another_s(self) -> None:
        """Every message that left is the notice of the tenant that its address belongs to."""
        for address, notice, _ in self.channel.sent:
            tenant = address.split("@")[1].removesuffix(".example")
            assert notice in {notice_of(tenant, number).id for number in range(1, self.rounds + 1)}

    @invariant()
    def what_is_over_is_over(self) -> None:
        """What is done has no time and no worker; what is open has; each is in one place, with no attempt too many."""
        for delivery in self.host.deliveries().values():
            assert delivery.state.is_open is (delivery.next_at is not None)
            assert delivery.state.is_open or delivery.worker is None
            told = [one for one in delivery.attempts if one.verdict is not None]
            assert len(told) <= len(WAITS) + 1
            assert [one.number for one in delivery.attempts] == list(range(1, len(delivery.attempts) + 1))
            if delivery.state is DeliveryState.COMPLETED:
                assert (
                    f"{delivery.contact}@{delivery.tenant}.example",
                    delivery.notice,
                    "accepted",
                ) in self.channel.sent

    @invariant()
    def everybody_heard_is_tried_or_is_called(self) -> None:
        """Of every queued notice, or a later one, the customer has heard, or is still tried, or somebody calls."""
        open_ = {(one.tenant, one.round) for one in self.host.deliveries().values() if one.state.is_open}
        hearings = list(self.host.courier().hearings(INCIDENT_ID))
        heard = {
            (one.tenant, one.round)
            for one in hearings
            if one.delivered_at is not None or one.acknowledged_at is not None
        }
        for one in hearings:
            later = any((one.tenant, number) in heard for number in range(one.round, self.rounds + 1))
            assert later or (one.tenant, one.round) in open_ or one.call_since is not None

    def teardown(self) -> None:
        """Give it all the time there is: then every customer has heard, or somebody calls."""
        if not hasattr(self, "contacts"):
            return
        for _ in range(12):
            self.host.clock.advance(days=1)
            self.host.courier(self.channel).run_once()
        assert not any(one.state.is_open for one in self.host.deliveries().values())
        queued = {one.round for one in self.host.courier().hearings(INCIDENT_ID)}
        assert queued == set(range(1, self.rounds + 1))


TestCourierLaws = CourierLaws.TestCase
TestCourierLaws.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
