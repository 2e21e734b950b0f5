from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_recorded_plan_is_replayed(files: Any, smartify: Callable[..., Any]) -> None:
    """What a plan read is kept, and leads to the same plan after the directory has changed."""
    planned = smartify("plan", "--tenant", "acme", "--record", "read.rec", "--json").document
    files.write("acme", "somebody-else")
    replayed = smartify("replay", "read.rec", "--tenant", "acme", "--json")
    assert replayed.code == 0
    volatile = {"planned_at": None}
    assert replayed.document | volatile == planned | volatile


def test_recorded_sync_shows_what_it_saw(files: Any, smartify: Callable[..., Any]) -> None:
    """A sync can be recorded too; replayed afterwards, there is nothing left to do."""
    assert smartify("sync", "--tenant", "acme", "--record", "read.rec").code == 0
    replayed = smartify("replay", "read.rec", "--tenant", "acme", "--json").document
    assert (replayed["changes"], replayed["unchanged"]) == ([], 20)
    content = (files.folder / "read.rec").read_bytes()
    assert b"@" not in content or b"acme.example" not in content


def test_recording_needs_one_tenant(files: Any, smartify: Callable[..., Any]) -> None:
    """Several tenants cannot go into one recording."""
    assert smartify("sync", "--record", "read.rec").code == 2
    assert not (files.folder / "read.rec").exists()


@pytest.mark.parametrize("tenant", ["acme", "initech"])
def test_wrong_recordings_are_refused(files: Any, smartify: Callable[..., Any], tenant: str) -> None:
    """Another tenant's recording, a damaged one and one that is not there are errors, and lead to no plan."""
    smartify("plan", "--tenant", "acme", "--record", "read.rec")
    if tenant == "acme":
        content = bytearray((files.folder / "read.rec").read_bytes())
        content[-40] ^= 1
        (files.folder / "read.rec").write_bytes(content)
    result = smartify("replay", "read.rec", "--tenant", tenant, "--json")
    assert result.code in {1, 2}
    assert result.error["code"].startswith("SC")
    assert smartify("replay", "none.rec", "--tenant", tenant).code in {1, 2}


@pytest.mark.parametrize("command", ["plan", "sync"])
@pytest.mark.parametrize("place", ["", ".", "..", "folder"])
def test_place_that_is_no_file_is_refused_before_anything_is_read(
    files: Any, smartify: Callable[..., Any], command: str, place: str
) -> None:
    """An empty name and a folder are wrong usage, and nothing is read or written for them."""
    (files.folder / "folder").mkdir()
    result = smartify(command, "--tenant", "acme", "--record", place, "--json")
    assert (result.code, result.error["code"]) == (2, "SC100")
    assert "recording" in result.error["what"]
    assert not (files.folder / "smartify.db").exists()


def test_what_is_no_recording_is_told_as_for_plans(files: Any, smartify: Callable[..., Any]) -> None:
    """A saved plan, a missing file, a folder and another tenant's recording are refused as `apply` refuses them."""
    smartify("plan", "--tenant", "acme", "--save", "acme.plan", "--record", "acme.rec")
    for file, tenant in (("acme.plan", "acme"), ("none", "acme"), (".", "acme"), ("acme.rec", "initech")):
        refused = smartify("replay", file, "--tenant", tenant, "--json")
        assert (refused.code, refused.error["code"]) == (2, "SC114"), file
