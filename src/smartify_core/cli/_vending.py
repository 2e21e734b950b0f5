"""Vendors: registering them, what they promised, and which customer was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from smartify_core.errors import UsageError
from smartify_core.policy.vendors import Commitment, Undertaking, Vendor, evidence_of, read_register

from . import _documents_of_vendors as documents
from . import _exit_codes as exit_codes
from ._numbers import numbered
from ._output import Output
from ._policy_of import Opened, opened


def listing(output: Output, file: Path) -> int:
    """Print every vendor with its checklist."""
    with opened(file) as at:
        now, found = at.policy.vendors.now(), at.policy.vendors.all()
    output.document({"vendors": [documents.of_vendor(one, now) for one in found]})
    for one in found:
        output.line(_line(one, now))
        for commitment in Commitment:
            until = one.kept_until(commitment, now)
            state = f"until {until:%Y-%m-%d %H:%M}Z" if until else "MISSING"
            output.line(f"  {commitment.value:<16} {state:<23} {commitment.promise}")
    if not found:
        output.note("No vendor is registered. Register some with: smartify vendors register FILE")
    return exit_codes.DONE


def register(output: Output, file: Path, path: Path, *, by: str) -> int:
    """Keep the vendors of a file: new ones and changed ones."""
    vendors = read_register(path)
    with opened(file) as at:
        changed = at.policy.vendors.register(*vendors, by=by)
        now = at.policy.vendors.now()
    output.document({"vendors": len(vendors), "changed": [documents.of_vendor(one, now) for one in changed]})
    for one in changed:
        output.line(_line(one, now))
    output.line(f"new or changed: {len(changed)} of {numbered(len(vendors), 'vendor')}")
    if changed:
        output.line("Tell your customers of them: smartify vendors duties")
    return exit_codes.DONE


def undertake(
    output: Output,
    file: Path,
    vendor: str,
    *,
    commitments: Sequence[str],
    evidence: str | None,
    paper: Path | None,
    since: datetime | None,
    until: datetime,
    by: str,
) -> int:
    """Add commitments that a vendor gave, with their evidence."""
    if (evidence is None) is (paper is None):
        raise UsageError(
            "the evidence is given once", where="command line", cure="Give --paper FILE or --evidence SHA256."
        )
    digest = evidence if paper is None else evidence_of(paper)
    named = list(Commitment) if list(commitments) == ["all"] else [_commitment(one) for one in commitments]
    with opened(file) as at:
        begins = at.policy.vendors.now() if since is None else since
        given = [Undertaking(one, begins, until, digest) for one in named]
        return _told(output, at, at.policy.vendors.undertake(vendor, *given, by=by))


def withdraw(output: Output, file: Path, vendor: str, *, commitment: str, by: str) -> int:
    """Take a commitment out of the register that a vendor does not keep."""
    named = _commitment(commitment)
    with opened(file) as at:
        return _told(output, at, at.policy.vendors.withdraw(vendor, named, by=by))


def end(output: Output, file: Path, vendor: str, *, ends_at: datetime | None, by: str) -> int:
    """Part with a vendor."""
    with opened(file) as at:
        return _told(output, at, at.policy.vendors.end(vendor, by=by, at=ends_at))


def announce(
    output: Output,
    file: Path,
    vendor: str,
    *,
    tenants: Sequence[str],
    told_at: datetime | None,
    agreed: bool,
    by: str,
) -> int:
    """Record that customers were told of a vendor."""
    with opened(file) as at:
        known = {one.tenant for one in at.policy.vendors.duties()} | set(at.config.tenants)
        chosen = sorted(known) if not tenants else list(tenants)
        if unknown := sorted(set(chosen) - known):
            raise UsageError(
                f"there is no such tenant ({len(unknown)} of those named)", where="--tenant", cure="Check the spelling."
            )
        news = at.policy.vendors.record_announcement(vendor, chosen, by=by, at=told_at, agreed=agreed)
    output.document({"vendor": vendor, "told": list(news), "agreed": agreed})
    output.line(f"{vendor}: told now: {len(news)} of {numbered(len(chosen), 'customer')}")
    return exit_codes.DONE


def objected(output: Output, file: Path, vendor: str, *, tenant: str, by: str) -> int:
    """Record that a customer objects to a vendor."""
    with opened(file, tenant) as at:
        at.policy.vendors.record_objection(vendor, tenant, by=by)
    output.document({"vendor": vendor, "tenant": tenant})
    output.line(f"{vendor}: closed for {tenant}, until it is on record that the customer has agreed")
    return exit_codes.DONE


def duties(output: Output, file: Path, *, tenants: Sequence[str]) -> int:
    """Print which customers have to be told of which vendors; exit with 1 where one is overdue."""
    with opened(file) as at:
        found = at.policy.vendors.duties(tuple(tenants) or None)
    output.document({"duties": [documents.of_duty(one) for one in found]})
    for one in found:
        late = "  OVERDUE: its exports wait for a notice period from whenever it is told" if one.overdue else ""
        output.line(f"{one.vendor}  tell {one.tenant}  until {one.until:%Y-%m-%d %H:%M}Z{late}")
    if not found:
        output.note("Every customer was told of every vendor.")
    return exit_codes.FAILED if any(one.overdue for one in found) else exit_codes.DONE


def lapses(output: Output, file: Path, *, ahead: timedelta) -> int:
    """Print which commitments do not hold, or not for long; exit with 1 where one does not hold now."""
    with opened(file) as at:
        found = at.policy.vendors.lapses(ahead)
    output.document({"lapses": [documents.of_lapse(one) for one in found]})
    for one in found:
        until = "does not hold" if one.ends_at is None else f"holds until {one.ends_at:%Y-%m-%d %H:%M}Z"
        output.line(f"{one.vendor}  {one.commitment.value} {until}")
    if not found:
        output.note("Every vendor keeps every commitment for long enough.")
    return exit_codes.FAILED if any(one.ends_at is None for one in found) else exit_codes.DONE


def _commitment(name: str) -> Commitment:
    return Commitment.of(name, where="--commitment")


def _told(output: Output, at: Opened, vendor: Vendor) -> int:
    now = at.policy.vendors.now()
    output.document({"vendor": documents.of_vendor(vendor, now)})
    output.line(_line(vendor, now))
    return exit_codes.DONE


def _line(vendor: Vendor, now: datetime) -> str:
    kept = sum(vendor.kept_until(one, now) is not None for one in Commitment)
    fields = ",".join(one.value for one in vendor.fields)
    purposes = ",".join(one.value for one in vendor.purposes)
    state = "ended" if vendor.has_ended(now) else f"{kept} of {len(Commitment)} commitments hold"
    return f"{vendor.id}  {state}  {fields}  {purposes}"
