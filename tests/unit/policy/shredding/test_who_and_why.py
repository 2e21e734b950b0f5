"""Who ends things, and by what: ids on record, reasons that say something, and a key ring that forgets."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.policy import LONGEST_REASON, Policy
from smartify_core.sealing import ForgetfulKeyRing, Sealer
from smartify_core.sealing.memory import MemoryKeyRing

World = Any  # the class is in conftest.py, which importlib mode does not let tests import
TENANT = "acme"


class Forgetful(MemoryKeyRing):
    """A ring that can forget."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten: list[str] = []

    def forget(self, tenant: str) -> None:
        """Note it."""
        self.forgotten.append(tenant)


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "Olga Zebulon"},
        {"by": "olga@host.example"},
        {"by": ""},
        {"by": None},
        {"reason": "\t"},
        {"reason": None},
        {"reason": "x" * (LONGEST_REASON + 1)},
    ],
    ids=repr,
)
def test_whoever_ends_people_is_an_id_and_says_why(world: World, wrong: dict[str, Any]) -> None:
    """A name, an address, nobody, or no reason is refused before anything is done, and no word of it is on record."""
    world.staffed("ada")
    told = {"by": "olga", "reason": "it ended", **wrong}
    for deed in (partial(world.shredder.off_board, TENANT), world.shredder.reshred):
        with pytest.raises(UsageError) as refused:
            deed(**told)
        assert "Zebulon" not in str(refused.value)
    assert world.shredder.standing(TENANT) is None
    assert world.is_here("ada")
    assert world.trail.size == 0


@pytest.mark.parametrize("tenant", ["smartify:policy", "", None, "globex"])
def test_only_a_tenant_is_off_boarded(world: World, tenant: Any) -> None:
    """What is no tenant, and what policy itself keeps, is refused with the library's own error."""
    world.staffed("ada")
    with pytest.raises(UsageError):
        world.shredder.off_board(tenant, by="olga", reason="it ended")
    assert world.trail.size == 0


def test_the_ring_behind_the_sealer_forgets(world: World) -> None:
    """Off-boarding asks the key ring of the sealer itself, also through `Policy`; the record says whether it could."""
    world.ring = Forgetful()
    world.staffed("ada")
    Policy(world.storage, Sealer(world.ring), clock=world.clock).shredder.off_board(
        TENANT, by="olga", reason="it ended"
    )
    assert world.ring.forgotten == [TENANT]
    (gone,) = world.told("tenant.off-boarded")
    assert gone.record.facts["keys_destroyed"] is True


def test_a_ring_that_cannot_forget_is_not_asked(world: World) -> None:
    """With a ring over root secrets the record says that no key was destroyed."""
    world.staffed("ada")
    assert not isinstance(world.ring, ForgetfulKeyRing)
    world.shredder.off_board(TENANT, by="olga", reason="it ended")
    (gone,) = world.told("tenant.off-boarded")
    assert gone.record.facts["keys_destroyed"] is False
    assert Sealer(Forgetful()).forget(TENANT) is True
    assert world.sealer.forget(TENANT) is False
