from __future__ import annotations

import pickle
import shutil

import pytest

from smartify_core.errors import AccessDenied, OlderStore
from smartify_core.policy import Missing, Policy
from smartify_core.policy.shredding import EndingsFile
from smartify_core.storage.sqlite import SQLiteStorage

from .conftest import ADA, Vendor


def test_a_store_from_before_an_erasure_opens_nothing(vendor: Vendor) -> None:
    """Over a backup from before somebody was erased the gate opens nobody, where a register of endings is given."""
    register = EndingsFile.create(vendor.file.parent / "endings")
    vendor.grant()
    older = vendor.file.with_name("older.db")
    assert isinstance(vendor.storage, SQLiteStorage)
    vendor.storage.backup(older)
    vendor.directory.delete(ADA)
    vendor.sync()
    Policy(vendor.storage, vendor.sealer, register=register, clock=vendor.clock).shredder.settle()
    vendor.storage.close()
    shutil.move(older, vendor.file)
    with SQLiteStorage(vendor.file) as restored:
        assert (
            vendor.policy_of(restored).gate.open(**vendor.ask()).email == ADA.email
        )  # without a register nobody can know
        gate = Policy(restored, vendor.sealer, register=register, clock=vendor.clock).gate
        for _ in range(2):
            with pytest.raises(OlderStore):
                gate.open(**vendor.ask())


def test_a_denial_says_each_thing_that_is_missing(vendor: Vendor) -> None:
    """The error has every shortfall with its words and its cure, also after it was pickled, and never the reason."""
    with pytest.raises(AccessDenied) as error:
        vendor.policy.gate.open(**vendor.ask(employee="stranger"))
    shortfalls = error.value.shortfalls
    assert [one.missing for one in shortfalls] == [Missing.EMPLOYEE_UNKNOWN, Missing.NO_AGREEMENT, Missing.NO_GRANT]
    assert all(one.what and one.cure for one in shortfalls)
    assert f"{Missing.NO_GRANT}" == "no-grant"
    again = pickle.dumps(error.value)
    assert pickle.loads(again).shortfalls == shortfalls
    assert b"sign in" not in again
