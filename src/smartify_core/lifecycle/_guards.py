"""The brakes: pure functions that say when absence from a read must not be looked into any further."""

from __future__ import annotations

from collections.abc import Collection

from smartify_core.directory import Capability, Certificate

#: A certified read that shows not one of at least this many known people is taken for a wrong or emptied directory.
#: Below it, a small customer may really have changed its whole staff; each removal is still confirmed one by one.
STRANGERS_FLOOR = 3


def why_absence_proves_nothing(
    certificate: Certificate, capabilities: Collection[Capability], *, known: int, absent: int, people_read: int
) -> str | None:
    """Return why nobody may be removed on this read, or ``None`` when each absent person may be confirmed.

    Args:
        certificate: What the source vouches for.
        capabilities: What the source is able to tell.
        known: How many live accounts there were.
        absent: How many of them the read did not show.
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
    if known >= STRANGERS_FLOOR and absent == known:
        return "the directory showed none of the people known here, as a wrong customer would"
    return None
