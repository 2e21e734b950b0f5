"""Keys that Google Cloud KMS guards. Needs the extra ``[google-kms]``.

Each tenant has random keys of its own, made here. The KMS encrypts them, and the encrypted ones stand in one small
file. A process has the KMS decrypt a tenant's key once and keeps it in memory for a limited time; under that key it
wraps as many data keys as it likes. So whoever has the file and the store opens nothing without the KMS, and whoever is
shut out there opens nothing from then on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn

from attrs import define, evolve
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import KeyFileInvalid, UsageError, WrongKey
from smartify_core.model import Clock

from . import _kms_file as kms_file
from ._google_kms_wire import GoogleKms, GoogleKmsCredentials
from ._key_file import Watch, settle
from ._kms_file import Guarded, KmsFile, TenantSecrets
from ._prepared import place
from ._root_secrets import current_key, derive, still_used, unknown_key
from ._wrapping import KEY_ID_BYTES, SECRET_BYTES, broken, key_id_of, unwrap_under, wrap_under

__all__ = ["GoogleKmsKeyRing"]

_LOOKUP: Final = ""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@define
class _Held:
    """A secret in memory, and from when until when it may be used."""

    secret: bytes
    cipher: AESGCM
    since: datetime
    until: datetime


class GoogleKmsKeyRing:
    """Keys of tenants, guarded by one key in Google Cloud KMS. Implements `RotatingKeyRing`.

    The tenant's keys are made when the tenant is first sealed for. `forget` destroys them: then nothing of the tenant
    opens again, from a store that was restored from a backup neither. Keep backups of the key file as short as your
    promise to forget; without the file nothing in the store opens.

    Hosts that share a store share the file, too, on a volume with locks: two files for one store would hold different
    keys.

    Args:
        key_name: The symmetric key in the KMS: ``projects/…/locations/…/keyRings/…/cryptoKeys/…``.
        keys_file: The file of encrypted keys, made by `create`. Only its owner may read it.
        credentials: Who asks the KMS; those of the environment unless given.
        endpoint: Another address of the KMS: a gateway, or a server on this machine.
        clock: The time.
        ttl: For how long a decrypted key is used without the KMS being asked again. That is how soon the process is
            shut out when the key is disabled or destroyed there.
        timeout: Seconds that one call may take.
        pause: Waits so many seconds between attempts, of which there are four where the KMS is busy or away.

    Raises:
        KeyFileInvalid: The file is missing, open to others, damaged, or made for another key.
        CredentialsInvalid: There are no credentials, or they cannot be used.
        UsageError: The key's name or the endpoint is misshapen.
    """

    def __init__(
        self,
        key_name: str,
        keys_file: str | os.PathLike[str],
        *,
        credentials: GoogleKmsCredentials | None = None,
        endpoint: str | None = None,
        clock: Clock = _utc_now,
        ttl: timedelta = timedelta(minutes=5),
        timeout: float = 10.0,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        if ttl <= timedelta(0):
            raise UsageError("the time that keys are kept is not positive", where="ttl", cure="Give some minutes.")
        self._path = Path(keys_file)
        self._clock = clock
        self._ttl = ttl
        self._watch = Watch(self._path)
        self._file = self._checked(kms_file.read(self._path), key_name)
        self._held: dict[tuple[str, str], _Held] = {}
        self._lock = threading.RLock()
        self._kms = GoogleKms(key_name, credentials, endpoint, timeout=timeout, pause=pause or threading.Event().wait)

    @classmethod
    def create(cls, key_name: str, keys_file: str | os.PathLike[str]) -> None:
        """Write a new file of keys, for tenants to come. Asks the KMS nothing.

        Raises:
            FileExists: Something is there already; it was left as it is.
            KeyFileInvalid: The folder is missing or not writable.
        """
        kms_file.create(Path(keys_file), key_name)

    def __repr__(self) -> str:
        """Return the ring with the name of the KMS key and its path, and nothing of its keys."""
        return f"GoogleKmsKeyRing({self._file.key_name!r}, {str(self._path)!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: keys do not travel."""
        what = "a GoogleKmsKeyRing cannot be pickled: make one where it is used"
        raise TypeError(what)

    # --- the port -----------------------------------------------------------------------------------------------------

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``data_key`` under the tenant's newest key, bound to ``context``. See `KeyRing.wrap`.

        Raises:
            KeyServiceUnavailable: The KMS does not answer, and the tenant's key is not at hand.
            KeyServiceRejected: The KMS refuses.
            WrongKey: The tenant's key cannot be decrypted any more: its version in the KMS is disabled or destroyed.
            KeyFileInvalid: The tenant's first key cannot be written to the file.
        """
        secrets = self._tenant(tenant)
        cipher = self._opened(tenant, secrets.current, secrets.keys[secrets.current]).cipher
        return wrap_under(cipher, bytes.fromhex(secrets.current), data_key, context)

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the data key. See `KeyRing.unwrap`; raises also what the KMS makes `wrap` raise."""
        name = key_id_of(wrapped).hex()
        self._catch_up()
        if self._file.owners.get(name) != tenant:
            self._read_again()  # another process may have made the key a moment ago
        secrets = self._file.tenants.get(tenant)
        if secrets is None or name not in secrets.keys:
            raise broken() if name in self._file.owners else self._missing(name)
        return unwrap_under(self._opened(tenant, name, secrets.keys[name]).cipher, wrapped, context)

    def fingerprint_key(self, tenant: str) -> bytes:
        """Return the tenant's key for fingerprints. See `KeyRing.fingerprint_key`; raises what `wrap` raises."""
        return derive(self._lookup(tenant), b"fingerprint", tenant)

    def index_key(self, tenant: str) -> bytes:
        """Return the tenant's key for blind indexes. See `KeyRing.index_key`; raises what `wrap` raises."""
        return derive(self._lookup(tenant), b"index", tenant)

    def current_key(self, tenant: str) -> str:
        """Return the name of the key that wraps from now on. See `RotatingKeyRing.current_key`; raises as `wrap`."""
        return self._tenant(tenant).current

    def key_of(self, tenant: str, wrapped: bytes) -> str:  # noqa: ARG002 - names of keys are unique
        """Return the name of the key that wrapped. See `RotatingKeyRing.key_of`."""
        return key_id_of(wrapped).hex()

    # --- what operators do --------------------------------------------------------------------------------------------

    def key_ids(self, tenant: str) -> tuple[str, ...]:
        """Return the names of the tenant's wrapping keys, the oldest first; none for a tenant that is not held."""
        self._catch_up()
        secrets = self._file.tenants.get(tenant)
        return () if secrets is None else tuple(secrets.keys)

    def rotate(self, tenant: str) -> str:
        """Add a key of the tenant that wraps from now on, and return its name. What was wrapped before still opens.

        Raises: as `wrap`.
        """
        self._tenant(tenant)
        name, guarded = self._fresh(tenant)

        def added(file: KmsFile) -> KmsFile:
            secrets = file.tenants.get(tenant)
            if secrets is None:  # forgotten just now
                raise self._missing(name)
            return file.with_tenant(tenant, evolve(secrets, current=name, keys={**secrets.keys, name: guarded}))

        self._change(added)
        return name

    def retire(self, tenant: str, key_id: str, *, uses: Callable[[str], int]) -> None:
        """Take an old key of the tenant out of the file. Nothing opens under it again.

        Args:
            tenant: The tenant.
            key_id: The key's name, one of `key_ids`.
            uses: Tells how many accounts and documents are wrapped under the key of a name, as
                `policy.rotation.Rotation.uses` does. It is asked while nobody else can change the file.

        Raises:
            UnknownKey: The tenant has no such key.
            KeyStillUsed: It is the current one, or something is wrapped under it.
            KeyFileInvalid: The file cannot be replaced.
        """

        def without(file: KmsFile) -> KmsFile:
            secrets = file.tenants.get(tenant)
            if secrets is None or key_id not in secrets.keys:
                raise unknown_key()
            if secrets.current == key_id:
                raise current_key(key_id)
            if number := uses(key_id):
                raise still_used(key_id, number)
            kept = {name: one for name, one in secrets.keys.items() if name != key_id}
            return file.with_tenant(tenant, evolve(secrets, keys=kept))

        self._change(without)

    def forget(self, tenant: str) -> bool:
        """Destroy every key of the tenant, and return whether there was one.

        From then on nothing opens that was sealed for it, in no process that has this file, and no address is found by
        its index. A tenant of that name that comes back has new keys.

        Raises:
            KeyFileInvalid: The file cannot be replaced.
        """
        self._catch_up()
        known = tenant in self._file.tenants
        self._change(lambda file: file.with_tenant(tenant, None) if tenant in file.tenants else file)
        return known

    def versions(self) -> Mapping[str, int]:
        """Return how many secrets each version of the KMS key encrypts. One that is not named may be destroyed."""
        self._catch_up()
        found: dict[str, int] = {}
        for secrets in self._file.tenants.values():
            for one in secrets.guarded():
                found[one.version] = found.get(one.version, 0) + 1
        return found

    def move_to_primary(self) -> int:
        """Have every secret encrypted under the primary version of the KMS key, and return how many were moved.

        The store is not touched. Cut short, it has moved the tenants that came first; the next one does the rest.

        Raises: as `wrap`.
        """
        self._catch_up()
        primary = self._kms.encrypt(bytes(SECRET_BYTES), place(b"kms probe")).version
        moved = 0
        for tenant, secrets in list(self._file.tenants.items()):
            fresh = {
                one: self._kms.encrypt(self._kms.decrypt(one.ciphertext, aad), aad)
                for one, aad in self._places(tenant, secrets)
                if one.version != primary
            }
            if fresh:
                self._write(lambda file, tenant=tenant, fresh=fresh: _exchanged(file, tenant, fresh))  # type: ignore[misc]
                moved += len(fresh)
        return moved

    # --- inside -------------------------------------------------------------------------------------------------------

    def _checked(self, file: KmsFile, key_name: str) -> KmsFile:
        if file.key_name != key_name:
            raise KeyFileInvalid(
                "the key file was made for another key of the KMS",
                where=str(self._path),
                cure="Name the key that the file names, or the file of this key.",
            )
        return file

    def _catch_up(self) -> None:
        """Read the file again if it was replaced."""
        self._watch.changed(self._read_again)

    def _read_again(self) -> None:
        """Take what the file holds now. One that cannot be read, or is another key's, changes nothing."""
        with self._lock, suppress(KeyFileInvalid):
            self._take(self._checked(kms_file.read(self._path), self._file.key_name))

    def _take(self, file: KmsFile) -> None:
        self._file = file
        for tenant, name in list(self._held):
            secrets = file.tenants.get(tenant)
            if secrets is None or name not in {_LOOKUP, *secrets.keys}:
                del self._held[tenant, name]

    def _change(self, how: Callable[[KmsFile], KmsFile]) -> None:
        """Change the file, and return when every process has had to look at it."""
        self._write(how)
        settle()

    def _write(self, how: Callable[[KmsFile], KmsFile]) -> None:
        with self._lock:
            self._take(kms_file.change(self._path, how))

    def _tenant(self, tenant: str) -> TenantSecrets:
        """Return the tenant's secrets, which are made where there are none."""
        self._catch_up()
        secrets = self._file.tenants.get(tenant)
        if secrets is not None:
            return secrets
        with self._lock:
            # The KMS is asked before the file is locked, and in vain when another process was quicker.
            name, guarded = self._fresh(tenant)
            lookup = self._kms.encrypt(os.urandom(SECRET_BYTES), _aad(tenant, _LOOKUP))
            first = TenantSecrets(lookup, name, {name: guarded})
            self._write(lambda file: file if tenant in file.tenants else file.with_tenant(tenant, first))
            return self._file.tenants[tenant]

    def _fresh(self, tenant: str) -> tuple[str, Guarded]:
        name = os.urandom(KEY_ID_BYTES).hex()
        return name, self._kms.encrypt(os.urandom(SECRET_BYTES), _aad(tenant, name))

    def _lookup(self, tenant: str) -> bytes:
        return self._opened(tenant, _LOOKUP, self._tenant(tenant).lookup).secret

    def _opened(self, tenant: str, name: str, guarded: Guarded) -> _Held:
        """Return a secret in the clear: the one at hand, or as the KMS decrypts it."""
        now = self._clock()
        held = self._held.get((tenant, name))
        if held is not None and held.since <= now < held.until:
            return held
        with self._lock:
            held = self._held.get((tenant, name))
            if held is None or not held.since <= now < held.until:
                self._held.pop((tenant, name), None)
                secret = self._kms.decrypt(guarded.ciphertext, _aad(tenant, name))
                held = self._held[tenant, name] = _Held(secret, AESGCM(secret), now, now + self._ttl)
            return held

    def _places(self, tenant: str, secrets: TenantSecrets) -> list[tuple[Guarded, bytes]]:
        named = {_LOOKUP: secrets.lookup, **secrets.keys}
        return [(one, _aad(tenant, name)) for name, one in named.items()]

    def _missing(self, name: str) -> WrongKey:
        return WrongKey(
            f"the key ring does not hold wrapping key {name}",
            where=str(self._path),
            cure="Use the key file that this store was written with. A tenant that was forgotten opens no more.",
        )


def _aad(tenant: str, name: str) -> bytes:
    """Return what the KMS binds a secret to: moved to another tenant or name, it does not decrypt."""
    return place(b"kms lookup secret", tenant) if name == _LOOKUP else place(b"kms wrapping key", tenant, name)


def _exchanged(file: KmsFile, tenant: str, fresh: Mapping[Guarded, Guarded]) -> KmsFile:
    """Return the file with these secrets in place of those, unless the tenant was forgotten meanwhile."""
    secrets = file.tenants.get(tenant)
    if secrets is None:
        return file
    keys = {name: fresh.get(one, one) for name, one in secrets.keys.items()}
    return file.with_tenant(tenant, TenantSecrets(fresh.get(secrets.lookup, secrets.lookup), secrets.current, keys))
