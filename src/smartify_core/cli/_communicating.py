"""What was said to people: its end, the wishes about it, and reading it through the gate."""

from __future__ import annotations

from pathlib import Path

from attrs import asdict

from smartify_core.errors import UsageError
from smartify_core.policy.communications import Communication

from . import _exit_codes as exit_codes
from ._documents import Document
from ._numbers import numbered
from ._output import Output
from ._policy_of import Opened, opened


def sweep(output: Output, file: Path, tenant: str | None) -> int:
    """Remove the texts whose time is over, and what is left of people who are gone."""
    with opened(file, tenant) as at:
        done = at.policy.communications.sweep(tenant)
    output.document({"swept": asdict(done)})
    output.line(
        f"removed: {numbered(done.ended, 'text')} at the end of their time, {done.orphaned:,} of people who are gone"
    )
    if done.held:
        output.note(f"smartify: a legal hold keeps {numbered(done.held, 'text')} beyond the end of its time")
    if done.damaged:
        output.note(f"smartify: left as it is, because it does not open: {numbered(done.damaged, 'document')}")
    return exit_codes.FAILED if done.damaged else exit_codes.DONE


def opt_out(output: Output, file: Path, tenant: str, *, source_id: str | None, by: str, remove: bool) -> int:
    """Keep nothing more of a customer, or of one person; remove what there is where that is asked for."""
    with opened(file, tenant) as at:
        account_id = _account_of(at, tenant, source_id)
        kept = at.policy.communications.opt_out(tenant, by=by, source_id=source_id or "", account_id=account_id)
        removed = at.policy.communications.remove(tenant, by=by, account_id=account_id or None) if remove else 0
    output.document({"tenant": tenant, "source_id": source_id, "kept": kept - removed, "removed": removed})
    output.line(f"{_whom(tenant, source_id)}: nothing more is kept; {numbered(removed, 'text')} removed")
    if kept > removed:
        output.line(
            f"kept until their end: {numbered(kept - removed, 'text')}; --remove takes what no legal hold keeps"
        )
    return exit_codes.DONE


def opt_in(output: Output, file: Path, tenant: str, *, source_id: str | None, by: str) -> int:
    """Take such a wish back."""
    with opened(file, tenant) as at:
        at.policy.communications.opt_in(tenant, by=by, account_id=_account_of(at, tenant, source_id))
        keep = at.config.policy.communications.keep
    output.document({"tenant": tenant, "source_id": source_id, "keep": keep})
    output.line(f"{_whom(tenant, source_id)}: does not object any more")
    if not keep:
        output.line("Nothing is kept all the same: that is switched off in [policy.communications]")
    return exit_codes.DONE


def read(output: Output, file: Path, tenant: str, *, source_id: str, employee: str, reason: str) -> int:
    """Print what is kept of one person, to an employee who may read it."""
    with opened(file, tenant) as at:
        found = at.policy.communications.read(employee, tenant=tenant, source_id=source_id, reason=reason)
    output.document({"tenant": tenant, "communications": [_of_communication(one) for one in found]})
    for one in found:
        output.heading(f"{one.kept_at:%Y-%m-%d %H:%M}Z  {one.channel}  about {one.about}  kept by {one.by}")
        for line in one.text.splitlines():
            output.line(f"  {line}")
        output.line(f"  (until {one.ends_at:%Y-%m-%d %H:%M}Z)")
    if not found:
        output.note("Nothing is kept of this person.")
    return exit_codes.DONE


def _account_of(at: Opened, tenant: str, source_id: str | None) -> str:
    """Return the account id of a person; nothing where nobody is named."""
    if source_id is None:
        return ""
    account = at.storage.load(tenant, [source_id]).get(source_id)
    if account is None:
        raise UsageError("the person has no account", where="--source-id", cure="Copy their source id.")
    return account.account_id


def _whom(tenant: str, source_id: str | None) -> str:
    return tenant if source_id is None else f"{tenant}, source id {source_id}"


def _of_communication(one: Communication) -> Document:
    return {
        "id": one.id,
        "account_id": one.account_id,
        "channel": one.channel,
        "text": one.text,
        "about": one.about,
        "by": one.by,
        "kept_at": one.kept_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
    }
