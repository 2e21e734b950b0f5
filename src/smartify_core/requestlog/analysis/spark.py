"""The distributed engine: the same questions on Spark, over a request log that a cluster can read, or over a table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from itertools import count
from pathlib import Path
from typing import Final

from smartify_core.errors import MissingExtra, UsageError

from ._answers import Row
from ._counting import all_counted, counted, counted_events, relations
from ._inventory import Inventory, inventory, origin_of
from ._lines import COLUMNS
from ._logs import Logs
from ._reading import CELL_COLUMNS, TYPES, counts, gone_of, nothing
from ._sql import within

try:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import functions as sql
except ImportError:
    raise MissingExtra.named("spark", needed_for="smartify_core.requestlog.analysis.spark") from None

__all__ = ["SparkLogs"]

_numbers = count(1)
#: How often the directory is listed anew, because files that had been listed were compressed, packed or deleted.
_TRIES: Final = 10
_glob = re.compile(r"([*?\[\]{}\\])")

#: A line holds one JSON object and nothing else, as DuckDB reads it: Spark alone is content with a good beginning.
_ONE_OBJECT: Final = (
    r"value rlike '^\\s*[{]' and is_valid_utf8(value) and json_array_length(concat('[', value, ']')) = 1"
)
#: Half of a character outside the basic plane, without its other half, is no text.
_LONE: Final = (
    r"(?<!\\)(?:\\\\)*\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class SparkLogs(Logs):
    """A request log that a Spark session reads.

    Everything is read by the session's executors and counted there; what comes back to this process is answers. What
    was counted stays with the executors (a local checkpoint), so a new engine is needed when they are lost. The floor
    is in the queries themselves.

    Args:
        session: The session. It stays open when the engine is closed.
        log: The directory of a log, which this process and the executors see; or rows with the columns of the schema
            (`FIELDS` and, for notes, `NOTE_FIELDS`; a column that is missing is null), such as a table of packed days.
        seen_as: How the executors call the directory, where that is another name: ``hdfs://…``, ``s3a://…``.
        k: The floor: how many networks a value of the sender's equipment was seen from at least. 1 for no floor.
        since: Events from here on count: seconds since 1970 UTC, or an aware datetime.
        until: Events before this count.
        offset: Minutes that hours, days and weeks are ahead of UTC.

    Raises:
        UsageError: An argument is of no use, the directory cannot be listed, or the session cannot read it.
        MissingExtra: PySpark is not installed; raised by the import of this module.
    """

    def __init__(
        self,
        session: SparkSession,
        log: str | os.PathLike[str] | DataFrame,
        *,
        seen_as: str | None = None,
        k: int = 5,
        since: int | datetime | None = None,
        until: int | datetime | None = None,
        offset: int = 0,
    ) -> None:
        super().__init__(k=k, since=since, until=until, offset=offset, prefix=f"smartify_{next(_numbers)}_")
        self._session = session
        self._log = log if isinstance(log, DataFrame) else Path(os.path.abspath(log))  # noqa: PTH100 - as the sink has it
        self._root = seen_as.rstrip("/") if seen_as is not None else f"file://{self._log}"
        self._made: list[str] = []
        if isinstance(self._log, Path):
            inventory(self._log)

    def __repr__(self) -> str:
        """Return the engine with its log."""
        return f"SparkLogs({'rows' if isinstance(self._log, DataFrame) else str(self._log)!r})"

    def close(self) -> None:
        """Let go of everything that was read. Safe to call twice."""
        with self._lock:
            self._closed = True
            for name in self._made:
                self._session.catalog.dropTempView(name)
            self._made.clear()

    def _rows(self, query: str) -> Sequence[Row]:
        try:
            return [tuple(row) for row in self._session.sql(query).collect()]
        except PySparkException as error:
            raise self._unreadable(error) from None

    def _read(self) -> tuple[int, int, int]:
        if isinstance(self._log, DataFrame):
            try:
                self._count(self._of_table(self._log), self._nothing(COLUMNS), self._nothing(CELL_COLUMNS))
            except PySparkException as error:
                raise self._unreadable(error) from None
            return 0, 0, 0
        for tries in range(_TRIES):
            found = inventory(self._log)
            try:
                self._count(self._of_files(found), self._of_packed(found), self._of_cells(found))
            except PySparkException as error:
                # Where a file is gone, it was compressed, packed or deleted meanwhile: what it was made into is there.
                if tries + 1 == _TRIES or inventory(self._log) == found:
                    raise self._unreadable(error) from None
            else:
                return found.files, found.expired_within(self.since, self.until), found.unreadable
        raise AssertionError

    def _count(self, lines: DataFrame, packed: DataFrame, cells: DataFrame) -> None:
        for name, frame in (("lines", lines), ("packed", packed), ("cells", cells.localCheckpoint())):
            self._view(name, frame)
        parts = [
            made(name, offset=self.offset, since=self.since, until=self.until)
            for name, made in (("lines", counted), ("packed", counted_events))
        ]
        self._view("counts", self._session.sql(self._sql(all_counted(parts))).localCheckpoint())
        for name, query in relations(self.offset).items():
            self._view(name, self._session.sql(self._sql(query)))

    def _unreadable(self, error: PySparkException) -> UsageError:
        return UsageError(
            f"Spark cannot read the request log: {error.getCondition() or type(error).__name__}",
            where=repr(self),
            cure="See that its executors reach the files, and ask again with a new engine.",
        )

    def _view(self, name: str, frame: DataFrame) -> None:
        frame.createOrReplaceTempView(f"{self._prefix}{name}")
        self._made.append(f"{self._prefix}{name}")

    def _nothing(self, columns: dict[str, str]) -> DataFrame:
        return self._session.sql(nothing(columns))

    def _of_table(self, rows: DataFrame) -> DataFrame:
        return rows.select(
            *(
                (sql.col(name) if name in rows.columns else sql.lit(None)).cast(TYPES[kind]).alias(name)
                for name, kind in COLUMNS.items()
            )
        )

    def _of_files(self, found: Inventory) -> DataFrame:
        whole = [file.path for file in found.raw if origin_of(file.path) not in found.hidden]
        parts = [self._nothing(COLUMNS), *([self._of_lines(whole)] if whole else [])]
        parts += (
            self._of_lines([file.path]).where(counts(days, file))
            for file in found.raw
            if (days := found.hidden.get(origin_of(file.path)))
        )
        return reduce(DataFrame.unionAll, parts)

    def _of_lines(self, paths: Iterable[Path]) -> DataFrame:
        """Return lines as rows: of what is no JSON object, a row of nulls; nothing of what is empty."""
        text = self._session.read.option("lineSep", "\n").text([self._path(path) for path in paths])
        text = text.where(r"value not rlike '^\\s*$'")
        good = sql.expr(_ONE_OBJECT) & ~sql.col("value").rlike(_LONE)
        told = sql.from_json("value", ", ".join(f"`{name}` string" for name in COLUMNS), {"mode": "PERMISSIVE"})
        parsed = text.select(sql.when(good, told).alias("told"))
        return parsed.select(
            *(
                sql.expr(_number(f"told.`{name}`") if kind == "int" else f"told.`{name}`").alias(name)
                for name, kind in COLUMNS.items()
            )
        )

    def _of_packed(self, found: Inventory) -> DataFrame:
        parts = [self._nothing(COLUMNS)]
        if whole := [one.path for one in found.packed if not gone_of(one, found)]:
            parts.append(self._parquet(whole, {**COLUMNS, "source": "str"}).select(*COLUMNS))
        for one in found.packed:
            if gone := gone_of(one, found):
                rows = self._parquet([one.path], {**COLUMNS, "source": "str"})
                parts.append(rows.where(~sql.col("source").isin(gone)).select(*COLUMNS))
        return reduce(DataFrame.unionAll, parts)

    def _of_cells(self, found: Inventory) -> DataFrame:
        if not found.cells:
            return self._nothing(CELL_COLUMNS)
        rows = self._parquet([one.path for one in found.cells], CELL_COLUMNS)
        return rows.where(within("start", self.since, self.until))

    def _parquet(self, paths: Iterable[Path], columns: dict[str, str]) -> DataFrame:
        # Files are named one by one, so no folder's name becomes a column.
        return self._session.read.schema(_schema(columns)).parquet(*(self._path(path) for path in paths))

    def _path(self, path: Path) -> str:
        inside = path.relative_to(self._log) if isinstance(self._log, Path) else path
        return _glob.sub(r"\\\1", f"{self._root}/{inside.as_posix()}")


def _schema(columns: dict[str, str]) -> str:
    return ", ".join(f"`{name}` {TYPES[kind]}" for name, kind in columns.items())


def _number(text: str) -> str:
    """Return the SQL for a number that JSON tells as text: rounded as DuckDB rounds it, null where it is none."""
    real = f"try_cast({text} as double)"
    return (
        f"coalesce(try_cast({text} as bigint), case when {text} = 'true' then 1 when {text} = 'false' then 0 "
        f"when abs({real}) < 9e18 then cast(bround({real}, 0) as bigint) end)"
    )
