"""Keys: which there are and what is under each, new ones, moving to them, and taking old ones out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from attrs import asdict, frozen

from smartify_core.errors import SmartifyError, UnknownKey, UsageError
from smartify_core.lifecycle import utc_now
from smartify_core.model import LEDGER
from smartify_core.policy.rotation import Renewed, Rotation, UnderKey
from smartify_core.sealing import FileKeyRing
from smartify_core.storage.walks import every_tenant

from . import _documents as documents
from . import _exit_codes as exit_codes
from ._config import load
from ._numbers import are, numbered
from ._output import Output
from ._policy_of import Opened, opened
from ._signals import stoppable_storage
from ._tenant_keys import TenantRing, create_file, tenant_ring


@frozen(order=False)
class _Key:
    """One wrapping key. ``tenant`` is ``None`` where it is for all of them."""

    key: str
    tenant: str | None
    current: bool
    held: bool
    accounts: int
    documents: int


def create(output: Output, file: Path) -> int:
    """Make the file that the configuration names for keys."""
    config = load(file, without_tenants=True)
    if config.keys.kms_key is None:
        FileKeyRing.create(config.key_file)
    else:
        create_file(config.keys)
    output.document({"written": str(config.key_file)})
    output.line(f"wrote {config.key_file}; keep a copy apart from the store's")
    return exit_codes.DONE


def listing(output: Output, file: Path) -> int:
    """Print the names of the keys, which of them wraps, and what is under each; opens nothing."""
    with opened(file) as at:
        under = at.policy.rotation.census()
        remaining = at.policy.rotation.remaining()
        found = [_key(key, under, tenant=tenant, current=current) for key, tenant, current in _held(at)]
        missing = sorted(set(under) - {one.key for one in found})
    found += [_key(key, under, held=False) for key in missing]
    output.document({"keys": [asdict(one) for one in found], "remaining": asdict(remaining)})
    for one in found:
        whose = "" if one.tenant is None else f"  {_called(one.tenant)}"
        wraps = "wraps" if one.current else "opens" if one.held else "MISSING"
        output.line(
            f"{one.key}{whose}  {wraps}  {numbered(one.accounts, 'account')}, {numbered(one.documents, 'document')}"
        )
    output.line(f"{_both(remaining.accounts, remaining.documents)} are under older keys")
    if remaining.damaged:
        output.note(f"smartify: under no key that can be told: {remaining.damaged:,}; see `smartify storage check`")
    if missing:
        output.note("smartify: what is under a missing key does not open; bring the key back from a copy of the file")
    return exit_codes.FAILED if missing else exit_codes.DONE


def rotate(output: Output, file: Path, tenant: str | None, *, by: str) -> int:
    """Add a key that wraps from now on."""
    with opened(file, tenant) as at:
        rotation, ring = at.policy.rotation, tenant_ring(at.ring)
        if ring is None and tenant is not None:
            raise UsageError("a key file has one key for all tenants", where="--tenant", cure="Leave out --tenant.")
        if ring is None:
            made: dict[str | None, str] = {None: rotation.rotate(at.config.key_file, by=by)}
        else:
            names = [tenant] if tenant else [name for name in _tenants(at) if ring.key_ids(name)]
            made = {name: rotation.rotate(ring, tenant=name, by=by) for name in names}
    output.document({"keys": [{"key": key, "tenant": whose} for whose, key in made.items()]})
    for whose, key in made.items():
        output.line(f"{key} wraps from now on" + (f" for {_called(whose)}" if whose else ""))
    output.line("What was wrapped before still opens. Move it to the new key:")
    output.line("  smartify keys rewrap --as NAME")
    return exit_codes.DONE


def rewrap(output: Output, file: Path, tenant: str | None, *, by: str) -> int:
    """Move everything to the newest key, until nothing is left under an older one."""

    def moved(rotation: Rotation, name: str) -> Renewed:
        return rotation.rewrap(name, by=by)

    return _each(output, file, tenant, moved, left=True)


def reseal(output: Output, file: Path, tenant: str | None, *, before: datetime | None, by: str) -> int:
    """Seal everything anew that was written before an instant."""
    instant = before or utc_now()
    output.note(f"smartify: to go on after a stop, give --before {instant.isoformat()}")

    def moved(rotation: Rotation, name: str) -> Renewed:
        return rotation.reseal(name, before=instant, by=by)

    return _each(output, file, tenant, moved, left=False)


def retire(output: Output, file: Path, key: str, *, by: str) -> int:
    """Take an old key out; refused while anything is under it."""
    with opened(file) as at:
        rotation, ring = at.policy.rotation, tenant_ring(at.ring)
        if ring is None:
            owner = None
            rotation.retire(at.config.key_file, key, by=by)
        else:
            owner = next((name for name in _tenants(at) if key in ring.key_ids(name)), None)
            if owner is None:
                raise UnknownKey("no tenant has a key of this name", cure="Copy one from: smartify keys list")
            rotation.retire(ring, key, tenant=owner, by=by)
    output.document({"retired": key, "tenant": owner})
    output.line(f"{key} is taken out; nothing opens under it again")
    return exit_codes.DONE


def _each(
    output: Output, file: Path, tenant: str | None, move: Callable[[Rotation, str], Renewed], *, left: bool
) -> int:
    """Move one tenant after the other. What fails for one does not stop the others."""
    told: list[documents.Document] = []
    with opened(file, tenant) as at:
        rotation = Rotation(stoppable_storage(at.storage), at.sealer, at.policy.trail)
        for name in [tenant] if tenant else list(_tenants(at)):
            try:
                done = move(rotation, name)
            except SmartifyError as error:
                output.note(f"smartify: {_called(name)}: {error}")
                told.append({"tenant": name, "error": documents.of_error(error)})
                continue
            told.append({"tenant": name, **asdict(done)})
            output.line(f"{_called(name)}: {_both(done.accounts, done.documents)} are moved")
            if done.damaged:
                output.note(f"smartify: {_called(name)}: {done.damaged:,} do not open and were left as they are")
        remaining = rotation.remaining(tenant) if left else None
    document: documents.Document = {"tenants": told}
    if remaining is not None:
        document["remaining"] = asdict(remaining)
        output.line(f"{remaining.total:,} {are(remaining.total)} left under older keys")
    output.document(document)
    failed = any("error" in one for one in told) or (remaining is not None and remaining.total)
    return exit_codes.FAILED if failed else exit_codes.DONE


def _held(at: Opened) -> Iterator[tuple[str, str | None, bool]]:
    """Yield the keys of the ring: their names, whose they are, and whether they wrap."""
    ring: TenantRing | None = tenant_ring(at.ring)
    if ring is None:
        assert isinstance(at.ring, FileKeyRing)  # noqa: S101 - there are two kinds of ring
        newest = at.ring.current_key("")
        yield from ((key, None, key == newest) for key in at.ring.key_ids)
        return
    for tenant in _tenants(at):
        keys = ring.key_ids(tenant)
        newest = ring.current_key(tenant) if keys else ""
        yield from ((key, tenant, key == newest) for key in keys)


def _key(
    key: str, under: dict[str, UnderKey], *, tenant: str | None = None, current: bool = False, held: bool = True
) -> _Key:
    count = under.get(key, UnderKey())
    return _Key(key, tenant, current=current, held=held, accounts=count.accounts, documents=count.documents)


def _both(accounts: int, sealed: int) -> str:
    return f"{numbered(accounts, 'account')} and {numbered(sealed, 'document')}"


def _tenants(at: Opened) -> Iterator[str]:
    """Yield every tenant of the store, and what policy keeps there."""
    return (record.tenant for record in every_tenant(at.storage, with_ledger=True))


def _called(tenant: str) -> str:
    return "policy itself" if tenant == LEDGER else tenant
