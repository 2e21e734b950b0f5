"""The page around the sections: no script, nothing to load, and a policy that says so. Its style lies beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from smartify_core.policy.breach._answers import Statement
from smartify_core.policy.breach._impact import Impact
from smartify_core.policy.breach._markup import Markup, element

from . import _sections as sections
from ._notices_shown import FEW, NOTICES, OWN_ROUNDS, ROUNDS
from ._tally import Asked, Tally
from ._words import count

#: Parts of the page that were written to a file apart while everything was read, by name: each gives its pieces.
Parts = Mapping[str, Callable[[], Iterable[str]]]

_LINKS: Final = (
    ("timeline", "Timeline"),
    ("impact", "Impact"),
    ("deadlines", "Deadlines"),
    ("statement", "Statement"),
    ("notices", "Notices"),
    ("proof", "Proof"),
)
_END: Final = "</div></section>"
#: So many tenants that are not affected are listed in the open; more of them when somebody asks.
_AT_A_GLANCE: Final = 24


def page(asked: Asked, tally: Tally, statement: Statement | None, parts: Parts, digest: str) -> Iterator[str]:
    """Yield the document, piece by piece.

    Args:
        asked: What it is about, and for whom.
        tally: What was counted.
        statement: What the host states, for the vendor.
        parts: What was written apart: ``events``, ``events of tenants``, ``impacts``, ``tenants``, ``unaffected``,
            ``deadlines``, ``rounds``, ``notices`` and ``texts``.
        digest: The digest of the document for machines.
    """
    own = asked.tenant is not None
    there = _there(asked, tally)
    yield f'<!DOCTYPE html>\n<html lang="en">{_head(asked)}<body>'
    yield element("a", "Skip to the summary", href="#summary", class_="skip")
    yield sections.masthead(asked, tally)
    links = (element("li", element("a", text, href=f"#{name}")) for name, text in _LINKS if name in there)
    yield element("nav", element("ul", *links), aria_label="Sections")
    yield '<main id="summary" tabindex="-1">'
    yield sections.figures(asked, tally)
    yield sections.openings(asked, tally)
    yield sections.instants(asked, tally)
    if "timeline" in there:
        yield from _timeline(asked, tally, parts)
    if "impact" in there:
        yield from _impact(asked, tally, parts)
    if "deadlines" in there:
        yield from _opened("deadlines", "Deadlines", "What was due when, and where that is written.")
        heads = sections.OWN_DEADLINES if own else sections.DEADLINES
        yield from _tabled("Deadlines of notices", heads, parts["deadlines"], "Nothing is due yet.")
        yield _END
    if "statement" in there:
        note = "What is stated to every customer alike."
        if statement is not None:
            note = f"Revision {statement.revision}: {note[0].lower()}{note[1:]}"
        yield sections.section("statement", "Statement", sections.statement_list(statement), note=note)
    if "notices" in there:
        yield from _notices(tally, parts, OWN_ROUNDS if own else ROUNDS)
    yield _proof(asked, digest)
    yield "</main>"
    yield element(
        "footer", element("p", "This page runs no script and asks no network for anything. Times are in UTC.")
    )
    yield "</body></html>\n"


def _there(asked: Asked, tally: Tally) -> frozenset[str]:
    """Return the sections that there are. A tenant has none that is empty for it: those are about others."""
    if asked.tenant is None:
        return frozenset(name for name, _ in _LINKS)
    shown = {
        "timeline": tally.events,
        "impact": tally.own is not None,
        "deadlines": tally.deadlines,
        "notices": tally.notices,
        "proof": True,
    }
    return frozenset(name for name, is_there in shown.items() if is_there)


def _head(asked: Asked) -> Markup:
    whose = "" if asked.tenant is None else f" for {asked.tenant}"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Evidence of {asked.incident.id}{whose}"),
        element("style", Markup(_style())),
    )


def _opened(name: str, title: str, note: str) -> Iterator[str]:
    """Yield the beginning of a section whose content follows."""
    aside = element("div", element("h2", title), element("p", note), class_="aside")
    yield f'<section id="{name}">{aside}<div class="content">'


def _tabled(
    name: str, heads: tuple[str, ...], rows: Callable[[], Iterable[str]], none: str, *, many: bool = False
) -> Iterator[str]:
    """Yield a table, or a word where it would have no row. One of many rows is collapsed: browsers lay it out late."""
    before, after = sections.table(name, heads)
    if many:
        before, after = Markup(f"<details>{element('summary', name)}{before}"), Markup(f"{after}</details>")
    is_empty = True
    for piece in rows():
        if is_empty:
            yield before
        is_empty = False
        yield piece
    yield element("p", none, class_="none") if is_empty else after


def _timeline(asked: Asked, tally: Tally, parts: Parts) -> Iterator[str]:
    note = "What happened when. Each entry stands in the audit trail as well."
    if asked.tenant is not None:
        note = "What became of your notices, and when."
    yield from _opened("timeline", "Timeline", note)
    if asked.tenant is None:
        yield from sections.holds(asked.incident)
    if tally.events:
        yield '<ol class="rail">'
        yield from parts["events"]()
        yield "</ol>"
    if tally.events_of_tenants:
        yield f"<details><summary>{count(tally.events_of_tenants, 'entry', 'entries')} of single tenants</summary>"
        yield '<ol class="rail">'
        yield from parts["events of tenants"]()
        yield "</ol></details>"
    if not tally.events and not tally.events_of_tenants:
        yield element("p", "Nothing is on record.", class_="none")
    yield _END


def _impact(asked: Asked, tally: Tally, parts: Parts) -> Iterator[str]:
    note = "What may have been done, tenant by tenant, and how that was found."
    if asked.tenant is not None:
        note = "What may have been done to your data, as far as the audit trail and the store can tell."
    yield from _opened("impact", "Impact", note)
    if asked.tenant is None:
        rows = sections.scope_rows(asked.incident)
        yield from _tabled("Where it may have reached", sections.SCOPES, lambda: rows, "No scope is known yet.")
        yield from _tabled("Computations", sections.IMPACTS, parts["impacts"], "Nothing was computed yet.")
        if (told := sections.limits(tally.impact)) is not None:
            yield told
    whom = "Tenants that may be affected" if asked.tenant is None else "Your data"
    yield from _tabled(whom, sections.TENANTS, parts["tenants"], "It is none.", many=tally.listed > FEW)
    if (told := sections.own_basis(tally)) is not None:
        yield told
    if asked.tenant is None and tally.impact is not None:
        yield from _unaffected(tally, tally.impact, parts)
    yield _END


def _unaffected(tally: Tally, impact: Impact, parts: Parts) -> Iterator[str]:
    """Yield who is not affected, by name, and what that rests on."""
    yield '<div class="safe">'
    yield element("h3", f"Not affected: {count(tally.unaffected, 'tenant')}")
    yield sections.basis(impact)
    if tally.unaffected:
        is_open = " open" if tally.unaffected <= _AT_A_GLANCE else ""
        yield f'<details{is_open}><summary>Who that is</summary><ul class="names">'
        yield from parts["unaffected"]()
        yield "</ul></details>"
    yield "</div>"


def _notices(tally: Tally, parts: Parts, rounds: tuple[str, ...]) -> Iterator[str]:
    yield from _opened("notices", "Notices", "Every notice in its exact words, and its way to each contact.")
    yield from _tabled("Rounds", rounds, parts["rounds"], "No notice was drafted yet.")
    if tally.notices:
        yield from _tabled("All notices", NOTICES, parts["notices"], "", many=tally.notices > FEW)
        yield element("h3", "In full")
        yield f'<div class="notices {"many" if tally.notices > FEW else "few"}">'
        yield from parts["texts"]()
        yield "</div>"
    yield _END


def _proof(asked: Asked, digest: str) -> Markup:
    whose = " about it" if asked.tenant is None else f" about it that is {asked.tenant}'s"
    return sections.section(
        "proof",
        "Proof",
        element(
            "p",
            f"The document beside this page holds the same for machines, with every entry of the audit trail{whose}, "
            "the proof that each is in the trail, and the signed checkpoint that the proofs lead to. One of the "
            "entries says what the digest of that document is, and that of this page: whoever has the trail's public "
            "key can check all of it without a network.",
        ),
        element("p", "SHA-256 of what the document says: ", element("code", digest)),
        note="Why this can be believed.",
    )


@cache
def _style() -> str:
    return (files(__package__) / "evidence.css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Return a policy under which nothing is loaded, nothing runs, and no style holds but the page's own sheet."""
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
