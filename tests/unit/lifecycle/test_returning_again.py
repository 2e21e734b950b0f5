"""Somebody who leaves and returns, again and again, gets an account each time, whatever the clock does meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from smartify_core.lifecycle import Verdict

World = Any  # the class is in conftest.py, which importlib mode does not let tests import
TENANT = "acme"


@pytest.mark.parametrize("minutes", [60, 0, -1])
def test_each_return_is_a_new_account_that_names_the_one_before(world: World, minutes: int) -> None:
    """Each account names its predecessor, also where deletions bear one instant or the clock went back."""
    person = world.staffed(4)[0]
    ids = [world.live()[person.source_id].account_id]
    for _ in range(4):
        world.directory.delete(person)
        assert world.run().verdict is Verdict.COMPLETE
        world.clock.advance(minutes=minutes)
        world.directory.undelete(person)
        assert world.run().verdict is Verdict.COMPLETE
        account = world.live()[person.source_id]
        assert account.predecessor == ids[-1]
        ids.append(account.account_id)
    assert len(set(ids)) == 5
    assert len(world.storage.tombstones(TENANT)) == 4
