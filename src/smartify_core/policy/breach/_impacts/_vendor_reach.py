"""Which exports lead to which scopes: vendors, those that they pass data on to, and entries of the register. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import frozen


@frozen(order=False)
class Cause:
    """Why an account or a tenant may be concerned. What hangs on a vendor is known when all of the trail is read.

    Args:
        scopes: The scopes that lead there for certain, as bits.
        held: The scopes of vendors within whose window the export is, as bits.
        acting: The scopes of actors and hosts that may have tampered with the register, as bits.
        vendor: The vendor that it was exported to; ``None`` for what was only opened.
        epoch: How often the register had been tampered with by then.
    """

    scopes: int
    held: int = 0
    acting: int = 0
    vendor: str | None = None
    epoch: int = 0


@frozen(order=False)
class _Tampering:
    """That an entry of the register was made by somebody whom a scope names."""

    scopes: int
    vendor: str
    tenant: str | None
    epoch: int


class VendorReach:
    """What the register ever said of vendors, and who said so.

    Args:
        scopes: The names of each scope of the kind vendor, by its bit.
        passes_on: Whom each vendor passes data on to, as the register has it now.
    """

    def __init__(self, scopes: Mapping[int, Iterable[str]], passes_on: Mapping[str, Iterable[str]]) -> None:
        self._scopes = {bit: frozenset(names) for bit, names in scopes.items()}
        self._passes_on: defaultdict[str, set[str]] = defaultdict(set)
        self._tamperings: list[_Tampering] = []
        self._seen: set[tuple[int, str, str | None]] = set()
        self._receivers: dict[str, frozenset[str]] = {}
        for vendor, others in passes_on.items():
            self.passes_on(vendor, others)

    @property
    def epoch(self) -> int:
        """How often the register was tampered with, so far."""
        return len(self._tamperings)

    def knows(self, vendor: str) -> bool:
        """Return whether the register ever had a vendor, or named it as one that data is passed on to."""
        return vendor in self._passes_on or any(vendor in others for others in self._passes_on.values())

    def passes_on(self, vendor: str, others: Iterable[str]) -> None:
        """Note whom a vendor passes data on to. What was ever so counts: data stays where it went."""
        self._passes_on[vendor].update(others)
        self._receivers.clear()

    def tampered(self, scopes: int, vendor: str, tenant: str | None) -> None:
        """Note that somebody whom these scopes name wrote of a vendor; ``tenant`` where only one customer is told."""
        if (scopes, vendor, tenant) not in self._seen:
            self._seen.add((scopes, vendor, tenant))
            self._tamperings.append(_Tampering(scopes, vendor, tenant, self.epoch + 1))

    def receivers(self, vendor: str) -> frozenset[str]:
        """Return a vendor with all those that it passes data on to, and those that they do."""
        found = self._receivers.get(vendor)
        if found is None:
            seen, ahead = set[str](), [vendor]
            while ahead:
                one = ahead.pop()
                if one not in seen:
                    seen.add(one)
                    ahead.extend(self._passes_on.get(one, ()))
            found = self._receivers[vendor] = frozenset(seen)
        return found

    def scopes_of(self, cause: Cause, tenant: str) -> int:
        """Return the scopes that a cause leads to, as bits, when all of the trail is read."""
        found = cause.scopes
        if cause.vendor is None:
            return found
        receivers = self.receivers(cause.vendor)
        for bit, names in self._scopes.items():
            if cause.held & bit and not names.isdisjoint(receivers):
                found |= bit
        for one in self._tamperings if cause.acting & ~found else ():
            # What a vendor held before counts where it passes data on: the register does not say since when.
            is_later = one.epoch <= cause.epoch if one.vendor == cause.vendor else one.vendor in receivers
            if is_later and one.tenant in {None, tenant}:
                found |= one.scopes & cause.acting
        return found
