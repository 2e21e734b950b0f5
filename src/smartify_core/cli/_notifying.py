"""Notices: what is stated, drafts, sending, who has heard, and the evidence of it."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Final

from smartify_core.errors import SmartifyError, UsageError
from smartify_core.policy.breach import (
    CourierRun,
    NoticeField,
    Phase,
    Stated,
    Tended,
    check_evidence,
    known,
    not_applicable,
    unknown_yet,
)

from . import _exit_codes as exit_codes
from ._auditing import checkpoints_of
from ._breaches_of import OpenedBreaches, opened_breaches
from ._documents import Document
from ._documents_of_breach import of_value
from ._numbers import are, numbered
from ._output import Listing, Output
from ._signals import until_stopped
from ._statement_file import read_statement
from ._text_of_breaches import line_of_alarm

#: How often `work` looks what is due.
_EVERY: Final = timedelta(seconds=15)
#: What a run of the courier finds again and again, and is no news.
_STANDING: Final = frozenset({"later", "held", "stranded", "stuck"})


def state(
    output: Output,
    file: Path,
    incident: str,
    *,
    by: str,
    known: Sequence[str],
    not_applicable: Sequence[str],
    unknown: Sequence[str],
    statement: Path | None,
) -> int:
    """State what is known, to every customer alike, and print all that is stated."""
    answers = {} if statement is None else read_statement(statement)
    answers.update(_answers(known, not_applicable, unknown))
    with opened_breaches(file) as at:
        notices = at.breaches.notices
        stated = notices.state(incident, answers, by=by) if answers else notices.statement(incident)
    output.document(
        {
            "incident": incident,
            "revision": stated.revision,
            "fields": {
                name: {"certainty": one.certainty.value, "text": one.text} for name, one in stated.answers.items()
            },
        }
    )
    for name, one in stated.answers.items():
        output.line(f"{name:<18} {one.certainty.value}" + ("" if one.text is None else f": {one.text}"))
    if not stated.answers:
        output.note(f"Nothing is stated yet. The fields are: {', '.join(one.value for one in NoticeField)}.")
    return exit_codes.DONE


def draft(
    output: Output,
    file: Path,
    incident: str,
    *,
    by: str,
    phase: str,
    tenants: Sequence[str],
    individuals: str | None,
) -> int:
    """Write the notices of a phase."""
    with opened_breaches(file) as at:
        drafted = at.breaches.notices.draft(
            incident,
            Phase(phase),
            by=by,
            tenants=tuple(tenants) or None,
            individuals_by=None if individuals is None else by,
            reason=individuals,
        )
    output.document({"round": of_value(drafted)})
    output.line(f"{incident}: {numbered(drafted.notices, 'notice')} of the {phase} phase, digest {drafted.digest}")
    if drafted.open_fields:
        output.line(f"  not known yet: {', '.join(drafted.open_fields)}")
    output.line("Read them, and send what you have read:")
    output.line(f"  smartify breach show {incident} --tenant T")
    output.line(f"  smartify breach send {incident} --as NAME --digest {drafted.digest}")
    return exit_codes.DONE


def show(output: Output, file: Path, incident: str, *, tenant: str, html: bool) -> int:
    """Print a customer's latest notice."""
    with opened_breaches(file) as at:
        notice = at.breaches.notices.notice(incident, tenant)
    output.document(
        {"notice": {**of_value(notice), "subject": notice.subject, "text": notice.text, "html": notice.html}}
    )
    if not html:
        output.line(f"Subject: {notice.subject}")
        output.line()
    for line in (notice.html if html else notice.text).splitlines():
        output.line(line)
    return exit_codes.DONE


def send(output: Output, file: Path, incident: str, *, by: str, digest: str | None, later: bool) -> int:
    """Release the notices that were drafted, and send what can be sent now."""
    with opened_breaches(file, sending=not later) as at:
        released = at.breaches.notices.send(incident, by=by, digest=digest)
        sent = None if later else at.breaches.courier.run_once()
    output.document({"round": of_value(released), "sent": None if sent is None else of_value(sent)})
    output.line(f"{incident}: {numbered(released.notices, 'notice')} released")
    if sent is not None:
        _tell_sent(output, sent)
        if _is_unfinished(sent):
            output.line("What is left is sent by: smartify breach work")
    return exit_codes.FAILED if sent is not None and _has_failed(sent) else exit_codes.DONE


def work(output: Output, file: Path, *, once: bool) -> int:
    """Do what is due, now or until stopped."""
    with opened_breaches(file) as at:
        if once:
            tended = at.breaches.tend()
            output.document(_of_tended(tended))
            _tell(output, tended)
            return exit_codes.FAILED if _has_failed(tended.deliveries) or _has_missed(tended) else exit_codes.DONE
        stop, abandon = threading.Event(), threading.Event()
        with output.listing({}, "tended") if output.as_json else nullcontext() as listing:
            until_stopped(
                lambda stop, _: _go_on(output, at, stop, listing), stop=stop, abandon=abandon, note=output.note
            )
    return exit_codes.DONE


def acknowledge(
    output: Output,
    file: Path,
    incident: str | None,
    *,
    tenant: str | None,
    by: str | None,
    heard_by: str | None,
    how: str | None,
    code: str | None,
) -> int:
    """Put on record that a customer has heard."""
    with opened_breaches(file) as at:
        if code is not None:
            if any(one is not None for one in (incident, tenant, by, heard_by, how)):
                raise UsageError(
                    "a code says by itself which notice it is", where="command line", cure="Give --code alone."
                )
            heard = at.breaches.courier.acknowledge_by_code(code)
        elif incident is None or tenant is None or by is None or heard_by is None or how is None:
            raise UsageError(
                "who has heard of what is not said",
                where="command line",
                cure="Give INCIDENT, --tenant, --as, --heard-by and --how, or --code.",
            )
        else:
            heard = at.breaches.courier.acknowledge(incident, tenant, by=by, heard_by=heard_by, how=how)
    output.document({"hearing": of_value(heard)})
    output.line(f"{heard.incident}: {heard.tenant} has heard of notice {heard.notice}")
    return exit_codes.DONE


def export(output: Output, file: Path, incident: str, *, by: str, folder: Path, tenant: str | None) -> int:
    """Write the evidence of an incident."""
    with opened_breaches(file) as at:
        checkpoints = checkpoints_of(at.at)
        pack = at.breaches.export(checkpoints, incident, folder, by=by, tenant=tenant)
        vkey = checkpoints.signing_verifier().vkey
    output.document({"evidence": of_value(pack), "key": vkey})
    output.line(f"wrote {folder / 'evidence.html'} and {folder / 'evidence.json'}")
    output.line("Whoever has the key of the trail checks them, without a network:")
    output.line(f"  smartify breach check {shlex.quote(str(folder))} --key '{vkey}'")
    return exit_codes.DONE


def check(output: Output, folder: Path, *, vkey: str) -> int:
    """Check evidence offline: it needs neither the store nor a configuration."""
    found = check_evidence(folder, vkey)
    output.document({"folder": str(folder), "findings": [of_value(one) for one in found]})
    for finding in found:
        output.line(f"{finding.where}: {finding.what}")
    if not found:
        output.line("It is as it was written: the audit trail has it on record, and everything in it that it proves.")
    return exit_codes.FAILED if found else exit_codes.DONE


def _answers(some: Sequence[str], inapplicable: Sequence[str], unknown: Sequence[str]) -> dict[NoticeField, Stated]:
    found = {field: known(text) for field, text in map(_parted, some)}
    found.update({field: not_applicable(reason) for field, reason in map(_parted, inapplicable)})
    found.update({_field(name): unknown_yet() for name in unknown})
    return found


def _parted(text: str) -> tuple[NoticeField, str]:
    name, equals, rest = text.partition("=")
    if not equals:
        raise UsageError("an answer has no field", where="command line", cure="Write FIELD=TEXT.")
    return _field(name.strip()), rest


def _field(name: str) -> NoticeField:
    try:
        return NoticeField(name)
    except ValueError:
        raise UsageError(
            "a notice has no such field",
            where="command line",
            cure=f"Name one of: {', '.join(one.value for one in NoticeField)}.",
        ) from None


def _go_on(output: Output, at: OpenedBreaches, stop: threading.Event, listing: Listing | None) -> None:
    """Tend until told to stop. Trouble is told once for as long as it lasts, and the next round tries again."""
    lasting: set[str] = set()

    def told(tended: Tended) -> None:
        now = {_code(one): one for one in tended.trouble}
        for code in now.keys() - lasting:
            # Of what is no error of ours the text may name anybody.
            output.note(f"smartify: {now[code] if isinstance(now[code], SmartifyError) else code}")
        lasting.clear()
        lasting.update(now)
        if tended.opened or tended.alarms or _is_news(tended.deliveries) or _has_rehearsed(tended):
            _tell(output, tended)
            if listing is not None:
                listing.add(_of_tended(tended), at_once=True)
            output.flush()

    at.breaches.run(stop, every=_EVERY, on_round=told)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, SmartifyError) else type(error).__name__


def _of_tended(tended: Tended) -> Document:
    return {
        "opened": [of_value(one) for one in tended.opened],
        "alarms": [of_value(one) for one in tended.alarms],
        "deliveries": of_value(tended.deliveries),
        "rehearsal": None if tended.rehearsal is None else of_value(tended.rehearsal),
    }


def _tell(output: Output, tended: Tended) -> None:
    for incident in tended.opened:
        output.line(f"DECOY TOUCHED: incident {incident.id} was opened")
    for alarm in tended.alarms:
        output.line(f"ALARM  {line_of_alarm(alarm)}")
    _tell_sent(output, tended.deliveries)
    if tended.rehearsal is not None and _has_rehearsed(tended):
        reached, tried = tended.rehearsal.accepted, tended.rehearsal.tried
        output.line(f"{reached:,} of {numbered(tried, 'contact')} reached by an exercise")


def _tell_sent(output: Output, sent: CourierRun) -> None:
    output.line(
        ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sent.counts.items() if count)
        or "nothing was due"
    )
    if sent.calls:
        output.line(
            f"{numbered(sent.calls, 'customer')} {are(sent.calls)} reached by phone only: smartify breach status"
        )


def _is_unfinished(sent: CourierRun) -> bool:
    """Return whether something that was released waits for another run."""
    return bool(sent.failed or sent.escalated or sent.unsent or sent.stranded or sent.stuck or sent.later)


def _is_news(sent: CourierRun) -> bool:
    return any(count for name, count in sent.counts.items() if name not in _STANDING)


def _has_rehearsed(tended: Tended) -> bool:
    return tended.rehearsal is not None and bool(tended.rehearsal.tried)


def _has_missed(tended: Tended) -> bool:
    """Return whether an exercise found a contact that would not be told."""
    return tended.rehearsal is not None and bool(tended.rehearsal.unreached or tended.rehearsal.stranded)


def _has_failed(sent: CourierRun) -> bool:
    return bool(sent.exhausted or sent.refused or sent.gone or sent.calls or sent.stranded or sent.stuck)
