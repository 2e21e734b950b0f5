from __future__ import annotations

from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Collecting, RequestLog


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ip", "some"),
        ("referrer", "path"),
        ("opt_out", "yes"),
        ("time_zone_from", "browser"),
        ("languages", 0),
        ("languages", 4),
        ("languages", True),
        ("most_features", 0),
        ("most_features", 100_001),
        ("own_hosts", ["https://app.example.com"]),
        ("own_hosts", ["app.example.com:443"]),
        ("own_hosts", ["*"]),
        ("own_hosts", ["app.*.com"]),
        ("time_zone_header", "X Time Zone"),
        ("time_zone_header", ""),
        ("time_zone_header", "Cookie"),
        ("time_zone_header", "Authorization"),
        ("time_zone_header", "X-Zone\r\nX-Other"),
        ("features", ["/t/alice@example.org"]),
        ("proxies", "10.0.0.0/8"),
    ],
)
def test_a_mistake_is_told_when_it_is_made(name: str, value: Any) -> None:
    """A setting that makes no sense is refused at once, under its name."""
    with pytest.raises(UsageError) as refusal:
        Collecting(**{name: value})
    assert name in str(refusal.value) or name == "features"


def test_hosts_are_names() -> None:
    """A name stands for itself, a star for all names under it, and case does not count."""
    own = Collecting(own_hosts="App.example.com")
    assert own.is_own("app.example.com")
    assert not own.is_own("x.app.example.com")
    assert not own.is_own("evilapp.example.com")
    below = Collecting(own_hosts=("*.example.com",))
    assert below.is_own("acme.example.com")
    assert not below.is_own("example.com")
    assert not below.is_own("evilexample.com")


def test_a_request_log_takes_a_sink_and_settings() -> None:
    """Anything else is refused when the log is made, not at a request."""
    with pytest.raises(UsageError):
        RequestLog("logs")  # type: ignore[arg-type]  # the mistake itself
