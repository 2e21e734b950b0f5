"""A notice with what became of it. Pure."""

from __future__ import annotations

from attrs import frozen

from smartify_core.policy.breach._notice import Delivery, Hearing, Notice


@frozen(order=False)
class Case:
    """One notice, with what became of it.

    Args:
        notice: The notice.
        hearing: Whether its tenant has heard; ``None`` where it was not queued.
        deliveries: Its way to each contact.
        to_call: Whether somebody still has to call its tenant about it.
    """

    notice: Notice
    hearing: Hearing | None
    deliveries: tuple[Delivery, ...]
    to_call: bool = False
