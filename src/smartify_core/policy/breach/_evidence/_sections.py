"""The sections of the page. Pure: values in, markup out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from smartify_core.policy.breach._answers import Certainty, NoticeField, Statement
from smartify_core.policy.breach._clocks import DeadlineState
from smartify_core.policy.breach._impact import Impact, TenantImpact
from smartify_core.policy.breach._incident import Incident, TimelineEvent
from smartify_core.policy.breach._markup import Markup, element, joined
from smartify_core.policy.breach._vocabulary import Outcome

from ._deadlines import EvidencedDeadline
from ._tally import Asked, Tally
from ._words import (
    CALM,
    GOOD,
    WARN,
    chip,
    count,
    deadline_chip,
    incident_chip,
    kind_of,
    outcome_chip,
    span,
    when,
)


def section(name: str, title: str, *content: Markup | None, note: str | None = None) -> Markup:
    """Return a section under its heading, with a word of explanation beside it."""
    aside = element("div", element("h2", title), None if note is None else element("p", note), class_="aside")
    return element("section", aside, element("div", joined(*content), class_="content"), id=name)


def table(name: str, heads: Sequence[str]) -> tuple[Markup, Markup]:
    """Return what stands before and after the rows of a table; on a phone each row is a card of its own."""
    head = element("thead", element("tr", *(element("th", one, scope="col") for one in heads)))
    label = element("caption", name)
    return Markup(f'<table class="stacked">{label}{head}<tbody>'), Markup("</tbody></table>")


def row(heads: Sequence[str], *cells: str) -> Markup:
    """Return a row; each cell bears its head, which a phone shows beside it."""
    first = element("th", cells[0], scope="row", data_head=heads[0])
    rest = (
        element("td", element("div", cell), data_head=head) for head, cell in zip(heads[1:], cells[1:], strict=True)
    )
    return element("tr", first, *rest)


# --- on top -----------------------------------------------------------------------------------------------------------


def masthead(asked: Asked, tally: Tally) -> Markup:
    """Return whose evidence of what it is, and where the incident stands, in a sentence or two."""
    incident = asked.incident
    held = incident.is_held(asked.now) and asked.tenant is None
    overline = "Evidence of an incident" if asked.tenant is None else f"Evidence for {asked.tenant}"
    return element(
        "header",
        element("p", overline, class_="overline"),
        element("h1", incident.id),
        element(
            "p",
            incident_chip(incident.state),
            *(chip(one.value, CALM) for one in incident.natures),
            chip("held by law enforcement", WARN) if held else None,
            class_="chips",
        ),
        element("p", *_in_short(asked, tally), class_="dek"),
        element("p", "Written ", when(asked.now), class_="quiet"),
        class_="masthead",
    )


def _in_short(asked: Asked, tally: Tally) -> list[str]:
    incident, said = asked.incident, ["Noticed ", when(asked.incident.first_signal_at), ". "]
    if incident.aware_at is None:
        said.append("Nobody has decided yet whether it is a breach. ")
    else:
        later = span(incident.aware_at - incident.first_signal_at)
        who = "It was" if asked.tenant is not None else f"{incident.aware_by}"
        said.append(f"{who} decided {later} later that it is, or may be, a breach. ")
    if asked.tenant is None and tally.impact is not None:
        affected = tally.impact.affected
        said.append(f"{affected:,} of {count(tally.impact.tenants, 'tenant')} may be affected. ")
    if tally.queued:
        said.append(
            f"Of {count(tally.queued, 'notice')} {tally.arrived:,} arrived, {tally.acknowledged:,} acknowledged."
        )
    else:
        said.append("Nothing leads from it to your data." if tally.is_safe else "No notice has gone out.")
    return said


def figures(asked: Asked, tally: Tally) -> Markup:
    """Return the numbers that are asked for first."""
    if asked.tenant is None:
        impact = tally.impact
        shown = [
            ("May be affected", "\N{EN DASH}" if impact is None else f"{impact.affected:,}", "tenants"),
            ("Accounts", "\N{EN DASH}" if impact is None else f"{impact.subjects:,}", "may be concerned"),
        ]
    else:
        own = tally.own
        shown = [("Accounts", "\N{EN DASH}" if own is None else f"{own.subjects:,}", "may be concerned")]
    notices = [
        ("Notices", f"{tally.queued:,}", "went out"),
        ("Arrived", f"{tally.arrived:,}", _part(tally.arrived, tally.queued)),
        ("Acknowledged", f"{tally.acknowledged:,}", _part(tally.acknowledged, tally.queued)),
    ]
    if not tally.is_safe:
        shown += notices
    parts = (
        element("div", element("dt", name), element("dd", value, class_="value"), element("dd", detail, class_="quiet"))
        for name, value, detail in shown
    )
    return element("dl", *parts, class_="figures")


def _part(some: int, of_all: int) -> str:
    return f"{100 * some // of_all} % of them" if of_all else "of none"


def openings(asked: Asked, tally: Tally) -> Markup:
    """Return what somebody still has to do, or that nothing is open."""
    incident = asked.incident
    found = [
        (tally.calls if asked.tenant is None else 0, "customer has to be called", "customers have to be called"),
        (tally.waiting, "delivery is under way", "deliveries are under way"),
        (tally.failed, "delivery failed", "deliveries failed"),
        (tally.queued - tally.acknowledged, "notice is not acknowledged", "notices are not acknowledged"),
        (tally.states[DeadlineState.MISSED], "deadline was missed", "deadlines were missed"),
        (tally.unexplained, "deadline has no reason", "deadlines have no reason")
        if asked.tenant is None
        else (0, "", ""),
    ]
    items = [element("li", count(number, one, many)) for number, one, many in found if number]
    if asked.tenant is not None and tally.calls:
        items.insert(0, element("li", "Somebody has to call you"))
    if asked.tenant is None and not incident.state.is_over:
        if incident.aware_at is None:
            items.insert(0, element("li", "Somebody has to decide whether it is a breach"))
        if incident.is_held(asked.now) and incident.hold is not None:
            items.append(element("li", "Notices wait until ", when(incident.hold.until)))
    content = element("ul", *items) if items else element("p", "Nothing is open.")
    return element("section", element("h2", "What is open"), content, class_=f"short {'' if items else 'done'}".strip())


def instants(asked: Asked, tally: Tally) -> Markup:
    """Return the instants that count in the order in which they came, with how long each took from the one before.

    A first notice may go out before the impact is confirmed. What has not come yet stands last.
    """
    incident, own = asked.incident, asked.tenant is not None
    notices: list[tuple[str, datetime | None, str | None]] = [
        ("First notice out", tally.first_out, None),
        ("First one arrived", tally.first_arrived, None),
    ]
    steps: list[tuple[str, datetime | None, str | None]] = [
        ("First signal", incident.first_signal_at, None if own else f"on record by {incident.opened_by}"),
        ("Aware", incident.aware_at, None if own else incident.aware_by),
        ("Impact confirmed", incident.confirmed_at, None if own else incident.confirmed_by),
        *(() if tally.is_safe else notices),
        ("Closed", incident.closed_at, None if own else incident.closed_by),
    ]
    items: list[Markup] = []
    before = incident.first_signal_at
    # Of what came at the same instant, and of what has not come, the order above stays.
    for name, at, who in sorted(steps, key=lambda step: (step[1] is None, step[1] or before)):
        after = None if at is None or at <= before else element("span", f"+ {span(at - before)}", class_="after")
        by = None if who is None or at is None else element("span", who, class_="quiet")
        items.append(
            element(
                "li",
                element("strong", name),
                element("span", when(at)),
                after,
                by,
                class_="reached" if at is not None else "ahead",
            )
        )
        before = at or before
    return element("ol", *items, class_="instants")


# --- what happened ----------------------------------------------------------------------------------------------------


def event_item(event: TimelineEvent) -> Markup:
    """Return an entry of the timeline."""
    return element(
        "li",
        element("p", when(event.at), " ", element("span", f"by {event.by}", class_="quiet")),
        element("h3", kind_of(event.kind), None if event.tenant is None else f" \N{MIDDLE DOT} {event.tenant}"),
        None if event.text is None else element("p", event.text, class_="words"),
        class_=f"of-{event.kind.partition('.')[0]}",
    )


def holds(incident: Incident) -> list[Markup]:
    """Return every police hold, which explains why nothing was said for a while."""
    return [
        element(
            "div",
            element("h3", "Law enforcement asked for silence"),
            element("p", "Until ", when(one.until), f", on record by {one.by} ", when(one.at)),
            element("p", one.ordered_by, class_="words"),
            element("p", one.reason, class_="words"),
            class_="card warned",
        )
        for one in (*incident.past_holds, incident.hold)
        if one is not None
    ]


SCOPES = ("Kind", "Names", "From", "Until", "Tenants", "Other half")


def scope_rows(incident: Incident) -> list[Markup]:
    """Return the query that impact was computed from."""
    return [
        row(
            SCOPES,
            one.kind.value,
            ", ".join(one.names),
            "the beginning" if one.since is None else when(one.since),
            "now" if one.until is None else when(one.until),
            ", ".join(one.tenants) or "any",
            one.other_half.value + (f": {one.because}" if one.because else ""),
        )
        for one in incident.scopes
    ]


IMPACTS = ("Revision", "Made", "May be affected", "Only ciphertext", "Not affected", "Looked at", "Root", "Digest")


def impact_row(one: Impact) -> Markup:
    """Return a computation, with what it was computed from."""
    return row(
        IMPACTS,
        f"{one.revision}",
        joined(when(one.at), element("span", f"by {one.by}", class_="quiet")),
        f"{one.affected:,}",
        f"{one.counts.get('ciphertext-only', 0):,}",
        f"{one.counts.get('not-affected', 0):,}",
        f"{one.trail_size:,} entries, {one.entries:,} in scope",
        element("code", one.trail_root),
        element("code", one.digest),
    )


def limits(one: Impact | None) -> Markup | None:
    """Return what a computation could not tell."""
    if one is None or not one.limits:
        return None
    items = element("ul", *(element("li", text) for text in one.limits))
    return element("div", element("h3", "What could not be told"), items, class_="card")


TENANTS = ("Tenant", "Outcome", "Fields", "Accounts", "Entries", "From", "Until", "Vendors")


def tenant_row(one: TenantImpact) -> Markup:
    """Return what may have been done to a tenant's data."""
    return row(
        TENANTS,
        one.tenant,
        outcome_chip(one.outcome),
        ", ".join(one.fields) or "none",
        f"{one.subjects:,}",
        f"{one.records:,}",
        "\N{EN DASH}" if one.first_at is None else when(one.first_at),
        "\N{EN DASH}" if one.last_at is None else when(one.last_at),
        ", ".join(one.vendors) or "none",
    )


def basis(impact: Impact) -> Markup:
    """Return what it rests on that nothing leads to a tenant."""
    return element(
        "p",
        "This rests on all ",
        count(impact.trail_size, "entry", "entries"),
        " that the audit trail had up to the root ",
        element("code", impact.trail_root),
        ", each of which was looked at, and on what the store held ",
        when(impact.at),
        ": nothing in them leads from the incident there.",
        class_="quiet",
    )


def own_basis(tally: Tally) -> Markup | None:
    """Return what it rests on that one tenant is not affected; nothing where it may be."""
    if tally.impact is None or tally.own is None or tally.own.outcome is not Outcome.NOT_AFFECTED:
        return None
    return basis(tally.impact)


def name_item(tenant: str) -> Markup:
    """Return a tenant in a list of many."""
    return element("li", tenant)


OWN_DEADLINES = ("Notice", "Due", "Set by", "State")
DEADLINES = (*OWN_DEADLINES, "Tenants", "Reason")


def deadline_row(one: EvidencedDeadline, tenants: int, *, own: bool) -> Markup:
    """Return a deadline, of as many tenants as have the same; to a tenant its own, without why the host missed it."""
    deadline = one.deadline
    is_moved = deadline.held_until is not None and not own
    cells = (
        f"{deadline.phase.value} {deadline.number}",
        joined(when(deadline.due_at), element("span", " moved by a police hold", class_="quiet") if is_moved else None),
        joined(chip(deadline.kind.value, CALM), element("span", deadline.citation)),
        deadline_chip(deadline.state),
    )
    if own:
        return row(OWN_DEADLINES, *cells)
    whose = f"{tenants:,}" if deadline.tenant is not None else "all"
    return row(DEADLINES, *cells, whose, one.reason or "\N{EN DASH}")


def statement_list(statement: Statement | None) -> Markup:
    """Return what the host states to every customer alike, field by field."""
    if statement is None or not statement.answers:
        return element("p", "Nothing is stated yet.", class_="none")
    tones = {Certainty.KNOWN: GOOD, Certainty.UNKNOWN_YET: WARN, Certainty.NOT_APPLICABLE: CALM}
    parts = []
    for what in NoticeField:
        answer = statement.answer(what)
        if answer is not None:
            parts.append(element("dt", kind_of(what.value), " ", chip(answer.certainty.value, tones[answer.certainty])))
            parts.append(element("dd", answer.text or "Not known yet.", class_="words"))
    return element("dl", *parts, class_="answers")
