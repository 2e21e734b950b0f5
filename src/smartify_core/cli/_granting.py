"""Grants: asking, approving, taking back, looking at what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.policy import AccessRequest, Grant, GrantStanding, GrantState

from . import _documents_of_policy as documents
from . import _exit_codes as exit_codes
from ._output import Output
from ._policy_of import Opened, existing, fields_of, known_purpose, opened, purpose_of


@frozen(order=False)
class Wanted:
    """What a grant is asked for, as the command line says it."""

    employee: str
    tenant: str
    purpose: str
    fields: Sequence[str]
    reason: str
    ticket: str | None = None
    people: Sequence[str] = ()

    def subjects(self, at: Opened) -> frozenset[str]:
        """Return the account ids of the people who are named.

        Raises:
            UsageError: One of them has no account.
        """
        found = at.storage.load(self.tenant, list(self.people)) if self.people else {}
        if missing := [one for one in self.people if one not in found]:
            raise UsageError(
                f"{len(missing)} of the people have no account", where="--source-id", cure="Copy their source ids."
            )
        return frozenset(account.account_id for account in found.values())

    def one(self) -> str | None:
        """Return the source id of the one person who is named, whose key seals the reason; ``None`` for others."""
        named = set(self.people)
        return named.pop() if len(named) == 1 else None


def request(
    output: Output,
    file: Path,
    wanted: Wanted,
    *,
    lasts: timedelta,
    by: str | None,
    since: datetime | None,
    identified: bool,
) -> int:
    """Ask for a grant."""
    purpose, fields = known_purpose(wanted.purpose), existing(wanted.fields)
    with opened(file, wanted.tenant) as at:
        grant = at.policy.grants.request(
            wanted.employee,
            tenant=wanted.tenant,
            purpose=purpose,
            fields=fields,
            reason=wanted.reason,
            lasts=lasts,
            by=by,
            not_before=since,
            subjects=wanted.subjects(at),
            source_id=wanted.one(),
            ticket=wanted.ticket,
            identified=identified,
        )
        _tell(output, at, grant)
    output.line("It opens nothing until somebody else approves it:")
    output.line(f"  smartify grant approve {grant.id} --as APPROVER")
    return exit_codes.DONE


def break_glass(output: Output, file: Path, wanted: Wanted, *, lasts: timedelta | None) -> int:
    """Take a grant without approval, in an emergency."""
    purpose, fields = known_purpose(wanted.purpose), existing(wanted.fields)
    with opened(file, wanted.tenant) as at:
        grant = at.policy.grants.break_glass(
            wanted.employee,
            tenant=wanted.tenant,
            purpose=purpose,
            fields=fields,
            reason=wanted.reason,
            lasts=lasts,
            subjects=wanted.subjects(at),
            source_id=wanted.one(),
            ticket=wanted.ticket,
        )
        _tell(output, at, grant)
    output.note(f"smartify: the glass is broken; somebody else must look at it: smartify grant review {grant.id}")
    return exit_codes.DONE


def approve(output: Output, file: Path, grant_id: str, *, by: str) -> int:
    """Approve a grant that somebody else asked for."""
    with opened(file) as at:
        return _tell(output, at, at.policy.grants.approve(grant_id, by=by))


def revoke(output: Output, file: Path, grant_id: str, *, by: str) -> int:
    """Take a grant back."""
    with opened(file) as at:
        return _tell(output, at, at.policy.grants.revoke(grant_id, by=by))


def review(output: Output, file: Path, grant_id: str, *, by: str) -> int:
    """Say that somebody else has looked at an emergency."""
    with opened(file) as at:
        return _tell(output, at, at.policy.grants.review(grant_id, by=by))


def reason(output: Output, file: Path, grant_id: str, *, by: str) -> int:
    """Print why a grant was asked for, to whoever may read it."""
    with opened(file) as at:
        why = at.policy.grants.reason(grant_id, by=by)
    output.document({"grant": grant_id, "reason": why})
    output.line("The key is gone with whom it was about." if why is None else why)
    return exit_codes.DONE


def ticket(output: Output, file: Path, name: str, *, by: str, closed: bool) -> int:
    """Say whether an issue is open."""
    with opened(file) as at:
        (at.policy.circumstances.close if closed else at.policy.circumstances.reopen)(name, by=by)
    output.document({"ticket": name, "open": not closed})
    output.line(f"{name} is {'closed: grants for it open nothing any more' if closed else 'open'}")
    return exit_codes.DONE


def listing(output: Output, file: Path, *, employee: str | None, tenant: str | None, also_over: bool) -> int:
    """Print grants."""
    with opened(file) as at:
        now = at.policy.trail.now()
        found = [
            grant
            for grant in at.policy.grants.all(also_past=also_over)
            if employee in {None, grant.employee}
            and tenant in {None, grant.tenant}
            and (also_over or (grant.revoked_at is None and now < grant.expires_at))
        ]
        standings = [(grant, at.policy.gate.standing(grant)) for grant in found]
    output.document({"grants": [documents.of_grant(*one) for one in standings]})
    for one in standings:
        output.line(_line(*one))
    if not found:
        output.note("There are no such grants.")
    return exit_codes.DONE


def explain(output: Output, file: Path, wanted: Wanted) -> int:
    """Say whether somebody may see something, and why not; opens and records nothing."""
    with opened(file, wanted.tenant) as at:
        decision = at.policy.gate.decide(
            AccessRequest(
                wanted.employee,
                wanted.tenant,
                purpose_of(wanted.purpose),
                fields_of(wanted.fields),
                wanted.reason,
                wanted.subjects(at),
            )
        )
    output.document({"decision": documents.of_decision(decision)})
    output.line(decision.explanation())
    return exit_codes.DONE if decision.allowed else exit_codes.DENIED


def report(output: Output, file: Path, *, unused_after: timedelta) -> int:
    """Print what a reviewer of grants should look at."""
    with opened(file) as at:
        findings = list(at.policy.hygiene(unused_after=unused_after))
    output.document({"findings": [documents.of_finding(one) for one in findings]})
    for one in findings:
        output.line(f"{one.grant}  {one.concern.value}: {one.what}. {one.cure}")
    if not findings:
        output.line("Nothing is to be looked at.")
    return exit_codes.FAILED if findings else exit_codes.DONE


def _tell(output: Output, at: Opened, grant: Grant) -> int:
    standing = at.policy.gate.standing(grant)
    output.document({"grant": documents.of_grant(grant, standing)})
    output.line(_line(grant, standing))
    return exit_codes.DONE


def _line(grant: Grant, standing: GrantStanding) -> str:
    fields = ",".join(sorted(one.value for one in grant.fields))
    nothing = standing.state is GrantState.OPENS_NOTHING
    state = standing.state.value + (f" ({', '.join(one.value for one in standing.missing)})" if nothing else "")
    until = f"until {grant.expires_at:%Y-%m-%d %H:%M}Z"
    emergency = "  emergency" if grant.emergency else ""
    return f"{grant.id}  {state}  {grant.employee}  {grant.tenant}  {grant.purpose.value}  {fields}  {until}{emergency}"
