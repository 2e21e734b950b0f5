from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.requestlog._routing._patterns import template_of_regex, without_regexes


@pytest.mark.parametrize(
    ("pattern", "template"),
    [
        (r"^articles/(?P<year>[0-9]{4})/$", "articles/{year}/"),
        (r"^articles/(?P<year>[0-9]{4})/(?P<slug>[\w-]+)/\Z", "articles/{year}/{slug}/"),
        (r"^comments/(?:page-(?P<page>[0-9]+)/)?$", "comments/page-{page}/"),
        (r"^(?P<a>(x|y(z)))/([0-9]+)/b$", "{a}/{}/b"),
        (r"^files/(.*)$", "files/{}"),
        (r"^files/.*\.txt$", "files/{}.txt"),
        (r"^sitemap.xml$", "sitemap.xml"),
        (r"^a\.b\-c\/d$", "a.b-c/d"),
        (r"^v\d+\.\d+$", "v{}.{}"),
        (r"^[a-z][a-z0-9]*/$", "{}/"),
        (r"^[]x]+/[^]y]/$", "{}/{}/"),
        (r"^[\]]/(\))/$", "{}/{}/"),
        (r"^(?i)about/$", "about/"),
        (r"^(?i:about)/$", "about/"),
        (r"^(?!admin)(?=x)(?<!y)(?<=z)pages/$", "pages/"),
        (r"^(?:de|en)/(?:x)/$", "{}/x/"),
        (r"^(?:(?:a|b)c)/$", "{}c/"),
        (r"^(?P<a>\d)-(?P=a)$", "{a}-{a}"),
        (r"^(?#a remark)x/?$", "x/"),
        (r"^x{2,3}?y+?/$", "xy/"),
        (r"^api/items/<int:number>/(?P<rest>.*)$", "api/items/<int:number>/{rest}"),
        (r"^a<b/$", "a<b/"),
        ("^$", ""),
        # What is no expression ends somewhere all the same.
        (r"^(?P<open>[0-9", "{open}"),
        ("^[abc", "{}"),
        ("^abc\\", "abc"),
    ],
)
def test_an_expression_reads_as_a_template(pattern: str, template: str) -> None:
    """Named groups are parameters; what else varies is nameless; anchors, quantifiers and look-arounds go."""
    assert template_of_regex(pattern) == template


@given(st.from_regex(r"[a-z0-9^$()\[\]{}?*+|.\\<>:=!P/-]*", fullmatch=True) | st.text())
def test_any_text_comes_to_an_end(pattern: str) -> None:
    """Nothing that a developer writes makes it raise or run on, and no quantifier is left of an anchored literal."""
    template = template_of_regex(pattern)
    assert len(template) <= 2 * len(pattern)
    assert template_of_regex(re.escape("a.b+c")) == "a.b+c"


@pytest.mark.parametrize(
    ("pattern", "template"),
    [
        (r"/articles/{year:\d{4}}/{slug}", "/articles/{year}/{slug}"),
        (r"{a:[{]x[}]}/{b:\d{1,2}}/*rest", "{a}/{b}/*rest"),
        ("/plain/{who}", "/plain/{who}"),
        ("/old/:who/:what", "/old/:who/:what"),
    ],
)
def test_a_pattern_loses_the_expressions_of_its_parameters(pattern: str, template: str) -> None:
    """Pyramid writes an expression behind a parameter's name; the name alone is kept."""
    assert without_regexes(pattern) == template
