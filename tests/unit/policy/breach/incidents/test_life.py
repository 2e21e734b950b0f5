"""The life of an incident in any order of steps, beside a small model of what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.policy.breach.incidents._house import ACTOR, HOUR, House

from smartify_core.errors import IncidentClash
from smartify_core.policy.breach import Incident, IncidentState, Phase

words = st.sampled_from(["seen", "  asked  ", "é" * 40])


class Life(RuleBasedStateMachine):
    """One incident, whose steps are taken in any order; the model is a handful of facts."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.house.know("acme")
        self.state = IncidentState.SUSPECTED
        self.scope_revision, self.assessed = 1, 0
        self.hold_until: datetime | None = None
        self.sent: list[Phase] = []
        self.kinds = ["incident.opened"]

    @initialize()
    def begin(self) -> None:
        """Begin with something that was noticed."""
        self.id = self.house.opened().id

    def _step(self, kind: str, step: Callable[[], Incident], *, allowed: bool) -> bool:
        before = self.house.incidents.get(self.id)
        try:
            step()
        except IncidentClash:
            assert not allowed, kind
            assert self.house.incidents.get(self.id) == before
            return False
        assert allowed, kind
        self.kinds.append(kind)
        return True

    @property
    def is_running(self) -> bool:
        """Whether the model's incident is not over."""
        return not self.state.is_over

    @rule(hours=st.integers(min_value=0, max_value=60))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.house.clock.advance(hours=hours)

    @rule(reason=words)
    def decide(self, reason: str) -> None:
        """Somebody becomes aware."""
        allowed = self.state is IncidentState.SUSPECTED
        if self._step(
            "incident.aware",
            lambda: self.house.incidents.become_aware(self.id, by="e-2", reason=reason),
            allowed=allowed,
        ):
            self.state = IncidentState.AWARE

    @rule(reason=words)
    def extend(self, reason: str) -> None:
        """It reached further than was thought."""
        if self._step(
            "incident.extended",
            lambda: self.house.incidents.extend(self.id, ACTOR, by="e-1", reason=reason),
            allowed=self.is_running,
        ):
            self.scope_revision += 1

    @rule(is_affected=st.booleans())
    def assess(self, is_affected: bool) -> None:
        """The impact is computed; once a customer was told, it stays affected."""
        if self.is_running:
            self.house.assess(self.id, ["acme"] if is_affected or self.sent else [])
            self.assessed = self.scope_revision
            self.is_affected = is_affected or bool(self.sent)
            self.kinds.append("incident.assessed")

    @rule(reason=words)
    def confirm(self, reason: str) -> None:
        """Somebody confirms the impact."""
        allowed = self.state is IncidentState.AWARE and self.assessed == self.scope_revision
        if self._step(
            "incident.confirmed",
            lambda: self.house.incidents.confirm(self.id, by="e-3", reason=reason),
            allowed=allowed,
        ):
            self.state = IncidentState.CONFIRMED

    @rule(hours=st.integers(min_value=1, max_value=100))
    def hold(self, hours: int) -> None:
        """The police ask for silence."""
        until = self.house.trail.now() + hours * HOUR
        if self._step(
            "incident.held",
            lambda: self.house.incidents.hold(self.id, until=until, ordered_by="police", by="e-2", reason="asked"),
            allowed=self.is_running,
        ):
            self.hold_until = until

    @rule()
    def lift(self) -> None:
        """The police let them speak."""
        now = self.house.trail.now()
        held = self.hold_until is not None and now < self.hold_until
        if self._step(
            "incident.hold-lifted",
            lambda: self.house.incidents.lift_hold(self.id, by="e-2", reason="told so"),
            allowed=self.is_running and held,
        ):
            self.hold_until = now

    @rule(phase=st.sampled_from(Phase))
    def send(self, phase: Phase) -> None:
        """Notices go out, as the room of notices would let them."""
        if self.is_running and self.assessed and self.state is not IncidentState.SUSPECTED and self.is_affected:
            self.house.send(self.id, phase, ["acme"])
            self.sent.append(phase)
            self.kinds.append("notice.released")

    @rule()
    def note(self) -> None:
        """Somebody writes a note, at any time."""
        assert self._step(
            "incident.noted", lambda: self.house.incidents.note(self.id, by="e-1", text="hm"), allowed=True
        )

    @rule()
    def dismiss(self) -> None:
        """Somebody decides that it was no breach."""
        if self._step(
            "incident.dismissed",
            lambda: self.house.incidents.dismiss(self.id, by="e-2", reason="a test of ours"),
            allowed=self.is_running and not self.sent,
        ):
            self.state = IncidentState.NEAR_MISS

    @rule(gives_reasons=st.booleans())
    def close(self, gives_reasons: bool) -> None:
        """Somebody closes it, after they gave reasons for every delay, or without."""
        unexplained = [one.phase for one in self.house.watch.status(self.id)[0].unexplained]
        if gives_reasons and self.is_running:
            for phase in dict.fromkeys(unexplained):
                self.house.watch.explain(self.id, phase=phase, by="e-1", reason="a storm")
                self.kinds.append("deadline.explained")
            unexplained = []
        allowed = (
            self.state in {IncidentState.AWARE, IncidentState.CONFIRMED}
            and self.assessed == self.scope_revision
            and (Phase.FINAL in self.sent or not self.is_affected)
            and not unexplained
        )
        if self._step(
            "incident.closed", lambda: self.house.incidents.close(self.id, by="e-2", reason="done"), allowed=allowed
        ):
            self.state = IncidentState.CLOSED

    @invariant()
    def the_record_is_the_model(self) -> None:
        """The incident, its timeline and the trail say what the model says, each change with one event and entry."""
        one = self.house.incidents.get(self.id)
        assert (one.state, one.scope_revision, one.events) == (self.state, self.scope_revision, len(self.kinds))
        assert one.is_held(self.house.now()) is (self.hold_until is not None and self.house.now() < self.hold_until)
        assert (one.closed_at is not None) is one.state.is_over
        timeline = [*self.house.incidents.timeline(self.id)]
        assert [event.kind for event in timeline] == self.kinds
        assert [event.number for event in timeline] == [*range(1, len(self.kinds) + 1)]
        assert [kind for kind in self.house.kinds() if kind != "deadline.missed"] == self.kinds
        instants = [one.first_signal_at, one.aware_at, one.confirmed_at, one.closed_at]
        known = [at for at in instants if at is not None]
        assert known == sorted(known)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25)
