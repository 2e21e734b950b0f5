"""What a backend may offer beside the port, for those who look after a store: a check of its bytes, and a copy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen


@frozen(order=False)
class Finding:
    """Something that is to be known of a store, without personal data.

    Args:
        what: What is wrong, in one clause.
        where: The place: a tenant, an account, a table.
        damage: Whether the store is damaged. Otherwise something could not be looked at, or a copy was not finished.
    """

    what: str
    where: str
    damage: bool = True

    def __str__(self) -> str:
        """Return ``what (where)``."""
        return f"{self.what} ({self.where})"


@runtime_checkable
class Maintained(Protocol):
    """A storage that can look into its own bytes and copy itself while others use it.

    Not part of the `Storage` port: a backend whose server has tools for this need not have it.
    """

    def check(self) -> Sequence[Finding]:
        """Look for damage in all that the store keeps, and for what contradicts itself; empty when all is sound.

        Raises:
            StorageError: The store cannot be read at all.
        """

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a copy of the whole store, as it is at one moment, to a new file, while others read and write.

        The file is there whole or not at all, readable by its owner only, and checked. Nothing is ever overwritten.

        Raises:
            FileExists: There is a file of that name already.
            UsageError: This storage is copied by other means, which the cure names, or the path cannot be used.
            StorageError: The copy cannot be made or written, or the store is not sound.
        """
