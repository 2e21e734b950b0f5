"""What each command does, through the public API.

Returns an exit code; raises `SmartifyError` when the whole command fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from smartify_core.directory import DirectorySource
from smartify_core.errors import SmartifyError
from smartify_core.lifecycle import Counts, Plan, Reconciler, Run, Verdict, save_plan
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage

from . import _exit_codes as exit_codes
from ._build import Sources, chosen, reconciler_of, sealer_of, store_is_absent, store_of
from ._config import Config, load
from ._demo import play
from ._ending import Settling
from ._init import write_all
from ._output import Output
from ._progress import progress_of
from ._replaying import recording
from ._reports import of_each_run, of_plan
from ._signals import StoppableStorage


def demo(output: Output, people: int | None) -> int:
    """Play the demo in the current folder."""
    story = play(output, Path.cwd(), people=people)
    output.document(story)
    for wrong in story["wrong"]:
        output.note(f"smartify: the store is not as the directory says: {wrong}")
    return exit_codes.FAILED if story["wrong"] else exit_codes.DONE


def init(output: Output, file: Path) -> int:
    """Write a configuration and a key file."""
    written = write_all(file)
    output.document({"written": [str(path) for path in written]})
    for path in written:
        output.line(f"wrote {path}")
    output.line()
    output.line(f"Now fill in the two places marked FILL IN in {file}, then look before you act:")
    output.line("  smartify plan --tenant acme")
    return exit_codes.DONE


def plan(output: Output, file: Path, tenant: str, *, record: Path | None = None, save: Path | None = None) -> int:
    """Show what a sync would do; keep what was read, or the plan itself, if a file is named for it."""
    config = load(file)
    sources = Sources(config, chosen(config, tenant))
    sealer = sealer_of(config)
    source = {tenant: sources[tenant]}
    if record is not None:
        source = recording(source, record, sealer, tenant)
    with store_of(config, create=False) as storage, progress_of(tenant) as progress:
        planned = reconciler_of(config, source, storage, sealer).plan(tenant, progress=progress)
    if save is not None:
        save_plan(planned, save, sealer)
    return of_plan(output, file, planned, saved=save)


def sync(output: Output, file: Path, tenant: str | None, *, record: Path | None = None) -> int:
    """Bring one tenant, or each, in step with its directory. What fails for one does not stop the others."""
    config = load(file)
    return of_each_run(output, file, sync_each(config, chosen(config, tenant), record=record, note=output.note))


def sync_each(
    config: Config, tenants: Iterable[str], *, record: Path | None = None, note: Callable[[str], None]
) -> Iterator[Run]:
    """Run one tenant after the other, yield how each ended, and settle what has ended.

    Args:
        config: The configuration.
        tenants: Whom to run.
        record: Where to keep what is read, of the one tenant there is then.
        note: Where it is told that something could not be settled.
    """
    sealer = sealer_of(config)
    made = Sources(config, tenants)
    if len(made.errors) == len(made):
        # Nothing can be synced, so there is no reason to open, or even to create, a store.
        for name, error in made.errors.items():
            yield Run(name, Verdict.FAILED, Counts(), error=error)
        return
    sources: Mapping[str, DirectorySource] = made
    if record is not None:
        (tenant,) = made
        sources = recording(made, record, sealer, tenant)
    waiting = list(sources)
    first: Plan | None = None
    if store_is_absent(config):
        # Until a directory has answered there is nothing to keep, so there is no store either: a wrong scope or subject
        # leaves nothing behind. A plan against nothing is a plan against the store that is made then.
        planner = reconciler_of(config, sources, MemoryStorage(), sealer)
        while waiting and first is None:
            name = waiting.pop(0)
            try:
                with progress_of(name) as progress:
                    first = planner.plan(name, progress=progress)
            except SmartifyError as error:
                yield Run(name, Verdict.FAILED, Counts(), error=error)
        if first is None:
            return
    with store_of(config, create=True) as storage:
        reconciler = reconciler_of(config, sources, cast("Storage", StoppableStorage(storage)), sealer)
        yield from Settling(config, storage, sealer, note).after_each(_each(reconciler, first, waiting))


def _each(reconciler: Reconciler, first: Plan | None, tenants: Iterable[str]) -> Iterator[Run]:
    if first is not None:
        yield _apply(reconciler, first)
    for name in tenants:
        with progress_of(name) as progress:
            run = next(reconciler.run_each([name], progress=progress))
        yield run


def _apply(reconciler: Reconciler, plan: Plan) -> Run:
    with progress_of(plan.tenant) as progress:
        try:
            return reconciler.apply(plan, progress=progress)
        except SmartifyError:
            # Somebody else was quicker, or the store is in trouble: a run of its own does it, or tells.
            return next(reconciler.run_each([plan.tenant], progress=progress))
