from __future__ import annotations

import json
import sys
import types
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.requestlog import (
    FIELDS,
    NOTE_FIELDS,
    Address,
    Client,
    Failure,
    Feature,
    Language,
    Note,
    Referrer,
    RequestEvent,
    Zone,
    read_line,
)

CHROME = Client("Chrome", 131, "Windows", "desktop", "hints")


def an_event(**changed: Any) -> RequestEvent:
    """Return an event with everything in it."""
    values: dict[str, Any] = {
        "time": 1_795_993_614,
        "feature": Feature("/projects/{project_id}"),
        "method": "GET",
        "status": 200,
        "ms": 25,
        "client": CHROME,
        "address": Address("203.0.113.0/24", "forwarded"),
        "failure": Failure("ValueError", "streaming"),
        "language": Language("de"),
        "referrer": Referrer("https://www.example.org"),
        "zone": Zone("Europe/Zurich", "cdn"),
    }
    return RequestEvent(**values | changed)


def test_a_line_has_every_field_of_the_schema_in_its_order() -> None:
    """An event with everything in it writes exactly the keys that the schema declares, in that order."""
    assert list(an_event().as_dict()) == [field.name for field in FIELDS]


def test_what_is_absent_is_left_out() -> None:
    """An event of which little is known writes only what every event has."""
    event = an_event(
        status=None,
        client=Client("Other", None, "Other", "other"),
        address=None,
        failure=None,
        language=None,
        referrer=None,
        zone=None,
    )
    assert set(event.as_dict()) == {field.name for field in FIELDS if field.required}


def test_a_line_says_what_the_event_says() -> None:
    """Line, dictionary and event hold the same values."""
    assert an_event().as_dict() == {
        "v": 1,
        "time": 1_795_993_614,
        "feature": "/projects/{project_id}",
        "method": "GET",
        "status": 200,
        "ms": 25,
        "error": "ValueError",
        "failed": "streaming",
        "ip": "203.0.113.0/24",
        "ip_from": "forwarded",
        "browser": "Chrome",
        "version": 131,
        "os": "Windows",
        "device": "desktop",
        "ua_from": "hints",
        "language": "de",
        "referrer": "https://www.example.org",
        "zone": "Europe/Zurich",
        "zone_from": "cdn",
    }
    assert json.loads(an_event().line()) == an_event().as_dict()
    assert an_event().status_class == 2


def test_the_type_has_no_place_for_anything_else() -> None:
    """The fields of an event are these, and neither it nor a part of it takes another attribute."""
    names = set(RequestEvent._fields)
    assert names == {
        "time",
        "feature",
        "method",
        "status",
        "ms",
        "client",
        "address",
        "failure",
        "language",
        "referrer",
        "zone",
    }
    for value in (
        an_event(),
        CHROME,
        Feature("x"),
        Address("10.0.0.0/24"),
        Failure("E"),
        Language("de"),
        Referrer("(own)"),
        Zone("UTC"),
    ):
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            value.user = "anybody"  # type: ignore[union-attr]
        assert not hasattr(value, "__dict__")


@pytest.mark.parametrize(
    "changed",
    [
        {"time": 1.5},
        {"time": -1},
        {"time": 2**63},
        {"time": True},
        {"feature": "/a/path"},
        {"method": "get"},
        {"method": "BREW"},
        {"status": 99},
        {"status": 600},
        {"status": "200"},
        {"ms": 3},
        {"client": "Mozilla/5.0"},
        {"address": "203.0.113.9"},
        {"failure": ValueError("text")},
        {"language": "de"},
        {"referrer": "https://example.org/path"},
        {"zone": "Europe/Zurich"},
        {"client": None},
    ],
)
def test_a_value_that_was_not_checked_has_no_place(changed: dict[str, Any]) -> None:
    """A text, or a number out of its list, is refused where a checked part belongs, and is not quoted."""
    with pytest.raises(UsageError) as refusal:
        an_event(**changed)
    assert "path" not in str(refusal.value)
    assert "Mozilla" not in str(refusal.value)


def test_a_changed_copy_is_checked_as_well() -> None:
    """There is no way around the checks: a copy with another value goes through them."""
    assert an_event()._replace(status=404).status == 404
    with pytest.raises(UsageError):
        an_event()._replace(feature="/a/path")  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(UsageError):
        RequestEvent._make(["x"] * len(RequestEvent._fields))


def test_a_subclass_of_a_part_is_refused() -> None:
    """A part of another class could bring a piece of a line that nobody checked."""

    class Forged(Feature):
        """Says what it likes."""

    with pytest.raises(UsageError):
        an_event(feature=Forged("x"))


@pytest.mark.parametrize(
    "name",
    [
        "/projects/{project_id}/tasks",
        "/blog/<int:year>/<slug:title>/",
        "/articles/(?P<year>[0-9]{4})/",
        "/v1/{tenant}/mid/in/items/{item_id:path}",
        "/@{user}",
        "/größe",
        "export report",
        "unmatched",
        "(other)",
        "graphql:ListTasks",
        "/.well-known/openid-configuration",
        "/2025-11-01/instances",
        "confirm-email-address-and-continue",
    ],
)
def test_templates_and_names_are_features(name: str) -> None:
    """A route's template of any framework, and a plain name, can be told."""
    assert Feature(name).name == name
    assert read_line(an_event(feature=Feature(name)).line()) == an_event(feature=Feature(name))


@pytest.mark.parametrize(
    "name",
    [
        "",
        " x",
        "x" * 201,
        "/a\nb",
        "/a\x1b[31m",
        "/\u202eabc",
        "/\ud800",
        "/t/acme@corp.com/items",
        "/users/123456789",
        "/files/3f2b8a1c-9d4e-4f5a-8b6c-7d8e9f0a1b2c",
        "/search?q=x",
        "/a%20b",
        "/reset/Zm9vYmFy1234567890",
        "/~{alice@example.org}/{p}",
        "/~<alice@example.org>/{p}",
        "/shop/(alice@example.org)",
        "/shop/{0791234567}",
        "/shop/<3f2b8a1c-9d4e-4f5a-8b6c-7d8e9f0a1b2c>",
        "/shop/{Zm9vYmFy1234567890}",
        "/a#b",
        "https://example.org",
        7,
        None,
    ],
)
def test_what_looks_like_a_value_is_no_feature(name: Any) -> None:
    """A path with an address, a number, a token, an escape or a query in it is refused, and not quoted."""
    with pytest.raises(UsageError) as refusal:
        Feature(name)
    assert len(str(name)) < 4 or str(name) not in str(refusal.value)


def test_a_module_that_makes_up_names_brings_none_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class counts by a name that its module really has, not by one that it would make or refuse when asked."""
    module = types.ModuleType("factory")
    kind = type("NoSuchUserAlice", (LookupError,), {"__module__": "factory"})
    monkeypatch.setitem(sys.modules, "factory", module)
    for answer in (lambda name: kind, lambda name: 1 / 0):
        module.__dict__["__getattr__"] = answer
        assert Failure.of(kind, None).error == "LookupError"


def test_an_error_is_told_by_its_class() -> None:
    """The name of an exception's class is told, and nothing of its text."""
    assert Failure.of(ZeroDivisionError, "streaming") == Failure("ZeroDivisionError", "streaming")
    assert Failure.of(json.JSONDecodeError, None).error == "JSONDecodeError"


def test_a_class_made_at_run_time_is_told_by_its_base() -> None:
    """A class that its module does not know may be named after anything, so the nearest known base is told."""
    made = type("Alice_at_example_org", (LookupError,), {})
    assert Failure.of(made, None).error == "LookupError"
    forged = type("Secret", (KeyError,), {"__module__": "json", "__qualname__": "JSONDecodeError"})
    assert Failure.of(forged, None).error == "KeyError"


@pytest.mark.parametrize(
    ("error", "phase"), [("not a name", None), ("x" * 81, None), ("Größe", None), (None, None), ("E", "later")]
)
def test_a_failure_is_a_class_name_and_a_phase(error: Any, phase: Any) -> None:
    """Anything else is no failure."""
    with pytest.raises(UsageError):
        Failure(error, phase)


@pytest.mark.parametrize("ip", ["203.0.113.0/24", "2001:db8:12::/48", "203.0.113.9", "2001:db8::1"])
def test_an_address_is_a_network_or_an_address(ip: str) -> None:
    """Both families, cut or whole, in their shortest form."""
    assert Address(ip).ip == ip


@pytest.mark.parametrize("ip", ["203.0.113.9/24", "2001:DB8::1", "fe80::1%eth0", "x", "", "1.2.3", "2001:0db8::/48"])
def test_anything_else_is_no_address(ip: str) -> None:
    """Host bits behind a network, zones, other spellings and junk are refused."""
    with pytest.raises(UsageError):
        Address(ip)


def test_a_withheld_address_holds_none() -> None:
    """Withheld and an address exclude each other."""
    assert an_event(address=Address(None, "withheld")).as_dict()["ip_from"] == "withheld"
    with pytest.raises(UsageError):
        Address("203.0.113.0/24", "withheld")
    with pytest.raises(UsageError):
        Address(None)


@pytest.mark.parametrize(
    "values",
    [
        ("Mozilla/5.0", 1, "Windows", "desktop"),
        ("Chrome", 10_000, "Windows", "desktop"),
        ("Chrome", -1, "Windows", "desktop"),
        ("Chrome", "131", "Windows", "desktop"),
        ("Chrome", 131, "Windows NT 10.0", "desktop"),
        ("Chrome", 131, "Windows", "toaster"),
        ("Chrome", 131, "Windows", "desktop", "a guess"),
    ],
)
def test_a_client_is_of_the_closed_lists(values: tuple[Any, ...]) -> None:
    """A browser, system or device that is on no list is refused."""
    with pytest.raises(UsageError):
        Client(*values)


@pytest.mark.parametrize("tags", ["", "DE", "de-CH", "xx", "de,en,fr,it", "de;q=1", "deutsch"])
def test_a_language_is_one_to_three_known_tags(tags: str) -> None:
    """Regions, weights, unknown tags and long lists are refused."""
    with pytest.raises(UsageError):
        Language(tags)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/path",
        "https://alice@example.org",
        "https://pc-of-alice",
        "https://x.local",
        "https://192.0.2.7",
        "data:text",
        "//x",
        "own",
    ],
)
def test_a_referrer_is_a_public_origin_or_a_template(text: str) -> None:
    """Paths, users, inside names and addresses are refused."""
    if text == "//x":
        Referrer(text)  # a template of an application that has such a route
        return
    with pytest.raises(UsageError):
        Referrer(text)


@pytest.mark.parametrize("name", ["CET+1", "Europe/Nowhere", "", "+01:00", "../../etc/passwd"])
def test_a_zone_is_of_the_iana_database(name: str) -> None:
    """What the database does not have is refused."""
    with pytest.raises(UsageError):
        Zone(name)


def test_notes_have_their_own_fields() -> None:
    """A note writes the keys that the schema declares for notes."""
    note = Note(1, "expired", 12, "2026-11-29")
    assert list(note.as_dict()) == [field.name for field in NOTE_FIELDS]
    assert read_line(note.line()) == note


@pytest.mark.parametrize(
    "values",
    [(1, "lost", 1), (1, "dropped", -1), (1.5, "dropped", 1), (1, "dropped", 1, "yesterday"), (1, "dropped", True)],
)
def test_a_note_is_of_known_kind(values: tuple[Any, ...]) -> None:
    """Other kinds, negative counts and days that are none are refused."""
    with pytest.raises(UsageError):
        Note(*values)


@given(st.text(max_size=60))
def test_whatever_is_a_feature_is_written_as_plain_ascii(name: str) -> None:
    """A name that is let in is written without a control character, a bidirectional mark or a byte beyond ASCII."""
    try:
        feature = Feature(name)
    except UsageError:
        return
    line = an_event(feature=feature).line()
    assert line.isascii()
    assert line[:-1].decode("ascii").isprintable()
    assert line.endswith(b"\n")
    assert read_line(line) == an_event(feature=feature)
