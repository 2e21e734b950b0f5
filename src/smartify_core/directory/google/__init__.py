"""A Google Workspace account as a directory source, through Google's own client library.

``docs/how-to/connect-google.md`` tells how to connect one.

Importing this package is cheap; googleapiclient and google-auth are loaded with the first `GoogleDirectory`.
"""

from __future__ import annotations

from ._directory import GoogleDirectory
from ._limits import Limits, RateLimiter
from ._snapshot import GoogleSnapshot
from ._wire import SCOPES

__all__ = ["SCOPES", "GoogleDirectory", "GoogleSnapshot", "Limits", "RateLimiter"]
