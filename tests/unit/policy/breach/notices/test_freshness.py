"""Nothing lost, and nothing false sent: two who draft at once, and drafts that time made false."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.notices.conftest import ID, World, affected

from smartify_core.errors import StaleDraft
from smartify_core.model import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import (
    Alarm,
    AlarmKind,
    ClockStart,
    Customer,
    LimitKind,
    Phase,
    Round,
    RoundState,
    TimeLimit,
)
from smartify_core.policy.breach._notices._freshness import DRAFT_KEEPS
from smartify_core.policy.breach._places import DEADLINE, NOTICE, ROUND, numbered, of_tenant
from smartify_core.policy.breach._said import DeadlineRecord


def _meanwhile(world: World, act: Callable[[], object]) -> Callable[[], dict[str, str]]:
    """Return what names vendors, and does something else the first time: right between reading and writing."""
    done: list[object] = []

    def names() -> dict[str, str]:
        if not done:
            done.append(act())
        return {}

    return names


def _sealed(world: World) -> tuple[Any, Any]:
    """Return the documents of the first round and of its notice to acme, as they lie in the store."""
    return (
        world.storage.document(LEDGER, ROUND, numbered(ID, 1)),
        world.storage.document(LEDGER, NOTICE, of_tenant(ID, 1, "acme")),
    )


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_draft_never_writes_over_a_round_of_somebody_else(world: World, is_sent: bool) -> None:
    """Whoever has read the incident before another one drafts, or sends, is told so; not one byte of theirs changes."""
    world.assess(affected("acme"))

    def act() -> Any:
        world.told(Phase.FIRST) if is_sent else world.notices.draft(ID, Phase.FIRST, by="e-1")
        before.extend(_sealed(world))

    before: list[Any] = []
    late = world.room(vendor_names=_meanwhile(world, act))
    with pytest.raises(StaleDraft, match="meanwhile"):
        late.draft(ID, Phase.FIRST, by="e-3")
    assert list(_sealed(world)) == before
    assert None not in before
    state = RoundState.RELEASED if is_sent else RoundState.DRAFTED
    assert [(one.state, one.drafted_by) for one in world.notices.rounds(ID)] == [(state, "e-1")]


def test_nobody_is_told_the_same_twice_by_two_rounds(world: World) -> None:
    """A second first round that was drafted while the first one went out is no draft at all."""
    world.assess(affected("acme"))
    first = world.notices.draft(ID, Phase.FIRST, by="e-1")
    late = world.room(vendor_names=_meanwhile(world, lambda: world.notices.send(ID, by="e-1", digest=first.digest)))
    with pytest.raises(StaleDraft, match="sent meanwhile"):
        late.draft(ID, Phase.FIRST, by="e-3")
    assert [one.state for one in world.notices.rounds(ID)] == [RoundState.RELEASED]
    assert world.incident.rounds == 1


def test_a_draft_that_does_not_know_of_what_went_out_is_not_sent(world: World) -> None:
    """A round keeps which others were out when it was drafted, and is stale once that is not so."""
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    rounds = Shelf(world.storage, world.sealer, ROUND, Round)
    drafted, version = rounds.get(numbered(ID, 1))
    assert drafted is not None
    put = rounds.put(numbered(ID, 1), evolve(drafted, released_before=(7,)), over=version)
    world.storage.record(LEDGER, documents=[put])
    with pytest.raises(StaleDraft, match="sent since"):
        world.notices.send(ID, by="e-1")


def test_a_draft_of_yesterday_is_not_sent(world: World) -> None:
    """Six hours after it was drafted it is stale, and not before; a new one is sent."""
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.clock.advance(DRAFT_KEEPS)
    with pytest.raises(StaleDraft, match="times"):
        world.notices.send(ID, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.clock.advance(DRAFT_KEEPS - timedelta(seconds=1))
    assert world.notices.send(ID, by="e-1").state is RoundState.RELEASED


def test_a_draft_that_says_in_time_is_not_sent_too_late(world: World) -> None:
    """Once the time of a single customer is over the draft that says otherwise is stale; at that instant it is not."""
    limit = TimeLimit(Phase.FIRST, timedelta(hours=2), ClockStart.AWARENESS, LimitKind.CONTRACT, "DPA, section 7")
    world.register(Customer("acme", limits=(limit,)))
    world.assess(affected("acme"), affected("globex"))
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    due_at = world.clock() + timedelta(hours=1)  # it is known for an hour
    assert drafted.keeps_until == due_at + timedelta.resolution
    world.clock.advance(timedelta(hours=1, seconds=1))
    with pytest.raises(StaleDraft, match="times"):
        world.notices.send(ID, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert "delay_reason" in world.notices.notice(ID, "acme").open_fields
    assert world.notices.send(ID, by="e-1").number == 2


def test_a_draft_without_the_reason_that_is_on_record_is_not_sent(world: World) -> None:
    """Once somebody says why notices were late, a draft that does not say it is stale; other records leave it fresh."""
    world.assess(affected("acme"))
    world.clock.advance(days=3)
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    records = Shelf(world.storage, world.sealer, DEADLINE, DeadlineRecord)

    def say(number: int, kind: AlarmKind) -> None:
        said = Alarm(ID, kind, world.clock(), Phase.FIRST, 1, world.clock(), tenants=("acme",), count=1)
        put = records.put(numbered(ID, number), DeadlineRecord(number, "e-1", said, "we slept"), over=0)
        world.storage.record(LEDGER, documents=[put])

    say(1, AlarmKind.MISSED)
    world.notices.send(ID, by="e-1")
    world.notices.draft(ID, Phase.UPDATE, by="e-1")
    say(2, AlarmKind.EXPLAINED)
    with pytest.raises(StaleDraft, match="reason"):
        world.notices.send(ID, by="e-1")
    world.notices.draft(ID, Phase.UPDATE, by="e-1")
    assert world.notices.send(ID, by="e-1").phase is Phase.UPDATE
