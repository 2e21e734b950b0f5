"""The port where events go."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from smartify_core.requestlog._event._note import Record


@runtime_checkable
class Sink(Protocol):
    """Takes events from requests and keeps them somewhere, without ever being felt by a request.

    The contract is in ``docs/reference/sink-contract.md``; `smartify_core.testing.conformance` proves it.
    """

    def put(self, record: Record) -> None:
        """Take a record, from any thread or event loop.

        Does no input or output in the caller, waits for nothing and never raises. A sink is bounded: what does not fit
        is dropped, counted, and told in a note of kind ``dropped`` as soon as something can be written.
        """
        ...

    def flush(self, timeout: float = 5.0) -> bool:
        """Return whether everything that was put before this call was written within ``timeout`` seconds."""
        ...

    def close(self, timeout: float = 5.0) -> None:
        """Flush, and take no more. What is put afterwards is dropped. Safe to call twice."""
        ...
