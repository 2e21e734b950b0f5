"""Evidence of what never happened is found out, though whoever wrote it has all of the host's keys."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.breach.evidence._world import ID, World, hour, whole

from smartify_core.errors import UnknownIncident
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import Incident, Phase, Round, RoundState, check_evidence
from smartify_core.policy.breach import _places as places


def forged() -> World:
    """Return a world whose store says what its trail does not know: released, queued, arrived, acknowledged, closed."""
    world = World(tenants=("acme",))
    world.decide()
    world.assess()
    world.draft(state=RoundState.DRAFTED)
    shelf = Shelf(world.storage, world.sealer, places.ROUND, Round)
    one, version = shelf.get(places.numbered(ID, 1))
    assert one is not None
    out = evolve(one, state=RoundState.SPREAD, released_at=hour(5.5), released_by="e-2")
    world.write(shelf.put(places.numbered(ID, 1), out, over=version), *world.delivered("acme", 1, Phase.FIRST, 0))
    incidents = Shelf(world.storage, world.sealer, places.INCIDENT, Incident)
    incident, version = incidents.get(ID)
    assert incident is not None
    world.write(incidents.put(ID, evolve(incident, closed_at=hour(20)), over=version))
    return world


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_what_never_happened_is_found(tmp_path: Path, tenant: str | None) -> None:
    """Each thing that stands in the store and has no entry is named."""
    world = forged()
    found = {one.what for one in check_evidence(world.export(tmp_path / "e", tenant=tenant).folder, world.vkey)}
    assert {
        "the trail has no notice.queued of it",
        "the trail has no notice.accepted of it",
        "the trail has no notice.accepted of it by contact privacy-mail",
        "the trail has no notice.acknowledged of it",
    } <= found
    whole_incident = {"the trail has no notice.released of it", "the trail has no incident.closed with its closed_at"}
    assert whole_incident <= found if tenant is None else whole_incident.isdisjoint(found)


@pytest.mark.parametrize("tenant", [None, "acme"])
@pytest.mark.parametrize("is_gone", [lambda kind: kind.startswith("notice."), lambda kind: kind != "incident.exported"])
def test_entries_taken_out_are_found(tmp_path: Path, tenant: str | None, is_gone: Callable[[str], bool]) -> None:
    """A document without the entries that prove what it says does not hold; with them it does."""
    world = whole()
    folder = world.export(tmp_path / "e", tenant=tenant).folder
    assert check_evidence(folder, world.vkey) == ()

    def without(audit: dict[str, Any]) -> None:
        audit["entries"] = [one for one in audit["entries"] if not is_gone(json.loads(b64decode(one["entry"]))["kind"])]

    _rewritten(folder, without)
    assert "the trail has no notice.queued of it" in {one.what for one in check_evidence(folder, world.vkey)}


def test_members_behind_the_proofs_are_found(tmp_path: Path) -> None:
    """What is added where no digest covers it is a finding: beside the proofs, within them, and in a line of them."""
    world = whole()
    folder = world.export(tmp_path / "e").folder
    file = folder / "evidence.json"
    content = file.read_text("utf-8")
    file.write_text(content.rstrip()[:-1] + ',"statement of the vendor":"all is well"}', "utf-8")
    assert [one.where for one in check_evidence(folder, world.vkey)] == ["document"]
    file.write_text(content, "utf-8")
    _rewritten(folder, lambda audit: audit["entries"][0].update(said="all is well"))
    assert [one.where for one in check_evidence(folder, world.vkey)] == ["audit"]


def _rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    file = folder / "evidence.json"
    head, marker, tail = file.read_text("utf-8").partition(',\n"audit":')
    audit = json.loads('{"audit":' + tail)["audit"]
    change(audit)
    file.write_text(head + marker + json.dumps(audit) + "}", "utf-8")


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_nobodys_words_on_how_they_heard_are_in_it(tmp_path: Path, tenant: str | None) -> None:
    """What somebody typed on how a customer heard may name a person: only the way is told; files are private."""
    folder = whole().export(tmp_path / "e", tenant=tenant).folder
    shown = [(folder / name).read_text("utf-8") for name in ("evidence.html", "evidence.json")]
    assert all("the notice's page" not in one and "on record by an employee" in one for one in shown)
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_nobody_is_safe_by_an_outdated_impact(tmp_path: Path) -> None:
    """Where scopes were changed since the last impact, a tenant's part says so, and not that nothing leads to it."""
    world = whole()
    world.change("incident.extended", 10, scope_revision=2)
    folder = world.export(tmp_path / "e", tenant="hooli").folder
    content = (folder / "evidence.json").read_text("utf-8")
    assert '"not-assessed-since-scopes-changed"' in content
    assert '"not-affected"' not in content
    shown = (folder / "evidence.html").read_text("utf-8")
    assert "not assessed since where it may have reached was changed" in shown
    assert "Nothing leads from it to your data" not in shown
    assert check_evidence(folder, world.vkey) == ()


def test_nothing_is_signed_for_a_tenant_that_is_misspelt(tmp_path: Path) -> None:
    """Of a tenant that nothing knows no evidence is written: it would say that it is not affected."""
    world = whole()
    with pytest.raises(UnknownIncident, match="nothing is on record of this tenant"):
        world.export(tmp_path / "e", tenant="acmee")
    assert [*tmp_path.iterdir()] == []
