"""The ring whose keys Google Cloud KMS guards, against a KMS on this machine that really encrypts."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from tests._kms import KEY, Kms, checksum, running

from smartify_core.errors import (
    CredentialsInvalid,
    FileExists,
    KeyFileInvalid,
    KeyServiceRejected,
    KeyServiceUnavailable,
    KeyStillUsed,
    SealBroken,
    SmartifyError,
    UnknownKey,
    UsageError,
    WrongKey,
)
from smartify_core.model import SealedAccount
from smartify_core.sealing import RotatingKeyRing, Sealer, TenantKeys
from smartify_core.sealing import _google_kms_wire as wire
from smartify_core.sealing._crc32c import crc32c
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.testing import ManualClock, identity

SealWith = Callable[..., SealedAccount]
Open = Callable[..., GoogleKmsKeyRing]
DATA_KEY = bytes(range(32))
MINUTE = timedelta(minutes=1)


@pytest.fixture
def kms() -> Iterator[Kms]:
    """Return a KMS that is running."""
    with running() as one:
        yield one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a fresh file of keys."""
    made = tmp_path / "kms.keys"
    GoogleKmsKeyRing.create(KEY, made)
    return made


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that is turned by hand."""
    return ManualClock()


@pytest.fixture
def pauses() -> list[float]:
    """Return where rings write down how long they would have waited."""
    return []


@pytest.fixture
def ring(kms: Kms, path: Path, clock: ManualClock, pauses: list[float]) -> Open:
    """Return a function that opens the file, as one more process would."""
    return lambda **options: GoogleKmsKeyRing(
        KEY, path, **{"endpoint": kms.url, "clock": clock, "pause": pauses.append, "timeout": 30, **options}
    )


def wrapped(ring: GoogleKmsKeyRing, tenant: str = "acme") -> bytes:
    """Wrap the data key of these tests."""
    return ring.wrap(tenant, DATA_KEY, context=b"here")


def test_opening_makes_no_keys(ring: Open, path: Path, seal: SealWith) -> None:
    """Whoever opens for a tenant that is not held, or was forgotten, leaves the file as it is."""
    account = seal(ring())
    ring().forget("acme")
    before = path.read_bytes()
    with pytest.raises(WrongKey):
        Sealer(ring()).open(account)
    assert path.read_bytes() == before


def test_it_is_a_ring_with_keys_for_each_tenant(ring: Open, path: Path) -> None:
    """The ring fits the ports; its printed form names the KMS key and the file; it cannot be pickled."""
    one = ring()
    assert isinstance(one, RotatingKeyRing)
    assert isinstance(one, TenantKeys)
    assert repr(one) == f"GoogleKmsKeyRing({KEY!r}, {str(path)!r})"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(one)


def test_many_accounts_cost_one_call(ring: Open, kms: Kms) -> None:
    """A tenant's key is decrypted once, and wraps and opens any number of accounts."""
    sealer = Sealer(ring())
    now = datetime(2026, 5, 4, tzinfo=UTC)
    accounts = [
        sealer.seal("acme", identity(f"s{n}"), account_id=f"a{n}", version=1, created_at=now, updated_at=now)
        for n in range(200)
    ]
    assert [sealer.open(one).email for one in accounts] == [identity(f"s{n}").email for n in range(200)]
    assert sorted(kms.calls) == ["decrypt", "decrypt", "encrypt", "encrypt"]
    again = Sealer(ring())
    assert again.open(accounts[7]).email == identity("s7").email
    assert len(kms.calls) == 4 + 1


def test_a_key_is_held_for_so_long_and_no_longer(ring: Open, kms: Kms, clock: ManualClock) -> None:
    """Until its time is over a key is used without a call; from then on the KMS is asked, and may have shut us out."""
    one = ring(ttl=5 * MINUTE)
    sealed = wrapped(one)
    before = len(kms.calls)
    kms.destroy(1)
    clock.advance(5 * MINUTE - timedelta(microseconds=1))
    assert one.unwrap("acme", sealed, context=b"here") == DATA_KEY
    assert len(kms.calls) == before
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(WrongKey, match="disabled or destroyed"):
        one.unwrap("acme", sealed, context=b"here")
    with pytest.raises(WrongKey):
        one.unwrap("acme", sealed, context=b"here")


def test_a_clock_that_goes_back_prolongs_nothing(ring: Open, kms: Kms, clock: ManualClock) -> None:
    """A key that was decrypted in what is now the future is decrypted again."""
    one = ring(ttl=5 * MINUTE)
    sealed = wrapped(one)
    before = len(kms.calls)
    clock.advance(-MINUTE)
    assert one.unwrap("acme", sealed, context=b"here") == DATA_KEY
    assert len(kms.calls) == before + 1


def test_a_disabled_version_opens_again_once_it_is_enabled(ring: Open, kms: Kms) -> None:
    """What a disabled version encrypted is under a wrong key, and opens when the version is enabled."""
    sealed = wrapped(ring())
    kms.disabled.add(1)
    with pytest.raises(WrongKey):
        ring().unwrap("acme", sealed, context=b"here")
    with pytest.raises(KeyServiceRejected, match="FAILED_PRECONDITION"):
        wrapped(ring(), "newcomer")
    kms.disabled.clear()
    assert ring().unwrap("acme", sealed, context=b"here") == DATA_KEY


@pytest.mark.parametrize("code", [429, 500, 503, 504, 408])
def test_a_busy_kms_is_asked_four_times(ring: Open, kms: Kms, pauses: list[float], code: int) -> None:
    """An answer that time mends is waited for, ever longer, and then told as an outage that may be tried again."""
    sealed = wrapped(ring())
    kms.trouble[:] = [code] * 3
    assert ring().unwrap("acme", sealed, context=b"here") == DATA_KEY
    assert pauses == pytest.approx([0.1, 0.4, 1.6])
    kms.trouble[:] = [code] * 4
    with pytest.raises(KeyServiceUnavailable) as caught:
        ring().unwrap("acme", sealed, context=b"here")
    assert caught.value.retryable
    assert "made up" not in str(caught.value)


def test_a_kms_that_refuses_is_not_asked_again(ring: Open, kms: Kms, pauses: list[float]) -> None:
    """A caller without permission is told so at once, and which role is missing."""
    sealed = wrapped(ring())
    kms.denies = True
    for attempt in (lambda one: one.unwrap("acme", sealed, context=b"here"), lambda one: wrapped(one, "newcomer")):
        before = len(kms.calls)
        with pytest.raises(KeyServiceRejected, match="PERMISSION_DENIED") as caught:
            attempt(ring())
        assert "cryptoKeyEncrypterDecrypter" in str(caught.value)
        assert len(kms.calls) == before + 1
    assert pauses == []


def test_a_key_that_is_not_there_is_named(kms: Kms, tmp_path: Path) -> None:
    """A key that the KMS does not know is refused with its full name."""
    other = KEY.replace("k1", "k9")
    GoogleKmsKeyRing.create(other, tmp_path / "other.keys")
    with pytest.raises(KeyServiceRejected, match="NOT_FOUND") as caught:
        wrapped(GoogleKmsKeyRing(other, tmp_path / "other.keys", endpoint=kms.url))
    assert caught.value.where == other


def test_what_is_no_answer_is_an_outage(ring: Open, kms: Kms) -> None:
    """A gateway's page, and a connection that ends, raise nothing of a library."""
    sealed = wrapped(ring())
    kms.babbles = True
    with pytest.raises(KeyServiceUnavailable):
        ring().unwrap("acme", sealed, context=b"here")
    kms.denies = True
    with pytest.raises(KeyServiceRejected, match="it answers 403"):
        ring().unwrap("acme", sealed, context=b"here")
    kms.babbles = kms.denies = False
    kms.away = True
    with pytest.raises(KeyServiceUnavailable) as caught:
        ring().unwrap("acme", sealed, context=b"here")
    assert caught.value.__cause__ is None


ENCRYPTING = ["ciphertext", "name", "verified_plaintext", "verified_aad", "sent plaintext"]
DECRYPTING = ["decrypted", "sent ciphertext", "sent additional_authenticated_data"]


@pytest.mark.parametrize("what", ENCRYPTING + DECRYPTING)
def test_damage_on_the_way_is_noticed(ring: Open, kms: Kms, what: str) -> None:
    """Bytes that were damaged there or back are asked for again, and never used; damage that lasts is an outage."""
    sealed = wrapped(ring())
    kms.damages[what] = 3
    one = ring()
    if what in ENCRYPTING:
        assert one.unwrap("newcomer", wrapped(one, "newcomer"), context=b"here") == DATA_KEY
    assert one.unwrap("acme", sealed, context=b"here") == DATA_KEY
    assert kms.damages[what] == 0
    kms.damages[what] = 4
    with pytest.raises(KeyServiceUnavailable, match="damaged on the way"):
        wrapped(ring(), "another") if what in ENCRYPTING else ring().unwrap("acme", sealed, context=b"here")


@pytest.mark.parametrize("content", [b"", b"a", b"123456789", bytes(32), os.urandom(300)], ids=len)
def test_checksums_are_castagnolis(content: bytes) -> None:
    """The table gives what the polynomial gives, bit by bit; the check value of the catalogue is met."""
    assert crc32c(content) == checksum(content)
    assert crc32c(b"123456789") == 0xE3069283


def test_the_file_opens_nothing_by_itself(ring: Open, path: Path) -> None:
    """The file is its owner's only, and has no secret in the clear: neither those of wrapping nor those of hashing."""
    one = ring()
    wrapped(one)
    content = path.read_text()
    secrets = [held.secret for held in one._held.values()] + [one.index_key("acme"), one.fingerprint_key("acme")]
    assert len(secrets) >= 3
    for secret in secrets:
        assert secret.hex() not in content
        assert secret not in bytes.fromhex("".join(f"{byte:02x}" for byte in content.encode()))
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.with_name("kms.keys.lock").stat().st_mode) == 0o600


def test_a_key_moved_to_another_tenant_does_not_decrypt(ring: Open, path: Path) -> None:
    """The KMS binds a secret to its tenant and name: swapped in the file, they are damage."""
    one = ring()
    sealed = wrapped(one)
    wrapped(one, "umbrella")
    document = json.loads(path.read_text())
    acme, umbrella = document["tenants"]["acme"], document["tenants"]["umbrella"]
    (name,) = acme["keys"]
    acme["keys"] = {name: next(iter(umbrella["keys"].values()))}
    acme["lookup"], umbrella["lookup"] = umbrella["lookup"], acme["lookup"]
    path.write_text(json.dumps(document))
    fresh = ring()
    attempts: tuple[Callable[[], bytes], ...] = (
        lambda: fresh.unwrap("acme", sealed, context=b"here"),
        lambda: fresh.index_key("acme"),
        lambda: fresh.fingerprint_key("umbrella"),
    )
    for attempt in attempts:
        with pytest.raises(SealBroken, match="key file"):
            attempt()


def test_a_forgotten_tenant_opens_nowhere(ring: Open, path: Path, seal: SealWith, kms: Kms) -> None:
    """What `forget` destroys is gone from the file and from every process; a copy of the store opens no more."""
    one, other = ring(), ring()
    account = seal(one)
    found = one.index_key("acme")
    assert Sealer(other).open(account).given_name == "Ada"
    assert one.forget("acme") is True
    assert "acme" not in path.read_text()
    for each in (one, other, ring()):
        with pytest.raises(WrongKey):
            Sealer(each).open(account)
        assert not [key for key in each._held if key[0] == "acme"]
    assert one.forget("acme") is False
    assert one.key_ids("acme") == ()
    assert one.index_key("acme") != found


def test_a_tenants_key_rotates_and_retires(ring: Open) -> None:
    """A new key wraps from now on in every process; the old one goes once nothing is under it, and only then."""
    one, other = ring(), ring()
    old = wrapped(one)
    wrapped(one, "umbrella")
    first = one.current_key("acme")
    second = one.rotate("acme")
    assert one.key_ids("acme") == (first, second)
    assert other.key_of("acme", wrapped(other)) == second
    assert other.unwrap("acme", old, context=b"here") == DATA_KEY
    with pytest.raises(KeyStillUsed, match=f"3 accounts and documents are still wrapped under key {first}"):
        one.retire("acme", first, uses=lambda _: 3)
    with pytest.raises(KeyStillUsed, match="current"):
        one.retire("acme", second, uses=lambda _: 0)
    for tenant in ("umbrella", "nobody"):
        with pytest.raises(UnknownKey):
            one.retire(tenant, first, uses=lambda _: 0)
    one.retire("acme", first, uses=lambda _: 0)
    assert other.key_ids("acme") == (second,)
    with pytest.raises(WrongKey, match=first):
        other.unwrap("acme", old, context=b"here")


def test_secrets_move_to_a_new_version_of_the_kms_key(ring: Open, kms: Kms) -> None:
    """After a rotation in the KMS its old version is needed until the secrets moved; then it may be destroyed there."""
    one = ring()
    sealed = {tenant: wrapped(one, tenant) for tenant in ("acme", "umbrella")}
    one.rotate("acme")
    hashing = one.index_key("acme")
    kms.add_version()
    newcomer = wrapped(one, "newcomer")
    first, second = (f"{KEY}/cryptoKeyVersions/{number}" for number in (1, 2))
    assert one.versions() == {first: 5, second: 2}
    assert one.move_to_primary() == 5
    assert ring().versions() == {second: 7}
    assert one.move_to_primary() == 0
    kms.destroy(1)
    fresh = ring()
    assert fresh.index_key("acme") == hashing
    for tenant, one_of_it in {**sealed, "newcomer": newcomer}.items():
        assert fresh.unwrap(tenant, one_of_it, context=b"here") == DATA_KEY


def test_moving_that_is_cut_short_is_finished_by_the_next(ring: Open, kms: Kms) -> None:
    """What was moved before an outage stays moved, nothing is lost, and the next call does the rest."""
    one = ring()
    sealed = {f"t{n}": wrapped(one, f"t{n}") for n in range(4)}
    kms.add_version()
    kms.trouble[:] = [200] * 6 + [503] * 4
    with pytest.raises(KeyServiceUnavailable):
        one.move_to_primary()
    assert set(one.versions().values()) == {2, 6}
    assert one.move_to_primary() == 6
    assert len(one.versions()) == 1
    assert all(ring().unwrap(tenant, it, context=b"here") == DATA_KEY for tenant, it in sealed.items())


def _make(key: str, path: Path, url: str, tenant: str, answers: Any, start: Any) -> None:
    ring = GoogleKmsKeyRing(key, path, endpoint=url)
    start.wait()
    answers.put((ring.wrap(tenant, DATA_KEY, context=b"here"), ring.index_key(tenant)))


def test_processes_that_meet_a_new_tenant_make_one_key(ring: Open, kms: Kms, path: Path) -> None:
    """Four processes that seal for a new tenant at the same moment end up with the same keys."""
    spawning = multiprocessing.get_context("spawn")
    answers, start = spawning.Queue(), spawning.Barrier(4)
    children = [
        spawning.Process(target=_make, args=(KEY, path, kms.url, "acme", answers, start), daemon=True) for _ in range(4)
    ]
    for child in children:
        child.start()
    told = [answers.get(timeout=120) for _ in children]
    for child in children:
        child.join()
    assert len({index for _, index in told}) == 1
    one = ring()
    assert len(one.key_ids("acme")) == 1
    assert all(one.unwrap("acme", sealed, context=b"here") == DATA_KEY for sealed, _ in told)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_asks_by_itself(ring: Open, kms: Kms) -> None:
    """A process that forks after its first call shares no connection with its child."""
    one = ring()
    wrapped(one)
    client = one._kms._connected()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            ok = one._kms._connected() is not client and one._kms.decrypt(one._kms.encrypt(b"x", b"").ciphertext, b"")
            os.write(write, b"y" if ok == b"x" else b"n")
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"y"
    os.close(read)
    os.waitpid(child, 0)
    assert one._kms._connected() is client


def test_a_change_that_cannot_be_written_changes_nothing(
    ring: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the new file cannot take the old one's place, the old one stays, and what was sealed opens."""
    one = ring()
    sealed = wrapped(one)
    before = path.read_bytes()

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(self), 0, str(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        for attempt in (lambda: one.rotate("acme"), lambda: one.forget("acme"), lambda: wrapped(one, "newcomer")):
            with pytest.raises(KeyFileInvalid, match="as it was"):
                attempt()
    assert path.read_bytes() == before
    assert one.unwrap("acme", sealed, context=b"here") == DATA_KEY
    path.with_name(path.name + ".new").write_bytes(b"left by a process that was killed")
    assert one.rotate("acme") == one.current_key("acme")


def test_a_file_of_another_key_is_refused(ring: Open, path: Path, kms: Kms) -> None:
    """A file is used with the KMS key that it was made for; one put in its place later is not taken."""
    with pytest.raises(KeyFileInvalid, match="another key"):
        GoogleKmsKeyRing(KEY.replace("k1", "k2"), path, endpoint=kms.url)
    one = ring()
    sealed = wrapped(one)
    path.unlink()
    GoogleKmsKeyRing.create(KEY.replace("k1", "k2"), path)
    assert one.unwrap("acme", sealed, context=b"here") == DATA_KEY
    with pytest.raises(FileExists):
        GoogleKmsKeyRing.create(KEY, path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a file of keys"),
        (b"[]", "not a file of keys"),
        (b'{"format": "smartify-keys"}', "not a file of keys"),
        (b'{"format": "smartify-kms-keys", "version": 2}', "Upgrade"),
        (b'{"format": "smartify-kms-keys", "version": 1}', "damaged"),
        (b'{"format": "smartify-kms-keys", "version": 1, "key": "k", "tenants": []}', "damaged"),
        (b'{"format": "smartify-kms-keys", "version": 1, "key": "k", "tenants": {"acme": {}}}', "damaged"),
        (
            b'{"format": "smartify-kms-keys", "version": 1, "key": "k", "tenants": {"a": {"keys": {}, "current": ""}}}',
            "damaged",
        ),
    ],
    ids=range(8),
)
def test_what_is_no_such_file_is_refused(path: Path, kms: Kms, content: bytes, told: str) -> None:
    """Any other content, a newer format and a damaged part are told, each with its cure."""
    path.write_bytes(content)
    with pytest.raises(KeyFileInvalid, match=told):
        GoogleKmsKeyRing(KEY, path, endpoint=kms.url)


@pytest.mark.parametrize(
    "key", ["k1", "", KEY + "/cryptoKeyVersions/1", "projects//locations/x/keyRings/y/cryptoKeys/z"]
)
def test_a_misshapen_name_of_a_key_is_refused(kms: Kms, tmp_path: Path, key: str) -> None:
    """A key is named in full, and without a version."""
    GoogleKmsKeyRing.create(key, tmp_path / "keys")
    with pytest.raises(UsageError, match="no name of a key"):
        GoogleKmsKeyRing(key, tmp_path / "keys", endpoint=kms.url)


@pytest.mark.parametrize("endpoint", ["http://kms.example", "ftp://127.0.0.1", "kms.example:443", ""])
def test_keys_do_not_travel_in_the_clear(path: Path, endpoint: str) -> None:
    """An address without TLS is refused unless it is on this machine."""
    with pytest.raises(UsageError, match="in the clear"):
        GoogleKmsKeyRing(KEY, path, endpoint=endpoint)


def test_options_that_make_no_sense_are_refused(ring: Open) -> None:
    """Keys that are held for no time could never be used."""
    with pytest.raises(UsageError):
        ring(ttl=timedelta(0))


def test_missing_credentials_are_told_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without credentials learns so when the ring is opened, and credentials that fail later are refused."""

    def missing(*_: object, **__: object) -> Any:
        raise DefaultCredentialsError("secret path")  # type: ignore[no-untyped-call]

    with monkeypatch.context() as patch:
        patch.setattr(wire, "KeyManagementServiceRestTransport", missing)
        with pytest.raises(CredentialsInvalid) as caught:
            GoogleKmsKeyRing(KEY, path)
    assert "secret path" not in str(caught.value)

    class Expired(AnonymousCredentials):
        def before_request(self, *arguments: Any) -> None:
            raise RefreshError("a token of somebody")  # type: ignore[no-untyped-call]

    expired: Any = Expired
    with running() as kms, pytest.raises(KeyServiceRejected, match="credentials") as rejected:
        wrapped(GoogleKmsKeyRing(KEY, path, endpoint=kms.url, credentials=expired()))
    assert "somebody" not in str(rejected.value)


def test_threads_share_one_call(ring: Open, kms: Kms) -> None:
    """Threads that need the same key at the same moment have the KMS decrypt it once."""
    sealed = wrapped(ring())
    one, together, before = ring(), threading.Barrier(8), len(kms.calls)
    found: list[bytes] = []

    def work() -> None:
        together.wait()
        found.append(one.unwrap("acme", sealed, context=b"here"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DATA_KEY] * 8
    assert len(kms.calls) == before + 1


def test_no_error_shows_a_key(ring: Open, kms: Kms) -> None:
    """Whatever goes wrong, neither a data key nor what the KMS said is in the message."""
    sealed = wrapped(ring())
    for trouble in ("denies", "away", "babbles"):
        setattr(kms, trouble, True)
        with pytest.raises(SmartifyError) as caught:
            ring().unwrap("acme", sealed, context=b"here")
        setattr(kms, trouble, False)
        assert DATA_KEY.hex() not in repr(caught.value)
        assert "denied on" not in str(caught.value)
