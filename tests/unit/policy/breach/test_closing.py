"""An incident is closed only once everybody has heard what is known now, and what is known covers what happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from tests.unit.policy.breach.delivery._host import Scripted, mail
from tests.unit.policy.breach.impacts._world import HOUR, TENANTS, World

from smartify_core.errors import IncidentClash, IncidentInvalid
from smartify_core.policy import Policy
from smartify_core.policy.breach import (
    BreachRules,
    BreachScope,
    Customer,
    DeadlineState,
    IncidentState,
    NoticeField,
    Phase,
    ScopeKind,
    Stated,
    known,
)

_RULES = BreachRules(organisation="Ex Ltd", contact_point="privacy@ex.example", call="e-8")
_FIELDS = [one for one in NoticeField if one is not NoticeField.INDIVIDUALS]
_ANSWERS: dict[NoticeField, Stated] = {one: known("as far as is known") for one in _FIELDS}
E_1 = BreachScope(ScopeKind.ACTOR, ("e-1",))


@frozen(eq=False)
class Case:
    """A host whose employee e-1 may have opened Acme and Globex, and its rooms of breaches."""

    world: World
    policy: Policy
    sent: Scripted

    def begun(self, *scopes: BreachScope) -> str:
        """Return an incident that somebody is aware of, assessed and stated."""
        breaches = self.policy.breaches
        incident = breaches.incidents.open(by="e-8", signal="an odd sign-in", scopes=scopes).id
        breaches.incidents.become_aware(incident, by="e-8", reason="the log shows it")
        self.assess(incident)
        breaches.notices.state(incident, _ANSWERS, by="e-8")
        return incident

    def assess(self, incident: str) -> None:
        """Assess an incident anew."""
        self.policy.breaches.assessments.assess(incident, by="e-8")

    def tell(self, incident: str, phase: Phase, *tenants: str) -> None:
        """Draft, release and deliver notices, an hour later."""
        self.world.clock.advance(HOUR)
        drafted = self.policy.breaches.notices.draft(incident, phase, by="e-8", tenants=tenants or None)
        self.policy.breaches.notices.send(incident, by="e-8", digest=drafted.digest)
        self.policy.breaches.courier.run_once()

    def close(self, incident: str) -> None:
        """Close an incident."""
        done = self.policy.breaches.incidents.close(incident, by="e-8", reason="all were told")
        assert done.state is IncidentState.CLOSED


@pytest.fixture
def case() -> Iterator[Case]:
    """Return a host with customers that can be told."""
    with World() as world:
        sent = Scripted()
        policy = Policy(world.storage, world.sealer, clock=world.clock, host="web-1", breach=_RULES, notifiers=[sent])
        for tenant in TENANTS:
            policy.breaches.customers.register(Customer(tenant, (mail(tenant),)), by="e-8")
        for tenant in ("acme", "globex"):
            world.grant("e-1", tenant)
        world.open("e-1", "acme", 0)
        yield Case(world, policy, sent)


def test_what_was_opened_after_the_assessment_keeps_an_incident_open(case: Case) -> None:
    """Where a scope has no end yet, data that was opened since the assessment has to be assessed before the close."""
    incident = case.begun(E_1)
    case.world.clock.advance(HOUR)
    case.world.open("e-1", "globex")
    case.tell(incident, Phase.FIRST)
    case.tell(incident, Phase.FINAL)
    with pytest.raises(IncidentClash, match="after its impact was assessed"):
        case.close(incident)
    case.assess(incident)
    with pytest.raises(IncidentClash, match="1 customers are owed a notice"):
        case.close(incident)
    case.tell(incident, Phase.FIRST, "globex")
    case.tell(incident, Phase.FINAL)
    case.close(incident)
    assert {one.address for one in case.sent.parcels} == {mail(one).address for one in ("acme", "globex")}


def test_what_comes_after_the_end_of_every_scope_keeps_nothing_open(case: Case) -> None:
    """Once somebody said until when it reached, and that was assessed, the host's own work goes on beside it."""
    incident = case.begun(E_1)
    case.world.clock.advance(HOUR)
    ended = evolve(E_1, until=case.world.clock())
    case.policy.breaches.incidents.rescope(incident, [ended], by="e-8", reason="locked out")
    case.assess(incident)
    case.tell(incident, Phase.FIRST)
    case.world.grant("e-3", "globex")
    case.world.open("e-3", "globex")
    case.tell(incident, Phase.FINAL)
    case.close(incident)


def test_a_window_that_ends_later_is_open_until_then(case: Case) -> None:
    """A scope that was said to end tomorrow is open today: what is opened in it has to be assessed."""
    incident = case.begun(evolve(E_1, until=case.world.clock() + timedelta(days=1)))
    case.tell(incident, Phase.FIRST)
    case.tell(incident, Phase.FINAL)
    case.world.open("e-1", "globex")
    with pytest.raises(IncidentClash, match="after its impact was assessed"):
        case.close(incident)


def test_a_customer_whose_last_word_was_a_correction_hears_again_that_it_is_affected(case: Case) -> None:
    """Told that its data is not concerned, and found to be affected again, a customer has to be told before the close.

    Its clocks go on as well: the correction is no last word any more.
    """
    case.world.open("e-1", "globex")
    incident, breaches = case.begun(E_1), case.policy.breaches
    case.tell(incident, Phase.FIRST)
    breaches.incidents.rescope(incident, [evolve(E_1, tenants=("acme",))], by="e-8", reason="only Acme")
    case.assess(incident)
    case.tell(incident, Phase.UPDATE)
    breaches.incidents.rescope(incident, [E_1], by="e-8", reason="both after all")
    case.assess(incident)
    case.tell(incident, Phase.FINAL, "acme")
    with pytest.raises(IncidentClash, match="a final notice that says what is known now"):
        case.close(incident)
    waiting = [one for one in breaches.watch.deadlines(incident) if one.state is DeadlineState.RUNNING]
    assert [(one.tenant, one.phase) for one in waiting] == [("globex", Phase.UPDATE)]
    case.tell(incident, Phase.FINAL, "globex")
    assert not [one for one in breaches.watch.deadlines(incident) if one.state is DeadlineState.RUNNING]
    case.close(incident)


def test_a_final_notice_that_told_of_less_is_no_last_word(case: Case) -> None:
    """Where a later assessment finds more of a customer's data, its final notice has to be sent again."""
    case.world.grant("e-3", "acme")
    case.world.open("e-3", "acme")
    incident, breaches = case.begun(E_1), case.policy.breaches
    case.tell(incident, Phase.FIRST)
    case.tell(incident, Phase.FINAL)
    breaches.incidents.extend(incident, BreachScope(ScopeKind.ACTOR, ("e-3",)), by="e-8", reason="they were two")
    case.assess(incident)
    with pytest.raises(IncidentClash, match="a final notice that says what is known now"):
        case.close(incident)
    case.tell(incident, Phase.FINAL)
    case.close(incident)


def test_an_assessment_that_finds_the_same_makes_no_notice_untrue(case: Case) -> None:
    """Assessing once more, with nothing new, asks for no further notice."""
    incident = case.begun(E_1)
    case.tell(incident, Phase.FIRST)
    case.tell(incident, Phase.FINAL)
    case.assess(incident)
    case.close(incident)


def test_a_customer_that_is_not_affected_any_more_has_to_be_told_so(case: Case) -> None:
    """A final notice that says that data is affected is no last word where it is found not to be."""
    case.world.open("e-1", "globex")
    incident, breaches = case.begun(E_1), case.policy.breaches
    case.tell(incident, Phase.FIRST)
    case.tell(incident, Phase.FINAL)
    breaches.incidents.rescope(incident, [evolve(E_1, tenants=("acme",))], by="e-8", reason="only Acme")
    case.assess(incident)
    with pytest.raises(IncidentClash, match="a final notice that says what is known now"):
        case.close(incident)
    case.tell(incident, Phase.UPDATE, "globex")
    case.close(incident)


def test_an_incident_that_reached_nowhere_is_not_closed(case: Case) -> None:
    """Nobody can say whom an incident without a scope concerns: it gets one, or was no breach."""
    breaches = case.policy.breaches
    incident = breaches.incidents.open(by="e-8", signal="an odd sign-in").id
    breaches.incidents.become_aware(incident, by="e-8", reason="the log shows it")
    with pytest.raises(IncidentClash, match="nobody said where it reached"):
        case.close(incident)
    assert breaches.incidents.dismiss(incident, by="e-8", reason="a test").state is IncidentState.NEAR_MISS


def test_nobody_has_heard_of_a_notice_before_it_was_on_its_way(case: Case) -> None:
    """An acknowledgement that is dated back makes no missed time met: it is refused, and nothing is recorded."""
    incident, breaches = case.begun(E_1), case.policy.breaches
    before = case.world.clock()
    case.tell(incident, Phase.FIRST)
    size = case.policy.trail.size
    said: dict[str, Any] = {"by": "e-8", "heard_by": "their officer", "how": "by phone"}
    with pytest.raises(IncidentInvalid, match="before the notice was on its way"):
        breaches.courier.acknowledge(incident, "acme", at=before, **said)
    assert case.policy.trail.size == size
    assert breaches.courier.acknowledge(incident, "acme", at=case.world.clock(), **said).acknowledged_at is not None
