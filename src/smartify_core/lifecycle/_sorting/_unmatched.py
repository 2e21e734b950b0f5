"""Which accounts belong to the people whom no fingerprint matches, and which to nobody who was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import compress

from attrs import define, field

from smartify_core.errors import SourceMalformed
from smartify_core.model import HeadPage

from ._columns import fingerprints_in, joined, parted

#: What is kept of a page of heads: source ids in a column, fingerprints, and the ids of those who wait.
KeptPage = tuple[str | Sequence[str], bytes, tuple[str, ...]]


def kept(page: HeadPage) -> KeptPage:
    """Return what is kept of a page of at least one head."""
    return joined(page.source_ids), page.fingerprints, page.waiting


@define
class Unmatched:
    """Accounts whose fingerprint nobody who was read has.

    Attributes:
        has_account: The source ids of the people among those who differ who have an account.
        absent: Whose account is live although they were not read, in bytewise order of source id.
        waiting: The same for those who are known to be deleted already.
    """

    has_account: set[str] = field(factory=set)
    absent: list[str] = field(factory=list)
    waiting: list[str] = field(factory=list)


def hold_against(
    tenant: str, pages: Iterable[KeptPage], differing: set[str], only_theirs: Collection[bytes]
) -> Unmatched:
    """Return what becomes of the accounts with these fingerprints.

    Args:
        tenant: Whose accounts these are.
        pages: Every account, in bytewise order of source id.
        differing: The source ids of the people whose fingerprint no account has.
        only_theirs: The fingerprints of accounts that nobody who was read has.

    Raises:
        SourceMalformed: The source yielded one person twice.
    """
    found = Unmatched()
    if not differing and not only_theirs:
        return found
    for column, whole, waiting in pages:
        ids, gone = parted(column), frozenset(waiting)
        here = differing.intersection(ids)
        seen = 0
        for source_id in compress(ids, map(only_theirs.__contains__, fingerprints_in(whole))):
            if source_id in here:
                seen += 1
                found.has_account.add(source_id)
            else:
                (found.waiting if source_id in gone else found.absent).append(source_id)
        # Their account is as somebody who was read has it, and yet they differ: so they were read twice.
        if seen < len(here):
            raise twice(tenant, min(here - found.has_account))
    return found


def twice(tenant: str, source_id: str) -> SourceMalformed:
    """Return the error for a source that yields one person twice."""
    return SourceMalformed(
        "the source yielded one person twice",
        where=f"tenant {tenant}, source id {source_id}",
        cure="A source yields each id once (clause DS-01); mend the source.",
    )
