"""The way of notices to their recipients: spread, delivered, escalated and acknowledged."""

from __future__ import annotations

from ._courier import Courier
from ._progress import NoticePlace
from ._tally import CourierRun

__all__ = ["Courier", "CourierRun", "NoticePlace"]
