"""C12: whether customers would hear of a breach, and whether those that are owed a notice have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from smartify_core.cli._breaches_of import notifiers_of
from smartify_core.cli._numbers import numbered
from smartify_core.cli._policy_of import Opened
from smartify_core.errors import SmartifyError
from smartify_core.policy.breach import IncidentState, ReachConcern

from ._checkup import Checkup, counted


def of_readiness(at: Opened) -> Iterator[Checkup]:
    """Yield whether a notice could leave, and arrive, today."""
    settings = at.config.breach
    if settings.mail is None and settings.webhook is None:
        yield Checkup(
            "C12",
            enforced=False,
            what="Nothing says how notices leave, so nobody would hear of a breach.",
            cure="Add mail = { ... } or webhook = { ... } to [breach].",
        )
        return
    try:
        notifiers_of(at.config)
    except SmartifyError as error:  # whatever a channel refuses is what is to be told
        yield Checkup("C12", enforced=False, what=f"No notice could leave: {error.what}.", cure=error.cure or "")
    yield from _of_caller(at)
    if not settings.rules.organisation or not settings.rules.contact_point:
        yield Checkup(
            "C12",
            enforced=False,
            what="A notice could not say who you are, or where to ask.",
            cure="Add organisation and contact_point to [breach].",
        )
    found: dict[ReachConcern, list[str]] = defaultdict(list)
    for finding in at.policy.breaches.rehearsals.findings(at.policy.trail.now()):
        found[finding.concern].append(finding.tenant)
    single = found.pop(ReachConcern.SINGLE_CHANNEL, [])
    for concern, tenants in found.items():
        what, cure = _CONCERNS[concern]
        whom = numbered(len(set(tenants)), "customer")
        yield Checkup("C12", enforced=False, what=f"{what}: {whom}, {counted(tenants)}.", cure=cure)
    if not found:
        yield Checkup("C12", enforced=True, what="Every customer was reached by an exercise not long ago.")
    if single:
        whom = numbered(len(set(single)), "customer")
        yield Checkup(
            "C12", enforced=True, what=f"Reached by one channel only: {whom}, {counted(single)}.", is_note=True
        )


def _of_caller(at: Opened) -> Iterator[Checkup]:
    """Yield whether somebody would call whom nothing else reaches."""
    call = at.config.breach.rules.call
    if call is None:
        what, cure = "Nobody would call a customer that nothing else reaches.", "Add call = NAME to [breach]."
    elif not _is_employed(at, call):
        what = "Whoever has to call customers that nothing else reaches is not employed."
        cure = "Correct call in [breach], or put them on record: smartify employee add."
    else:
        return
    yield Checkup("C12", enforced=False, what=what, cure=cure)


def _is_employed(at: Opened, name: str) -> bool:
    found, now = at.policy.staff.get(name), at.policy.trail.now()
    return found is not None and (found.employee.until is None or now < found.employee.until)


def of_incidents(at: Opened) -> Iterator[Checkup]:
    """Yield whether an incident waits for something that is late."""
    standing = [one for one in at.policy.breaches.watch.status() if not one.state.is_over]
    missed = [one.id for one in standing if one.unexplained]
    if missed:
        yield Checkup(
            "C12",
            enforced=False,
            what=f"Notices are late, and nobody said why: {counted(missed)}.",
            cure="Send them, and put the reason on record: smartify breach explain.",
        )
    if calls := sum(one.to_call for one in standing):
        yield Checkup(
            "C12",
            enforced=False,
            what=f"Reached by nothing but a call, which nobody has made: {numbered(calls, 'customer')}.",
            cure="Call, and put it on record: smartify breach acknowledge.",
        )
    waiting = [one.id for one in standing if one.state is IncidentState.SUSPECTED and _is_of_canary(at, one.id)]
    if waiting:
        yield Checkup(
            "C12",
            enforced=False,
            what=f"A decoy was touched, and nobody has decided whether it is a breach: {counted(waiting)}.",
            cure="Decide: smartify breach aware, or smartify breach dismiss.",
        )
    unreadable = at.policy.breaches.watch.unreadable()
    if unreadable:
        yield Checkup(
            "C12",
            enforced=False,
            what=f"What is on record of incidents or customers does not open: {counted(unreadable)}.",
            cure="Restore it from a backup, and find out who had access to it.",
        )
    if not (missed or calls or waiting or unreadable):
        count = len(standing)
        what = f"Open, and in time: {numbered(count, 'incident')}." if count else "No incident is open."
        yield Checkup("C12", enforced=True, what=what)


def _is_of_canary(at: Opened, incident: str) -> bool:
    return at.policy.breaches.incidents.get(incident).opened_by == "canary"


_CONCERNS: Final = {
    ReachConcern.NO_CUSTOMER: (
        "Nobody said whom to tell",
        "Register contacts: smartify breach customers register.",
    ),
    ReachConcern.NO_CONTACT: ("There is no contact", "Register contacts: smartify breach customers register."),
    ReachConcern.NEVER_REHEARSED: ("Never reached by an exercise", "Prove it: smartify breach rehearse."),
    ReachConcern.STALE: ("Not reached by an exercise for too long", "Prove it anew: smartify breach rehearse."),
    ReachConcern.REFUSED: ("A contact was refused", "Ask for another address: smartify breach customers list."),
    ReachConcern.GONE: ("A contact is gone", "Ask for another address: smartify breach customers list."),
    ReachConcern.UNREACHABLE: (
        "A contact could not be reached the last time",
        "Try it again: smartify breach rehearse.",
    ),
}
