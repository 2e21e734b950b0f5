"""Pages of a real browser, each in a profile of its own that is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser import _chromium as chromium
from tests.browser._shapes import written

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Opens the report of a shape in a page, with the options of a browser's context.
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser, or say why there is none.

    No longer than a module: it leaves an event loop running in this thread, where later files have loops of their own.
    """
    if (reason := chromium.missing()) is not None:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium.found(), args=list(chromium.FLAGS), timeout=180_000
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the report of a shape to a file, once a run."""
    folder, there = tmp_path_factory.mktemp("reports"), {}

    def file(shape: str) -> Path:
        if shape not in there:
            there[shape] = folder / f"{shape.replace(' ', '-')}.html"
            there[shape].write_text(written(shape), encoding="utf-8")
        return there[shape]

    return file


@pytest.fixture
def page_of(browser: Browser, reports: Callable[[str], Path]) -> Iterator[Open]:
    """Open the report of a shape: ``page_of("one hour", width=360, color_scheme="dark")``."""
    contexts = []

    def open_page(shape: str, *, width: int = 1_280, height: int = 900, **options: Any) -> Page:
        file = reports(shape)
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(180_000)  # a busy machine is no failure
        # Everything that the page says or asks for is kept beside it, from before it is loaded.
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
