"""One measurement in a process of its own: how long, and how much memory more than before."""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")


@contextmanager
def measured(figures: dict[str, float]) -> Iterator[None]:
    """Put into ``figures`` what the block takes.

    ``seconds`` by the clock, ``cpu`` seconds of the processor, and ``added_mb``: the peak of the resident size less the
    resident size before.
    """
    gc.collect()
    before = _resident("VmRSS")
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    started, busy = time.perf_counter(), time.process_time()
    yield
    figures["cpu"] = time.process_time() - busy
    figures["seconds"] = time.perf_counter() - started
    figures["added_mb"] = _resident("VmHWM") - before


def _resident(name: str) -> float:
    if not _STATUS.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
