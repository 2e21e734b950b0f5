"""The page around the sections. Pure, but for the style sheet, which lies beside this file."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from ._facts import Facts
from ._markup import Element, element, render
from ._sections._changes import changes
from ._sections._clients import clients
from ._sections._errors import errors
from ._sections._features import features
from ._sections._fields import fields
from ._sections._head import figures, head
from ._sections._missing import missing
from ._sections._origins import origins
from ._sections._short import short
from ._sections._traffic import traffic
from ._sections._week import week

_LINKS: Final = (
    ("traffic", "Traffic"),
    ("week", "Week"),
    ("errors", "Errors"),
    ("features", "Features"),
    ("changes", "Changes"),
    ("clients", "Browsers and systems"),
    ("origins", "Where from"),
    ("missing", "What is missing"),
    ("fields", "Fields"),
)


def page(facts: Facts) -> str:
    """Return the whole document."""
    sections = [one for one in _sections(facts) if one is not None]
    there = {dict(one.attributes).get("id") for one in sections}
    links = tuple((name, text) for name, text in _LINKS if name in there)
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_policy()),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", facts.title),
            element("style", _style()),
        ),
        element(
            "body",
            element("a", "Skip to the figures", href="#glance", class_="skip"),
            head(facts, links),
            element("main", *sections, id="content"),
            element(
                "footer",
                element(
                    "p", "Made from the request log alone. This page runs no script and asks no network for anything."
                ),
            ),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>{render(document)}\n"


def _sections(facts: Facts) -> tuple[Element | None, ...]:
    if not facts.total.requests:
        return figures(facts), missing(facts), fields()
    return (
        figures(facts),
        short(facts),
        traffic(facts),
        week(facts),
        errors(facts),
        features(facts),
        changes(facts),
        clients(facts),
        origins(facts),
        missing(facts),
        fields(),
    )


@cache
def _style() -> str:
    return (files(__package__) / "report.css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Return a policy under which nothing is loaded, nothing runs, and no style holds but the page's own sheet."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
