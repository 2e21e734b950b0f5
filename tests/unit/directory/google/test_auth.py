"""Who may read: tokens, delegation, scopes and refusals (research: section 12, and the refusals of section 8)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from smartify_core.directory.google import SCOPES, GoogleDirectory, Limits, RateLimiter
from smartify_core.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from smartify_core.testing.google import READ_ONLY, USER_SCOPE, Fault, Quirks, Workspace

from .conftest import ADMIN, Office, OpenOffice, seen


def by_service_account(office: Office, folder: Path, *, subject: str = ADMIN, **account: Any) -> GoogleDirectory:
    """Return a directory that a fresh service account reads."""
    file = office.server.write_service_account(folder / "sa.json", **account)
    return GoogleDirectory.from_service_account(
        file,
        subject=subject,
        api_endpoint=office.server.url,
        limits=Limits(attempts=2),
        rate_limiter=RateLimiter(1_000_000),
        sleep=office.waits.append,
    )


def refused(directory: GoogleDirectory) -> SourceRejected:
    """Return the refusal that a read meets before it yields anybody."""
    with directory.snapshot() as snapshot, pytest.raises(SourceRejected) as caught:
        next(snapshot.identities())
    assert caught.value.__cause__ is None
    assert ADMIN not in str(caught.value)
    return caught.value


def test_a_service_account_reads_for_an_administrator(populated: Office, tmp_path: Path) -> None:
    """The assertion is signed, the token fetched once, and everything read with the two granted scopes.

    The server refuses an assertion that asks for a scope beyond the grant: success proves that none was asked for.
    """
    assert set(SCOPES) == set(READ_ONLY)
    with by_service_account(populated, tmp_path).snapshot() as snapshot:
        assert seen(populated.finish(snapshot)) == populated.truth()
    assert len(populated.server.requests.of("token")) == 1


def test_a_missing_grant_is_not_an_empty_directory(office: Office, tmp_path: Path) -> None:
    """One scope that was not granted fails both; the cure holds the line to paste."""
    error = refused(by_service_account(office, tmp_path, scopes=[USER_SCOPE]))
    assert "may not act" in error.what
    assert error.cure is not None
    assert ",".join(SCOPES) in error.cure


def test_an_unknown_subject_is_refused(office: Office, tmp_path: Path) -> None:
    """Nobody of that address: the subject is to be changed, and is not repeated."""
    error = refused(by_service_account(office, tmp_path, subject="nobody@acme.example"))
    assert "subject is refused" in error.what
    assert "nobody" not in str(error)


def test_a_subject_who_is_no_administrator_is_refused(office: Office, tmp_path: Path) -> None:
    """A token is given, and the API says 403 forbidden."""
    office.workspace.add_user(email="staff@acme.example", given_name="S", family_name="T")
    error = refused(by_service_account(office, tmp_path, subject="staff@acme.example"))
    assert "may not read this directory" in error.what
    assert error.where in {"users.list: HTTP 403 forbidden", "groups.list: HTTP 403 forbidden"}, "side by side"


@pytest.mark.parametrize("status", [401, 403])
def test_an_administrator_suspended_in_the_middle_is_a_refusal(open_office: OpenOffice, status: Any) -> None:
    """What was read before is thrown away: the rest of the account would look deleted."""
    office = open_office(page_size_cap=1, quirks=Quirks(dead_subject_status=status))
    office.workspace.add_user(email="b@acme.example", given_name="B", family_name="B")
    admin = next(source_id for source_id, person in office.truth().items() if person[0] == ADMIN)
    office.server.faults.add("users.list", Fault.before(lambda: office.workspace.suspend(admin)), after=1)
    refused(office.directory())


@pytest.mark.parametrize(
    ("fault", "clause"),
    [
        (Fault.forbidden(), "may not read this directory"),
        (Fault.insufficient_scope(), "lacks a scope"),
        (Fault.access_not_configured(), "not enabled"),
        (Fault.not_found("domain"), "no such customer"),
        (Fault.no_customer(), "no such customer"),
        (Fault.invalid_input(), "act for nobody"),
        (Fault.bad_request(), "act for nobody"),
        (Fault.duplicate(), "Google refused"),
    ],
)
@pytest.mark.parametrize("listing", ["users.list", "groups.list"])
def test_a_refused_listing_says_what_to_mend(populated: Office, listing: str, fault: Fault, clause: str) -> None:
    """Each known misconfiguration is named, at once, and is never an empty directory."""
    populated.server.faults.add(listing, fault, times=None)
    error = refused(populated.directory())
    assert clause in error.what or (listing == "groups.list" and "Google refused" in error.what)
    assert error.cure
    assert populated.waits == []


@pytest.mark.parametrize("fault", [Fault.insufficient_scope(), Fault.access_not_configured()])
def test_a_scope_missing_for_members_refuses_the_read(populated: Office, fault: Fault) -> None:
    """A refusal that no group can be blamed for is the whole account's."""
    populated.server.faults.add("members.list", fault, times=None)
    refused(populated.directory())


def test_an_unknown_customer_id_is_refused(office: Office) -> None:
    """A customer id that is not the administrator's account is no empty account."""
    refused(office.directory(customer="C0nobody"))


def test_the_customers_own_id_may_be_used(populated: Office) -> None:
    """The account's id says the same as my_customer."""
    assert seen(populated.read(customer=populated.workspace.customer_id)) == populated.truth()


# --- the token endpoint ---


@pytest.mark.parametrize(
    ("fault", "clause"),
    [
        (Fault.unauthorized_client(), "may not act"),
        (Fault.invalid_grant(), "subject is refused"),
        (Fault.invalid_grant("Invalid JWT: Token must be a short-lived token and in a reasonable timeframe"), "clock"),
        (Fault.text(403, "<html>a proxy</html>"), "does not accept the credentials"),
    ],
)
def test_a_refused_token_says_what_to_mend(office: Office, fault: Fault, clause: str) -> None:
    """The token endpoint's refusals are told apart, and nothing of its answer is repeated."""
    office.server.faults.add("token", fault, times=None)
    error = refused(office.directory())
    assert clause in error.what
    assert "proxy" not in str(error)


@pytest.mark.parametrize("fault", [Fault.html200(), Fault.empty200(), Fault.json_list(), Fault.json_null()])
def test_a_token_answer_that_is_none_is_malformed(office: Office, fault: Fault) -> None:
    """A 200 of a captive portal breaks google-auth in odd ways (a bare TypeError): asked again, then malformed."""
    office.server.faults.add("token", fault, times=None)
    with office.directory().snapshot() as snapshot, pytest.raises(SourceMalformed, match="no token"):
        next(snapshot.identities())


def test_a_token_answer_that_is_none_may_pass(populated: Office) -> None:
    """One such answer is forgiven."""
    populated.server.faults.add("token", Fault.html200())
    assert seen(populated.read()) == populated.truth()


@pytest.mark.parametrize("fault", [Fault.reset(), Fault.cut_body()])
def test_a_broken_token_connection_is_asked_again(populated: Office, fault: Fault) -> None:
    """A connection that breaks under the token request is no refusal."""
    populated.server.faults.add("token", fault, times=3)
    assert seen(populated.read(limits=Limits(attempts=5))) == populated.truth()


def test_a_token_endpoint_that_stays_broken_is_unavailable(office: Office) -> None:
    """Nothing is concluded from silence."""
    office.server.faults.add("token", Fault.reset(), times=None)
    with office.directory().snapshot() as snapshot, pytest.raises(SourceUnavailable, match="token endpoint"):
        next(snapshot.identities())


def test_threads_wait_for_one_token(populated: Office) -> None:
    """However many requests begin at once, one token is fetched."""
    populated.server.faults.add("token", Fault.slow(0.1))
    assert seen(populated.read()) == populated.truth()
    assert len(populated.server.requests.of("token")) == 1


def test_a_wrong_clock_is_named(open_office: OpenOffice, tmp_path: Path) -> None:
    """An assertion from a machine whose clock is a day off is refused as such."""
    office = open_office(Workspace(), clock=lambda: datetime.now(UTC) + timedelta(days=1))
    assert "clock" in refused(by_service_account(office, tmp_path)).what


# --- discretion ---


def test_nothing_personal_is_logged_or_said(
    populated: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a log line at any level nor an error nor a repr of a read in trouble holds a name or an address."""
    caplog.set_level(logging.DEBUG)
    quoting = Fault.error(400, "invalid", "Invalid Input: p0@acme.example")
    populated.server.faults.add("users.list", quoting, after=1, times=None)
    populated.server.faults.add("members.list", Fault.error(403, "quotaExceeded", "p1@acme.example", "usageLimits"))
    populated.server.faults.add("members.list", evolve(Fault.html200(), name="again"))
    directory = by_service_account(populated, tmp_path)
    said = [repr(directory)]
    with directory.snapshot() as snapshot:
        said.append(repr(snapshot) + snapshot.id)
        with pytest.raises(SourceError) as caught:
            list(snapshot.identities())
        said += [str(caught.value), repr(caught.value)]
    said += [record.getMessage() for record in caplog.records]
    assert caplog.records
    assert [text for text in said if "@" in text or "G0" in text] == []
