"""The head of the report: what it is about, and the figures that count. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from smartify_core.requestlog.report._changes import Change, of_counts, of_shares
from smartify_core.requestlog.report._charts._small import bar, spark
from smartify_core.requestlog.report._facts import Facts
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._words import NOTHING, SPACE, brief, counted, number, share


def head(facts: Facts, links: tuple[tuple[str, str], ...]) -> Element:
    """Return the head of the page.

    Args:
        facts: What is known.
        links: The sections, by id and heading.
    """
    calendar, period = facts.calendar, facts.period
    return element(
        "header",
        element("p", "Request log", class_="overline"),
        element("h1", facts.title),
        element(
            "p",
            element(
                "span", calendar.span(period.since, period.until) if facts.total.requests else "No time is covered"
            ),
            element("span", f"days and hours in {calendar.name}"),
            element("span", "written ", element("time", calendar.moment(facts.now), datetime=calendar.iso(facts.now))),
            class_="dates",
        ),
        element("p", *_sentence(facts), class_="dek"),
        element(
            "nav",
            element("ul", *(element("li", element("a", text, href=f"#{name}")) for name, text in links)),
            aria_label="Sections",
        ),
        class_="masthead",
    )


def _sentence(facts: Facts) -> Iterator[Node]:
    total = facts.total
    if not total.requests:
        yield "There is no request in the log for this time."
        return
    used = sum(1 for one in facts.used if one.requests)
    yield f"{counted(total.requests, 'request')} reached {counted(used, 'feature')}. "
    yield "None of them failed." if not total.errors else f"{share(total.errors, total.requests)} of them failed."


def figures(facts: Facts) -> Element:
    """Return the row of figures."""
    total, coverage = facts.total, facts.coverage
    lost, known = coverage.dropped + coverage.unreadable, coverage.events + coverage.rolled
    value, unit = brief(total.requests)
    items = (
        _figure(
            "Requests",
            value,
            number(total.requests) if unit else "",
            unit=unit,
            change=_requests(facts),
            drawn=_line(facts, "requests"),
        ),
        _figure(
            "Failed",
            share(total.errors, total.requests),
            counted(total.errors, "request"),
            change=_errors(facts),
            drawn=_line(facts, "errors"),
            worse=1,
        ),
        _busiest(facts),
        _figure(
            "Slower than a second",
            share(total.slow, total.requests),
            counted(total.slow, "request"),
            change=_slow(facts),
            drawn=_line(facts, "slow"),
            worse=1,
        ),
        _figure(
            "Covered",
            share(known, known + lost),
            f"{counted(lost, 'event')} missing" if lost else "nothing known to be missing",
            drawn=bar(known / (known + lost)) if known else None,
        ),
    )
    return element(
        "section",
        element("h2", "At a glance", id="glance-heading", class_="unseen"),
        element("dl", *items, class_="figures"),
        id="glance",
        aria_labelledby="glance-heading",
    )


def _busiest(facts: Facts) -> Element:
    if not facts.hours:
        return _figure("Busiest hour", NOTHING, "")
    (day, hour), (requests, _) = max(facts.hours.items(), key=lambda one: (one[1][0], -one[0][0], -one[0][1]))
    detail = f"{facts.calendar.day(day)}: {counted(requests, 'request')}"
    by_hour = [0] * 24
    for (_, of_day), (count, _) in facts.hours.items():
        by_hour[of_day] += count
    return _figure("Busiest hour", f"{hour:02}:00", detail, drawn=spark(by_hour, "Requests by hour of the day"))


def _line(facts: Facts, what: str) -> Element | None:
    values = [getattr(step, what) for step in facts.trend if step is not None]
    return spark(values, f"{what} over time", what) if len(values) > 1 else None


def _figure(
    label: str,
    value: str,
    detail: str,
    *,
    unit: str = "",
    change: Change | None = None,
    drawn: Element | None = None,
    worse: int = 0,
) -> Element:
    """Return one figure. ``worse`` is the direction that is bad news, or 0 where neither is."""
    told: Node | None = None
    if change is not None:
        kind = {1: "worse", -1: "better"}.get(change.direction * worse * change.large, "even")
        glyph = element("span", change.glyph, aria_hidden="true", class_="glyph")
        told = element("dd", glyph, f"{SPACE}{change.words}", class_=f"change {kind}")
    return element(
        "div",
        element("dt", label),
        element("dd", value, element("small", SPACE + unit) if unit else None, class_="value"),
        None if drawn is None else element("dd", drawn, aria_hidden="true", class_="drawn"),
        element("dd", detail, class_="detail") if detail else None,
        told,
    )


def _requests(facts: Facts) -> Change | None:
    if (found := facts.compared) is None:
        return None
    return of_counts(found.sums[0].requests, found.sums[1].requests, found)


def _errors(facts: Facts) -> Change | None:
    if (found := facts.compared) is None:
        return None
    before, after = found.sums
    return of_shares((before.errors, before.requests), (after.errors, after.requests), found)


def _slow(facts: Facts) -> Change | None:
    if (found := facts.compared) is None:
        return None
    before, after = found.sums
    return of_shares((before.slow, before.requests), (after.slow, after.requests), found)
