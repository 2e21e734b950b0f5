"""The closed vocabulary of browsers, operating systems and classes of devices."""

from __future__ import annotations

from typing import Final

#: Families of browsers and of programs that fetch pages. Everything else is ``Other``.
BROWSERS: Final = frozenset({"Chrome", "Edge", "Firefox", "Opera", "Safari", "Samsung Internet", "Other"})
#: Families of operating systems. Everything else is ``Other``.
SYSTEMS: Final = frozenset({"Windows", "macOS", "iOS", "Android", "Linux", "ChromeOS", "Other"})
#: Classes of devices.
DEVICES: Final = ("desktop", "mobile", "tablet", "bot", "other")
