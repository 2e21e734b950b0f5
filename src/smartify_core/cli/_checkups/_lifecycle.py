"""C1 to C7: what is collected, whether it is in step, and what the request log holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from smartify_core.cli._config import GoogleTenant
from smartify_core.cli._config_logs import load_logs
from smartify_core.cli._numbers import numbered
from smartify_core.cli._policy_of import Opened
from smartify_core.lifecycle import utc_now
from smartify_core.lifecycle.schedule import status as each_status

from ._checkup import Checkup, counted

#: After how long without being in step a tenant is out of step.
_IN_STEP: Final = timedelta(hours=24)


def of_collecting(at: Opened) -> Iterator[Checkup]:
    google = [name for name, tenant in at.config.tenants.items() if isinstance(tenant, GoogleTenant)]
    others = len(at.config.tenants) - len(google)
    yield Checkup(
        "C1",
        enforced=True,
        what=f"Read from Google, masked to four fields: {numbered(len(google), 'tenant')}. From elsewhere: {others:,}.",
    )
    yield Checkup("C4", enforced=True, what="No value that is stored has a place for a password or a document.")


def of_being_in_step(at: Opened) -> Iterator[Checkup]:
    found = list(each_status(at.storage, utc_now, tenants=tuple(at.config.tenants)))
    late = [one.tenant for one in found if one.not_converged_for is None or one.not_converged_for > _IN_STEP]
    if late:
        yield Checkup(
            "C2",
            enforced=False,
            what=f"{counted(late)} not in step with the directory within {_IN_STEP.days * 24} hours.",
            cure="Look with `smartify status`, and keep `smartify run` going.",
        )
    else:
        yield Checkup("C2", enforced=True, what=f"In step within 24 hours: all of {numbered(len(found), 'tenant')}.")
    kept = [name for name, rules in at.config.rules.items() if rules.retain_for > timedelta(0)]
    waiting = [one.tenant for one in found if one.held_plan is not None]
    if waiting:
        yield Checkup(
            "C3",
            enforced=False,
            what=f"Plans are held for a decision: {counted(waiting)}.",
            cure="Decide with `smartify approve` or `smartify reject`.",
        )
    yield Checkup(
        "C3",
        enforced=True,
        what="Whoever leaves loses access at the next run"
        + (f"; accounts of {counted(kept)} are kept for a while after that." if kept else " and is erased by it."),
    )


def of_logs(file: Path) -> Iterator[Checkup]:
    settings = load_logs(file, needed=True)
    if settings.directory.is_dir():
        collected = "The request log has a place for what a header says, and for nothing else."
    else:
        collected = "No request log is kept where the configuration says."
    yield Checkup("C5", enforced=True, what=collected)
    yield Checkup(
        "C6", enforced=True, what=f"Reports name nothing of a sender that fewer than {settings.k} networks share."
    )
    yield Checkup(
        "C7",
        enforced=True,
        what="The type of its events has no field for a body, a query value, a cookie or a user.",
    )
