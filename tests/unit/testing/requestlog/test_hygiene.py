from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from smartify_core.errors import UsageError
from smartify_core.requestlog import Address, Client, Feature, Note, Referrer, RequestEvent
from smartify_core.requestlog._sinks._mappings import to_ecs, to_otel
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.testing.requestlog import assert_header_only

CLIENT = Client("Chrome", 120, "Windows", "desktop")
EVENT = RequestEvent(5, Feature("/users/{id}"), "GET", 200, 5, CLIENT, Address("203.0.113.0/24"))
WHOLE = RequestEvent(5, Feature("/users/{id}"), "GET", 200, 5, CLIENT, Address("203.0.113.7"))
DJANGO = RequestEvent(
    5, Feature("^articles/(?P<year>[0-9]{4})/$"), "GET", 200, 5, CLIENT, None, None, None, Referrer("/")
)
#: Lines that hold something else, and what has to be told of each.
WRONG: dict[str, tuple[Any, str]] = {
    "a key of another schema": ({**EVENT.as_dict(), "path": "/users/ada"}, "key 'path' is not allowed"),
    "an address of mail": ({"event": "ada@acme.example"}, "key 'event' is not allowed, and holds an e-mail address"),
    "a UUID": ({"id": "6f1b0a4e-33a0-4c7e-9a2b-0d9a51f5d0a1"}, "key 'id' is not allowed, and holds a UUID"),
    "a token": ({"session": "4eC39HqLyjWDarjtT1zdp7dc"}, "key 'session' is not allowed, and holds a token"),
    "a query": ({"url": "/x?q=ada"}, "key 'url' is not allowed, and holds a query"),
    "a key that is data": ({"ada@acme.example": 1}, "a key that is no plain name is not allowed"),
    "a value out of bounds": ({**EVENT.as_dict(), "status": 700}, "key 'status' has a value that the schema does not"),
    "a path as feature": ({**EVENT.as_dict(), "feature": "/users/ada@acme.example"}, "key 'feature' has a value"),
    "a whole address": (WHOLE.as_dict(), "key 'ip' holds a full network address"),
    "a record without its time": ({"v": 1, "feature": "/"}, "it is no record"),
    "another version": ({**EVENT.as_dict(), "v": 2}, "key 'v' has a value"),
    "a nested value": ({"level": {"user": "ada"}}, "key 'level' has a value that no logger gives it"),
    "text": ('127.0.0.1 - ada [01/Jan/2030] "GET /"', "it is no JSON"),
    "a list": ("[1]", "it is no JSON object"),
    "a key twice": ('{"level":"info","level":"ada"}', "it is no JSON, or has a key twice"),
    "bytes that are no ASCII": ('{"level":"adå"}'.encode(), "it holds bytes that are no ASCII"),
    "a lone surrogate": ('{"level":"\ud800"}', "it holds bytes that are no ASCII"),
    "a control character": (b'{"level":\x1b"info"}', "it holds a control character"),
    "an escaped control character": ('{"feature":"a\\u001bb"}', "key 'feature' has a value"),
    "a right-to-left mark": ('{"feature":"a\\u202eb"}', "key 'feature' has a value"),
    "half a line": (EVENT.line()[:40], "it is no JSON"),
    "a record of ECS that is none": (
        {**to_ecs(EVENT.as_dict()), "event.outcome": "ada"},
        "key 'smartify.v' belongs to no record",
    ),
    "a key beside ECS": ({**to_ecs(EVENT.as_dict()), "url.path": "/ada"}, "key 'url.path' is not allowed"),
    "a user beside OpenTelemetry": (
        {**to_otel(EVENT.as_dict()), "enduser.id": "ada"},
        "key 'enduser.id' is not allowed",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found_and_not_repeated(what: str) -> None:
    """Each line that holds something else fails, by number and key; no value is ever in the message."""
    line, told = WRONG[what]
    with pytest.raises(AssertionError) as raised:
        assert_header_only([EVENT.line(), line])
    assert f"line 2: {told}" in str(raised.value)
    assert "ada" not in str(raised.value)
    assert "4eC39" not in str(raised.value)


@pytest.mark.parametrize("record", [EVENT, DJANGO, Note(5, "dropped", 3), Note(5, "expired", 3, "2030-01-01")])
@pytest.mark.parametrize("mapping", [dict, to_ecs, to_otel])
def test_records_are_in_order(record: Any, mapping: Any) -> None:
    """Every record of ours passes under any of its names: as items, as text and as bytes."""
    entry = mapping(record.as_dict())
    assert_header_only([entry, json.dumps(entry), json.dumps(entry).encode() + b"\n"])


def test_whole_addresses_can_be_allowed() -> None:
    """A host that keeps whole addresses by choice says so."""
    assert_header_only([WHOLE.line()], full_addresses=True)


def test_a_directory_is_looked_through(tmp_path: Path) -> None:
    """All logs of a directory are read, compressed ones too; files that are no logs are left out."""
    with JsonLinesFile(tmp_path / "log", on_sigterm=False) as sink:
        sink.put(EVENT)
    (tmp_path / "log" / "cells.parquet").write_bytes(b"PAR1")
    assert_header_only(tmp_path / "log")
    assert_header_only(str(tmp_path / "log"))
    (tmp_path / "log" / "app.log.gz").write_bytes(gzip.compress(b'{"level":"info"}\n{"user":"ada"}\n'))
    with pytest.raises(AssertionError, match=r"app\.log\.gz, line 2: key 'user' is not allowed"):
        assert_header_only(tmp_path / "log")


def test_a_file_is_read(tmp_path: Path) -> None:
    """A single file is read, whatever its name is."""
    (tmp_path / "out").write_bytes(EVENT.line() + b"ada\n")
    with pytest.raises(AssertionError, match=r"out, line 2: it is no JSON"):
        assert_header_only(tmp_path / "out")


def test_a_damaged_file_fails(tmp_path: Path) -> None:
    """A compressed log that cannot be read to its end proves nothing."""
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(EVENT.line() * 100)[:40])
    with pytest.raises(AssertionError, match="cannot be read to its end"):
        assert_header_only(tmp_path)


def test_bytes_are_a_log() -> None:
    """The bytes of a whole log are read line by line."""
    assert_header_only(EVENT.line() * 3)
    with pytest.raises(AssertionError, match="line 2"):
        assert_header_only(EVENT.line() + b"ada\n" + EVENT.line())


def test_captured_entries_are_a_log() -> None:
    """What structlog's own test helper collects is read entry by entry."""
    with capture_logs() as entries:
        logger = structlog.get_logger()
        logger.info("request finished", feature="/users/{id}", status=200)
    assert_header_only(entries, allow={"event": {"request finished"}})
    with pytest.raises(AssertionError, match="line 1: key 'event' is not allowed"):
        assert_header_only(entries)


def test_an_empty_log_proves_nothing(tmp_path: Path) -> None:
    """A log without a line fails, unless that is said to be in order; one that is not there is a usage error."""
    nothing: Any
    for nothing in (b"", [], tmp_path):
        with pytest.raises(AssertionError, match="nothing is proved"):
            assert_header_only(nothing)
        assert_header_only(nothing, may_be_empty=True)
    with pytest.raises(UsageError, match="no such log"):
        assert_header_only(tmp_path / "nothing")


def test_the_message_has_an_end() -> None:
    """Of a log that is wrong throughout, the first problems are told."""
    with pytest.raises(AssertionError) as raised:
        assert_header_only([{"user": "x"}] * 1_000)
    assert len(str(raised.value).splitlines()) == 22
