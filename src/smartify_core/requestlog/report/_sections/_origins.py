"""Where people come from: languages, pages that led here, time zones. Pure."""

from __future__ import annotations

from smartify_core.requestlog.report._facts import Facts, Ranking
from smartify_core.requestlog.report._languages import language_name
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._tables import ranking
from smartify_core.requestlog.report._words import share

from ._section import section

_REFERRERS = {
    "(own)": "a page of your own",
    "(ip)": "a host without a name",
    "(other)": "another page",
}


def origins(facts: Facts) -> Element:
    """Return the most frequent languages, referring pages and time zones."""
    return section(
        "origins",
        "Where from",
        "Of a page elsewhere only its origin is kept, of one of your own the template of its route.",
        element("div", _languages(facts), _referrers(facts), _zones(facts), class_="cards"),
    )


def _languages(facts: Facts) -> Element:
    found = facts.rankings.get("languages", Ranking(()))
    named = Ranking([(_language(one), count) for one, count in found.rows], found.few, found.is_blurred)
    return ranking("languages", "Languages", named, note=_known(facts, found, "say which language they prefer"))


def _language(tags: str) -> str:
    return ", ".join(language_name(tag) for tag in tags.split(","))


def _referrers(facts: Facts) -> Element:
    found = facts.rankings.get("referrers", Ranking(()))
    named = Ranking([(_REFERRERS.get(one, one), count) for one, count in found.rows], found.few, found.is_blurred)
    return ranking("referrers", "Referring pages", named, note=_known(facts, found, "tell the page that led here"))


def _zones(facts: Facts) -> Element:
    found = facts.rankings.get("zones", Ranking(()))
    total = facts.total.requests
    known = "At most" if found.is_blurred else "It is known of"
    what = " tell one" if found.is_blurred else ""
    told = f"A browser sends no time zone. {known} {share(found.total, total)} of the requests{what}"
    sources = {"app": "your own page sent it", "cdn": "a network in between derived it from the address"}
    parts = [
        f"for {share(ranking_.total, total)} {sources[source]}"
        for source in sources
        if (ranking_ := facts.rankings.get(f"zones from {source}")) is not None and ranking_.total
    ]
    note: Node = f"{told}{': ' + ', '.join(parts) if parts else ''}."
    return ranking("zones", "Time zones", found, note=note)


def _known(facts: Facts, found: Ranking, what: str) -> str:
    total = facts.total.requests
    if found.is_blurred:
        least = sum(count for _, count in found.rows)
        return f"{share(least, total)} of the requests or more {what}; the rest is too few to tell apart, or not known."
    return f"{share(found.total, total)} of the requests {what}."
