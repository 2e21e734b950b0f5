"""Which address belongs to whom: one namespace for people, groups and their aliases."""

from __future__ import annotations

from collections.abc import Iterable

from smartify_core.errors import UsageError


class AddressBook:
    """Live addresses of one customer, whatever their case. An address has one owner."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def owner(self, address: str) -> str | None:
        """Return the id of the user or group that has ``address``, or ``None``."""
        return self._owners.get(address.lower())

    def check(self, addresses: Iterable[str], owner: str) -> None:
        """Refuse addresses that somebody other than ``owner`` has.

        Raises:
            UsageError: An address has another owner, whose id the message names.
        """
        for address in addresses:
            holder = self._owners.get(address.lower())
            if holder is not None and holder != owner:
                raise UsageError(
                    "an address is taken",
                    where=f"held by {holder}, wanted for {owner}",
                    cure="Remove the alias, or rename or delete the holder, first.",
                )

    def take(self, addresses: Iterable[str], owner: str) -> None:
        """Give ``addresses`` to ``owner``, all or none. Raises as :meth:`check`."""
        wanted = list(addresses)
        self.check(wanted, owner)
        for address in wanted:
            self._owners[address.lower()] = owner

    def release(self, addresses: Iterable[str], owner: str) -> None:
        """Free those of ``addresses`` that ``owner`` has."""
        for address in addresses:
            if self._owners.get(address.lower()) == owner:
                del self._owners[address.lower()]
