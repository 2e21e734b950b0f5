"""What proves a host's logs clean, for the tests of whoever keeps a request log.

- `assert_header_only` fails on anything in a log that a request's header does not say.
- `MemorySink` keeps records in memory, for looking at them.
"""

from __future__ import annotations

from ._hygiene import assert_header_only
from ._memory_sink import MemorySink

__all__ = ["MemorySink", "assert_header_only"]
