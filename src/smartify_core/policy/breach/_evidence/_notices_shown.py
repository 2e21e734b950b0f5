"""Notices on the page: a line in the table of all, and the full text with its way to each contact. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from smartify_core.policy.breach._markup import Markup, element, joined
from smartify_core.policy.breach._notice import Attempt, Delivery, Notice, Round

from ._case import Case
from ._masking import masked, masked_address
from ._sections import row
from ._words import case_chip, count, delivery_chip, outcome_chip, when

#: Up to so many notices and tenants stand in order of name, and notices with the source of their HTML. Of more of them
#: the page shows in the order of the store, and no source: the document for machines has it.
FEW: Final = 500
NOTICES: Final = ("Tenant", "Notice", "Outcome", "State", "Arrived", "Acknowledged", "SHA-256")
OWN_ROUNDS: Final = ("Round", "Notice", "State", "Drafted", "Sent")
ROUNDS: Final = (*OWN_ROUNDS, "Notices", "Digest")
ATTEMPTS: Final = ("Attempt", "At", "Verdict", "Code", "Reference", "What the other side said")


def round_row(one: Round, *, own: bool) -> Markup:
    """Return a round; to a tenant neither how many others had a notice nor who sent it."""
    first = (f"{one.number}", one.phase.value, one.state.value)
    if own:
        return row(OWN_ROUNDS, *first, when(one.drafted_at), when(one.released_at))
    drafted = joined(when(one.drafted_at), _by(one.drafted_by))
    sent = joined(when(one.released_at), _by(one.released_by))
    return row(ROUNDS, *first, drafted, sent, f"{one.notices:,}", element("code", one.digest))


def _by(who: str | None) -> Markup | None:
    return None if who is None else element("span", f"by {who}", class_="quiet")


def notice_row(case: Case) -> Markup:
    """Return a notice's line in the table of all, which leads to its text."""
    notice, hearing = case.notice, case.hearing
    return row(
        NOTICES,
        element("a", notice.tenant, href=f"#{_place(notice)}"),
        f"{notice.phase.value}, round {notice.round}",
        outcome_chip(notice.outcome),
        case_chip(case),
        when(None if hearing is None else hearing.delivered_at),
        when(None if hearing is None else hearing.acknowledged_at),
        element("code", notice.sha256[:12]),
    )


def notice_text(case: Case, *, with_source: bool, own: bool) -> Markup:
    """Return a notice in full: what was said, and how it went."""
    notice = case.notice
    summary = element(
        "summary",
        element("span", notice.tenant, class_="who"),
        " ",
        element("span", f"{notice.phase.value} notice, round {notice.round}", class_="quiet"),
        " ",
        case_chip(case),
    )
    source = None
    if with_source:
        source = element(
            "details",
            element("summary", "The same as HTML, as source"),
            element(
                "pre", notice.html, tabindex="0", role="region", aria_label=f"HTML of the notice to {notice.tenant}"
            ),
            class_="source",
        )
    return element(
        "details",
        summary,
        element("h3", notice.subject, id=_place(notice)),
        element("pre", notice.text, class_="letter"),
        source,
        _annex(notice),
        element("p", "SHA-256 ", element("code", notice.sha256), class_="quiet"),
        _heard(case, own=own),
        *(_delivery(one) for one in case.deliveries),
        class_="case",
    )


def _place(notice: Notice) -> str:
    """Return the place of a notice within the page. The tenant stands in it as a hash, as an id may hold anything."""
    return f"n-{notice.round}-{sha256(notice.tenant.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _annex(notice: Notice) -> Markup | None:
    if notice.annex is None:
        return None
    digest = sha256(notice.annex.encode()).hexdigest()
    told = "With a list of people, encrypted under the customer's own certificate. SHA-256 of the ciphertext: "
    return element("p", told, element("code", digest), class_="quiet")


def _heard(case: Case, *, own: bool) -> Markup | None:
    hearing = case.hearing
    if hearing is None:
        return element("p", "It was not sent.", class_="none")
    parts: list[Markup] = [element("dt", "Queued"), element("dd", when(hearing.queued_at))]
    if hearing.escalated_at is not None:
        parts += [element("dt", f"Tier {hearing.tier} told"), element("dd", when(hearing.escalated_at))]
    if hearing.call_since is not None:
        who = None if own or hearing.call is None else element("span", f" by {hearing.call}", class_="quiet")
        label = "To be called since" if case.to_call else "Was to be called since"
        parts += [element("dt", label), element("dd", when(hearing.call_since), who)]
    parts += [element("dt", "Arrived"), element("dd", when(hearing.delivered_at))]
    how = None if hearing.how is None else element("span", f" {masked(hearing.how)}", class_="quiet")
    parts += [element("dt", "Acknowledged"), element("dd", when(hearing.acknowledged_at), how)]
    if not own and hearing.acknowledged_by is not None:
        parts += [element("dt", "On record by"), element("dd", hearing.acknowledged_by)]
    return element("dl", *parts, class_="facts")


def _delivery(one: Delivery) -> Markup:
    head = element(
        "h4",
        f"{one.channel} to {masked_address(one.address)} ",
        delivery_chip(one.state),
        element(
            "span", f" contact {one.contact}, tier {one.tier}, {count(len(one.attempts), 'attempt')}", class_="quiet"
        ),
    )
    if not one.attempts:
        return element("div", head, class_="delivery")
    heads = element("tr", *(element("th", name, scope="col") for name in ATTEMPTS))
    rows = element("tbody", *map(_attempt, one.attempts))
    label = element("caption", f"Attempts by {one.channel}", class_="unseen")
    return element(
        "div", head, element("table", label, element("thead", heads), rows, class_="stacked"), class_="delivery"
    )


def _attempt(one: Attempt) -> Markup:
    return row(
        ATTEMPTS,
        f"{one.number}",
        when(one.at),
        one.verdict or "unknown: the worker did not live to say",
        one.code or "\N{EN DASH}",
        element("code", one.reference or "\N{EN DASH}"),
        "\N{EN DASH}" if one.detail is None else masked(one.detail),
    )
