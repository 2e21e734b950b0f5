"""What is read from an entry's bytes is what a parser reads from it, whatever stands in its texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.policy import ACCOUNT_FIELDS, PersonalField
from smartify_core.policy.audit._entries import AuditEntry, AuditRecord
from smartify_core.policy.breach._impacts._matching import (
    EVERY_FIELD,
    FIELDS_OF_ACCOUNTS,
    fact,
    fields_in,
    instant_of,
    instant_text,
    names_of,
    parts_of,
    raw,
    subjects_in,
    text_of,
)

#: Texts that look like parts of an entry, among others.
_MARKS = [
    '"',
    "\\",
    '\\"',
    ",",
    "}",
    "]",
    '},"kind":"',
    '],"tenant":"',
    ',"at":"',
    ',"subjects":[',
    '"fields":[',
    "null",
]
_characters = st.characters(exclude_categories=["Cs"])
_texts = (
    st.lists(st.one_of(st.sampled_from(_MARKS), st.text(_characters, max_size=3)), min_size=1, max_size=4)
    .map("".join)
    .filter(bool)
)
#: Naive, as Hypothesis wants it: the zone comes with the strategy.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_instants = st.datetimes(min_value=_FIRST, timezones=st.just(UTC))
_names = st.sampled_from(
    ["actor", "at", "facts", "fields", "grant", "kind", "of_tenant", "place", "subjects", "tenant", "v", "vendor"]
)
_facts = st.dictionaries(
    _names,
    st.one_of(_texts, st.lists(_texts, max_size=3).map(tuple), st.integers(-9, 9), st.booleans(), st.none()),
    max_size=6,
)
_entries = st.builds(
    lambda kind, at, tenant, actor, subjects, facts, place: AuditEntry(
        place,
        AuditRecord(kind, at, tenant, actor, tuple(subjects), facts),
        None if tenant is None else 1,
        None,
        "0123abcd",
    ),
    st.sampled_from(["access.granted", "key.rotated", "a.b-c_d"]),
    _instants,
    st.none() | _texts,
    st.none() | _texts,
    st.lists(_texts, max_size=3),
    _facts,
    st.integers(0, 2**40),
)


@given(_entries)
def test_the_parts_of_an_entry_are_those_that_a_parser_finds(entry: AuditEntry) -> None:
    """Actor, instant, kind, subjects, tenant and writer are the same, read by bytes and parsed."""
    actor, at, facts, kind, subjects, tenant, writer = parts_of(entry.content)
    record = AuditEntry.of_content(entry.content).record
    assert (None if actor == b"null" else text_of(actor)) == record.actor
    assert (None if tenant == b"null" else text_of(tenant)) == record.tenant
    assert instant_of(at) == record.at
    assert kind.decode() == record.kind
    assert tuple(map(text_of, subjects_in(subjects))) == record.subjects
    assert writer == b"0123abcd"
    for name in ("grant", "vendor", "tenant", "kind"):
        found, told = fact(facts, f'"{name}":"'.encode()), record.facts.get(name)
        assert (None if found is None else text_of(found)) == (told if isinstance(told, str) else None)


@given(_entries)
def test_fields_are_never_too_few(entry: AuditEntry) -> None:
    """Fields that exist are found, and a name that is none of them stands for all."""
    record = entry.record
    fields = record.facts.get("fields")
    if isinstance(fields, tuple):
        found = set(names_of(fields_in(parts_of(entry.content)[2])))
        known = {one.value for one in PersonalField}
        assert set(fields) & known <= found
        assert found == known if set(fields) - known else found == set(fields)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"actor":null,"at":"2030-01-01T00:00:00.000000Z","facts":{}}', b'{"actor":"a","at":"2030"}'],
)
def test_what_is_no_entry_is_refused(content: bytes) -> None:
    """Bytes that are no entry have no parts."""
    with pytest.raises(ValueError, match=r".*"):
        parts_of(content)


@given(st.text(_characters, max_size=5))
def test_a_text_is_what_it_was(text: str) -> None:
    """A text as it stands in an entry comes back as it was."""
    assert text_of(raw(text)) == text


@given(_instants, _instants)
def test_instants_have_their_order_as_bytes(one: datetime, other: datetime) -> None:
    """The earlier instant is the lesser text."""
    assert (instant_text(one) < instant_text(other)) is (one < other)


def test_the_fields_of_accounts_are_those_of_the_closed_list() -> None:
    """The bits of an account's fields, and those of all fields, name just these."""
    assert names_of(FIELDS_OF_ACCOUNTS) == tuple(sorted(one.value for one in ACCOUNT_FIELDS))
    assert names_of(EVERY_FIELD) == tuple(sorted(one.value for one in PersonalField))
