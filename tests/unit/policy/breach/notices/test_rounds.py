"""Rounds of notices: drafted, read, and released as they were read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from smartify_core.errors import (
    IncidentClash,
    IncidentInvalid,
    NoticeHeld,
    NoticeIncomplete,
    SmartifyError,
    StaleDraft,
    StorageUnavailable,
    UnknownIncident,
    UsageError,
    WriteConflict,
)
from smartify_core.model import PutDocument
from smartify_core.policy.breach import (
    Certainty,
    IncidentState,
    NoticeField,
    Outcome,
    Phase,
    PoliceHold,
    RoundState,
    TenantImpact,
    known,
    not_applicable,
    notice_digest,
    round_digest,
    unknown_yet,
)
from smartify_core.policy.breach._notices._drafting import BATCH
from smartify_core.storage.sqlite import SQLiteStorage

from .conftest import ID, STATED, World, affected, tenants_of


def test_what_is_stated_is_kept_and_the_trail_has_the_names_only(world: World) -> None:
    """A statement grows answer by answer; its texts are in no entry of the trail."""
    assert world.notices.statement(ID).revision == 0
    world.notices.state(ID, {NoticeField.WHAT_HAPPENED: known("a secret text")}, by="e-1")
    world.notices.state(ID, {NoticeField.VENDOR: not_applicable("nobody"), NoticeField.NATURE: unknown_yet()}, by="e-1")
    statement = world.notices.statement(ID)
    assert (statement.revision, len(statement.answers)) == (2, 3)
    first, second = (one.record for one in world.policy.trail.entries() if one.record.kind == "notice.stated")
    assert first.facts["known"] == ("what_happened",)
    assert (second.facts["unknown_yet"], second.facts["not_applicable"]) == (("nature",), ("vendor",))
    assert not any("secret" in str(one.record) for one in world.policy.trail.entries())


@pytest.mark.parametrize(
    "answers",
    [{}, {"what_happened": known("x")}, {NoticeField.NATURE: "x"}, {NoticeField.INDIVIDUALS: known("Ada, Bob")}],
)
def test_what_is_no_answer_is_not_stated(world: World, answers: Any) -> None:
    """Nothing, other things than answers, and names of people are refused, and nothing is written."""
    with pytest.raises(IncidentInvalid):
        world.notices.state(ID, answers, by="e-1")
    assert world.notices.statement(ID).revision == 0


def test_a_round_has_a_notice_for_everybody_who_is_owed_one(world: World) -> None:
    """Affected tenants, and those of whom ciphertext is out, are told; the others are not."""
    world.assess(
        affected("acme"),
        TenantImpact("globex", Outcome.CIPHERTEXT_ONLY, ("email",), 2),
        TenantImpact("hooli", Outcome.NOT_AFFECTED),
    )
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    notices = list(world.notices.notices(ID, 1))
    assert tenants_of(notices) == ["acme", "globex"]
    assert (drafted.state, drafted.number, drafted.notices, world.incident.rounds) == (RoundState.DRAFTED, 1, 2, 1)
    assert drafted.digest == round_digest(one.sha256 for one in notices)
    for one in notices:
        assert one.sha256 == notice_digest(one.subject, one.text, one.html, one.payload)
        assert (one.phase, len(one.code), one.id[:4], len(one.id)) == (Phase.FIRST, 26, "ntc-", 36)
    assert len({one.code for one in notices}) == len({one.id for one in notices}) == 2
    assert "release" not in "".join(world.kinds())


def test_ciphertext_is_told_of_only_where_the_rules_say_so() -> None:
    """A host may decide that encrypted data with safe keys is no reason for a notice."""
    world = World(rules=evolve(World().rules, notify_ciphertext_only=False))
    world.assess(affected("acme"), TenantImpact("globex", Outcome.CIPHERTEXT_ONLY, ("email",), 2))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert tenants_of(world.notices.notices(ID, 1)) == ["acme"]


def test_a_draft_needs_a_decision_and_an_impact(world: World) -> None:
    """Before awareness, before an assessment and after a change of scopes nothing is drafted."""
    with pytest.raises(IncidentClash, match="impact"):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.assess(affected("acme"))
    aware = world.incident.aware_at
    world.change(aware_at=None)
    with pytest.raises(IncidentClash, match="decided"):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.change(aware_at=aware, scope_revision=2)
    with pytest.raises(IncidentClash, match="impact"):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.change(scope_revision=1, state=IncidentState.CLOSED)
    with pytest.raises(IncidentClash, match="over"):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    with pytest.raises(IncidentClash, match="over"):
        world.notices.state(ID, STATED, by="e-1")


@pytest.mark.parametrize("phase", [Phase.UPDATE, Phase.FINAL])
def test_a_first_notice_comes_first(world: World, phase: Phase) -> None:
    """Neither an update nor a final notice is drafted before a first one went out."""
    world.assess(affected("acme"))
    with pytest.raises(IncidentClash, match="first"):
        world.notices.draft(ID, phase, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    with pytest.raises(IncidentClash, match="first"):
        world.notices.draft(ID, phase, by="e-1")


def test_who_is_named_is_told_and_nobody_else(world: World) -> None:
    """A round may be for some tenants only; for one that is owed nothing there is no round."""
    world.assess(affected("acme"), affected("globex"), TenantImpact("hooli", Outcome.NOT_AFFECTED))
    world.notices.draft(ID, Phase.FIRST, by="e-1", tenants=["globex", "hooli"])
    assert tenants_of(world.notices.notices(ID, 1)) == ["globex"]
    with pytest.raises(IncidentClash, match="owed"):
        world.notices.draft(ID, Phase.FIRST, by="e-1", tenants=["hooli"])
    assert world.incident.rounds == 1


def test_a_later_draft_discards_the_one_before(world: World) -> None:
    """There is one draft at a time; what was drafted before stays on record as discarded."""
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert [one.state for one in world.notices.rounds(ID)] == [RoundState.DISCARDED, RoundState.DRAFTED]
    assert world.notices.notice(ID, "acme").round == 2
    assert world.notices.notice(ID, "acme", 1).round == 1
    assert world.notices.send(ID, by="e-1").number == 2


def test_those_told_who_are_not_affected_any_more_are_corrected_once(world: World) -> None:
    """An update takes back what was said to them as their final notice; the next one is silent to them."""
    world.assess(affected("acme"), affected("globex"))
    world.told(Phase.FIRST)
    world.assess(affected("acme"), affected("initrode"))
    world.told(Phase.UPDATE)
    phases = {one.tenant: (one.phase, one.outcome) for one in world.notices.notices(ID, 2)}
    assert phases == {
        "acme": (Phase.UPDATE, Outcome.AFFECTED),
        "globex": (Phase.FINAL, Outcome.NOT_AFFECTED),
        "initrode": (Phase.FIRST, Outcome.AFFECTED),
    }
    correction = world.notices.notice(ID, "globex")
    assert "nothing that leads from it to your data" in correction.text.replace("\n", " ")
    assert "privacy@initech.example" in correction.text
    assert json.loads(correction.payload)["data"]["correction"] is True
    assert correction.open_fields == ()
    world.told(Phase.UPDATE)
    assert tenants_of(world.notices.notices(ID, 3)) == ["acme", "initrode"]


def test_corrections_can_wait(world: World) -> None:
    """A round may leave them out."""
    world.assess(affected("acme"), affected("globex"))
    world.told(Phase.FIRST)
    world.assess(affected("acme"))
    world.told(Phase.UPDATE, corrections=False)
    assert tenants_of(world.notices.notices(ID, 2)) == ["acme"]


def test_another_first_round_is_for_those_whom_nobody_told(world: World) -> None:
    """What an impact finds later is told as a first notice, without telling the others again."""
    world.assess(affected("acme"))
    world.told(Phase.FIRST)
    world.assess(affected("acme"), affected("globex"))
    world.told(Phase.FIRST)
    assert tenants_of(world.notices.notices(ID, 2)) == ["globex"]


def test_release_is_on_record_with_the_digest(world: World) -> None:
    """The round, the incident's timeline and the trail say together what was released, and by whom."""
    world.assess(affected("acme"))
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    events = world.incident.events
    released = world.notices.send(ID, by="e-2", digest=drafted.digest)
    assert (released.state, released.released_by, released.released_at) == (
        RoundState.RELEASED,
        "e-2",
        world.policy.trail.now(),
    )
    assert list(world.notices.rounds(ID)) == [released]
    entry = list(world.policy.trail.entries())[-1].record
    assert (entry.kind, entry.actor, entry.facts["digest"]) == ("notice.released", "e-2", drafted.digest)
    assert world.incident.events == events + 1
    with pytest.raises(IncidentClash, match="drafted"):
        world.notices.send(ID, by="e-2")


def _restate(world: World) -> None:
    world.notices.state(ID, {NoticeField.CONSEQUENCES: known("more")}, by="e-1")


def _reassess(world: World) -> None:
    world.assess(affected("acme"))


def _rescope(world: World) -> None:
    world.change(scope_revision=2)


@pytest.mark.parametrize("change", [_restate, _reassess, _rescope])
def test_what_is_stale_is_not_released(world: World, change: Callable[[World], None]) -> None:
    """Once something else is stated, computed or in scope, the draft is refused and stays one."""
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    change(world)
    with pytest.raises(StaleDraft):
        world.notices.send(ID, by="e-1")
    assert [one.state for one in world.notices.rounds(ID)] == [RoundState.DRAFTED]


def test_what_was_not_read_is_not_released(world: World) -> None:
    """Whoever names the digest of another draft releases nothing."""
    world.assess(affected("acme"))
    first = world.notices.draft(ID, Phase.FIRST, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    with pytest.raises(StaleDraft, match="read"):
        world.notices.send(ID, by="e-1", digest=first.digest)
    assert "notice.released" not in world.kinds()


def test_a_police_hold_keeps_everything_in_until_it_ends(world: World) -> None:
    """Nothing is released while law enforcement asks for silence; at its end what is drafted then is."""
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    now = world.clock()
    world.change(hold=PoliceHold(now + timedelta(days=2), "the police", "e-1", "they asked", now))
    with pytest.raises(NoticeHeld) as held:
        world.notices.send(ID, by="e-1")
    assert "police" not in str(held.value)
    world.clock.advance(days=2)
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert world.notices.send(ID, by="e-1").state is RoundState.RELEASED


def _everything_known(world: World) -> None:
    """State and find out whatever a final notice needs."""
    world.assess(affected("acme", fields=("email",), vendors=("mailer",)))
    world.notices.state(ID, STATED, by="e-1")


def test_a_final_notice_that_knows_everything_is_released(world: World) -> None:
    """With an answer to each thing the final notice goes out."""
    _everything_known(world)
    world.told(Phase.FIRST)
    assert world.told(Phase.FINAL).open_fields == ()


@pytest.mark.parametrize("what", list(NoticeField))
def test_a_final_notice_with_one_open_field_is_refused(world: World, what: NoticeField) -> None:
    """Each single thing that is not known yet holds the final notice up, by its name, and no other notice."""
    _everything_known(world)
    world.told(Phase.FIRST)
    world.notices.state(ID, {what: unknown_yet()}, by="e-1")
    assert world.told(Phase.UPDATE).open_fields == (what.value,)
    drafted = world.notices.draft(ID, Phase.FINAL, by="e-1")
    assert drafted.open_fields == (what.value,)
    with pytest.raises(NoticeIncomplete, match=what.value):
        world.notices.send(ID, by="e-1")
    world.notices.state(ID, {what: not_applicable("it does not arise")}, by="e-1")
    assert world.told(Phase.FINAL).state is RoundState.RELEASED


def test_a_first_notice_goes_out_with_nothing_known(world: World) -> None:
    """What is not known yet never holds up a first notice: every single field may be open."""
    world.assess(TenantImpact("acme", Outcome.AFFECTED))
    world.notices.state(ID, dict.fromkeys(NoticeField, unknown_yet()), by="e-1")
    assert set(world.told(Phase.FIRST).open_fields) == {one.value for one in NoticeField}
    assert world.notices.notice(ID, "acme").text.count("This is not known yet.") == len(NoticeField)


@pytest.mark.parametrize("certainty", list(Certainty))
@pytest.mark.parametrize("what", [one for one in NoticeField if one is not NoticeField.INDIVIDUALS])
def test_each_field_can_be_said_in_three_ways(world: World, what: NoticeField, certainty: Certainty) -> None:
    """Whatever is stated of a field is what the notice says: that it is so, that nobody knows, or why not."""
    world.assess(affected("acme"))
    said = {
        Certainty.KNOWN: known("It is a quince."),
        Certainty.UNKNOWN_YET: unknown_yet(),
        Certainty.NOT_APPLICABLE: not_applicable("It is a quince."),
    }
    world.notices.state(ID, {what: said[certainty]}, by="e-1")
    world.told(Phase.FIRST)
    notice = world.notices.notice(ID, "acme")
    assert ("quince" in notice.text) is ("quince" in notice.html) is (certainty is not Certainty.UNKNOWN_YET)
    assert ("This does not apply: It is a quince." in notice.text) is (certainty is Certainty.NOT_APPLICABLE)
    assert (what.value in notice.open_fields) is (certainty is Certainty.UNKNOWN_YET)


class Counting(SQLiteStorage):
    """A store that counts, and may fail at one of its writes."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.writes: list[int] = []
        self.read = 0
        self.fails_at: int | None = None
        self.before: Callable[[], None] | None = None

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Any = ()) -> None:
        """Write, unless this is the one at which the process dies."""
        self.writes.append(len(documents))
        if self.before is not None:
            before, self.before = self.before, None
            before()
        if self.fails_at is not None and len(self.writes) >= self.fails_at:
            raise StorageUnavailable("the process died")
        super().record(tenant, documents=documents, appends=appends)

    def documents(self, *args: Any, **options: Any) -> Any:
        """Count the pages that are read, and return one."""
        self.read += 1
        return super().documents(*args, **options)


@pytest.mark.slow
def test_a_draft_for_many_is_written_in_small_steps(tmp_path: Path) -> None:
    """Ten thousand notices are written by five hundred, read by pages, and none of it is kept in mind."""
    storage = Counting(tmp_path / "store.db")
    world = World(storage)
    world.assess(*(affected(f"tenant-{number}") for number in range(10_000)))
    storage.writes.clear()
    storage.read = 0
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert drafted.notices == 10_000
    # Beside the notices a step writes the round, and the last one what makes it a draft, with the trail's own.
    assert max(storage.writes) <= BATCH + 1
    assert len(storage.writes) <= 10_000 // BATCH + 2
    assert storage.read <= 10_000 // 32 + 20
    storage.close()


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_draft_that_was_interrupted_is_drafted_again(tmp_path: Path, step: int) -> None:
    """Wherever the process dies, nothing can be sent; the next draft is whole, has every notice once, and goes out."""
    tenants = [f"tenant-{number}" for number in range(2 * BATCH + 7)]
    storage = Counting(tmp_path / "store.db")
    world = World(storage)
    world.assess(*map(affected, tenants))
    storage.writes.clear()
    storage.fails_at = step
    with pytest.raises(SmartifyError):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert list(world.notices.rounds(ID)) == []
    with pytest.raises(UnknownIncident):
        world.notices.notices(ID, 1)
    storage.fails_at = None
    with pytest.raises(IncidentClash):
        world.notices.send(ID, by="e-1")
    # By then one of them is not affected any more: what was left of it goes.
    world.assess(*map(affected, tenants[1:]))
    drafted = world.notices.draft(ID, Phase.FIRST, by="e-1")
    assert tenants_of(world.notices.notices(ID, 1)) == sorted(tenants[1:])
    assert drafted.notices == len(tenants) - 1
    assert world.notices.send(ID, by="e-1", digest=drafted.digest).state is RoundState.RELEASED
    storage.close()


def test_two_who_draft_at_once_make_one_draft(tmp_path: Path) -> None:
    """Whoever comes second takes over; the first is stopped, and what is on record is one whole draft."""
    storage = Counting(tmp_path / "store.db")
    world = World(storage)
    tenants = [f"tenant-{number}" for number in range(2 * BATCH)]
    world.assess(*map(affected, tenants))
    drafts = []
    storage.before = lambda: drafts.append(world.room().draft(ID, Phase.FIRST, by="e-2"))
    with pytest.raises((WriteConflict, StaleDraft)):
        world.notices.draft(ID, Phase.FIRST, by="e-1")
    kept = list(world.notices.rounds(ID))
    notices = list(world.notices.notices(ID, 1))
    assert kept == drafts
    assert round_digest(one.sha256 for one in notices) == kept[0].digest
    assert tenants_of(notices) == sorted(tenants)
    storage.close()


def test_what_changes_the_incident_meanwhile_does_not_undo_a_draft(tmp_path: Path) -> None:
    """A note that somebody adds while notices are written is kept, and so is the draft."""
    storage = Counting(tmp_path / "store.db")
    world = World(storage)
    world.assess(affected("acme"))

    def confirm() -> None:
        world.change(confirmed_by="e-9")

    storage.before = confirm
    assert world.notices.draft(ID, Phase.FIRST, by="e-1").state is RoundState.DRAFTED
    assert world.incident.confirmed_by == "e-9"
    storage.close()


def test_what_is_not_there_is_said(world: World) -> None:
    """Unknown incidents, rounds and tenants are named, and whoever acts has to have an id."""
    world.assess(affected("acme"))
    for call in (
        lambda: world.notices.statement("inc-20300101-ffffffff"),
        lambda: world.notices.draft("nonsense", Phase.FIRST, by="e-1"),
        lambda: world.notices.notices(ID, 1),
        lambda: world.notices.notice(ID, "acme"),
        lambda: world.notices.notice(ID, "acme", 3),
    ):
        with pytest.raises(UnknownIncident):
            call()
    with pytest.raises(UsageError):
        world.notices.draft(ID, Phase.FIRST, by="Ada Lovelace <ada@acme.example>")
    assert world.incident.rounds == 0
