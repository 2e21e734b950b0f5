from __future__ import annotations

import gc
from collections.abc import Iterable

import pytest

from smartify_core.requestlog import Client
from smartify_core.requestlog._headers._clients import UNREAD, Clients

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
ON_WINDOWS = CHROME.format("Windows NT 10.0; Win64; x64")
ON_A_PHONE = CHROME.format("Linux; Android 10; K").replace(" Safari", " Mobile Safari")
ON_A_TABLET = CHROME.format("Linux; Android 10; K")
BRAVE = '"Not A(Brand";v="8", "Chromium";v="126", "Brave";v="126"'


@pytest.fixture(scope="module")
def clients() -> Clients:
    """Return the reader that the tests here share."""
    return Clients()


@pytest.mark.parametrize(
    ("agent", "mobile", "platform", "client"),
    [
        (ON_WINDOWS, "?0", '"Windows"', Client("Brave", 126, "Windows", "desktop", "hints")),
        (ON_A_PHONE, "?1", '"Android"', Client("Brave", 126, "Android", "mobile", "hints")),
        (ON_A_TABLET, "?0", '"Android"', Client("Brave", 126, "Android", "tablet", "hints")),
        (ON_WINDOWS, "", "", Client("Brave", 126, "Windows", "desktop", "hints")),
        (ON_WINDOWS, "?0", '"Unknown"', Client("Brave", 126, "Windows", "desktop", "hints")),
        ("", "?0", '"macOS"', Client("Brave", 126, "macOS", "desktop", "hints")),
        ("", "?1", '"Android"', Client("Brave", 126, "Android", "mobile", "hints")),
        ("", "", "", Client("Brave", 126, "Other", "other", "hints")),
    ],
)
def test_hints_are_preferred(clients: Clients, agent: str, mobile: str, platform: str, client: Client) -> None:
    """A browser whose User-Agent is another's is known by its hints; what they leave out comes from the User-Agent."""
    assert [clients.of(agent, BRAVE, mobile, platform) for _ in range(3)] == [client] * 3


@pytest.mark.parametrize(
    ("agent", "ch_ua", "mobile", "platform"),
    [
        (ON_WINDOWS, BRAVE, "?1", '"Windows"'),
        (ON_WINDOWS, BRAVE, "?1", '"Android"'),
        (ON_WINDOWS, BRAVE, "?0", '"macOS"'),
        (ON_A_PHONE, BRAVE, "?0", '"Android"'),
        (ON_A_PHONE, BRAVE, "?0", '"Linux"'),
        (ON_WINDOWS, BRAVE.replace("126", "125"), "?0", '"Windows"'),
        (ON_WINDOWS + " Edg/126.0.0.0", BRAVE, "?0", '"Windows"'),
        ("Mozilla/5.0 (Windows NT 10.0; rv:127.0) Gecko/20100101 Firefox/127.0", BRAVE, "?0", '"Windows"'),
        (ON_WINDOWS + " (compatible; Googlebot/2.1)", BRAVE, "?0", '"Windows"'),
        (ON_WINDOWS, BRAVE + ",", "?0", '"Windows"'),
        (ON_WINDOWS, BRAVE, "yes", '"Windows"'),
        (ON_WINDOWS, BRAVE, "?0", "Windows"),
        (ON_WINDOWS, '"Alice";v="126"', "?0", '"Windows"'),
        ("", BRAVE, "?1", '"Windows"'),
        ("Example/1.0", '"Brave";v="126"', "", ""),
    ],
)
def test_hints_that_contradict_count_for_nothing(
    clients: Clients, agent: str, ch_ua: str, mobile: str, platform: str
) -> None:
    """Hints that contradict themselves or the User-Agent, or are malformed, leave all to the User-Agent."""
    told = clients.of(agent, ch_ua, mobile, platform)
    assert told == clients.of(agent)
    assert told.source == "user-agent"


def test_a_user_agent_that_says_more_than_the_hints_counts(clients: Clients) -> None:
    """Vivaldi names Chromium in its hints and itself in the User-Agent; Opera GX does it the other way round."""
    vivaldi = clients.of(ON_WINDOWS + " Vivaldi/6.8.3381.44", '"Chromium";v="126"', "?0", '"Windows"')
    assert vivaldi == Client("Vivaldi", 6, "Windows", "desktop")
    gx = clients.of(ON_WINDOWS + " OPR/112.0.0.0", '"Opera GX";v="112", "Chromium";v="126"', "?0", '"Windows"')
    assert gx == Client("Opera GX", 112, "Windows", "desktop", "hints")


def test_a_browser_without_a_head_is_a_bot(clients: Clients) -> None:
    """A program that drives a browser says so in the brand, even where it changed its User-Agent."""
    headless = clients.of(ON_WINDOWS, '"HeadlessChrome";v="126", "Chromium";v="126"', "?0", '"Windows"')
    assert headless == Client("Headless Chrome", 126, "Other", "bot", "hints")


# --- what is left in memory, and what it costs -----------------------------------------------------------------------


def reachable(thing: object) -> Iterable[object]:
    """Yield every value that an object holds, however deep, without what belongs to modules."""
    seen, waiting = set[int](), [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type) and not callable(one):
            seen.add(id(one))
            yield one
            waiting.extend(gc.get_referents(one))


def test_no_header_outlives_its_request() -> None:
    """What is remembered is a hash and words of the vocabulary, the first time as after many."""
    clients = Clients()
    for number in range(500):
        for _ in range(3):
            clients.of(f"Alice/{number} (X11; Linux) Firefox/{number}.0", '"Alice";v="7"', "?1", '"AliceOS"')
    texts = [one for one in reachable(clients._remembered) if isinstance(one, str)]
    assert any("Firefox" in text for text in texts)
    assert not [text for text in texts if "Alice" in text or "X11" in text]


def test_memory_is_bounded() -> None:
    """Fifty thousand different headers leave some thousands of answers, and none that is in use is pushed out."""
    clients = Clients(spent=lambda: 0.0)
    mine = [clients.of(ON_WINDOWS), clients.of(ON_WINDOWS)][1]
    for number in range(50_000):
        clients.of(f"{number}")
    assert sum(isinstance(one, Client) for one in reachable(clients._remembered)) < 6_000
    assert clients.of(ON_WINDOWS) is mine


def test_reading_headers_is_given_a_share_of_the_processor() -> None:
    """Once the saved seconds are spent, new headers are Other until time has gone by; known ones are told as ever."""
    now, used = [0.0], [0.0]

    def spent() -> float:
        used[0] += 0.05
        return used[0]

    clients = Clients(clock=lambda: now[0], spent=spent)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0 {}"
    known = clients.of(firefox)
    told = [clients.of(firefox.format(number)).browser for number in range(20)]
    assert told == ["Firefox"] * 9 + ["Other"] * 11
    assert clients.of(firefox) == known
    assert clients.of("") is UNREAD
    now[0] += 1.0  # a twentieth of it is one header's worth
    assert [clients.of(firefox.format(number)).browser for number in (100, 101)] == ["Firefox", "Other"]
    now[0] -= 1_000.0
    assert clients.of(firefox.format(102)).browser == "Other"
