"""Accounts as a host looks them up, by what it has at hand."""

from __future__ import annotations

from typing import Any

import pytest

from smartify_core.errors import WrongKey
from smartify_core.lifecycle import Accounts
from smartify_core.lifecycle.events import EventType, Subscription
from smartify_core.model import AccountState, InactiveReason
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing import opened_accounts

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def _accounts(world: World) -> Accounts:
    return Accounts(world.storage, world.sealer)


def test_account_of_an_event_is_found_closed(world: World) -> None:
    """An event's person leads to the account, without its personal fields."""
    person, *_ = world.staffed(2)
    events = Subscription(world.storage, consumer="mailer", tenant=TENANT).pull()
    (event,) = (one for one in events if one.source_id == person.source_id and one.type is EventType.PROVISIONED)
    found = _accounts(world).by_source_id(event.tenant, event.source_id)
    assert found is not None
    assert (found.account_id, found.state, found.personal) == (event.account_id, AccountState.ACTIVE, None)


def test_no_way_through_accounts_shows_a_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever accounts are asked by, and one after the other, no sealed field is opened and none is shown."""
    person, *_ = world.staffed(3)
    accounts = _accounts(world)

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Sealer, "open", refuse)
    found = [
        accounts.by_email(TENANT, person.email),
        accounts.for_sign_in(TENANT, person.email),
        accounts.by_source_id(TENANT, person.source_id),
        *accounts.each(TENANT),
    ]
    assert len(found) == 6
    assert {one and one.personal for one in found} == {None}


def test_opened_accounts_of_a_test_suite_are_as_the_directory_has_them(world: World) -> None:
    """`testing.opened_accounts` gives the fields of the living, and the ended without any."""
    person, other, *_ = world.staffed(20)
    world.directory.delete(person)
    world.run()
    found = {one.source_id: one for one in opened_accounts(world.storage, world.sealer, TENANT)}
    assert found[person.source_id].personal is None
    fields = found[other.source_id].personal
    assert fields is not None
    assert fields.email == other.email
    assert len(found) == 20


def test_account_found_by_source_id_says_why_it_is_inactive(world: World) -> None:
    """Who may not work is found too, with the reason."""
    person, *_ = world.staffed(2)
    world.directory.suspend(person)
    world.run()
    account = _accounts(world).by_source_id(TENANT, person.source_id)
    assert account is not None
    assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.SUSPENDED)


def test_nobody_is_found_by_an_id_without_a_live_account(world: World) -> None:
    """An unknown person, one of another tenant, and one whose account was deleted are nobody."""
    person, *_ = world.staffed(20)
    world.directory.delete(person)
    world.run()
    accounts = _accounts(world)
    assert accounts.by_source_id(TENANT, person.source_id) is None
    assert accounts.by_source_id(TENANT, "unknown") is None
    assert accounts.by_source_id("globex", world.people[1].source_id) is None
    assert accounts.by_source_id(TENANT, world.people[1].source_id) is not None


def test_other_keys_are_an_error_at_sign_in(world: Any) -> None:
    """A process that was given another key file says so, instead of taking everybody for unknown."""
    world.staffed(2)
    ours, others = Accounts(world.storage, world.sealer), Accounts(world.storage, Sealer(MemoryKeyRing()))
    assert ours.for_sign_in("acme", "nobody@acme.example") is None
    for _ in range(2):
        with pytest.raises(WrongKey):
            others.for_sign_in("acme", "staff-000@acme.example")
    assert others.for_sign_in("nobody-here", "staff-000@acme.example") is None
