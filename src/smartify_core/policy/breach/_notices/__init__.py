"""Notices: what is stated once and becomes what each customer reads."""

from __future__ import annotations

from ._locales import Locales
from ._notices import Notices
from ._rehearsing import rehearsal_message
from ._templates import NoticeTemplate

__all__ = ["Locales", "NoticeTemplate", "Notices", "rehearsal_message"]
