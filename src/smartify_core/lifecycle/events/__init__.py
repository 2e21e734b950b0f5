"""Events: what a host is told of its accounts, how it reads them, and what becomes of those it could not handle."""

from __future__ import annotations

from ._dead_letters import dead_letters
from ._delivery import DeliveryReport, DeliveryVerdict, RetryPolicy
from ._dispatch import Dispatcher
from ._event import Event, EventType
from ._event_schema import event_schema
from ._parking import DeadLetter
from ._subscription import Subscription
from ._trimming import forget_consumer, trim_journal

__all__ = [
    "DeadLetter",
    "DeliveryReport",
    "DeliveryVerdict",
    "Dispatcher",
    "Event",
    "EventType",
    "RetryPolicy",
    "Subscription",
    "dead_letters",
    "event_schema",
    "forget_consumer",
    "trim_journal",
]
