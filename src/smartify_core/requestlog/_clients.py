"""Stand-in until the reading of user agents is merged."""

from __future__ import annotations

from ._event import Client


class Clients:
    """Stand-in."""

    def of(self, user_agent: str, ch_ua: str, ch_mobile: str, ch_platform: str) -> Client:
        """Return the client."""
        del user_agent, ch_ua, ch_mobile, ch_platform
        return Client("Other", None, "Other", "other")
