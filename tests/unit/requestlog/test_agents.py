from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from smartify_core.errors import MissingExtra
from smartify_core.requestlog._headers._agents import LONGEST, NOBODY, agent_of, fast_resolver

TABLE = Path(__file__).with_name("user_agents.txt")
ROWS = [line.split(" | ", 4) for line in TABLE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("browser", "version", "os", "device", "header"), ROWS)
def test_a_header_of_the_real_world(browser: str, version: str, os: str, device: str, header: str) -> None:
    """Browsers, apps and bots are told by family, major version, operating system and class of device."""
    agent = agent_of(header if header != "-" else "", fast_resolver())
    told = "-" if agent.version is None else str(agent.version)
    assert (agent.browser, told, agent.os, agent.device) == (browser, version, os, device)


@pytest.mark.parametrize(
    "header",
    [
        "Alice.Example-iPhone/7 CFNetwork/1494.0.7 Darwin/23.4.0",
        "Alice.Example/7 CFNetwork/1494.0.7 Darwin/23.4.0",
        "Mozilla/5.0 (compatible; Alice.Example-bot/77)",
        "AliceExampleSpider/77",
        "Mozilla/5.0 Alice Example Crawler 77.1",
        "Mozilla/5.0 (X11; Linux x86_64) AliceExample/77 (like Gecko) Chrome/AliceExample",
        "HbbTV/1.1.1 (; AliceExample ; x ; 2012 )",
        "Mozilla/5.0 (Nokia77) AliceExample",
    ],
)
def test_what_a_pattern_takes_from_the_header_is_told_by_no_name(header: str) -> None:
    """ua-parser tells names as the header has them; those that are not of the vocabulary are Other, without version."""
    agent = agent_of(header, fast_resolver())
    assert "lice" not in repr(agent)
    assert "77" not in repr(agent)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("Chrome/999.0", 999),
        ("Chrome/1000.0", None),
        ("Chrome/4915112345.0", None),
        ("Chrome/" + "9" * 400 + ".0", None),
        ("Firefox/0127.0", 127),
        ("Firefox/١٢٧.0", None),
    ],
)
def test_a_version_has_three_digits(header: str, version: int | None) -> None:
    """A longer number is no version of a browser, but whatever the sender would have us write."""
    assert agent_of(f"Mozilla/5.0 (X11; Linux x86_64) {header}", fast_resolver()).version == version


def test_only_the_beginning_of_a_long_header_is_read() -> None:
    """What is beyond 512 characters changes nothing, whether it is 1 kB or 1 MB."""
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
    for length in (LONGEST, 1_000, 1_000_000):
        assert agent_of(f"{browser}{' ' * length}Googlebot/2.1", fast_resolver()) == agent_of(browser, fast_resolver())


def test_bytes_that_are_no_ascii_hide_nothing() -> None:
    """A header with other bytes is read as far as it is ASCII."""
    agent = agent_of("Mozilla/5.0 (X11; Linux x86_64; \xe9\xff\x80) Gecko/20100101 Firefox/127.0", fast_resolver())
    assert (agent.browser, agent.version, agent.os) == ("Firefox", 127, "Linux")


@pytest.mark.parametrize("header", ["", " ", "\t\t", " " * 600 + "Firefox/127.0"])
def test_an_empty_header_is_nobody(header: str) -> None:
    """A header without a word tells nothing, and is told from one that says something unknown."""
    assert agent_of(header, fast_resolver()) is NOBODY


class Hidden(importlib.abc.MetaPathFinder):
    """Says that modules are not installed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] == self.name:
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


@pytest.mark.parametrize("missing", ["ua_parser", "ua_parser_rs", "ua_parser_builtins"])
def test_without_the_fast_parser_there_is_none(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ua-parser, its fast backend or its patterns, the extra is named, and the command that installs it."""
    for name in list(sys.modules):
        if name.partition(".")[0] in {"ua_parser", missing}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Hidden(missing), *sys.meta_path])
    fast_resolver.cache_clear()
    try:
        with pytest.raises(MissingExtra, match=r"requestlog.*ua-parser-rs.*pip install 'smartify-core\[requestlog\]'"):
            fast_resolver()
    finally:
        fast_resolver.cache_clear()
