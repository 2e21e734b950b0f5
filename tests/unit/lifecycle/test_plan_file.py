"""A plan in a file: the same plan when it comes back, and nothing to anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import FileExists, NewerSchema, PlanForeign, SealBroken, StalePlan, WrongKey
from smartify_core.lifecycle import Plan, load_plan, save_plan
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"


@pytest.fixture
def plan(world: Any) -> Plan:
    """Return a plan with every kind of write and something held."""
    people = [identity(f"p{number}", groups=["eng"]) for number in range(30)]
    world.directory.add(*people)
    world.run()
    world.directory.delete(people[0])
    world.directory.suspend(people[1])
    world.directory.rename(people[2], email="other@acme.example")
    for person in people[3:15]:
        world.directory.suspend(person)
    world.directory.add(identity("newcomer"))
    planned: Plan = world.plan()
    return planned


def test_saved_plan_comes_back_equal_and_applies(world: Any, plan: Plan, tmp_path: Path) -> None:
    """What was looked at is what is done: every part of a saved plan is as it was."""
    save_plan(plan, tmp_path / "plan", world.sealer)
    loaded = load_plan(tmp_path / "plan", world.sealer, tenant=TENANT)
    assert loaded == plan
    assert loaded.to_bytes() == plan.to_bytes()
    assert world.reconciler.apply(loaded).counts == plan.counts
    with pytest.raises(StalePlan):
        world.reconciler.apply(loaded)


def test_file_says_nothing_in_the_open(world: Any, plan: Plan, tmp_path: Path) -> None:
    """Beside the tenant and the hash nothing can be read in the file, and only its owner may try."""
    file = tmp_path / "plan"
    save_plan(plan, file, world.sealer)
    content = file.read_bytes()
    for change in plan.changes:
        assert change.source_id.encode() not in content
        assert change.account_id.encode() not in content
    assert b"acme.example" not in content
    assert file.stat().st_mode & 0o077 == 0


def test_plan_opens_only_where_it_belongs(world: Any, plan: Plan, tmp_path: Path) -> None:
    """Another tenant, other keys, a newer format and a changed byte are each told apart, and nothing is returned."""
    file = tmp_path / "plan"
    save_plan(plan, file, world.sealer)
    with pytest.raises(PlanForeign, match="another tenant"):
        load_plan(file, world.sealer, tenant="umbrella")
    with pytest.raises(WrongKey):
        load_plan(file, Sealer(MemoryKeyRing()), tenant=TENANT)
    head, _, sealed = file.read_bytes().partition(b"\n")
    header = json.loads(head)
    (tmp_path / "newer").write_bytes(json.dumps(header | {"version": 2}).encode() + b"\n" + sealed)
    with pytest.raises(NewerSchema):
        load_plan(tmp_path / "newer", world.sealer, tenant=TENANT)
    (tmp_path / "renamed").write_bytes(json.dumps(header | {"tenant": "umbrella"}).encode() + b"\n" + sealed)
    with pytest.raises(SealBroken):
        load_plan(tmp_path / "renamed", world.sealer, tenant="umbrella")
    for place in (0, len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        (tmp_path / "changed").write_bytes(head + b"\n" + bytes(changed))
        with pytest.raises((SealBroken, WrongKey)):
            load_plan(tmp_path / "changed", world.sealer, tenant=TENANT)
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SealBroken):
        load_plan(tmp_path / "cut", world.sealer, tenant=TENANT)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b"[]\n", b"\xff\xfe", b'{"format": "smartify-plan"}\n', b"[" * 9000]
)
def test_what_is_no_plan_is_refused(world: Any, tmp_path: Path, content: bytes) -> None:
    """A file that is something else is named as such, and quoted nowhere."""
    (tmp_path / "plan").write_bytes(content)
    with pytest.raises(PlanForeign, match="not a plan"):
        load_plan(tmp_path / "plan", world.sealer, tenant=TENANT)


def test_plan_is_never_written_over_a_file(world: Any, plan: Plan, tmp_path: Path) -> None:
    """A file that is there stays as it is; a missing one is told."""
    (tmp_path / "plan").write_text("mine")
    with pytest.raises(FileExists):
        save_plan(plan, tmp_path / "plan", world.sealer)
    with pytest.raises(PlanForeign, match="cannot be written"):
        save_plan(plan, tmp_path / "no folder" / "plan", world.sealer)
    assert (tmp_path / "plan").read_text() == "mine"
    with pytest.raises(PlanForeign, match="cannot be read"):
        load_plan(tmp_path / "absent", world.sealer, tenant=TENANT)


def test_two_plans_of_one_read_and_instant_are_the_same_bytes(world: Any) -> None:
    """Planning draws nothing at random that a plan's canonical form would show."""
    directories = [FakeDirectory(identity("ada", groups=["eng"]), identity("grace")) for _ in range(2)]
    plans = [
        type(world.reconciler)({TENANT: one}, world.storage, world.sealer, clock=world.clock).plan(TENANT).to_bytes()
        for one in directories
    ]
    assert plans[0] == plans[1]
