"""What Google's JSON becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.directory.google import _wire as wire
from smartify_core.directory.google._wire import GarbledError, MemberType, People, UnusableError
from smartify_core.model import InactiveReason

PERSON = {
    "id": "100000000000000000001",
    "primaryEmail": "Ada.Lovelace@Acme.Example",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "suspended": False,
    "archived": False,
}


def person(**changes: Any) -> dict[str, Any]:
    """Return the sample record with changes; ``...`` leaves a key out."""
    return {key: value for key, value in {**PERSON, **changes}.items() if value is not ...}


def test_a_person_is_read_as_written() -> None:
    """The email keeps its case and the names their spelling."""
    assert wire.read_person(PERSON) == ("Ada.Lovelace@Acme.Example", "Ada", "Lovelace", None)


@pytest.mark.parametrize(
    ("suspended", "archived", "reason"),
    [
        (True, False, InactiveReason.SUSPENDED),
        (False, True, InactiveReason.ARCHIVED),
        (True, True, InactiveReason.SUSPENDED),
        (..., ..., None),
        (..., True, InactiveReason.ARCHIVED),
        (True, ..., InactiveReason.SUSPENDED),
    ],
)
def test_suspended_and_archived_people_are_inactive(suspended: Any, archived: Any, reason: Any) -> None:
    """Each flag alone makes a person inactive, suspension is named first, and a flag that is left out is false."""
    assert wire.read_person(person(suspended=suspended, archived=archived))[3] is reason


@pytest.mark.parametrize(
    "name",
    [
        ...,
        None,
        {},
        {"givenName": None},
        {"givenName": "", "familyName": " "},
        {"givenName": "\u200b\u2060\ufeff"},
        {"givenName": "\u3164", "familyName": "\u00ad\u202a"},
    ],
)
def test_a_name_that_nobody_can_see_is_empty(name: Any) -> None:
    """A missing part is the empty text, and so is one of white space and zero-width characters."""
    assert wire.read_person(person(name=name))[1:3] == ("", "")


@pytest.mark.parametrize("part", ["Ω", "李", "  Jo", "می‌خواهم", "O'Neill", "🦊", "\u200bX"])
def test_a_name_that_somebody_can_see_is_kept_whole(part: str) -> None:
    """Nothing is trimmed from a name, not even the zero-width joiners that some scripts need."""
    assert wire.read_person(person(name={"givenName": part, "familyName": part}))[1:3] == (part, part)


@pytest.mark.parametrize(
    "change",
    [
        {"primaryEmail": ...},
        {"primaryEmail": None},
        {"primaryEmail": ""},
        {"primaryEmail": "nobody"},
        {"primaryEmail": "@acme.example"},
        {"primaryEmail": "ada@"},
        {"primaryEmail": "a@b@c"},
        {"primaryEmail": "a b@c"},
        {"primaryEmail": "ada\n@acme.example"},
        {"primaryEmail": "\ud800@acme.example"},
        {"primaryEmail": 7},
        {"suspended": "true"},
        {"suspended": None},
        {"archived": 1},
        {"name": "Ada"},
        {"name": {"givenName": 7}},
        {"name": {"familyName": "\udc00"}},
    ],
)
def test_an_unusable_record_is_a_reject_that_quotes_nothing(change: dict[str, Any]) -> None:
    """The person is named by id and page; what was wrong is said in our words, and the listing goes on."""
    people = People()
    people.add([person(**change), person(id="2")], "users.list, page 7")
    assert set(people.rows) == {"2"}
    reject = people.rejects[PERSON["id"]]  # type: ignore[index]  # PERSON is a dictionary of objects
    assert reject.place == "users.list, page 7"
    assert "acme" not in reject.problem
    with pytest.raises(UnusableError):
        wire.read_person(person(**change))


@pytest.mark.parametrize(
    "record", [None, [], "x", 7, {}, person(id=...), person(id=None), person(id=7), person(id=""), person(id="a b")]
)
def test_a_record_without_a_usable_id_is_counted_and_nothing_else(record: Any) -> None:
    """Such a record is neither a person nor a reject; the count makes the listing incomplete."""
    people = People()
    people.add([record], "page 1")
    assert (people.rows, people.rejects, people.nameless, people.count) == ({}, {}, 1, 0)


def test_the_last_record_of_an_id_is_the_one_that_counts() -> None:
    """A person seen on two pages is kept once, as the later page has them: usable, or a reject, never both."""
    people = People()
    people.add([person(), person(primaryEmail="b@acme.example")], "page 1")
    assert people.rows[str(PERSON["id"])][0] == "b@acme.example"
    people.add([person(primaryEmail=None)], "page 2")
    assert (people.rows, [each.place for each in people.rejects.values()]) == ({}, ["page 2"])
    people.add([person()], "page 3")
    assert (len(people.rows), people.rejects, people.count) == (1, {}, 1)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html></html>", b'{"kind": "admin#dir', b"null", b"[]", b'"text"', b"\xff"]
)
def test_a_200_that_is_no_json_object_is_garbled(body: bytes) -> None:
    """An empty, foreign or cut body of a 200 is never an empty directory."""
    with pytest.raises(GarbledError):
        wire.read_object(body, "admin#directory#users")


@pytest.mark.parametrize("answer", [{}, {"users": []}, {"kind": "admin#directory#groups"}, {"kind": None}])
def test_an_object_without_the_right_kind_is_garbled(answer: Any) -> None:
    """The kind tells an empty page from a broken answer."""
    with pytest.raises(GarbledError):
        wire.read_object(json.dumps(answer).encode(), "admin#directory#users")


def test_deeply_nested_json_is_garbled() -> None:
    """A body that would exhaust the parser's stack is no answer, and no crash."""
    with pytest.raises(GarbledError):
        wire.read_object(b"[" * 200_000, "admin#directory#users")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({}, ([], None)),
        ({"users": []}, ([], None)),
        ({"nextPageToken": "t"}, ([], "t")),
        ({"users": [1], "nextPageToken": ""}, ([1], None)),
    ],
)
def test_a_page_may_leave_out_what_is_empty(answer: Any, found: Any) -> None:
    """A page without its collection holds nothing; a page without a token is the last."""
    assert wire.read_page(answer, "users") == found


@pytest.mark.parametrize("answer", [{"users": None}, {"users": {}}, {"users": "x"}, {"nextPageToken": 7}])
def test_a_page_of_another_shape_is_garbled(answer: Any) -> None:
    """A collection that is no list, or a token that is no text, is not the protocol."""
    with pytest.raises(GarbledError):
        wire.read_page(answer, "users")


@pytest.mark.parametrize(
    ("record", "member"),
    [
        ({"id": "1", "type": "USER"}, (MemberType.PERSON, "1")),
        ({"id": "1", "type": "USER", "email": "alias@acme.example", "status": "SUSPENDED"}, (MemberType.PERSON, "1")),
        ({"id": "1", "type": "EXTERNAL"}, (MemberType.PERSON, "1")),
        ({"id": "1"}, (MemberType.PERSON, "1")),
        ({"id": "g", "type": "GROUP"}, (MemberType.GROUP, "g")),
        ({"id": "C1", "type": "CUSTOMER"}, (MemberType.CUSTOMER, "")),
        ({"type": "CUSTOMER"}, (MemberType.CUSTOMER, "")),
        ({"type": "USER", "email": "x@acme.example"}, None),
        ({"type": "GROUP", "id": None}, None),
        (None, None),
    ],
)
def test_a_member_is_known_by_type_and_id(record: Any, member: Any) -> None:
    """Neither email nor status of a member is looked at, and the whole customer needs no id."""
    assert wire.read_member(record) == member


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"id": "g"},
        {"id": 1, "email": "g@a"},
        {"id": "g", "email": "g"},
        {"id": "g", "email": "g@a", "name": 7},
    ],
)
def test_a_group_needs_an_id_and_an_address(record: Any) -> None:
    """A record that names no usable email group is none."""
    assert wire.read_group(record) is None


def test_a_group_may_have_no_name() -> None:
    """A missing name is the empty text; the address keeps its case."""
    group = wire.read_group({"id": "g", "email": "G@Acme.Example"})
    assert group is not None
    assert (group.id, group.email, group.name) == ("g", "G@Acme.Example", "")


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "ada@acme.example", "a?b", "%2e", "ä", "1" * 129])
def test_only_ids_go_into_a_path(text: str) -> None:
    """Addresses and paths are never asked for as if they were ids: an address could be somebody else's alias."""
    assert not wire.askable_id(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PERSON, "type", "email"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.lists(JSON | st.dictionaries(st.sampled_from(list(PERSON)), JSON, min_size=3), max_size=8))
def test_every_record_is_a_person_a_reject_or_counted(records: list[Any]) -> None:
    """Whatever JSON comes, nothing raises, no id is both usable and rejected, and no record disappears."""
    people = People()
    people.add(records, "page 1")
    ids = {record["id"] for record in records if isinstance(record, dict) and wire.usable_id(record.get("id"))}
    assert people.rows.keys() | people.rejects.keys() == ids
    assert not people.rows.keys() & people.rejects.keys()
    assert people.nameless == sum(not (isinstance(r, dict) and wire.usable_id(r.get("id"))) for r in records)
    for record in records:
        wire.read_group(record)
        wire.read_member(record)
    assert set(wire.read_ids(records)) == ids


@given(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["1", "", "a b", "²", 1]),
            "primaryEmail": st.sampled_from(["a@b", "@b", "a@", "a@@b", "a b@c", "\u200b@b", "", 1, None]),
            "name": st.fixed_dictionaries(
                {},
                optional={
                    part: st.sampled_from(
                        ["Ada", "Ω", "", " ", "\u3164", "\u3164\u3164A", "O'N", "\ud800", "A\ud800", 1, None]
                    )
                    for part in ("givenName", "familyName")
                },
            ),
            "suspended": st.sampled_from([False, True, 0, None]),
            "archived": st.sampled_from([False, True]),
        }
    )
)
def test_the_straight_way_reads_what_the_careful_way_reads(record: dict[str, Any]) -> None:
    """A page's quick path over plain records gives the same rows and rejects as reading each record with care."""
    quick, careful = People(), People()
    quick.add([record], "page 1")
    careful._add_slowly(record, "page 1")
    assert quick == careful
