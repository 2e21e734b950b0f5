"""The Google source keeps the contract, on a real wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from google.oauth2.credentials import Credentials

from smartify_core.directory import DirectorySource
from smartify_core.directory.google import GoogleDirectory, Limits, RateLimiter
from smartify_core.testing.conformance import DirectoryConformance, DirectoryWorld
from smartify_core.testing.google import Fault, GoogleServer, Workspace

ADMIN = "admin@acme.example"


class WorkspaceWorld(DirectoryWorld):
    """A Workspace account behind the wire-level server, three records a page."""

    unsupported: ClassVar = {}

    def __init__(self) -> None:
        self._workspace = Workspace(admin_email=ADMIN)
        self._workspace.add_user(email=ADMIN, given_name="Ruth", family_name="Administrator")
        self.server = GoogleServer(self._workspace, page_size_cap=3)
        self._source: GoogleDirectory | None = None

    @property
    def source(self) -> DirectorySource:
        """Return the source under test, which tries twice and does not wait in between."""
        if self._source is None:
            info = self.server.authorized_user(ADMIN)
            make: Callable[..., Credentials] = Credentials
            wanted = ("refresh_token", "token_uri", "client_id", "client_secret")
            self._source = GoogleDirectory(
                make(None, **{key: info[key] for key in wanted}),
                api_endpoint=self.server.url,
                limits=Limits(attempts=2),
                rate_limiter=RateLimiter(1_000_000, burst=1_000_000),
                sleep=lambda _: None,
                random=lambda: 0.5,
            )
        return self._source

    def add_person(self, *, email: str, given_name: str, family_name: str) -> str:
        """Add a user."""
        return self._workspace.add_user(email=email, given_name=given_name, family_name=family_name)

    def rename_person(
        self,
        source_id: str,
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Rename a user and drop the alias that Google keeps, so that the old address is free."""
        aliases = self._aliases(source_id)
        self._workspace.rename_user(source_id, email=email, given_name=given_name, family_name=family_name)
        for alias in self._aliases(source_id) - aliases:
            self._workspace.remove_alias(source_id, alias)

    def _aliases(self, source_id: str) -> set[str]:
        user = self._workspace.user_now(source_id)
        return set() if user is None else set(user.aliases)

    def delete(self, source_id: str) -> None:
        """Delete a user."""
        self._workspace.delete_user(source_id)

    def suspend(self, source_id: str) -> None:
        """Suspend a user."""
        self._workspace.suspend(source_id)

    def archive(self, source_id: str) -> None:
        """Archive a user."""
        self._workspace.archive(source_id)

    def restore(self, source_id: str) -> None:
        """Let a user back in."""
        self._workspace.unsuspend(source_id)
        self._workspace.unarchive(source_id)

    def add_group(self, *, email: str, name: str) -> str:
        """Add a group."""
        return self._workspace.add_group(email=email, name=name)

    def rename_group(self, group_id: str, *, email: str, name: str) -> None:
        """Rename a group."""
        self._workspace.rename_group(group_id, email=email, name=name)

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        self._workspace.delete_group(group_id)

    def add_member(self, group_id: str, source_id: str) -> None:
        """Add a member."""
        self._workspace.add_member(group_id, user_id=source_id)

    def remove_member(self, group_id: str, source_id: str) -> None:
        """Remove a member."""
        self._workspace.remove_member(group_id, source_id)

    def nest(self, group_id: str, into: str) -> None:
        """Add a group as a member."""
        self._workspace.add_member(into, group_id_member=group_id)

    def nest_in_circle(self, first: str, second: str) -> None:
        """Make a circle, as a client may see one that reads while memberships change."""
        self.nest(first, second)
        self._workspace.add_member(first, group_id_member=second, allow_cycle=True)

    def admit_everyone(self, group_id: str) -> None:
        """Add the whole customer as a member."""
        self._workspace.add_member(group_id, whole_customer=True)

    def add_outsider(self, group_id: str, email: str) -> None:
        """Add somebody from outside."""
        self._workspace.add_member(group_id, external_email=email)

    def cut_people(self) -> None:
        """Break every page of users but the first off in the middle."""
        self.server.faults.add(
            "users.list", Fault.cut_body(), times=None, where=lambda call: call.page_token is not None
        )

    def cut_groups(self) -> None:
        """Refuse the members of one group after their first page."""
        self.server.faults.add(
            "members.list", Fault.forbidden(), times=None, where=lambda call: call.page_token is not None
        )

    def silence(self) -> None:
        """Answer everything but the token with 503."""
        for operation in ("users.list", "users.get", "groups.list", "members.list"):
            self.server.faults.add(operation, Fault.backend_error(), times=None)

    def silence_after_listing(self) -> None:
        """Answer what confirming asks with 503."""
        self.server.faults.add("users.get", Fault.backend_error(), times=None)
        self.server.faults.add(
            "users.list", Fault.backend_error(), times=None, where=lambda call: "showDeleted" in call.query
        )

    def refuse(self) -> None:
        """Let the administrator lose the right to read."""
        for operation in ("users.list", "users.get", "groups.list", "members.list"):
            self.server.faults.add(operation, Fault.forbidden(), times=None)

    def garble(self) -> None:
        """Answer with a web page, as a captive portal does."""
        self.server.faults.add("*", Fault.html200(), times=None)

    def miss(self, source_id: str) -> None:
        """Leave a user out of the listing's pages."""
        self._edit(source_id, lambda _: None)

    def spoil(self, source_id: str) -> None:
        """Leave the address out of a user's record, in the listing and by id."""
        self._edit(source_id, lambda user: {key: value for key, value in user.items() if key != "primaryEmail"})
        self.server.faults.add(
            "users.get", Fault.wrong_kind(), times=None, where=lambda call: call.keys == (source_id,)
        )

    def doubt(self, source_id: str) -> None:
        """Delete a user, forget them on the deleted list, and fail the read by id."""
        self._workspace.delete_user(source_id)
        self._edit(source_id, lambda _: None)
        self.server.faults.add(
            "users.get", Fault.backend_error(), times=None, where=lambda call: call.keys == (source_id,)
        )

    def heal(self) -> None:
        """End all faults."""
        self.server.faults.clear()

    def _edit(self, source_id: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        def spoiled(page: Any) -> None:
            users = [change(user) if user["id"] == source_id else user for user in page.payload.get("users", [])]
            page.payload["users"] = [user for user in users if user is not None]

        self.server.faults.add("users.list", Fault("edited", edit=spoiled), times=None)


class TestGoogleDirectory(DirectoryConformance):
    @pytest.fixture
    def world(self) -> Iterator[WorkspaceWorld]:
        """Return the world of a Workspace account that is served on loopback."""
        world = WorkspaceWorld()
        with world.server:
            yield world
