"""One day in the sample directory: everything that happens to people at a customer, each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.lifecycle import Counts
from smartify_core.policy import Disclosed
from smartify_core.testing import Sample, SamplePerson
from smartify_core.testing.google import Workspace

#: What a plan must make of the day, beside everybody who stays as they are.
EXPECTED: Final = Counts(provisioned=2, updated=4, deactivated=1, reactivated=1, deleted=1)

_READABLE: Final = 30


@frozen(order=False)
class Happening:
    """Something that happened to one person of the sample."""

    what: str
    source_id: str
    #: For the people who watch the demo; everybody in the sample is made up.
    person: str = field(repr=False)


def live_through(workspace: Workspace, sample: Sample) -> tuple[Happening, ...]:
    """Let one day pass in ``workspace``, which was made from ``sample``, and return what happened."""
    active = {
        person.source_id: person
        # Names of 60 characters are in the directory, and need not be in the story.
        for person in sorted(sample.people, key=lambda person: len(_name(person)) > _READABLE)
        if not (person.suspended or person.archived) and person.email != sample.admin_email
    }
    domain = sample.domains[0]

    joiner = workspace.add_user(email=f"noor.vega@{domain}", given_name="Noor", family_name="Vega")
    team = next(
        group for group in sample.groups if group.member_ids and not (group.child_group_ids or group.whole_customer)
    )
    workspace.add_member(team.source_id, user_id=joiner)
    story = [Happening(f"joins, and is put into {team.name}", joiner, "Noor Vega")]

    mover, left, entered = _move(workspace, sample, active)
    at_work = (person for person in active.values() if person is not mover)
    story.append(_told(f"moves from {left} to {entered}", mover))

    leaver = next(at_work)
    workspace.delete_user(leaver.source_id)
    story.append(_told("leaves: deleted in the directory", leaver))

    paused = next(at_work)
    workspace.suspend(paused.source_id)
    story.append(_told("is suspended", paused))

    renamed = next(at_work)
    workspace.rename_user(renamed.source_id, family_name="Okonkwo-Lindqvist", email=f"okonkwo.lindqvist@{domain}")
    story.append(_told("takes another family name, and an address to go with it", renamed))

    one, other = next(at_work), next(at_work)
    workspace.swap_emails(one.source_id, other.source_id)
    story += [_told(f"swaps addresses with {_name(other)}", one), _told(f"swaps addresses with {_name(one)}", other)]

    returner = next(person for person in sample.people if person.suspended and not person.archived)
    workspace.unsuspend(returner.source_id)
    story.append(_told("was suspended and is back", returner))

    undeleted = sample.deleted[0]
    workspace.undelete_user(undeleted.source_id)
    story.append(_told("had been deleted before the first sync, and is undeleted", undeleted))
    return tuple(story)


def _move(workspace: Workspace, sample: Sample, active: Mapping[str, SamplePerson]) -> tuple[SamplePerson, str, str]:
    """Move somebody from one group to another that they were in by no path at all."""
    groups_of = {person["id"]: set(person["groups"]) for person in workspace.truth()["people"]}
    for left in sample.groups:
        for source_id in left.member_ids:
            for entered in sample.groups:
                if source_id in active and entered.email not in groups_of[source_id]:
                    workspace.remove_member(left.source_id, source_id)
                    workspace.add_member(entered.source_id, user_id=source_id)
                    return active[source_id], left.name, entered.name
    raise UsageError("the sample has nobody who could change groups", cure="Ask for more people.")


def _told(what: str, person: SamplePerson) -> Happening:
    return Happening(what, person.source_id, _name(person))


def _name(person: SamplePerson) -> str:
    return " ".join(part for part in (person.given_name, person.family_name.strip("\u200b")) if part)


def differences(truth: dict[str, Any], accounts: Iterable[Disclosed]) -> tuple[str, ...]:
    """Return what keeps the accounts from being the people of the directory: nothing, unless this library is broken.

    Args:
        truth: `Workspace.truth`, found by searching the sample's own groups and not by asking the API.
        accounts: Every live account in the store, with all fields.
    """
    expected = {person["id"]: person for person in truth["people"]}
    found = []
    for account in accounts:
        person = expected.pop(account.source_id, None)
        if person is None:
            found.append(f"source id {account.source_id} has an account and is not in the directory")
            continue
        seen = {
            "id": account.source_id,
            "email": account.email,
            "given_name": account.given_name,
            "family_name": account.family_name,
            "state": account.state.value,
            "groups": list(account.groups or ()),
        }
        wrong = [name for name, value in person.items() if seen[name] != value]
        if wrong:
            found.append(f"source id {account.source_id} differs in {', '.join(wrong)}")
    found += [f"source id {source_id} has no account" for source_id in expected]
    return tuple(found)
