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
    own = Collecting(own_hosts=("App.example.com",))
    assert own.is_own("app.example.com")
    assert not own.is_own("x.app.example.com")
    assert not own.is_own("evilapp.example.com")
    below = Collecting(own_hosts=("*.example.com",))
    assert below.is_own("acme.example.com")
    assert not below.is_own("example.com")
    assert not below.is_own("evilexample.com")


@pytest.mark.parametrize("name", ["own_hosts", "features"])
@pytest.mark.parametrize("wrong", ["search", 5, [5], b"x"])
def test_names_come_as_a_list(name: str, wrong: Any) -> None:
    """A single text is no list of its letters: it is refused, and so is whatever holds something else than texts."""
    with pytest.raises(UsageError, match=f"{name} is a list of texts"):
        Collecting(**{name: wrong})


@pytest.mark.parametrize("wrong", [5, b"X-Time-Zone", "", "X Zone", "Cookie"])
def test_a_time_zone_header_is_a_name(wrong: Any) -> None:
    """Anything else is refused, and so is a header that carries a secret."""
    with pytest.raises(UsageError, match="time_zone_header"):
        Collecting(time_zone_header=wrong)


def test_a_request_log_takes_a_sink_and_settings() -> None:
    """Anything else is refused when the log is made, not at a request."""
    with pytest.raises(UsageError):
        RequestLog("logs")  # type: ignore[arg-type]  # the mistake itself
