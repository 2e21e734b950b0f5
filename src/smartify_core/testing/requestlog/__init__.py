"""What proves a host's logs clean, for the tests of whoever keeps a request log.

- `Canary` plants secrets in requests to an application, and fails where one of them was written.
- `assert_header_only` fails on anything in a log that a request's header does not say.
- `MemorySink` keeps records in memory, for looking at them.
- `synthetic_log` writes a log of any size that looks like a real one, for trying out reports and alarms.
"""

from __future__ import annotations

from ._canary import Canary, CanaryError
from ._hygiene import assert_header_only
from ._memory_sink import MemorySink
from ._synthetic import SyntheticLog, synthetic_log

__all__ = [
    "Canary",
    "CanaryError",
    "MemorySink",
    "SyntheticLog",
    "assert_header_only",
    "synthetic_log",
]
