from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from smartify_core.errors import UsageError
from smartify_core.lifecycle import ChangeKind, JournalEntry
from smartify_core.lifecycle.events import Event, EventType, event_schema
from smartify_core.lifecycle.events._event import events_of

FIELDS = ("email", "given_name", "family_name", "groups", "state")
BARE = JournalEntry("acme", datetime(2030, 1, 1, tzinfo=UTC), ChangeKind.UPDATE, "p1", "a1", 2)

ids = st.text(min_size=1, max_size=5)
several_ids = st.lists(ids, max_size=3, unique=True).map(tuple)
entries = st.builds(
    JournalEntry,
    tenant=ids,
    at=st.datetimes(timezones=st.just(UTC)),
    kind=st.sampled_from(ChangeKind),
    source_id=ids,
    account_id=ids,
    version=st.integers(1, 1 << 40),
    fields=st.lists(st.sampled_from(FIELDS), unique=True).map(tuple),
    joined=several_ids,
    left=several_ids,
    inactive_reason=st.sampled_from([None, "suspended", "archived", "deleted"]),
    adopted=st.booleans(),
    predecessor=st.none() | ids,
)


def told(entry: JournalEntry) -> list[str]:
    """Return the types of the events of an entry, in order."""
    return [event.type.value for event in events_of(entry, 1)]


def test_there_are_exactly_these_types() -> None:
    """The types are the eight that hosts were promised."""
    assert [kind.value for kind in EventType] == [
        "account.provisioned",
        "account.updated",
        "account.email_changed",
        "account.deactivated",
        "account.reactivated",
        "account.deleted",
        "group.joined",
        "group.left",
    ]


def test_a_provision_is_one_event_with_the_groups_it_begins_with() -> None:
    """Who begins in two groups has joined none of them: the provision carries both, and what else is known."""
    entry = evolve(BARE, kind=ChangeKind.PROVISION, version=1, fields=FIELDS, joined=("g1", "g2"), predecessor="a0")
    (event,) = events_of(evolve(entry, inactive_reason="archived", adopted=True), 5)
    assert event == Event(
        id=event.id,
        type=EventType.PROVISIONED,
        tenant="acme",
        at=BARE.at,
        account_id="a1",
        source_id="p1",
        version=1,
        sequence=(5, 1),
        fields=FIELDS,
        groups=("g1", "g2"),
        inactive_reason="archived",
        adopted=True,
        predecessor="a0",
    )


def test_a_deletion_is_one_event_whatever_it_ends() -> None:
    """Who is deleted leaves no groups one by one."""
    entry = evolve(BARE, kind=ChangeKind.DELETE, fields=FIELDS, left=("g1", "g2"), inactive_reason="deleted")
    (event,) = events_of(entry, 1)
    assert (event.type, event.inactive_reason) == (EventType.DELETED, None)


def test_an_update_says_which_fields_in_one_event() -> None:
    """Two names that change together are one update."""
    (event,) = events_of(evolve(BARE, fields=("given_name", "family_name")), 1)
    assert (event.type, event.fields) == (EventType.UPDATED, ("given_name", "family_name"))


def test_a_changed_address_has_its_own_event_and_no_update() -> None:
    """An email alone is an email change; with a name it is both."""
    assert told(evolve(BARE, fields=("email",))) == ["account.email_changed"]
    assert told(evolve(BARE, fields=("email", "family_name"))) == ["account.email_changed", "account.updated"]


def test_groups_are_left_first_and_joined_last_one_event_each() -> None:
    """Who moves from group to group loses before gaining, and no update says it again."""
    events = events_of(evolve(BARE, fields=("given_name", "groups"), joined=("g3", "g4"), left=("g1", "g2")), 9)
    assert [(event.type.value, event.group, event.sequence) for event in events] == [
        ("group.left", "g1", (9, 1)),
        ("group.left", "g2", (9, 2)),
        ("account.updated", None, (9, 3)),
        ("group.joined", "g3", (9, 4)),
        ("group.joined", "g4", (9, 5)),
    ]
    assert events[2].fields == ("given_name",)


def test_changed_details_of_groups_are_an_update() -> None:
    """A group that was renamed is neither joined nor left, and still told."""
    (event,) = events_of(evolve(BARE, fields=("groups",)), 1)
    assert (event.type, event.fields) == (EventType.UPDATED, ("groups",))


def test_another_reason_for_being_inactive_is_an_update() -> None:
    """Who was suspended and is archived now is told as an update of the state."""
    (event,) = events_of(evolve(BARE, fields=("state",), inactive_reason="archived"), 1)
    assert (event.type, event.fields, event.inactive_reason) == (EventType.UPDATED, ("state",), "archived")


def test_a_deactivation_comes_before_all_that_changes_with_it() -> None:
    """Whoever loses access loses it first."""
    entry = evolve(BARE, kind=ChangeKind.DEACTIVATE, fields=FIELDS, joined=("g2",), left=("g1",))
    assert told(entry) == [
        "account.deactivated",
        "group.left",
        "account.email_changed",
        "account.updated",
        "group.joined",
    ]


def test_a_reactivation_comes_after_all_that_changes_with_it() -> None:
    """Whoever gets access back has the new address and groups by then."""
    entry = evolve(BARE, kind=ChangeKind.REACTIVATE, fields=FIELDS, joined=("g2",), left=("g1",))
    assert told(entry) == [
        "group.left",
        "account.email_changed",
        "account.updated",
        "group.joined",
        "account.reactivated",
    ]


def test_a_change_that_no_host_could_see_has_no_event() -> None:
    """An account that was merely sealed anew is not told."""
    assert events_of(BARE, 1) == ()


@given(entries, st.integers(1, 1 << 40), st.integers(1, 1 << 40))
def test_events_are_ordered_and_have_one_id_each(entry: JournalEntry, position: int, other: int) -> None:
    """Sequences ascend from 1; ids are distinct, and the same each time, wherever the entry stands."""
    events = events_of(entry, position)
    assert events == events_of(entry, position)
    assert [event.sequence for event in events] == [(position, number) for number in range(1, len(events) + 1)]
    assert len({event.id for event in events}) == len(events)
    assert [event.id for event in events] == [event.id for event in events_of(entry, other)]


@given(several_ids, several_ids, st.integers(1, 1 << 40), st.integers(1, 1 << 40))
def test_no_two_happenings_share_an_id(
    tenants: tuple[str, ...], accounts: tuple[str, ...], version: int, later: int
) -> None:
    """Hosts that number their users in each tenant from 1 get distinct ids, however tenants and accounts are named."""
    entries = [
        evolve(BARE, tenant=tenant, account_id=account_id, version=one, fields=("given_name",), joined=("g1",))
        for tenant in tenants
        for account_id in accounts
        for one in {version, later}
    ]
    events = [event for entry in entries for event in events_of(entry, 1)]
    assert len({event.id for event in events}) == len(events) == 2 * len(entries)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("acme", "1", 1), ("globex", "1", 1)),
        (("acme", "1:1", 1), ("acme:1", "1", 1)),
        (("acme", "1:1", 1), ("acme", "1", 11)),
        (('a","b', "c", 1), ("a", 'b","c', 1)),
    ],
)
def test_ids_are_unambiguous(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    """A tenant or account whose name holds separators is not taken for another."""
    first, second = (
        events_of(evolve(BARE, tenant=tenant, account_id=account, version=version, fields=("email",)), 1)[0].id
        for tenant, account, version in (one, other)
    )
    assert first != second


def test_an_id_never_changes() -> None:
    """Receivers remember ids for years: a known happening keeps the id that it has always had."""
    (event,) = events_of(evolve(BARE, fields=("email",)), 1)
    assert event.id == "db7a3df66602683b681da331bd9b3aaf"


@given(entries)
def test_every_event_keeps_to_the_published_schema_and_comes_back(entry: JournalEntry) -> None:
    """The JSON of any event is valid by the schema, is one line, and is read as the same event."""
    validator = Draft202012Validator(event_schema())
    for event in events_of(entry, 3):
        text = event.to_json()
        validator.validate(json.loads(text))
        assert "\n" not in text
        assert Event.from_json(text) == event


def test_the_schema_is_one() -> None:
    """The published schema is a valid schema of draft 2020-12, and says every member that an event has."""
    schema = event_schema()
    Draft202012Validator.check_schema(schema)
    assert sorted(schema["required"]) == sorted(schema["properties"])
    assert set(schema["properties"]) == {"format", *(name for name in Event.__annotations__)}


EVENT: dict[str, Any] = json.loads(events_of(evolve(BARE, joined=("g1",), fields=("groups",)), 1)[0].to_json())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": True},
        {"email": "ada@acme.example"},
        {"type": "account.promoted"},
        {"at": "2030-01-01T00:00:00"},
        {"at": 5},
        {"version": "2"},
        {"version": True},
        {"tenant": 7},
        {"sequence": [1]},
        {"sequence": [1, 1, 1]},
        {"fields": "email"},
        {"adopted": None},
    ],
)
def test_what_is_no_event_is_refused_without_being_quoted(change: dict[str, Any]) -> None:
    """Another format, a foreign member or a wrong type is a usage error, and no value is repeated."""
    with pytest.raises(UsageError) as caught:
        Event.from_json(json.dumps({**EVENT, **change}))
    assert "ada" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", b"\xff"])
def test_text_that_is_no_object_is_refused(text: str | bytes) -> None:
    """Anything but an event's JSON object is a usage error."""
    with pytest.raises(UsageError):
        Event.from_json(text)
