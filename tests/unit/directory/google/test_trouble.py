"""Reading an account while Google, the network or the clock is in trouble (research: sections 8, 9, 13 and 14)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from attrs import evolve

from smartify_core.directory.google import GoogleDirectory, Limits, RateLimiter, _answer
from smartify_core.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import Fault, GoogleServer, Quota, Workspace

from .conftest import ADMIN, Office, OpenOffice, seen

LISTINGS = ("users.list", "groups.list", "members.list")

PASSING = {
    "403 quotaExceeded": Fault.quota_exceeded(),
    "403 userRateLimitExceeded": Fault.user_rate_limit(),
    "403 rateLimitExceeded": Fault.rate_limit(),
    "403 usageLimits, new reason": Fault.error(403, "somethingNew", "Slow down.", domain="usageLimits"),
    "403 text": Fault.quota_text(),
    "429": Fault.rate_limit_429(),
    "429 RESOURCE_EXHAUSTED": Fault.resource_exhausted(),
    "429 text": Fault.text(429, "slow down"),
    "412 not complete": Fault.creation_incomplete(),
    "500 internalError": Fault.internal_error(),
    "500 backendError": Fault.backend_error(500),
    "503 backendError": Fault.backend_error(503),
    "502 html": Fault.bad_gateway(),
    "504 html": Fault.gateway_timeout(),
    "200 html": Fault.html200(),
    "200 empty": Fault.empty200(),
    "200 null": Fault.json_null(),
    "200 list": Fault.json_list(),
    "truncated JSON": Fault.truncated_json200(),
    "no kind": Fault.missing_key("kind"),
    "wrong kind": Fault.wrong_kind(),
    "304": Fault.not_modified(),
    "cut body": Fault.cut_body(),
    "reset": Fault.reset(),
}


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("name", PASSING)
def test_a_passing_trouble_changes_nothing(populated: Office, listing: str, name: str) -> None:
    """Each way to fail, in the middle of each listing, is asked again: the read is whole and true."""
    rule = populated.server.faults.add(listing, PASSING[name], after=1, times=2)
    read = populated.read()
    assert rule.hits == 2
    assert seen(read) == populated.truth()
    assert read.certificate.complete


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("name", PASSING)
def test_a_lasting_trouble_is_an_error_and_no_directory(populated: Office, listing: str, name: str) -> None:
    """When the trouble does not pass, nobody is yielded and the error says whether to try again."""
    populated.server.faults.add(listing, PASSING[name], after=1, times=None)
    with populated.directory().snapshot() as snapshot, pytest.raises(SourceError) as caught:
        next(snapshot.identities())
    garbled = name.startswith(("200", "truncated", "no kind", "wrong kind", "304"))
    assert type(caught.value) is (SourceMalformed if garbled else SourceUnavailable)
    assert (caught.value.where, caught.value.__cause__) == (listing, None)
    assert "@" not in str(caught.value)
    assert "asked 3 times" in str(caught.value)


def test_the_attempts_wait_by_googles_schedule(populated: Office) -> None:
    """One second doubled each time, plus the random part, and no more attempts than allowed."""
    populated.server.faults.add("users.list", Fault.backend_error(), times=None)
    with pytest.raises(SourceUnavailable):
        populated.read(limits=Limits(concurrency=1), random=lambda: 0.25)
    assert populated.waits == [1.25, 2.25, 4.25, 8.25, 16.25]
    assert len(populated.server.requests.of("users.list")) == 6


def test_retry_after_is_obeyed(populated: Office) -> None:
    """The header lengthens the wait, up to its cap."""
    populated.server.faults.add("users.list", Fault.retry_after(503, 20))
    populated.server.faults.add("users.list", Fault.retry_after(429, 9999))
    assert seen(populated.read()) == populated.truth()
    assert populated.waits == [20.0, 60.0]


def test_a_silent_server_is_given_up(populated: Office) -> None:
    """A connection that stays silent for longer than the timeout counts as no answer."""
    populated.server.faults.add("groups.list", Fault.slow(0.6), times=1)
    read = populated.read(timeout=0.2)
    assert seen(read) == populated.truth()
    assert len(populated.waits) >= 1


def test_an_answer_that_drips_is_given_up(populated: Office) -> None:
    """An answer that is never silent for long and never ends counts as no answer; the next attempt is whole."""
    rule = populated.server.faults.add("groups.list", Fault.slow_drip(2), times=1)
    read = populated.read(limits=Limits(attempts=3, response_seconds=0.1))
    assert rule.hits == 1
    assert seen(read) == populated.truth()
    assert len(populated.waits) >= 1


def test_a_directory_that_only_drips_is_unavailable(populated: Office) -> None:
    """When every attempt drips, the read ends in an error."""
    populated.server.faults.add("users.list", Fault.slow_drip(2), times=None)
    with pytest.raises(SourceUnavailable, match="TimeoutError"):
        populated.read(limits=Limits(attempts=2, response_seconds=0.1))


def test_an_answer_without_end_is_given_up(populated: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than any answer has are not taken in."""
    monkeypatch.setattr(_answer, "_MOST_BYTES", 100_000)
    noise = Random(1).randbytes(200_000)  # which does not shrink when it is packed
    populated.server.faults.add("users.list", Fault("endless", body=lambda body: body + noise), times=None)
    with pytest.raises(SourceUnavailable, match="ConnectionAbortedError"):
        populated.read(limits=Limits(attempts=2))


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_has_an_end(populated: Office, listing: str) -> None:
    """Pages that always name another, each time a new one, are not followed for ever."""
    populated.server.faults.add(listing, Fault.duplicate_page(), times=None)
    with pytest.raises(SourceMalformed, match="goes on after 7 pages"):
        populated.read(limits=Limits(attempts=1, listing_pages=7))


def test_a_listing_may_have_as_many_pages_as_it_may(populated: Office) -> None:
    """The ceiling counts the pages of one listing, the last one included."""
    assert seen(populated.read(limits=Limits(listing_pages=5))) == populated.truth()
    with pytest.raises(SourceMalformed, match="goes on after 4 pages"):
        populated.read(limits=Limits(listing_pages=4))


def test_a_redirect_is_not_followed(populated: Office) -> None:
    """A captive portal's redirect is no answer, and the token does not go there."""
    populated.server.faults.add("users.list", Fault.text(302, "elsewhere"), times=None)
    with pytest.raises(SourceMalformed, match="HTTP 302"):
        populated.read()


def test_a_closed_port_is_unavailable(populated: Office) -> None:
    """No server, no directory: and the message names a kind of failure, not an address."""
    directory = populated.directory()
    populated.server.stop()
    with directory.snapshot() as snapshot, pytest.raises(SourceUnavailable) as caught:
        next(snapshot.identities())
    assert "127.0.0.1" not in str(caught.value)


# --- page tokens ---


@pytest.mark.parametrize("listing", LISTINGS)
def test_an_expired_page_token_begins_the_listing_again(populated: Office, listing: str) -> None:
    """Only that listing starts over, and what was read twice counts once."""
    rule = populated.server.faults.add(listing, Fault.expired_page_token())
    read = populated.read()
    assert rule.hits == 1
    assert seen(read) == populated.truth()
    assert read.certificate.complete


def test_a_page_token_that_expired_by_the_clock_begins_again(open_office: OpenOffice) -> None:
    """Three days after the first page its token is refused, really."""
    clock = ManualClock(datetime.now(UTC))
    office = open_office(Workspace(clock=clock), page_size_cap=1)
    office.workspace.add_user(email="b@acme.example", given_name="B", family_name="B")
    office.server.faults.add("users.list", Fault.before(lambda: clock.advance(timedelta(days=4))), after=1)
    assert seen(office.read()) == office.truth()
    assert len(office.server.requests.of("users.list")) == 4


def test_a_member_removed_before_the_second_pass_is_gone(populated: Office) -> None:
    """The pass that reaches the end is the truth about a group: what the broken pass saw does not linger."""
    world = populated.workspace
    ids = {person[0]: source_id for source_id, person in populated.truth().items()}
    # g3 lists p3, p7 and a group, two a page: at least one of the two people was on the page read before.
    group = next(
        each.group.id
        for each in populated.read().people[ids["p3@acme.example"]].memberships
        if each.group.email == "g3@acme.example"
    )
    victims = [ids["p3@acme.example"], ids["p7@acme.example"]]

    def remove() -> None:
        for victim in victims:
            world.remove_member(group, victim)

    populated.server.faults.add(
        "members.list", evolve(Fault.expired_page_token(), prelude=remove), where=lambda call: call.keys[0] == group
    )
    read = populated.read()
    assert seen(read) == populated.truth()
    assert all("g3@acme.example" not in read.groups_of(victim) for victim in victims)


@pytest.mark.parametrize("listing", LISTINGS)
def test_page_tokens_that_never_hold_are_given_up(populated: Office, listing: str) -> None:
    """A listing is begun again a few times, not for ever."""
    populated.server.faults.add(listing, Fault.expired_page_token(), times=None)
    with pytest.raises(SourceUnavailable, match="begun 4 times"):
        populated.read()


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_token_that_leads_in_a_circle_is_no_listing(populated: Office, listing: str) -> None:
    """A next token equal to the present one would never end: the listing begins again, and then it is malformed."""
    populated.server.faults.add(listing, Fault.same_token_again(), times=1)
    assert seen(populated.read()) == populated.truth()
    populated.server.faults.add(listing, Fault.same_token_again(), times=None)
    with pytest.raises(SourceMalformed, match="read already"):
        populated.read()


def test_endless_empty_pages_are_no_listing(populated: Office) -> None:
    """Ever new tokens that lead nowhere are noticed."""
    populated.server.faults.add("groups.list", Fault.empty_page_with_token(), times=None)
    with pytest.raises(SourceMalformed, match="100 pages in a row"):
        populated.read()


# --- tokens ---


def test_a_401_in_the_middle_fetches_one_new_token(populated: Office) -> None:
    """Revoked tokens are renewed once for all threads, and the same requests go out again."""
    populated.server.faults.add("groups.list", Fault.before(populated.server.revoke_tokens), after=1)
    read = populated.read()
    assert seen(read) == populated.truth()
    assert len(populated.server.requests.of("token")) == 2
    assert populated.waits == []


def test_a_second_401_is_a_refusal(populated: Office) -> None:
    """A fresh token that is refused too will not get better."""
    populated.server.faults.add("users.list", Fault.invalid_token(), times=None)
    with pytest.raises(SourceRejected) as caught:
        populated.read()
    assert caught.value.where == "users.list: HTTP 401 authError"
    assert len(populated.server.requests.of("users.list")) == 2


def test_a_401_with_login_required_is_renewed_too(populated: Office) -> None:
    """Both shapes of a 401 mean the token."""
    populated.server.faults.add("users.list", Fault.login_required())
    assert seen(populated.read()) == populated.truth()


def test_tokens_that_run_out_are_renewed(open_office: OpenOffice) -> None:
    """A run longer than a token's life goes on with the next one."""
    clock = ManualClock(datetime.now(UTC))
    office = open_office(Workspace(), clock=clock, page_size_cap=1)
    for name in "bcd":
        office.workspace.add_user(email=f"{name}@acme.example", given_name=name, family_name=name)
    office.server.faults.add("users.list", Fault.before(lambda: clock.advance(hours=2)), after=1)
    assert seen(office.read()) == office.truth()
    assert len(office.server.requests.of("token")) == 2


# --- how fast ---


def test_no_more_requests_are_under_way_than_allowed(open_office: OpenOffice) -> None:
    """The cap on concurrency holds for all snapshots of one directory together, and is made use of."""
    office = open_office(latency=0.01)
    for number in range(30):
        office.workspace.add_group(email=f"g{number}@acme.example", name="G")
    directory = office.directory(limits=Limits(concurrency=3))
    results: list[int] = []

    def read() -> None:
        with directory.snapshot() as snapshot:
            results.append(len(list(snapshot.identities())))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1, 1]
    assert office.server.max_in_flight == 3


def test_a_concurrency_of_one_reads_everything(populated: Office) -> None:
    """One request at a time is enough."""
    read = populated.read(limits=Limits(concurrency=1))
    assert seen(read) == populated.truth()
    assert populated.server.max_in_flight == 1


@pytest.mark.parametrize("answer", ["quotaExceeded", "rateLimitExceeded"])
def test_a_stricter_server_is_obeyed(open_office: OpenOffice, answer: str) -> None:
    """Where the account allows fewer requests at once than configured, refused ones are asked again until all is read.

    The waits are recorded, not waited, so that many attempts are needed.
    """
    office = open_office(quota=Quota(concurrent=2, concurrent_answer=answer), latency=0.002)  # type: ignore[arg-type]  # a parametrised answer is any text
    for number in range(20):
        office.workspace.add_group(email=f"g{number}@acme.example", name="G")
    read = office.read(limits=Limits(concurrency=5, attempts=200, backoff_cap=1.0))
    assert read.certificate.complete
    assert office.waits != []


def test_every_request_takes_its_place_in_the_rate(populated: Office) -> None:
    """Requests go through the limiter, retries included; tokens do not."""
    limiter = RateLimiter(60, burst=4, monotonic=lambda: 0.0)
    populated.server.faults.add("users.list", Fault.backend_error())
    read = populated.read(rate_limiter=limiter, limits=Limits(concurrency=1, attempts=3, backoff_base=0.0))
    waited = [seconds for seconds in populated.waits if seconds]
    assert waited == [float(second) for second in range(1, len(waited) + 1)]
    assert read.requests == 4 + len(waited)


def test_no_batch_is_ever_sent(populated: Office) -> None:
    """Inner parts of a batch can be throttled under an outer 200; requests go one by one instead."""
    assert seen(populated.read()) == populated.truth()
    assert populated.server.requests.of("batch") == []


def test_two_customers_are_read_apart(open_office: OpenOffice) -> None:
    """Each directory reads the account of its own administrator."""
    other = Workspace(customer_id="C02other", domains=("other.example",), admin_email="admin@other.example")
    other.add_user(email="admin@other.example", given_name="O", family_name="Other")
    office = open_office()
    with GoogleServer([office.workspace, other]) as server:
        for admin in (ADMIN, "admin@other.example"):
            read = Office(office.workspace, server).read(
                credentials=Office(office.workspace, server).credentials(admin)
            )
            assert {person.email for person in read.people.values()} == {admin}


def test_a_directory_makes_any_number_of_snapshots(populated: Office) -> None:
    """The token is shared, and each snapshot is its own read."""
    directory: GoogleDirectory = populated.directory()
    reads = []
    for _ in range(3):
        with directory.snapshot() as snapshot:
            reads.append(seen(populated.finish(snapshot)))
    assert reads == [populated.truth()] * 3
    assert len(populated.server.requests.of("token")) == 1
