"""Who asked: browser, operating system and class of device, from client hints or the User-Agent header."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from smartify_core.requestlog._event._browsers import BOTS, DESKTOP_SYSTEMS, OTHER
from smartify_core.requestlog._event._parts import Client

from ._agents import NOBODY, Agent, agent_of, fast_resolver
from ._hints import Hints, hints_of
from ._remembered import Remembered

#: Clients that are remembered: some 1 MB when full.
_ROOM: Final = 2_048
#: The share of one processor that reading headers may take in the long run, and the seconds of it that may be saved up.
_SHARE: Final = 0.05
_SAVED: Final = 0.5
#: Who sent headers that were not read, for want of time: not to be remembered, since the next ones may be read.
UNREAD: Final = Client(OTHER, None, OTHER, "other")
#: Families of Chromium that say least. Where the User-Agent says more, it knows better.
_PLAIN: Final = frozenset({"Chrome", "Chromium", "Android WebView", "Android Browser", OTHER})


class Clients:
    """Tells who asked, in words of the closed vocabulary.

    Making one takes a fifth of a second the first time in a process, for the patterns of ua-parser are made ready then:
    at start, so that no request waits for them. (In a thread of their own it would be no different: making them holds
    the interpreter's lock.) Processes that are forked afterwards share them.

    Answers are remembered under Python's keyed hash of the headers, never under their text. Headers that are new all
    the time push out nothing that is in use, and reading them takes at most 5 % of a processor in the long run: what
    comes beyond that counts as ``Other`` and is not remembered.

    Args:
        clock: Seconds that go by; the system's when not given.
        spent: Seconds of the processor that this thread has used; the system's when not given.

    Raises:
        MissingExtra: The extra ``[requestlog]`` is not installed.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, spent: Callable[[], float] = time.thread_time
    ) -> None:
        self._resolver: Final = fast_resolver()
        self._remembered: Final = Remembered[int, Client](_ROOM)
        self._clock: Final = clock
        self._spent: Final = spent
        self._left = _SAVED
        self._counted_at = clock()

    def of(self, user_agent: str, ch_ua: str = "", ch_mobile: str = "", ch_platform: str = "") -> Client:
        """Return who sent these headers. Never raises.

        Args:
            user_agent: The User-Agent header, bytes as latin-1; empty where there is none.
            ch_ua: The Sec-CH-UA header; its lines joined by commas.
            ch_mobile: The Sec-CH-UA-Mobile header.
            ch_platform: The Sec-CH-UA-Platform header.
        """
        key = hash((user_agent, ch_ua, ch_mobile, ch_platform))
        found = self._remembered.get(key)
        if found is None:
            now, began = self._clock(), self._spent()
            self._left = min(_SAVED, self._left + (now - self._counted_at) * _SHARE)
            self._counted_at = now
            if self._left <= 0:
                return UNREAD
            found = _client(agent_of(user_agent, self._resolver), hints_of(ch_ua, ch_mobile, ch_platform))
            self._remembered.keep(key, found)
            self._left -= self._spent() - began
        return found


def _client(agent: Agent, hints: Hints | None) -> Client:
    if hints is None or agent.device == "bot":
        return Client(agent.browser, agent.version, agent.os, agent.device)
    if hints.browser in BOTS:
        return Client(hints.browser, hints.version, OTHER, "bot", "hints")
    device = _device(hints)
    if (hints.mobile and hints.os in DESKTOP_SYSTEMS) or (agent is not NOBODY and _contradict(agent, hints, device)):
        return Client(agent.browser, agent.version, agent.os, agent.device)
    return Client(hints.browser, hints.version, hints.os or agent.os, device or agent.device, "hints")


def _device(hints: Hints) -> str | None:
    """Return the class of device that hints tell, None where they tell none."""
    if hints.mobile is None:
        return None
    if hints.mobile:
        return "mobile"
    return "desktop" if hints.os in DESKTOP_SYSTEMS else "tablet" if hints.os == "Android" else None


def _contradict(agent: Agent, hints: Hints, device: str | None) -> bool:
    """Return whether hints say something else than the User-Agent, or less: somebody changed one of them."""
    return (
        agent.engine is None  # only browsers of Chromium send hints
        or (hints.engine is not None and hints.engine != agent.engine)
        or (hints.os is not None and OTHER not in {hints.os, agent.os} and hints.os != agent.os)
        or (device is not None and device != agent.device)
        or (agent.browser not in _PLAIN and not hints.browser.startswith(agent.browser))
    )
