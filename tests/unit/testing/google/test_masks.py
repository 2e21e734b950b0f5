from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.testing.google._masks import (
    EVERYTHING,
    USER_FIELDS,
    Mask,
    MaskError,
    apply_mask,
    page_fields,
    parse_mask,
)

PAGE = page_fields("users", USER_FIELDS)
VALUE = {
    "kind": "k",
    "etag": "e",
    "nextPageToken": "t",
    "users": [
        {
            "id": "1",
            "primaryEmail": "a@x.example",
            "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"address": "a@x"}],
        },
        {"id": "2", "name": {"familyName": "C"}},
    ],
}


A, B, C = {"givenName": "A"}, {"familyName": "B"}, {"familyName": "C"}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("kind", {"kind": "k"}),
        ("kind,nextPageToken", {"kind": "k", "nextPageToken": "t"}),
        ("users(id)", {"users": [{"id": "1"}, {"id": "2"}]}),
        ("users/id", {"users": [{"id": "1"}, {"id": "2"}]}),
        ("users(id,name(givenName))", {"users": [{"id": "1", "name": {"givenName": "A"}}, {"id": "2", "name": {}}]}),
        ("users(id,name/familyName)", {"users": [{"id": "1", "name": B}, {"id": "2", "name": C}]}),
        ("users/name/familyName", {"users": [{"name": B}, {"name": C}]}),
        ("users/emails/address", {"users": [{"emails": [{"address": "a@x"}]}, {}]}),
        ("users/id,users/name/givenName", {"users": [{"id": "1", "name": A}, {"id": "2", "name": {}}]}),
        ("users/name,users/name/givenName", {"users": [{"name": {**A, **B}}, {"name": C}]}),
        ("*", VALUE),
        ("users(*)", {"users": VALUE["users"]}),
        ("*/id", {"kind": "k", "etag": "e", "nextPageToken": "t", "users": [{"id": "1"}, {"id": "2"}]}),
        (" kind , users ( id ) ", {"kind": "k", "users": [{"id": "1"}, {"id": "2"}]}),
    ],
)  # fmt: skip
def test_a_mask_selects(mask: str, expected: object) -> None:
    """Commas, brackets, slashes and stars select exactly what the grammar says."""
    assert apply_mask(parse_mask(mask, PAGE), VALUE) == expected


@pytest.mark.parametrize(
    ("mask", "blamed"),
    [
        ("nothing", "nothing"),
        ("users(id,nothing)", "nothing"),
        ("users/name/nothing", "nothing"),
        ("kind,", "kind,"),
        ("users(id", "users(id"),
        ("users)", "users)"),
        ("(kind)", "(kind)"),
        ("kind;etag", "kind;etag"),
        ("users()", "users()"),
    ],
)
def test_a_wrong_mask_says_what_is_wrong(mask: str, blamed: str) -> None:
    """An unknown field is named; broken grammar blames the whole mask."""
    with pytest.raises(MaskError) as refused:
        parse_mask(mask, PAGE)
    assert refused.value.selection == blamed


def written(mask: Mask) -> str:
    """Write a mask as text, with brackets."""
    return ",".join(name + (f"({written(inner)})" if inner else "") for name, inner in mask.items())


names = st.sampled_from("abcde")
masks: st.SearchStrategy[Mask] = st.recursive(
    st.dictionaries(names, st.just({}), min_size=1),
    lambda inner: st.dictionaries(names, inner, min_size=1),
    max_leaves=8,
)
values = st.recursive(
    st.integers(), lambda inner: st.dictionaries(names, inner) | st.lists(inner, max_size=3), max_leaves=12
)


@given(masks)
def test_a_mask_written_and_read_is_the_same_mask(mask: Mask) -> None:
    """Parsing is the inverse of writing."""
    assert parse_mask(written(mask), {}) == mask


@given(masks, values)
def test_masking_twice_changes_nothing_more(mask: Mask, value: object) -> None:
    """What a mask leaves, it leaves again."""
    once = apply_mask(mask, value)
    assert apply_mask(mask, once) == once


@given(st.text(alphabet="ab,/()* ;", max_size=20))
def test_any_text_is_a_mask_or_a_mask_error(text: str) -> None:
    """No text makes the parser fail in another way, and what is blamed is in the text."""
    blamed, mask = "", EVERYTHING
    try:
        mask = parse_mask(text, {"a": {}, "b": {"a": {}}})
    except MaskError as error:
        blamed = error.selection
    assert blamed in text
    assert mask.keys() <= {"a", "b", "*"}
