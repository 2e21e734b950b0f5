"""Reports of every shape: much and little, long and short, and one of a log whose every text is out to do harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from tests.unit.requestlog.report._engine import DAY, FEATURES, MONDAY, StandIn

from smartify_core.requestlog.report import report

#: When every one of them is written.
NOW: Final = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)
HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}</style>",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe\N{POP DIRECTIONAL FORMATTING}\x1b]0;owned\x07",
    "javascript:alert(1)//https://evil.example/?" + "a" * 3_000,
    "עברית ثم عربي \ud800 \x00 &amp; &#x3c;b&#x3e;",
)


def _hostile(text: str) -> str:
    """Return harm in place of a text of the log, and another for each."""
    return text if text == "(few)" else f"{HOSTILE[sum(map(ord, text)) % len(HOSTILE)]} {text}"


MAKERS: Final[Mapping[str, Callable[[], StandIn]]] = {
    "four weeks": lambda: StandIn(ledger={"dropped": 42, "unreadable": 3, "folded": 118, "expired": 2_304_118}),
    "a day and a half": lambda: StandIn(hours=36, scale=60),
    "one hour": lambda: StandIn(hours=1, start=MONDAY + 10 * 3_600, scale=9, features=("/only",)),
    "thirteen months": lambda: StandIn(
        start=MONDAY - 395 * DAY,
        hours=395 * 24,
        scale=90,
        features=FEATURES[:12],
        ledger={"rolled": 90_000, "cell_days": 300},
    ),
    "no request": lambda: StandIn(hours=0),
    "many features": lambda: StandIn(hours=10 * 24, scale=400, features=[f"/f{n}/{{id}}" for n in range(300)]),
    "hostile": lambda: StandIn(hours=15 * 24, scale=300, rename=_hostile),
}


def written(shape: str) -> str:
    """Return the report of a shape."""
    title = HOSTILE[0] + HOSTILE[1] if shape == "hostile" else "Acme Projects"
    return report(MAKERS[shape](), title=title, now=NOW)
