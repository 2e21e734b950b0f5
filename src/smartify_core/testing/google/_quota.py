"""Limits on rate and concurrency, as Google sets them."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Literal

from attrs import define, field, frozen

from smartify_core.testing.google._answers import Answer, error_answer

_MINUTE = timedelta(minutes=1)


@frozen
class Quota:
    """What one customer's readers may use up.

    Attributes:
        per_minute: Queries in any 60 seconds for one user and project; ``None`` for no limit. Google's default is
            2,400. With domain-wide delegation the user is the delegated administrator, or whatever ``quotaUser``
            says.
        concurrent: Queries at the same time for one customer account, whoever asks; ``None`` for no limit. Google
            publishes no number.
        concurrent_answer: Which of the two documented refusals the second limit gives: 403 ``quotaExceeded`` or 429
            ``rateLimitExceeded``.
    """

    per_minute: int | None = 2400
    concurrent: int | None = None
    concurrent_answer: Literal["quotaExceeded", "rateLimitExceeded"] = "quotaExceeded"


def quota_exceeded() -> Answer:
    """Return the 403 for too many requests at the same time."""
    return error_answer(403, "quotaExceeded", "Request rate higher than configured.", domain="usageLimits")


def too_many_requests() -> Answer:
    """Return the 429 for too many requests at the same time for one account."""
    return error_answer(429, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")


def user_rate_limit() -> Answer:
    """Return the 403 for too many requests in a minute."""
    return error_answer(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")


@define
class Meter:
    """Counts what was used, and refuses what is over the quota. Refused calls are not counted."""

    quota: Quota | None
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _recent: dict[str, deque[datetime]] = field(factory=dict, init=False)
    _running: dict[str, int] = field(factory=dict, init=False)

    def rate(self, spender: str, now: datetime) -> Answer | None:
        """Count one call by ``spender`` (user and project), or return the refusal."""
        if self.quota is None or self.quota.per_minute is None:
            return None
        with self._lock:
            recent = self._recent.setdefault(spender, deque())
            while recent and now - recent[0] >= _MINUTE:
                recent.popleft()
            if len(recent) >= self.quota.per_minute:
                return user_rate_limit()
            recent.append(now)
            return None

    def enter(self, customer_id: str) -> Answer | None:
        """Count one call as running for ``customer_id``, or return the refusal. :meth:`leave` ends every ``None``."""
        with self._lock:
            running = self._running.get(customer_id, 0)
            if self.quota is not None and self.quota.concurrent is not None and running >= self.quota.concurrent:
                return quota_exceeded() if self.quota.concurrent_answer == "quotaExceeded" else too_many_requests()
            self._running[customer_id] = running + 1
            return None

    def leave(self, customer_id: str) -> None:
        """Count one call as done."""
        with self._lock:
            self._running[customer_id] -= 1
