"""Customers' contacts, whether they can be reached, and the keys that sign what goes there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smartify_core.errors import ConfigInvalid
from smartify_core.policy.breach import Customer, ReachConcern, ReachFinding, read_customers

from . import _exit_codes as exit_codes
from ._breaches_of import OpenedBreaches, opened_breaches
from ._config import load
from ._documents import Document
from ._documents_of_breach import of_value
from ._numbers import numbered
from ._output import Output
from ._webhook_keys import add_key


def register(output: Output, file: Path, path: Path, *, by: str) -> int:
    """Keep the customers of a file: new ones and changed ones."""
    customers = read_customers(path)
    with opened_breaches(file, by_channels=True) as at:
        changed = at.breaches.customers.register(*customers, by=by)
    output.document({"customers": len(customers), "changed": [_of_customer(one) for one in changed]})
    for one in changed:
        output.line(_line(one))
    output.line(f"new or changed: {len(changed)} of {numbered(len(customers), 'customer')}")
    if changed:
        output.line("Prove that they can be reached: smartify breach rehearse --as NAME")
    return exit_codes.DONE


def listing(output: Output, file: Path) -> int:
    """Print every customer's contacts by id, and who cannot be reached."""
    with opened_breaches(file, note=output.note) as at:
        customers = list(at.breaches.customers.all())
        findings = _findings(at)
    output.document(
        {"customers": [_of_customer(one) for one in customers], "findings": [of_value(one) for one in findings]}
    )
    for one in customers:
        output.line(_line(one))
    if not customers:
        output.note("No customer is registered.")
    _tell(output, findings)
    return exit_codes.DONE


def remove(output: Output, file: Path, *, tenant: str, by: str) -> int:
    """Take a customer's contacts out."""
    with opened_breaches(file, note=output.note) as at:
        at.breaches.customers.remove(tenant, by=by)
    output.document({"removed": tenant})
    output.line(f"{tenant}: no contact of it is on record any more")
    return exit_codes.DONE


def rehearse(output: Output, file: Path, *, by: str, tenants: Sequence[str], force: bool) -> int:
    """Send a message that says that it is an exercise, and tell who was reached."""
    with opened_breaches(file, sending=True) as at:
        report = at.breaches.rehearsals.rehearse(by=by, tenants=tuple(tenants) or None, force=force)
        findings = [one for one in _findings(at) if not tenants or one.tenant in tenants]
    output.document({"rehearsal": of_value(report), "findings": [of_value(one) for one in findings]})
    output.line(
        f"{report.accepted:,} of {numbered(report.tried, 'contact')} reached, "
        f"of {numbered(report.customers, 'customer')}; not due yet: {report.not_due:,}"
    )
    _tell(output, findings)
    return exit_codes.FAILED if report.stranded or any(map(_is_amiss, findings)) else exit_codes.DONE


def webhook_key(output: Output, file: Path, *, name: str, shared: bool) -> int:
    """Make a key that webhooks are signed with, and print what the receiver checks signatures with."""
    config = load(file, without_tenants=True)
    if config.breach.webhook is None:
        raise ConfigInvalid(
            "nothing says where the keys of webhooks are",
            where=f"{file}: breach",
            cure='Add webhook = { keys = "webhook.keys" } to [breach].',
        )
    needed = add_key(config.breach.webhook.keys, name, shared=shared)
    output.document({"id": name, "shared": shared, "receiver": needed})
    output.line(needed)
    return exit_codes.DONE


def _findings(at: OpenedBreaches) -> list[ReachFinding]:
    return list(at.breaches.rehearsals.findings(at.at.policy.trail.now()))


def _is_amiss(finding: ReachFinding) -> bool:
    """Return whether somebody would not be told. To hang on one channel is worth knowing, and does not count."""
    return finding.concern is not ReachConcern.SINGLE_CHANNEL


def _tell(output: Output, findings: Sequence[ReachFinding]) -> None:
    for finding in findings:
        contact = "" if finding.contact is None else f", {finding.contact}"
        mark = "AMISS" if _is_amiss(finding) else "NOTE "
        output.line(f"{mark}  {finding.tenant}{contact}: {finding.concern.value}")


def _of_customer(customer: Customer) -> Document:
    return of_value(customer)


def _line(customer: Customer) -> str:
    contacts = ", ".join(f"{one.id} ({one.channel}, tier {one.tier})" for one in customer.contacts) or "no contact"
    return f"{customer.tenant}  {customer.locale}  {contacts}"
