"""Applying a plan that was saved to a file, exactly as it was looked at."""

from __future__ import annotations

from pathlib import Path

from smartify_core.lifecycle import load_plan

from ._build import Sources, chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._output import Output
from ._progress import progress_of
from ._reports import of_each_run
from ._signals import stoppable_storage


def apply(output: Output, config_file: Path, tenant: str, file: Path) -> int:
    """Do what a saved plan says, and tell how that ended."""
    config = load(config_file)
    sources = Sources(config, chosen(config, tenant))
    sealer = sealer_of(config)
    planned = load_plan(file, sealer, tenant=tenant)
    with store_of(config, create=True) as storage, progress_of(tenant) as progress:
        reconciler = reconciler_of(config, sources, stoppable_storage(storage), sealer)
        return of_each_run(output, config_file, [reconciler.apply(planned, progress=progress)])
