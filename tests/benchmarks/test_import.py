"""What it costs a host to import the core.

Run with ``nox -s benchmarks -- -k import``. Each figure is a process of its own, in turn; what bare Python takes is
subtracted pair by pair.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

ROUNDS = 9
LIMIT_MS = 150
DEPENDENCIES = "import attrs, structlog, cryptography.hazmat.primitives.ciphers.aead, cattrs"


def milliseconds(code: str) -> float:
    """Return how long a Python process takes to run ``code``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - started) * 1e3


def test_import_of_the_core_is_quick() -> None:
    """Importing the lifecycle takes under 150 ms, most of it its dependencies, and loads nothing of Google's."""
    bare, core, dependencies = [], [], []
    for _ in range(ROUNDS):
        bare.append(milliseconds("pass"))
        dependencies.append(milliseconds(DEPENDENCIES))
        core.append(milliseconds("import smartify_core.lifecycle"))
    ours = median(one - other for one, other in zip(core, bare, strict=True))
    theirs = median(one - other for one, other in zip(dependencies, bare, strict=True))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, smartify_core.lifecycle; print(*sorted(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    figures = {
        "import smartify_core.lifecycle, ms": round(ours),
        "limit, ms": LIMIT_MS,
        "its dependencies alone, ms": round(theirs),
        "modules of googleapiclient": sum(name.startswith("googleapiclient") for name in loaded),
    }
    print(json.dumps(figures, indent=2))
    assert ours < LIMIT_MS
    assert figures["modules of googleapiclient"] == 0
