"""The evidence of an incident, looked at by a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.policy.breach.evidence._world import World, whole

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
HARM = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}</style>" + "a" * 900
SHAPES: dict[str, tuple[Callable[[], World], str | None]] = {
    "vendor": (whole, None),
    "tenant": (whole, "acme"),
    "beginning": (World, None),
    "held": (lambda: whole(held=True), None),
    "hostile": (lambda: whole(tenants=["acme", "b" * 250, "\N{HEBREW LETTER ALEF}<b>c"], text=HARM), None),
    "many": (lambda: whole(tenants=[f"tenant-{number:04}" for number in range(600)]), None),
}
EVERY_SHAPE = sorted(SHAPES)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the evidence of a shape, once a run."""
    folder, there = tmp_path_factory.mktemp("evidence"), dict[str, Path]()

    def file(shape: str) -> Path:
        if shape not in there:
            make, tenant = SHAPES[shape]
            there[shape] = make().export(folder / shape, tenant=tenant).folder / "evidence.html"
        return there[shape]

    return file


@pytest.fixture
def opened(browser: Browser, evidence: Callable[[str], Path]) -> Iterator[Open]:
    """Open the evidence of a shape: ``opened("vendor", width=390, color_scheme="dark")``."""
    contexts = []

    def open_page(shape: str, *, width: int = 1_280, **options: Any) -> Page:
        file = evidence(shape)
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(180_000)  # a busy machine is no failure
        page.evaluate("1")
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != file.as_uri() else None)
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(file.as_uri())
        page.said = said  # type: ignore[attr-defined]  # kept beside the page, for the test to look at
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_it_says_nothing_and_asks_for_nothing(opened: Open, shape: str) -> None:
    """No console message, no dialog, no request but for the file itself, with all of it opened; nothing runs in it."""
    page = opened(shape)
    page.evaluate(OPEN_ALL)
    assert page.said == []  # type: ignore[attr-defined]  # put there by the fixture
    assert (
        page.evaluate("document.scripts.length + document.querySelectorAll('img,link,iframe,object,form,b').length")
        == 0
    )


@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_it_is_never_wider_than_its_screen(opened: Open, shape: str) -> None:
    """Nothing has to be scrolled sideways to be read, on a phone, a tablet and a desktop, folded and not."""
    page = opened(shape)
    for fold in ("", OPEN_ALL):
        page.evaluate(f"() => {{ {fold} }}")
        for width in (320, 390, 768, 1_280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, fold)


@pytest.mark.parametrize("shape", ["vendor", "tenant", "beginning", "held", "hostile"])
@pytest.mark.parametrize(("width", "scheme"), [(1_280, "light"), (390, "dark")])
def test_axe_finds_nothing(opened: Open, shape: str, width: int, scheme: str) -> None:
    """No rule of axe-core is broken on a desktop and on a phone, in light and in dark, with all of the page opened."""
    from axe_playwright_python.sync_playwright import Axe

    page = opened(shape, width=width, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found] == []


def test_a_line_leads_to_its_notice(opened: Open) -> None:
    """Following the link of a tenant unfolds its notice, and shows it."""
    page = opened("vendor", reduced_motion="reduce")
    letter = page.locator("pre.letter").nth(2)
    assert not letter.is_visible()
    page.locator("#notices td a, #notices th a").nth(2).click()
    assert letter.is_visible()
    assert page.locator("details.case[open] .who").all_text_contents() == ["initech"]


def test_it_prints(opened: Open) -> None:
    """On paper it is light even in dark mode, and makes a document."""
    page = opened("vendor", color_scheme="dark")
    page.evaluate(OPEN_ALL)
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')").strip() == "#faf9f5"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_texts_of_others_stay_texts(opened: Open) -> None:
    """Markup that somebody typed is read as it stands."""
    page = opened("hostile")
    body = page.locator("body").text_content() or ""
    assert "<script>alert(1)</script>" in body
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in body
