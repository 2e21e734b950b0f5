"""A contract that cannot break protects nothing, so each one is broken here on purpose, in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


@pytest.fixture
def copy(tmp_path: Path, repository: Path) -> Path:
    """Return a folder that holds a copy of the source and of the contracts."""
    shutil.copytree(repository / "src", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    return tmp_path


def _broken(folder: Path) -> set[str]:
    """Return the ids of the contracts that break in ``folder``."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    verdicts = {
        contract["id"]: found[1]
        for contract in contracts
        if (found := re.search(rf"^{re.escape(contract['name'])} (KEPT|BROKEN)", run.stdout, re.MULTILINE))
    }
    assert len(verdicts) == len(contracts), run.stdout + run.stderr
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def test_the_source_as_it_is_keeps_every_contract(copy: Path) -> None:
    """An unchanged copy breaks nothing, so what breaks below breaks by the planted line alone."""
    assert _broken(copy) == set()


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("errors/_root.py", "import smartify_core.model", {"layers"}),
        ("storage/_storage.py", "import smartify_core.directory", {"layers"}),
        ("extensions.py", "import smartify_core.model", {"layers"}),
        ("utils/__init__.py", "", {"layers"}),
        ("lifecycle/_plan.py", "import time", {"pure"}),
        ("policy/breach/_canaries.py", "import smartify_core.policy.breach._notices", {"breach"}),
        ("policy/breach/_clocks.py", "import time", {"pure"}),
        ("policy/vendors/_vendors.py", "import smartify_core.policy.breach", {"policy", "breach"}),
        ("lifecycle/_commits.py", "import smartify_core.lifecycle.events", {"lifecycle"}),
        ("lifecycle/events/_dispatch.py", "import smartify_core.lifecycle.schedule", {"lifecycle"}),
        ("model/_identity.py", "import structlog", {"pure"}),
        ("directory/google/_wire.py", "import sqlite3", {"pure"}),
        ("lifecycle/_reconciler.py", "import smartify_core.storage.memory", {"adapters"}),
        ("lifecycle/_reconciler.py", "import smartify_core.directory.google", {"google-protected"}),
        ("lifecycle/_planner.py", "import google.auth", {"google-only"}),
        ("sealing/_sealer.py", "import httplib2", {"google-only"}),
        ("sealing/_file_key_ring.py", "import google.cloud.kms_v1", {"google-only"}),
        ("sealing/_sealer.py", "import smartify_core.sealing.google_kms", {"adapters"}),
        ("lifecycle/_planner.py", "import hypothesis", {"test-tools"}),
        ("lifecycle/_planner.py", "import click", {"cli-tools"}),
        ("lifecycle/_planner.py", "import psycopg", {"postgresql-only"}),
        ("requestlog/files/_names.py", "import smartify_core.requestlog.analysis", {"requestlog"}),
        ("requestlog/analysis/_lines.py", "import smartify_core.requestlog._request_log", {"requestlog"}),
        ("lifecycle/_planner.py", "import duckdb", {"readers-only"}),
        ("storage/deciding.py", "import smartify_core.storage.rows", {"storage"}),
        ("storage/_sqlite/_rows.py", "import smartify_core.storage._postgresql", {"storage"}),
        ("policy/_gate/_gate.py", "import smartify_core.policy.vendors", {"policy"}),
        ("policy/communications/_filed.py", "import smartify_core.policy.vendors", {"policy"}),
        ("policy/vendors/_export_decision.py", "import time", {"pure"}),
        ("storage/rows.py", "import threading", {"pure"}),
    ],
)
def test_a_planted_import_breaks_its_contract(copy: Path, file: str, line: str, broken: set[str]) -> None:
    """One forbidden import breaks exactly the contract that forbids it."""
    target = copy / "smartify_core" / file
    target.parent.mkdir(exist_ok=True)
    with target.open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")
    assert _broken(copy) == broken
