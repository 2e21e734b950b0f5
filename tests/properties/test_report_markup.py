"""Whatever is in a log, the report shows it as text, and stays the page that it is."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.requestlog.report._engine import StandIn
from tests.unit.requestlog.report._reading import read

from smartify_core.requestlog.report import report
from smartify_core.requestlog.report._markup import HTML, SVG, element, harmless, render

NOW = datetime(2026, 12, 1, tzinfo=UTC)
#: Anything at all, and often what markup is made of.
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("<>&\"'/=-!;#x0 scriptonload")), max_size=60)


@given(TEXTS, TEXTS)
def test_text_stays_text(text: str, value: str) -> None:
    """Text and attributes read back as they were, but for characters that would steer what is around them."""
    page = read(render(element("p", text, class_=value)))
    (found,) = page.all()
    # A parser of HTML takes each end of a line for one character; harmless text has none.
    assert "".join(str(child) for child in found.children) == harmless(text)
    assert found.attributes == {"class": harmless(value)}


@given(TEXTS)
def test_harmless_text_can_be_written_and_steers_nothing(text: str) -> None:
    """It is as long as before, is UTF-8, and has no control, format or private character."""
    shown = harmless(text)
    assert len(shown) == len(text)
    shown.encode()
    assert {unicodedata.category(one) for one in shown}.isdisjoint({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=4, max_size=4), TEXTS)
def test_a_report_is_the_same_page_whatever_its_texts_say(texts: list[str], title: str) -> None:
    """Its elements are those that it always has; none comes of a name in the log, or of the title."""

    def engine(rename: object) -> StandIn:
        return StandIn(hours=30, scale=40, features=("/a", "/b"), rename=rename)  # type: ignore[arg-type]  # a function

    plain = read(report(engine(str), title="A", now=NOW))
    odd = read(report(engine(lambda text: texts[len(text) % 4] + text), title=title, now=NOW))
    assert {one.tag for one in odd.all()} <= {one.tag for one in plain.all()} <= HTML | SVG
    assert {name for one in odd.all() for name in one.attributes} <= {
        name for one in plain.all() for name in one.attributes
    }
