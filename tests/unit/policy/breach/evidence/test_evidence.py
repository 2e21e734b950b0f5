"""The evidence says everything to the vendor, to a tenant its own part alone, and nobody can change a word of it."""

from __future__ import annotations

import json
import re
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.policy.breach.evidence._world import ID, World, hour, whole

from smartify_core.errors import AuditUnavailable, FileExists, UnknownIncident, UsageError
from smartify_core.policy import Policy
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Checkpoints, Trail
from smartify_core.policy.breach import EvidenceFinding, Notice, Phase, RoundState, check_evidence
from smartify_core.policy.breach import _places as places
from smartify_core.policy.breach._evidence import _export, _reading, _told
from smartify_core.policy.breach._evidence._masking import masked, masked_address
from smartify_core.policy.breach._markup import escaped
from smartify_core.storage.sqlite import SQLiteStorage

HOSTILE = "<script>alert(1)</script>\"'><img src=x>\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}\x1b]0;x\x07&amp;"


@pytest.fixture
def world() -> World:
    """Return a world in which notices are out."""
    return whole()


def document(folder: Path) -> dict[str, Any]:
    """Return the document for machines."""
    held: dict[str, Any] = json.loads((folder / "evidence.json").read_bytes())
    return held


def page(folder: Path) -> str:
    """Return the page."""
    return (folder / "evidence.html").read_text(encoding="utf-8")


# --- everything is in it ----------------------------------------------------------------------------------------------


def test_the_document_says_everything(world: World, tmp_path: Path) -> None:
    """Incident, timeline, impact, deadlines, statement, rounds, notices and attempts stand in it as they are kept."""
    pack = world.export(tmp_path / "e")
    held = document(pack.folder)
    incident, _ = world.recorded.get(ID)
    assert held["incident"]["signal"] == incident.signal
    assert (held["incident"]["aware_at"], held["incident"]["aware_by"]) == (hour(3.2).isoformat(), "e-2")
    assert [one["number"] for one in held["timeline"]] == [*range(1, incident.events + 1)]
    assert held["timeline"][1]["text"] == "The session opened accounts that no issue leads to."
    assert [one["counts"]["affected"] for one in held["impacts"]] == [4]
    assert {one["tenant"] for one in held["impact_tenants"]} == {*world.tenants}
    assert held["unaffected"] == [{"revision": 1, "tenants": ["hooli", "vandelay"]}]
    assert {one["state"] for one in held["deadlines"]} == {"met", "running"}
    assert held["statement"]["answers"]["consequences"]["certainty"] == "unknown yet"
    assert [one["state"] for one in held["rounds"]] == ["spread"]
    by_tenant = {one["tenant"]: one for one in held["notices"]}
    for tenant in world.tenants:
        notice = world.notice(tenant)
        told = by_tenant[tenant]
        for name in ("subject", "text", "html", "payload", "sha256"):
            assert told[name] == getattr(notice, name)
        assert told["annex"]["cms"] == notice.annex
    refused = by_tenant["umbrella"]["deliveries"][0]["attempts"]
    assert [(one["verdict"], one["code"]) for one in refused] == [("try-again", "451"), ("refused", "550")]
    assert by_tenant["umbrella"]["hearing"]["call"] == "e-4"
    assert by_tenant["acme"]["hearing"]["acknowledged_by"] == "code"
    assert (pack.notices, pack.entries) == (4, len(held["audit"]["entries"]))


def test_every_entry_about_the_incident_is_proven(world: World, tmp_path: Path) -> None:
    """All entries of the trail that name the incident as theirs are in it, and none that merely mentions it."""
    world.trail.append(AuditRecord("access.granted", hour(10), "acme", "e-1", (), {"reason": f'"incident":"{ID}"'}))
    pack = world.export(tmp_path / "e")
    wanted = [one.place for one in world.trail.entries() if one.record.facts.get("incident") == ID]
    assert [one["place"] for one in document(pack.folder)["audit"]["entries"]] == wanted
    assert pack.entries == len(wanted) > 10


def test_the_page_says_it_to_people(world: World, tmp_path: Path) -> None:
    """On top is who, what, when and what is open; every notice can be read in full."""
    shown = page(world.export(tmp_path / "e").folder)
    assert "4 of 6 tenants may be affected" in shown
    assert "Of 4 notices 2 arrived, 1 acknowledged." in shown
    for text in ("1 customer has to be called", "1 delivery failed", "3 notices are not acknowledged"):
        assert text in shown
    for tenant in world.tenants:
        assert escaped(world.notice(tenant).text) in shown
        assert escaped(world.notice(tenant).html) in shown
    assert "DPA of 2026-01-15, section 7.2" in shown


def test_an_incident_at_its_beginning_has_evidence_too(tmp_path: Path) -> None:
    """Where nothing was decided, computed or sent, the page says so."""
    world = World()
    shown = page(world.export(tmp_path / "e", deadlines=()).folder)
    for text in ("Nobody has decided yet", "No notice has gone out.", "Nothing was computed yet.", "Nothing is stated"):
        assert text in shown
    assert "Somebody has to decide whether it is a breach" in shown
    assert check_evidence(tmp_path / "e", world.vkey) == ()


def test_a_police_hold_is_shown_to_the_vendor_alone(tmp_path: Path) -> None:
    """Who asked for silence stands in the vendor's evidence, and no word of it in a customer's."""
    world = whole(held=True)
    mine, theirs = world.export(tmp_path / "e"), world.export(tmp_path / "acme", tenant="acme")
    assert "Police of Berlin" in page(mine.folder)
    assert document(mine.folder)["incident"]["hold"]["ordered_by"] == "Police of Berlin, 4711"
    for file in theirs.folder.iterdir():
        assert b"olice" not in file.read_bytes()


# --- nobody is named --------------------------------------------------------------------------------------------------


def test_addresses_are_masked_on_the_page(world: World, tmp_path: Path) -> None:
    """Neither a person's address nor a webhook's secret stands on the page, what servers answered included."""
    pack = world.export(tmp_path / "e")
    shown = page(pack.folder)
    assert "dana.reyes" not in shown
    assert "secret-acme" not in shown
    assert "d\N{HORIZONTAL ELLIPSIS}@acme.example" in shown
    assert "https://hooks.acme.example/\N{HORIZONTAL ELLIPSIS}" in shown
    assert "dana.reyes@acme.example" in json.dumps(document(pack.folder))


def test_nobody_who_heard_is_named(world: World, tmp_path: Path) -> None:
    """That a notice was acknowledged stands in the evidence; by whom of the customer's people does not."""
    for tenant in (None, "acme"):
        folder = world.export(tmp_path / f"{tenant}", tenant=tenant).folder
        assert "Dana Reyes" not in page(folder) + (folder / "evidence.json").read_text("utf-8")


def test_a_tenants_document_masks_addresses(world: World, tmp_path: Path) -> None:
    """What a customer is handed holds no address in full either."""
    folder = world.export(tmp_path / "e", tenant="acme").folder
    for file in folder.iterdir():
        assert b"dana.reyes" not in file.read_bytes()
        assert b"secret-acme" not in file.read_bytes()


@given(local=st.from_regex(r"[a-z0-9._+-]{2,20}", fullmatch=True), around=st.text(" <>:;,.()x", max_size=6))
def test_masking_leaves_no_local_part(local: str, around: str) -> None:
    """Whatever stands around an address, all but its first character is gone, and its domain is left."""
    address = f"{local}@acme.example"
    for shown in (masked_address(address), masked(f"{around} {address} {around}")):
        assert f"{local}@" not in shown
        assert f"{local[0]}\N{HORIZONTAL ELLIPSIS}@acme.example" in shown
    assert masked_address("whatever this is") == "\N{HORIZONTAL ELLIPSIS}"
    assert masked("https://user:pass@host.example/secret") == "https://host.example/\N{HORIZONTAL ELLIPSIS}"


# --- a tenant's own part ----------------------------------------------------------------------------------------------


def readable(folder: Path) -> str:
    """Return every byte of an evidence as text, with what is in base64 decoded."""
    held = document(folder)
    decoded = [b64decode(one["entry"]).decode() for one in held["audit"]["entries"]]
    return page(folder) + (folder / "evidence.json").read_text("utf-8") + "".join(decoded)


names = st.lists(st.integers(100_000, 999_999).map(lambda one: f"zq{one}"), min_size=2, max_size=5, unique=True)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tenants=names)
def test_a_tenants_part_has_nothing_of_others(tmp_path_factory: pytest.TempPathFactory, tenants: list[str]) -> None:
    """In no byte of what a tenant is handed stands an id, a text or an entry of another, or the host's words."""
    world = whole(tenants=tenants)
    world.change("incident.noted", 9.5, text=f"A word about {tenants[1]}.")
    world.acknowledge(tenants[1])
    folder = world.export(tmp_path_factory.mktemp("e") / "own", tenant=tenants[0]).folder
    told = readable(folder)
    assert tenants[0] in told
    for other in [*tenants[1:], "hooli", "vandelay", "e-17", "e-9", "e-4", "A word about", "engineer's session was"]:
        assert other not in told
    assert world.notice(tenants[0]).text in json.loads((folder / "evidence.json").read_bytes())["notices"][0]["text"]
    assert check_evidence(folder, world.vkey) == ()


def test_a_tenants_part_counts_nobody_else(world: World, tmp_path: Path) -> None:
    """Numbers of tenants, notices and timeline entries of others are not in it, by which it could tell how many."""
    held = document(world.export(tmp_path / "e", tenant="globex").folder)
    assert set(held["rounds"][0]) == {"number", "phase", "phase_iri", "state", "released_at"}
    assert held["impacts"] == held["unaffected"] == held["deadline_records"] == []
    assert held["statement"] is None
    assert [set(one) for one in held["impact_tenants"]] == [
        {
            *("outcome", "fields", "subjects", "records", "first_at", "last_at", "vendors", "tenant", "revision", "at"),
            *("trail_size", "trail_root"),
        }
    ]
    assert "number" not in json.dumps(held["timeline"])


def test_a_draft_is_not_handed_out(world: World, tmp_path: Path) -> None:
    """What was not sent is in the vendor's evidence, and in no customer's."""
    world.draft(2, Phase.UPDATE)
    assert len(document(world.export(tmp_path / "e").folder)["notices"]) == 8
    assert len(document(world.export(tmp_path / "own", tenant="acme").folder)["notices"]) == 1


def test_who_is_not_affected_is_told_so(world: World, tmp_path: Path) -> None:
    """A tenant to which nothing leads can be handed that, whether or not it is listed."""
    for tenant in ("hooli", "never-heard-of"):
        held = document(world.export(tmp_path / tenant, tenant=tenant).folder)
        assert [one["outcome"] for one in held["impact_tenants"]] == ["not-affected"]
        assert held["notices"] == held["timeline"] == []


class _Careless(_reading.OnRecord):
    """A broken reading: it drops the tenant."""

    def __init__(self, storage: Any, sealer: Any, incident: str, tenant: str | None) -> None:
        super().__init__(storage, sealer, incident, None)
        del tenant


def _members(value: object, names: Any) -> dict[str, Any]:
    """Return more members than were asked for: a broken list of what a tenant sees."""
    del names
    told: dict[str, Any] = _told.plain(value)
    return told


@pytest.mark.parametrize(
    ("where", "what", "broken"),
    [(_export, "OnRecord", _Careless), (_told, "_only", _members)],
    ids=["reading", "members"],
)
def test_a_dropped_filter_is_caught(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, what: str, broken: Any
) -> None:
    """The mutants that forget whom the evidence is for put others or the host's words into it: the check sees that."""
    monkeypatch.setattr(where, what, broken)
    told = readable(world.export(tmp_path / "own", tenant="acme").folder)
    assert any(other in told for other in ("globex", "e-17"))


# --- it cannot be changed ---------------------------------------------------------------------------------------------


def test_what_was_written_is_good(world: World, tmp_path: Path) -> None:
    """Evidence is found whole with the key alone: the vendor's, a tenant's, and with an older key of the trail."""
    old = world.vkey
    assert check_evidence(world.export(tmp_path / "e").folder, old) == ()
    assert check_evidence(world.export(tmp_path / "own", tenant="acme").folder, old) == ()


def test_a_word_that_was_changed_is_found(world: World, tmp_path: Path) -> None:
    """Any text, number or instant of the document, and the page, is anchored in the signed trail."""
    folder = world.export(tmp_path / "e").folder
    file = folder / "evidence.json"
    content = file.read_bytes()
    for old, new in (
        (b"First names, last", b"No names, no last"),
        (b'"subjects":48', b'"subjects":1'),
        (b"09:12", b"09:13"),
    ):
        assert old in content
        file.write_bytes(content.replace(old, new, 1))
        assert EvidenceFinding("document", "the trail does not have it on record as it is") in check_evidence(
            folder, world.vkey
        )
    file.write_bytes(content)
    (folder / "evidence.html").write_text(page(folder).replace("1 delivery failed", ""), encoding="utf-8")
    assert [one.where for one in check_evidence(folder, world.vkey)] == ["page"]


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the proofs of a document, which its digest does not cover."""
    file = folder / "evidence.json"
    body, marker, rest = file.read_text("utf-8").partition(_export.AUDIT)
    audit = json.loads(rest[:-2])
    change(audit)
    file.write_text(f"{body}{marker}{json.dumps(audit, ensure_ascii=False)}}}\n", encoding="utf-8")


def _forge(audit: dict[str, Any]) -> None:
    """Write another actor into an entry."""
    line = audit["entries"][0]
    line["entry"] = b64encode(b64decode(line["entry"]).replace(b'"e-9"', b'"e-8"')).decode()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_forge, "entry"),
        (lambda audit: audit["entries"].pop(0), "timeline"),
        (lambda audit: audit["entries"].pop(), "document"),
        (lambda audit: audit.update(checkpoint=audit["checkpoint"].replace("\n1", "\n2", 1)), "checkpoint"),
        (lambda audit: audit["entries"][0].update(place=1), "entry"),
        (lambda audit: audit.update(impacts=[]), "impact"),
        (lambda audit: audit.update(entries=7), "document"),
    ],
    ids=["entry", "left out", "export left out", "size", "place", "basis left out", "nonsense"],
)
def test_a_proof_that_was_changed_is_found(
    world: World, tmp_path: Path, change: Callable[[dict[str, Any]], object], where: str
) -> None:
    """An entry that was altered, moved or left out, and a checkpoint that was not signed so, are named."""
    folder = world.export(tmp_path / "e").folder
    changed(folder, lambda _: None)
    assert check_evidence(folder, world.vkey) == ()
    changed(folder, change)
    assert where in {one.where.split()[0] for one in check_evidence(folder, world.vkey)}


def test_another_trails_key_and_nonsense_are_told_apart(world: World, tmp_path: Path) -> None:
    """A foreign key finds the checkpoint unsigned; what is no evidence is named as such; a wrong call raises."""
    folder = world.export(tmp_path / "e").folder
    other = World()
    assert [one.where for one in check_evidence(folder, other.vkey)] == ["checkpoint"]
    for nonsense in (b"", b"{}", b'{"format":1,\n"audit":{}}', b"\xff"):
        (folder / "evidence.json").write_bytes(nonsense)
        assert [one.where for one in check_evidence(folder, world.vkey)] == ["document"]
    with pytest.raises(UsageError):
        check_evidence(folder, "no key")
    with pytest.raises(UsageError):
        check_evidence(tmp_path / "nowhere", world.vkey)


def test_a_notice_with_another_digest_is_found(world: World, tmp_path: Path) -> None:
    """Where the store has another notice than the trail says that was queued, the evidence says so itself."""
    key = places.of_tenant(ID, 1, "acme")
    shelf = Shelf(world.storage, world.sealer, places.NOTICE, Notice)
    kept, version = shelf.get(key)
    assert kept is not None
    world.write(shelf.put(key, evolve(kept, text="Nothing happened.", sha256="00" * 32), over=version))
    folder = world.export(tmp_path / "e").folder
    assert [one.where for one in check_evidence(folder, world.vkey)] == ["round 1"] + [f"notice {kept.id}"] * 2


# --- how it is written ------------------------------------------------------------------------------------------------


def test_it_is_on_record_before_it_is_there(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the trail is told of the evidence nobody can find it yet, and the entry has the digests of both files."""
    there: list[bool] = []
    append = Trail.append

    def watched(self: Trail, *records: AuditRecord, **options: Any) -> tuple[int, ...]:
        there.append((tmp_path / "e").exists())
        return append(self, *records, **options)

    monkeypatch.setattr(Trail, "append", watched)
    pack = world.export(tmp_path / "e", tenant="acme")
    (record,) = [one.record for one in world.trail.entries() if one.record.kind == "incident.exported"]
    assert there == [False]
    assert (record.tenant, record.actor, record.subjects) == ("acme", "e-2", ())
    assert record.facts == {"incident": ID, "digest": pack.digest, "page": pack.page_digest, "notices": 1}


def test_what_cannot_be_recorded_is_not_written(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record there is no evidence, and nothing of it is left behind."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AuditUnavailable("away")

    monkeypatch.setattr(Trail, "append", refuse)
    with pytest.raises(AuditUnavailable):
        world.export(tmp_path / "e")
    assert [*tmp_path.iterdir()] == []


def test_a_failure_at_the_end_leaves_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence is there as a whole or not at all."""

    def fail(_: Checkpoints) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "make", fail)
    with pytest.raises(KeyboardInterrupt):
        world.export(tmp_path / "e")
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_is_there_is_left_alone(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing folder or file is refused, also one that appears meanwhile; nothing in it changes."""
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "mine").write_text("mine")
    with pytest.raises(FileExists):
        world.export(tmp_path / "e")
    make = Checkpoints.make

    def meanwhile(self: Checkpoints) -> Any:
        (tmp_path / "late").mkdir()
        return make(self)

    monkeypatch.setattr(Checkpoints, "make", meanwhile)
    with pytest.raises(FileExists):
        world.export(tmp_path / "late")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["e", "late"]
    assert [one.name for one in (tmp_path / "e").iterdir()] == ["mine"]


def test_wrong_calls_write_nothing(world: World, tmp_path: Path) -> None:
    """An unknown incident, a tenant that is none, an id that is none and a missing parent are refused."""
    size = world.trail.size
    common = (world.checkpoints, world.storage, world.sealer)
    with pytest.raises(UnknownIncident):
        _export.export_evidence(*common, "inc-20990101-00000000", tmp_path / "e", by="e-2")
    with pytest.raises(UsageError):
        _export.export_evidence(*common, ID, tmp_path / "e", by="Dana Reyes")
    with pytest.raises(UsageError):
        world.export(tmp_path / "e", tenant="")
    with pytest.raises(UsageError):
        world.export(tmp_path / "nowhere" / "e")
    assert (world.trail.size, [*tmp_path.iterdir()]) == (size, [])


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """Nothing that anybody typed becomes markup, steers the page, or breaks the document."""
    world = whole(tenants=["acme", f"b{HOSTILE[:30]}"], text=HOSTILE)
    pack = world.export(tmp_path / "e")
    shown = page(pack.folder)
    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search("[\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}\x1b\x07]", shown)
    assert document(pack.folder)["incident"]["signal"] == HOSTILE
    assert check_evidence(pack.folder, world.vkey) == ()


@given(st.text())
def test_escaping_leaves_no_markup(text: str) -> None:
    """No text has a character left that could begin an element, end an attribute or turn the writing around."""
    assert not re.search("[<>\"'\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", escaped(text))


def test_rounds_of_many_phases_stand_in_order(world: World, tmp_path: Path) -> None:
    """First, update and final follow one another, each with its notices."""
    world.draft(2, Phase.UPDATE, RoundState.SPREAD)
    world.draft(3, Phase.FINAL, RoundState.RELEASED)
    held = document(world.export(tmp_path / "e").folder)
    assert [one["phase"] for one in held["rounds"]] == ["first", "update", "final"]
    assert [one["round"] for one in held["notices"]] == [1] * 4 + [2] * 4 + [3] * 4


def test_deadlines_without_a_reason_are_open(world: World, tmp_path: Path) -> None:
    """A missed deadline is told on top, and that nobody has said why."""
    world.clock.advance(timedelta(days=3))
    shown = page(world.export(tmp_path / "e").folder)
    assert "2 deadlines were missed" in shown
    assert "2 deadlines have no reason" in shown
    explained = [evolve(one, reason="We could not reach them.") for one in world.deadlines()]
    assert "have no reason" not in page(world.export(tmp_path / "f", deadlines=explained).folder)


def test_the_facade_tells_of_deadlines_and_their_reasons(world: World, tmp_path: Path) -> None:
    """What the clocks of the incident say is in the evidence, with the reason that is on record for a miss."""
    breaches = Policy(world.storage, world.sealer, clock=world.clock).breaches
    world.clock.advance(timedelta(days=3))
    breaches.watch.look()
    breaches.watch.explain(ID, phase=Phase.FIRST, by="e-2", reason="Their server was away.")
    pack = breaches.export(world.checkpoints, ID, tmp_path / "e", by="e-2")
    held = document(pack.folder)
    missed = [one for one in held["deadlines"] if one["state"] == "missed" and one["phase"] == "first"]
    assert {one["tenant"] for one in missed} == {"initech", "umbrella"}
    assert {one["reason"] for one in missed} == {"Their server was away."}
    assert held["deadline_records"]
    own = breaches.export(world.checkpoints, ID, tmp_path / "own", by="e-2", tenant="acme")
    assert {one["phase"] for one in document(own.folder)["deadlines"]} == {"first", "update"}
    assert "server was away" not in readable(own.folder)
    assert check_evidence(own.folder, world.vkey) == ()


@contextmanager
def peak() -> Iterator[list[int]]:
    """Measure how much memory is held at most, beyond what is held now."""
    found: list[int] = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    yield found
    found.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()


@pytest.mark.slow
def test_many_notices_take_no_memory(tmp_path: Path) -> None:
    """The evidence of 520 tenants, of 4 MB, is written in 1.5 MB, and has no source of HTML on its page."""
    tenants = [f"tenant-{number:05}" for number in range(520)]
    whole().export(tmp_path / "small")  # what is made once in a process, such as converters of classes, is not counted
    with SQLiteStorage(tmp_path / "store.db") as storage:
        world = whole(storage=storage, tenants=tenants)
        deadlines = world.deadlines()
        with peak() as held:
            pack = world.export(tmp_path / "e", deadlines=deadlines)
        assert held[0] < 1.5 * 2**20
        assert sum(one.stat().st_size for one in pack.folder.iterdir()) > 3.5 * 2**20
        assert pack.notices == 520
        assert len(document(pack.folder)["notices"]) == 520
        shown = page(pack.folder)
        assert shown.count('class="case"') == 520
        assert "as source" not in shown
        assert "<details><summary>All notices</summary><table" in shown
        assert "<details><summary>Tenants that may be affected</summary><table" in shown
        assert check_evidence(pack.folder, world.vkey) == ()
