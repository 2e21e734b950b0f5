"""How much is under which key. Pure."""

from __future__ import annotations

from attrs import frozen


@frozen(order=False)
class Remaining:
    """What is not under the newest key of its tenant.

    ``damaged`` counts what is under no key that can be told, because its wrapped key was altered. It opens under none,
    so it is not counted among the others.
    """

    accounts: int = 0
    documents: int = 0
    damaged: int = 0

    @property
    def total(self) -> int:
        """How many are still to be moved."""
        return self.accounts + self.documents

    def __add__(self, other: Remaining) -> Remaining:
        return Remaining(self.accounts + other.accounts, self.documents + other.documents, self.damaged + other.damaged)


@frozen(order=False)
class Renewed:
    """What was moved, by this call and by earlier ones that were cut short, and what is left.

    ``damaged`` counts what does not open under any key, and was left as it is.
    """

    accounts: int
    documents: int
    damaged: int


@frozen(order=False)
class UnderKey:
    """How much is wrapped under one key."""

    accounts: int = 0
    documents: int = 0

    @property
    def total(self) -> int:
        """How many the key still opens."""
        return self.accounts + self.documents
