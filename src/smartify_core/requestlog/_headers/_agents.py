"""The User-Agent header, read by ua-parser and mapped into the closed vocabulary.

What ua-parser tells may be text of the header: many of its patterns take the name of a program from there. So none of
it is kept: a family is looked up in the vocabulary, and a version counts only for a family that is known there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from attrs import frozen

from smartify_core.errors import MissingExtra
from smartify_core.requestlog._event._browsers import (
    BOTS,
    DESKTOP_SYSTEMS,
    OTHER,
    PHONE_SYSTEMS,
    browser_named,
    program_named,
    system_named,
)

from ._hints import LAST_VERSION

if TYPE_CHECKING:
    from ua_parser import Resolver

#: How much of the header is read. Real ones have some 150 characters, those of apps inside others up to 400.
LONGEST: Final = 512
#: Families whose version ua-parser takes from the operating system.
_WITHOUT_VERSION: Final = frozenset({"iOS WebView", "Android Browser", "CFNetwork", OTHER})

#: How many words are looked up where ua-parser knows none of them.
_MOST_WORDS: Final = 24

# A plain search comes before each pattern: it takes a twentieth of the time, and most headers have none of the words.
# CUBOT makes phones. A program with an address to complain to is no person.
_BOT_WORDS: Final = ("bot", "crawl", "spider", "slurp", "scrap", "headless", "http")
_bot_like = re.compile(r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|scrap(?:er|y|ing)|headless|https?://").search
_OTHER_DEVICES: Final = ("tv", "bravia", "crkey", "aft", "vr", "quest", "xbox", "playstation", "nintendo")
_other_device_like = re.compile(
    r"\btv\b|smart-?tv|googletv|hbbtv|bravia|crkey|\baft[a-z]|\bvr\b|\bquest\b|xbox|playstation|nintendo"
).search
_word = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,40}(?: [A-Z][a-z]{1,20})?", re.ASCII)
_chromium = re.compile(r"Chrome/([0-9]{1,4})\b", re.ASCII).search


@frozen(order=False)
class Agent:
    """What a User-Agent header says.

    Args:
        browser: A family of the closed list, else ``Other``.
        version: Its major version; None where the family has none, or one beyond the last that is told.
        os: A family of the closed list, else ``Other``; ``Other`` for bots, whatever they pretend to run on.
        device: A class of the closed list.
        engine: The major version of Chromium that the header claims.
    """

    browser: str
    version: int | None
    os: str
    device: str
    engine: int | None


NOBODY: Final = Agent(OTHER, None, OTHER, "other", None)


def agent_of(user_agent: str, resolver: Resolver) -> Agent:
    """Return what a User-Agent header says. Never raises."""
    # Characters beyond ASCII make the patterns five times slower, and no browser sends them.
    text = user_agent[:LONGEST].encode("ascii", "replace").decode("ascii")
    if not text or text.isspace():
        return NOBODY
    browser, version, system = _parsed(text, resolver)
    engine = _chromium(text)
    chromium = None if engine is None else int(engine[1])
    lowered = text.lower()
    if browser in BOTS or (any(word in lowered for word in _BOT_WORDS) and _bot_like(lowered)):
        known = browser in BOTS
        return Agent(browser if known else OTHER, version if known else None, OTHER, "bot", chromium)
    if any(word in lowered for word in _OTHER_DEVICES) and _other_device_like(lowered):
        return Agent(browser, version, system, "other", chromium)
    return Agent(browser, version, system, _device(text, browser, system), chromium)


def _parsed(text: str, resolver: Resolver) -> tuple[str, int | None, str]:
    from ua_parser import Domain  # noqa: PLC0415 - an extra; `resolver` is proof that it is there

    found = resolver(text, Domain.USER_AGENT | Domain.OS)
    browser, version = OTHER, None
    if found.user_agent is not None:
        browser, version = browser_named(found.user_agent.family), found.user_agent.major
    if browser == "Android Browser" and "Mozilla/" not in text:
        browser = OTHER  # an app's library, which names the system only
    if browser == OTHER:
        words = (word[0] for word in islice(_word.finditer(text), _MOST_WORDS))
        browser, version = next((name for word in words if (name := program_named(word)) != OTHER), OTHER), None
    number = int(version) if version and version.isdecimal() and browser not in _WITHOUT_VERSION else LAST_VERSION + 1
    system = OTHER if found.os is None else system_named(found.os.family)
    if system == OTHER and "OpenHarmony" in text:
        system = "HarmonyOS"
    return browser, number if number <= LAST_VERSION else None, system


def _device(text: str, browser: str, system: str) -> str:
    mobile = "Mobile" in text
    if system in {"Windows", "macOS"} or (system in DESKTOP_SYSTEMS and not mobile):
        device = "desktop"
    elif mobile or system in PHONE_SYSTEMS or browser == "Opera Mini":
        device = "tablet" if "iPad" in text else "mobile"
    elif system == "iOS":
        device = "tablet" if "iPad" in text else "mobile" if "iPhone" in text or "iPod" in text else "other"
    else:
        # Browsers of Android tablets leave the word out; programs that are no browsers never say it.
        device = "tablet" if system == "Android" and "Mozilla/" in text else "other"
    return device


@lru_cache(maxsize=1)
def fast_resolver() -> Resolver:
    """Return the one of this process, which takes a fifth of a second to make and some 18 MB.

    Only browsers and operating systems are made ready: the patterns for models of devices take as much again, and none
    of what they tell may be kept.

    Raises:
        MissingExtra: ua-parser is not installed, or without its fast backend. The pure Python one takes half a second
            for a header made to that end, so it is no choice.
    """
    try:
        from ua_parser import load_lazy_builtins  # noqa: PLC0415 - an extra
        from ua_parser.regex import Resolver as Fast  # noqa: PLC0415 - an extra

        browsers, systems, _ = load_lazy_builtins()
    except ImportError:
        raise MissingExtra.named(
            "requestlog", needed_for="reading User-Agent headers, with ua-parser and ua-parser-rs"
        ) from None
    return Fast((browsers, systems, []))
