"""Asking again: when, how long to wait, and when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import TypeVar

from attrs import field, frozen

from smartify_core.errors import SourceError, SourceMalformed, SourceUnavailable

from ._limits import Limits
from ._verdict import Kind, Verdict

T = TypeVar("T")


class RetryableError(Exception):
    """Internal: an attempt that may be made again. Never leaves the adapter.

    Args:
        verdict: ``AGAIN`` or ``GARBLED``.
        after: Seconds that the server asked to be left alone, if it did.
    """

    def __init__(self, verdict: Verdict, after: float | None = None) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict
        self.after = after


class DeclinedError(Exception):
    """Internal: a clear answer that is no success: ``INVALID``, ``MISSING`` or ``REFUSED``.

    The caller knows what it means. Never leaves the adapter.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


class ClosingError(Exception):
    """Internal: the read is being closed; whatever was under way ends here."""


def wait_before(attempt: int, limits: Limits, chance: float, after: float | None = None) -> float:
    """Return how many seconds to wait before the next attempt. Pure.

    Args:
        attempt: Which attempt failed, from 1.
        limits: Base and caps.
        chance: A random number in [0, 1).
        after: What ``Retry-After`` asked for, if it was there.
    """
    wait = min(limits.backoff_cap, limits.backoff_base * 2.0 ** min(attempt - 1, 60)) + chance * limits.backoff_base
    return wait if after is None else max(wait, min(after, limits.retry_after_cap))


@frozen(order=False)
class Persistence:
    """Makes attempts until one succeeds.

    Args:
        limits: How many attempts, and until when.
        pause: Waits so many seconds; raises to end everything when the read is being closed.
        random: Where the random part of a wait comes from.
        monotonic: A clock in seconds that never goes back.
    """

    limits: Limits
    pause: Callable[[float], None]
    random: Callable[[], float] = field(factory=lambda: Random().random)  # noqa: S311 - jitter, not a secret
    monotonic: Callable[[], float] = time.monotonic

    def run(self, attempt: Callable[[], T], where: str) -> T:
        """Return what ``attempt`` returns, asking again while it raises `RetryableError`.

        Args:
            attempt: One request.
            where: The API method, for errors.

        Raises:
            SourceUnavailable: Out of attempts or time; the last answer was no answer, or asked for patience.
            SourceMalformed: Out of attempts or time; the last answer was not the protocol.
        """
        begun = self.monotonic()
        made = 0
        while True:
            made += 1
            try:
                return attempt()
            except RetryableError as failed:
                verdict, after = failed.verdict, failed.after
            wait = wait_before(made, self.limits, self.random(), after)
            if made >= self.limits.attempts or self.monotonic() + wait - begun > self.limits.deadline:
                raise exhausted(verdict, where, made) from None
            self.pause(wait)


def exhausted(verdict: Verdict, where: str, attempts: int) -> SourceError:
    """Return the error for a request that was given up after ``attempts``."""
    times = "once" if attempts == 1 else f"{attempts} times"
    if verdict.kind is Kind.GARBLED:
        return SourceMalformed(
            f"Google's answer is not its protocol; asked {times}, the last answer was {verdict.text}",
            where=where,
            cure="Check that api_endpoint and token_uri are Google's and that no proxy answers in its place, "
            "or try again later.",
        )
    return SourceUnavailable(
        f"Google did not answer; asked {times}, the last answer was {verdict.text}",
        where=where,
        cure="Try again later; nothing was concluded.",
    )
