from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from smartify_core.directory._jsonl_format import BrokenLineError, read_line

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8).map(lambda text: f"§{text}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        "id",
        "email",
        "given_name",
        "family_name",
        "suspended",
        "archived",
        "name",
        "members",
        "everyone",
        "identities",
        "groups",
    ]
)
kinds = st.sampled_from(["identity", "group", "deleted", "end"])


@given(st.binary(max_size=60))
def test_any_bytes(raw: bytes) -> None:
    """Whatever the bytes, a line is read or broken; nothing else is raised."""
    with contextlib.suppress(BrokenLineError):
        read_line(raw)


@given(kind=kinds, record=st.dictionaries(keys, values))
def test_any_record(kind: str, record: dict[str, object]) -> None:
    """Whatever a record of a known kind holds, it is read or broken, and a broken one is not quoted."""
    said = ""
    try:
        read_line(json.dumps(record | {"kind": kind}).encode())
    except BrokenLineError as broken:
        said = str(broken)
    assert "§" not in said


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(st.characters(exclude_categories=["Cs"]))
)
def test_names_come_through(given_name: str, family_name: str) -> None:
    """Any name that Unicode can write is read exactly, or is the empty string because nothing of it can be seen."""
    record = {
        "kind": "identity",
        "id": "1",
        "email": "a@b.example",
        "given_name": given_name,
        "family_name": family_name,
    }
    line = read_line(json.dumps(record, ensure_ascii=False).encode())
    person = getattr(line, "identity", None)
    assert person is not None
    assert person.given_name in {given_name, ""}
    assert person.family_name in {family_name, ""}
    assert person.given_name or not any(each.isascii() and each.isalnum() for each in given_name)
