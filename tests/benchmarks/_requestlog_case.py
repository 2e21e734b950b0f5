"""One case of a benchmark of the request log's analysis: ``python -m tests.benchmarks._requestlog_case CASE …``.

Prints what it found as JSON. Whoever starts it measures what it takes, from the start of the process to its end.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

Found = dict[str, Any]

#: As many panels as peers show by default and as have a like there: what a first look at a log is for.
PANELS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("requests", {"by": "hour"}),
    ("features", {}),
    ("statuses", {}),
    ("browsers", {}),
    ("systems", {}),
    ("languages", {}),
    ("referrers", {}),
    ("zones", {}),
)

#: How browsers call themselves, for those who take that apart themselves.
AGENTS = {
    "Chrome": "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Edge": "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/{}.0.0.0",
    "Safari": "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{}.0 Safari/605.1.15",
    "Firefox": "Mozilla/5.0 ({0}; rv:{1}.0) Gecko/20100101 Firefox/{1}.0",
    "Opera": "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/{}.0.0.0",
}
SYSTEMS = {
    "Windows": "Windows NT 10.0; Win64; x64",
    "macOS": "Macintosh; Intel Mac OS X 10_15_7",
    "iOS": "iPhone; CPU iPhone OS 18_6 like Mac OS X",
    "Android": "Linux; Android 10; K",
    "Linux": "X11; Linux x86_64",
}


def write(folder: Path, number: str) -> Found:
    """Write a synthetic log, and the same requests as a web server logs them."""
    from smartify_core.testing.requestlog import synthetic_log

    made = synthetic_log(folder / "log", int(number))
    with (folder / "combined.log").open("w", encoding="ascii") as out:
        out.writelines(combined(made.directory))
    return {"events": made.events}


def combined(directory: Path) -> Iterator[str]:
    """Yield the requests of a log as a web server would have logged them, in the combined format, day by day.

    That is, with whole addresses, and with a value at each parameter of a path.
    """
    chance = random.Random(5)
    day, halves, times = "", dict[str, tuple[str, str, int]](), dict[int, str]()
    for file in sorted(directory.glob("requests-*.jsonl")):
        if day != (day := file.name[:17]):
            times.clear()
        with file.open(encoding="ascii") as lines:
            for line in lines:
                rest = line[24:]
                if (half := halves.get(rest)) is None:
                    items = json.loads(line)
                    if "note" in items:
                        continue
                    half = halves[rest] = _halves(items)
                network, said, parameters = half
                second = int(line[14:24])
                if (told := times.get(second)) is None:
                    told = times[second] = f"{datetime.fromtimestamp(second, UTC):%d/%b/%Y:%H:%M:%S +0000}"
                values = tuple(chance.randrange(1, 10_000) for _ in range(parameters))
                yield f"{network}{chance.randrange(1, 255)} - - [{told}{said % values}"
        if len(halves) > 500_000:
            halves.clear()


def _halves(items: dict[str, Any]) -> tuple[str, str, int]:
    """Return a request's network, the rest of its line with a place for each parameter, and how many there are."""
    page = items.get("referrer", "-")
    foreign = page if page == "-" or "://" in page else f"https://app.example{page if page.startswith('/') else '/'}"
    agent = AGENTS.get(items["browser"], "Other/1.0 ({})").format(
        SYSTEMS.get(items["os"], "x"), items.get("version", 1)
    )
    request = f"{items['method']} {items['feature'].replace(' ', '+')} HTTP/1.1"
    said = f'] "{request}" {items["status"]} 1234 "{foreign}" "{agent}"\n'.replace("%", "%%")
    said, parameters = re.subn(r"\{[^}]*\}", "%d", said)
    return items["ip"].split("/")[0].rpartition(".")[0] + ".", said, parameters


def ask(folder: Path) -> Found:
    """Answer the panels."""
    from smartify_core.requestlog.analysis.duckdb import LogFiles

    with LogFiles(folder) as log:
        answers = {name: log.ask(name, **parameters).rows for name, parameters in PANELS}
        return {"events": log.coverage().events, **answers}


def pack(folder: Path) -> Found:
    """Pack a log."""
    from smartify_core.requestlog.analysis.packing import pack as packed

    done = packed(folder, now=datetime(2027, 1, 1, tzinfo=UTC))
    return {"events": sum(done.days.values()), "mb": sum(file.stat().st_size for file in done.files) / 1e6}


def many(folder: Path, number: str) -> Found:
    """Write a log of very many lines."""
    from smartify_core.testing.requestlog import synthetic_log

    started = time.perf_counter()
    made = synthetic_log(folder / "log", int(number), days=35, first=date(2026, 9, 7), compress=True)
    return {"events": made.events, "seconds": time.perf_counter() - started}


def report(folder: Path) -> Found:
    """Write the report."""
    from smartify_core.requestlog.analysis.duckdb import LogFiles
    from smartify_core.requestlog.report import report as written

    with LogFiles(folder) as log:
        text = written(log, title="Ten million", now=datetime(2026, 9, 7, tzinfo=UTC) + timedelta(days=35))
        return {"events": log.coverage().events, "kb": len(text) / 1e3}


def goaccess(file: Path) -> Found:
    """Return what GoAccess wrote into a file of JSON, as far as both can tell it."""
    told = json.loads(file.read_text(encoding="utf-8"))
    statuses = Counter[int]()
    for group in told["status_codes"]["data"]:
        for one in group.get("items", ()):
            statuses[int(one["data"].split()[0])] += one["hits"]["count"]
    return {"events": told["general"]["valid_requests"], "statuses": dict(statuses)}


CASES: dict[str, Callable[..., Found]] = {case.__name__: case for case in (write, ask, pack, many, report, goaccess)}

if __name__ == "__main__":
    name, where, *rest = sys.argv[1:]
    print(json.dumps(CASES[name](Path(where), *rest)))
