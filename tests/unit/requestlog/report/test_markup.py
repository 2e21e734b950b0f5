"""The builder of elements: what it lets through, and how that is written."""

from __future__ import annotations

import pytest

from smartify_core.requestlog.report._markup import ATTRIBUTES, HTML, SVG, element, harmless, render


def test_text_is_escaped() -> None:
    """Whatever is no markup of the page's own is shown as it was written."""
    assert render(element("p", '<b>&amp;"')) == "\n<p>&lt;b&gt;&amp;amp;&quot;</p>"


def test_attributes_are_escaped() -> None:
    """No value of an attribute ends it."""
    assert render(element("code", class_='"><script>')) == '<code class="&quot;&gt;&lt;script&gt;"></code>'


@pytest.mark.parametrize("tag", ["script", "iframe", "img", "form", "object", "link", "foreignObject", "p><script", ""])
def test_no_other_element_can_be_made(tag: str) -> None:
    """An element that runs, loads or submits something has no place in the closed list."""
    with pytest.raises(ValueError, match="no element"):
        element(tag)


@pytest.mark.parametrize(
    "name", ["onclick", "style", "src", "srcdoc", "action", "xlink_href", "formaction", "x onclick"]
)
def test_no_other_attribute_can_be_set(name: str) -> None:
    """An attribute that runs, loads or styles something has no place in the closed list."""
    with pytest.raises(ValueError, match="no attribute"):
        element("p", **{name: "x"})


def test_the_lists_hold_nothing_that_is_alive() -> None:
    """Neither list was given anything that runs or loads."""
    assert not {"script", "img", "iframe", "form", "input", "a:href", "use", "image", "animate", "set"} & (HTML | SVG)
    assert not [name for name in ATTRIBUTES if name.startswith("on") or name in {"style", "src", "action"}]


@pytest.mark.parametrize("href", ["https://example.org", "javascript:alert(1)", "//x", "#", "#A b", "data:,", "x#y"])
def test_addresses_lead_nowhere_else(href: str) -> None:
    """An address that is no place in the page is refused."""
    with pytest.raises(ValueError, match="place in the page"):
        element("a", href=href)


def test_what_is_none_is_left_out() -> None:
    """A child or an attribute that is not there leaves nothing behind."""
    assert render(element("span", None, "x", None, class_=None, id="a")) == '<span id="a">x</span>'


def test_numbers_are_short() -> None:
    """A fraction has two digits at most, and no zeros at its end."""
    assert render(element("circle", cx=1.0, cy=2.345, r=3)) == '<circle cx="1" cy="2.35" r="3"/>'


def test_names_of_svg_keep_their_capitals() -> None:
    """What Python cannot say with a hyphen or a capital is written as SVG has it."""
    made = render(element("svg", viewbox="0 0 1 1", preserve="none", text_anchor="end", aria_hidden="true"))
    assert made == '\n<svg viewBox="0 0 1 1" preserveAspectRatio="none" text-anchor="end" aria-hidden="true"></svg>'


def test_void_elements_have_no_end() -> None:
    """HTML knows no end of these."""
    assert render(element("span", "a", element("wbr"), "b")) == "<span>a<wbr>b</span>"


@pytest.mark.parametrize("child", ["a</style>", element("em", "x")])
def test_a_style_sheet_is_nothing_but_one(child: object) -> None:
    """Its text is not escaped, so what could end it is refused."""
    with pytest.raises(ValueError, match="style sheet"):
        render(element("style", child))  # type: ignore[arg-type]  # both kinds of child are tried


@pytest.mark.parametrize(
    "text", ["\x00", "\x1b[31m", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\ud800", "\N{LINE SEPARATOR}"]
)
def test_steering_characters_are_shown(text: str) -> None:
    """A character that would steer what is around it is replaced by one that can be seen."""
    assert harmless(f"a{text}b").startswith("a\N{REPLACEMENT CHARACTER}")
    assert harmless(f"a{text}b").endswith("b")
    harmless(text).encode()


def test_letters_of_every_script_stay() -> None:
    """What people write with is not touched."""
    assert harmless("Grüße, שלום, 你好 👋") == "Grüße, שלום, 你好 👋"
