"""The port: whatever runs the questions."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ._answers import Answer, Coverage


@runtime_checkable
class Engine(Protocol):
    """Runs the questions of `QUESTIONS` over one request log.

    Attributes:
        offset: Minutes that its hours and days are ahead of UTC.
        since: Where its period begins, in seconds since 1970 UTC; None for the first event.
        until: Where its period ends, exclusive; None for the last event.
    """

    @property
    def offset(self) -> int: ...

    @property
    def since(self) -> int | None: ...

    @property
    def until(self) -> int | None: ...

    def ask(self, name: str, **parameters: Any) -> Answer:  # noqa: ANN401 - every question has its own; they are checked
        """Answer a question.

        Args:
            name: A name in `QUESTIONS`.
            parameters: What the question takes.

        Raises:
            UsageError: There is no such question, or a parameter is none of its.
        """
        ...

    def coverage(self) -> Coverage:
        """Return what the answers rest on, and what they miss."""
        ...
