"""What a dispatcher is told and what it answers: when to try again, and how a delivery ended. Values."""

from __future__ import annotations

import enum
from datetime import timedelta

from attrs import frozen

from smartify_core.errors import SmartifyError, UsageError


@frozen(order=False)
class RetryPolicy:
    """When an event is tried again whose handler raised.

    Args:
        attempts: How often it is tried in all, before it is given up.
        first: The wait after the first attempt.
        factor: By how much each wait is longer than the one before.
        ceiling: The longest wait.

    Raises:
        UsageError: There is no attempt, no wait, or the waits get shorter.
    """

    attempts: int = 8
    first: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    ceiling: timedelta = timedelta(hours=1)

    def __attrs_post_init__(self) -> None:
        """Refuse what would never deliver, or never wait."""
        if self.attempts < 1 or not timedelta(0) < self.first <= self.ceiling or not self.factor >= 1:
            raise UsageError(
                "retries need at least one attempt, a first wait within the longest one, and a factor of 1 or more",
                cure="Correct the RetryPolicy.",
            )

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after so many attempts."""
        try:
            return min(self.ceiling, self.first * self.factor ** (attempts - 1))
        except OverflowError:
            return self.ceiling


@enum.unique
class DeliveryVerdict(enum.Enum):
    """How a delivery ended."""

    #: The consumer has had, or given up, every event.
    CURRENT = "current"
    #: It has had, or given up, every event but those that wait for another attempt.
    WAITING = "waiting"
    #: So many events wait or were given up that there is no room for more: new ones stay in the journal, in order.
    STOPPED = "stopped"
    #: Another worker delivers at the moment, or took over.
    BUSY = "busy"
    #: The delivery could not be done.
    FAILED = "failed"


@frozen(order=False)
class DeliveryReport:
    """What one delivery to one consumer did for one tenant.

    Args:
        tenant: Whose events.
        verdict: How it ended.
        delivered: How many events were handled.
        failed: How many attempts raised.
        given_up: How many events became dead letters now.
        waiting: How many events wait at the end.
        dead: How many dead letters there are at the end: each waits for a person to retry or drop it.
        error: Why a busy or failed one did not work; only `Dispatcher.deliver_all` answers such.
    """

    tenant: str
    verdict: DeliveryVerdict
    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    waiting: int = 0
    dead: int = 0
    error: SmartifyError | None = None
