"""The report: everything that the request log tells, as one file that needs no network and no script."""

from __future__ import annotations

from ._report import report

__all__ = ["report"]
