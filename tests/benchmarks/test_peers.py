"""The same directory in other tools, in the same run: diffsync, and the obvious script on Django's ORM.

Run with ``nox -s benchmarks -- -k peers`` (``SMARTIFY_BENCH_PEERS`` sets the sizes, ``100000`` when not set; the script
is run up to 100,000 people only). A tool that is not installed is named, and its rows are left out.

diffsync's side of the host is a table of plain rows; a run of it is ``sync_from``, which finds nothing to do. The
script does ``update_or_create`` for each person and sets their groups, all in one transaction, on SQLite; it runs
twice, so that the second time nothing has changed. Ours is a run of the engine over the sealed store. Time is the
processor's.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Figures = dict[str, float]
Case = Callable[..., Figures]

DIFFSYNC_FASTER = {100_000: 25.0, 1_000_000: 20.0}
DIFFSYNC_SMALLER = 25.0
SCRIPT_FASTER = 10.0
SCRIPT_UP_TO = 100_000


def test_other_tools_take_many_times_as_long(case: Case, bench_peer_sizes: list[int], tmp_path: Path) -> None:
    """Against diffsync and against the obvious script, a run is as many times faster as we say."""
    table: list[str] = []
    broken: list[str] = []
    missing = [name for name in ("diffsync", "django") if importlib.util.find_spec(name) is None]

    def compare(number: int, what: str, theirs: Figures, ours: Figures, least: float | None) -> None:
        faster = theirs["cpu"] / ours["cpu"]
        smaller = theirs["added_mb"] / ours["added_mb"]
        table.append(
            f"| {number:,} | {what} | {theirs['cpu']:.1f} s, {theirs['added_mb']:.0f} MB | "
            f"{ours['cpu']:.2f} s, {ours['added_mb']:.0f} MB | {faster:.1f} | {smaller:.0f} |"
        )
        if least is not None and faster < least:
            broken.append(f"{number} {what}: {faster:.1f} times, wanted {least:.0f}")
        if what.startswith("diffsync") and smaller < DIFFSYNC_SMALLER:
            broken.append(f"{number} {what}: {smaller:.0f} times smaller, wanted {DIFFSYNC_SMALLER:.0f}")

    for number in bench_peer_sizes:
        folder = tmp_path / str(number)
        folder.mkdir()
        case("_case", "write", folder, number)
        load = case("_case", "load", folder, number)
        if "diffsync" not in missing:
            case("_peers", "rows", folder, number)
            for name, limit in (("diffsync", DIFFSYNC_FASTER.get(number)), ("diffsync_memberships", None)):
                theirs = case("_peers", name, folder, number)
                compare(
                    number, f"{name}, nothing changed", theirs, case("_case", "same", folder, number, "flat"), limit
                )
        if "django" not in missing and number <= SCRIPT_UP_TO:
            compare(number, "script, first load", case("_peers", "django", folder, number), load, SCRIPT_FASTER)
            theirs = case("_peers", "django", folder, number)
            ours = case("_case", "same", folder, number, "auto")
            compare(number, "script, nothing changed", theirs, ours, SCRIPT_FASTER)
        shutil.rmtree(folder)
    print(
        "\n".join(
            ("| accounts | what | theirs | ours | times faster | times smaller |", "|---|---|---|---|---|---|", *table)
        )
    )
    if missing:
        print(f"could not run, for want of the package: {', '.join(missing)} (dependency group benchmarks)")
    if broken:
        pytest.fail("; ".join(broken))
