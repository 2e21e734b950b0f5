from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("bare_install.py")


@pytest.mark.parametrize("extra", ["analysis", "cli", "google-kms", "postgresql", "requestlog", "spark", "testing"])
def test_a_missing_extra_is_named_with_its_cure(extra: str, package: Path) -> None:
    """Without an extra's modules the base imports, and what needs them tells the command that installs them."""
    rooms = {
        "analysis": "requestlog/analysis/duckdb.py",
        "requestlog": "requestlog/_headers/_clients.py",
        "spark": "requestlog/analysis/spark.py",
        "cli": "cli/__init__.py",
        "google-kms": "sealing/google_kms.py",
        "postgresql": "storage/postgresql.py",
        "testing": "testing/conformance/__init__.py",
    }
    assert (package / rooms[extra]).is_file()
    run = subprocess.run([sys.executable, str(SCRIPT), extra, "--pretend"], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
