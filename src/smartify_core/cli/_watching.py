"""Looking at how tenants stand, and at what was done to their accounts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from smartify_core.errors import SmartifyError
from smartify_core.lifecycle import History, Verdict, utc_now
from smartify_core.lifecycle.events import dead_letters as letters_of
from smartify_core.lifecycle.schedule import TenantStatus
from smartify_core.lifecycle.schedule import status as each_status
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import Shredder
from smartify_core.storage import Storage

from . import _documents_of_operations as documents
from . import _exit_codes as exit_codes
from . import _text_of_operations as text
from ._build import chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._documents import Document
from ._output import Output


def status(output: Output, file: Path, tenant: str | None, *, limit: timedelta | None) -> int:
    """Show how each tenant stands; the exit code says whether somebody has to look."""
    config = load(file, without_tenants=tenant is None)
    names = chosen(config, tenant)
    with store_of(config, create=False, guarded=False) as storage:
        sealer = sealer_of(config)
        held_plans = reconciler_of(config, {}, storage, sealer).held_plans
        telling = partial(each_status, storage, utc_now, held_plans=held_plans, dead_letters=partial(_count, storage))
        found = list(telling(tenants=names))
        if tenant is None:
            # Tenants of the store that are configured no longer, if any: their accounts are still there.
            found += [one for one in telling() if one.tenant not in names]
        left = _left(Shredder(storage, sealer, Trail(storage)), found)
    output.document(
        {"tenants": [documents.of_status(one, limit=limit, off_boarded=left.get(one.tenant)) for one in found]}
    )
    for line in text.of_statuses(found, left):
        output.line(line)
    late = [one.tenant for one in found if limit is not None and one.tenant not in left and one.exceeds(limit)]
    for name in late:
        output.note(f"smartify: {name}: not in step with its directory for longer than allowed")
    if late:
        return exit_codes.FAILED
    return exit_codes.HELD if any(map(_waits, found)) else exit_codes.DONE


def dead_letters(output: Output, file: Path, tenant: str | None, *, consumer: str | None) -> int:
    """List the events that were given up. What cannot be read of one tenant hides no other's."""
    names = list(chosen(config := load(file, without_tenants=tenant is None), tenant))
    found: list[Document] = []
    troubles: list[SmartifyError] = []
    with store_of(config, create=False, guarded=False) as storage:
        if tenant is None:
            names += [one.tenant for one in each_status(storage, utc_now) if one.tenant not in names]
        for name in names:
            try:
                for reader, letters in letters_of(storage, name).items():
                    if consumer in {None, reader}:
                        found += [documents.of_dead_letter(letter, reader) for letter in letters]
            except SmartifyError as error:
                troubles.append(error)
    output.document({"dead_letters": found})
    for letter in found:
        output.line(text.of_dead_letter(letter))
    for trouble in troubles:
        output.note(f"smartify: {trouble}")
    if not found and not troubles:
        output.note("There are no dead letters.")
    return exit_codes.FAILED if troubles else exit_codes.DONE


def history(output: Output, file: Path, tenant: str, *, account_id: str | None, since: datetime | None) -> int:
    """Print what was done, one change after the other, as it is read."""
    config = load(file)
    chosen(config, tenant)
    empty = True
    with store_of(config, create=False, guarded=False) as storage:
        found = History(storage).of(tenant, account_id=account_id, since=since)
        if output.as_json:
            with output.listing({"tenant": tenant}, "entries") as listing:
                for entry in found:
                    listing.add(documents.of_entry(entry))
            return exit_codes.DONE
        for entry in found:
            empty = False
            output.line(text.of_entry(entry))
    if empty:
        output.note("Nothing of the kind is on record.")
    return exit_codes.DONE


def _left(shredder: Shredder, found: Sequence[TenantStatus]) -> dict[str, datetime]:
    """Return since when tenants are not served any more, of those who are off-boarded."""
    left: dict[str, datetime] = {}
    for one in found:
        with suppress(SmartifyError):  # it hides no other tenant, and what is damaged is told by whoever off-boards
            standing = shredder.standing(one.tenant)
            if standing is not None:
                left[one.tenant] = standing.ended_at or standing.begun_at
    return left


def _count(storage: Storage, tenant: str) -> int:
    return sum(map(len, letters_of(storage, tenant).values()))


def _waits(one: TenantStatus) -> bool:
    return one.held_plan is not None or one.verdict is Verdict.HELD
