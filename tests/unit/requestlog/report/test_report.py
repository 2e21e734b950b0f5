"""The report as a page: what is in it, and what never is."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.requestlog.report._engine import (
    DAY,
    EXPORT,
    FLOOR,
    HOUR,
    LEGACY,
    MONDAY,
    PARTS,
    SEARCH,
    WEEK_OF,
    StandIn,
)
from tests.unit.requestlog.report._reading import Read, read

from smartify_core.requestlog import FIELDS
from smartify_core.requestlog.analysis import QUESTIONS
from smartify_core.requestlog.report import report
from smartify_core.requestlog.report._markup import ATTRIBUTES, HTML, SVG

NOW = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)
LEDGER = {"dropped": 42, "unreadable": 3, "folded": 118, "expired": 2_304_118, "rolled": 9_000, "cell_days": 1}


def page(engine: StandIn, before: StandIn | None = None, title: str = "Acme Projects") -> Read:
    return read(report(engine, title=title, now=NOW, before=None if before is None else lambda *_: before))


@pytest.fixture(scope="module")
def four_weeks() -> Read:
    """Return the report of four weeks."""
    return page(StandIn(ledger=LEDGER))


def test_the_same_input_makes_the_same_bytes() -> None:
    """Nothing of the machine, the moment or the order of a set is in a report."""
    pages = {report(StandIn(hours=9 * 24), title="Acme", now=NOW) for _ in range(3)}
    assert len(pages) == 1


def test_a_report_is_small() -> None:
    """Four weeks take about a third of a megabyte, however many features there are, and thirteen months no more."""
    assert len(report(StandIn(), title="A", now=NOW).encode()) < 350_000
    year = StandIn(start=MONDAY - 395 * DAY, hours=395 * 24, scale=20, features=["/a", "/b"])
    assert len(report(year, title="A", now=NOW).encode()) < 350_000


def test_the_page_stands_alone(four_weeks: Read) -> None:
    """No element or attribute is there that runs or loads anything, and every address is a place in the page."""
    assert {one.tag for one in four_weeks.all()} <= HTML | SVG
    names = {name.lower() for name in ATTRIBUTES}
    assert {name for one in four_weeks.all() for name in one.attributes} <= names
    ids = [one.attributes["id"] for one in four_weeks.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids)) > 20
    assert {one.attributes["href"] for one in four_weeks.all("a")} <= {f"#{name}" for name in ids}
    pointed = [one.attributes[key].split() for one in four_weeks.all() for key in one.attributes if "labelledby" in key]
    assert {name for names in pointed for name in names} <= set(ids)


def test_the_policy_lets_nothing_in_but_the_style_sheet() -> None:
    """The page's own policy forbids everything, and names its one style sheet by its digest."""
    text = report(StandIn(hours=2), title="A", now=NOW)
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    (head,) = read(text).all("head")
    metas = {one.attributes.get("http-equiv"): one.attributes.get("content") for one in head.all("meta")}
    assert len(style) == 1
    assert metas["Content-Security-Policy"] == policy
    assert "url(" not in style[0]
    assert "@import" not in style[0]


def test_headings_are_in_order(four_weeks: Read) -> None:
    """There is one title, and no heading skips a level; every section has one."""
    levels = [int(one.tag[1]) for one in four_weeks.all("h1", "h2", "h3")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert {one.attributes["aria-labelledby"] for one in four_weeks.all("section")} <= {
        one.attributes["id"] for one in four_weeks.all("h2")
    }


def test_drawings_say_what_they_show(four_weeks: Read) -> None:
    """Each has a title, the large ones a description, and the numbers behind them in a table beside."""
    drawings = [one for one in four_weeks.all("svg") if one.attributes.get("role") == "img"]
    assert all(next(one.all("title")).text for one in drawings)
    charts = list(four_weeks.all("figure"))
    assert len(charts) == 4
    assert all(len(next(one.all("desc")).text) > 40 for one in charts)
    assert [len(next(one.all("details")).rows()) for one in charts] == [28, 7, 28, 28]
    others = [one.attributes for one in four_weeks.all("svg") if "role" not in one.attributes]
    assert all(one.get("aria-hidden") == "true" or "x" in one or "viewbox" in one for one in others)


def test_tables_have_captions_and_heads(four_weeks: Read) -> None:
    """Each table says what it is about, and each of its heads whether it is a column's or a row's."""
    tables = list(four_weeks.all("table"))
    assert len(tables) > 12
    assert all(next(one.all("caption")).text for one in tables)
    assert {one.attributes.get("scope") for table in tables for one in table.all("th")} == {"col", "row"}


def test_figures(four_weeks: Read) -> None:
    """The row of figures has the sums, and what they were before."""
    engine = StandIn(ledger=LEDGER)
    told = four_weeks.one("glance").text
    assert f"{engine.total:,}" in told
    assert "last 2 weeks: " in told
    assert "more than in the 2 weeks before" in told
    assert "45 events missing" in told
    errors = sum(one[1] for one in engine.counts.values())
    assert f"{errors:,} requests" in told


def test_every_question_is_asked() -> None:
    """What the analysis can tell of one time, the report tells, but for what two others tell already."""
    engine = StandIn(hours=20 * 24)
    report(engine, title="A", now=NOW)
    assert set(QUESTIONS) - set(engine.asked) == {"browsers", "compare", "networks"}


def test_features(four_weeks: Read) -> None:
    """Twenty features are told of one by one, the others together, and nothing is left out of the sum."""
    engine = StandIn(ledger=LEDGER)
    rows = four_weeks.one("features").rows()
    assert len(rows) == 21
    assert rows[0][0] == "/"
    assert rows[-1][0] == "11 others"
    assert sum(int(row[2].replace(",", "")) for row in rows) == engine.total
    assert rows[0][5:] == ["≤ 10 ms", "≤ 50 ms", "29 Nov"]
    assert sum(1 for _ in four_weeks.one("features").all("svg")) > 20


def test_changes(four_weeks: Read) -> None:
    """What is new, what grew and shrank, and what nobody uses any more is named."""
    section = four_weeks.one("changes")
    told = section.text
    assert f"New {WEEK_OF}" in told
    assert f"{LEGACY} last on 13 Nov" in told
    rows = section.rows()
    assert rows[0][0] == EXPORT
    assert rows[0][4].startswith("+")
    assert rows[-1][0] == SEARCH
    assert rows[-1][4].startswith("−")


def test_errors(four_weeks: Read) -> None:
    """Spikes, exceptions, statuses and methods each have their table."""
    told = four_weeks.one("errors").text
    assert "Fri 20 Nov, 14:00 to 15:00" in told
    assert "TimeoutError" in told
    assert "before the response" in told
    assert "404 Not Found" in told
    assert "other kinds" in told


def test_equipment_and_origins(four_weeks: Read) -> None:
    """Rare values are one row, and what requests do not have is no value."""
    clients, origins = four_weeks.one("clients").text, four_weeks.one("origins").text
    for text in ("Chrome 141", "Other 25,", "too few to tell apart", "macOS", "tablet"):
        assert text in clients, text
    for text in ("German (de)", "a page of your own", "https://t.co", "Europe/Berlin", "2 others"):
        assert text in origins, text
    assert "None" not in clients + origins
    assert "for 8.0 % your own page sent it, for 4.0 % a network in between derived it from the address." in origins
    assert "A browser sends no time zone. It is known of 12 % of the requests" in origins


def test_what_is_missing(four_weeks: Read) -> None:
    """The report says what it lacks, and what the floor does, once."""
    told = four_weeks.one("missing").text
    for text in ("Dropped 42", "Unreadable 3", "Folded 118", "Expired 2,304,118", "Rolled up 9,000"):
        assert text in told, text
    assert told.count(FLOOR) == 1
    assert "No floor." not in told


def test_every_field_is_explained(four_weeks: Read) -> None:
    """The legend is the schema's own: each field with its meaning and the words of the clause."""
    rows = four_weeks.one("fields").rows()
    assert [row[0] for row in rows] == [one.name for one in FIELDS]
    assert [row[1] for row in rows] == [one.meaning for one in FIELDS]
    assert {row[0]: row[2] for row in rows}["zone"] == "time zone"


def test_without_a_request_the_page_says_so() -> None:
    """A log without events makes a page that says what is missing, and nothing else."""
    empty = page(StandIn(hours=0, ledger={"dropped": 7, "files": 1}))
    assert "There is no request in the log for this time." in empty.text
    assert [one.attributes["id"] for one in empty.all("section")] == ["glance", "missing", "fields"]
    assert "Dropped 7" in empty.one("missing").text
    assert "Covered 0 % 7 events missing" in empty.one("glance").text


@pytest.mark.parametrize("hours", [1, 2, 23, 25, 49, 7 * 24, 14 * 24])
def test_short_logs(hours: int) -> None:
    """A log of an hour, a day, a week has a report, which tells no change and no habit that it cannot know."""
    made = page(StandIn(hours=hours, features=("/only",), bounded=True))
    names = [one.attributes["id"] for one in made.all("section")]
    assert ("week" in names) == (hours >= 7 * 24)
    assert ("too short to tell what changed" in made.text) == (hours < 48)
    assert ("too short to tell what nobody uses" in made.text) == (hours < 14 * 24)
    step, length = ("hour", 1) if hours <= 96 else ("day", 24)
    assert f"Every {step}" in made.one("traffic").text
    assert len(next(made.one("traffic").all("details")).rows()) == hours // length


def test_one_request() -> None:
    """A single request that did not fail makes a whole page."""
    engine = StandIn(hours=1, features=("/only",), scale=0)
    engine.counts = {(MONDAY, "/only"): (1, 0, 0, 0)}
    made = page(engine)
    assert "1 request reached 1 feature. None of them failed." in made.text
    assert "No request failed in this time." in made.one("errors").text


def test_long_logs_are_told_by_weeks() -> None:
    """Beyond two hundred days steps are weeks, and failures are told by weekday."""
    made = page(StandIn(start=MONDAY - 210 * DAY, hours=210 * 24, scale=30, features=("/a", "/b")))
    assert "Every week" in made.one("traffic").text
    assert "Failures by weekday and hour" in made.one("errors").text
    assert "Browsers by week" in made.one("clients").text


def test_ten_thousand_features_are_summed_up() -> None:
    """However many features there are, the page tells of the first twenty, and of the rest together."""
    features = [f"/f{number}" for number in range(10_000)]
    engine = StandIn(hours=3, features=features, scale=90_000)
    text = report(engine, title="A", now=NOW)
    assert len(text) < 200_000
    rows = read(text).one("features").rows()
    assert len(rows) == 21
    assert sum(int(row[2].replace(",", "")) for row in rows) == engine.total


def test_what_came_before_is_drawn_and_compared() -> None:
    """With an engine of the time before, the whole period is held against it, and its line is drawn below."""
    before = StandIn(start=MONDAY - 28 * DAY, bounded=True, scale=800, seed=6)
    made = page(StandIn(bounded=True), before)
    told = made.one("glance").text
    assert "more than in the 4 weeks before" in told
    assert "last 2 weeks" not in told
    assert "requests in the period before" in made.one("traffic").text
    assert "held against the 4 weeks before (5 October to 1 November 2026)" in made.one("changes").text


def test_a_log_that_had_not_begun_before_is_not_compared() -> None:
    """Where the log covers only a part of the time before, halves of the period are compared instead."""
    late = StandIn(start=MONDAY - 3 * DAY, hours=3 * 24, bounded=True)
    late.since = MONDAY - 28 * DAY - HOUR
    assert "last 2 weeks: " in page(StandIn(bounded=True), late).one("glance").text
    assert "last 2 weeks: " in page(StandIn(bounded=True), StandIn(hours=0)).one("glance").text


def test_days_that_are_not_whole_are_set_apart() -> None:
    """The first day of a log that began at noon, and the last of one that ended then, are rings, and say why."""
    engine = StandIn(start=MONDAY + 22 * DAY + 12 * HOUR, hours=6 * 24)
    made = page(engine)
    told = [one.text for one in made.one("traffic").all("g") if one.attributes.get("class") == "tip"]
    assert [one.split(" requests")[0].rstrip("0123456789,") for one in (told[0], told[-1])] == [
        "Tue 24 Nov, not whole ",
        "Mon 30 Nov, not whole ",
    ]
    assert "not whole" not in told[1]
    rings = [one for one in made.one("traffic").all("circle") if "open requests" in one.attributes["class"]]
    assert len(rings) == 2
    whole = page(StandIn(hours=6 * 24))
    assert not [one for one in whole.one("traffic").all("circle") if "open" in one.attributes["class"]]


def test_a_period_that_begins_before_the_log_shows_what_is_not_covered() -> None:
    """Days before the first event are unknown, not empty."""
    engine = StandIn(hours=10 * 24)
    late: Any = StandIn(start=MONDAY + 5 * DAY, hours=5 * 24, bounded=True)
    late.since = engine._start
    made = page(late)
    rows = next(made.one("traffic").all("details")).rows()
    assert len(rows) == 10


def test_a_title_is_text() -> None:
    """The title is what was asked for, in the head and in the page, whatever it says."""
    made = page(StandIn(hours=2), title="</title><b>A & B")
    assert next(made.all("h1")).text == "</title><b>A & B"
    assert next(made.all("title")).text == "</title><b>A & B"


def test_parts_of_the_double_are_the_questions_own() -> None:
    """The stand-in answers the questions that there are, under their names."""
    assert set(PARTS) <= set(QUESTIONS)
