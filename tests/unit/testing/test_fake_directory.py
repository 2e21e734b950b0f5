from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from smartify_core.directory import Capability, DirectorySource, Gone, Present, Reject, Snapshot, Uncertain
from smartify_core.errors import (
    SnapshotMisused,
    SourceError,
    SourceMalformed,
    SourceRejected,
    SourceUnavailable,
    UsageError,
)
from smartify_core.model import Identity, InactiveReason, Membership, MembershipPath, Stage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity, make_sample
from smartify_core.testing._fake_faults import FailureMoment
from smartify_core.testing._fake_snapshot import FakeSnapshot

ADA = identity("ada", groups=["eng"])
BOB = identity("bob", groups=["eng", "ops"])
CID = identity("cid", suspended=True)
D, N, W = MembershipPath.DIRECT, MembershipPath.NESTED, MembershipPath.WHOLE_CUSTOMER


@pytest.fixture
def directory() -> FakeDirectory:
    """Return a directory of three people and two groups."""
    return FakeDirectory(ADA, BOB, CID)


def read(directory: FakeDirectory) -> list[Identity]:
    """Return what a complete read sees."""
    with directory.snapshot() as snapshot:
        people = list(snapshot.identities())
        assert snapshot.certificate.complete
    return people


def groups_of(directory: FakeDirectory, person: Identity | str) -> dict[str, MembershipPath]:
    """Return a person's groups by the name before the @, and the path to each."""
    return {each.group.email.partition("@")[0]: each.path for each in directory.current(person).memberships}


class TestReading:
    def test_is_a_directory_source(self, directory: FakeDirectory) -> None:
        """A fake directory is a directory source, and what it gives is a snapshot (which the type checker sees)."""
        snapshot: Snapshot = directory.snapshot()
        assert isinstance(directory, DirectorySource)
        assert isinstance(snapshot, FakeSnapshot)

    def test_a_read_is_the_truth(self, directory: FakeDirectory) -> None:
        """A read with no fault sees exactly the truth, in ascending order of id."""
        assert read(directory) == directory.truth() == sorted([ADA, BOB, CID], key=lambda each: each.source_id)

    def test_snapshots_are_numbered(self, directory: FakeDirectory) -> None:
        """Snapshot ids count the reads, so that a test can foretell them."""
        assert [directory.snapshot().id for _ in range(3)] == ["fake-1", "fake-2", "fake-3"]
        assert directory.reads == 3

    def test_a_read_does_not_see_later_changes(self, directory: FakeDirectory) -> None:
        """What changes while a read is under way is not seen by its listing, and is seen when people are confirmed."""
        with directory.snapshot() as snapshot:
            people = snapshot.identities()
            seen = [next(people)]
            directory.delete(ADA)
            directory.remove_member(BOB, "eng")
            seen += people
            assert {each.source_id: each for each in seen} == {each.source_id: each for each in (ADA, BOB, CID)}
            assert snapshot.confirm([ADA.source_id, BOB.source_id]) == {
                ADA.source_id: Gone("deleted list"),
                BOB.source_id: Present(BOB),
            }

    def test_progress_grows(self, directory: FakeDirectory) -> None:
        """Progress tells of groups and people, and of the total once it is known."""
        told: list[tuple[Stage, int, int | None]] = []
        list(directory.snapshot(progress=lambda *report: told.append(report)).identities())
        assert told == [
            (Stage.GROUPS_READ, 2, 2),
            (Stage.USERS_READ, 1, None),
            (Stage.USERS_READ, 2, None),
            (Stage.USERS_READ, 3, None),
            (Stage.USERS_READ, 3, 3),
        ]

    def test_second_read_of_a_snapshot_is_misuse(self, directory: FakeDirectory) -> None:
        """A snapshot is read once, has its certificate only after that, and is of no use once closed."""
        snapshot = directory.snapshot()
        with pytest.raises(SnapshotMisused):
            _ = snapshot.certificate
        with pytest.raises(SnapshotMisused):
            snapshot.confirm([])
        people = snapshot.identities()
        next(people)
        with pytest.raises(SnapshotMisused):
            snapshot.identities()
        snapshot.close()
        with pytest.raises(SnapshotMisused):
            next(people)
        with pytest.raises(SnapshotMisused):
            directory_closed(directory).identities()

    def test_repr_names_nobody(self, directory: FakeDirectory) -> None:
        """The repr of directory and snapshot counts and names nobody."""
        assert repr(directory) == "<FakeDirectory: 3 people, 2 groups, read 0 times>"
        assert repr(directory.snapshot()) == "<FakeSnapshot fake-1>"


def directory_closed(directory: FakeDirectory) -> Snapshot:
    """Return a snapshot that was closed before anything was read."""
    snapshot = directory.snapshot()
    snapshot.close()
    return snapshot


class TestPeople:
    def test_rename(self, directory: FakeDirectory) -> None:
        """A rename changes what is given and keeps the id and the rest."""
        directory.rename(ADA, email="ada.king@acme.example", family_name="King")
        renamed = directory.current(ADA)
        assert renamed.source_id == ADA.source_id
        assert (renamed.email, renamed.given_name, renamed.family_name) == ("ada.king@acme.example", "Ada", "King")
        assert renamed.memberships == ADA.memberships

    def test_old_address_is_free(self, directory: FakeDirectory) -> None:
        """After a rename somebody else can have the old address."""
        directory.rename("ada", email="other@acme.example")
        directory.add(identity("ada2", email="ADA@acme.example"))
        assert directory.current("ada2").email == "ADA@acme.example"

    def test_case_of_an_address_can_change(self, directory: FakeDirectory) -> None:
        """An address may change in case alone."""
        directory.rename(ADA, email="Ada@Acme.example")
        assert directory.current(ADA).email == "Ada@Acme.example"

    def test_address_is_unique(self, directory: FakeDirectory) -> None:
        """Two people, or a person and a group, never have one address; the error names ids only."""
        for attempt in (
            lambda: directory.rename(ADA, email="BOB@acme.example"),
            lambda: directory.add(identity("new", email="eng@acme.example")),
            lambda: directory.add_group(group("bob")),
            lambda: directory.rename_group("eng", email="ops@acme.example"),
        ):
            with pytest.raises(UsageError, match="address is taken") as refused:
                attempt()
            assert "@" not in str(refused.value)
        assert directory.truth() == FakeDirectory(ADA, BOB, CID).truth()

    def test_swap(self, directory: FakeDirectory) -> None:
        """Two people can exchange addresses."""
        directory.swap_emails(ADA, BOB)
        assert (directory.current(ADA).email, directory.current(BOB).email) == (BOB.email, ADA.email)
        with pytest.raises(UsageError):
            directory.rename(CID, email=BOB.email)

    def test_states(self, directory: FakeDirectory) -> None:
        """Suspended comes before archived, and restoring undoes both."""
        directory.archive(ADA)
        assert directory.current(ADA).inactive_reason is InactiveReason.ARCHIVED
        directory.suspend(ADA)
        assert directory.current(ADA).inactive_reason is InactiveReason.SUSPENDED
        directory.restore(ADA)
        assert directory.current(ADA) == ADA

    def test_delete_and_undelete(self, directory: FakeDirectory) -> None:
        """A deleted person is unseen, on the deleted list, and comes back with groups and state."""
        directory.suspend(BOB)
        before = directory.current(BOB)
        directory.delete(BOB)
        assert BOB.source_id not in {each.source_id for each in read(directory)}
        assert confirmed(directory, BOB) == Gone("deleted list")
        directory.undelete(BOB)
        assert directory.current(BOB) == before

    def test_deleted_list_forgets(self) -> None:
        """By the clock that it is given, the deleted list forgets a person after twenty days."""
        clock = ManualClock()
        directory = FakeDirectory(ADA, clock=clock)
        directory.delete(ADA)
        clock.advance(days=19, hours=23)
        assert confirmed(directory, ADA) == Gone("deleted list")
        clock.advance(timedelta(hours=1))
        assert confirmed(directory, ADA) == Gone("read by id: nobody has it")
        with pytest.raises(UsageError, match="left the deleted list"):
            directory.undelete(ADA)

    def test_undelete_needs_the_address(self, directory: FakeDirectory) -> None:
        """Nobody comes back while somebody else has their address."""
        directory.delete(ADA)
        directory.rename(BOB, email=ADA.email)
        with pytest.raises(UsageError, match="address is taken"):
            directory.undelete(ADA)

    def test_forget(self, directory: FakeDirectory) -> None:
        """A forgotten person is not on the deleted list either, and may be added anew without the old groups."""
        directory.forget(ADA)
        assert confirmed(directory, ADA) == Gone("read by id: nobody has it")
        directory.add(identity("ada"))
        assert directory.current(ADA).memberships == ()

    def test_name_that_prints_nothing(self) -> None:
        """A name part of zero-width characters is the empty string, as in every source."""
        directory = FakeDirectory(Identity("1", "a@acme.example", "Suharni", "\u200b"))
        assert directory.current("1").family_name == ""
        directory.rename("1", given_name=" \u2060", family_name="Suharni")
        assert (directory.current("1").given_name, directory.current("1").family_name) == ("", "Suharni")


def confirmed(directory: FakeDirectory, person: Identity) -> object:
    """Return what a read of its own says about one person."""
    with directory.snapshot() as snapshot:
        list(snapshot.identities())
        return snapshot.confirm([person.source_id])[person.source_id]


class TestGroups:
    def test_groups_come_with_people(self, directory: FakeDirectory) -> None:
        """Groups that list the first people are there."""
        assert groups_of(directory, BOB) == {"eng": D, "ops": D}

    def test_move(self, directory: FakeDirectory) -> None:
        """Moving takes a person off one list and puts them on another."""
        directory.move(ADA, "eng", group("ops"))
        assert groups_of(directory, ADA) == {"ops": D}

    def test_nest_and_unnest(self, directory: FakeDirectory) -> None:
        """Who is in a nested group is in the outer one as well, until it is taken out, and cycles do no harm."""
        directory.add_group("all", CID)
        directory.nest("eng", "all")
        directory.nest("all", "ops")
        directory.nest("ops", "eng")
        assert groups_of(directory, ADA) == {"all": N, "eng": D, "ops": N}
        directory.unnest("eng", "all")
        assert groups_of(directory, ADA) == {"eng": D}

    def test_whole_customer(self, directory: FakeDirectory) -> None:
        """A group of everybody has everybody in it, newcomers included, until it has not."""
        directory.add_group("all")
        directory.whole_customer("all")
        directory.add(identity("new"))
        assert groups_of(directory, "new") == {"all": W}
        directory.whole_customer("all", everyone=False)
        assert groups_of(directory, "new") == {}

    def test_rename_and_delete_group(self, directory: FakeDirectory) -> None:
        """A renamed group keeps its people, a deleted one leaves no trace with them, and its address is free."""
        renamed = directory.rename_group("eng", email="dev@acme.example", name="Developers")
        assert renamed in {each.group for each in directory.current(ADA).memberships}
        directory.add_group("all")
        directory.nest("eng", "all")
        directory.delete_group("eng")
        assert groups_of(directory, ADA) == {}
        directory.add_group(group("eng", email="dev@acme.example"), ADA)
        assert groups_of(directory, ADA) == {"dev": D}

    def test_remove_member_needs_a_direct_one(self, directory: FakeDirectory) -> None:
        """A nested member cannot be removed from the outer group, and the error says where to look."""
        directory.add_group("all")
        directory.nest("eng", "all")
        with pytest.raises(UsageError, match="where it begins"):
            directory.remove_member(ADA, "all")


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda it: it.add(ADA), "already there"),
            (lambda it: it.suspend("nobody"), "not in this directory"),
            (lambda it: it.undelete(ADA), "has not been deleted"),
            (lambda it: it.undelete("nobody"), "not on the deleted list"),
            (lambda it: it.forget("nobody"), "not on the deleted list"),
            (lambda it: it.add_member(ADA, "nothing"), "group is not in this directory"),
            (lambda it: it.add_group("eng"), "already there"),
            (lambda it: it.unnest("eng", "ops"), "not nested there"),
            (lambda it: it.add(identity("new", groups=[Membership(group("eng"), N)])), "direct memberships"),
            (lambda it: it.add(identity("new", groups=[group("eng", name="Other")])), "direct memberships"),
            (lambda it: it.truncate_next("people"), "no such cut"),
            (lambda it: it.truncate_next(keep=-1), "no such cut"),
            (lambda it: it.truncate_next(times=0), "at least once"),
            (lambda it: it.fail_next("slow"), "SourceError and nothing else"),
            (lambda it: it.fail_next(ValueError("x")), "SourceError and nothing else"),
            (lambda it: it.fail_next(on="close"), "no such moment"),
            (lambda it: it.miss_next("nobody"), "not in this directory"),
            (lambda _: identity("new", groups=["eng", "eng"]), "in a group once"),
        ],
    )
    def test_is_named(self, directory: FakeDirectory, call: Callable[[FakeDirectory], object], says: str) -> None:
        """A wrong call says what is wrong and how to mend it, and names nobody."""
        with pytest.raises(UsageError, match=says) as refused:
            call(directory)
        assert refused.value.cure
        assert "@" not in str(refused.value)

    def test_deleted_people_cannot_be_changed(self, directory: FakeDirectory) -> None:
        """A deleted person must come back before they can be changed, and keeps the id."""
        directory.delete(ADA)
        with pytest.raises(UsageError, match="has been deleted"):
            directory.suspend(ADA)
        with pytest.raises(UsageError, match="already there"):
            directory.add(ADA)


class TestFaults:
    @pytest.mark.parametrize("keep", [None, 0, 2, 99])
    def test_cut_listing(self, directory: FakeDirectory, keep: int | None) -> None:
        """A cut listing shows fewer people, never a complete certificate, and only in the next read."""
        directory.truncate_next(keep=keep)
        with directory.snapshot() as snapshot:
            assert len(list(snapshot.identities())) == {None: 1, 0: 0, 2: 2, 99: 3}[keep]
            assert not snapshot.certificate.complete
            assert snapshot.certificate.problems[0].startswith("users: cut after")
        assert read(directory) == directory.truth()

    def test_cut_groups_and_members(self, directory: FakeDirectory) -> None:
        """Groups and members can be cut as well: people are seen with fewer memberships."""
        directory.truncate_next("groups", keep=1)
        directory.truncate_next("members", keep=0)
        with directory.snapshot() as snapshot:
            assert all(each.memberships == () for each in snapshot.identities())
            names = [each.name for each in snapshot.certificate.listings if not each.complete]
        assert names == ["groups", "members"]

    def test_cut_members_in_the_middle(self, directory: FakeDirectory) -> None:
        """As many member records are seen as were kept: people first, then nested groups, then the whole customer."""
        directory.add_group("all")
        directory.whole_customer("all")
        directory.nest("ops", "all")
        seen = []
        for keep in range(6):
            directory.truncate_next("members", keep=keep)
            with directory.snapshot() as snapshot:
                seen.append(sum(len(each.memberships) for each in snapshot.identities()))
        assert seen == sorted(seen)
        assert seen[0] == 0
        assert seen[-1] == sum(len(each.memberships) for each in directory.truth())

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("unavailable", SourceUnavailable), ("rejected", SourceRejected), ("malformed", SourceMalformed)],
    )
    def test_failing_read(self, directory: FakeDirectory, name: str, kind: type[SourceError]) -> None:
        """A failing read raises before anybody is seen, has no certificate, and the next one is well again."""
        directory.fail_next(name)  # type: ignore[arg-type]  # a parametrised name is any text
        snapshot = directory.snapshot()
        with pytest.raises(kind):
            next(snapshot.identities())
        with pytest.raises(SnapshotMisused):
            _ = snapshot.certificate
        assert read(directory) == directory.truth()

    @pytest.mark.parametrize("after", [1, 2, 3, 50])
    def test_failing_late(self, directory: FakeDirectory, after: int) -> None:
        """A read can fail after so many people; a shorter one fails at its end."""
        error = SourceUnavailable("gone fishing")
        directory.fail_next(error, after=after)
        seen: list[Identity] = []
        with pytest.raises(SourceUnavailable) as raised:
            seen.extend(directory.snapshot().identities())
        assert raised.value is error
        assert seen == directory.truth()[:after]

    def test_failing_at_other_moments(self, directory: FakeDirectory) -> None:
        """A source can fail when it is opened, and when it is asked about people."""
        directory.fail_next("rejected", on="open")
        directory.fail_next(on="confirm")
        directory.fail_next("rejected", on="open")
        with pytest.raises(SourceRejected):
            directory.snapshot()
        directory.fail_next(on="confirm")
        snapshot = directory.snapshot()
        assert list(snapshot.identities()) == directory.truth()
        with pytest.raises(SourceUnavailable):
            snapshot.confirm([ADA.source_id])

    def test_missed_person_is_present(self, directory: FakeDirectory) -> None:
        """Who is missed by a complete listing is present when asked about, with the groups that the read saw."""
        directory.miss_next(ADA)
        with directory.snapshot() as snapshot:
            assert [each.source_id for each in snapshot.identities()] == sorted([BOB.source_id, CID.source_id])
            assert snapshot.certificate.complete
            assert snapshot.confirm([ADA.source_id]) == {ADA.source_id: Present(ADA)}

    def test_rejected_record(self, directory: FakeDirectory) -> None:
        """A spoiled record is a reject, not an identity, and nothing is known about the person."""
        directory.reject_next(ADA, problem="the email is no address")
        with directory.snapshot() as snapshot:
            assert ADA.source_id not in {each.source_id for each in snapshot.identities()}
            (reject,) = snapshot.rejects
            assert isinstance(reject, Reject)
            assert (reject.source_id, reject.problem) == (ADA.source_id, "the email is no address")
            assert isinstance(snapshot.confirm([ADA.source_id])[ADA.source_id], Uncertain)

    def test_uncertain_answer(self, directory: FakeDirectory) -> None:
        """Asked about somebody, the directory can be made to answer neither yes nor no."""
        directory.forget(ADA)
        directory.uncertain_next(ADA, reason="read by id: 500")
        assert confirmed(directory, ADA) == Uncertain("read by id: 500")
        assert confirmed(directory, ADA) == Gone("read by id: nobody has it")

    def test_world_moves_on(self, directory: FakeDirectory) -> None:
        """Something can happen between the listing and the confirmation."""
        directory.miss_next(ADA)
        directory.after_next_listing(lambda: directory.delete(ADA))
        assert confirmed(directory, ADA) == Gone("deleted list")

    def test_several_reads_and_recovery(self, directory: FakeDirectory) -> None:
        """A fault can last for several reads, and all that are still to come can be taken back."""
        directory.fail_next(times=3)
        for _ in range(2):
            with pytest.raises(SourceUnavailable):
                read(directory)
        directory.recover()
        assert read(directory) == directory.truth()

    def test_capabilities_are_kept_to(self) -> None:
        """A directory without a deleted list, or without single reads, has no evidence from there."""
        lone = FakeDirectory(ADA, capabilities=frozenset({Capability.SINGLE_READ}))
        none = FakeDirectory(ADA, capabilities=frozenset())
        for directory in (lone, none):
            directory.delete(ADA)
        assert confirmed(lone, ADA) == Gone("read by id: nobody has it")
        assert isinstance(confirmed(none, ADA), Uncertain)
        assert none.capabilities == frozenset()


class TestLookingUp:
    def test_people_are_seen_as_they_are_now(self, directory: FakeDirectory) -> None:
        """A look-up needs no snapshot, takes none, and shows people with all their groups."""
        directory.nest("eng", "ops")
        directory.delete(BOB)
        answers = directory.look_up([ADA.source_id, BOB.source_id, "0"])
        assert answers == {
            ADA.source_id: Present(directory.current(ADA)),
            BOB.source_id: Gone("deleted list"),
            "0": Gone("read by id: nobody has it"),
        }
        assert directory.reads == 0

    @pytest.mark.parametrize("moment", ["open", "read", "confirm"])
    def test_an_error_is_raised_whatever_its_moment(self, directory: FakeDirectory, moment: FailureMoment) -> None:
        """What was to fail the next read fails the look-up that comes first, once."""
        directory.fail_next("rejected", on=moment, after=2)
        with pytest.raises(SourceRejected):
            directory.look_up([ADA.source_id])
        assert directory.look_up([ADA.source_id]) == {ADA.source_id: Present(ADA)}

    def test_doubt_and_spoiled_records_are_uncertain(self, directory: FakeDirectory) -> None:
        """Faults about people concern look-ups as well."""
        directory.uncertain_next(ADA, reason="read by id: 500")
        directory.reject_next(BOB)
        answers = directory.look_up([ADA.source_id, BOB.source_id, CID.source_id])
        assert answers[ADA.source_id] == Uncertain("read by id: 500")
        assert isinstance(answers[BOB.source_id], Uncertain)
        assert answers[CID.source_id] == Present(CID)

    def test_the_world_moves_on_before_the_answer(self, directory: FakeDirectory) -> None:
        """What was to happen after the next listing happens before a look-up answers."""
        directory.after_next_listing(lambda: directory.suspend(ADA))
        (answer,) = directory.look_up([ADA.source_id]).values()
        assert isinstance(answer, Present)
        assert answer.identity.inactive_reason is InactiveReason.SUSPENDED

    def test_it_must_be_declared(self) -> None:
        """A directory without single reads refuses, and its faults wait for the next read."""
        directory = FakeDirectory(ADA, capabilities=frozenset({Capability.DELETION_EVIDENCE}))
        directory.fail_next()
        with pytest.raises(UsageError, match="one person alone"):
            directory.look_up([ADA.source_id])
        with pytest.raises(SourceUnavailable):
            read(directory)


class TestSample:
    def test_from_sample_is_the_sample(self) -> None:
        """A directory made from a sample has its people, states, groups and deleted."""
        sample = make_sample(2, people=200, groups=60)
        directory = FakeDirectory.from_sample(sample)
        truth = {each.source_id: each for each in read(directory)}
        assert truth.keys() == {each.source_id for each in sample.people}
        for person in sample.people:
            seen = truth[person.source_id]
            assert seen.email == person.email
            assert seen.active is not (person.suspended or person.archived)
            assert seen.family_name == ("" if person.family_name == "\u200b" else person.family_name)
            direct = {each.group.id for each in seen.memberships if each.path is D}
            assert direct == {each.source_id for each in sample.groups if person.source_id in each.member_ids}
            whole = {each.group.id for each in seen.memberships if each.path is W}
            assert {each.source_id for each in sample.groups if each.whole_customer} <= whole
        for person in sample.deleted:
            directory.undelete(person.source_id)

    def test_identity_ids_are_stable(self) -> None:
        """Ids made from handles are the same in every run and on every machine."""
        assert identity("ada").source_id == "108159014796526471800"
        assert group("eng").id == "06anagjjf460eja"
