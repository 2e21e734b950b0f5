"""The evidence says who has to be called, who is not affected and why, in order of time, and no more than concerns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.evidence._world import ID, World, hour, whole

from smartify_core.policy import Policy
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import (
    Delivery,
    DeliveryState,
    EvidenceFinding,
    Hearing,
    Impact,
    Phase,
    RoundState,
    check_evidence,
)
from smartify_core.policy.breach import _places as places
from smartify_core.policy.breach._evidence import _reading
from smartify_core.policy.breach._evidence._pages import Pages


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


def another_round(world: World, number: int, *, tenant: str | None = None, **changes: Any) -> None:
    """Send one more round, which goes as the first one did; of one tenant with changes to what it heard."""
    world.draft(number, Phase.UPDATE, RoundState.SPREAD)
    world.deliver(number, Phase.UPDATE)
    if tenant is not None:
        shelf = Shelf(world.storage, world.sealer, places.HEARING, Hearing)
        hearing, version = shelf.get(places.of_tenant(ID, number, tenant))
        assert hearing is not None
        world.write(shelf.put(places.of_tenant(ID, number, tenant), evolve(hearing, **changes), over=version))


# --- who has to be called ---------------------------------------------------------------------------------------------


def test_whoever_read_a_later_notice_is_not_called(world: World, tmp_path: Path) -> None:
    """A first notice that reached nobody needs no call once the update was acknowledged: as the status says it."""
    another_round(world, 2, tenant="umbrella", acknowledged_at=hour(9), how="by phone")
    (status,) = Policy(world.storage, world.sealer, clock=world.clock).breaches.watch.status(ID)
    shown = page(world.export(tmp_path / "e").folder)
    assert status.to_call == 0
    assert "to be called" not in shown.replace("Was to be called since", "")
    assert shown.count("has read a later one") == 2
    assert "Was to be called since" in page(world.export(tmp_path / "own", tenant="umbrella").folder)


def test_a_customer_is_called_once_for_two_notices(world: World, tmp_path: Path) -> None:
    """Whom two notices did not reach is one customer, on the page and in the status."""
    another_round(world, 2)
    (status,) = Policy(world.storage, world.sealer, clock=world.clock).breaches.watch.status(ID)
    shown = page(world.export(tmp_path / "e").folder)
    assert status.to_call == 1
    assert "<li>1 customer has to be called</li>" in shown
    assert shown.count("To be called since") == 2
    own = page(world.export(tmp_path / "own", tenant="umbrella").folder)
    assert "<li>Somebody has to call you</li>" in own
    assert "to be called" not in page(world.export(tmp_path / "acme", tenant="acme").folder).lower()


# --- who is not affected ----------------------------------------------------------------------------------------------


def test_who_is_not_affected_is_named_with_what_that_rests_on(world: World, tmp_path: Path) -> None:
    """The vendor's page and document have every tenant to which nothing leads, and the trail that was looked at."""
    impact, _ = Shelf(world.storage, world.sealer, places.IMPACT, Impact).get(places.numbered(ID, 1))
    assert impact is not None
    folder = world.export(tmp_path / "e").folder
    shown = page(folder)
    assert "<h3>Not affected: 2 tenants</h3>" in shown
    assert '<details open><summary>Who that is</summary><ul class="names"><li>hooli</li><li>vandelay</li>' in shown
    basis = f"all {impact.trail_size} entries that the audit trail had up to the root <code>{impact.trail_root}</code>"
    assert f"This rests on {basis}" in shown
    own = page(world.export(tmp_path / "own", tenant="hooli").folder)
    assert f"This rests on {basis}" in own
    assert "This rests on" not in page(world.export(tmp_path / "acme", tenant="acme").folder)


def test_many_that_are_not_affected_are_collapsed(tmp_path: Path) -> None:
    """More of them than one looks at are there when somebody asks; all computations are in the document."""
    world = whole()
    many = [f"tenant-{number:04}" for number in range(450)]
    world.assess(2, also=many)
    folder = world.export(tmp_path / "e").folder
    assert "<details><summary>Who that is</summary>" in page(folder)
    assert page(folder).count("<li>tenant-") == 450
    held = document(folder)["unaffected"]
    assert [name for one in held if one["revision"] == 2 for name in one["tenants"]] == many
    assert [one["tenants"] for one in held if one["revision"] == 1] == [["hooli", "vandelay"]]
    assert check_evidence(folder, world.vkey) == ()


@pytest.mark.parametrize("tenant", [None, "hooli"])
@pytest.mark.parametrize("changes", [{"trail_root": "ab" * 32}, {"trail_size": 1}, {"trail_size": 10_000}])
def test_an_impact_on_another_trail_is_found(
    world: World, tmp_path: Path, tenant: str | None, changes: dict[str, Any]
) -> None:
    """Where a computation says that it rests on what the trail never was, the evidence says so itself."""
    shelf = Shelf(world.storage, world.sealer, places.IMPACT, Impact)
    impact, version = shelf.get(places.numbered(ID, 1))
    assert impact is not None
    world.write(shelf.put(places.numbered(ID, 1), evolve(impact, **changes), over=version))
    folder = world.export(tmp_path / "e", tenant=tenant).folder
    wrong = EvidenceFinding("impact 1", "what it rests on is not the trail as it was then")
    assert check_evidence(folder, world.vkey) == (wrong,)


# --- in order of time, and what concerns ------------------------------------------------------------------------------


def test_instants_stand_in_order_of_time(world: World, tmp_path: Path) -> None:
    """A notice that went out before the impact was confirmed stands before that; what has not come stands last."""

    def row(name: str) -> list[str]:
        shown = page(world.export(tmp_path / name).folder)
        row = re.search('<ol class="instants">(.*?)</ol>', shown, re.DOTALL)
        assert row is not None
        return re.findall("<strong>(.*?)</strong>", row[1])

    assert row("before")[-2:] == ["Impact confirmed", "Closed"]
    world.change("incident.confirmed", 30, confirmed_at=hour(30), confirmed_by="e-2")
    after = row("after")
    assert after == ["First signal", "Aware", "First notice out", "First one arrived", "Impact confirmed", "Closed"]


def test_a_tenants_timeline_is_its_notices(world: World, tmp_path: Path) -> None:
    """What went out, arrived, failed and was acknowledged stands on a tenant's page, in order of time."""

    def told(tenant: str) -> list[str]:
        shown = page(world.export(tmp_path / tenant, tenant=tenant).folder)
        rail = re.search('<ol class="rail">(.*?)</ol>', shown, re.DOTALL)
        assert rail is not None
        return re.findall("<h3>(.*?)</h3>", rail[1])

    mail = "d\N{HORIZONTAL ELLIPSIS}@{}.example by mail"
    assert told("acme") == [
        "first notice went out",
        f"first notice arrived at {mail.format('acme')}",
        "first notice acknowledged",
        "deadline explained",
    ]
    assert told("umbrella") == [
        "first notice went out",
        "first notice went to contacts of tier 2 too",
        f"first notice did not arrive at {mail.format('umbrella')}",
        "first notice reached nobody: somebody has to call",
    ]


def test_a_tenants_page_has_no_empty_section(world: World, tmp_path: Path) -> None:
    """What is about others alone is not there: neither a heading, nor a link to it, nor a column of dashes."""
    not_affected = page(world.export(tmp_path / "hooli", tenant="hooli").folder)
    assert re.findall('<section id="([a-z]+)">', not_affected) == ["impact", "proof"]
    assert re.findall('<li><a href="#([a-z]+)"', not_affected) == ["impact", "proof"]
    affected = page(world.export(tmp_path / "acme", tenant="acme").folder)
    assert re.findall('<section id="([a-z]+)">', affected) == ["timeline", "impact", "deadlines", "notices", "proof"]
    for shown in (not_affected, affected):
        assert 'class="none"' not in shown
        assert '<td data-head="Digest"><div>\N{EN DASH}' not in shown
        assert "Reason" not in shown
    before = World()
    assert 'id="impact"' not in page(before.export(tmp_path / "before", tenant="acme").folder)


def test_links_lead_to_sections(world: World, tmp_path: Path) -> None:
    """Whatever the page links to within itself is there, also before anything is stated."""
    for name, one, tenant in (("a", world, None), ("b", World(), None), ("c", world, "globex"), ("d", world, "hooli")):
        shown = page(one.export(tmp_path / name, tenant=tenant, deadlines=()).folder)
        assert {*re.findall('href="#([^"]+)"', shown)} <= {*re.findall(' id="([^"]+)"', shown)}


# --- in the terms of DPV, in exact words, in pages --------------------------------------------------------------------


def test_states_are_in_the_terms_of_dpv(world: World, tmp_path: Path) -> None:
    """Phases and states of delivery bear the IRIs of DPV 2.3, to the vendor and to a tenant."""
    another_round(world, 2)
    world.draft(3, Phase.FINAL)
    held = document(world.export(tmp_path / "e").folder)
    reports = [f"https://w3id.org/dpv/risk#Incident{one}Report" for one in ("Preliminary", "Ongoing", "Concluding")]
    assert [one["phase_iri"] for one in held["rounds"]] == reports
    assert {(one["phase"], one["phase_iri"]) for one in held["notices"]} == {
        *zip(("first", "update", "final"), reports, strict=True)
    }
    states = {one["state_iri"] for notice in held["notices"] for one in notice["deliveries"]}
    assert states == {one.iri for one in DeliveryState if one is not DeliveryState.PLANNED}
    assert "https://w3id.org/dpv#NotificationFailed" in states
    own = document(world.export(tmp_path / "own", tenant="acme").folder)
    assert own["notices"][0]["deliveries"][0]["state_iri"].startswith("https://w3id.org/dpv#Notification")
    assert own["rounds"][0]["phase_iri"] == reports[0]


def test_words_with_joiners_stay_exact(tmp_path: Path) -> None:
    """Persian, languages of India and emoji are written with joiners: evidence shows them as the notice did."""
    words = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f4bb"
    shown = page(whole(text=words).export(tmp_path / "e").folder)
    assert f'<pre class="letter">{words}</pre>' in shown
    assert "\N{REPLACEMENT CHARACTER}" not in shown


@pytest.mark.parametrize("sizes", [(1, 1), (2, 1), (3, 2), (5, 100)])
def test_pages_of_any_size_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int]
) -> None:
    """How many notices, hearings and deliveries are read in one step changes nothing of what is written."""
    world = whole(tenants=[f"tenant-{number}" for number in range(13)])
    another_round(world, 2)
    wanted = document(world.export(tmp_path / "e").folder)["notices"]
    for name, size in zip(("_NOTICES", "_ALONG"), sizes, strict=True):
        monkeypatch.setattr(_reading, name, size)
    assert document(world.export(tmp_path / "f").folder)["notices"] == wanted
    assert [len(one["deliveries"]) for one in wanted].count(2) == 8
    assert all(one["hearing"] for one in wanted)


def test_a_delivery_that_ends_meanwhile_is_not_missed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open deliveries of a page are read before those that are done: one that ends in between counts as it ended."""
    open_ = Shelf(world.storage, world.sealer, places.DELIVERY, Delivery)
    done = Shelf(world.storage, world.sealer, places.DELIVERY_DONE, Delivery)
    key = f"{places.of_tenant(ID, 1, 'initech')}/privacy-mail"
    between = Pages.between

    def meanwhile(self: Pages[Any], before: str, last: str) -> Iterator[tuple[str, Any]]:
        yield from between(self, before, last)
        held, version = open_.get(key)
        if held is not None:
            ended = evolve(held, state=DeliveryState.COMPLETED, next_at=None)
            world.write(open_.remove(key, over=version), done.put(key, ended, over=0))

    monkeypatch.setattr(Pages, "between", meanwhile)
    held = {one["tenant"]: one for one in document(world.export(tmp_path / "e").folder)["notices"]}
    assert [one["state"] for one in held["initech"]["deliveries"]] == ["NotificationCompleted"]


def test_a_missed_deadline_has_its_own_latest_reason(world: World, tmp_path: Path) -> None:
    """Of several reasons that were given for a deadline the last one is in the evidence, for each tenant its own."""
    breaches = Policy(world.storage, world.sealer, clock=world.clock).breaches
    world.clock.advance(timedelta(days=3))
    breaches.watch.look()
    breaches.watch.explain(ID, phase=Phase.FIRST, by="e-2", reason="We do not know yet.")
    breaches.watch.explain(ID, phase=Phase.FIRST, by="e-2", reason="Their server was away.", tenant="initech")
    held = document(breaches.export(world.checkpoints, ID, tmp_path / "e", by="e-2").folder)
    first = {one["tenant"]: one["reason"] for one in held["deadlines"] if one["phase"] == "first"}
    assert first["initech"] == "Their server was away."
    assert first["umbrella"] == "We do not know yet."
    assert first["acme"] is None
