"""The checks of a rotation are themselves tested: each way of breaking it on purpose is noticed by the named check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.unit.policy.rotation.conftest import PEOPLE, World

from smartify_core.errors import AuditUnavailable, KeyStillUsed, LeaseHeld
from smartify_core.model import LEDGER, Claim
from smartify_core.policy.rotation import Remaining, Rotation, _rotation
from smartify_core.sealing import FileKeyRing, Sealer, _key_file
from smartify_core.storage.memory import MemoryStorage

evolve: Any = attrs.evolve
Check = Callable[[World], None]


@pytest.fixture
def fresh(tmp_path: Path) -> World:
    """Return a tenant with people and documents, in memory."""
    world = World(MemoryStorage(), tmp_path / "keys")
    world.run()
    world.keep("acme", "note", "n", b"sealed")
    world.keep(LEDGER, "grant", "g", b"granted")
    world.clock.advance(timedelta(hours=1))
    return world


def everything_opens(world: World) -> None:
    """After a rotation that ended with a retirement, every account and document opens."""
    names, (old,) = world.names(), world.under()
    rotation = world.rotation()
    rotation.rotate(world.keys)
    for tenant in ("acme", LEDGER):
        rotation.rewrap(tenant)
    assert rotation.remaining() == Remaining()
    rotation.retire(world.keys, old)
    world.sealer = Sealer(FileKeyRing(world.keys))
    assert world.names() == names
    for tenant, kind, key in (("acme", "note", "n"), (LEDGER, "grant", "g")):
        document = world.storage.document(tenant, kind, key)
        assert document is not None
        world.sealer.open_document(tenant, kind, key, document.value)


def a_run_finds_nothing(world: World) -> None:
    """After a rewrap a run has nothing to do, and fingerprints and times are as they were."""
    digest = world.storage.tenant("acme").digest
    page = world.storage.heads("acme")
    before = {one.updated_at for one in world.storage.load("acme", page.source_ids).values()}
    rotation = world.rotation()
    rotation.rotate(world.keys)
    rotation.rewrap("acme")
    assert {one.updated_at for one in world.storage.load("acme", page.source_ids).values()} == before
    assert world.storage.tenant("acme").digest == digest
    revision = world.storage.tenant("acme").revision
    assert world.run().counts.unchanged == PEOPLE
    assert world.storage.tenant("acme").revision == revision


def a_needed_key_stays(world: World) -> None:
    """A key that anything at all is under is not retired."""
    (old,) = world.under()
    rotation = world.rotation()
    rotation.rotate(world.keys)
    for tenant in ("acme", LEDGER):
        with pytest.raises(KeyStillUsed):
            rotation.retire(world.keys, old)
        rotation.rewrap(tenant)
    rotation.retire(world.keys, old)


def a_tenant_at_work_is_left_alone(world: World) -> None:
    """A tenant that a run holds is not touched."""
    world.rotation().rotate(world.keys)
    world.storage.claim("acme", now=world.clock(), ttl=timedelta(minutes=10))
    with pytest.raises(LeaseHeld):
        world.rotation().rewrap("acme")


def no_record_no_retirement(world: World) -> None:
    """A key whose retirement cannot be recorded is still there."""
    (old,) = world.under()
    rotation = world.rotation()
    rotation.rotate(world.keys)
    for tenant in ("acme", LEDGER):
        rotation.rewrap(tenant)

    def full(*_: object, **__: object) -> Any:
        raise AuditUnavailable("the disk is full")

    world.trail.append = full  # type: ignore[method-assign]
    with pytest.raises(AuditUnavailable):
        rotation.retire(world.keys, old)
    assert old in FileKeyRing(world.keys).key_ids


def resealing_is_fresh(world: World) -> None:
    """A resealed account does not open with the data key that it had."""
    page = world.storage.heads("acme")
    before = {one.wrapped_key for one in world.storage.load("acme", page.source_ids).values()}
    world.rotation().reseal("acme", before=world.clock())
    after = {one.wrapped_key for one in world.storage.load("acme", page.source_ids).values()}
    assert before.isdisjoint(after)
    assert len(world.names()) == PEOPLE


def the_newest_key_wraps(world: World) -> None:
    """What a ring that is open wraps once a rotation is done is under the new key."""
    world.rotation().rotate(world.keys)
    world.keep("acme", "note", "later", b"sealed")
    document = world.storage.document("acme", "note", "later")
    assert document is not None
    assert world.sealer.key_of_document("acme", document.value) == FileKeyRing(world.keys).key_ids[-1]


CHECKS: list[Check] = [
    everything_opens,
    a_run_finds_nothing,
    a_needed_key_stays,
    a_tenant_at_work_is_left_alone,
    no_record_no_retirement,
    resealing_is_fresh,
    the_newest_key_wraps,
]

rewrapped, keys_in_use, retire = Sealer.rewrapped, Rotation._keys_in_use, FileKeyRing.retire.__func__  # type: ignore[attr-defined]


def _only_accounts(self: Any, tenant: str) -> Iterator[Any]:
    return (one for one in keys_in_use(self, tenant) if one[0])


@contextmanager
def _no_lease(storage: Any, tenant: str, *, now: Any, ttl: Any) -> Iterator[Claim]:
    yield Claim(tenant, storage.tenant(tenant).fence, now + ttl, storage.tenant(tenant).revision)


def _counted_afterwards(cls: Any, path: Any, key_id: str, *, uses: Any) -> Any:
    ring = retire(cls, path, key_id, uses=lambda _: 0)
    uses(key_id)
    return ring


def _changed(**changes: Any) -> Callable[[Any, Any], Any]:
    def do(self: Any, account: Any) -> Any:
        new = rewrapped(self, account)
        return None if new is None else evolve(new, **changes)

    return do


MUTANTS: dict[str, tuple[Any, str, Any, Check]] = {
    "documents are not moved, nor counted": (Rotation, "_keys_in_use", _only_accounts, a_needed_key_stays),
    "policy's own documents are left out": (Rotation, "_tenants", lambda self: iter(["acme"]), a_needed_key_stays),
    "fingerprints are spoilt": (Sealer, "rewrapped", _changed(fingerprint=bytes(16)), a_run_finds_nothing),
    "accounts are called changed": (
        Sealer,
        "rewrapped",
        _changed(updated_at=datetime(2031, 1, 1, tzinfo=UTC)),
        a_run_finds_nothing,
    ),
    "the key is wrapped elsewhere": (Sealer, "rewrapped", _changed(wrapped_key=b"\x01" * 73), everything_opens),
    "no lease is taken": (_rotation, "leased", _no_lease, a_tenant_at_work_is_left_alone),
    "a key is retired before it is recorded": (
        FileKeyRing,
        "retire",
        classmethod(_counted_afterwards),
        no_record_no_retirement,
    ),
    "resealing rewraps only": (Sealer, "resealed", lambda self, account: None, resealing_is_fresh),
    "nobody looks at the file": (_key_file.Watch, "changed", lambda self, take: None, the_newest_key_wraps),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_sound_rotation_passes_every_check(check: Check, fresh: World) -> None:
    """What a mutant breaks is the mutant's doing."""
    check(fresh)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rotation_is_noticed(name: str, fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way of breaking it fails the check that is there for it."""
    owner, attribute, broken, check = MUTANTS[name]
    monkeypatch.setattr(owner, attribute, broken)
    with pytest.raises((Exception, pytest.fail.Exception)):
        check(fresh)


def test_every_check_is_seen_to_fail() -> None:
    """No check is decoration."""
    assert {check for *_, check in MUTANTS.values()} == set(CHECKS)
