"""Output that nothing can be written to, and folders whose names are not text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import AS, let_in

COMMAND = (sys.executable, "-m", "smartify_core.cli")
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")


@needs_full
@pytest.mark.parametrize(
    "arguments", [("accounts", "--tenant", "acme", *AS), ("grant", "list"), ("sync",), ("status",), ("--version",)]
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_full_device_is_one_clear_sentence(
    files: Any, smartify: Callable[..., Any], arguments: tuple[str, ...], form: tuple[str, ...]
) -> None:
    """When stdout takes nothing, stderr says so in one line and the exit code is 1."""
    assert smartify("sync").code == 0
    let_in(files.folder, "acme")
    with FULL.open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments, *form], cwd=files.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("smartify: SC701 the output cannot be written (ENOSPC)")
    assert done.stderr.count("\n") == 1


@needs_full
def test_full_device_for_complaints_does_not_stop_the_work(files: Any) -> None:
    """When stderr takes nothing, what was asked for is done all the same."""
    (files.folder / "acme.jsonl").write_text("no json\n")
    with FULL.open("w") as full:
        done = subprocess.run(
            [*COMMAND, "sync"], cwd=files.folder, stderr=full, stdout=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "initech: complete: 3 provisioned" in done.stdout


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such name")
def test_folder_whose_name_is_no_text(files: Any) -> None:
    """In a folder whose name is not UTF-8, everything works and nothing is written elsewhere."""
    odd = Path(os.fsdecode(os.fsencode(files.folder.parent) + b"/caf\xe9 50%"))
    shutil.copytree(files.folder, odd)
    for arguments in (["sync"], ["status", "--json"], ["plan", "--tenant", "acme"], ["sync", "--config", "none.toml"]):
        done = subprocess.run([*COMMAND, *arguments], cwd=odd, capture_output=True, check=False)
        assert done.returncode == (2 if "--config" in arguments else 0), done.stderr
        assert b"Traceback" not in done.stderr
    done = subprocess.run(
        [*COMMAND, "status", "--config", str(odd / "none.toml"), "--json"], capture_output=True, check=False
    )
    assert (done.returncode, b"SC101" in done.stdout) == (2, True)
    assert (odd / "smartify.db").exists()
    assert not (files.folder / "smartify.db").exists()
