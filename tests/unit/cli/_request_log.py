"""Request logs for tests: files as the sink writes them, of any day and size."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smartify_core.requestlog import Address, Client, Failure, Feature, Note, Record, RequestEvent

#: Monday, 2 November 2026, noon.
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
FEATURE = "/projects/{project}"
CHROME = Client("Chrome", 141, "Windows", "desktop")


def event(at: datetime, feature: str = FEATURE, *, error: str | None = None, net: int = 0) -> RequestEvent:
    """Return a request."""
    return RequestEvent(
        int(at.timestamp()),
        Feature(feature),
        "GET",
        200 if error is None else 500,
        50,
        CHROME,
        Address(f"203.0.{net}.0/24"),
        None if error is None else Failure(error, "before_start"),
    )


def requests(day: datetime, count: int, feature: str = FEATURE) -> list[Record]:
    """Return requests of one day, a minute apart and from ten networks, every tenth of which failed."""
    return [
        event(day + timedelta(minutes=n), feature, error="KeyError" if n % 10 == 9 else None, net=n % 10)
        for n in range(count)
    ]


def file_name(started: datetime, number: int = 1, pid: int = 77) -> str:
    return f"requests-{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{pid}-{number}.jsonl"


def write(
    folder: Path,
    started: datetime,
    records: Sequence[Record | bytes],
    *,
    number: int = 1,
    pid: int = 77,
    compressed: bool = False,
) -> Path:
    """Write a file of records, or of whatever bytes are to stand for some."""
    folder.mkdir(exist_ok=True)
    content = b"".join(one if isinstance(one, bytes) else one.line() for one in records)
    path = folder / file_name(started, number, pid)
    if compressed:
        path = path.with_name(f"{path.name}.gz")
        content = gzip.compress(content)
    path.write_bytes(content)
    return path


def three_days(folder: Path) -> None:
    """Write a log of three days: forty, fifty and sixty requests, the last day not compressed yet, and a note."""
    for day, count in enumerate((40, 50, 60)):
        at = NOON + timedelta(days=day)
        records: list[Record] = requests(at, count)
        if day == 1:
            records.append(Note(int(at.timestamp()), "dropped", 7))
        write(folder, at, records, compressed=day < 2)
