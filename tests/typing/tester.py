"""What a host's test suite writes. Read by mypy and pyright, never executed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_type

from smartify_core.directory import DirectorySource
from smartify_core.lifecycle import Reconciler
from smartify_core.model import Clock, Group, Identity
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, Sample, SamplePerson, group, identity, make_sample
from smartify_core.testing.google import Fault, GoogleServer, Workspace


def world() -> tuple[Reconciler, ManualClock]:
    clock = ManualClock("2030-01-01")
    as_port: Clock = clock
    assert_type(as_port(), datetime)
    assert_type(clock.advance(days=1), datetime)
    assert_type(clock.advance(timedelta(days=1)), datetime)
    directory = FakeDirectory(identity("ada"), identity("grace"), clock=clock)
    reconciler = Reconciler({"acme": directory}, MemoryStorage(), Sealer(MemoryKeyRing()), clock=clock)
    assert_type(reconciler, Reconciler)
    return reconciler, clock


def turns(directory: FakeDirectory) -> None:
    as_port: DirectorySource = directory
    assert_type(as_port.snapshot().requests, int)
    assert_type(identity("ada"), Identity)
    assert_type(directory.current("ada"), Identity)
    assert_type(directory.add_group(group("staff"), "ada", identity("grace")), Group)
    directory.rename("ada", email="augusta@acme.example")
    directory.truncate_next("users")


def wire() -> None:
    sample = make_sample(seed=1, people=10, groups=3)
    assert_type(sample, Sample)
    assert_type(sample.people, tuple[SamplePerson, ...])
    workspace = Workspace.from_sample(sample)
    assert_type(workspace, Workspace)
    with GoogleServer(workspace) as server:
        assert_type(server, GoogleServer)
        assert_type(server.url, str)
        server.faults.add("users.list", Fault.html200(), times=1)
