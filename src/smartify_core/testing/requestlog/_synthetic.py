"""A log that looks like a real one, made from a number: as many lines as wanted, hundreds of thousands a second.

What one request says comes from pools that are made first, of the same pieces that real events are made of. Lines are
put together hour by hour, so that a log of any length takes the same memory.
"""

from __future__ import annotations

import gzip
import os
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import IO, Final, TypeVar

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.requestlog import Address, Client, Failure, Feature, Language, Note, Referrer, Zone
from smartify_core.requestlog.files._names import file_name

T = TypeVar("T")

_HOUR: Final = 3_600
_DAY: Final = 86_400
_MODE: Final = 0o640
#: Requests of each hour of a working day and of a day of the weekend, in UTC.
_WORKING: Final = (2, 1, 1, 1, 2, 4, 12, 30, 62, 80, 84, 78, 60, 70, 82, 80, 70, 52, 34, 24, 18, 12, 7, 4)
_WEEKEND: Final = (2, 1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 9, 9, 9, 8, 8, 8, 7, 6, 5, 4, 3)
_SATURDAY: Final = 5
#: How many different halves of lines there are at most; they are taken in turn, never in the same order.
_POOL: Final = 40_009
#: How many programs there are, and how many different lines of them a day has at most.
_CLIENTS: Final = 9_000
_TAILS: Final = 8_009
_NAMES: Final = (
    *("accounts", "projects", "tasks", "files", "people", "billing"),
    *("search", "reports", "teams", "comments", "calendar", "invoices"),
)
_ACTIONS: Final = ("", "/{id}", "/{id}/edit", "/{id}/history", "/{id}/export")
#: Durations, the frequent ones first, and what answers are like.
_DURATIONS: Final = {
    10: 34,
    5: 20,
    25: 20,
    50: 10,
    100: 7,
    250: 4,
    500: 2,
    1_000: 1.4,
    2_500: 1,
    5_000: 0.4,
    10_000: 0.2,
}
_METHODS: Final = {"GET": 78, "POST": 15, "PUT": 3, "PATCH": 2, "DELETE": 2}
_STATUSES: Final = {200: 90, 304: 4, 302: 2, 404: 2.4, 401: 0.8, 403: 0.3, 500: 0.35, 503: 0.05}
_ERRORS: Final = {"TimeoutError": 4, "ValueError": 3, "KeyError": 2, "OperationalError": 1}
_PROGRAMS: Final = {
    ("Chrome", "Windows", "desktop"): 38,
    ("Safari", "iOS", "mobile"): 14,
    ("Edge", "Windows", "desktop"): 12,
    ("Chrome", "macOS", "desktop"): 10,
    ("Chrome", "Android", "mobile"): 9,
    ("Safari", "macOS", "desktop"): 6,
    ("Firefox", "Windows", "desktop"): 5,
    ("Firefox", "Linux", "desktop"): 2.5,
    ("Opera", "Windows", "desktop"): 0.4,
    ("Vivaldi", "Linux", "desktop"): 0.08,
    ("Other", "Other", "bot"): 1.5,
}
_VERSIONS: Final = {"Chrome": 141, "Edge": 141, "Safari": 26, "Firefox": 144, "Opera": 122, "Vivaldi": 7}
_LANGUAGES: Final[Mapping[str | None, float]] = {
    "en": 52,
    "de": 20,
    "fr": 8,
    "es": 6,
    "it": 4,
    "nl": 3,
    "pl": 2,
    "sv": 1,
    "fi": 0.3,
    None: 3,
}
_ZONES: Final[Mapping[str | None, float]] = {
    "Europe/Berlin": 24,
    "Europe/London": 12,
    "America/New_York": 10,
    "Asia/Tokyo": 1,
    "Asia/Kathmandu": 0.02,
}
_PAGES: Final[Mapping[str | None, float]] = {
    "(own)": 30,
    None: 25,
    "https://www.google.com": 5,
    "https://www.bing.com": 1.5,
    "https://github.com": 1,
}


@frozen
class SyntheticLog:
    """What `synthetic_log` wrote, and what there is to be found in it.

    Attributes:
        directory: The directory of the log.
        files: Its files, in order.
        lines: How many lines they have.
        events: How many of these are events.
        dropped: How many events its notes say were dropped.
        spike: The feature that failed for an hour, and when that hour began.
        retired: The feature that nobody used from a time on, and that time.
    """

    directory: Path
    files: tuple[Path, ...]
    lines: int
    events: int
    dropped: int
    spike: tuple[str, int]
    retired: tuple[str, int]


def synthetic_log(
    directory: str | os.PathLike[str],
    lines: int,
    seed: int = 1,
    *,
    days: int = 28,
    first: date = date(2026, 9, 7),
    processes: int = 2,
    rotate_bytes: int = 64 << 20,
    compress: bool = False,
) -> SyntheticLog:
    """Write a request log as a busy application's looks, to files named as `JsonLinesFile` names them.

    Features, networks and foreign pages follow Zipf's law; there are quiet nights and weekends, an hour in which one
    feature fails, a feature that is given up, notes of dropped events, and programs that hardly anybody has. The same
    arguments give the same bytes.

    Args:
        directory: Where to; it is made where it is not there, and must hold no log yet.
        lines: How many lines, at least 1,000.
        seed: Which log.
        days: Of how many days; at least 2.
        first: The first of them (UTC).
        processes: How many processes wrote it, each into files of its own.
        rotate_bytes: How large a file becomes at most, before it is compressed. Each day has files of its own.
        compress: Whether the files are compressed.

    Raises:
        UsageError: A number is too small, or the directory holds a log.
    """
    if lines < 1_000 or days < 2 or processes < 1 or rotate_bytes < 1 << 16:  # noqa: PLR2004 - said above
        raise UsageError(
            "a synthetic log has at least 1,000 lines, 2 days, one process and 64 KiB a file",
            where="synthetic_log",
            cure="Ask for more.",
        )
    top = Path(directory)
    top.mkdir(parents=True, exist_ok=True)
    if any(top.glob("requests-*")):
        raise UsageError("the directory holds a log already", where=str(top), cure="Name an empty one.")
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    world = _World(Random(seed), start, days)  # noqa: S311 - a made-up log hides nothing
    with ExitStack() as stack:
        writers = [_Writer(top, 1_000 + at, rotate_bytes, stack, compress=compress) for at in range(processes)]
        dropped = _write(world, writers, lines)
        for writer in writers:
            writer.finish()
    files = tuple(sorted(file for writer in writers for file in writer.files))
    notes = sum(writer.notes for writer in writers)
    return SyntheticLog(top, files, lines, lines - notes, dropped, world.spike, world.retired)


class _World:
    """Who there is and what they do."""

    def __init__(self, dice: Random, start: int, days: int) -> None:
        self.dice, self.start, self.days = dice, start, days
        features = [f"/{name}{action}" for action in _ACTIONS for name in _NAMES]
        dice.shuffle(features)
        self.features = {name: 1 / (at + 1) for at, name in enumerate([*features, "unmatched"])}
        old, failing = "/import/legacy", features[3]
        noon = start + days * 2 // 3 * _DAY + 11 * _HOUR
        self.spike, self.retired = (failing, noon), (old, start + days // 3 * _DAY)
        used = _drawn(dice, {**self.features, old: 0.2}, _POOL)
        done, broken = _done(dice, _STATUSES), _done(dice, {500: 1})
        pieces = {name: Feature(name).piece for name in {*used}}
        self.before = [pieces[name] + rest for name, rest in zip(used, done, strict=True)]
        self.after = [
            pieces[features[0] if name == old else name] + rest for name, rest in zip(used, done, strict=True)
        ]
        self.failing = [
            pieces[name] + rest if name == failing and at % 5 else head
            for at, (name, rest, head) in enumerate(zip(used, broken, self.after, strict=True))
        ]
        self._clients = _clients(dice)
        self._popular = list(accumulate(1 / (at + 30) for at in range(len(self._clients))))

    def weights(self) -> list[int]:
        """Return how busy each hour is."""
        first = datetime.fromtimestamp(self.start, UTC).weekday()
        return [
            (_WEEKEND if (first + day) % 7 >= _SATURDAY else _WORKING)[hour]
            for day in range(self.days)
            for hour in range(24)
        ]

    def heads(self, hour: int) -> Sequence[str]:
        """Return what is done in an hour."""
        if hour == self.spike[1]:
            return self.failing
        return self.before if hour < self.retired[1] else self.after

    def tails(self, size: int) -> list[str]:
        """Return who comes on one day: some people, each many times, from this page or that."""
        dice = self.dice
        people = [self._clients[self._at(self._popular)] for _ in range(max(8, min(3_000, size // 40)))]
        often = list(accumulate(1 / (at + 20) for at in range(len(people))))
        pages = [_page(one) for one in _drawn(dice, {**_PAGES, **_own_pages(self.features)}, 997)]
        drawn = (people[self._at(often)] for _ in range(min(_TAILS, max(100, size))))
        return [f"{program}{pages[at % len(pages)]}{zone}}}\n" for at, (program, zone) in enumerate(drawn)]

    def _at(self, sums: Sequence[float]) -> int:
        return bisect(sums, self.dice.random() * sums[-1], 0, len(sums) - 1)


def _write(world: _World, writers: Sequence[_Writer], lines: int) -> int:
    weights, left, dropped = world.weights(), lines, 0
    total, tails = sum(weights), [""]
    for at, weight in enumerate(weights):
        hour = world.start + at * _HOUR
        number = left if at + 1 == len(weights) else round(left * weight / total)
        left, total = left - number, total - weight
        if at % 24 == 0:
            tails = world.tails(lines // world.days)
            for writer in writers:
                writer.begin(hour)
        if not number:
            continue
        if at % 41 == 12:  # noqa: PLR2004 - now and then
            count = world.dice.randrange(1, 40)
            writers[0].note(Note(hour, "dropped", count))
            dropped, number = dropped + count, number - 1
        made = _lines(world, hour, number, tails)
        for place, writer in enumerate(writers):
            writer.write(made[place :: len(writers)])
    return dropped


def _lines(world: _World, hour: int, number: int, tails: Sequence[str]) -> list[str]:
    """Return the lines of an hour, in the order of time."""
    heads = world.heads(hour)
    dice = world.dice
    here, there = dice.randrange(len(heads)), dice.randrange(len(tails))
    times = [f'{{"v":1,"time":{hour + at * _HOUR // number}' for at in range(number)]
    return [
        time + head + tail for time, head, tail in zip(times, _round(heads, here), _round(tails, there), strict=False)
    ]


def _round(values: Sequence[str], start: int) -> Iterator[str]:
    """Yield values for ever, from one of them on."""
    yield from values[start:]
    while True:
        yield from values


class _Writer:
    """What one process writes."""

    def __init__(self, directory: Path, pid: int, most: int, stack: ExitStack, *, compress: bool) -> None:
        self._directory, self._pid, self._most, self._compress = directory, pid, most, compress
        self._stack = stack
        self._file: IO[bytes] | None = None
        self._size = self._number = self._hour = 0
        self.files: list[Path] = []
        self.notes = 0

    def begin(self, hour: int) -> None:
        """Begin a day."""
        self.finish()
        self._hour = hour

    def write(self, lines: Sequence[str]) -> None:
        """Write lines, into a new file where the last one is full."""
        data = "".join(lines).encode("ascii")
        file = self._file
        if file is None or self._size + len(data) > self._most:
            self.finish()
            file = self._open()
        file.write(data)
        self._size += len(data)

    def note(self, note: Note) -> None:
        """Write a note."""
        self.write([note.line().decode("ascii")])
        self.notes += 1

    def finish(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
        self._file, self._size = None, 0

    def _open(self) -> IO[bytes]:
        self._number += 1
        started = datetime.fromtimestamp(self._hour, UTC)
        path = self._directory / file_name(started, self._pid, self._number)
        if self._compress:
            path = path.with_name(f"{path.name}.gz")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        raw = os.fdopen(descriptor, "wb")
        self._stack.callback(raw.close)
        file: IO[bytes] = gzip.GzipFile("", "wb", 1, raw, 0) if self._compress else raw  # type: ignore[assignment] # it takes bytes
        self._file = file
        self.files.append(path)
        return file


def _done(dice: Random, statuses: Mapping[int, float]) -> list[str]:
    """Return what lines say after the feature."""
    kinds = {error: Failure(error, None).piece for error in _ERRORS}
    raised = {error: Failure(error, "before_start").piece for error in _ERRORS}
    failures = _drawn(dice, {kinds[error]: weight for error, weight in _ERRORS.items()}, _POOL)
    deadly = _drawn(dice, {raised[error]: weight for error, weight in _ERRORS.items()}, _POOL)
    return [
        f',"method":"{method}","status":{status},"ms":{ms}' + ("" if status < 500 else failure if at % 3 else fatal)  # noqa: PLR2004 - RFC 9110, section 15.6
        for at, (method, status, ms, failure, fatal) in enumerate(
            zip(
                _drawn(dice, _METHODS, _POOL),
                _drawn(dice, statuses, _POOL),
                _drawn(dice, _DURATIONS, _POOL),
                failures,
                deadly,
                strict=True,
            )
        )
    ]


def _clients(dice: Random) -> list[tuple[str, str]]:
    """Return what lines say of programs, before and after the page that one came from."""
    some = partial(_drawn, dice, number=_CLIENTS)
    languages = {name: "" if name is None else Language(name).piece for name in _LANGUAGES}
    zones = {name: "" if name is None else Zone(name).piece for name in _ZONES}
    found = []
    for (browser, system, device), language, zone in zip(some(_PROGRAMS), some(_LANGUAGES), some(_ZONES), strict=True):
        newest = _VERSIONS.get(browser)
        version = None if newest is None else max(1, newest - int(dice.expovariate(0.7)))
        network = f"{dice.randrange(11, 220)}.{dice.randrange(256)}.{dice.randrange(256)}.0/24"
        client = Client(browser, version, system, device).piece
        found.append((f"{Address(network, 'forwarded').piece}{client}{languages[language]}", zones[zone]))
    return found


def _page(name: str | None) -> str:
    return "" if name is None else Referrer(name).piece


def _own_pages(features: Mapping[str, float]) -> dict[str | None, float]:
    pages: dict[str | None, float] = {name: weight * 8 for name, weight in features.items() if name.startswith("/")}
    return pages | {f"https://blog-{at}.example": 0.6 / (at + 1) for at in range(40)}


def _drawn(dice: Random, weights: Mapping[T, float], number: int) -> list[T]:
    """Return values drawn by their weights, alike on every machine."""
    values, sums = list(weights), list(accumulate(weights.values()))
    return [values[bisect(sums, dice.random() * sums[-1], 0, len(sums) - 1)] for _ in range(number)]
