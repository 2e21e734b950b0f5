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
