"""Keeping what was read of a directory, sealed, and planning by it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from smartify_core.directory import DirectorySource
from smartify_core.lifecycle.recording import RecordedDirectory, SnapshotRecorder
from smartify_core.sealing import Sealer

from ._build import chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._output import Output
from ._reports import of_plan


def recording(
    sources: Mapping[str, DirectorySource], file: Path, sealer: Sealer, tenant: str
) -> dict[str, DirectorySource]:
    """Return the tenant's directory, with what is read of it kept in ``file``.

    Raises:
        SmartifyError: The directory could not be made.
    """
    return {tenant: SnapshotRecorder(sources[tenant], file, sealer, tenant)}


def replay(output: Output, config_file: Path, tenant: str, file: Path) -> int:
    """Show the plan that a recorded read leads to."""
    config = load(config_file)
    chosen(config, tenant)
    sealer = sealer_of(config)
    recorded = RecordedDirectory(file, sealer, tenant)
    with store_of(config, create=False) as storage:
        planned = reconciler_of(config, {tenant: recorded}, storage, sealer).plan(tenant)
    return of_plan(output, config_file, planned)
