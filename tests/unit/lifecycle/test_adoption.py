"""A first run over a host that has users already: linked by verified address only, and nobody is taken away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.lifecycle import (
    Adoption,
    Ceiling,
    Effect,
    Guards,
    History,
    HostUser,
    Reconciler,
    Rules,
    Threshold,
    Verdict,
)
from smartify_core.model import AccountState, InactiveReason
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import
ADA, GRACE, MARY = (identity(name) for name in ("ada", "grace", "mary"))
DOMAINS = ["acme.example"]


def _adopt(world: World, *users: tuple[str, str], plan_only: bool = False, domains: list[str] = DOMAINS) -> Any:
    adoption = Adoption([HostUser(*user) for user in users], domains)
    reconciler = world.reconciler
    return (reconciler.plan_adoption if plan_only else reconciler.adopt)(TENANT, adoption)


def _ids(world: World) -> dict[str, str]:
    return {source_id: account.account_id for source_id, account in world.live().items()}


@pytest.fixture
def adopted(world: World) -> World:
    """Return a tenant of three whom the host had before."""
    world.directory.add(ADA, GRACE, MARY)
    _adopt(world, ("user-1", ADA.email), ("user-2", GRACE.email), ("user-3", MARY.email))
    return world


def test_people_are_linked_to_the_hosts_users(world: World) -> None:
    """Who has a user's address gets the user's id; who has none is provisioned; the others are told and left alone."""
    world.directory.add(ADA, GRACE, MARY)
    report = _adopt(world, ("user-1", ADA.email), ("user-2", GRACE.email.upper()), ("user-9", "nobody@acme.example"))
    assert (report.linked, report.unowned) == (("user-1", "user-2"), ("user-9",))
    assert (report.ambiguous, report.unverified, report.linked_before) == ((), (), ())
    assert (report.run.verdict, report.run.counts.provisioned) == (Verdict.COMPLETE, 3)
    ids = _ids(world)
    assert (ids[ADA.source_id], ids[GRACE.source_id]) == ("user-1", "user-2")
    assert {source_id for source_id, account in world.live().items() if account.adopted} == {
        ADA.source_id,
        GRACE.source_id,
    }
    assert world.run().verdict is Verdict.COMPLETE


def test_looking_first_reports_the_same_and_writes_nothing(world: World) -> None:
    """What an adoption would do can be seen before: the same report, and an empty store."""
    world.directory.add(ADA, GRACE)
    users = (("user-1", ADA.email), ("user-2", "x@elsewhere.example"), ("user-9", "nobody@acme.example"))
    looked = _adopt(world, *users, plan_only=True)
    assert world.every() == []
    done = _adopt(world, *users)
    assert (looked.linked, looked.unverified, looked.unowned) == (done.linked, done.unverified, done.unowned)
    assert looked.run.counts == done.run.counts


@pytest.mark.parametrize(
    "email",
    [
        "ada@evil-acme.example",
        "ada@acme.example.evil",
        "ada@sub.acme.example",
        "ada@acme.example@evil.example",
        "acme.example",
        "",
    ],
)
def test_address_outside_the_verified_domains_links_nobody(world: World, email: str) -> None:
    """A domain that only looks like a verified one, and a subdomain of it, is not it: such users are reported."""
    world.directory.add(evolve(ADA, email=email or ADA.email))
    report = _adopt(world, ("user-1", email))
    assert (report.linked, report.unverified) == ((), ("user-1",))
    assert "user-1" not in _ids(world).values()


@pytest.mark.parametrize("domains", [["ACME.example"], ["@acme.example"], ["other.example", "Acme.Example"]])
def test_domains_are_compared_without_regard_to_case(world: World, domains: list[str]) -> None:
    """A domain may be written in any case, with or without the sign before it."""
    world.directory.add(ADA)
    assert _adopt(world, ("user-1", "Ada@aCme.exAmple"), domains=domains).linked == ("user-1",)


def test_two_users_of_one_address_are_ambiguous(world: World) -> None:
    """Nobody guesses which of two users a person is: both are reported, and the person gets an account of their own."""
    world.directory.add(ADA)
    report = _adopt(world, ("user-1", ADA.email), ("user-2", ADA.email.title()))
    assert (report.linked, report.ambiguous) == ((), ("user-1", "user-2"))
    (account,) = world.live().values()
    assert account.account_id not in {"user-1", "user-2"}
    assert not account.adopted


def test_two_people_of_one_address_are_ambiguous(world: World) -> None:
    """Where the directory gives one address to two people, the user is linked to neither, and both are set aside."""

    class Contradicts(FakeDirectory):
        def snapshot(self, **options: Any) -> Any:
            snapshot = super().snapshot(**options)
            once = snapshot.identities
            snapshot.identities = lambda: (evolve(one, email=ADA.email) for one in once())  # type: ignore[method-assign]  # a test's doing
            return snapshot

    reconciler = Reconciler({TENANT: Contradicts(ADA, GRACE)}, world.storage, world.sealer, clock=world.clock)
    report = reconciler.adopt(TENANT, Adoption([HostUser("user-1", ADA.email)], DOMAINS))
    assert (report.linked, report.ambiguous) == ((), ("user-1",))
    assert (report.run.verdict, report.run.counts.quarantined) == (Verdict.DEGRADED, 2)
    assert world.live() == {}


def test_adopting_twice_changes_nothing(adopted: World) -> None:
    """The second time everybody is linked already, whatever address the host has by now."""
    before = adopted.every()
    report = _adopt(adopted, ("user-1", ADA.email), ("user-2", "other@acme.example"), ("user-3", MARY.email))
    assert (report.linked, report.linked_before) == ((), ("user-1", "user-2", "user-3"))
    assert report.run.counts.changes == 0
    assert adopted.every() == before


def test_id_of_an_ended_account_is_not_given_again(world: World) -> None:
    """A host's id that has a tombstone links nobody: no write revives it."""
    world.obey(Rules(delete_adopted=True))
    world.directory.add(ADA, GRACE)
    _adopt(world, ("user-1", ADA.email), ("user-2", GRACE.email))
    world.directory.delete(ADA)
    assert world.run().counts.deleted == 1
    heir = identity("heir", email=ADA.email)
    world.directory.add(heir)
    report = _adopt(world, ("user-1", ADA.email))
    assert (report.linked, report.linked_before) == ((), ("user-1",))
    assert _ids(world)[heir.source_id] != "user-1"


@pytest.mark.parametrize(
    "users",
    [
        [("", "a@acme.example")],
        [("a@acme.example", "a@acme.example")],
        [("user-1", "a@acme.example"), ("user-1", "b@acme.example")],
        [("user\n1", "a@acme.example")],
    ],
)
def test_useless_ids_are_refused(users: list[tuple[str, str]]) -> None:
    """An id that is empty, an address, unprintable, or used twice is refused before anything is read."""
    with pytest.raises(UsageError) as caught:
        Adoption([HostUser(*user) for user in users], DOMAINS)
    assert "acme.example" not in str(caught.value)


@pytest.mark.parametrize("domains", [[], [""], ["ada@acme.example"], ["@"], "acme.example"])
def test_adoption_without_a_verified_domain_is_refused(domains: Any) -> None:
    """Without a proved domain nobody can be linked; an address, or one bare text, is no list of domains."""
    with pytest.raises(UsageError):
        Adoption([], domains)


def test_adopted_person_who_is_deleted_loses_access_at_once(adopted: World) -> None:
    """What the host had before is deactivated by itself and deleted by nobody's but a person's decision."""
    adopted.directory.delete(ADA)
    run = adopted.run()
    assert (run.verdict, run.counts.deactivated, run.counts.deleted) == (Verdict.HELD, 1, 0)
    assert [held.effect for held in run.held] == [Effect.DELETE]
    account = adopted.live()[ADA.source_id]
    assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.DELETED)
    plan = adopted.waiting_plan()
    adopted.clock.advance(hours=1)
    assert adopted.run().counts.changes == 0
    assert adopted.waiting_plan() == plan
    assert adopted.approve(plan).counts.deleted == 1


def test_adopted_person_who_returns_has_the_hosts_id_still(adopted: World) -> None:
    """Deactivated on deletion, reactivated on return: the host's user is one and the same."""
    adopted.directory.delete(ADA)
    adopted.run()
    adopted.directory.undelete(ADA)
    run = adopted.run()
    assert (run.verdict, run.counts.reactivated) == (Verdict.COMPLETE, 1)
    assert _ids(adopted)[ADA.source_id] == "user-1"


def test_host_may_have_adopted_accounts_deleted(adopted: World) -> None:
    """With ``delete_adopted`` an adopted account ends as any other."""
    adopted.obey(Rules(delete_adopted=True))
    adopted.directory.delete(ADA)
    run = adopted.run()
    assert (run.verdict, run.counts.deleted) == (Verdict.COMPLETE, 1)


def test_mass_departure_of_adopted_people_is_held(adopted: World) -> None:
    """Deactivating adopted people instead of deleting them is guarded like any other deactivation."""
    few = Threshold(Ceiling(1, 0, 1), Ceiling(1, 0, 1))
    adopted.obey(Rules(guards=Guards(deactivations=few, shrinkage=1.0)))
    adopted.directory.delete(ADA)
    adopted.directory.delete(GRACE)
    run = adopted.run()
    assert (run.verdict, run.counts.changes) == (Verdict.HELD, 0)
    assert {held.effect for held in run.held} == {Effect.DELETE, Effect.DEACTIVATE}
    run = adopted.approve(adopted.waiting_plan())
    assert (run.verdict, run.counts.deleted, run.counts.deactivated) == (Verdict.COMPLETE, 2, 0)


def test_drip_of_adopted_departures_counts(adopted: World) -> None:
    """The deactivations of adopted people count towards the window, as the slow drip that they may be."""
    few = Threshold(Ceiling(1, 0, 1), Ceiling(1, 0, 1))
    adopted.obey(Rules(guards=Guards(deactivations=few, shrinkage=1.0)))
    adopted.directory.delete(ADA)
    assert adopted.run().counts.deactivated == 1
    adopted.directory.delete(GRACE)
    assert adopted.run().counts.deactivated == 0


def test_report_shows_no_address(world: World) -> None:
    """Neither an adoption nor its report shows an address about itself."""
    world.directory.add(ADA)
    adoption = Adoption([HostUser("user-1", ADA.email)], DOMAINS)
    assert "ada" not in repr(adoption) + repr(adoption.users[0]) + repr(world.reconciler.adopt(TENANT, adoption))


def test_user_of_somebody_provisioned_before_is_told_apart(world: World) -> None:
    """Whose address an account of ours has already is not unowned: a person must say which of the two is theirs."""
    world.directory.add(ADA)
    world.run()
    world.directory.add(GRACE)
    report = _adopt(world, ("user-1", ADA.email), ("user-2", GRACE.email))
    assert (report.provisioned_before, report.linked, report.unowned) == (("user-1",), ("user-2",), ())
    assert report.ambiguous == ()


def test_link_that_is_set_aside_is_reported_as_waiting(world: World) -> None:
    """A user whose person cannot be let in yet stands in the report, and is linked once that is settled."""
    world.obey(Rules(retain_for=timedelta(0)))
    world.directory.add(ADA)
    world.run()
    wrong = FakeDirectory(MARY, GRACE)
    worker = Reconciler({TENANT: wrong}, world.storage, world.sealer, clock=world.clock)
    users = [HostUser("user-3", MARY.email), HostUser("user-2", GRACE.email)]
    report = worker.adopt(TENANT, Adoption(users, DOMAINS))
    assert set(report.linked) | set(report.waiting) == {"user-2", "user-3"}
    assert report.run.verdict is Verdict.HELD


def test_the_end_of_an_adopted_account_is_told_as_such(world: World) -> None:
    """The journal says of a deletion, too, that the host had the person before the first run."""
    world.obey(Rules(delete_adopted=True))
    world.directory.add(ADA, GRACE)
    _adopt(world, ("1", ADA.email))
    world.directory.delete(ADA)
    world.run()
    entries = History(world.storage).of(TENANT)
    assert [(entry.kind.value, entry.adopted) for entry in entries if entry.source_id == ADA.source_id] == [
        ("provision", True),
        ("delete", True),
    ]


@pytest.mark.parametrize(("user", "problem"), [((7, "ada@acme.example"), "id is no text"), (("7", None), "address is")])
def test_what_a_table_gave_for_a_text_is_named(user: tuple[Any, Any], problem: str) -> None:
    """A number for an id and nothing for an address, as databases give them, are told apart, with the user's place."""
    with pytest.raises(UsageError, match=f"{problem}.*user 2"):
        Adoption([HostUser("1", "hank@acme.example"), HostUser(*user)], DOMAINS)
