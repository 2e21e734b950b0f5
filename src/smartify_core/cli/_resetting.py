"""Bringing a tenant's record back to the present after a clock that ran ahead."""

from __future__ import annotations

from pathlib import Path

from . import _documents_of_operations as documents
from . import _exit_codes as exit_codes
from . import _text_of_operations as text
from ._build import chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._output import Output
from ._signals import stoppable_storage


def reset_clock(output: Output, file: Path, tenant: str, *, by: str, reason: str) -> int:
    """Bring back what lies ahead, and tell what that was."""
    config = load(file)
    chosen(config, tenant)
    with store_of(config, create=False) as storage:
        reconciler = reconciler_of(config, {}, stoppable_storage(storage), sealer_of(config))
        reset = reconciler.reset_clock(tenant, by=by, reason=reason, every=config.every)
    output.document({"clock_reset": documents.of_clock_reset(reset)})
    output.line(text.of_clock_reset(reset))
    return exit_codes.DONE
