"""Looking single people up at Google, apart from every listing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.directory import Gone, Present, Uncertain
from smartify_core.errors import SourceRejected, SourceUnavailable
from smartify_core.testing import ManualClock
from smartify_core.testing.google import Fault, Workspace

from .conftest import Office, OpenOffice

NOBODY = "999999999999999999999"


def deleted(office: Office) -> str:
    """Add a person, delete them, and return their id."""
    source_id = office.workspace.add_user(email="gone@acme.example", given_name="G", family_name="One")
    office.workspace.delete_user(source_id)
    return source_id


def test_who_is_there_costs_one_request(populated: Office) -> None:
    """A living person is read by id alone, with state and names; the groups are expressly not read."""
    whole = populated.read().people
    populated.server.requests.clear()
    for source_id, person in whole.items():
        (answer,) = populated.directory().look_up([source_id]).values()
        assert isinstance(answer, Present)
        assert not answer.memberships_read
        assert answer.identity.memberships == ()
        seen = answer.identity
        assert (seen.source_id, seen.email, seen.given_name, seen.family_name, seen.inactive_reason) == (
            person.source_id,
            person.email,
            person.given_name,
            person.family_name,
            person.inactive_reason,
        )
    assert len(populated.server.requests.of("users.get")) == len(whole)
    assert populated.server.requests.of("users.list") == []
    assert populated.server.requests.of("members.list") == []


def test_who_is_not_found_is_looked_for_among_the_deleted(populated: Office) -> None:
    """The deleted list names the evidence, and is read only where somebody was not found."""
    gone = deleted(populated)
    answers = populated.directory().look_up([gone, NOBODY, "ada@acme.example"])
    assert answers == {
        gone: Gone("deleted list"),
        NOBODY: Gone("read by id: 404"),
        "ada@acme.example": Uncertain("not the form of an id of this source"),
    }


def test_after_twenty_days_the_read_by_id_still_says_so(open_office: OpenOffice) -> None:
    """Google forgets the deleted after 20 days; the id is not found then, which is an answer too."""
    clock = ManualClock(datetime.now(UTC))
    office = open_office(Workspace(clock=clock))
    gone = deleted(office)
    clock.advance(timedelta(days=21))
    assert office.directory().look_up([gone]) == {gone: Gone("read by id: 404")}


def test_nobody_asked_about_costs_nothing(populated: Office) -> None:
    """Without a question there is no request."""
    assert populated.directory().look_up([]) == {}
    assert len(populated.server.requests) == 0


@pytest.mark.parametrize("fault", [Fault.forbidden(), Fault.text(404, "<html>Not Found</html>"), Fault.html200()])
def test_no_clear_answer_is_uncertain(populated: Office, fault: Fault) -> None:
    """Refusals and garbage about one person never mean that the person is gone."""
    populated.server.faults.add("users.get", fault, times=None)
    assert isinstance(populated.directory().look_up([NOBODY])[NOBODY], Uncertain)


@pytest.mark.parametrize("asked", [1, 12])
def test_silence_about_everybody_is_an_error(populated: Office, asked: int) -> None:
    """Where Google answers about nobody who was asked for, it is out of reach, and the look-up says so."""
    populated.server.faults.add("users.get", Fault.backend_error(), times=None)
    with pytest.raises(SourceUnavailable):
        populated.directory().look_up([f"9{number:020}" for number in range(asked)])


def test_silence_about_one_person_leaves_the_others_answers(populated: Office) -> None:
    """Some answer is an answer: whoever it is not about stays uncertain."""
    answers = populated.directory().look_up(["ada@acme.example"])
    assert isinstance(answers["ada@acme.example"], Uncertain)
    populated.server.faults.add("users.get", Fault.backend_error(), times=None)
    answers = populated.directory().look_up([NOBODY, "ada@acme.example"])
    assert [type(answer) for answer in answers.values()] == [Uncertain, Uncertain]


def test_a_silent_deleted_list_judges_nobody(populated: Office) -> None:
    """Where the evidence cannot be had, the look-up is an error."""
    populated.server.faults.add("users.list", Fault.backend_error(), times=None)
    with pytest.raises(SourceUnavailable):
        populated.directory().look_up([NOBODY])


def test_credentials_that_stop_working_are_an_error(populated: Office) -> None:
    """A refusal of the caller is not an answer about a person."""
    populated.server.faults.add("users.get", Fault.invalid_token(), times=None)
    with pytest.raises(SourceRejected):
        populated.directory().look_up([min(populated.truth())])


def test_its_threads_end_with_the_call(populated: Office) -> None:
    """Threads and connections are the call's own, whether it answers or fails."""
    directory = populated.directory()
    directory.look_up(list(populated.truth()))
    populated.server.faults.add("users.get", Fault.invalid_token(), times=None)
    with pytest.raises(SourceRejected):
        directory.look_up([NOBODY])
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("smartify-google")] == []
