"""The key ring in a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from smartify_core.errors import KeyFileInvalid, WrongKey

from ._key_file import Watch, dump, read, replace, write_new
from ._root_secrets import RootKeyRing, RootSecrets


class FileKeyRing(RootKeyRing):
    """Keys in one small JSON file that only its owner may read. Implements `RotatingKeyRing`.

    The file holds one lookup secret and one or more named wrapping secrets; tenants' keys are derived from them, so the
    file does not grow with tenants. Back it up apart from the store: without it nothing in the store opens again, and a
    store without it gives nobody away.

    A ring that is open notices when the file is replaced. What is wrapped once `rotate` has returned is wrapped under
    the new secret, in every process of the host.

    Args:
        path: The key file.

    Raises:
        KeyFileInvalid: The file is missing, open to group or others (POSIX), not a key file, of a newer format, or
            holds a key of the wrong length.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._watch = Watch(self._path)
        super().__init__(read(self._path))

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """Write a new key file with random secrets and return its ring.

        From its first byte on, only its owner may read it.

        Raises:
            FileExists: Something is there already; it was left as it is.
            KeyFileInvalid: The folder is missing or not writable.
        """
        write_new(Path(path), dump(RootSecrets.fresh()), cure="Use the key file that is there, or name another path.")
        return cls(path)

    @classmethod
    def rotate(cls, path: str | os.PathLike[str]) -> Self:
        """Add a wrapping secret that wraps from now on, and return the ring.

        What was wrapped before still opens; fingerprints and indexes stay. The file is replaced in one step: a crash
        leaves the old one or the new one. Rings that were opened before wrap under the new secret from then on, too.

        Raises:
            KeyFileInvalid: As the constructor.
            FileExists: Another rotation is under way, or one was cut short: its ``.new`` file is there.
        """
        replace(Path(path), RootSecrets.with_new_wrapping)
        return cls(path)

    @classmethod
    def retire(cls, path: str | os.PathLike[str], key_id: str, *, uses: Callable[[str], int]) -> Self:
        """Take an old wrapping secret out of the file, and return the ring. Nothing opens under it again.

        Keep a copy of the file as long as you keep backups of a store that were made before it was rewrapped.

        Args:
            path: The key file.
            key_id: The secret's name, one of `key_ids`.
            uses: Tells how many accounts and documents are wrapped under the key of a name, as
                `policy.rotation.Rotation.uses` does. It is asked while no other rotation can happen.

        Raises:
            UnknownKey: The file has no such secret.
            KeyStillUsed: It is the current one, or something is wrapped under it.
            KeyFileInvalid, FileExists: As `rotate`.
        """
        replace(Path(path), lambda secrets: secrets.without(key_id, uses))
        return cls(path)

    def __repr__(self) -> str:
        """Return the ring with its path, and nothing of its keys."""
        return f"FileKeyRing({str(self._path)!r})"

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``data_key`` under the newest key of the tenant, bound to ``context``. See `KeyRing.wrap`."""
        self._catch_up()
        return super().wrap(tenant, data_key, context=context)

    def current_key(self, tenant: str) -> str:
        """Return the name of the key that wraps from now on. See `RotatingKeyRing.current_key`."""
        self._catch_up()
        return super().current_key(tenant)

    def _catch_up(self) -> None:
        """Read the file again if it was replaced."""
        self._watch.changed(self._read_again)

    def _read_again(self) -> None:
        """Take what the file holds now. One that cannot be read, or is another ring's, changes nothing."""
        try:
            fresh = read(self._path)
        except KeyFileInvalid:
            return
        # A file with another lookup secret is another ring's: taking it would change every fingerprint during a run.
        if fresh.lookup == self._secrets.lookup and fresh != self._secrets:
            self._take(fresh)

    def _look_again(self, key_id: bytes) -> None:
        self._read_again()
        if key_id in self._secrets.wrapping:
            return
        try:
            super()._look_again(key_id)
        except WrongKey as error:
            raise WrongKey(error.what, where=str(self._path), cure=error.cure) from None
