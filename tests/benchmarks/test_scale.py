"""What a run costs, from ten thousand accounts to a million, beside the least that any run must do.

Run with ``nox -s benchmarks -- -k scale`` (``SMARTIFY_BENCH_SIZES`` sets the sizes, ``10000,100000`` when not set; a
million takes half an hour and 4 GB of disk).

The *floor* is decoding, normalising and fingerprinting the directory's records, pages of JSON in a file. Each case is
a process of its own; the cases of a round follow one another, and each case's best round counts. Time is the
processor's: both are so that a busy machine spoils less. Memory is the peak of the resident size less the resident size
before the run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Figures = dict[str, float]
Case = Callable[..., Figures]
Rounds = Callable[..., list[dict[str, Figures]]]

CASES = [("floor",), ("same", "auto"), ("same", "fast"), ("same", "flat")]
CHANGED = [("floor_changed",), ("changed", "auto"), ("changed", "fast"), ("changed", "flat")]

#: Highest ratio to the floor, and highest number of megabytes added; from 100,000 accounts on.
LIMITS: dict[str, tuple[float, float | None]] = {
    "same fast": (1.5, None),
    "same flat": (1.5, 32.0),
    "changed fast": (1.6, None),
    "changed flat": (2.5, 16.0),
}
FIRST_LOAD_LIMIT = 1.3
SMALLEST_HELD_TO_LIMITS = 100_000


def test_cost_of_runs_from_small_to_large(case: Case, rounds: Rounds, bench_sizes: list[int], tmp_path: Path) -> None:
    """At every size a run stays within its ratio to the floor, and cost and size grow together."""
    table: list[str] = []
    broken: list[str] = []
    for number in bench_sizes:
        folder = tmp_path / str(number)
        folder.mkdir()
        case("_case", "write", folder, number)
        bare = case("_case", "bare", folder, number)
        load = case("_case", "load", folder, number)
        ratio = load["cpu"] / bare["cpu"]
        table.append(row(number, "sealing and bare insert", bare, None))
        table.append(row(number, "first load", load, ratio))
        if number >= SMALLEST_HELD_TO_LIMITS and ratio > FIRST_LOAD_LIMIT:
            broken.append(f"{number} first load: {ratio:.2f} > {FIRST_LOAD_LIMIT}")
        for names in (CASES, CHANGED):
            measured = rounds("_case", names, folder, number, 5 if number <= SMALLEST_HELD_TO_LIMITS else 3)
            floor = names[0][0]
            for name in (" ".join(one) for one in names):
                figures = {key: min(one[name][key] for one in measured) for key in ("cpu", "added_mb")}
                ratio = figures["cpu"] / min(one[floor]["cpu"] for one in measured)
                table.append(row(number, name, figures, None if name == floor else ratio))
                most, megabytes = LIMITS.get(name, (ratio, None))
                if number >= SMALLEST_HELD_TO_LIMITS:
                    if ratio > most:
                        broken.append(f"{number} {name}: {ratio:.2f} > {most}")
                    if megabytes is not None and figures["added_mb"] > megabytes:
                        broken.append(f"{number} {name}: {figures['added_mb']:.0f} MB > {megabytes} MB")
        shutil.rmtree(folder)
    print("\n".join(("| accounts | case | us an account | ratio | MB added |", "|---|---|---|---|---|", *table)))
    if broken:
        pytest.fail("; ".join(broken))


def row(number: int, name: str, figures: Figures, ratio: float | None) -> str:
    """Return a row of the table."""
    shown = "" if ratio is None else f"{ratio:.2f}"
    return f"| {number:,} | {name} | {figures['cpu'] / number * 1e6:.2f} | {shown} | {figures['added_mb']:.0f} |"
