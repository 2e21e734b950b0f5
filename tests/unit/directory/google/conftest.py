"""A small Google Workspace account on a real wire, and a directory that reads it without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from attrs import define, field
from google.oauth2.credentials import Credentials

from smartify_core.directory import Certificate, Presence, Reject
from smartify_core.directory.google import GoogleDirectory, GoogleSnapshot, Limits, RateLimiter
from smartify_core.model import Identity
from smartify_core.testing.google import Fault, GoogleServer, Workspace
from smartify_core.testing.google._faults import Page

ADMIN = "admin@acme.example"


@define
class Read:
    """What one read found."""

    people: dict[str, Identity]
    certificate: Certificate
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]
    requests: int
    answers: dict[str, Presence]

    def groups_of(self, source_id: str) -> dict[str, str]:
        """Return the groups of a person: the path by the group's address."""
        return {each.group.email: each.path.value for each in self.people[source_id].memberships}


@define
class Office:
    """A served account, with the clients that read it."""

    workspace: Workspace
    server: GoogleServer
    #: What the directory waited, in seconds; no test really waits.
    waits: list[float] = field(factory=list)

    def credentials(self, admin: str = ADMIN) -> Credentials:
        """Return an administrator's own credentials (cheaper than a service account's, whose key takes a while)."""
        info = self.server.authorized_user(admin)
        make: Callable[..., Credentials] = Credentials
        # from_authorized_user_info would ask Google itself: it does not take the token_uri from the file.
        return make(None, **{key: info[key] for key in ("refresh_token", "token_uri", "client_id", "client_secret")})

    def directory(self, **options: Any) -> GoogleDirectory:
        """Return a directory of this account."""
        options.setdefault("sleep", self.waits.append)
        options.setdefault("random", lambda: 0.5)
        options.setdefault("limits", Limits(attempts=3))
        options.setdefault("rate_limiter", RateLimiter(1_000_000, burst=1_000_000))
        options.setdefault("api_endpoint", self.server.url)
        credentials = options.pop("credentials", None) or self.credentials()
        return GoogleDirectory(credentials, **options)

    def read(self, *confirm: str, **options: Any) -> Read:
        """Read everything, and then ask about each id of ``confirm``."""
        with self.directory(**options).snapshot() as snapshot:
            return self.finish(snapshot, *confirm)

    @staticmethod
    def finish(snapshot: GoogleSnapshot, *confirm: str) -> Read:
        """Read an open snapshot to its end."""
        identities = list(snapshot.identities())
        people = {identity.source_id: identity for identity in identities}
        assert len(people) == len(identities), "an identity was yielded twice"
        answers = dict(snapshot.confirm(confirm)) if confirm else {}
        return Read(people, snapshot.certificate, snapshot.rejects, snapshot.notes, snapshot.requests, answers)

    def edit(self, match: str, change: Callable[[dict[str, Any]], object], **rule: Any) -> None:
        """Change pages of a listing before they are masked and sent; by default all of them."""
        rule.setdefault("times", None)

        def edit(page: Page) -> None:
            change(page.payload)

        self.server.faults.add(match, Fault("edited", edit=edit), **rule)

    def truth(self) -> dict[str, tuple[str, str, str, bool, tuple[str, ...]]]:
        """Return the server's own truth about each person: email, names, active, all groups."""
        return {
            each["id"]: (
                each["email"],
                each["given_name"],
                each["family_name"],
                each["state"] == "active",
                tuple(each["groups"]),
            )
            for each in self.workspace.truth()["people"]
        }


def seen(read: Read) -> dict[str, tuple[str, str, str, bool, tuple[str, ...]]]:
    """Return what a read found, in the shape of `Office.truth`."""
    return {
        source_id: (
            person.email,
            person.given_name,
            person.family_name,
            person.active,
            tuple(sorted(each.group.email for each in person.memberships)),
        )
        for source_id, person in read.people.items()
    }


class OpenOffice(Protocol):
    """Opens an office; it is closed at the end of the test."""

    def __call__(self, workspace: Workspace | None = None, **server: Any) -> Office:
        """Serve ``workspace`` (an empty one by default) with these server options."""


@pytest.fixture
def open_office() -> Iterator[OpenOffice]:
    """Return a function that serves a workspace until the test ends."""
    with ExitStack() as stack:

        def open_one(workspace: Workspace | None = None, **server: Any) -> Office:
            world = workspace or Workspace()
            if not any(person["email"] == ADMIN for person in world.truth()["people"]):
                world.add_user(email=ADMIN, given_name="Ada", family_name="Admin")
            return Office(world, stack.enter_context(GoogleServer(world, **server)))

        yield open_one


@pytest.fixture
def office(open_office: OpenOffice) -> Office:
    """Return a served account with one administrator and pages of at most two items."""
    return open_office(page_size_cap=2)


@pytest.fixture
def populated(office: Office) -> Office:
    """Return a served account with nine people and five groups over several pages."""
    world = office.workspace
    people = [world.add_user(email=f"p{n}@acme.example", given_name=f"G{n}", family_name=f"F{n}") for n in range(8)]
    groups = [world.add_group(email=f"g{n}@acme.example", name=f"Group {n}") for n in range(5)]
    for number, person in enumerate(people):
        world.add_member(groups[number % 4], user_id=person)
    world.add_member(groups[3], group_id_member=groups[0])
    world.add_member(groups[4], whole_customer=True)
    world.suspend(people[1])
    world.archive(people[2])
    return office
