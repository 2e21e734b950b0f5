from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.requestlog import Note, RequestEvent, json_schema, read_line

EVENT: dict[str, Any] = {
    "v": 1,
    "time": 1,
    "feature": "/x",
    "method": "GET",
    "ms": 1,
    "browser": "Other",
    "os": "Other",
    "device": "other",
}


def line_of(**changed: Any) -> bytes:
    """Return a line of the least event, changed."""
    return json.dumps(EVENT | changed).encode()


def test_the_least_event_is_read() -> None:
    """Only what every event has is needed; the order and spaces of the JSON do not matter."""
    event = read_line(line_of())
    assert isinstance(event, RequestEvent)
    assert event.as_dict() == EVENT


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"v":1,"v":1}', "twice"),
        (b'{"v":NaN}', "another version"),
        (b"[" * 100_000, "no JSON"),
        (line_of(v=2), "another version"),
        (line_of(path="/users/alice"), "does not know"),
        (line_of(query="token=1"), "does not know"),
        (line_of(time="1"), "another type"),
        (line_of(status=True), "another type"),
        (line_of(feature=None), "another type"),
        (b'{"v":1,"time":1}', "missing"),
        (b'{"v":1,"note":"dropped","time":1}', "missing"),
        (b'{"v":1,"note":"dropped","time":1,"count":1,"who":"alice"}', "does not know"),
        ('{"v":1,"feature":"größe"}'.encode(), "no ASCII"),
        (b'\xff\xfe{"v":1}', "no ASCII"),
    ],
)
def test_whatever_is_outside_the_schema_is_refused(line: bytes, told: str) -> None:
    """A line with another key, type or version, cut short, or no JSON at all, is refused without being quoted."""
    with pytest.raises(UsageError, match=told) as refusal:
        read_line(line)
    assert "alice" not in str(refusal.value)
    assert "token" not in str(refusal.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"feature": "/t/alice@example.org"},
        {"ip": "203.0.113.7/24"},
        {"browser": "Alice"},
        {"language": "alice"},
        {"zone": "Alice/Home"},
        {"referrer": "https://x.org/alice"},
        {"error": "no such user alice"},
    ],
)
def test_a_value_outside_its_grammar_is_refused(changed: dict[str, Any]) -> None:
    """The reader holds every value to what the event itself would let in."""
    with pytest.raises(UsageError) as refusal:
        read_line(line_of(**changed))
    assert "alice" not in str(refusal.value).lower()


def test_the_published_schema_agrees_with_the_reader() -> None:
    """What the reader takes fits the JSON schema, and what the schema refuses the reader refuses."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(EVENT)
    assert validator.is_valid(Note(1, "dropped", 2).as_dict())
    for changed in ({"path": "/x"}, {"status": 99}, {"ms": 3}, {"method": "BREW"}, {"browser": "Mine"}):
        assert not validator.is_valid(EVENT | changed)
        with pytest.raises(UsageError):
            read_line(line_of(**changed))


@given(
    st.dictionaries(
        st.sampled_from([*EVENT, "status", "error", "failed", "ip", "zone", "note", "count", "x"]),
        st.none() | st.integers() | st.text() | st.booleans(),
    )
)
def test_any_object_is_read_or_refused(items: dict[str, Any]) -> None:
    """Whatever JSON a line holds, the reader returns a record that fits the schema, or raises its own error."""
    line = json.dumps(EVENT | items).encode()
    try:
        record = read_line(line)
    except UsageError:
        return
    assert record.as_dict() == EVENT | items
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(record.as_dict())
