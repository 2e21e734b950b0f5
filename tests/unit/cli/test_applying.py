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
