"""What proves a host's logs clean, for the tests of whoever keeps a request log.

- `Canary` plants secrets in requests to an application, and fails where one of them was written.
- `assert_header_only` fails on anything in a log that a request's header does not say.
- `MemorySink` keeps records in memory, for looking at them.
"""

from __future__ import annotations

from ._canary import Canary, CanaryError
from ._hygiene import assert_header_only
from ._memory_sink import MemorySink

__all__ = ["Canary", "CanaryError", "MemorySink", "assert_header_only"]
