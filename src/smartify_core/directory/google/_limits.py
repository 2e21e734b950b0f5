"""How fast and how stubbornly the adapter asks, within Google's published limits.

Source of the defaults: the Directory API's "Limits and quotas" guide: 2,400 queries per minute per user per project; a
limit on *concurrent* requests per Workspace account that cannot be raised; back off by ``2**n`` seconds plus up to one
second, n = 0 to 4.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import Attribute, field, frozen

from smartify_core.errors import UsageError

#: Requests are counted over this many seconds: a minute, and a second for the jitter of the network between our clock
#: and Google's.
_WINDOW = 61.0


#: More than this of anything is a slip of the pen.
_MOST = 1_000_000


def _at_least(least: float) -> Callable[[Limits, Attribute[Any], object], None]:
    def check(_: Limits, attribute: Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
            raise UsageError(f"{attribute.name} must be a number of at least {least:g}", where="Limits")

    return check


def _count(least: int) -> Callable[[Limits, Attribute[Any], object], None]:
    def check(_: Limits, attribute: Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
            raise UsageError(
                f"{attribute.name} must be a whole number of at least {least} and at most {_MOST}", where="Limits"
            )

    return check


@frozen(order=False)
class Limits:
    """How fast and how stubbornly to ask. The defaults are within Google's published limits.

    Several processes that share one Google Cloud project must share its quota: give each its part of
    ``requests_per_minute``.

    Args:
        requests_per_minute: The most that goes out in any 60 seconds, for all directories of one Google Cloud project
            in this process together.
        burst: How many requests may go out at once before they are spaced evenly (``requests_per_minute / 60`` a
            second). Never lifts ``requests_per_minute``.
        concurrency: How many requests of one directory are under way at once. Google limits this per customer account.
        attempts: How often one request is tried in all.
        deadline: Seconds after which no further attempt at one request begins.
        backoff_base: Seconds to wait before the second attempt, doubled each time; a random part of up to as many
            seconds is added.
        backoff_cap: The longest such wait, in seconds, before the random part.
        retry_after_cap: The longest that a ``Retry-After`` header is obeyed, in seconds.
        response_seconds: How long one answer may take from its first byte to its last. Google's take a second or two;
            a server that sends a byte now and then would otherwise be listened to for ever.
        listing_pages: How many pages one listing may have, so that one whose pages always name another has an end. A
            page holds up to 500 people, or 200 groups or members.

    Raises:
        UsageError: A figure that makes no sense.
    """

    requests_per_minute: int = field(default=2400, validator=_count(1))
    burst: int = field(default=1200, validator=_count(1))
    concurrency: int = field(default=10, validator=_count(1))
    attempts: int = field(default=6, validator=_count(1))
    deadline: float = field(default=300.0, validator=_at_least(0))
    backoff_base: float = field(default=1.0, validator=_at_least(0))
    backoff_cap: float = field(default=32.0, validator=_at_least(0))
    retry_after_cap: float = field(default=60.0, validator=_at_least(0))
    response_seconds: float = field(default=300.0, validator=_at_least(0.001))
    listing_pages: int = field(default=100_000, validator=_count(1))


class RateLimiter:
    """Spaces requests so that no 60 seconds see more than ``requests_per_minute``.

    Thread-safe; first come, first served. Each caller is given the earliest instant at which its request may go, and
    sleeps until then outside the lock. Two rules make that instant: a bucket of ``burst`` requests that fills at
    ``requests_per_minute / 60`` a second, and a log of the last ``requests_per_minute`` instants, which keeps a full
    burst on top of the even flow from passing the quota.

    Args:
        requests_per_minute: The quota.
        burst: How many may go at once.
        monotonic: A clock in seconds that never goes back.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        requests_per_minute: int = Limits().requests_per_minute,
        *,
        burst: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        limits = Limits(
            requests_per_minute=requests_per_minute, burst=max(1, requests_per_minute // 2) if burst is None else burst
        )
        self._spacing = 60.0 / limits.requests_per_minute
        self._slack = (limits.burst - 1) * self._spacing
        self._monotonic = monotonic
        self._sleep = sleep or threading.Event().wait
        self._lock = threading.Lock()
        self._gone: deque[float] = deque(maxlen=limits.requests_per_minute)
        self._full_at = float("-inf")

    def reserve(self) -> float:
        """Take the next place and return how many seconds the caller must wait before it sends; 0 for none."""
        with self._lock:
            now = self._monotonic()
            instant = max(now, self._full_at - self._slack)
            if len(self._gone) == self._gone.maxlen:
                instant = max(instant, self._gone[0] + _WINDOW)
            self._gone.append(instant)
            self._full_at = max(self._full_at, instant) + self._spacing
            return instant - now

    def acquire(self, sleep: Callable[[float], object] | None = None) -> None:
        """Wait until one request may go.

        Args:
            sleep: Waits in place of the limiter's own, so that a caller can be interrupted.
        """
        seconds = self.reserve()
        if seconds > 0:
            (sleep or self._sleep)(seconds)


_shared: weakref.WeakValueDictionary[tuple[str | None, int, int], RateLimiter] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def limiter_of(project: str | None, limits: Limits) -> RateLimiter:
    """Return the rate limiter that directories of one Google Cloud project and budget share in this process.

    Args:
        project: The project's id; ``None`` where the credentials name none, which makes all such directories share one,
            to be safe.
        limits: The budget. A host that gives directories of one project different figures divides the quota by hand.
    """
    key = (project, limits.requests_per_minute, limits.burst)
    with _shared_lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = RateLimiter(limits.requests_per_minute, burst=limits.burst)
        return found
