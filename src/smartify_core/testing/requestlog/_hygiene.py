"""`assert_header_only`: the proof that a log holds what a request's header says, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from smartify_core.errors import UsageError
from smartify_core.requestlog import read_line
from smartify_core.requestlog._event._schema import FIELDS, NOTE_FIELDS
from smartify_core.requestlog._sinks._mappings import to_ours
from smartify_core.requestlog._sinks._refusing import AllowList, Bounds, told_key

#: What can be looked through.
Log: TypeAlias = "str | os.PathLike[str] | bytes | Iterable[str | bytes | Mapping[str, Any]]"

_LOGS: Final = (".jsonl", ".json", ".log", ".txt", ".ndjson")
_MOST_TOLD: Final = 20
_OURS: Final = frozenset(field.name for field in (*FIELDS, *NOTE_FIELDS))


def assert_header_only(
    log: Log,
    *,
    allow: Mapping[str, Bounds] | None = None,
    full_addresses: bool = False,
    may_be_empty: bool = False,
) -> None:
    """Fail on whatever a log holds that a request's header does not say.

    A record of the request log has to be one of its schema, under any of its names (our own, ECS, OpenTelemetry). Any
    other entry may only have a logger's level, time and name, items of the schema, and what ``allow`` says. So there is
    no place for a message with something formatted into it, a path, a query, a body, an exception's text.

    Args:
        log: The path of a log file, compressed (gzip) or not, or of a directory of them; the bytes of a log; or lines,
            or entries, as ``structlog.testing.capture_logs`` collects them.
        allow: Further keys, each with all values that it may have (a set, a range), or with a function that says True
            to a value: ``{"event": {"request finished"}}``.
        full_addresses: Whether whole network addresses are in order: those of networks always are.
        may_be_empty: Whether a log without a line is in order. It proves nothing, so by default it is not.

    Raises:
        AssertionError: The log holds something else. It names files, lines and keys, and never a value.
        UsageError: There is no such log.
    """
    __tracebackhide__ = True
    allowed = AllowList({} if allow is None else allow)
    problems: list[str] = []
    number = 0
    for number, (place, line) in enumerate(_lines(log), 1):  # noqa: B007 - counted beyond the loop
        problems += (f"{place}: {problem}" for problem in _problems(line, allowed, full_addresses=full_addresses))
        if len(problems) > _MOST_TOLD:
            break
    if not number and not may_be_empty:
        raise AssertionError("the log has no line, so nothing is proved")
    if problems:
        more = ["…"] if len(problems) > _MOST_TOLD else []
        raise AssertionError(
            "\n".join(["the log holds more than a request's header says:", *problems[:_MOST_TOLD], *more])
        )


def _problems(line: str | bytes | Mapping[str, Any], allowed: AllowList, *, full_addresses: bool) -> Iterator[str]:
    entry = _entry(line)
    if isinstance(entry, str):
        yield entry
        return
    refusals = allowed.refusals(entry)
    yield from (f"{told_key(key)} {why}" for key, why in refusals.items())
    if not refusals:
        yield from _record_problems(entry, full_addresses=full_addresses)


def _record_problems(entry: Mapping[str, Any], *, full_addresses: bool) -> Iterator[str]:
    """Look at the part of an entry that is a record of ours, as strictly as its reader does."""
    ours = {key: value for key, value in to_ours(entry).items() if key in _OURS}
    if "v" in ours:
        try:
            read_line(json.dumps(ours).encode("ascii"))
        except UsageError as error:
            yield f"it is no record: {error.what}"
    if not full_addresses and "ip" in ours and "/" not in str(ours["ip"]):
        yield "key 'ip' holds a full network address"


def _entry(line: str | bytes | Mapping[str, Any]) -> Mapping[str, Any] | str:
    """Return the items of a line, or what is wrong with it."""
    if isinstance(line, Mapping):
        return line
    data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else bytes(line)
    if not data.isascii():
        return "it holds bytes that are no ASCII"
    if not data.decode("ascii").strip("\r\n").isprintable():
        return "it holds a control character"
    try:
        entry: object = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return "it is no JSON, or has a key twice"
    return entry if isinstance(entry, dict) else "it is no JSON object"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    items = dict(pairs)
    if len(items) != len(pairs):
        raise ValueError
    return items


def _lines(log: Log) -> Iterator[tuple[str, str | bytes | Mapping[str, Any]]]:
    """Yield each line, with where it stands."""
    if isinstance(log, (bytes, bytearray)):
        yield from ((f"line {number}", line) for number, line in enumerate(log.splitlines(), 1))
    elif isinstance(log, (str, os.PathLike)):
        for file in _files(Path(log)):
            try:
                with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
                    yield from ((f"{file.name}, line {number}", line) for number, line in enumerate(lines, 1))
            except (OSError, EOFError, zlib.error):
                raise AssertionError(f"{file.name} cannot be read to its end") from None
    else:
        yield from ((f"line {number}", line) for number, line in enumerate(log, 1))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(
            file for file in path.iterdir() if file.name.removesuffix(".gz").endswith(_LOGS) and file.is_file()
        )
    if path.is_file():
        return [path]
    raise UsageError("there is no such log", where="assert_header_only", cure="Give a path, or the lines themselves.")
