"""Asking about people one by one: only Google's own yes means gone (research: sections 1 and 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.directory import Gone, Present, Uncertain
from smartify_core.directory.google import Limits
from smartify_core.errors import SourceError, SourceRejected, SourceUnavailable
from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import Fault, Workspace

from .conftest import Office, OpenOffice

NOBODY = "999999999999999999999"


def deleted(office: Office, name: str = "gone") -> str:
    """Add a person, delete them, and return their id."""
    source_id = office.workspace.add_user(email=f"{name}@acme.example", given_name=name, family_name="Gone")
    office.workspace.delete_user(source_id)
    return source_id


def test_every_id_asked_about_has_an_answer(populated: Office) -> None:
    """The deleted, the living and the never known are told apart, and nobody else is answered for."""
    gone = deleted(populated)
    living = min(populated.truth())
    answers = populated.read(gone, living, NOBODY, "ada@acme.example").answers
    assert answers.keys() == {gone, living, NOBODY, "ada@acme.example"}
    assert answers[gone] == Gone("deleted list")
    assert answers[NOBODY] == Gone("read by id: 404")
    assert answers["ada@acme.example"] == Uncertain("not the form of an id of this source")
    assert isinstance(answers[living], Present)


def test_an_address_is_never_asked_for(populated: Office) -> None:
    """A read by address may answer with whoever has it as an alias now, so that none is sent."""
    populated.read("p0@acme.example", "", "..", "a/b")
    assert populated.server.requests.of("users.get") == []


def test_nobody_asked_about_costs_nothing(populated: Office) -> None:
    """Without a question there is no request."""
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
        before = snapshot.requests
        assert snapshot.confirm([]) == {}
        assert snapshot.requests == before


def test_the_deleted_list_is_read_once_a_snapshot(populated: Office) -> None:
    """Later questions are answered from it, and it may have many pages."""
    gone = [deleted(populated, f"gone{number}") for number in range(5)]
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
        first = snapshot.confirm(gone[:2])
        counted = snapshot.requests
        second = snapshot.confirm(gone[2:])
        assert snapshot.requests == counted + len(gone[2:]), "each is asked for by id as well"
    assert set(first.values()) | set(second.values()) == {Gone("deleted list")}


def test_deleted_list_that_shows_the_living_is_not_believed(populated: Office) -> None:
    """A gateway that ignores ``showDeleted`` lists the living; asked by id, they are there."""
    living = min(populated.truth())
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
        populated.server.faults.add(
            "users.list", Fault("living", edit=lambda page: page.payload.update(users=[{"id": living}])), times=None
        )
        (presence,) = snapshot.confirm([living]).values()
    assert isinstance(presence, Present)


def test_after_twenty_days_the_read_by_id_still_says_so(open_office: OpenOffice) -> None:
    """Google forgets the deleted after 20 days; the id is not found then, which is an answer too."""
    clock = ManualClock(datetime.now(UTC))
    office = open_office(Workspace(clock=clock))
    gone = deleted(office)
    clock.advance(timedelta(days=21))
    assert office.read(gone).answers == {gone: Gone("read by id: 404")}


def test_an_undeleted_person_is_present(populated: Office) -> None:
    """Whoever came back is there, under the same id."""
    gone = deleted(populated)
    populated.workspace.undelete_user(gone)
    assert isinstance(populated.read(gone).answers[gone], Present)


def test_a_present_person_has_memberships_and_a_state(populated: Office) -> None:
    """The answer is a whole identity, as the listing would have given it."""
    with populated.directory().snapshot() as snapshot:
        people = {person.source_id: person for person in snapshot.identities()}
        answers = snapshot.confirm(list(people))
    assert answers == {source_id: Present(person) for source_id, person in people.items()}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.forbidden(),
        Fault.invalid_input("userKey"),
        Fault.text(404, "<html>Not Found</html>"),
        Fault.not_found("domain"),
        Fault.backend_error(),
        Fault.quota_exceeded(),
        Fault.html200(),
        Fault.empty200(),
        Fault("wrong kind", body=lambda body: body.replace(b"#user", b"#group").replace(b"error", b"oops")),
        Fault.reset(),
    ],
    ids=lambda fault: fault.name,
)
def test_no_clear_answer_is_uncertain(populated: Office, fault: Fault) -> None:
    """Refusals, garbage and silence about one person never mean that the person is gone."""
    populated.server.faults.add("users.get", fault, times=None)
    answer = populated.read(NOBODY).answers[NOBODY]
    assert isinstance(answer, Uncertain)
    assert "@" not in answer.reason


def test_an_answer_about_somebody_else_is_uncertain(populated: Office) -> None:
    """The record must carry the id that was asked for."""
    source_id = min(populated.truth())
    other = Fault("another", body=lambda body: body.replace(source_id.encode(), b"123"))
    populated.server.faults.add("users.get", other)
    assert populated.read(source_id).answers[source_id] == Uncertain("users.get: the answer is about another id")


def test_a_record_that_cannot_be_used_is_uncertain(populated: Office) -> None:
    """A person without an address is there, but not in a form that an account could take."""
    nameless = Fault("no email", body=lambda body: body.replace(b"primaryEmail", b"x"))
    populated.server.faults.add("users.get", nameless)
    source_id = min(populated.truth())
    assert populated.read(source_id).answers[source_id] == Uncertain("users.get: primaryEmail is missing")


def test_a_passing_trouble_is_asked_again(populated: Office) -> None:
    """Single reads are as stubborn as listings."""
    populated.server.faults.add("users.get", Fault.quota_exceeded(), times=2)
    assert populated.read(NOBODY).answers[NOBODY] == Gone("read by id: 404")


def test_a_directory_that_falls_silent_is_not_asked_on(populated: Office) -> None:
    """After as many reads in a row without an answer as there are threads, the rest is not asked."""
    populated.server.faults.add("users.get", Fault.backend_error(), times=None)
    ids = [str(10**20 + number) for number in range(200)]
    limits = Limits(concurrency=2, attempts=1)
    answers = populated.read(*ids, limits=limits).answers
    assert answers.keys() == set(ids)
    assert all(isinstance(answer, Uncertain) for answer in answers.values())
    assert len(populated.server.requests.of("users.get")) < 20


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.forbidden(), SourceRejected),
        (Fault.insufficient_scope(), SourceRejected),
        (Fault.backend_error(), SourceUnavailable),
    ],
)
def test_an_account_that_cannot_be_asked_is_an_error(populated: Office, fault: Fault, error: type[SourceError]) -> None:
    """When the deleted list is refused or silent, nobody is judged."""
    deleted_list = lambda call: call.query.get("showDeleted") == "true"  # noqa: E731 - a predicate in place
    populated.server.faults.add("users.list", fault, times=None, where=deleted_list)
    with pytest.raises(error):
        populated.read(NOBODY)


@pytest.mark.parametrize("fault", [Fault.insufficient_scope(), Fault.invalid_token()])
def test_credentials_that_stop_working_are_an_error(populated: Office, fault: Fault) -> None:
    """A refusal of the caller is not an answer about a person."""
    populated.server.faults.add("users.get", fault, times=None)
    with pytest.raises(SourceRejected):
        populated.read(NOBODY)
