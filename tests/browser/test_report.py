"""The report, looked at by a real browser."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser._shapes import MAKERS

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
EVERY_SHAPE = sorted(MAKERS)
WIDTHS = (320, 360, 768, 1_280, 2_560)
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
#: Texts of drawings that are shown: their place, their size, and whether they are labels of the axis below.
TEXTS = """
[...document.querySelectorAll('svg text')]
  .filter(one => getComputedStyle(one).display !== 'none' && !one.closest('.tip') && one.textContent.trim())
  .map(one => {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    return {text: one.textContent, left: box.left, right: box.right, top: Math.round(box.top),
            drawing: one.closest('svg[role=img]')?.getAttribute('aria-labelledby'), size: parseFloat(style.fontSize),
            anchor: style.textAnchor};
  })
"""


BOXES = "[...document.querySelectorAll('.tip rect')].map(one => one.getBoundingClientRect().toJSON())"
#: The element with the focus: which of all it is, whether it is to be seen, and whether it has a ring around it.
FOCUSED = """
(() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return {name: one.textContent.trim().slice(0, 40), place: [...document.querySelectorAll('*')].indexOf(one),
          shown: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
          ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
})()
"""


@pytest.mark.parametrize("shape", EVERY_SHAPE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_says_nothing_and_asks_for_nothing(page_of: Open, shape: str, scheme: str) -> None:
    """No console message, no script error, no dialog and no request but for the file itself, with all of it opened."""
    page = page_of(shape, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    page.mouse.move(640, 450)
    assert page.said == []  # type: ignore[attr-defined]  # put there by the fixture
    assert (
        page.evaluate("document.scripts.length + document.querySelectorAll('img,link,iframe,object,form').length") == 0
    )


@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_no_page_is_wider_than_its_screen(page_of: Open, shape: str) -> None:
    """Nothing has to be scrolled sideways to be read, but for tables that scroll by themselves."""
    page = page_of(shape)
    for fold in ("", OPEN_ALL):
        page.evaluate(f"() => {{ {fold} }}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, fold)


@pytest.mark.parametrize("shape", EVERY_SHAPE)
@pytest.mark.parametrize("width", [360, 1_280])
def test_drawings_can_be_read_on_every_screen(page_of: Open, shape: str, width: int) -> None:
    """Their texts keep their size, lie within the page, and those of an axis do not touch one another."""
    texts: list[dict[str, Any]] = page_of(shape, width=width).evaluate(TEXTS)
    assert [one for one in texts if one["size"] < 11] == []
    assert [one for one in texts if one["left"] < 0 or one["right"] > width] == []
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in texts:
        rows.setdefault((one["drawing"], one["top"]), []).append(one)
    for row in rows.values():
        row.sort(key=lambda one: float(one["left"]))
        touching = [(one["text"], other["text"]) for one, other in pairwise(row) if one["right"] > other["left"] + 1]
        assert touching == []


@pytest.mark.parametrize("shape", ["four weeks", "no request", "one hour", "hostile"])
@pytest.mark.parametrize(("width", "scheme"), [(1_280, "light"), (360, "dark")])
def test_axe_finds_nothing(page_of: Open, shape: str, width: int, scheme: str) -> None:
    """No rule of axe-core is broken on a desktop and on a phone, in light and in dark, with all of the page opened."""
    from axe_playwright_python.sync_playwright import Axe

    page = page_of(shape, width=width, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found] == []


def test_the_keyboard_reaches_everything(page_of: Open) -> None:
    """Every link, fold and table gets the focus in the order of the page, and shows that it has it."""
    page = page_of("four weeks", reduced_motion="reduce")
    folded = "details:not([open]) [tabindex]"
    count = page.evaluate(
        f"[...document.querySelectorAll('a, summary, [tabindex]')].filter(e => !e.matches('{folded}')).length"
    )
    seen = []
    for _ in range(count):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert seen[0]["name"] == "Skip to the figures"
    assert [one for one in seen if not (one["shown"] and one["ring"])] == []
    assert len({one["place"] for one in seen}) == count > 20


def test_links_lead_to_their_sections(page_of: Open) -> None:
    """Each link of the page leads to a place in it, and there the section begins."""
    page = page_of("four weeks", reduced_motion="reduce")
    names = page.evaluate("[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))")
    assert len(names) > 10
    for name in names:
        page.locator(f"a[href='{name}']").first.focus()
        page.keyboard.press("Enter")
        assert page.evaluate(f"document.querySelector('{name}').getBoundingClientRect().top < innerHeight"), name


def test_numbers_unfold_by_keyboard(page_of: Open) -> None:
    """Enter on a fold shows the table with the numbers behind the drawing."""
    page = page_of("four weeks")
    fold = page.locator("details").first
    assert not fold.locator("table").is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("table").is_visible()
    assert fold.locator("tbody tr").count() == 28


def test_the_mouse_is_told_the_numbers(page_of: Open) -> None:
    """Over a day of the trend its numbers are shown; elsewhere none are, and none over a phone's glass."""
    page = page_of("four weeks", reduced_motion="reduce")
    tips = "[...document.querySelectorAll('#traffic .tip')].map(one => getComputedStyle(one).opacity)"
    assert set(page.evaluate(tips)) == {"0"}
    page.locator("#traffic .hit .over").nth(9).hover()
    shown = page.evaluate(tips)
    assert [place for place, opacity in enumerate(shown) if opacity == "1"] == [9]
    told = page.locator("#traffic .tip").nth(9).text_content()
    assert told is not None
    assert told.strip().startswith("Wed 11 Nov")


@pytest.mark.parametrize("width", [720, 1_280])
def test_what_is_told_beside_the_mouse_stays_in_the_page(page_of: Open, width: int) -> None:
    """No box of numbers is cut off at an edge, wherever the mouse is; where there is no room for one, there is none."""
    page = page_of("four weeks", width=width)
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 28
    assert [box for box in boxes if box["left"] < 0 or box["right"] > width] == []
    page.set_viewport_size({"width": 360, "height": 900})
    assert {box["width"] for box in page.evaluate(BOXES)} == {0}


def test_dark_mode_is_dark(page_of: Open) -> None:
    """The page follows the system: light letters on a dark ground there, and the other way round."""
    grounds = {
        scheme: page_of("four weeks", color_scheme=scheme).evaluate(
            "getComputedStyle(document.documentElement).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    bright = {scheme: sum(map(int, ground[4:-1].split(","))) / 3 for scheme, ground in grounds.items()}
    assert bright["light"] > 230
    assert bright["dark"] < 40


def test_forced_colours_keep_the_drawings(page_of: Open) -> None:
    """Where the system forces its colours, lines and fields are drawn in them, and darker fields stay darker."""
    page = page_of("four weeks", forced_colors="active")
    drawn = page.evaluate(
        """(() => { const of = (what, name) => getComputedStyle(document.querySelector(what))[name];
        const text = getComputedStyle(document.body).color;
        return {lines: ['.requests', '.errors', '.refused', '.slow'].map(one => of(`.line${one}`, 'stroke') === text),
          levels: [1, 2, 3, 4, 5].map(one => parseFloat(of(`.level-${one}`, 'fillOpacity')))}; })()"""
    )
    assert drawn["lines"] == [True] * 4
    assert drawn["levels"] == sorted(set(drawn["levels"]))


def test_motion_is_left_out_where_nobody_wants_it(page_of: Open) -> None:
    """Links jump instead of gliding when the system asks for less motion."""
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page_of("one hour", reduced_motion="reduce").evaluate(behaviour) == "auto"
    assert page_of("one hour", reduced_motion="no-preference").evaluate(behaviour) == "smooth"


def test_the_page_prints(page_of: Open) -> None:
    """On paper it is light even in dark mode, without links and folds, and makes a document of some pages."""
    page = page_of("four weeks", color_scheme="dark")
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    hidden = "['nav', '.numbers', '.skip'].map(one => getComputedStyle(document.querySelector(one)).display)"
    assert page.evaluate(hidden) == ["none"] * 3
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')").strip() == "#faf9f5"


def test_a_hostile_log_shows_its_texts_as_texts(page_of: Open) -> None:
    """Markup in a name is read as it stands, and nothing of it comes to life or turns the writing around."""
    page = page_of("hostile")
    body = page.locator("body").text_content() or ""
    assert "<script>alert(1)</script>" in body
    assert "onerror=alert(1)" in body
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in body
    assert page.title().startswith("<script>alert(1)</script>")
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
