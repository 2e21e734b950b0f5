"""The brakes: pure functions that say when absence from a read must not be looked into any further."""

from __future__ import annotations

from collections.abc import Collection

from smartify_core.directory import Capability, Certificate


def why_the_directory_is_a_stranger(*, known: int, absent: int, people_read: int) -> str | None:
    """Return why the directory is taken for another customer's, or ``None`` when somebody known here was seen.

    Then nobody may be provisioned either: strangers let in today would be known people tomorrow, and the next read
    would seem to be the right one. Holds for a customer of one person as for any other.

    Args:
        known: How many live accounts there were.
        absent: How many of them the read did not show.
        people_read: How many people the read showed.
    """
    if known and people_read and absent == known:
        return "the directory shows none of the people known here, as another customer's would"
    return None


def why_absence_proves_nothing(
    certificate: Certificate, capabilities: Collection[Capability], *, people_read: int
) -> str | None:
    """Return why nobody may be removed on this read, or ``None`` when each absent person may be confirmed.

    Args:
        certificate: What the source vouches for.
        capabilities: What the source is able to tell.
        people_read: How many people the read showed.
    """
    if not certificate.complete:
        return "the read was not certified complete: " + (
            "; ".join(certificate.problems) or "it vouches for no listing"
        )
    if not {Capability.DELETION_EVIDENCE, Capability.SINGLE_READ} & set(capabilities):
        return "the source has no way to confirm that one person is gone"
    if people_read == 0:
        return "the directory showed nobody at all"
    return None
