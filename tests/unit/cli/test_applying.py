"""A plan that was looked at and saved is what is applied, or nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_saved_plan_is_applied_once(files: Any, smartify: Callable[..., Any]) -> None:
    """What was planned yesterday is done, whatever the directory says by now; a second time the store has moved on."""
    planned = smartify("plan", "--tenant", "acme", "--save", "acme.plan", "--json").document
    files.write("acme", "somebody-else")
    done = smartify("apply", "acme.plan", "--tenant", "acme", "--json")
    assert done.code == 0
    assert done.document["runs"][0]["provisioned"] == planned["provisioned"]
    again = smartify("apply", "acme.plan", "--tenant", "acme", "--json")
    assert (again.code, again.error["code"]) == (1, "SC105")


def test_plan_of_another_tenant_is_refused(files: Any, smartify: Callable[..., Any]) -> None:
    """A plan is applied for its own tenant only, and a file that is none is named as such."""
    smartify("plan", "--tenant", "acme", "--save", "acme.plan")
    for file, tenant in (("acme.plan", "initech"), ("smartify.toml", "acme"), ("none", "acme")):
        refused = smartify("apply", file, "--tenant", tenant, "--json")
        assert (refused.code, refused.error["code"]) == (2, "SC114")


def test_saved_plan_says_how_it_is_applied(files: Any, smartify: Callable[..., Any]) -> None:
    """A plan that was kept ends with the command that does it, under the configuration that was named."""
    said = smartify("plan", "--tenant", "acme", "--save", "p1").out
    assert said.splitlines()[-1] == "To do it: smartify apply p1 --tenant acme"
    (files.folder / "smartify.toml").rename(files.folder / "other.toml")
    said = smartify("plan", "--tenant", "acme", "--save", "p 2", "--config", "other.toml").out
    assert said.splitlines()[-1] == "To do it: smartify apply 'p 2' --tenant acme --config other.toml"


def test_plan_is_saved_over_no_file(files: Any, smartify: Callable[..., Any]) -> None:
    """A file that is there already stays as it is."""
    (files.folder / "p1").write_text("mine")
    refused = smartify("plan", "--tenant", "acme", "--save", "p1", "--json")
    assert (refused.code, refused.error["code"]) == (2, "SC108")
    assert (files.folder / "p1").read_text() == "mine"
