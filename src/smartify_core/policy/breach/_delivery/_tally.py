"""What a run of the courier did, in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from attrs import asdict, frozen

#: What is counted while a run is under way, by the names of `CourierRun`.
Tally: TypeAlias = Counter[str]


@frozen(order=False)
class CourierRun:
    """What a run of the courier did. Only counts: who and why stand in the trail and in the deliveries.

    Args:
        spread: Notices that were handed to their recipients' channels for the first time.
        accepted: Attempts that the other side took.
        failed: Attempts that failed and are made again.
        exhausted: Deliveries that failed for good, as every attempt did.
        refused: Deliveries that failed for good, as the recipient was refused.
        gone: Deliveries that failed for good, as the recipient is not there any more.
        not_needed: Deliveries that a later notice to the same contact, or a change of the contact, made superfluous.
        redirected: Notices that were queued anew, as a contact is another by now.
        escalated: Notices that the next ones of the customer were told.
        calls: Notices of which somebody of the host's has to tell by phone.
        unsent: Attempts that were not begun, as the run was stopped, had taken too long, or police asked for silence
            meanwhile. They are made later.
        held: Deliveries that were due and wait, as police asked for it or as the incident is over.
        stranded: Deliveries that were due and wait, as no notifier of their channel is there.
        stuck: Documents that were passed over, as they cannot be opened. A round stays released until the last of its
            notices, and of their customers, can be.
        later: Deliveries that are open and not due yet, or tried by another courier.
    """

    spread: int = 0
    accepted: int = 0
    failed: int = 0
    exhausted: int = 0
    refused: int = 0
    gone: int = 0
    not_needed: int = 0
    redirected: int = 0
    escalated: int = 0
    calls: int = 0
    unsent: int = 0
    held: int = 0
    stranded: int = 0
    stuck: int = 0
    later: int = 0

    @classmethod
    def of(cls, tally: Mapping[str, int]) -> CourierRun:
        """Return what was counted."""
        return cls(**tally)

    @property
    def counts(self) -> Mapping[str, int]:
        """The counts by name."""
        return asdict(self)
