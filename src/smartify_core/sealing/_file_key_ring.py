"""The key ring in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from smartify_core.errors import KeyFileInvalid, WrongKey

from ._key_file import dump, read, sync_folder, write_new
from ._root_secrets import RootKeyRing, RootSecrets


class FileKeyRing(RootKeyRing):
    """Keys in one small JSON file that only its owner may read. Implements `KeyRing`.

    The file holds one lookup secret and one or more named wrapping secrets; tenants' keys are derived from them, so the
    file does not grow with tenants. Back it up apart from the store: without it nothing in the store opens again, and a
    store without it gives nobody away.

    Args:
        path: The key file.

    Raises:
        KeyFileInvalid: The file is missing, open to group or others (POSIX), not a key file, of a newer format, or
            holds a key of the wrong length.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
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
        leaves the old one or the new one. Rings that other processes opened before find the new secret by themselves
        when they meet it.

        Raises:
            KeyFileInvalid: As the constructor.
            FileExists: Another rotation is under way, or one was cut short: its ``.new`` file is there.
        """
        target = Path(path).resolve()
        aside = target.with_name(target.name + ".new")
        read(target)
        # The exclusive creation is the lock of rotations; so the secrets are read again under it.
        write_new(aside, b"", cure="Wait for the other rotation; if none is running, remove this file and try again.")
        try:
            secrets = read(target).with_new_wrapping()
            with aside.open("r+b") as file:
                file.write(dump(secrets))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        except OSError:
            aside.unlink(missing_ok=True)
            raise KeyFileInvalid(
                "the key file could not be replaced; it is as it was",
                where=str(target),
                cure="Check the disk and the folder's permissions.",
            ) from None
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(target)
        return cls(path)

    def __repr__(self) -> str:
        """Return the ring with its path, and nothing of its keys."""
        return f"FileKeyRing({str(self._path)!r})"

    def _look_again(self, key_id: bytes) -> None:
        try:
            fresh = read(self._path)
        except KeyFileInvalid:
            fresh = self._secrets
        # A file with another lookup secret is another ring's: taking it would change every fingerprint during a run.
        if key_id in fresh.wrapping and fresh.lookup == self._secrets.lookup:
            self._secrets = fresh
            return
        try:
            super()._look_again(key_id)
        except WrongKey as error:
            raise WrongKey(error.what, where=str(self._path), cure=error.cure) from None
