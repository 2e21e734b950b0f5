"""Running tenants: all of them, each when it is due, or one person of one tenant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path

from smartify_core.errors import ConfigInvalid, OutputFailed
from smartify_core.lifecycle import Run
from smartify_core.lifecycle.schedule import Scheduler

from . import _documents as documents
from . import _exit_codes as exit_codes
from ._build import Sources, chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._ending import Settling
from ._output import Listing, Output
from ._reports import of_each_run, tell
from ._signals import stoppable_storage, until_stopped


def run(output: Output, file: Path, *, every: timedelta | None, workers: int, once: bool) -> int:
    """Keep all tenants in step until told to stop, or run what is due now."""
    config = load(file)
    if config.storage_url.startswith("memory:"):
        raise ConfigInvalid(
            "a store in memory keeps no schedule",
            where=f"{config.file}: storage.url",
            cure="Use a store that lasts, such as sqlite:///smartify.db.",
        )
    sources = Sources(config, config.tenants)
    sealer = sealer_of(config)
    ended: list[Run] = []
    gone: list[BrokenPipeError | OutputFailed] = []
    stop, abandon = threading.Event(), threading.Event()
    listing: AbstractContextManager[Listing | None] = output.listing({}, "runs") if output.as_json else nullcontext()
    with store_of(config, create=True) as storage, listing as document:
        settling = Settling(config, storage, sealer, output.note)

        def on_run(run: Run) -> None:
            settling.after(run)
            if once:
                ended.append(run)
            if gone:
                return
            try:
                tell(output, file, run)
                if document is not None:
                    document.add(documents.of_run(run), at_once=True)
                output.flush()
            except (BrokenPipeError, OutputFailed) as error:
                # Nobody reads any more: the scheduler would go on, the command is over.
                gone.append(error)
                stop.set()
                abandon.set()

        scheduler = Scheduler(
            reconciler_of(config, sources, storage, sealer),
            storage,
            tenants=config.tenants,
            every=config.every if every is None else every,
            workers=workers,
            on_run=on_run,
        )
        work = _work_of(scheduler, once=once, tenants=len(config.tenants))
        until_stopped(work, stop=stop, abandon=abandon, note=output.note)
        if gone:
            raise gone[0]
    return exit_codes.of_runs(ended)


def _work_of(scheduler: Scheduler, *, once: bool, tenants: int) -> Callable[[threading.Event, threading.Event], None]:
    def work(stop: threading.Event, abandon: threading.Event) -> None:
        if not once:
            scheduler.run(stop, abandon=abandon)
            return
        scheduler.register()
        scheduler.work_once(limit=tenants, stop=stop, abandon=abandon)

    return work


def refresh(output: Output, file: Path, tenant: str, source_id: str) -> int:
    """Bring one person in step, and tell how that ended."""
    config = load(file)
    sources = Sources(config, chosen(config, tenant))
    sealer = sealer_of(config)
    source = {tenant: sources[tenant]}
    with store_of(config, create=True) as storage:
        reconciler = reconciler_of(config, source, stoppable_storage(storage), sealer)
        ended = reconciler.refresh(tenant, source_id)
    return of_each_run(output, file, [ended])
