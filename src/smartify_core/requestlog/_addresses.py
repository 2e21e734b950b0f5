"""Stand-in until the walk through proxies is merged."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Literal

from attrs import frozen

from ._event import Address


@frozen
class TrustedProxies:
    """Stand-in."""

    networks: tuple[str, ...] = ()
    header: Literal["forwarded", "x-forwarded-for"] = "x-forwarded-for"


class Addresses:
    """Stand-in."""

    def __init__(self, keep: str = "network", proxies: TrustedProxies | None = None) -> None:
        self._keep, self._proxies = keep, proxies

    def of(self, peer: str | None, forwarded: Sequence[str] = ()) -> Address | None:
        """Return the address."""
        try:
            return None if peer is None else Address(str(ip_network(f"{peer}/24", strict=False)))
        except ValueError:
            return None
