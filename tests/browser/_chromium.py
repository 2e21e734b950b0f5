"""A real browser without a window: the machine's own Chromium, driven through Playwright.

``SMARTIFY_TEST_CHROMIUM`` names one; without it the usual names are looked for. Where there is none, what needs it is
named among what did not run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import Final

NAMED: Final = "SMARTIFY_TEST_CHROMIUM"
_USUAL: Final = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
#: Nothing that a browser does by itself, and nothing that it would ask a network for.
FLAGS: Final = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def found() -> str | None:
    """Return where the browser is, or None."""
    if (named := os.environ.get(NAMED)) is not None:
        return named
    return next((path for one in _USUAL if (path := shutil.which(one)) is not None), None)


def missing() -> str | None:
    """Return what keeps the tests from running here, or None where nothing does."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"needs the package {package.replace('_', '-')}, which is not here"
    return f"needs a Chromium, which is not here; {NAMED} may name one" if found() is None else None
