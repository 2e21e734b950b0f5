"""The report of a log in files, answered by the embedded engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.requestlog.report._reading import Read, read

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
    RequestLog,
    Zone,
)
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.requestlog.report import report

#: Monday, 2 November 2026.
START = datetime(2026, 11, 2, tzinfo=UTC)
NOW = START + timedelta(days=21, hours=9)
CHROME, SAFARI = Client("Chrome", 141, "Windows", "desktop"), Client("Safari", 26, "iOS", "mobile")
RARE = Client("Opera", 99, "Linux", "tablet")


def records() -> list[Record]:
    """Return three weeks of requests, one each hour from eight to seventeen; more of them in the third week."""
    made: list[Record] = []
    for day in range(21):
        for hour in range(8, 18):
            for turn in range(3 if day >= 14 else 2):
                at = START + timedelta(days=day, hours=hour, minutes=turn)
                legacy = day < 9 and hour == 8 and not turn
                failed = day == 16 and hour == 14
                made.append(
                    RequestEvent(
                        int(at.timestamp()),
                        Feature("/legacy" if legacy else "/reports/{report}" if hour == 14 else "/"),
                        "GET",
                        500 if failed else 404 if hour == 17 else 200,
                        2_500 if hour == 9 else 50,
                        RARE if day == 3 and hour == 12 else SAFARI if hour % 3 == 0 else CHROME,
                        Address(f"203.0.{(day * 7 + hour + turn) % 60}.0/24"),
                        Failure("TimeoutError", "before_start") if failed else None,
                        Language("de" if turn else "en"),
                        Referrer("https://www.example.org") if hour == 10 else Referrer("(own)"),
                        Zone("Europe/Berlin") if hour == 11 else None,
                    )
                )
    made.append(Note(int(NOW.timestamp()), "dropped", 9))
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a log of three weeks."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / f"requests-{START:%Y%m%dT%H%M%SZ}-7-1.jsonl").write_bytes(b"".join(one.line() for one in records()))
    return folder


@pytest.fixture(scope="module")
def page(log: Path) -> Read:
    """Return the report of all of it."""
    with LogFiles(log) as engine:
        return read(report(engine, title="Three weeks", now=NOW))


def test_the_report_has_the_numbers_of_the_log(page: Read) -> None:
    """Requests, failures and slow answers are those of the events, and so is what stands out."""
    told = page.one("glance").text
    assert "Requests 490" in told
    assert "Failed 0.61 %" in told
    assert "3 requests" in told
    assert "Slower than a second 10 %" in told
    assert "9 events missing" in told
    assert "490 requests reached 3 features." in page.text
    assert "1 feature has not been used since 12 Nov." in page.one("short").text


def test_the_floor_holds_in_the_report(page: Read) -> None:
    """A browser that was met from two networks is named nowhere, and the sentence says why."""
    assert "Opera 99" not in page.text
    assert {"Opera", "Linux", "tablet"}.isdisjoint(row[0] for row in page.one("clients").rows())
    assert "too few to tell apart" in page.one("clients").text
    assert "fewer than 5 networks" in page.one("missing").text


def test_failures_are_where_they_were(page: Read) -> None:
    """The hour with the failures is outlined, and the exception is named with its feature."""
    told = page.one("errors")
    assert "The most, 3 failures, on Wed 18 Nov from 14:00" in told.text
    assert ["TimeoutError", "/reports/{report}", "before the response", "500", "3"] in [row[:5] for row in told.rows()]
    assert "404 Not Found" in told.text


def test_origins_are_told(page: Read) -> None:
    """Languages, pages and time zones come with what part of the requests they are known of."""
    told = page.one("origins").text
    for text in ("German (de)", "https://www.example.org", "a page of your own", "Europe/Berlin", "known of 10 %"):
        assert text in told, text


@pytest.mark.parametrize("offset", [0, 60, -210, 345])
@pytest.mark.parametrize("hours", [(0, None), (24 * 7 + 5, None), (24 * 7 + 5, 24 * 13 + 7), (33, 40)])
def test_any_time_and_offset_has_a_report(log: Path, offset: int, hours: tuple[int, int | None]) -> None:
    """Times that begin and end in the middle of days, at odd offsets, are told whole, with what came before."""
    since = START + timedelta(hours=hours[0])
    until = None if hours[1] is None else START + timedelta(hours=hours[1])
    opened: list[LogFiles] = []

    def before(begin: int, end: int) -> LogFiles:
        opened.append(LogFiles(log, offset=offset, since=begin, until=end))
        return opened[-1]

    with LogFiles(log, offset=offset, since=since, until=until) as engine:
        made = read(report(engine, title="A", now=NOW, before=before))
        events = engine.coverage().events
    for one in opened:
        one.close()
    assert f"Requests {events:,}" in made.one("glance").text
    rows = next(made.one("traffic").all("details")).rows()
    assert sum(int(row[1].replace(",", "")) for row in rows if row[1].isdigit()) == events


def test_what_is_folded_is_not_called_known(tmp_path: Path) -> None:
    """From a single network nothing can be told apart, and so neither can who has no language or no time zone."""
    with JsonLinesFile(tmp_path, on_sigterm=False) as sink:
        log = RequestLog(sink)
        for number in range(20):
            heard = ["", "", "", "", "de" if number % 2 else "", "", "", "", "", "", ""]
            log.record(int(START.timestamp()) + 3_600, "/x", "GET", 200, 0.001, None, "203.0.113.9", heard)
    with LogFiles(tmp_path) as found:
        page = report(found, title="Acme", now=START + timedelta(hours=2))
    assert "too few to tell apart, or not known" in page
    assert "100 % of the requests say which" not in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "It is known of" not in page
    assert "or more say which language they prefer" in page


def test_the_week_before_is_held_against(log: Path) -> None:
    """The third week has half as many requests more than the second one."""
    middle = START + timedelta(days=14)
    with (
        LogFiles(log, since=middle) as engine,
        LogFiles(log, since=middle - timedelta(days=7), until=middle) as earlier,
    ):
        made = read(report(engine, title="A", now=START + timedelta(days=21), before=lambda *_: earlier))
    assert "50 % more than in the week before" in made.one("glance").text
