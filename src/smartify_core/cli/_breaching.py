"""Incidents: opening and deciding, where they reached, who may be affected, and what is due when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from smartify_core.errors import UsageError
from smartify_core.policy.breach import (
    Breaches,
    BreachScope,
    Impact,
    Incident,
    Nature,
    Outcome,
    Phase,
    TenantImpact,
)

from . import _exit_codes as exit_codes
from ._breaches_of import opened_breaches
from ._documents_of_breach import of_value
from ._numbers import numbered
from ._output import Output
from ._text_of_breaches import line_of_difference, lines_of_impact, lines_of_status, minute

_MOST_NAMED = 20


def open_incident(
    output: Output,
    file: Path,
    *,
    by: str,
    signal: str,
    noticed_at: datetime | None,
    natures: Sequence[str],
    scopes: Sequence[BreachScope],
) -> int:
    """Put a breach on record, or what may be one."""
    with opened_breaches(file, note=output.note) as at:
        incident = at.breaches.incidents.open(
            by=by,
            signal=signal,
            first_signal_at=noticed_at,
            natures=tuple(Nature(one) for one in natures) or (Nature.CONFIDENTIALITY,),
            scopes=tuple(scopes),
        )
        now = at.at.policy.trail.now()
    _told(output, incident, now)
    output.line("Next, when somebody decides that it is a breach or may well be one:")
    output.line(f"  smartify breach aware {incident.id} --as NAME --reason TEXT")
    return exit_codes.DONE


def aware(output: Output, file: Path, incident: str, *, by: str, reason: str, decided_at: datetime | None) -> int:
    """Decide that it is a breach, or may well be one."""
    return _changed(output, file, lambda at: at.incidents.become_aware(incident, by=by, reason=reason, at=decided_at))


def scope(
    output: Output,
    file: Path,
    incident: str,
    *,
    by: str,
    reason: str,
    instead: bool,
    scopes: Sequence[BreachScope],
) -> int:
    """Say where else it may have reached, or where in place of before."""
    if not scopes:
        raise UsageError(
            "nothing is named that it may have reached",
            where="command line",
            cure="Name an --actor, a --host, a --vendor, a --key, a --store or a --tenant.",
        )

    def change(at: Breaches) -> Incident:
        if instead:
            return at.incidents.rescope(incident, tuple(scopes), by=by, reason=reason)
        return at.incidents.extend(incident, *scopes, by=by, reason=reason)

    return _changed(output, file, change)


def assess(output: Output, file: Path, incident: str, *, by: str) -> int:
    """Find out who may be affected, and what differs from the assessment before."""
    with opened_breaches(file, note=output.note) as at:
        before = at.breaches.incidents.get(incident).impact_revision
        found = at.breaches.assessments.assess(incident, by=by)
        difference = at.breaches.assessments.difference(incident, before, found.revision) if before else None
        rows = _first(at.breaches, found)
    output.document({"impact": of_value(found), "difference": None if difference is None else of_value(difference)})
    for line in lines_of_impact(found, rows):
        output.line(line)
    if difference is not None:
        output.line(line_of_difference(difference))
    return exit_codes.DONE


def impact(output: Output, file: Path, incident: str, *, also_unaffected: bool, subjects: str | None) -> int:
    """Print tenant by tenant what the latest assessment found, or the accounts of one tenant."""
    with opened_breaches(file, note=output.note) as at:
        found = at.breaches.assessments.get(incident)
        if subjects is not None:
            return _accounts(output, at.breaches, incident, subjects)
        tenants = at.breaches.assessments.tenants(incident, also_unaffected=also_unaffected)
        if output.as_json:
            with output.listing({"impact": of_value(found)}, "tenants") as listing:
                for row in tenants:
                    listing.add(of_value(row))
            return exit_codes.DONE
        for line in lines_of_impact(found, tenants):
            output.line(line)
    return exit_codes.DONE


def confirm(output: Output, file: Path, incident: str, *, by: str, reason: str) -> int:
    """Confirm the impact that was assessed."""
    return _changed(output, file, lambda at: at.incidents.confirm(incident, by=by, reason=reason))


def hold(
    output: Output,
    file: Path,
    incident: str,
    *,
    by: str,
    reason: str,
    until: datetime | None,
    ordered_by: str | None,
    lift: bool,
) -> int:
    """Let notices wait until a day, or let them go again."""
    if lift:
        if until is not None or ordered_by is not None:
            raise UsageError("a hold is placed or lifted, not both", where="command line", cure="Leave out --lift.")
        return _changed(output, file, lambda at: at.incidents.lift_hold(incident, by=by, reason=reason))
    if until is None or ordered_by is None:
        raise UsageError(
            "a hold has an end and an authority", where="command line", cure="Give --until and --ordered-by."
        )
    return _changed(
        output,
        file,
        lambda at: at.incidents.hold(incident, until=until, ordered_by=ordered_by, by=by, reason=reason),
    )


def note(output: Output, file: Path, incident: str, *, by: str, text: str, tenant: str | None) -> int:
    """Add something to the timeline."""
    return _changed(output, file, lambda at: at.incidents.note(incident, by=by, text=text, tenant=tenant))


def explain(output: Output, file: Path, incident: str, *, by: str, reason: str, phase: str, tenant: str | None) -> int:
    """Say why a notice was late."""
    with opened_breaches(file, note=output.note) as at:
        at.breaches.watch.explain(incident, phase=Phase(phase), tenant=tenant, by=by, reason=reason)
    output.document({"incident": incident, "phase": phase, "tenant": tenant, "explained": True})
    output.line(f"{incident}: it is on record why the {phase} notice was late")
    return exit_codes.DONE


def dismiss(output: Output, file: Path, incident: str, *, by: str, reason: str) -> int:
    """Decide that it was none, or reached nobody."""
    return _changed(output, file, lambda at: at.incidents.dismiss(incident, by=by, reason=reason))


def close(output: Output, file: Path, incident: str, *, by: str, reason: str, despite: bool) -> int:
    """End an incident."""
    return _changed(
        output,
        file,
        lambda at: at.incidents.close(incident, by=by, reason=reason, despite=reason if despite else None),
    )


def status(output: Output, file: Path, incident: str | None) -> int:
    """Print what is due when, what was missed, and who has heard."""
    with opened_breaches(file, note=output.note) as at:
        found = at.breaches.watch.status(incident)
    output.document({"incidents": [of_value(one) for one in found]})
    for one in found:
        for line in lines_of_status(one):
            output.line(line)
    if not found:
        output.note("No incident is on record.")
    return exit_codes.DONE


def _accounts(output: Output, breaches: Breaches, incident: str, tenant: str) -> int:
    """Print the accounts of a tenant that may be concerned, and the fields, as they are read."""
    found = breaches.assessments.subjects(incident, tenant)
    if output.as_json:
        with output.listing({"incident": incident, "tenant": tenant}, "subjects") as listing:
            for one in found:
                listing.add(of_value(one))
        return exit_codes.DONE
    is_named = False
    for one in found:
        is_named = True
        output.line(f"{one.account_id}  {', '.join(one.fields)}")
    if not is_named:
        output.note("The latest assessment names no account of this tenant.")
    return exit_codes.DONE


def _changed(output: Output, file: Path, change: Callable[[Breaches], Incident]) -> int:
    with opened_breaches(file, note=output.note) as at:
        incident = change(at.breaches)
        now = at.at.policy.trail.now()
    _told(output, incident, now)
    return exit_codes.DONE


def _told(output: Output, incident: Incident, now: datetime) -> None:
    output.document({"incident": of_value(incident)})
    scopes = numbered(len(incident.scopes), "scope")
    output.line(f"{incident.id}  {incident.state.value}  opened {minute(incident.opened_at)} by {incident.opened_by}")
    output.line(f"  first signal {minute(incident.first_signal_at)}, {scopes}, {numbered(incident.events, 'event')}")
    if incident.aware_at is not None:
        output.line(f"  aware since {minute(incident.aware_at)}, decided by {incident.aware_by}")
    if incident.confirmed_at is not None:
        output.line(f"  impact confirmed {minute(incident.confirmed_at)} by {incident.confirmed_by}")
    if incident.hold is not None and incident.is_held(now):
        output.line(f"  notices wait for law enforcement until {minute(incident.hold.until)}")


def _first(breaches: Breaches, found: Impact) -> list[TenantImpact]:
    """Return the first affected tenants, as many as a terminal has room for."""
    rows: list[TenantImpact] = []
    for row in breaches.assessments.tenants(found.incident, found.revision):
        if row.outcome is not Outcome.NOT_AFFECTED:
            rows.append(row)
        if len(rows) == _MOST_NAMED:
            break
    return rows
