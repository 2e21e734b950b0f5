"""Child processes of the sink kit."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Final

#: Seconds after which a child is taken to hang. No clause waits for it when all is well.
_PATIENCE: Final = 120.0


def run(work: Callable[..., None], *about: object) -> BaseProcess:
    """Start a child that does ``work`` and ends by itself. It shares nothing with this process."""
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    if "forkserver" in known:
        # Its children are forks of a clean process that has the kit already: a few milliseconds each.
        context.set_forkserver_preload([f"{__package__}._sink_processes"])
    child: BaseProcess = context.Process(target=work, args=about, daemon=True)  # type: ignore[attr-defined] # only kinds of a context say so
    child.start()
    return child


def ended_well(child: BaseProcess) -> None:
    """Wait for a child, and fail unless it ended by itself and without an error."""
    child.join(_PATIENCE)
    if child.exitcode is None:
        child.kill()
        child.join()
    code = child.exitcode
    child.close()
    assert code == 0, f"a child process ended with {code}"
