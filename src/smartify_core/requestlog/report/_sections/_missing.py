"""What the report does not show, and why. Pure."""

from __future__ import annotations

from smartify_core.requestlog.report._facts import Facts
from smartify_core.requestlog.report._markup import Element, element
from smartify_core.requestlog.report._words import counted, number, share

from ._section import section


def missing(facts: Facts) -> Element:
    """Return the account of what is not there."""
    found = facts.coverage
    came = found.events + found.dropped + found.unreadable
    calendar = facts.calendar
    items = [
        (
            "In the log",
            counted(found.events, "event"),
            f"from {counted(found.files, 'file')}"
            + (
                f", {calendar.moment(found.first)} to {calendar.moment(found.last)}"
                if found.first is not None and found.last is not None
                else ""
            ),
        ),
        (
            "Dropped",
            number(found.dropped),
            f"events that could not be kept: the queue was full, or the disk refused them{_part(found.dropped, came)}",
        ),
        (
            "Unreadable",
            number(found.unreadable),
            f"lines that are no line of this log, or were torn{_part(found.unreadable, came)}",
        ),
        (
            "Folded",
            number(found.folded),
            "requests whose feature is told as (other), because there were more names than are told apart",
        ),
        ("Expired", number(found.expired), "older events that were deleted when their time was over"),
    ]
    if found.rolled:
        told = f"requests of {counted(found.cell_days, 'expired day')}, of which only sums are left"
        items.append(("Rolled up", number(found.rolled), told))
    return section(
        "missing",
        "What is missing",
        "No log is whole. This one says what it lacks.",
        element(
            "dl",
            *(
                element("div", element("dt", term), element("dd", value, class_="value"), element("dd", told))
                for term, value, told in items
            ),
            class_="ledger",
        ),
        element(
            "div", element("h3", "Too few to tell apart"), *(element("p", one) for one in facts.floors), class_="block"
        )
        if facts.floors
        else None,
    )


def _part(count: int, whole: int) -> str:
    return f" ({share(count, whole)} of all)" if whole else ""
