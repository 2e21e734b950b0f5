from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What one case says of itself: ``seconds``, ``added_mb``.
Figures = dict[str, float]
Case = Callable[..., Figures]


@pytest.fixture
def case() -> Case:
    """Return a function that runs one case of a script in a process of its own and returns its figures."""

    def run(script: str, name: str, folder: Path, *arguments: object) -> Figures:
        command = [sys.executable, "-m", f"tests.benchmarks.{script}", name, str(folder), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures

    return run


@pytest.fixture
def rounds(case: Case) -> Callable[..., list[dict[str, Figures]]]:
    """Return a function that runs several cases in turn, several times over, and returns the figures of each round."""

    def run(
        script: str, names: Sequence[tuple[str, ...]], folder: Path, number: int, times: int
    ) -> list[dict[str, Figures]]:
        return [
            {" ".join(name): case(script, name[0], folder, number, *name[1:]) for name in names} for _ in range(times)
        ]

    return run


@pytest.fixture
def bench_sizes() -> list[int]:
    """Return how many accounts the tables of our own runs have."""
    return [int(size) for size in os.environ.get("SMARTIFY_BENCH_SIZES", "10000,100000").split(",")]


@pytest.fixture
def bench_peer_sizes() -> list[int]:
    """Return how many accounts the comparisons with other tools have."""
    return [int(size) for size in os.environ.get("SMARTIFY_BENCH_PEERS", "100000").split(",")]
