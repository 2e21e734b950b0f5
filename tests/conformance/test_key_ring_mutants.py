"""The key ring kit is itself tested: each ring that breaks one clause fails that clause, and no other."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.conformance._key_ring_worlds import FileWorld, GoogleKmsWorld

from smartify_core.errors import SealBroken, SmartifyError, WrongKey
from smartify_core.sealing import FileKeyRing, KeyRing
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.testing.conformance import KeyRingConformance, KeyRingWorld

CLAUSES: Mapping[str, Callable[[KeyRingConformance, KeyRingWorld], None]] = {
    f"KR-{match[1]}": test
    for name, test in inspect.getmembers(KeyRingConformance, inspect.isfunction)
    if (match := re.match(r"test_KR(\d\d)_", name))
}
MUTANTS: list[tuple[str, type[KeyRingWorld]]] = []


class _OnFile(FileWorld):
    """A world whose rings are of another class."""

    kind: type[FileKeyRing] = FileKeyRing

    def open(self) -> KeyRing:
        return self.kind(self.path)

    def stranger(self) -> KeyRing:
        return self.kind.create(self.path.with_name("another.keys"))

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        self.kind.retire(self.path, key_id, uses=uses)


class _OnKms(GoogleKmsWorld):
    """A world whose rings are of another class."""

    kind: type[GoogleKmsKeyRing] = GoogleKmsKeyRing

    def opened(self, path: Path) -> GoogleKmsKeyRing:
        ring = super().opened(path)
        ring.__class__ = self.kind
        return ring


def against(clause: str) -> Callable[[type[Any]], type[Any]]:
    """Enter a mutant under the one clause that it breaks: a ring of one of our classes, or a world."""

    def enter(mutant: type[Any]) -> type[Any]:
        if issubclass(mutant, KeyRingWorld):
            MUTANTS.append((clause, mutant))
        else:
            base = _OnFile if issubclass(mutant, FileKeyRing) else _OnKms
            MUTANTS.append((clause, type(mutant.__name__, (base,), {"kind": mutant})))
        return mutant

    return enter


@against("KR-01")
class Trims(FileKeyRing):
    """Takes white space at the end of a data key for an accident."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        return super().unwrap(tenant, wrapped, context=context).rstrip(b"\0")


@against("KR-02")
class Remembers(FileKeyRing):
    """Wraps a data key once, and hands the same bytes out again."""

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        at_hand: dict[Any, bytes] = self.__dict__.setdefault("at_hand", {})
        where = tenant, data_key, context, self.current_key(tenant)
        return at_hand.setdefault(where, super().wrap(tenant, data_key, context=context))


@against("KR-02")
class Shows(FileKeyRing):
    """Leaves the first bytes of the data key behind what it wrapped, and looks at them."""

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        return super().wrap(tenant, data_key, context=context) + data_key[:8]

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        data_key = super().unwrap(tenant, wrapped[:-8], context=context)
        if wrapped[-8:] != data_key[:8]:
            raise SealBroken("other bytes")
        return data_key

    def key_of(self, tenant: str, wrapped: bytes) -> str:
        return super().key_of(tenant, wrapped[:-8])


@against("KR-03")
class SkipsOneByte(FileKeyRing):
    """Has a byte that nobody vouches for."""

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        return b"w" + super().wrap(tenant, data_key, context=context)

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        return super().unwrap(tenant, wrapped[1:], context=context)

    def key_of(self, tenant: str, wrapped: bytes) -> str:
        return super().key_of(tenant, wrapped[1:])


@against("KR-04")
class TakesMore(FileKeyRing):
    """Looks at the bytes that it knows, and not at what follows."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        return super().unwrap(tenant, wrapped[:73], context=context)


@against("KR-05")
class ForgetsCase(FileKeyRing):
    """Binds to a context as addresses are compared."""

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        return super().wrap(tenant, data_key, context=context.lower())

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        return super().unwrap(tenant, wrapped, context=context.lower())


@against("KR-06")
class OneForAll(FileKeyRing):
    """Wraps for all tenants under one key."""

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        return super().wrap("", data_key, context=context)

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        return super().unwrap("", wrapped, context=context)


@against("KR-07")
class CallsItDamage(FileKeyRing):
    """Takes what is another ring's for damage, unless it was retired here."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        try:
            return super().unwrap(tenant, wrapped, context=context)
        except WrongKey:
            if self._path.with_suffix(".retired").exists():
                raise
            raise SealBroken("something is wrong") from None

    @classmethod
    def retire(cls, path: Any, key_id: str, *, uses: Callable[[str], int]) -> Any:
        ring = super().retire(path, key_id, uses=uses)
        Path(path).with_suffix(".retired").touch()
        return ring


@against("KR-08")
class HashesAnew(FileKeyRing):
    """Has another key for fingerprints in the second handle, as long as there is one key."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        mark = Path(path).with_suffix(".opened")
        count = len(mark.read_bytes()) if mark.exists() else 0
        mark.write_bytes(b"." * (count + 1))
        self.odd = count == 1 and len(self.key_ids) == 1

    def fingerprint_key(self, tenant: str) -> bytes:
        key = super().fingerprint_key(tenant)
        return bytes(reversed(key)) if self.odd else key


@against("KR-09")
class OneIndexForAll(FileKeyRing):
    """Has one key for all indexes."""

    def index_key(self, tenant: str) -> bytes:
        return super().index_key("")


@against("KR-10")
class TellsItsKeys(FileKeyRing):
    """Is shown with a key."""

    def __repr__(self) -> str:
        return f"FileKeyRing({self.index_key('acme').hex()})"


@against("KR-10")
class QuotesInErrors(FileKeyRing):
    """Says in an error what it could not open."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        try:
            return super().unwrap(tenant, wrapped, context=context)
        except SmartifyError as error:
            raise type(error)(f"cannot open {wrapped.hex()}") from None


@against("KR-11")
class OneAtATime(FileKeyRing):
    """Is lost when two threads meet in it."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.owner: int | None = None

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        number = threading.get_ident()
        self.owner = self.owner or number
        wrapped = super().wrap(tenant, data_key, context=context)
        return wrapped if self.owner == number else wrapped[:-1]


@against("KR-12")
class KeepsItToItself(FileWorld):
    """A world of handles that open what they wrapped themselves, and after a rotation what others did, too."""

    rotated = False

    def open(self) -> KeyRing:
        wrapped: set[bytes] = set()
        world = self

        class Alone(FileKeyRing):
            def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
                found = super().wrap(tenant, data_key, context=context)
                wrapped.add(found)
                return found

            def unwrap(self, tenant: str, sealed: bytes, *, context: bytes) -> bytes:
                data_key = super().unwrap(tenant, sealed, context=context)
                if sealed not in wrapped and not world.rotated:
                    raise WrongKey("not mine")
                return data_key

        return Alone(self.path)

    def rotate(self, tenant: str) -> None:
        self.rotated = True
        super().rotate(tenant)


@against("KR-13")
class NamesItOtherwise(FileKeyRing):
    """Has another name for the current key as long as it is the only one."""

    def current_key(self, tenant: str) -> str:
        return super().current_key(tenant) + ("" if len(self.key_ids) > 1 else "!")


@against("KR-14")
class KeepsTwo(FileWorld):
    """A world where a third rotation throws the oldest key away."""

    def rotate(self, tenant: str) -> None:
        super().rotate(tenant)
        names = FileKeyRing(self.path).key_ids
        if len(names) > 3:
            FileKeyRing.retire(self.path, names[0], uses=lambda _: 0)


@against("KR-15")
class KeepsToItsKey(FileKeyRing):
    """Wraps under the key that was current when it was opened."""

    def _catch_up(self) -> None:
        """Look at nothing."""


@against("KR-16")
class HashesByTheNewest(FileKeyRing):
    """Derives the key for indexes with the newest name."""

    def index_key(self, tenant: str) -> bytes:
        return super().index_key(tenant if len(self.key_ids) == 1 else f"{tenant}/{len(self.key_ids)}")


@against("KR-17")
class LooksBeforeWrapping(FileKeyRing):
    """Learns of a rotation when it wraps, and not when it opens."""

    def _look_again(self, key_id: bytes) -> None:
        raise WrongKey("no such key")


@against("KR-18")
class RetiresInName(FileWorld):
    """A world where a retired key stays where it is, if nobody needs it."""

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        def count(name: str) -> int:
            if number := uses(name):
                return number
            raise _Enough

        with suppress(_Enough):
            super().retire(tenant, key_id, count)


class _Enough(Exception):
    """Ends a retirement in the middle."""


@against("KR-19")
class RetiresWhatIsNeeded(FileWorld):
    """A world that asks how much is under a key, and retires it."""

    def retire(self, tenant: str, key_id: str, uses: Callable[[str], int]) -> None:
        uses(key_id)
        super().retire(tenant, key_id, lambda _: 0)


@against("KR-20")
class ForgetsInTheFile(GoogleKmsKeyRing):
    """Goes on with the keys that it has in memory, until it needs a new one."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        catch_up = self._catch_up
        self._catch_up = lambda: None  # type: ignore[method-assign]
        try:
            return super().unwrap(tenant, wrapped, context=context)
        except WrongKey:
            catch_up()
            return super().unwrap(tenant, wrapped, context=context)
        finally:
            del self._catch_up


@against("KR-21")
class ComesBackAsItWas(GoogleKmsKeyRing):
    """Puts the key for indexes of a forgotten tenant back when it returns."""

    def index_key(self, tenant: str) -> bytes:
        mark = self._path.with_suffix(f".{tenant.encode().hex()}")
        if not mark.exists():
            mark.write_bytes(super().index_key(tenant))
        return mark.read_bytes()


@against("KR-22")
class LeaksWhatItMet(GoogleKmsKeyRing):
    """Lets through what a library of its raises."""

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        try:
            return super().unwrap(tenant, wrapped, context=context)
        except SmartifyError as error:
            if error.retryable:
                raise ConnectionError from None
            raise


def broken_by(fresh: Callable[[], KeyRingWorld]) -> set[str]:
    """Return the clauses that fail, each in a fresh world."""
    failed = set()
    for number, clause in CLAUSES.items():
        world = fresh()
        try:
            world.check()
            clause(KeyRingConformance(), world)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however a clause fails, it fails
            failed.add(number)
        finally:
            world.close()
    return failed


@contextmanager
def _folders(root: Path) -> Iterator[Callable[[], Path]]:
    numbers = iter(range(1_000))

    def fresh() -> Path:
        folder = root / str(next(numbers))
        folder.mkdir()
        return folder

    yield fresh


@pytest.mark.parametrize("world", [FileWorld, GoogleKmsWorld])
def test_sound_ring_breaks_nothing(world: Callable[[Path], KeyRingWorld], tmp_path: Path) -> None:
    """A ring that overrides nothing keeps every clause: what a mutant breaks is the mutant's doing."""
    assert len(CLAUSES) == 22
    with _folders(tmp_path) as fresh:
        assert broken_by(lambda: world(fresh())) == set()


@pytest.mark.parametrize(("clause", "world"), MUTANTS, ids=lambda value: getattr(value, "__name__", value))
def test_mutant_breaks_its_clause(clause: str, world: Callable[[Path], KeyRingWorld], tmp_path: Path) -> None:
    """A broken ring fails exactly the clause that it breaks."""
    with _folders(tmp_path) as fresh:
        assert broken_by(lambda: world(fresh())) == {clause}


def test_every_clause_is_seen_to_fail() -> None:
    """Each clause has a mutant that fails it: no clause is decoration."""
    assert {clause for clause, _ in MUTANTS} == set(CLAUSES)
