from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from smartify_core.requestlog._event._browsers import BROWSERS, DEVICES, SYSTEMS
from smartify_core.requestlog._headers._clients import Clients

TABLE = Path(__file__).parents[1] / "unit" / "requestlog" / "user_agents.txt"
REAL = [line.split(" | ", 4)[4] for line in TABLE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
WORDS = sorted({word for header in REAL for word in re.split(r"(?<=[ /;()])", header)})
#: A secret that no browser, system or device has in its name.
SECRET = "Zq9Xw7Vk"
PLANTED = [*WORDS, SECRET, f"/{SECRET}", f"{SECRET}bot", f"{SECRET}/7.0"]

octets = st.binary(max_size=700).map(lambda raw: raw.decode("latin-1"))
agents = (
    st.sampled_from(REAL)
    | st.lists(st.sampled_from(PLANTED), max_size=30).map("".join)
    | st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=60).map("".join)
    | octets
    | st.text(max_size=700)
)
brands = st.sampled_from(
    [
        "Chromium",
        "Google Chrome",
        "Microsoft Edge",
        "Brave",
        "Opera",
        "Not)A;Brand",
        " Not A;Brand",
        '\\"Not\\\\A',
        SECRET,
    ]
)
versions = st.integers(0, 10**6).map(str) | st.sampled_from(["126.0.1", "", SECRET, "1" * 400])
lists = st.lists(st.builds('"{}";v="{}"'.format, brands, versions), max_size=8).map(", ".join)
pieces = st.lists(st.sampled_from([*'",;=\\ ', "v", "v=", '"Chromium"', ';v="126"', "?1", SECRET, "\t"]), max_size=30)
hints = lists | pieces.map("".join) | octets
mobiles = st.sampled_from(["", "?1", "?0"]) | octets
platforms = st.sampled_from(["", '"Windows"', '"macOS"', '"Android"', f'"{SECRET}"', "Windows"]) | octets


@lru_cache(maxsize=1)
def clients() -> Clients:
    return Clients(spent=lambda: 0.0)


@given(agents, hints, mobiles, platforms)
@example(f"{SECRET}-iPhone/7 CFNetwork/1 Darwin/1", f'"{SECRET}";v="7"', "?1", f'"{SECRET}"')
@example("", f'"Chromium";v="126", "{SECRET}";v="7"', "?1", f'"{SECRET}"')
def test_only_words_of_the_vocabulary_are_told(agent: str, ch_ua: str, mobile: str, platform: str) -> None:
    """Whatever the headers are, each word told is of the vocabulary, and a version has at most three digits."""
    told = clients().of(agent, ch_ua, mobile, platform)
    assert told.browser in BROWSERS
    assert told.os in SYSTEMS
    assert told.device in DEVICES
    assert told.version is None or 0 <= told.version <= 999
    assert SECRET not in repr(told)
    assert told == clients().of(agent, ch_ua, mobile, platform)


@given(st.sampled_from(REAL), octets)
def test_what_stands_behind_the_end_changes_nothing(header: str, more: str) -> None:
    """The first 512 bytes of a header tell everything."""
    filled = header.ljust(512)
    assert clients().of(filled + more) == clients().of(filled)
