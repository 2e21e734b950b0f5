from __future__ import annotations

import json
import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.cli import main
from smartify_core.cli._demo_day import EXPECTED, Happening, differences, live_through
from smartify_core.model import AccountState
from smartify_core.policy import Disclosed
from smartify_core.testing import Sample, make_sample
from smartify_core.testing.google import Workspace

FILES = {"smartify-demo-service-account.json", "smartify.db", "smartify.keys", "smartify.toml"}

LOOK = ("accounts", "--tenant", "acme", "--as", "e-17", "--purpose", "ServiceProvision", "--reason", "a look", "--json")


def test_demo_plays_the_whole_story(folder: Path, smartify: Callable[..., Any]) -> None:
    """From an empty folder: a first sync, a day, a plan, that plan applied, all checked against the directory."""
    result = smartify("demo", "--json")
    assert (result.code, result.err) == (0, "")
    story = result.document
    assert story["agrees"] is True
    assert (story["first"]["verdict"], story["first"]["provisioned"]) == ("complete", 60)
    assert story["plan"]["summary"] == "deactivate 1, delete 1, provision 2, reactivate 1, update 4"
    done = {key: story["second"][key] for key in ("provisioned", "updated", "deactivated", "reactivated", "deleted")}
    assert done == {"provisioned": 2, "updated": 4, "deactivated": 1, "reactivated": 1, "deleted": 1}
    assert story["second"]["unchanged"] == 53
    assert {one["source_id"] for one in story["day"]} == {one["source_id"] for one in story["plan"]["changes"]}
    assert set(story["files"]) == FILES
    assert {path.name for path in folder.iterdir()} == FILES
    for name in FILES - {"smartify.toml"}:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_demo_tells_people_what_happens(smartify: Callable[..., Any]) -> None:
    """In words: what happens in the directory, each change with its evidence, the check, and what to type next."""
    result = smartify("demo")
    assert (result.code, result.err) == (0, "")
    assert "acme: complete: 60 provisioned" in result.out
    assert "Noor Vega joins" in result.out
    for kind in ("provision", "update", "deactivate", "reactivate", "delete"):
        assert re.search(rf"^  {kind} +[0-9a-f]{{32}}  ", result.out, re.MULTILINE)
    assert "deleted list" in result.out
    assert "61 of 61 agree" in result.out


def test_what_the_demo_says_to_type_works(folder: Path, smartify: Callable[..., Any]) -> None:
    """Each command that the demo ends with does what it promises, right there."""
    commands = smartify("demo", "--json").document["next"]
    looks, sells, grants, goes, begins = (shlex.split(command) for command in commands)
    assert looks[0] == sells[0] == grants[0] == "smartify"
    assert smartify(*looks[1:]).out.count("\n") == 62
    assert len(smartify(*looks[1:], "--json").document["accounts"]) == 62
    denied = smartify(*sells[1:], "--json")
    assert (denied.code, denied.error["missing"]) == (4, ["purpose-prohibited"])
    (grant,) = smartify(*grants[1:], "--json").document["grants"]
    assert (grant["state"], grant["employee"], grant["approved_by"]) == ("live", "e-17", "e-2")
    assert goes == ["mkdir", "mine", "&&", "cd", "mine"]
    assert begins == ["smartify", "init"]
    (folder / "mine").mkdir()
    assert smartify(*begins[1:], "--config", "mine/smartify.toml").code == 0
    assert (folder / "mine" / "smartify.keys").exists()


def test_demo_lets_one_employee_look_and_nobody_else(folder: Path, smartify: Callable[..., Any]) -> None:
    """Only who has the grant of the demo sees names: neither who approved it nor anybody who is not on record."""
    said = smartify("demo")
    assert "e-17 asked to see names for a day" in said.out
    for who, missing in (("e-2", ["no-grant"]), ("e-99", ["employee-unknown", "no-agreement", "no-grant"])):
        look = ("accounts", "--tenant", "acme", "--as", who, "--purpose", "ServiceProvision", "--reason", "a look")
        denied = smartify(*look, "--json")
        assert (denied.code, denied.error["missing"]) == (4, missing)
        assert "@" not in denied.out + denied.err


def test_store_of_the_demo_holds_no_readable_name(folder: Path, smartify: Callable[..., Any]) -> None:
    """As the demo says, no name and no address stands in the store's bytes, not even after somebody has looked."""
    smartify("demo")
    found = smartify(*LOOK).document["accounts"]
    raw = b"".join(file.read_bytes() for file in folder.glob("smartify.db*"))
    assert len(found) == 62
    for account in found:
        for key in ("email", "given_name", "family_name"):
            value = account.get(key, "")
            if len(value) > 4:
                assert value.encode() not in raw


def test_demo_runs_again_in_its_own_folder(folder: Path, smartify: Callable[..., Any]) -> None:
    """The demo replaces what an earlier one left but for the keys, which a store of the reader's own may use."""
    smartify("demo")
    keys = (folder / "smartify.keys").read_bytes()
    again = smartify("demo", "--json")
    assert again.code == 0
    assert again.document["first"]["provisioned"] == 60
    assert (folder / "smartify.keys").read_bytes() == keys


@pytest.mark.parametrize("name", sorted([*FILES, "smartify.db-wal"]))
def test_demo_touches_nothing_that_is_not_its_own(
    folder: Path, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], name: str
) -> None:
    """A file in the way that no demo wrote is left as it is, and so is everything beside it."""
    (folder / name).write_text("precious", encoding="utf-8")
    (folder / "other.txt").write_text("precious too", encoding="utf-8")
    before = everything(folder)
    result = smartify("demo", "--json")
    assert (result.code, result.error["code"]) == (2, "SC108")
    assert name in result.error["where"]
    assert everything(folder) == before


def test_demo_that_was_made_ones_own_is_not_replaced(
    folder: Path, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]]
) -> None:
    """Once somebody has changed the demo's configuration, the files beside it may be theirs too."""
    smartify("demo")
    config = folder / "smartify.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("smartify-demo-service", "real-service"), encoding="utf-8"
    )
    before = everything(folder)
    assert smartify("demo", "--json").error["code"] == "SC108"
    assert everything(folder) == before


def test_sync_after_the_demo_fails_at_once(folder: Path, smartify: Callable[..., Any]) -> None:
    """The sample directory is gone after the demo; a sync says so at once and leaves the accounts alone."""
    smartify("demo")
    before = smartify(*LOOK).document
    assert len(before["accounts"]) == 62
    result = smartify("sync", "--json")
    (run,) = result.document["runs"]
    assert (result.code, run["error"]["code"]) == (1, "SC201")
    assert smartify(*LOOK).document == before


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("people", [20, 21, 37, 150])
def test_the_day_works_out_for_every_sample(seed: int, people: int) -> None:
    """Whatever the sample, the day concerns as many different people as the demo expects."""
    sample = make_sample(seed, people=people, groups=max(12, people // 5))
    workspace = Workspace.from_sample(sample)
    before = {person["id"]: person for person in workspace.truth()["people"]}
    day = live_through(workspace, sample)
    after = {person["id"]: person for person in workspace.truth()["people"]}
    touched = {one.source_id for one in day}
    assert len(touched) == len(day) == EXPECTED.changes
    assert {who for who in before.keys() | after.keys() if before.get(who) != after.get(who)} == touched


def account(source_id: str, state: AccountState, family_name: str = "L") -> Disclosed:
    return Disclosed("acme", source_id, f"account-{source_id}", state, "a@x", "A", family_name, ())


def test_differences_are_noticed() -> None:
    """The demo's check sees a wrong field, a missing account and one too many."""
    ada = {"id": "1", "email": "a@x", "given_name": "A", "family_name": "L", "state": "active", "groups": []}
    truth = {"people": [ada, ada | {"id": "2"}], "deleted": []}
    assert differences(truth, [account("1", AccountState.ACTIVE), account("2", AccountState.ACTIVE)]) == ()
    found = differences(truth, [account("1", AccountState.INACTIVE, "M"), account("3", AccountState.ACTIVE)])
    assert found == (
        "source id 1 differs in family_name, state",
        "source id 3 has an account and is not in the directory",
        "source id 2 has no account",
    )


def test_demo_that_goes_wrong_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo's check can fail: a day other than the expected one ends in exit code 1 and a sentence on stderr."""

    def another_day(workspace: Workspace, sample: Sample) -> tuple[Happening, ...]:
        workspace.add_user(email="one.more@acme.example", given_name="One", family_name="More")
        return live_through(workspace, sample)

    monkeypatch.setattr("smartify_core.cli._demo.live_through", another_day)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["agrees"] is False
    assert "provision 3" in captured.err
