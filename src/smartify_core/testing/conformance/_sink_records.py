"""What the clauses of the sink kit put, and how they look at what was written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from smartify_core.requestlog import (
    Address,
    Client,
    Failure,
    Feature,
    Language,
    Note,
    Record,
    Referrer,
    RequestEvent,
    Sink,
    Zone,
)

from ._sink_world import SinkWorld

#: How long what must not happen is waited for, in seconds.
MOMENT: Final = 0.2
_START: Final = 1_800_000_000

#: Records of every shape.
RECORDS: Final[tuple[Record, ...]] = (
    RequestEvent(_START, Feature("unmatched"), "GET", None, 1, Client("Other", None, "Other", "other")),
    RequestEvent(
        _START,
        Feature("/users/{id}/files"),
        "POST",
        503,
        3_600_000,
        Client("Firefox", 140, "Linux", "desktop", "hints"),
        Address("2001:db8:12::/48", "forwarded"),
        Failure("ValueError", "streaming"),
        Language("de,en"),
        Referrer("https://www.example.org"),
        Zone("Europe/Berlin", "cdn"),
    ),
    RequestEvent(
        _START, Feature("a name"), "OTHER", 404, 5, Client("Safari", 0, "iOS", "mobile"), Address(None, "withheld")
    ),
    Note(_START, "folded", 7),
    Note(_START, "expired", 0, "2026-11-29"),
)


def event(number: int, feature: str = "page") -> RequestEvent:
    """Return an event that is told from others by its time, and from those of others by its feature."""
    return RequestEvent(_START + number, Feature(feature), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))


def put(sink: Sink, numbers: Iterable[int], feature: str = "page") -> None:
    """Put an event for each number."""
    for number in numbers:
        sink.put(event(number, feature))


def numbers(written: Sequence[Mapping[str, Any]], feature: str = "page") -> list[int]:
    """Return the numbers of those events, in the order of the target."""
    return [items["time"] - _START for items in written if items.get("feature") == feature]


def dropped(written: Sequence[Mapping[str, Any]]) -> int:
    """Return how many records the notes say were dropped."""
    return sum(items["count"] for items in written if items.get("note") == "dropped")


def in_time(world: SinkWorld, is_so: Callable[[], bool], sink: Sink | None = None) -> bool:
    """Return whether something comes true before patience ends; a sink is asked to write meanwhile."""
    deadline = time.monotonic() + world.patience
    pause = threading.Event()
    while not is_so():
        if time.monotonic() > deadline:
            return False
        if sink is not None:
            sink.flush(MOMENT)
        pause.wait(0.002)
    return True


def settled(world: SinkWorld, sink: Sink, number: int, feature: str = "page") -> list[int]:
    """Return the numbers of the events in the target once it holds so many, or when patience ends.

    What `Sink.flush` says is not relied upon: there is a clause for that. Nor is the order of what is returned.
    """
    in_time(world, lambda: len(numbers(world.written(), feature)) >= number, sink)
    sink.flush(MOMENT)  # and whatever would come too much
    return sorted(numbers(world.written(), feature))


def all_told(world: SinkWorld, sink: Sink, number: int) -> bool:
    """Return whether each of so many events is written, or is told to have been dropped, before patience ends."""

    def told() -> bool:
        written = world.written()
        return len(numbers(written)) + dropped(written) >= number

    return in_time(world, told, sink)


def returns(world: SinkWorld, call: Callable[[], object]) -> bool:
    """Return whether a call comes back before patience ends. What it raises is raised."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(world.patience)
    if raised:
        raise raised[0]
    return not thread.is_alive()
