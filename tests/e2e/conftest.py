"""A customer whose directory changes day by day, and the command that keeps accounts in step with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import define, field
from tests._let_in import AS, let_in

from smartify_core.errors import UsageError
from smartify_core.sealing import FileKeyRing
from smartify_core.testing import make_sample
from smartify_core.testing.google import GoogleServer, Workspace

CONFIG = """\
[storage]
url = "sqlite:///smartify.db"
[keys]
file = "smartify.keys"
[tenants.acme]
source = "google"
service_account_file = "sa.json"
subject = "{subject}"
api_endpoint = "{endpoint}"
attempts = 2
"""


@define
class Customer:
    """A Google Workspace account on loopback, its host's folder, and the chance that changes it."""

    folder: Path
    workspace: Workspace
    server: GoogleServer
    admin_id: str
    chance: Random
    #: Everybody who was ever deleted, in order.
    deleted: list[str] = field(factory=list)
    groups: list[str] = field(factory=list)
    _joined: int = 0

    def smartify(self, *arguments: str) -> tuple[int, Any]:
        """Run the command in a process of its own; return its exit code and its one document."""
        done = subprocess.run(
            [sys.executable, "-m", "smartify_core.cli", *arguments, "--json"],
            cwd=self.folder,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return done.returncode, json.loads(done.stdout)

    def sync(self) -> dict[str, Any]:
        """Sync the tenant and return its run."""
        _, document = self.smartify("sync", "--tenant", "acme")
        (run,) = document["runs"]
        assert isinstance(run, dict)
        return run

    def accounts(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the living accounts in the words of `Workspace.truth`, and the source ids of the deleted ones."""
        let_in(self.folder, "acme")
        code, document = self.smartify("accounts", "--tenant", "acme", *AS)
        assert code == 0
        living, dead = [], []
        for account in document["accounts"]:
            assert account.pop("account_id")
            source_id = account.pop("source_id")
            if account["state"] == "deleted":
                assert set(account) == {"state"}
                dead.append(source_id)
            else:
                living.append({"id": source_id, **account})
        return sorted(living, key=lambda one: str(one["id"])), sorted(dead)

    def live_a_day(self, changes: int) -> None:
        """Change the directory at random, as its administrators might."""
        for _ in range(changes):
            try:
                self.chance.choice(_DEEDS)(self)
            except UsageError:
                continue  # the directory refuses what makes no sense, such as a circle of groups

    def anybody(self) -> str:
        """Return somebody who is not the administrator that everything is read for."""
        people = [one["id"] for one in self.workspace.truth()["people"] if one["id"] != self.admin_id]
        return str(self.chance.choice(people))

    def any_group(self) -> str:
        return str(self.chance.choice(self.groups))

    def join(self) -> None:
        self._joined += 1
        joiner = self.workspace.add_user(
            email=f"Joiner.{self._joined}@acme.example",
            given_name=self.chance.choice(["Zoë", "健太", "", "Ali"]),
            family_name=self.chance.choice(["O’Neill", "\u200b", "van der Berg", "鈴木"]),
            suspended=self.chance.random() < 0.2,
        )
        self.workspace.add_member(self.any_group(), user_id=joiner)

    def leave(self) -> None:
        leaver = self.anybody()
        self.workspace.delete_user(leaver)
        self.deleted.append(leaver)

    def come_back(self) -> None:
        if self.deleted:
            self.workspace.undelete_user(self.deleted.pop(self.chance.randrange(len(self.deleted))))

    def restore(self) -> None:
        away = [one["id"] for one in self.workspace.truth()["people"] if one["state"] == "inactive"]
        if away:
            back = self.chance.choice(away)
            self.workspace.unsuspend(back)
            self.workspace.unarchive(back)

    def rename(self) -> None:
        self._joined += 1
        self.workspace.rename_user(self.anybody(), family_name="Nový", email=f"renamed.{self._joined}@acme.example")

    def swap(self) -> None:
        one, other = self.anybody(), self.anybody()
        if one != other:
            self.workspace.swap_emails(one, other)

    def hand_over(self) -> None:
        """Let a new person have the address of somebody who leaves."""
        leaver = self.anybody()
        address = next(one["email"] for one in self.workspace.truth()["people"] if one["id"] == leaver)
        self.workspace.delete_user(leaver)
        self.workspace.add_user(email=address, given_name="Heir", family_name="Apparent")

    def new_group(self) -> None:
        self._joined += 1
        group = self.workspace.add_group(email=f"team-{self._joined}@acme.example", name="A team")
        self.workspace.add_member(group, user_id=self.anybody())
        self.workspace.add_member(self.any_group(), group_id_member=group)
        self.groups.append(group)

    def close_group(self) -> None:
        if len(self.groups) > 3:
            group = self.any_group()
            self.groups.remove(group)
            self.workspace.delete_group(group)

    def enter(self) -> None:
        self.workspace.add_member(self.any_group(), user_id=self.anybody())


_DEEDS: list[Callable[[Customer], object]] = [
    Customer.join,
    Customer.leave,
    Customer.come_back,
    Customer.rename,
    Customer.swap,
    Customer.hand_over,
    Customer.new_group,
    Customer.close_group,
    Customer.enter,
    Customer.enter,
    lambda customer: customer.workspace.suspend(customer.anybody()),
    lambda customer: customer.workspace.archive(customer.anybody()),
    Customer.restore,
    lambda customer: customer.workspace.rename_group(
        customer.any_group(), email=f"g{customer.chance.random()}@acme.example"
    ),
    lambda customer: customer.workspace.add_member(customer.any_group(), external_email="guest@elsewhere.example"),
    lambda customer: customer.workspace.add_member(customer.any_group(), group_id_member=customer.any_group()),
]


@pytest.fixture
def customer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Customer]:
    """Give a customer of 80 people and 20 groups, whose server pages by 9 so that every listing has several pages."""
    sample = make_sample(request.param, people=80, groups=20)
    workspace = Workspace.from_sample(sample)
    admin_id = next(one.source_id for one in sample.people if one.email == sample.admin_email)
    with GoogleServer(workspace, page_size_cap=9) as server:
        FileKeyRing.create(tmp_path / "smartify.keys")
        server.write_service_account(tmp_path / "sa.json")
        config = CONFIG.format(subject=sample.admin_email, endpoint=server.url)
        (tmp_path / "smartify.toml").write_text(config, encoding="utf-8")
        yield Customer(
            tmp_path,
            workspace,
            server,
            admin_id,
            Random(request.param),
            groups=[one.source_id for one in sample.groups],
        )
