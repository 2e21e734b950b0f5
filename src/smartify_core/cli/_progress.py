"""Progress bars, on stderr, and only where somebody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from smartify_core.model import ProgressSink, Stage
from smartify_core.storage.moving import CopyProgress


@contextmanager
def progress_of(tenant: str) -> Iterator[ProgressSink | None]:
    """Give a sink that shows how far a tenant's run is, or ``None`` when stderr is no terminal.

    The bars vanish at the end.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[Stage, TaskID] = {}

        def show(stage: Stage, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(f"{tenant}: {stage.value}", total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def progress_of_copy() -> Iterator[Callable[[CopyProgress], None] | None]:
    """Give a sink that shows how far the copy of a store is, or ``None`` when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda told: bars.update(task, description=f"{told.tenant}: {told.stage}, {told.done:,}")


@contextmanager
def progress_of_log() -> Iterator[None]:
    """Show that the request log is being read, and for how long, when stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bars.add_task("reading the request log", total=None)
        yield
