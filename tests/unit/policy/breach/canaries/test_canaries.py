"""Whoever touches a decoy opens a suspected incident, once, and nobody learns from the trail which decoy it was."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.breach.canaries.conftest import ADA, BOB, Vendor, canaries_of, watched
from tests.unit.policy.records.conftest import Always, Between, die, in_child

from smartify_core.errors import AccessDenied, UsageError
from smartify_core.model import LEDGER
from smartify_core.policy.audit import AuditEntry, AuditRecord, Trail
from smartify_core.policy.breach import Canaries, Decoy, DecoyKind, Incident, IncidentState, ScopeKind
from smartify_core.policy.breach import _canaries as room
from smartify_core.policy.breach._decoys import MOST_DECOYS, Decoyed
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.storage.sqlite import SQLiteStorage


@pytest.fixture
def canaries(vendor: Vendor) -> Canaries:
    """Return the canaries of the vendor; Ada's account of Acme is a decoy."""
    made = canaries_of(vendor)
    made.plant_subject("acme", account(vendor, ADA.source_id), by="e-2", note="nobody works for them")
    return made


def account(vendor: Vendor, source_id: str) -> str:
    """Return the id of an account of Acme."""
    return vendor.storage.load("acme", [source_id])[source_id].account_id


def incidents(vendor: Vendor) -> list[Incident]:
    """Return all incidents on record."""
    return list(Recorded(vendor.storage, vendor.sealer, vendor.policy.trail).all())


def entries(vendor: Vendor, kind: str) -> list[AuditEntry]:
    """Return the entries of the trail of a kind."""
    return [one for one in vendor.policy.trail.entries() if one.record.kind == kind]


def timeline(vendor: Vendor, incident: Incident) -> list[str]:
    """Return the kinds of what happened to an incident."""
    return [one.kind for one in Recorded(vendor.storage, vendor.sealer, vendor.policy.trail).timeline(incident.id)]


# --- by itself --------------------------------------------------------------------------------------------------------


def test_opening_a_decoy_opens_an_incident_by_itself(vendor: Vendor, canaries: Canaries) -> None:
    """Through the real gate, the one opening leaves a suspected incident whose scope is whoever opened it."""
    vendor.grant()
    watched(vendor, canaries).gate.open(**vendor.ask())
    (incident,) = incidents(vendor)
    (touch,) = entries(vendor, "access.granted")
    assert (incident.state, incident.opened_by) == (IncidentState.SUSPECTED, "canary")
    assert incident.first_signal_at == touch.record.at
    assert [(one.kind, one.names, one.since, one.tenants) for one in incident.scopes] == [
        (ScopeKind.ACTOR, ("e-1",), None, ())
    ]
    assert (incident.aware_at, incident.events) == (None, 1)
    assert f"entry {touch.place} of the audit trail" in incident.signal
    assert timeline(vendor, incident) == ["incident.opened"]
    (opened,) = entries(vendor, "incident.opened")
    assert opened.record.facts == {
        "incident": incident.id,
        "event": 1,
        "first_signal_at": incident.first_signal_at.isoformat(),
        "natures": ("confidentiality",),
        "scopes": ("actor",),
        "scope_revision": 1,
    }


def test_a_denied_try_opens_one_too(vendor: Vendor, canaries: Canaries) -> None:
    """Who may not see the decoy and asks for it all the same is told no, and has opened an incident."""
    with pytest.raises(AccessDenied):
        watched(vendor, canaries).gate.open(**vendor.ask("e-3"))
    (incident,) = incidents(vendor)
    assert incident.scopes[0].names == ("e-3",)


def test_a_page_that_holds_a_decoy_opens_one(vendor: Vendor, canaries: Canaries) -> None:
    """A view of everybody touches the decoy among them, once."""
    vendor.grant()
    wanted = {name: value for name, value in vendor.ask().items() if name != "source_id"}
    with watched(vendor, canaries).gate.view(**wanted) as view:
        assert len(list(view)) == 2
    assert len(incidents(vendor)) == 1


def test_using_a_planted_grant_opens_one(vendor: Vendor) -> None:
    """Whoever opens anything by a grant that is a decoy has opened an incident; asking for and approving it has not."""
    canaries = canaries_of(vendor)
    grant = vendor.grant()
    canaries.plant_grant(grant.id, by="e-2")
    assert canaries.look() == ()
    watched(vendor, canaries).gate.open(**vendor.ask(source_id=BOB.source_id))
    assert [one.scopes[0].names for one in incidents(vendor)] == [("e-1",)]


def test_a_decoy_employee_that_acts_opens_one(vendor: Vendor) -> None:
    """Whatever is asked for in the name of an employee who is a decoy opens an incident, although it is denied."""
    canaries = canaries_of(vendor)
    canaries.plant_employee("e-3", by="e-2")
    with pytest.raises(AccessDenied):
        watched(vendor, canaries).gate.open(**vendor.ask("e-3", source_id=BOB.source_id))
    assert len(incidents(vendor)) == 1


def test_an_export_by_a_decoy_employee_opens_one(vendor: Vendor) -> None:
    """Entries that no gate wrote count as well: an export that was denied to a decoy is found by looking."""
    canaries = canaries_of(vendor)
    canaries.plant_employee("e-3", by="e-2")
    vendor.policy.trail.append(AuditRecord("export.denied", vendor.policy.trail.now(), "acme", "e-3"))
    assert len(canaries.look()) == 1
    assert incidents(vendor)[0].scopes[0].names == ("e-3",)


def test_nobody_touched_opens_none(vendor: Vendor, canaries: Canaries) -> None:
    """Openings of others, and another tenant's account of the same id, are nothing to a canary."""
    vendor.grant()
    watched(vendor, canaries).gate.open(**vendor.ask(source_id=BOB.source_id))
    decoy = account(vendor, ADA.source_id)
    vendor.policy.trail.append(AuditRecord("access.granted", vendor.clock(), "globex", "e-1", (decoy,)))
    vendor.policy.trail.append(AuditRecord("account.shredded", vendor.clock(), "acme", "e-1", (decoy,)))
    assert canaries.look() == ()
    assert incidents(vendor) == []


def test_what_was_before_a_decoy_was_planted_is_no_touch(vendor: Vendor) -> None:
    """An opening of yesterday is not held against anybody, whether or not there were other decoys by then."""
    vendor.grant()
    canaries = canaries_of(vendor)
    vendor.policy.gate.open(**vendor.ask())
    canaries.plant_subject("acme", account(vendor, BOB.source_id), by="e-2")
    vendor.policy.gate.open(**vendor.ask())
    canaries.plant_subject("acme", account(vendor, ADA.source_id), by="e-2")
    assert canaries.look() == ()
    assert incidents(vendor) == []


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_second_touch_adds_to_the_open_incident(vendor: Vendor, canaries: Canaries) -> None:
    """The same actor has one incident while it is open; another has another; and one that is over is not added to."""
    policy = watched(vendor, canaries)
    vendor.grant()
    policy.gate.open(**vendor.ask())
    policy.gate.open(**vendor.ask())
    with pytest.raises(AccessDenied):
        policy.gate.open(**vendor.ask("e-3"))
    first, second = sorted(incidents(vendor), key=lambda one: one.scopes[0].names)
    assert timeline(vendor, first) == ["incident.opened", "canary.touched"]
    assert timeline(vendor, second) == ["incident.opened"]
    recorded = Recorded(vendor.storage, vendor.sealer, vendor.policy.trail)
    present, version = recorded.get(first.id)
    over = evolve(present, state=IncidentState.NEAR_MISS)
    recorded.change(over, version, "incident.dismissed", by="e-2", at=recorded.now())
    policy.gate.open(**vendor.ask())
    assert len(incidents(vendor)) == 3


def test_many_touches_found_at_once_are_one_event(vendor: Vendor, canaries: Canaries) -> None:
    """Whoever looks after a hundred touches tells of them in one entry of the timeline, with their number."""
    vendor.grant()
    for _ in range(100):
        vendor.policy.gate.open(**vendor.ask())
    (incident,) = canaries.look()
    assert incident.events == 1
    assert "100 entries of the audit trail" in incident.signal


def test_looking_again_finds_nothing_new(vendor: Vendor, canaries: Canaries) -> None:
    """A touch is told of once, by whichever process looks, and however often."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    assert len(canaries.look()) == 1
    size = vendor.policy.trail.size
    assert canaries.look() == canaries_of(vendor).look() == ()
    assert (len(incidents(vendor)), vendor.policy.trail.size) == (1, size)


def test_two_processes_that_look_at_once_open_one(vendor: Vendor, canaries: Canaries) -> None:
    """Where another process opens the incident just before this one writes, this one finds that it is told of."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    late = canaries_of(vendor, Between(vendor.storage, before=canaries.look))
    assert late.look() == ()
    assert len(incidents(vendor)) == len(entries(vendor, "incident.opened")) == 1


def test_threads_that_look_at_once_open_one(vendor: Vendor, canaries: Canaries) -> None:
    """Eight threads with a trail each open one incident between them."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    start, found = threading.Barrier(8), list[Incident]()

    def look() -> None:
        mine = canaries_of(vendor)
        start.wait(30)
        found.extend(mine.look())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == len(incidents(vendor)) == 1


class _Slipping(Canaries):
    """A broken room: it keeps how far it looked in a step of its own, before the incident."""

    def _told(self, touches: Any, cursor: Any, version: int) -> Incident:
        self._storage.record(LEDGER, documents=[self._cursors.put("cursor", cursor, over=version)])
        return super()._told(touches, cursor, version + 1)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("again", [False, True], ids=["first touch", "second touch"])
def test_a_kill_loses_no_touch_and_tells_none_twice(
    vendor: Vendor, canaries: Canaries, moment: str, *, again: bool
) -> None:
    """A process that is killed at the one write of a touch leaves all or nothing, and the next one does the rest."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    if again:
        canaries.look()
        vendor.policy.gate.open(**vendor.ask())

    def work() -> None:
        with SQLiteStorage(vendor.file) as storage:
            options: Any = {moment: die}
            canaries_of(vendor, Between(storage, **options)).look()

    assert in_child(work) == -signal.SIGKILL
    canaries_of(vendor).look()
    (incident,) = incidents(vendor)
    assert incident.events == 1 + again


def test_a_step_of_its_own_would_lose_a_touch(vendor: Vendor, canaries: Canaries) -> None:
    """The mutant that keeps how far it looked before the incident is caught: killed in between, nobody is told."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())

    def work() -> None:
        with SQLiteStorage(vendor.file) as storage:
            dying: Any = Between(storage, after=die)
            _Slipping(dying, vendor.sealer, vendor.policy_of(dying).trail).look()

    assert in_child(work) == -signal.SIGKILL
    canaries.look()
    assert incidents(vendor) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_while_planting_leaves_all_or_nothing(vendor: Vendor, moment: str) -> None:
    """Decoy, cursor and record are one step."""
    size = vendor.policy.trail.size

    def work() -> None:
        with SQLiteStorage(vendor.file) as storage:
            options: Any = {moment: die}
            canaries_of(vendor, Between(storage, **options)).plant_grant("g-1", by="e-2")

    assert in_child(work) == -signal.SIGKILL
    kept = moment == "after"
    assert len(canaries_of(vendor).all()) == vendor.policy.trail.size - size == kept


# --- nothing breaks, nothing leaks ------------------------------------------------------------------------------------


def test_a_watch_that_fails_opens_all_the_same(vendor: Vendor, canaries: Canaries) -> None:
    """Where nothing can be told of a touch the opening goes on, and who looks later finds it."""
    vendor.grant()
    broken = canaries_of(vendor, Always(vendor.storage))
    policy = watched(vendor, broken)
    assert policy.gate.open(**vendor.ask()).email == ADA.email
    assert incidents(vendor) == []
    assert len(canaries.look()) == 1


def test_a_watch_that_raises_anything_opens_all_the_same(
    vendor: Vendor, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even an error that no store raises keeps anybody from working."""

    def fail(_: AuditRecord) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(canaries, "noticed", fail)
    vendor.grant()
    assert watched(vendor, canaries).gate.open(**vendor.ask()).email == ADA.email


def test_nothing_tells_which_they_are(vendor: Vendor) -> None:
    """Neither the entries of canaries, nor what is shown of a decoy, nor the store, nor an error names one."""
    canaries = canaries_of(vendor)
    vendor.grant()
    decoy = account(vendor, ADA.source_id)
    planted = canaries.plant_subject("acme", decoy, by="e-2", note="a note")
    watched(vendor, canaries).gate.open(**vendor.ask())
    told = [one for one in vendor.policy.trail.entries() if one.record.kind.startswith(("canary.", "incident."))]
    assert [one.record.kind for one in told] == ["canary.planted", "incident.opened"]
    assert told[0].record.facts == {"decoy": "subject", "decoys": 1}
    assert [one for one in told if decoy.encode() in one.content or b"acme" in one.content] == []
    assert decoy not in f"{planted} {canaries.all()}"
    kept = [one for kind in ("canary", "incident", "incident event") for one in vendor.storage.documents(LEDGER, kind)]
    assert [one for one in kept if decoy.encode() in one.value or decoy in one.key] == []
    for bad in ("", "ada@acme.example", "x" * 200):
        with pytest.raises(UsageError) as error:
            canaries.plant_subject("acme", bad, by="e-2")
        assert not bad or bad not in str(error.value)


def test_planting_twice_is_planting_once(vendor: Vendor, canaries: Canaries) -> None:
    """A decoy that is there stays as it is, and removing it twice removes it once."""
    decoy = canaries.all()[0]
    assert canaries.plant_subject("acme", decoy.id, by="e-3") == decoy
    assert len(entries(vendor, "canary.planted")) == 1
    assert canaries.remove(decoy, by="e-2")
    assert not canaries.remove(decoy, by="e-2")
    assert canaries.all() == ()
    assert entries(vendor, "canary.removed")[0].record.facts == {"decoy": "subject", "decoys": 0}


def test_what_was_touched_before_a_decoy_was_removed_is_told(vendor: Vendor, canaries: Canaries) -> None:
    """Nobody gets away with a touch by having the decoy removed afterwards."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    canaries.remove(canaries.all()[0], by="e-2")
    assert len(incidents(vendor)) == 1


def test_a_store_has_so_many_decoys_and_no_more(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the most is refused, and so are notes that are stories; nothing is recorded of either."""
    assert MOST_DECOYS == 2_000
    monkeypatch.setattr(room, "MOST_DECOYS", 2)
    canaries = canaries_of(vendor)
    canaries.plant_grant("g-1", by="e-2")
    canaries.plant_employee("e-9", by="e-2")
    with pytest.raises(UsageError, match="decoys"):
        canaries.plant_grant("g-2", by="e-2")
    with pytest.raises(UsageError, match="note"):
        canaries.plant_grant("g-3", by="e-2", note="x" * 201)
    with pytest.raises(UsageError, match="tenant"):
        canaries.plant_subject("", "a-1", by="e-2")
    assert len(canaries.all()) == len(entries(vendor, "canary.planted")) == 2


def test_a_decoy_that_another_process_planted_is_seen_at_once(vendor: Vendor) -> None:
    """A gate that has looked already learns of a decoy with the next opening."""
    mine = canaries_of(vendor)
    policy = watched(vendor, mine)
    vendor.grant()
    policy.gate.open(**vendor.ask())
    canaries_of(vendor).plant_subject("acme", account(vendor, ADA.source_id), by="e-2")
    policy.gate.open(**vendor.ask())
    assert len(incidents(vendor)) == 1


# --- looking ----------------------------------------------------------------------------------------------------------


def test_looking_reads_none_but_what_may_matter(
    vendor: Vendor, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand entries that name no decoy none is parsed, and the next look begins behind them."""
    now = vendor.policy.trail.now()
    vendor.policy.trail.append(*(AuditRecord("access.granted", now, "acme", "e-1", (f"a-{n}",)) for n in range(1_000)))
    read, walked = list[int](), list[int]()
    parse, contents = Trail.entry, Trail.contents

    def entry(self: Trail, place: int) -> AuditEntry:
        read.append(place)
        return parse(self, place)

    def counted(self: Trail, *, after: int | None = None) -> Iterator[Any]:
        for one in contents(self, after=after):
            walked.append(one.position)
            yield one

    monkeypatch.setattr(Trail, "entry", entry)
    monkeypatch.setattr(Trail, "contents", counted)
    canaries.look()
    assert read == []
    assert len(walked) >= 1_000
    walked.clear()
    canaries.look()
    assert walked == []


ids = st.text("abc-.:_19", min_size=1, max_size=3)
texts = st.text(max_size=8) | ids


@given(
    planted=st.lists(st.tuples(st.sampled_from(DecoyKind), ids), max_size=4),
    subjects=st.lists(texts.filter(bool), max_size=3),
    actor=texts.filter(bool) | st.none(),
    grant=texts | st.none(),
    more=texts,
)
def test_what_the_filter_passes_over_touches_nothing(
    planted: list[tuple[DecoyKind, str]], subjects: list[str], actor: str | None, grant: str | None, more: str
) -> None:
    """No entry that touches a decoy is taken by its bytes for one that does not."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    decoys = [Decoy(kind, id_, "acme" if kind is DecoyKind.SUBJECT else None, now, "e-2", 0) for kind, id_ in planted]
    decoyed = Decoyed(decoys)
    record = AuditRecord("access.granted", now, "acme", actor, tuple(subjects), {"grant": grant, "more": more})
    content = AuditEntry(0, record, 1, None, "0" * 8).content
    assert json.loads(content)["actor"] == actor
    assert decoyed.may_touch(content) or not decoyed.touched(record)
    wanted = {
        one.kind
        for one in decoys
        if (one.kind is DecoyKind.SUBJECT and one.id in subjects)
        or (one.kind is DecoyKind.GRANT and one.id == grant)
        or (one.kind is DecoyKind.EMPLOYEE and one.id == actor)
    }
    assert decoyed.touched(record) == wanted
