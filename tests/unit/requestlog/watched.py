"""Records requests of every kind, and prints what the thread that does so asked of the operating system meanwhile.

Run as ``python watched.py FOLDER KIND``. An audit hook cannot be taken away again, so this is a program of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

from smartify_core.requestlog import Collecting, RequestLog, TrustedProxies
from smartify_core.requestlog.asgi import RequestLogMiddleware
from smartify_core.requestlog.files import JsonLinesFile

#: Events of Python's audit that wait for nothing.
HARMLESS: Final = ("object.__", "code.__", "compile", "exec", "sys._getframe", "sys.setprofile", "builtins.id")
#: Modules whose functions ask something of the operating system, and those of them that read a clock or a text.
OUTSIDE: Final = {"posix", "nt", "_io", "time", "select", "_socket", "fcntl", "_thread", "signal"}
QUICK: Final = {"time", "perf_counter", "monotonic", "thread_time", "get_ident", "inet_pton"}

PLAIN: Final = [
    ("203.0.113.7", {}),
    ("10.0.0.5", {"x-forwarded-for": "203.0.113.8, 10.0.0.1"}),
    ("2001:db8::7", {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"}),
    ("203.0.113.7", {"accept-language": "de-CH,de;q=0.9"}),
    ("203.0.113.7", {"referer": "https://www.example.org/a?b", "host": "app.example.com"}),
    ("203.0.113.7", {"sec-ch-ua": '"Chromium";v="126"', "sec-ch-ua-mobile": "?0"}),
    ("203.0.113.7", {"sec-gpc": "1"}),
]
ZONES: Final = [("203.0.113.7", {"x-time-zone": "Europe/Zurich"}), ("203.0.113.7", {"x-time-zone": "Nowhere/Atall"})]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer, or fail."""
    scope["smartify_core.feature"] = f"/things/{scope['number'] % 50}"
    if scope["number"] % 7 == 3:
        raise LookupError(scope["number"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def send(message: object) -> None:
    """Take a message."""


def main(folder: Path, requests: list[tuple[str, dict[str, str]]]) -> None:
    """Record five thousand requests into a queue that takes a thousand, and print what was asked."""
    proxies = TrustedProxies(["10.0.0.0/8"], header="x-forwarded-for")
    sink = JsonLinesFile(folder / "log", queue=1_000)
    app = RequestLogMiddleware(answer, RequestLog(sink, Collecting(proxies=proxies, time_zone_header="X-Time-Zone")))
    asked: Counter[str] = Counter()
    here = threading.get_ident()
    watching = False

    def hear(event: str, arguments: object) -> None:
        if watching and threading.get_ident() == here and not event.startswith(HARMLESS):
            asked[event] += 1

    def look(frame: FrameType, event: str, function: Any) -> None:
        module = getattr(function, "__module__", None) or type(getattr(function, "__self__", None)).__module__
        if watching and event == "c_call" and module in OUTSIDE and function.__name__ not in QUICK:
            asked[f"{module}.{function.__name__}"] += 1

    def one(number: int) -> None:
        peer, headers = requests[number % len(requests)]
        scope = {
            "type": "http",
            "method": "GET",
            "client": (peer, 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "number": number,
        }
        running = app(scope, None, send)  # type: ignore[arg-type] # nothing is received
        try:
            running.send(None)
        except (StopIteration, LookupError):
            return
        raise AssertionError("it waited")

    async def on_a_loop() -> None:
        nonlocal watching
        watching = True
        sys.setprofile(look)
        for number in range(5_000):
            one(number)
        sys.setprofile(None)
        watching = False

    sys.addaudithook(hear)
    asyncio.run(on_a_loop())
    sink.close(30.0)
    print(json.dumps({"asked": asked, "dropped": sink.dropped}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), {"plain": PLAIN, "zones": ZONES}[sys.argv[2]])
